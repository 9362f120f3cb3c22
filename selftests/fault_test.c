// SPDX-License-Identifier: GPL-2.0
/*
 * What is asked of a domain while memory is short, and while copies from and to
 * user memory fail: each allocation and each copy on each path fails once.  It is
 * answered with an error of the contract, or all the same; it has then happened as a
 * whole or not at all; and everything works afterwards.
 *
 * What waits is in fault_wait_test, what io_uring asks for, and how tasks come and
 * go, in fault_task_test.  That nothing leaks is told by the last test of each.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/ksft.h"
#include "lib/leak.h"
#include "lib/poller.h"
#include "lib/reader.h"
#include "lib/sys.h"

static uint32_t objects(struct fault_scene *s)
{
	struct ksync_info info;

	WANT(s, 0, raw_info(s->fd, &info));
	return info.objects;
}

static uint32_t threads(int fd)
{
	struct ksync_info info;

	return raw_info(fd, &info) ? ~0U : info.threads;
}

/* A new object can be made, used and destroyed. */
static void domain_works(struct fault_scene *s, int fd)
{
	uint32_t id, handle, was;

	WANT(s, 0, raw_attach(fd, &handle));
	WANT(s, 0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &id));
	WANT(s, 0, raw_name(fd, id, "it works"));
	WANT(s, 0, raw_lock(fd, id, handle, KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE));
	WANT(s, 0, raw_unlock(fd, id, handle));
	WANT(s, 0, raw_destroy(fd, id));
	WANT(s, 0, raw_create(fd, KSYNC_KIND_SEM, 0, &id));
	WANT(s, 0, raw_release(fd, id, 0, 1, &was));
	WANT(s, 0, raw_acquire(fd, id, 0, KSYNC_NO_DEADLINE));
	WANT(s, 0, raw_destroy(fd, id));
}

static void works(struct fault_scene *s, int ret)
{
	(void)ret;
	domain_works(s, s->fd);
}

/* Open, look. */

static int do_open(struct fault_scene *s)
{
	s->got = sys(SYS_openat, AT_FDCWD, KSYNC_DEVICE, O_RDWR | O_CLOEXEC, 0);
	return s->got < 0 ? s->got : 0;
}

static void opened(struct fault_scene *s, int ret)
{
	if (!ret) {
		domain_works(s, s->got);
		close(s->got);
	}
	works(s, ret);
}

FAULT_PATH(open, .act = do_open, .check = opened, .errors = { -ENOMEM, -EFAULT });

static int do_info(struct fault_scene *s)
{
	struct ksync_info info;

	(void)s;
	return raw_info(s->fd, &info);
}

FAULT_PATH(info, .act = do_info, .check = works, .errors = { -EFAULT });

static void named_mutex(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_PROTECT, &s->id[0]));
	WANT(s, 0, raw_name(s->fd, s->id[0], "before"));
}

static int do_query(struct fault_scene *s)
{
	struct ksync_query q;

	return raw_query(s->fd, s->id[0], &q);
}

FAULT_PATH(query, .prepare = named_mutex, .act = do_query, .check = works,
	   .errors = { -EFAULT });

/* Create, destroy. */

static int create(struct fault_scene *s, uint32_t n)
{
	s->got = n;
	return raw_create_many(s->fd, KSYNC_KIND_MUTEX, 0, s->where, n);
}

static int do_create(struct fault_scene *s)
{
	return create(s, 1);
}

/* More than a group of pages. */
#define BATCH	4000
static_assert(BATCH * sizeof(uint32_t) <= FAULT_WHERE_SIZE, "they have room");

static int do_create_batch(struct fault_scene *s)
{
	return create(s, BATCH);
}

static void created(struct fault_scene *s, int ret)
{
	uint32_t done = 0;

	WANT(s, ret ? 0 : s->got, objects(s));
	if (ret)
		WANT(s, 0, create(s, s->got));
	WANT(s, s->got, objects(s));
	WANT(s, 0, raw_destroy_many(s->fd, s->where, s->got, &done));
	WANT(s, s->got, done);
	works(s, ret);
}

