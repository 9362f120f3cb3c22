// SPDX-License-Identifier: GPL-2.0
/*
 * One body for reader-writer locks: a writer changes two numbers that are equal
 * for everybody who is let in with it or after it.  It runs on each policy, with
 * each kind of task, with signals and deadlines; and on locks with a fault on
 * the readers' side, where it has to notice.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/reader.h"
#include "lib/sys.h"

#define TASKS	6

struct rwbody;

/* What the readers do; @t is NULL for tasks that need not say who they are. */
typedef int (*read_fn)(struct rwbody *b, struct ksync_thread *t);

/**
 * struct rwbody - what the tasks share
 * @read: how to lock for reading
 * @unread: and to unlock
 * @domain: of the lock
 * @l: the lock
 * @deadlines: lock until a point in time that is very near, now and then
 * @stop: not zero: time is up
 * @readers: how many are in
 * @writers: how many are in
 * @a: changed by writers, before ...
 * @b: ... this one
 * @violations: somebody was in who had no right to
 * @overlaps: how often a reader met a reader
 * @errors: operations that failed
 * @done: writes and reads, of each
 */
struct rwbody {
	read_fn read;
	read_fn unread;
	struct ksync *domain;
	struct ksync_rwlock l;
	bool deadlines;
	uint32_t stop;
	uint32_t readers;
	uint32_t writers;
	uint64_t a;
	uint64_t b;
	uint32_t violations;
	uint32_t overlaps;
	uint32_t errors;
	uint64_t done[TASKS][2];
};

static int read_lock(struct rwbody *b, struct ksync_thread *t)
{
	const struct timespec soon = to_timespec(in(MSEC));

	if (b->deadlines)
		return t ? ksync_rwlock_read_lock_timed_as(&b->l, t, CLOCK_MONOTONIC, &soon) :
			ksync_rwlock_read_lock_timed(&b->l, CLOCK_MONOTONIC, &soon);
	return t ? ksync_rwlock_read_lock_as(&b->l, t) : ksync_rwlock_read_lock(&b->l);
}

static int write_lock(struct rwbody *b, struct ksync_thread *t)
{
	const struct timespec soon = to_timespec(in(MSEC));

	if (b->deadlines)
		return t ? ksync_rwlock_write_lock_timed_as(&b->l, t, CLOCK_MONOTONIC, &soon) :
			ksync_rwlock_write_lock_timed(&b->l, CLOCK_MONOTONIC, &soon);
	return t ? ksync_rwlock_write_lock_as(&b->l, t) : ksync_rwlock_write_lock(&b->l);
}

static int unlock(struct rwbody *b, struct ksync_thread *t)
{
	return t ? ksync_rwlock_unlock_as(&b->l, t) : ksync_rwlock_unlock(&b->l);
}

/* A reader that does not ask. */
static int no_read(struct rwbody *b, struct ksync_thread *t)
{
	(void)b;
	(void)t;
	return 0;
}

/* A reader that says so, but does not look whether there is a writer. */
static int blind_read(struct rwbody *b, struct ksync_thread *t)
{
	__atomic_fetch_or(&b->l.o.cell->word, KSYNC_READ, __ATOMIC_SEQ_CST);
	ksync_slot_set_(&b->l.o, ksync_slot_(&b->l.o, t->slot[0]),
			KSYNC_SLOT(b->l.o.id, 1));
	return 0;
}

static int blind_unread(struct rwbody *b, struct ksync_thread *t)
{
	uint32_t word = ksync_slot_set_(&b->l.o, ksync_slot_(&b->l.o, t->slot[0]), 0);

	return ksync_drains_(word) ? ksync_read_left_(&b->l.o, t->handle) : 0;
}

/* A reader that looks for a writer, but does not say that it reads. */
static int mute_read(struct rwbody *b, struct ksync_thread *t)
{
	(void)t;
	while (__atomic_load_n(&b->l.o.cell->word, __ATOMIC_SEQ_CST) & KSYNC_OWNER)
		sys(SYS_sched_yield);
	return 0;
}

static void violation_if(struct rwbody *b, bool bad)
{
	if (bad)
		__atomic_add_fetch(&b->violations, 1, __ATOMIC_RELAXED);
}

static uint32_t load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* Now and then others are asked in: whoever is not kept out comes. */
static void ask_in(uint64_t n)
{
	if (!(n % 8))
		sys(SYS_sched_yield);
}

