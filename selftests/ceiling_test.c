// SPDX-License-Identifier: GPL-2.0
/*
 * Priority ceilings: whoever has a protect mutex runs at no less than its
 * ceiling once somebody else wants the CPU, and at its own priority again when it
 * has none.
 */
#include <signal.h>
#include <string.h>
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

/* It starts with the test's own priority, by which it could be through already. */
static int low(void *arg)
{
	struct shared *s = arg;
	int ret = sched_fifo(0, LOW);

	if (!ret && s->kind == TASK_BARE)
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

/* Wakes again and again beside the one that forks, above its ceiling. */
static int disturbs(void *arg)
{
	struct shared *s = arg;
	uint32_t i;

	for (i = 0; !__atomic_load_n(&s->inside, __ATOMIC_ACQUIRE); i++)
		usleep(20 + i * 37 % 400);
	return 0;
}

static int forks_again_and_again(void *arg)
{
	struct shared *s = arg;
	const int forks = slow_factor() > 1 ? 100 : 500;
	int ret = 0, status = 0, i;
	pid_t pid;

	for (i = 0; i < forks && !ret && !status; i++) {
		ret |= ksync_mutex_lock(&s->m);
		pid = fork();
		if (!pid)
			_exit(await_prio(sys_gettid(), NORMAL_PRIO) ? 1 : 0);
		ret |= ksync_mutex_unlock(&s->m);
		ret |= waitpid(pid, &status, 0) != pid;
	}
	__atomic_store_n(&s->inside, 1, __ATOMIC_RELEASE);
	s->prio[0] = status;
	return ret ? 1 : 0;
}

/* The kernel's fork() copies the policy, is preempted, and then takes the priority. */
TEST_F(ceiling, child_of_a_fork_while_it_is_raised)
{
	struct task forks, noise;
	int status;

	ASSERT_EQ(0, pin_cpu(0, 0));
	ASSERT_EQ(0, task_start(&noise, TASK_PROCESS, disturbs, self->s));
	ASSERT_EQ(0, sched_fifo(task_tid(&noise), HIGHER));
	ASSERT_EQ(0, task_start(&forks, TASK_PROCESS, forks_again_and_again, self->s));
	ASSERT_EQ(0, task_join(&forks, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, self->s->prio[0]);
	EXPECT_EQ(0, task_join(&noise, NULL));
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