FAULT_PATH(create, .act = do_create, .check = created, .errors = { -ENOMEM, -EFAULT });
FAULT_PATH(create_batch, .act = do_create_batch, .check = created,
	   .errors = { -ENOMEM, -EFAULT });

static void make_batch(struct fault_scene *s)
{
	WANT(s, 0, create(s, 200));
	WANT(s, 0, raw_name(s->fd, s->where[100], "one of them"));
	s->id[0] = raw_fd(s->fd, s->where[150], 0);
}

static int do_destroy(struct fault_scene *s)
{
	uint32_t done;

	return raw_destroy_many(s->fd, s->where, 200, &done);
}

/* That it happened may be all that is not told. */
static void destroyed(struct fault_scene *s, int ret)
{
	const uint32_t left = objects(s);
	uint32_t done;

	if (ret == -EFAULT)
		WANT(s, true, left == 0 || left == 200);
	else
		WANT(s, ret ? 200 : 0, left);
	WANT(s, left ? 0 : -EBADF, raw_destroy_many(s->fd, s->where, 200, &done));
	WANT(s, POLLHUP, poll_now(s->id[0]));
	close(s->id[0]);
	works(s, ret);
}

FAULT_PATH(destroy, .prepare = make_batch, .act = do_destroy, .check = destroyed,
	   .errors = { -ENOMEM, -EFAULT });

/* Attach: to a domain of its own, for the test is a thread of the other one. */

static void second_domain(struct fault_scene *s)
{
	s->got = raw_open();
}

static int attach(struct fault_scene *s, uint32_t flags)
{
	struct ksync_attach arg = { .size = sizeof(arg), .flags = flags };
	int ret = raw_ioctl(s->got, KSYNC_IOC_ATTACH, &arg);

	s->actor = arg.thread;
	s->id[0] = arg.slot;
	return ret;
}

static int do_attach(struct fault_scene *s)
{
	return attach(s, 0);
}

static int do_attach_slot(struct fault_scene *s)
{
	return attach(s, KSYNC_ATTACH_SLOT);
}

static int do_attach_ceiling(struct fault_scene *s)
{
	return attach(s, KSYNC_ATTACH_CEILING);
}

/* By the task itself: it can attach, once, and has what it can have. */
static void attached(struct fault_scene *s, int ret)
{
	const uint32_t before = s->actor;
	int slots = 0;

	if (ret)
		WANT(s, true, threads(s->got) <= 1);
	WANT(s, 0, attach(s, 0));
	if (!ret)
		WANT(s, before, s->actor);
	WANT(s, 1, threads(s->got));
	while (!attach(s, KSYNC_ATTACH_SLOT))
		slots++;
	WANT(s, true, slots >= KSYNC_THREAD_SLOTS_MAX - 1);
	WANT(s, 0, attach(s, KSYNC_ATTACH_CEILING));
	domain_works(s, s->got);
}

static void attached_is_over(struct fault_scene *s, int ret)
{
	close(s->got);
	works(s, ret);
}

#define ATTACH_PATH(name)							\
	FAULT_PATH(name, .prepare = second_domain, .enter = fault_stranger,	\
		   .act = do_##name, .leave = attached,				\
		   .check = attached_is_over, .errors = { -ENOMEM, -EFAULT })

ATTACH_PATH(attach);
ATTACH_PATH(attach_slot);
ATTACH_PATH(attach_ceiling);

/* Names. */

static int do_name(struct fault_scene *s)
{
	return raw_name(s->fd, s->id[0], "after");
}

static int do_unname(struct fault_scene *s)
{
	return raw_name(s->fd, s->id[0], "");
}

static void unnamed_mutex(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_MUTEX, 0, &s->id[0]));
}

