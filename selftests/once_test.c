// SPDX-License-Identifier: GPL-2.0
/*
 * Onces: one initializer, whatever becomes of it, and everybody else behind it.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

#define TASKS	4

/* Made before the tasks start: processes have a copy, the others share it. */
static struct ksync_once once, other;

/**
 * struct shared - what initializers do and find, in memory of all tasks
 * @runs: how often one has begun
 * @gate: 0: the initializer goes on and ends
 * @fail: what it returns
 */
struct shared {
	uint32_t runs;
	uint32_t gate;
	int fail;
};

static struct shared *shared;

FIXTURE(once)
{
	struct ksync *d;
	int fd;
	uint32_t id;
	struct ksync_cell *cells;
};

FIXTURE_SETUP(once)
{
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_once_init(&once, self->d, 0));
	ASSERT_EQ(0, ksync_once_init(&other, self->d, 0));
	self->fd = ksync_fileno(self->d);
	self->id = ksync_once_id(&once);
	self->cells = raw_map(self->fd, 64);
	shared = player_memory(sizeof(*shared));
}

FIXTURE_TEARDOWN(once)
{
	ksync_close(self->d);
}

static struct ksync_thread identity(const struct player *p)
{
	return (struct ksync_thread){ .serial = once.o.serial, .handle = p->handle };
}

static int init_fn(void *arg)
{
	struct shared *s = arg;

	__atomic_add_fetch(&s->runs, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&s->gate, __ATOMIC_ACQUIRE))
		sys_futex_wait(&s->gate, 1, NULL);
	return s->fail;
}

static void close_gate(void)
{
	shared->gate = 1;
}

static void open_gate(void)
{
	__atomic_store_n(&shared->gate, 0, __ATOMIC_RELEASE);
	sys_futex_wake(&shared->gate);
}

/* All kinds of tasks by one way: they have a handle from the player. */
static int step_call(struct player *p)
{
	struct ksync_thread t = identity(p);

	return ksync_once_call_as(&once, &t, init_fn, shared);
}

static struct player *start(struct __test_metadata *_metadata,
			    struct _test_data_once *self, enum task_kind kind)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	return p;
}

#define START(kind) start(_metadata, self, kind)

/* It stands in the initializer. */
static struct player *initializer(struct __test_metadata *_metadata,
				  struct _test_data_once *self, enum task_kind kind)
{
	const uint32_t n = shared->runs;
	struct player *p = START(kind);

	close_gate();
	player_post(p, step_call, self->id);
	ASSERT_EQ(0, await_value(&shared->runs, n + 1));
	return p;
}

#define INITIALIZER(kind) initializer(_metadata, self, kind)

TEST_F(once, runs_once)
{
	int i;

	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, ksync_once_call(&once, init_fn, shared));
	EXPECT_EQ(1, shared->runs);
	EXPECT_EQ(0, ksync_once_begin(&once));
	EXPECT_EQ(0, self->cells[self->id].word);
}

TEST_F(once, opens_onces_only)
{
	struct ksync_mutex m;
	struct ksync_once o;

	EXPECT_EQ(-EINVAL, ksync_once_init(&o, self->d, KSYNC_MUTEX_RECURSIVE));
	ASSERT_EQ(0, ksync_mutex_init(&m, self->d, 0));
	EXPECT_EQ(-EINVAL, ksync_once_open(&o, self->d, ksync_mutex_id(&m)));
	EXPECT_EQ(-EBADF, ksync_once_open(&o, self->d, 63));
	ASSERT_EQ(0, ksync_once_open(&o, self->d, self->id));
	EXPECT_EQ(0, ksync_once_call(&o, init_fn, shared));
	EXPECT_EQ(0, ksync_once_call(&once, init_fn, shared));
	EXPECT_EQ(1, shared->runs);
}

TEST_F(once, others_wait_for_the_initializer)
{
	struct player *a = INITIALIZER(TASK_PROCESS), *p[3];
	int i;

	for (i = 0; i < 3; i++) {
		p[i] = START(i);
		player_post(p[i], step_call, self->id);
		ASSERT_EQ(0, await_waiters(self->fd, self->id, i + 1));
		EXPECT_EQ(0, await_asleep(task_tid(&p[i]->task)));
	}
	EXPECT_EQ(-EBUSY, ksync_once_destroy(&once));
	open_gate();
	EXPECT_EQ(0, player_result(a));
	EXPECT_EQ(0, player_end(a));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, player_result(p[i]));
		EXPECT_EQ(0, player_end(p[i]));
	}
	EXPECT_EQ(1, shared->runs);
	EXPECT_EQ(0, ksync_once_destroy(&once));
	EXPECT_EQ(-EBADF, ksync_once_destroy(&once));
	EXPECT_EQ(-EBADF, ksync_once_call(&once, init_fn, shared));
}

