// SPDX-License-Identifier: GPL-2.0
/*
 * Reading /proc/ksync and fdinfo while memory is short and copies to user memory
 * fail: see fault_test.  Who reads again gets all of it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/ksft.h"
#include "lib/sys.h"

static int read_all(const char *path, char *text, size_t size)
{
	int fd = sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	size_t at = 0;
	long n = 1;

	if (fd < 0)
		return fd;
	while (at < size - 1 && n > 0) {
		n = sys(SYS_read, fd, text + at, size - 1 - at);
		at += n > 0 ? n : 0;
	}
	text[at] = '\0';
	sys(SYS_close, fd);
	return n < 0 ? n : 0;
}

static void things_to_report(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_MUTEX, 0, &s->id[0]));
	WANT(s, 0, raw_name(s->fd, s->id[0], "reported"));
	s->partner[0] = player_start(TASK_THREAD, s->fd, s->cells);
	WANT(s, false, !s->partner[0]);
	WANT(s, 0, raw_lock(s->fd, s->id[0], s->self, 0, KSYNC_NO_DEADLINE));
	player_post(s->partner[0], step_lock, s->id[0]);
	WANT(s, 0, await_waiters(s->fd, s->id[0], 1));
}

static void report(struct fault_scene *s, const char *path)
{
	char *text = (char *)s->where;

	WANT(s, 0, read_all(path, text, FAULT_WHERE_SIZE));
	/* There is a second line. */
	text = strchr(text, '\n');
	WANT(s, true, text && text[1]);
}

static void reported(struct fault_scene *s, int ret)
{
	report(s, "/proc/ksync/domains");
	report(s, "/proc/ksync/objects");
	report(s, "/proc/ksync/threads");
	report(s, "/proc/ksync/waiters");
	WANT(s, 0, raw_unlock(s->fd, s->id[0], s->self));
	WANT(s, 0, player_result(s->partner[0]));
	WANT(s, 0, player_do(s->partner[0], step_unlock, s->id[0]));
	fault_works(s, ret);
}

#define REPORT_PATH(name)							\
static int do_read_##name(struct fault_scene *s)				\
{										\
	return read_all("/proc/ksync/" #name, (char *)s->where,			\
			FAULT_WHERE_SIZE);					\
}										\
										\
FAULT_PATH(read_##name, .prepare = things_to_report, .act = do_read_##name,	\
	   .check = reported, .errors = { -ENOMEM, -EFAULT })

REPORT_PATH(domains);
REPORT_PATH(objects);
REPORT_PATH(threads);
REPORT_PATH(waiters);

static int do_read_fdinfo(struct fault_scene *s)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", s->fd);
	return read_all(path, (char *)s->where, FAULT_WHERE_SIZE);
}

FAULT_PATH(read_fdinfo, .prepare = things_to_report, .act = do_read_fdinfo,
	   .check = reported, .errors = { -ENOMEM, -EFAULT, -ENOENT });

FAULT_NO_LEAK();

KSFT_MAIN
