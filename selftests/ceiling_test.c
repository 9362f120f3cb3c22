// SPDX-License-Identifier: GPL-2.0
/*
 * Priority ceilings: whoever has a protect mutex runs at no less than its
 * ceiling once somebody else wants the CPU, and at its own priority again when it
 * has none.
 */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

#define LOW	5
#define MEDIUM	20
#define CEILING	40
#define HIGHER	60

struct shared;

/**
 * struct shared - what the tasks of a test have in common
 * @d: the domain
 * @m: a mutex with CEILING
 * @higher: one with HIGHER
 * @c: a condition variable
 * @kind: what the low task is
 * @part: what the low task does, as itself
 * @self: who it is, for the _as functions
 * @go: the medium task may start
 * @inside: it may end: the low task runs, and has the mutex
 * @starved: it has waited for that in vain
 * @prio: what the low task saw of its own priority
 */
struct shared {
	struct ksync *d;
	struct ksync_mutex m;
	struct ksync_mutex higher;
	struct ksync_cond c;
	enum task_kind kind;
	int (*part)(struct shared *s);
	struct ksync_thread self;
	uint32_t go;
	uint32_t inside;
	uint32_t starved;
	int prio[4];
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
	struct task t;
	int status;

	ASSERT_EQ(0, task_start(&t, TASK_PROCESS, try_ceilings, self->s));
	ASSERT_EQ(0, task_join(&t, &status));
	EXPECT_EQ(0, status);
}

/* The low task, however it says who it is. */
static int low_lock(struct shared *s, struct ksync_mutex *m)
{
	return s->kind == TASK_BARE ? ksync_mutex_lock_as(m, &s->self) : ksync_mutex_lock(m);
}

static int low_unlock(struct shared *s, struct ksync_mutex *m)
{
	return s->kind == TASK_BARE ? ksync_mutex_unlock_as(m, &s->self) :
		ksync_mutex_unlock(m);
}

/*
 * Takes the CPU from the low task, and keeps it: if that is not raised above
 * it, it never runs again.
 */
static int medium(void *arg)
{
	struct shared *s = arg;
	const uint64_t end = in(10 * SEC);

	while (!__atomic_load_n(&s->go, __ATOMIC_ACQUIRE))
		sys_futex_wait(&s->go, 0, NULL);
	while (!__atomic_load_n(&s->inside, __ATOMIC_ACQUIRE) && !s->starved)
		s->starved = passed(end);
	return 0;
}

/* From the low task, which has the mutex. */
static void be_preempted(struct shared *s)
{
	__atomic_store_n(&s->go, 1, __ATOMIC_RELEASE);
	sys_futex_wake(&s->go);
	__atomic_store_n(&s->inside, 1, __ATOMIC_RELEASE);
}

static int low(void *arg)
{
	struct shared *s = arg;
	int ret = 0;

	if (s->kind == TASK_BARE)
		ret = ksync_thread_attach(s->d, &s->self);
	return ret ? 100 : s->part(s);
}

/* Both on CPU 0, where they run while the test waits for the low one. */
static void run(struct __test_metadata *_metadata, struct shared *s,
		int (*part)(struct shared *s), struct task *l)
{
	struct task m;
	int status;

	s->part = part;
	ASSERT_EQ(0, task_start(&m, TASK_PROCESS, medium, s));
	ASSERT_EQ(0, pin_cpu(task_tid(&m), 0));
	ASSERT_EQ(0, sched_fifo(task_tid(&m), MEDIUM));
	ASSERT_EQ(0, await_asleep(task_tid(&m)));
	ASSERT_EQ(0, pin_cpu(0, 0));
	ASSERT_EQ(0, sched_fifo(0, 90));
	ASSERT_EQ(0, task_start(l, s->kind, low, s));
	ASSERT_EQ(0, sched_fifo(task_tid(l), LOW));
	ASSERT_EQ(0, task_join(&m, &status));
	EXPECT_EQ(0, s->starved);
}

#define RUN(part) do {							\
	struct task l;							\
	int status;							\
									\
	run(_metadata, self->s, part, &l);				\
	ASSERT_EQ(0, task_join(&l, &status));				\
	EXPECT_EQ(0, status);						\
} while (0)

static int my_prio(void)
{
	return effective_prio(sys_gettid());
}

