// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * An io_uring of one thread.
 *
 *	thread				kernel
 *	writes an sqe			writes a cqe
 *	sq_tail (release)	[a]	cq_tail (release)	[c]
 *	...				...
 *	cq_tail (acquire)	[c']	sq_tail (acquire)	[a']
 *	reads the cqe			reads the sqe
 *	cq_head (release)		sq_head (release)
 *
 * The array of indices is filled once: entry i is sqe i.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "internal.h"
#include "uring.h"

/* Headers of 6.0 and before lack them. */
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER	0x1000U
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN	0x2000U
#endif

/* Without the second, completions interrupt whatever the thread does: from 6.1 on. */
static const uint32_t setups[] = {
	IORING_SETUP_CLAMP | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	IORING_SETUP_CLAMP,
};

static void map(struct uring *u, const struct io_uring_params *p)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);

	u->rings_size = sq > cq ? sq : cq;
	u->rings = mmap(NULL, u->rings_size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_POPULATE, u->fd, IORING_OFF_SQ_RING);
	u->sqes_size = p->sq_entries * sizeof(struct io_uring_sqe);
	u->sqes = mmap(NULL, u->sqes_size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, u->fd, IORING_OFF_SQES);
}

static void find_parts(struct uring *u, const struct io_uring_params *p)
{
	char *at = u->rings;
	uint32_t i, *array = (uint32_t *)(at + p->sq_off.array);

	u->sq_head = (uint32_t *)(at + p->sq_off.head);
	u->sq_tail = (uint32_t *)(at + p->sq_off.tail);
	u->cq_head = (uint32_t *)(at + p->cq_off.head);
	u->cq_tail = (uint32_t *)(at + p->cq_off.tail);
	u->sq_mask = p->sq_entries - 1;
	u->cq_mask = p->cq_entries - 1;
	u->cqes = (struct io_uring_cqe *)(at + p->cq_off.cqes);
	u->filled = 0;
	for (i = 0; i < p->sq_entries; i++)
		array[i] = i;
}

/**
 * ksync_uring_open() - make one, for the calling thread
 * @u: set up
 * @entries: that can be submitted at a time
 *
 * Return: 0; a negative errno: there is no io_uring here, or it is not allowed.
 */
int ksync_uring_open(struct uring *u, uint32_t entries)
{
	struct io_uring_params p;
	size_t i;

	u->fd = -1;
	for (i = 0; i < ARRAY_SIZE(setups) && u->fd < 0; i++) {
		p = (struct io_uring_params){ .flags = setups[i] };
		u->fd = syscall(SYS_io_uring_setup, entries, &p);
	}
	if (u->fd < 0)
		return -errno;
	if (!(p.features & IORING_FEAT_SINGLE_MMAP) || !(p.features & IORING_FEAT_NODROP)) {
		close(u->fd);
		return -ENOSYS;
	}
	map(u, &p);
	if (u->rings == MAP_FAILED || u->sqes == MAP_FAILED) {
		ksync_uring_close(u);
		return -ENOMEM;
	}
	find_parts(u, &p);
	return 0;
}

/** ksync_uring_has() - does the kernel know this operation? */
bool ksync_uring_has(const struct uring *u, uint8_t opcode)
{
	struct io_uring_probe *probe;
	bool has = false;

	probe = calloc(1, sizeof(*probe) + (opcode + 1) * sizeof(probe->ops[0]));
	if (!probe)
		return false;
	if (!syscall(SYS_io_uring_register, u->fd, IORING_REGISTER_PROBE, probe, opcode + 1) &&
	    probe->last_op >= opcode)
		has = probe->ops[opcode].flags & IO_URING_OP_SUPPORTED;
	free(probe);
	return has;
}

void ksync_uring_close(struct uring *u)
{
	if (u->rings != MAP_FAILED)
		munmap(u->rings, u->rings_size);
	if (u->sqes != MAP_FAILED)
		munmap(u->sqes, u->sqes_size);
	close(u->fd);
}

/** ksync_uring_enter() - submit what is filled, and wait for @wait completions */
int ksync_uring_enter(struct uring *u, uint32_t wait)
{
	long ret = syscall(SYS_io_uring_enter, u->fd, u->filled, wait,
			   IORING_ENTER_GETEVENTS, NULL, 0);

	if (ret < 0)
		return -errno;
	u->filled -= ret;
	return 0;
}

/** ksync_uring_sqe() - an entry, empty; NULL: the kernel takes none */
struct io_uring_sqe *ksync_uring_sqe(struct uring *u)
{
	uint32_t tail = *u->sq_tail;
	struct io_uring_sqe *sqe;

	while (tail - load_acquire(u->sq_head) > u->sq_mask)
		if (ksync_uring_enter(u, 0) == -EBADF)
			return NULL;
	sqe = &u->sqes[tail & u->sq_mask];
	*sqe = (struct io_uring_sqe){ .opcode = IORING_OP_NOP };
	store_release(u->sq_tail, tail + 1); /* a: read when it is submitted, not before */
	u->filled++;
	return sqe;
}

/** ksync_uring_cqe() - the next completion, or NULL */
struct io_uring_cqe *ksync_uring_cqe(struct uring *u)
{
	uint32_t head = *u->cq_head;

	if (head == load_acquire(u->cq_tail)) /* c' */
		return NULL;
	return &u->cqes[head & u->cq_mask];
}

void ksync_uring_seen(struct uring *u)
{
	store_release(u->cq_head, *u->cq_head + 1);
}
