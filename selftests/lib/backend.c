// SPDX-License-Identifier: GPL-2.0
/*
 * The library's domains by their descriptors.  A domain is known by its inode,
 * which stays in use while it is known: descriptors are closed and used again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/ksync.h>
#include "backend.h"
#include "raw.h"

/* 32-bit programs are built without the library, and need the module. */
#ifdef WITHOUT_LIBRARY

bool backend_is_futex(void)
{
	return false;
}

int backend_open(void)
{
	const int fd = open(KSYNC_DEVICE, O_RDWR);

	return fd < 0 ? -errno : fd;
}

int backend_call(int fd, unsigned long cmd, void *arg)
{
	(void)fd;
	(void)cmd;
	(void)arg;
	return -EOPNOTSUPP;
}

#else

#include <ksync.h>

#define KNOWN 256

static struct {
	ino_t inode;
	struct ksync *domain;
} known[KNOWN];
static unsigned int nr_known;

bool backend_is_futex(void)
{
	const char *name = getenv("KSYNC_BACKEND");

	return name && !strcmp(name, "futex");
}

int backend_open(void)
{
	struct ksync *d;
	int ret;

	if (!backend_is_futex()) {
		ret = open(KSYNC_DEVICE, O_RDWR);
		return ret < 0 ? -errno : ret;
	}
	ret = ksync_open(&d, 0);
	return ret ? ret : dup(ksync_fileno(d));
}

static struct ksync *look_up(ino_t inode)
{
	unsigned int i;

	for (i = 0; i < KNOWN; i++)
		if (__atomic_load_n(&known[i].inode, __ATOMIC_ACQUIRE) == inode)
			return known[i].domain;
	return NULL;
}

/*
 * Tasks of all kinds come here, which share the table or have a copy, made at any
 * moment: there is no lock.  That one is known twice does no harm.
 */
static int adopt(int fd, ino_t inode, struct ksync **d)
{
	unsigned int i;
	int ret;

	ret = ksync_adopt(d, fcntl(fd, F_DUPFD_CLOEXEC, 100));
	if (ret)
		return ret;
	i = __atomic_fetch_add(&nr_known, 1, __ATOMIC_RELAXED);
	if (i >= KNOWN)
		return -ENOSPC;
	known[i].domain = *d;
	__atomic_store_n(&known[i].inode, inode, __ATOMIC_RELEASE);
	return 0;
}

static int find(int fd, struct ksync **d)
{
	struct stat st;

	if (fstat(fd, &st))
		return -EBADF;
	*d = look_up(st.st_ino);
	return *d ? 0 : adopt(fd, st.st_ino, d);
}

int backend_call(int fd, unsigned long cmd, void *arg)
{
	struct ksync *d;
	int ret = find(fd, &d);

	return ret ? ret : ksync_call_(d, cmd, arg);
}

#endif /* WITHOUT_LIBRARY */

bool backend_has(uint64_t features)
{
	struct ksync_info info = { 0 };
	const int fd = raw_open();
	const int ret = raw_info(fd, &info);

	close(fd);
	return !ret && (info.features & features) == features;
}

uint32_t backend_word(uint32_t word)
{
	return backend_is_futex() ? word & ~KSYNC_WAITERS : word;
}