static int raised_and_lowered(struct shared *s)
{
	int ret = low_lock(s, &s->m);

	be_preempted(s);
	s->prio[0] = my_prio();
	ret |= low_unlock(s, &s->m);
	s->prio[1] = my_prio();
	return ret ? 1 : 0;
}

FIXTURE(preempted)
{
	struct shared *s;
};

FIXTURE_VARIANT(preempted)
{
	enum task_kind kind;
};

FIXTURE_VARIANT_ADD(preempted, thread)
{
	.kind = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(preempted, bare)
{
	.kind = TASK_BARE,
};

FIXTURE_VARIANT_ADD(preempted, process)
{
	.kind = TASK_PROCESS,
};

FIXTURE_SETUP(preempted)
{
	self->s = player_memory(sizeof(*self->s));
	self->s->kind = variant->kind;
	ASSERT_EQ(0, ksync_open(&self->s->d, 0));
	ASSERT_EQ(0, ksync_mutex_init_protect(&self->s->m, self->s->d, 0, CEILING));
}

FIXTURE_TEARDOWN(preempted)
{
	ksync_close(self->s->d);
}

TEST_F(preempted, is_raised_and_lowered)
{
	RUN(raised_and_lowered);
	EXPECT_EQ(FIFO_SHOWN(CEILING), self->s->prio[0]);
	EXPECT_EQ(FIFO_SHOWN(LOW), self->s->prio[1]);
}

static int normal_task(struct shared *s)
{
	int ret = nice(7) != 7;

	ret |= low_lock(s, &s->m);
	be_preempted(s);
	s->prio[0] = my_prio();
	ret |= low_unlock(s, &s->m);
	s->prio[1] = my_prio();
	return ret ? 1 : 0;
}

static int normal_part(struct shared *s)
{
	return sched_other(0) ? 2 : normal_task(s);
}

/* What it was before is restored whole. */
TEST_F(ceiling, normal_owner)
{
	self->s->kind = TASK_PROCESS;
	RUN(normal_part);
	EXPECT_EQ(FIFO_SHOWN(CEILING), self->s->prio[0]);
	EXPECT_EQ(NORMAL_PRIO + 7, self->s->prio[1]);
}

static int nested(struct shared *s)
{
	int ret = low_lock(s, &s->m);

	ret |= low_lock(s, &s->higher);
	be_preempted(s);
	s->prio[0] = my_prio();
	ret |= low_unlock(s, &s->higher);
	s->prio[1] = my_prio();
	ret |= low_lock(s, &s->higher);
	ret |= low_unlock(s, &s->m);
	ret |= low_unlock(s, &s->higher);
	s->prio[2] = my_prio();
	return ret ? 1 : 0;
}

TEST_F(ceiling, highest_counts)
{
	RUN(nested);
	EXPECT_EQ(FIFO_SHOWN(HIGHER), self->s->prio[0]);
	EXPECT_EQ(FIFO_SHOWN(CEILING), self->s->prio[1]);
	EXPECT_EQ(FIFO_SHOWN(LOW), self->s->prio[2]);
}

static int recursive(struct shared *s)
{
	struct ksync_mutex m;
	int ret = ksync_mutex_init_protect(&m, s->d, KSYNC_MUTEX_RECURSIVE, CEILING);

	ret |= low_lock(s, &m);
	ret |= low_lock(s, &m);
	be_preempted(s);
	ret |= low_unlock(s, &m);
	s->prio[0] = my_prio();
	ret |= low_unlock(s, &m);
	s->prio[1] = my_prio();
	return ret ? 1 : 0;
}

TEST_F(ceiling, recursive)
{
	RUN(recursive);
	EXPECT_EQ(FIFO_SHOWN(CEILING), self->s->prio[0]);
	EXPECT_EQ(FIFO_SHOWN(LOW), self->s->prio[1]);
}

static int signals(void *arg)
{
	struct shared *s = arg;

	while (!ksync_cond_signal(&s->c))
		sys(SYS_sched_yield);
	return 0;
}

/* What it has in the wait it has not, and has again when it is back. */
static int waits_on_cond(struct shared *s)
{
	struct task t;
	int ret, status;

	ret = ksync_cond_init(&s->c, s->d, 0);
	ret |= low_lock(s, &s->m);
	ret |= task_start(&t, TASK_THREAD, signals, s);
	ret |= ksync_cond_wait(&s->c, &s->m);
	be_preempted(s);
	s->prio[0] = my_prio();
	ret |= low_unlock(s, &s->m);
	s->prio[1] = my_prio();
	ret |= task_join(&t, &status);
	return ret ? 1 : 0;
}

TEST_F(ceiling, after_a_wait_on_a_cond)
{
	RUN(waits_on_cond);
	EXPECT_EQ(FIFO_SHOWN(CEILING), self->s->prio[0]);
	EXPECT_EQ(FIFO_SHOWN(LOW), self->s->prio[1]);
}

/* Somebody else decides what it runs at: that stays. */
static int changed_meanwhile(struct shared *s)
{
	int ret = low_lock(s, &s->m);

	be_preempted(s);
	ret |= sched_fifo(0, 7);
	ret |= low_unlock(s, &s->m);
	s->prio[0] = my_prio();
	return ret ? 1 : 0;
}

TEST_F(ceiling, what_others_set_meanwhile_stays)
{
	RUN(changed_meanwhile);
	EXPECT_EQ(FIFO_SHOWN(7), self->s->prio[0]);
}

static int exec_inside(struct shared *s)
{
	int ret = low_lock(s, &s->m);

	be_preempted(s);
	s->prio[0] = my_prio();
	if (!ret)
		execl("/bin/sleep", "sleep", "1000", NULL);
	return 1;
}

/* The program that follows runs at its own priority, and the mutex is free. */
TEST_F(ceiling, execve_lowers)
{
	struct task l;

	self->s->kind = TASK_PROCESS;
	run(_metadata, self->s, exec_inside, &l);
	EXPECT_EQ(0, await_prio(task_tid(&l), FIFO_SHOWN(LOW)));
	EXPECT_EQ(FIFO_SHOWN(CEILING), self->s->prio[0]);
	EXPECT_EQ(0, sched_other(0));
	EXPECT_EQ(-EOWNERDEAD, ksync_mutex_lock(&self->s->m));
	EXPECT_EQ(0, task_kill(&l, SIGKILL));
	EXPECT_EQ(0, task_join(&l, NULL));
}

static int forks_inside(struct shared *s)
{
	int ret = low_lock(s, &s->m), status;
	pid_t pid;

	be_preempted(s);
	pid = fork();
	if (!pid)
		_exit(my_prio() == NORMAL_PRIO ? 0 : 1);
	ret |= waitpid(pid, &status, 0) != pid;
	s->prio[0] = status;
	ret |= low_unlock(s, &s->m);
	return ret ? 1 : 0;
}

TEST_F(ceiling, children_do_not_keep_it)
{
	self->s->kind = TASK_PROCESS;
	RUN(forks_inside);
	EXPECT_EQ(0, self->s->prio[0]);
}

static int too_high(void *arg)
{
	struct shared *s = arg;
	int ret;

	if (sched_fifo(0, CEILING + 1) || pin_cpu(0, 0) || pin_cpu(0, cpu_count() > 1))
		return 1;
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
	struct task t;
	int status;

	ASSERT_EQ(0, task_start(&t, TASK_PROCESS, too_high, self->s));
	ASSERT_EQ(0, task_join(&t, &status));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, ksync_query(&self->s->m, &q));
	EXPECT_EQ(0, q.word);
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
	EXPECT_EQ(NORMAL_PRIO, my_prio());
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

/* Words and cells that say what is not so raise nobody. */
static int claims_what_it_has_not(struct shared *s)
{
	struct ksync_cell *cells = s->m.o.cell - s->m.o.id;
	uint32_t *held = (uint32_t *)&cells[s->self.ceiling - 1];
	int i;

	for (i = 0; i < KSYNC_CEILING_ENTRIES; i++)
		held[i] = UINT32_MAX - i;
	held[2] = KSYNC_HELD | s->m.o.id;
	__atomic_store_n(&s->go, 1, __ATOMIC_RELEASE);
	sys_futex_wake(&s->go);
	s->prio[0] = my_prio();
	memset(held, 0, KSYNC_CEILING_ENTRIES * sizeof(*held));
	return 0;
}

static int hostile(struct shared *s)
{
	int ret = low_lock(s, &s->m);

	ret |= low_unlock(s, &s->m);
	__atomic_store_n(&s->inside, 1, __ATOMIC_RELEASE);
	return ret ? 1 : claims_what_it_has_not(s);
}

TEST_F(ceiling, claims_raise_nobody)
{
	self->s->kind = TASK_BARE;
	RUN(hostile);
	EXPECT_EQ(FIFO_SHOWN(LOW), self->s->prio[0]);
}

KSFT_MAIN
