// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Buffers of which one is picked when data comes, not when it is waited for: a thousand
 * connections that are silent need none.
 *
 * The kernel takes them from a ring that is shared with it (IORING_REGISTER_PBUF_RING,
 * 5.19).  Without it an operation gets its buffer when it starts, and keeps it until data
 * comes: as many buffers as connections are needed then.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "proactor.h"

static char *pages(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static size_t ring_size(const struct ksync_buffers *b)
{
	return b->n * sizeof(struct io_uring_buf);
}

static void give(struct ksync_buffers *b, uint32_t i)
{
	if (!b->ring) {
		b->free[b->nfree++] = i;
		return;
	}
	io_uring_buf_ring_add(b->ring, b->base + (size_t)i * b->size, b->size, i,
			      io_uring_buf_ring_mask(b->n), 0);
	io_uring_buf_ring_advance(b->ring, 1);
}

/* Return: 0; -EINVAL: this kernel has none. */
static int make_ring(struct ksync_buffers *b)
{
	struct io_uring_buf_reg reg = { .ring_entries = b->n, .bgid = b->group };
	struct io_uring_buf_ring *ring;
	int ret;

	if (b->p->no_rings)
		return -EINVAL;
	ring = (void *)pages(ring_size(b));
	if (!ring)
		return -ENOMEM;
	io_uring_buf_ring_init(ring);
	reg.ring_addr = (uintptr_t)ring;
	ret = io_uring_register_buf_ring(&b->p->ring, &reg, 0);
	if (ret) {
		munmap(ring, ring_size(b));
		return ret;
	}
	b->ring = ring;
	return 0;
}

static void free_all(struct ksync_buffers *b)
{
	if (b->base)
		munmap(b->base, (size_t)b->n * b->size);
	free(b->free);
	free(b);
}

static int fill(struct ksync_buffers *b)
{
	uint32_t i;
	int ret;

	b->base = pages((size_t)b->n * b->size);
	if (!b->base)
		return -ENOMEM;
	ret = make_ring(b);
	if (ret == -EINVAL) {
		b->p->no_rings = true;
		b->free = calloc(b->n, sizeof(*b->free));
		ret = b->free ? 0 : -ENOMEM;
	}
	for (i = 0; !ret && i < b->n; i++)
		give(b, i);
	return ret;
}

EXPORT int ksync_buffers_create(struct ksync_loop *l, struct ksync_buffers **out, uint32_t n,
				uint32_t size)
{
	struct proactor *p = proactor(l);
	struct ksync_buffers *b;
	int ret;

	if (!ksync_is_proactor(l) || !n || n > 32768 || n & (n - 1) || !size ||
	    size > INT32_MAX)
		return -EINVAL;
	if (p->groups > UINT16_MAX)
		return -ENOSPC;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->p = p;
	b->n = n;
	b->size = size;
	b->group = p->groups++;
	ret = fill(b);
	if (ret) {
		free_all(b);
		return ret;
	}
	*out = b;
	return 0;
}

EXPORT void ksync_buffers_return(struct ksync_buffers *b, void *buffer)
{
	give(b, ((char *)buffer - b->base) / b->size);
}

EXPORT void ksync_buffers_destroy(struct ksync_buffers *b)
{
	if (b->ring) {
		io_uring_unregister_buf_ring(&b->p->ring, b->group);
		munmap(b->ring, ring_size(b));
	}
	free_all(b);
}

/** ksync_buffer_choose() - which one @op is to use: its SQE. -ENOBUFS: none is free */
int ksync_buffer_choose(struct ksync_buffers *b, struct ksync_op *op)
{
	struct io_uring_sqe *sqe = op_sqe(op);

	op->time_[0] = -1;
	if (b->ring) {
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = b->group;
		return 0;
	}
	if (!b->nfree)
		return -ENOBUFS;
	op->time_[0] = b->free[--b->nfree];
	sqe->addr = (uintptr_t)b->base + (size_t)op->time_[0] * b->size;
	sqe->len = b->size;
	return 0;
}

/** ksync_buffer_taken() - @op has said something: is there data in one? */
void ksync_buffer_taken(struct ksync_buffers *b, struct ksync_op *op, uint32_t flags)
{
	int64_t i = op->time_[0];

	if (flags & IORING_CQE_F_BUFFER)
		i = flags >> IORING_CQE_BUFFER_SHIFT;
	op->time_[0] = -1;
	if (!b->ring && i < 0)
		op->res = -ENOBUFS;
	if (i < 0)
		return;
	if (op->res > 0)
		op->buffer = b->base + (size_t)i * b->size;
	else
		give(b, i);
}