static void is_named(struct fault_scene *s, const char *name)
{
	struct ksync_query q;

	WANT(s, 0, raw_query(s->fd, s->id[0], &q));
	WANT(s, 0, strcmp(q.name, name));
}

static void was_named(struct fault_scene *s, int ret)
{
	is_named(s, ret ? "mutex:0" : "after");
	WANT(s, 0, do_name(s));
	is_named(s, "after");
	works(s, ret);
}

static void was_renamed(struct fault_scene *s, int ret)
{
	is_named(s, ret ? "before" : "after");
	WANT(s, 0, do_name(s));
	works(s, ret);
}

static void was_unnamed(struct fault_scene *s, int ret)
{
	is_named(s, ret ? "before" : "mutex:0");
	WANT(s, 0, do_name(s));
	works(s, ret);
}

FAULT_PATH(name, .prepare = unnamed_mutex, .act = do_name, .check = was_named,
	   .errors = { -ENOMEM, -EFAULT });
FAULT_PATH(rename, .prepare = named_mutex, .act = do_name, .check = was_renamed,
	   .errors = { -ENOMEM, -EFAULT });
FAULT_PATH(unname, .prepare = named_mutex, .act = do_unname, .check = was_unnamed,
	   .errors = { -EFAULT });

/* Ceilings. A number that is not the first needs memory. */

static int ceiling(struct fault_scene *s, uint32_t value, uint32_t *was)
{
	struct ksync_ceiling arg = {
		.size = sizeof(arg),
		.id = s->id[0],
		.ceiling = value,
	};
	int ret = raw_ioctl(s->fd, KSYNC_IOC_CEILING, &arg);

	*was = arg.was;
	return ret;
}

static void second_mutex(struct fault_scene *s)
{
	named_mutex(s);
	named_mutex(s);
}

static int do_ceiling(struct fault_scene *s)
{
	uint32_t was;

	return ceiling(s, 20, &was);
}

static void has_ceiling(struct fault_scene *s, int ret)
{
	uint32_t was;

	WANT(s, 0, ceiling(s, 30, &was));
	if (ret == -EFAULT)
		WANT(s, true, was == 0 || was == 20);
	else
		WANT(s, ret ? 0 : 20, was);
	WANT(s, 30, s->cells[s->id[0]].limit);
	works(s, ret);
}

FAULT_PATH(ceiling, .prepare = second_mutex, .act = do_ceiling, .check = has_ceiling,
	   .errors = { -ENOMEM, -EFAULT });

static void enter_ceiling(struct fault_scene *s)
{
	struct ksync_attach arg = { .size = sizeof(arg), .flags = KSYNC_ATTACH_CEILING };

	WANT(s, 0, raw_ioctl(s->fd, KSYNC_IOC_ATTACH, &arg));
	s->actor = arg.thread;
}

static int do_settle(struct fault_scene *s)
{
	struct ksync_settle arg = { .size = sizeof(arg), .thread = s->actor };

	return raw_ioctl(s->fd, KSYNC_IOC_SETTLE, &arg);
}

static void settled(struct fault_scene *s, int ret)
{
	(void)ret;
	WANT(s, 0, do_settle(s));
}

FAULT_PATH(settle, .enter = enter_ceiling, .act = do_settle, .leave = settled,
	   .check = works, .errors = { -EFAULT });

/* Descriptors of objects. */

static void a_waitq(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_WAITQ, 0, &s->id[0]));
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_WAITQ, 0, &s->id[0]));
}

static int do_fd(struct fault_scene *s)
{
	s->got = raw_fd(s->fd, s->id[0], 7);
	return s->got < 0 ? s->got : 0;
}

