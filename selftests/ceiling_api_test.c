// SPDX-License-Identifier: GPL-2.0
/*
 * What the functions of priority ceilings take and refuse: values, rights,
 * callers above the ceiling, how many at once.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/proc.h"
#include "lib/sched.h"
#include "lib/sys.h"

#define CEILING	40
#define HIGHER	60

/**
 * struct shared - what the tasks of a test have in common
 * @d: the domain
 * @m: a mutex with CEILING
 * @higher: one with HIGHER
 */
struct shared {
	struct ksync *d;
	struct ksync_mutex m;
	struct ksync_mutex higher;
};

FIXTURE(ceiling)
{
	struct shared *s;
};

FIXTURE_SETUP(ceiling)
{
	self->s = player_memory(sizeof(*self->s));
	ASSERT_EQ(0, ksync_open(&self->s->d, 0));
	ASSERT_EQ(0, ksync_mutex_init_protect(&self->s->m, self->s->d, 0, CEILING));
	ASSERT_EQ(0, ksync_mutex_init_protect(&self->s->higher, self->s->d, 0, HIGHER));
}

FIXTURE_TEARDOWN(ceiling)
{
	ksync_close(self->s->d);
}

TEST_F(ceiling, arguments)
{
	struct ksync_mutex m, plain;
	struct ksync *d = self->s->d;
	int was = -1;

	EXPECT_EQ(-EINVAL, ksync_mutex_init_protect(&m, d, 0, 0));
	EXPECT_EQ(-EINVAL, ksync_mutex_init_protect(&m, d, 0, 100));
	EXPECT_EQ(-EINVAL, ksync_mutex_init_protect(&m, d, 0x8, CEILING));
	EXPECT_EQ(-EINVAL, ksync_mutex_init(&m, d, KSYNC_MUTEX_PROTECT));
	ASSERT_EQ(0, ksync_mutex_init(&plain, d, 0));
	EXPECT_EQ(-EINVAL, ksync_mutex_ceiling(&plain));
	EXPECT_EQ(-EINVAL, ksync_mutex_set_ceiling(&plain, CEILING, NULL));

	EXPECT_EQ(CEILING, ksync_mutex_ceiling(&self->s->m));
	EXPECT_EQ(-EINVAL, ksync_mutex_set_ceiling(&self->s->m, 100, NULL));
	EXPECT_EQ(0, ksync_mutex_set_ceiling(&self->s->m, 30, &was));
	EXPECT_EQ(CEILING, was);
	EXPECT_EQ(30, ksync_mutex_ceiling(&self->s->m));
	EXPECT_EQ(0, ksync_mutex_destroy(&self->s->m));
	EXPECT_EQ(-EBADF, ksync_mutex_ceiling(&self->s->m));
	EXPECT_EQ(-EBADF, ksync_mutex_lock(&self->s->m));
}

/* What a process of its own comes to; -1: it was not started, or did not end. */
static int in_a_process(int (*fn)(void *), struct shared *s)
{
	struct task t;
	int status;

	return task_start(&t, TASK_PROCESS, fn, s) || task_join(&t, &status) ? -1 : status;
}

static int try_ceilings(void *arg)
{
	const struct rlimit ten = { 10, 10 };
	struct shared *s = arg;
	struct ksync_mutex m;

	if (setrlimit(RLIMIT_RTPRIO, &ten) || setresuid(65534, 65534, 65534))
		return 100;
	if (ksync_mutex_init_protect(&m, s->d, 0, 11) != -EPERM)
		return 1;
	if (ksync_mutex_init_protect(&m, s->d, 0, 10))
		return 2;
	return ksync_mutex_set_ceiling(&m, 11, NULL) == -EPERM ? 0 : 3;
}

TEST_F(ceiling, above_rlimit_is_eperm)
{
	EXPECT_EQ(0, in_a_process(try_ceilings, self->s));
}

/*
 * Its ceiling cell says then what its priority is. A sleep that is over before the
 * thread has left the CPU is none.
 */
static void come_to_a_cpu(void)
{
	const long before = proc_sleeps(sys_gettid());

	while (proc_sleeps(sys_gettid()) == before)
		usleep(1000);
}

static int too_high(void *arg)
{
	struct shared *s = arg;
	int ret;

	if (sched_fifo(0, CEILING + 1))
		return 1;
	come_to_a_cpu();
	ret = ksync_mutex_lock(&s->m);
	if (ret != -EINVAL)
		return 2;
	if (ksync_mutex_lock_try(&s->m) != -EINVAL)
		return 3;
	return ksync_mutex_lock(&s->higher) || ksync_mutex_unlock(&s->higher) ? 4 : 0;
}