/* The initializer is a mutex's owner. */
TEST_F(once, initializer_inherits_priority)
{
	struct player *a = INITIALIZER(TASK_BARE), *b = START(TASK_THREAD);

	ASSERT_EQ(0, sched_fifo(task_tid(&b->task), 40));
	player_post(b, step_call, self->id);
	EXPECT_EQ(0, await_prio(task_tid(&a->task), FIFO_SHOWN(40)));
	open_gate();
	EXPECT_EQ(0, player_result(a));
	EXPECT_EQ(0, player_result(b));
	EXPECT_EQ(0, player_end(a));
	EXPECT_EQ(0, player_end(b));
}

TEST_F(once, one_that_fails_is_followed_by_the_next)
{
	struct player *a = INITIALIZER(TASK_PROCESS), *b = START(TASK_BARE);

	shared->fail = -EPROTO;
	player_post(b, step_call, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	open_gate();
	EXPECT_EQ(-EPROTO, player_result(a));
	EXPECT_EQ(-EPROTO, player_result(b));
	shared->fail = 0;
	EXPECT_EQ(0, ksync_once_call(&once, init_fn, shared));
	EXPECT_EQ(0, ksync_once_call(&once, init_fn, shared));
	EXPECT_EQ(3, shared->runs);
	EXPECT_EQ(0, player_end(a));
	EXPECT_EQ(0, player_end(b));
}

static void kill_it(struct __test_metadata *_metadata, struct player *p)
{
	ASSERT_EQ(0, task_kill(&p->task, SIGKILL));
	ASSERT_EQ(0, task_join(&p->task, NULL));
}

static void followed(struct __test_metadata *_metadata, struct _test_data_once *self,
		     enum task_kind kind)
{
	struct player *a = INITIALIZER(kind), *b = START(TASK_THREAD);

	player_post(b, step_call, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	kill_it(_metadata, a);
	EXPECT_EQ(0, await_value(&shared->runs, 2));
	open_gate();
	EXPECT_EQ(0, player_result(b));
	EXPECT_EQ(0, ksync_once_call(&once, init_fn, shared));
	EXPECT_EQ(2, shared->runs);
	EXPECT_EQ(0, player_end(b));
}

TEST_F(once, bare_one_that_dies_is_followed_by_a_waiter)
{
	followed(_metadata, self, TASK_BARE);
}

TEST_F(once, process_that_dies_is_followed_by_a_waiter)
{
	followed(_metadata, self, TASK_PROCESS);
}

/* Nobody waited: the next one to come is told, and the next until one ends. */
TEST_F(once, death_is_told_until_one_has_ended)
{
	kill_it(_metadata, INITIALIZER(TASK_PROCESS));
	EXPECT_EQ(-EBUSY, ksync_once_destroy(&once));
	EXPECT_EQ(-EOWNERDEAD, ksync_once_begin(&once));
	EXPECT_EQ(0, ksync_once_abort(&once));
	EXPECT_EQ(-EOWNERDEAD, ksync_once_begin(&once));
	EXPECT_EQ(-EBUSY, ksync_once_destroy(&once));
	EXPECT_EQ(0, ksync_once_end(&once));
	EXPECT_EQ(0, ksync_once_begin(&once));
	EXPECT_EQ(1, shared->runs);
	EXPECT_EQ(0, ksync_once_destroy(&once));
}

/* As far as it gets before it unlocks. */
static int step_nearly_end(struct player *p)
{
	struct ksync_thread t = identity(p);
	int ret = ksync_once_begin_as(&once, &t);

	__atomic_store_n(&ksync_model_cell_of_(&once.o)->done, 1, __ATOMIC_RELEASE);
	return ret;
}

TEST_F(once, death_after_the_end_is_none)
{
	struct player *p = START(TASK_PROCESS);

	ASSERT_EQ(KSYNC_ONCE_RUN, player_do(p, step_nearly_end, self->id));
	EXPECT_EQ(0, player_end(p));
	EXPECT_EQ(0, ksync_once_call(&once, init_fn, shared));
	/* What somebody does who has come before it was done. */
	EXPECT_EQ(0, ksync_once_begin_slow_(&once, NULL));
	EXPECT_EQ(0, shared->runs);
	EXPECT_EQ(0, ksync_once_destroy(&once));
}

TEST_F(once, only_the_initializer_ends)
{
	struct player *a;

	EXPECT_EQ(-EPERM, ksync_once_end(&once));
	EXPECT_EQ(-EPERM, ksync_once_abort(&once));
	a = INITIALIZER(TASK_THREAD);
	EXPECT_EQ(-EPERM, ksync_once_end(&once));
	EXPECT_EQ(-EPERM, ksync_once_abort(&once));
	open_gate();
	EXPECT_EQ(0, player_result(a));
	EXPECT_EQ(0, player_end(a));
	EXPECT_EQ(1, shared->runs);
}

static int recursive_fn(void *arg)
{
	struct shared *s = arg;

	s->runs++;
	s->fail = ksync_once_call(&once, recursive_fn, s);
	return 0;
}

TEST_F(once, recursion_is_edeadlk)
{
	EXPECT_EQ(0, ksync_once_call(&once, recursive_fn, shared));
	EXPECT_EQ(-EDEADLK, shared->fail);
	EXPECT_EQ(1, shared->runs);
}

static int needs_other_fn(void *arg)
{
	const struct ksync_thread *t = arg;

	return ksync_once_call_as(&other, t, init_fn, shared);
}

static int step_call_both(struct player *p)
{
	struct ksync_thread t = identity(p);

	return ksync_once_call_as(&once, &t, needs_other_fn, &t);
}

/* The player waits for the other one, which is made here, and needs the first. */
TEST_F(once, circle_of_two_is_edeadlk)
{
	struct player *p = START(TASK_BARE);

	ASSERT_EQ(KSYNC_ONCE_RUN, ksync_once_begin(&other));
	player_post(p, step_call_both, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, ksync_once_id(&other), 1));
	EXPECT_EQ(-EDEADLK, ksync_once_call(&once, init_fn, shared));
	EXPECT_EQ(0, ksync_once_end(&other));
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, player_end(p));
	EXPECT_EQ(0, shared->runs);
	EXPECT_EQ(0, ksync_once_begin(&once));
}