/* The number that was not told is free. */
static void has_fd(struct fault_scene *s, int ret)
{
	const int next = dup(0);

	close(next);
	if (ret)
		WANT(s, 0, do_fd(s));
	if (ret)
		WANT(s, next, s->got);
	WANT(s, POLLIN, poll_now(s->got));
	s->cells[s->id[0]].word = 7;
	WANT(s, 0, poll_now(s->got));
	close(s->got);
	WANT(s, 0, raw_destroy(s->fd, s->id[0]));
	works(s, ret);
}

FAULT_PATH(fd, .prepare = a_waitq, .act = do_fd, .check = has_fd,
	   .errors = { -ENOMEM, -EFAULT });

static void a_polled_waitq(struct fault_scene *s)
{
	a_waitq(s);
	WANT(s, 0, do_fd(s));
}

static int do_expect(struct fault_scene *s)
{
	return raw_expect(s->got, 0);
}

static void expects(struct fault_scene *s, int ret)
{
	WANT(s, ret ? POLLIN : 0, poll_now(s->got));
	WANT(s, 0, do_expect(s));
	WANT(s, 0, poll_now(s->got));
	close(s->got);
	works(s, ret);
}

FAULT_PATH(expect, .prepare = a_polled_waitq, .act = do_expect, .check = expects,
	   .errors = { -EFAULT });

/* The arena. */

static int do_mmap(struct fault_scene *s)
{
	long at = sys(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);

	s->got = at;
	return at < 0 && at > -4096 ? at : 0;
}

static void mapped(struct fault_scene *s, int ret)
{
	if (!ret) {
		WANT(s, 0, *(uint32_t *)s->got);
		munmap((void *)s->got, 4096);
	}
	works(s, ret);
}

FAULT_PATH(mmap, .act = do_mmap, .check = mapped, .errors = { -ENOMEM });

/* Of a page that nobody has touched before. */
#define UNTOUCHED	(KSYNC_CELL_SIZE * 100)

/* The kernel tries until there is memory. */
static int do_touch(struct fault_scene *s)
{
	return *(volatile uint32_t *)&s->cells[UNTOUCHED].word;
}

/* ... unless it is the kernel that touches it. */
static int do_touch_in_kernel(struct fault_scene *s)
{
	return sys(SYS_uname, &s->cells[UNTOUCHED]);
}

static void touched(struct fault_scene *s, int ret)
{
	WANT(s, 0, s->cells[UNTOUCHED].word);
	s->cells[UNTOUCHED].word = 1;
	WANT(s, 1, s->cells[UNTOUCHED].word);
	works(s, ret);
}

static void written(struct fault_scene *s, int ret)
{
	memset(&s->cells[UNTOUCHED], 0, sizeof(struct utsname));
	touched(s, ret);
}

FAULT_PATH(touch, .act = do_touch, .check = touched);
FAULT_PATH(touch_in_kernel, .act = do_touch_in_kernel, .check = written,
	   .errors = { -EFAULT });

/* Reports. */

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
	named_mutex(s);
	s->partner[0] = player_start(TASK_THREAD, s->fd, s->cells);
	WANT(s, true, s->partner[0] != NULL);
	WANT(s, 0, raw_lock(s->fd, s->id[0], s->self, 0, KSYNC_NO_DEADLINE));
	player_post(s->partner[0], step_lock, s->id[0]);
	WANT(s, 0, await_waiters(s->fd, s->id[0], 1));
}

static void report(struct fault_scene *s, const char *path)
{
	char *text = (char *)s->where;

	WANT(s, 0, read_all(path, text, FAULT_WHERE_SIZE));
	WANT(s, true, strchr(text, '\n') != NULL);
	WANT(s, true, strchr(text, '\n') && strchr(text, '\n')[1]);
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
	works(s, ret);
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

TEST(nothing_is_leaked)
{
	if (fault_missing())
		SKIP(return, "%s", fault_missing());
	if (!leak_there())
		SKIP(return, "this kernel has no kmemleak");
	EXPECT_EQ(0, leak_count());
}

KSFT_MAIN
