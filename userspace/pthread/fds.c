// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Our file descriptors among the program's: out of its way, at high numbers, and
 * proof against programs that close all that they do not know.  The number counts as
 * one that is not open; only dup2() to it moves us away.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "dropin.h"
#include "real.h"

#define HIGH	1000
#define ROOM	32

/**
 * fd_hide() - move a file descriptor to where it is in nobody's way
 * @fd: to be moved
 * @inherited: over execve(2)
 *
 * Return: the new one; @fd if there is no room.
 */
int fd_hide(int fd, bool inherited)
{
	struct rlimit limit = { .rlim_cur = HIGH };
	int low = HIGH, moved;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < HIGH + ROOM)
		low = limit.rlim_cur > 2 * ROOM ? limit.rlim_cur - ROOM :
			limit.rlim_cur / 2;
	moved = syscall(SYS_fcntl, fd, inherited ? F_DUPFD : F_DUPFD_CLOEXEC, low);
	if (moved < 0)
		return fd;
	syscall(SYS_close, fd);
	return moved;
}

/* A domain whose descriptor this is; NULL if it is the program's. */
static struct ksync *domain_of(int fd)
{
	if (own_domain.cells && own_domain.fd == fd)
		return &own_domain;
	if (shared_domain.cells && shared_domain.fd == fd)
		return &shared_domain;
	return NULL;
}

/*
 * A program in a tree started by ksync-run may pass on what it has not used itself.
 * Return: its number, -1 if it was not inherited.  Programs may change their
 * environment: it counts what it was at first.
 */
static int inherited_fd(void)
{
	static int number = -2;
	int found = __atomic_load_n(&number, __ATOMIC_RELAXED);
	struct ksync_info info = { .size = sizeof(info) };
	const char *text;

	if (unlikely(found == -2)) {
		text = secure_getenv("KSYNC_FD");
		found = text ? atoi(text) : -1;
		if (ksync_ioctl(found, KSYNC_IOC_INFO, &info))
			found = -1;
		__atomic_store_n(&number, found, __ATOMIC_RELAXED);
	}
	return found;
}

static bool is_ours(int fd)
{
	return fd >= 0 && (domain_of(fd) || (tracing && fd == trace_output) ||
			   fd == inherited_fd());
}

static void move_away(int fd)
{
	struct ksync *d = domain_of(fd);
	int moved;

	if (!d)
		return;
	moved = syscall(SYS_fcntl, fd, d == &own_domain ? F_DUPFD_CLOEXEC : F_DUPFD,
			fd + 1);
	if (moved < 0)
		moved = syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);
	if (moved < 0)
		die("file descriptor %d is ksync's, and no other is free: raise 'ulimit -n'", fd);
	__atomic_store_n(&d->fd, moved, __ATOMIC_RELEASE);
}

KSYNC_EXPORT int close(int fd)
{
	if (unlikely(is_ours(fd))) {
		errno = EBADF;
		return -1;
	}
	return REAL(close)(fd);
}

KSYNC_EXPORT int dup2(int from, int to)
{
	if (from != to)
		move_away(to);
	return REAL(dup2)(from, to);
}

KSYNC_EXPORT int dup3(int from, int to, int flags)
{
	if (from != to)
		move_away(to);
	return REAL(dup3)(from, to, flags);
}

/* The lowest of ours in a range; UINT_MAX if there is none. */
static unsigned int first_of_ours(unsigned int first, unsigned int last)
{
	const unsigned int candidates[] = {
		own_domain.cells ? (unsigned int)own_domain.fd : UINT32_MAX,
		shared_domain.cells ? (unsigned int)shared_domain.fd : UINT32_MAX,
		inherited_fd() >= 0 ? (unsigned int)inherited_fd() : UINT32_MAX,
		tracing ? (unsigned int)trace_output : UINT32_MAX,
	};
	unsigned int found = UINT32_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++)
		if (candidates[i] >= first && candidates[i] <= last &&
		    candidates[i] < found)
			found = candidates[i];
	return found;
}

KSYNC_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	unsigned int ours;
	int ret;

	if (first > last)
		return REAL(close_range)(first, last, flags);
	while (first <= last) {
		ours = first_of_ours(first, last);
		if (ours == UINT32_MAX)
			break;
		if (ours > first) {
			ret = REAL(close_range)(first, ours - 1, flags);
			if (ret)
				return ret;
		}
		first = ours + 1;
	}
	return first > last ? 0 : REAL(close_range)(first, last, flags);
}

KSYNC_EXPORT void closefrom(int first)
{
	close_range(first < 0 ? 0 : first, UINT32_MAX, 0);
}
