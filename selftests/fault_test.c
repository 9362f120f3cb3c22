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
#include "lib/poller.h"
#include "lib/slab.h"
#include "lib/sys.h"

static uint32_t objects(struct fault_scene *s)
{
	struct ksync_info info;

	WANT(s, 0, raw_info(s->fd, &info));
	return info.objects;
}

/* Open, look. */

/* Numbers that are far from those in use need memory to be kept by. */
static void others_were_here(struct fault_scene *s)
{
	int i;

	(void)s;
	for (i = 0; i < 64; i++)
		close(raw_open());
}

static int do_open(struct fault_scene *s)
{
	s->got = sys(SYS_openat, AT_FDCWD, KSYNC_DEVICE, O_RDWR | O_CLOEXEC, 0);
	return s->got < 0 ? s->got : 0;
}

static void opened(struct fault_scene *s, int ret)
{
	if (!ret) {
		fault_domain_works(s, s->got);
		close(s->got);
	}
	fault_works(s, ret);
}

FAULT_PATH(open, .prepare = others_were_here, .act = do_open, .check = opened,
	   .errors = { -ENOMEM, -EFAULT });

/*
 * A domain remembers who opened it, by its number: that one is kept for as long.  Who
 * cannot have the domain leaves nothing of it.
 */
static int open_in_vain(void *arg)
{
	struct fault f;
	uint32_t n;
	bool hit;
	int fd;

	(void)arg;
	if (fault_open(&f))
		return 1;
	for (n = 1, hit = true; hit; n++) {
		if (fault_arm(&f, FAULT_TWO, n))
			return 1;
		fd = sys(SYS_openat, AT_FDCWD, KSYNC_DEVICE, O_RDWR | O_CLOEXEC, 0);
		hit = fault_disarm(&f);
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

static bool pids_are_as_before(const void *arg)
{
	return slab_count_dead("pid") <= *(const long *)arg;
}

TEST(opener_is_forgotten)
{
	struct task opener;
	int status = -1;
	long before;

	if (fault_missing())
		SKIP(return, "%s", fault_missing());
	ASSERT_EQ(0, fault_setup());
	others_were_here(NULL);
	before = slab_count_dead("pid");
	ASSERT_LE(0, before);
	ASSERT_EQ(0, task_start(&opener, TASK_PROCESS, open_in_vain, NULL));
	ASSERT_EQ(0, task_join(&opener, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, await_true(pids_are_as_before, &before));
}

static int do_info(struct fault_scene *s)
{
	struct ksync_info info;
	int ret = raw_info(s->fd, &info);

	s->got = info.abi;
	return ret;
}

static void informed(struct fault_scene *s, int ret)
{
	if (!ret)
		WANT(s, KSYNC_ABI, s->got);
	fault_works(s, ret);
}

FAULT_PATH(info, .act = do_info, .check = informed, .errors = { -EFAULT });

/* The second object: what is kept of number 0 needs no memory. */
static void unnamed_mutex(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_MUTEX, 0, &s->id[0]));
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_MUTEX, 0, &s->id[0]));
}

static void named_mutex(struct fault_scene *s)
{
	unnamed_mutex(s);
	WANT(s, 0, raw_name(s->fd, s->id[0], "before"));
}

static int do_query(struct fault_scene *s)
{
	struct ksync_query q;

	return raw_query(s->fd, s->id[0], &q);
}

FAULT_PATH(query, .prepare = named_mutex, .act = do_query, .check = fault_works,
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
	fault_works(s, ret);
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
	fault_works(s, ret);
}

FAULT_PATH(destroy, .prepare = make_batch, .act = do_destroy, .check = destroyed,
	   .errors = { -ENOMEM, -EFAULT });

/* Names. */

static int do_name(struct fault_scene *s)
{
	return raw_name(s->fd, s->id[0], "after");
}

static int do_unname(struct fault_scene *s)
{
	return raw_name(s->fd, s->id[0], "");
}

static void is_named(struct fault_scene *s, const char *name)
{
	struct ksync_query q;

	WANT(s, 0, raw_query(s->fd, s->id[0], &q));
	WANT(s, 0, strcmp(q.name, name));
}

static void was_named(struct fault_scene *s, int ret)
{
	is_named(s, ret ? "mutex:1" : "after");
	WANT(s, 0, do_name(s));
	is_named(s, "after");
	fault_works(s, ret);
}

static void was_renamed(struct fault_scene *s, int ret)
{
	is_named(s, ret ? "before" : "after");
	WANT(s, 0, do_name(s));
	fault_works(s, ret);
}

static void was_unnamed(struct fault_scene *s, int ret)
{
	is_named(s, ret ? "before" : "mutex:1");
	WANT(s, 0, do_name(s));
	fault_works(s, ret);
}

FAULT_PATH(name, .prepare = unnamed_mutex, .act = do_name, .check = was_named,
	   .errors = { -ENOMEM, -EFAULT });
FAULT_PATH(rename, .prepare = named_mutex, .act = do_name, .check = was_renamed,
	   .errors = { -ENOMEM, -EFAULT });
FAULT_PATH(unname, .prepare = named_mutex, .act = do_unname, .check = was_unnamed,
	   .errors = { -EFAULT });

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
	WANT(s, 0, raw_destroy(s->fd, s->id[0]));
	WANT(s, POLLHUP, poll_now(s->got));
	close(s->got);
	fault_works(s, ret);
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
	fault_works(s, ret);
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
	fault_works(s, ret);
}

FAULT_PATH(mmap, .act = do_mmap, .check = mapped, .errors = { -ENOMEM });

/* Of a page that nobody has touched before. */
#define UNTOUCHED	(KSYNC_CELL_SIZE * 100)

/* The kernel tries until there is memory. */
static int do_touch(struct fault_scene *s)
{
	return __atomic_load_n(&s->cells[UNTOUCHED].word, __ATOMIC_RELAXED);
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
	fault_works(s, ret);
}

static void written(struct fault_scene *s, int ret)
{
	memset(&s->cells[UNTOUCHED], 0, sizeof(struct utsname));
	touched(s, ret);
}

FAULT_PATH(touch, .act = do_touch, .check = touched);
FAULT_PATH(touch_in_kernel, .act = do_touch_in_kernel, .check = written,
	   .errors = { -EFAULT });

FAULT_NO_LEAK();

KSFT_MAIN
