// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: domains.  A memfd of fixed size, most of which never gets any
 * memory.  It can be inherited and passed on like the module's descriptor; who
 * has it is known by its size, its seals and its header.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "futex.h"

#define MAGIC		0x636e7973U
#define LAYOUT		1
#define MAX_OBJECTS	0x100000U
#define ARENA_SIZE	((uint64_t)MAX_OBJECTS * KSYNC_CELL_SIZE)
#define SEALS		(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Nobody else has it yet. */
static int prepare(int fd)
{
	const struct ksync_futex_header h = {
		.magic = MAGIC,
		.abi = KSYNC_ABI,
		.layout = LAYOUT,
		.max_objects = MAX_OBJECTS,
		.end = 1,
	};

	if (ftruncate(fd, 2 * ARENA_SIZE) ||
	    pwrite(fd, &h, sizeof(h), ARENA_SIZE) != sizeof(h) ||
	    fcntl(fd, F_ADD_SEALS, SEALS))
		return -errno;
	return 0;
}

/** ksync_futex_open() - a new domain's descriptor, or a negative errno */
int ksync_futex_open(void)
{
	const int saved = errno;
	int fd = memfd_create("ksync", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ret = fd < 0 ? -errno : prepare(fd);

	if (ret && fd >= 0)
		close(fd);
	errno = saved;
	return ret ? ret : fd;
}

static bool looks_like_one(int fd)
{
	struct stat st;

	return fcntl(fd, F_GET_SEALS) == SEALS && !fstat(fd, &st) &&
	       (uint64_t)st.st_size == 2 * ARENA_SIZE;
}

/**
 * ksync_futex_map() - map a domain, if it is one of futexes
 * @d: @fd is set
 *
 * Return: 0; -ENOTTY (it is none), -EPROTO (another version's), -ENOMEM.
 */
int ksync_futex_map(struct ksync *d)
{
	const struct ksync_futex_header *h;
	char *p;
	int ret = -EPROTO;

	if (!looks_like_one(d->fd))
		return -ENOTTY;
	p = mmap(NULL, 2 * ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		 d->fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	h = (struct ksync_futex_header *)(p + ARENA_SIZE);
	if (h->magic != MAGIC)
		ret = -ENOTTY;
	else if (h->abi == KSYNC_ABI && h->layout == LAYOUT && h->max_objects == MAX_OBJECTS)
		ret = 0;
	if (ret) {
		munmap(p, 2 * ARENA_SIZE);
		return ret;
	}
	d->cells = (struct ksync_cell *)p;
	d->shadow = (struct ksync_shadow *)(p + ARENA_SIZE);
	d->arena_size = ARENA_SIZE;
	return 0;
}

/** ksync_futex_unmap() - undo that */
void ksync_futex_unmap(struct ksync *d)
{
	munmap(d->cells, 2 * ARENA_SIZE);
}