TEST_F(ceiling, above_it_is_einval)
{
	struct ksync_query q;

	EXPECT_EQ(0, in_a_process(too_high, self->s));
	ASSERT_EQ(0, ksync_query(&self->s->m, &q));
	EXPECT_EQ(0, q.word);
}

static int lowers_itself(void *arg)
{
	struct shared *s = arg;
	int i;

	for (i = 0; i < 20; i++) {
		if (sched_fifo(0, CEILING + 1))
			return 1;
		come_to_a_cpu();
		if (ksync_mutex_lock(&s->m) != -EINVAL)
			return 2;
		if (sched_fifo(0, CEILING))
			return 3;
		if (ksync_mutex_lock(&s->m) || ksync_mutex_unlock(&s->m))
			return 4;
	}
	return 0;
}

/* It is not switched meanwhile, which is when its ceiling cell is written. */
TEST_F(ceiling, below_it_again_is_taken_at_once)
{
	EXPECT_EQ(0, in_a_process(lowers_itself, self->s));
}

TEST_F(ceiling, so_many_at_once)
{
	struct ksync_mutex m[KSYNC_CEILING_ENTRIES + 1];
	int i;

	for (i = 0; i <= KSYNC_CEILING_ENTRIES; i++)
		ASSERT_EQ(0, ksync_mutex_init_protect(&m[i], self->s->d, 0, CEILING));
	for (i = 0; i < KSYNC_CEILING_ENTRIES; i++)
		EXPECT_EQ(0, ksync_mutex_lock(&m[i]));
	EXPECT_EQ(-EAGAIN, ksync_mutex_lock(&m[i]));
	EXPECT_EQ(0, ksync_mutex_unlock(&m[3]));
	EXPECT_EQ(0, ksync_mutex_lock(&m[i]));
	for (i = 0; i <= KSYNC_CEILING_ENTRIES; i++)
		EXPECT_EQ(i == 3 ? -EPERM : 0, ksync_mutex_unlock(&m[i]));
	EXPECT_EQ(NORMAL_PRIO, effective_prio(sys_gettid()));
}

/* All of its cells are looked at each time that a task is switched. */
TEST_F(ceiling, in_so_many_domains)
{
	const int most = KSYNC_THREAD_CEILINGS_MAX;
	struct ksync_attach a = { .size = sizeof(a), .flags = KSYNC_ATTACH_CEILING };
	int fd[KSYNC_THREAD_CEILINGS_MAX + 1], i;

	for (i = 0; i <= most; i++) {
		fd[i] = raw_open();
		ASSERT_LE(0, fd[i]);
		a.slot = 0;
		EXPECT_EQ(i < most ? 0 : -EAGAIN, raw_ioctl(fd[i], KSYNC_IOC_ATTACH, &a));
	}
	/* It has one in that domain. */
	a.slot = 0;
	EXPECT_EQ(0, raw_ioctl(fd[0], KSYNC_IOC_ATTACH, &a));
	close(fd[1]);
	a.slot = 0;
	EXPECT_EQ(0, raw_ioctl(fd[most], KSYNC_IOC_ATTACH, &a));
	for (i = 0; i <= most; i++)
		if (i != 1)
			close(fd[i]);
}

/* The cell is the module's to give and to take back. */
TEST_F(ceiling, cell)
{
	struct ksync_attach a = { .size = sizeof(a), .flags = KSYNC_ATTACH_CEILING };
	struct ksync_attach again = a;
	struct ksync_settle settle = { .size = sizeof(settle) };
	int fd = ksync_fileno(self->s->d);
	struct ksync_info info, after;

	ASSERT_EQ(0, raw_info(fd, &info));
	ASSERT_EQ(0, raw_attach(fd, &settle.thread));
	EXPECT_EQ(-EINVAL, raw_ioctl(fd, KSYNC_IOC_SETTLE, &settle));
	ASSERT_EQ(0, raw_ioctl(fd, KSYNC_IOC_ATTACH, &a));
	ASSERT_EQ(0, raw_ioctl(fd, KSYNC_IOC_ATTACH, &again));
	EXPECT_EQ(a.slot, again.slot);
	EXPECT_EQ(0, raw_ioctl(fd, KSYNC_IOC_SETTLE, &settle));
	EXPECT_EQ(-EBADF, raw_destroy(fd, a.slot));
	EXPECT_EQ(-EOPNOTSUPP, raw_create(fd, KSYNC_KIND_SLOT, 0, &a.slot));
	ASSERT_EQ(0, raw_info(fd, &after));
	EXPECT_EQ(info.objects, after.objects);
	EXPECT_EQ(0, after.features & KSYNC_FEATURE_KIND(KSYNC_KIND_SLOT));
	settle.thread++;
	EXPECT_EQ(-ESRCH, raw_ioctl(fd, KSYNC_IOC_SETTLE, &settle));
}

KSFT_MAIN