static void write_section(struct rwbody *b)
{
	uint64_t seen = b->a;

	violation_if(b, __atomic_add_fetch(&b->writers, 1, __ATOMIC_RELAXED) != 1);
	b->a = seen + 1;
	asm volatile("" ::: "memory");
	ask_in(seen);
	violation_if(b, load(&b->readers));
	b->b = seen + 1;
	__atomic_sub_fetch(&b->writers, 1, __ATOMIC_RELAXED);
}

static void read_section(struct rwbody *b, uint64_t n)
{
	if (__atomic_add_fetch(&b->readers, 1, __ATOMIC_RELAXED) > 1)
		__atomic_add_fetch(&b->overlaps, 1, __ATOMIC_RELAXED);
	violation_if(b, load(&b->writers));
	violation_if(b, __atomic_load_n(&b->a, __ATOMIC_RELAXED) !=
		     __atomic_load_n(&b->b, __ATOMIC_RELAXED));
	ask_in(n + 7); /* n % 4 is 0 for writes */
	violation_if(b, load(&b->writers));
	__atomic_sub_fetch(&b->readers, 1, __ATOMIC_RELAXED);
}

/**
 * struct worker - one task's part
 * @task: who
 * @body: shared
 * @index: in body->done
 * @identity: whether it says who it is
 * @t: who it is then
 * @n: how often it was in
 */
struct worker {
	struct task task;
	struct rwbody *body;
	int index;
	bool identity;
	struct ksync_thread t;
	uint64_t n;
};

/* Every fourth is a write. */
static int turn(struct worker *w)
{
	struct ksync_thread *t = w->identity ? &w->t : NULL;
	const bool write = w->n % 4 == 0;
	struct rwbody *b = w->body;
	int ret = write ? write_lock(b, t) : b->read(b, t);

	if (ret)
		return ret == -ETIMEDOUT && b->deadlines ? 0 : ret;
	if (write)
		write_section(b);
	else
		read_section(b, w->n);
	b->done[w->index][!write]++;
	w->n++;
	return write ? unlock(b, t) : b->unread(b, t);
}

/* Slots come with the first read lock: the faulty readers want them before. */
static int prepare(struct worker *w)
{
	int ret = ksync_thread_attach(w->body->domain, &w->t);

	if (!ret)
		ret = ksync_rwlock_read_lock_as(&w->body->l, &w->t);
	return ret ? ret : ksync_rwlock_unlock_as(&w->body->l, &w->t);
}

static int work(void *arg)
{
	struct worker *w = arg;
	struct rwbody *b = w->body;
	int ret = w->identity ? prepare(w) : 0;

	while (!ret && !load(&b->stop))
		ret = turn(w);
	if (ret)
		__atomic_add_fetch(&b->errors, 1, __ATOMIC_RELAXED);
	return ret ? 1 : 0;
}

static uint64_t writes(const struct rwbody *b)
{
	uint64_t total = 0;
	int i;

	for (i = 0; i < TASKS; i++)
		total += b->done[i][0];
	return total;
}

static bool excludes(const struct rwbody *b)
{
	return !b->violations && b->a == writes(b) && b->b == b->a;
}

FIXTURE(rwbody)
{
	struct rwbody *b;
	struct worker *w;
};

FIXTURE_VARIANT(rwbody)
{
	uint32_t flags;
	enum task_kind task;
};

