// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * This process and its domains.
 *
 * The first use of any function decides, once and for all, whether the program runs
 * on ksync; a constructor may be earlier than ours, so nothing is left to that.  What
 * is done then neither allocates nor uses what it is going to replace: the first
 * use may come from inside of malloc().
 *
 * A child of fork() has objects of its own.  It opens a domain of its own when it
 * first needs one: most call execve() before that.  If it may not open the device
 * any more, it makes its objects in its parent's domain.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "dropin.h"

static struct ksync_cell none;

struct process here = { .cells = &none, .nonce = 1 };
struct ksync own_domain, shared_domain;
int process_state = UNDECIDED;

static uint32_t starting;
static int share_error = -1;

/* open() would be a cancellation point. */
static int open_device(void)
{
	int fd = syscall(SYS_openat, AT_FDCWD, KSYNC_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Zero is a reference to nothing, and the number of a domain's first object. */
static int use_up_zero(struct ksync *d)
{
	struct ksync_object first;

	return ksync_object_create(&first, d, KSYNC_KIND_WAITQ, 0);
}

static int open_own(void)
{
	struct ksync d = { 0 };
	int fd, ret;

	fd = open_device();
	if (fd < 0)
		return fd;
	fd = fd_hide(fd, false);
	ret = ksync_setup(&d, fd);
	if (!ret)
		ret = use_up_zero(&d);
	if (ret) {
		if (d.cells)
			munmap(d.cells, d.arena_size);
		syscall(SYS_close, fd);
		return ret;
	}
	if (own_domain.cells) {
		munmap(own_domain.cells, own_domain.arena_size);
		syscall(SYS_close, own_domain.fd);
	}
	own_domain = d;
	return 0;
}

/* From now on cells are looked at, so this comes last. */
static void publish(void)
{
	here.cells = own_domain.cells;
	here.serial = own_domain.serial;
	if (!tracing)
		__atomic_store_n(&here.nr, own_domain.arena_size / KSYNC_CELL_SIZE,
				 __ATOMIC_RELEASE);
}

uintptr_t random_odd(void)
{
	static uintptr_t last;
	uintptr_t value = 0;

	if (syscall(SYS_getrandom, &value, sizeof(value), GRND_NONBLOCK) < 0) {
		last = last * 6364136223846793005ULL + syscall(SYS_getpid);
		value = last;
	}
	return value | 1;
}

static int first_start(void)
{
	const char *policy = secure_getenv("KSYNC_POLICY");
	int ret;

	ret = open_own();
	if (ret) {
		tell("%s. The program runs on plain pthreads.",
		     ksync_strerror_open(ret) + sizeof("ksync: ") - 1);
		return PLAIN;
	}
	if (policy && !strcmp(policy, "strict"))
		here.policy = KSYNC_MUTEX_STRICT;
	here.nonce = random_odd();
	trace_start();
	publish();
	return READY;
}

/* Out of its parent's domain, or with new objects in it. */
static int start_again(void)
{
	open_own();
	publish();
	return READY;
}

/* Return: PLAIN or READY. */
int process_start(void)
{
	const int saved = errno;
	int state;

	guard_lock(&starting);
	state = process_state;
	if (state == UNDECIDED)
		state = first_start();
	else if (state == FORKED)
		state = start_again();
	__atomic_store_n(&process_state, state, __ATOMIC_RELEASE);
	guard_unlock(&starting);
	errno = saved;
	return state;
}

/* In the child, before it does anything else. */
void process_forked(void)
{
	starting = 0;
	if (process_state != READY)
		return;
	here.nr = 0;
	here.nonce = random_odd();
	process_state = FORKED;
}

static int adopt_shared(void)
{
	const char *text = secure_getenv("KSYNC_FD");
	char *end;
	long fd;

	if (!text)
		return -ENOENT;
	fd = strtol(text, &end, 10);
	if (end == text || *end || fd < 0 || fd > INT32_MAX)
		return -EBADF;
	return ksync_setup(&shared_domain, fd);
}

/**
 * process_share() - have the domain of this tree of processes
 *
 * Return: 0; EINVAL, after a sentence.
 */
int process_share(void)
{
	const int saved = errno;
	int ret;

	if (!__atomic_load_n(&share_error, __ATOMIC_ACQUIRE))
		return 0;
	guard_lock(&starting);
	ret = share_error;
	if (ret < 0) {
		ret = adopt_shared() ? EINVAL : 0;
		if (ret)
			tell("to share objects, processes have to inherit file %s of ksync-run",
			     secure_getenv("KSYNC_FD") ?: "KSYNC_FD");
		__atomic_store_n(&share_error, ret, __ATOMIC_RELEASE);
	}
	guard_unlock(&starting);
	errno = saved;
	return ret;
}