/* What it has made, in two words, and how many did not see both. */
struct made {
	uint32_t first;
	uint32_t second;
	uint32_t runs;
	uint32_t blind;
};

static int make(void *arg)
{
	struct made *m = arg;

	m->first = 1;
	sys(SYS_sched_yield);
	m->second = 2;
	m->runs++;
	return 0;
}

static int call_and_look(void *arg)
{
	struct made *m = arg;
	struct ksync_thread t;
	int ret = ksync_thread_attach(once.o.domain, &t);

	if (!ret)
		ret = ksync_once_call_as(&once, &t, make, m);
	if (m->first != 1 || m->second != 2)
		__atomic_add_fetch(&m->blind, 1, __ATOMIC_RELAXED);
	return -ret;
}

static void rounds(struct __test_metadata *_metadata, struct _test_data_once *self,
		   enum task_kind kind)
{
	struct made *m = player_memory(sizeof(*m));
	struct task *t = player_memory(TASKS * sizeof(*t));
	int i, n, status;

	for (n = 0; n < 50; n++) {
		ASSERT_EQ(0, ksync_once_destroy(&once));
		ASSERT_EQ(0, ksync_once_init(&once, self->d, 0));
		m->first = 0;
		m->second = 0;
		for (i = 0; i < TASKS; i++)
			ASSERT_EQ(0, task_start(&t[i], kind, call_and_look, m));
		for (i = 0; i < TASKS; i++) {
			ASSERT_EQ(0, task_join(&t[i], &status));
			EXPECT_EQ(0, status);
		}
	}
	EXPECT_EQ(0, m->blind);
	EXPECT_EQ(50, m->runs);
}

TEST_F(once, threads_race)
{
	rounds(_metadata, self, TASK_THREAD);
}

TEST_F(once, bare_tasks_race)
{
	rounds(_metadata, self, TASK_BARE);
}

TEST_F(once, processes_race)
{
	rounds(_metadata, self, TASK_PROCESS);
}

KSFT_MAIN