FIXTURE_VARIANT_ADD(rwbody, thread) {
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(rwbody, bare) {
	.task = TASK_BARE,
};

FIXTURE_VARIANT_ADD(rwbody, process) {
	.task = TASK_PROCESS,
};

FIXTURE_VARIANT_ADD(rwbody, strict) {
	.flags = KSYNC_RWLOCK_STRICT,
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(rwbody, strict_process) {
	.flags = KSYNC_RWLOCK_STRICT,
	.task = TASK_PROCESS,
};

static void ignore(int sig)
{
	(void)sig;
}

FIXTURE_SETUP(rwbody)
{
	const struct sigaction action = { .sa_handler = ignore };

	self->b = player_memory(sizeof(*self->b));
	self->w = player_memory(TASKS * sizeof(*self->w));
	self->b->read = read_lock;
	self->b->unread = unlock;
	ASSERT_EQ(0, ksync_open(&self->b->domain, 0));
	ASSERT_EQ(0, ksync_rwlock_init(&self->b->l, self->b->domain, variant->flags));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
}

FIXTURE_TEARDOWN(rwbody)
{
	ksync_close(self->b->domain);
}

static void start(struct __test_metadata *_metadata, struct _test_data_rwbody *self,
		  enum task_kind kind, bool identity)
{
	int i;

	for (i = 0; i < TASKS; i++) {
		self->w[i].body = self->b;
		self->w[i].index = i;
		self->w[i].identity = identity;
		ASSERT_EQ(0, task_start(&self->w[i].task, kind, work, &self->w[i]));
	}
}

static void stop(struct __test_metadata *_metadata, struct _test_data_rwbody *self)
{
	int i, status;

	__atomic_store_n(&self->b->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < TASKS; i++) {
		ASSERT_EQ(0, await_gone(task_tid(&self->w[i].task)));
		ASSERT_EQ(0, task_join(&self->w[i].task, &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, self->b->errors);
}

/* Everybody was in for both, readers met readers, and nobody met a writer. */
static void check(struct __test_metadata *_metadata, struct _test_data_rwbody *self)
{
	struct rwbody *b = self->b;
	struct ksync_query q;
	int i;

	EXPECT_EQ(0, b->violations);
	EXPECT_TRUE(excludes(b));
	EXPECT_GT(b->overlaps, 0);
	for (i = 0; i < TASKS; i++) {
		EXPECT_GT(b->done[i][0], 0);
		EXPECT_GT(b->done[i][1], 0);
	}
	ASSERT_EQ(0, ksync_query(&b->l, &q));
	EXPECT_EQ(0, q.word & ~KSYNC_READ);
	EXPECT_EQ(0, q.waiters);
	EXPECT_EQ(0, q.readers);
}

static bool all_have_been_in(const void *arg)
{
	const struct rwbody *b = arg;
	int i;

	for (i = 0; i < TASKS; i++)
		if (!__atomic_load_n(&b->done[i][0], __ATOMIC_RELAXED) ||
		    !__atomic_load_n(&b->done[i][1], __ATOMIC_RELAXED))
			return false;
	return load(&b->overlaps);
}

static bool caught(const void *arg)
{
	return load(&((const struct rwbody *)arg)->violations);
}

/* Half a second at least, and until it says something. */
static void go_on(struct __test_metadata *_metadata, struct _test_data_rwbody *self,
		  bool (*enough)(const void *arg))
{
	const struct timespec half = { .tv_nsec = 500000000 };

	nanosleep(&half, NULL);
	EXPECT_EQ(0, await_true(enough, self->b));
}

TEST_F(rwbody, excludes)
{
	start(_metadata, self, variant->task, variant->task == TASK_BARE);
	go_on(_metadata, self, all_have_been_in);
	stop(_metadata, self);
	check(_metadata, self);
}

/* Waits that end early, in whatever state they are, leave nothing behind. */
TEST_F(rwbody, excludes_with_deadlines)
{
	self->b->deadlines = true;
	start(_metadata, self, variant->task, variant->task == TASK_BARE);
	go_on(_metadata, self, all_have_been_in);
	stop(_metadata, self);
	check(_metadata, self);
}

TEST_F(rwbody, excludes_with_signals)
{
	const uint64_t end = in(SEC / 2);
	int i;

	start(_metadata, self, variant->task, variant->task == TASK_BARE);
	for (i = 0; !passed(end); i = (i + 1) % TASKS) {
		ASSERT_EQ(0, task_kill(&self->w[i].task, SIGUSR1));
		sched_yield();
	}
	EXPECT_EQ(0, await_true(all_have_been_in, self->b));
	stop(_metadata, self);
	check(_metadata, self);
}

static void finds(struct __test_metadata *_metadata, struct _test_data_rwbody *self,
		  enum task_kind kind, read_fn read, read_fn unread)
{
	self->b->read = read;
	self->b->unread = unread;
	start(_metadata, self, kind, true);
	go_on(_metadata, self, caught);
	stop(_metadata, self);
	EXPECT_FALSE(excludes(self->b));
}

TEST_F(rwbody, finds_readers_that_do_not_lock)
{
	finds(_metadata, self, variant->task, no_read, no_read);
}

TEST_F(rwbody, finds_readers_that_do_not_look)
{
	finds(_metadata, self, variant->task, blind_read, blind_unread);
}

TEST_F(rwbody, finds_readers_that_do_not_say)
{
	finds(_metadata, self, variant->task, mute_read, no_read);
}

KSFT_MAIN
