// SPDX-License-Identifier: GPL-2.0
/*
 * Reader-writer locks: whose turn it is.  Priority comes first; among equals
 * readers that wait go after one writer, and a writer after the readers that are
 * in, so that neither side starves the other.
 */
#include <signal.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/reader.h"
#include "lib/sys.h"

#define CROWD	64	/* against one */
#define TURNS	8	/* that the one gets */

FIXTURE(order)
{
	int fd;
	struct ksync_cell *cells;
	uint32_t id;
	uint32_t self;
};

FIXTURE_VARIANT(order)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(order, adaptive) {
};

FIXTURE_VARIANT_ADD(order, strict) {
	.flags = KSYNC_RWLOCK_STRICT,
};

/* Handlers run in the players, which are processes of their own. */
static uint32_t *handled;

FIXTURE_SETUP(order)
{
	handled = player_memory(sizeof(*handled));
	self->fd = raw_open();
	self->cells = raw_map(self->fd, 512);
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_RWLOCK, variant->flags, &self->id));
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
}

FIXTURE_TEARDOWN(order)
{
	close(self->fd);
}

#define NEW_PLAYER(prio)	new_player(_metadata, self, prio)

static struct player *new_player(struct __test_metadata *_metadata,
				 struct _test_data_order *self, int prio)
{
	static int nth;
	struct player *p = player_start(nth++ % 3, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	if (prio)
		ASSERT_EQ(0, sched_fifo(task_tid(&p->task), prio));
	return p;
}

/* Let it wait for the lock, which has @n waiters then. */
static int wait_for(const struct _test_data_order *self, struct player *p,
		    player_step step, uint32_t n)
{
	int ret;

	player_post(p, step, self->id);
	ret = await_waiters(self->fd, self->id, n);
	return ret ? ret : player_await_asleep(p);
}

#define WAIT_FOR(p, step, n)	ASSERT_EQ(0, wait_for(self, p, step, n))

static bool waits(const struct player *p)
{
	return __atomic_load_n(&p->done, __ATOMIC_ACQUIRE) != p->posted;
}

static int lock(struct _test_data_order *self)
{
	return raw_lock(self->fd, self->id, self->self, 0, KSYNC_NO_DEADLINE);
}

static int unlock(struct _test_data_order *self)
{
	return raw_unlock(self->fd, self->id, self->self);
}

static bool one_is_through(const void *arg)
{
	struct player *const *w = arg;

	return !waits(w[0]) || !waits(w[1]);
}

TEST_F(order, phases_alternate)
{
	struct player *w[2], *r[3], *first, *second;
	int i;

	for (i = 0; i < 2; i++)
		w[i] = NEW_PLAYER(0);
	for (i = 0; i < 3; i++)
		r[i] = NEW_PLAYER(0);
	ASSERT_EQ(0, lock(self));
	WAIT_FOR(w[0], step_lock, 1);
	WAIT_FOR(r[0], step_read, 2);
	WAIT_FOR(w[1], step_lock, 3);
	WAIT_FOR(r[1], step_read, 4);

	/* After one writer, all readers that wait, before writers that came first. */
	ASSERT_EQ(0, unlock(self));
	EXPECT_EQ(0, player_result(r[0]));
	EXPECT_EQ(0, player_result(r[1]));
	EXPECT_EQ(2, reader_count(self->fd, self->id));
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 2));
	EXPECT_TRUE(waits(w[0]) && waits(w[1]));

	/* A writer has the word now: who comes later waits for it. */
	ASSERT_EQ(0, await_asleep(task_tid(&w[0]->task)));
	ASSERT_EQ(0, await_asleep(task_tid(&w[1]->task)));
	WAIT_FOR(r[2], step_read, 3);
	ASSERT_EQ(0, player_do(r[0], step_unread, self->id));
	EXPECT_TRUE(waits(w[0]) && waits(w[1]) && waits(r[2]));
	ASSERT_EQ(0, player_do(r[1], step_unread, self->id));
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 2));
	ASSERT_EQ(0, await_true(one_is_through, w));
	first = waits(w[0]) ? w[1] : w[0];
	second = first == w[0] ? w[1] : w[0];
	EXPECT_EQ(0, player_result(first));
	EXPECT_TRUE(waits(second) && waits(r[2]));

	/* After it the reader, though the other writer has waited longer. */
	ASSERT_EQ(0, player_do(first, step_unlock, self->id));
	EXPECT_EQ(0, player_result(r[2]));
	EXPECT_TRUE(waits(second));
	ASSERT_EQ(0, player_do(r[2], step_unread, self->id));
	EXPECT_EQ(0, player_result(second));
	EXPECT_EQ(0, player_do(second, step_unlock, self->id));
	EXPECT_EQ(0, self->cells[self->id].word);
}

TEST_F(order, a_more_important_writer_goes_first)
{
	struct player *r = NEW_PLAYER(10), *w = NEW_PLAYER(20), *late = NEW_PLAYER(30);

	ASSERT_EQ(0, lock(self));
	WAIT_FOR(r, step_read, 1);
	WAIT_FOR(w, step_lock, 2);
	ASSERT_EQ(0, unlock(self));
	EXPECT_EQ(0, player_result(w));
	EXPECT_TRUE(waits(r));
	/* And a more important reader before all. */
	WAIT_FOR(late, step_read, 2);
	EXPECT_EQ(0, player_do(w, step_unlock, self->id));
	EXPECT_EQ(0, player_result(late));
	EXPECT_EQ(0, player_result(r));
	EXPECT_EQ(2, reader_count(self->fd, self->id));
}

TEST_F(order, readers_overtake_no_writer_that_drains)
{
	struct player *in = NEW_PLAYER(0), *w = NEW_PLAYER(0), *r = NEW_PLAYER(50);

	ASSERT_EQ(0, player_do(in, step_read_fast, self->id));
	WAIT_FOR(w, step_lock, 1);
	EXPECT_EQ(-EBUSY, player_do(r, step_read_fast, self->id));
	EXPECT_EQ(-EBUSY, player_do(r, step_read_try, self->id));
	WAIT_FOR(r, step_read, 2);
	EXPECT_EQ(0, player_do(in, step_unread, self->id));
	EXPECT_EQ(0, player_result(w));
	EXPECT_TRUE(waits(r));
	EXPECT_EQ(0, player_do(w, step_unlock, self->id));
	EXPECT_EQ(0, player_result(r));
}

/* The last one behind a writer leaves; the reader still has to say that it does. */
TEST_F(order, waiter_that_leaves_does_not_silence_the_reader)
{
	struct player *in = NEW_PLAYER(0), *w = NEW_PLAYER(0), *late = NEW_PLAYER(0);

	ASSERT_EQ(0, player_do(in, step_read_fast, self->id));
	WAIT_FOR(w, step_lock, 1);
	late->flags = 0;
	late->deadline = raw_deadline(CLOCK_MONOTONIC, 30);
	EXPECT_EQ(-ETIMEDOUT, player_do(late, step_lock_until, self->id));
	EXPECT_EQ(w->handle | KSYNC_READ | KSYNC_WAITERS, self->cells[self->id].word);
	EXPECT_EQ(0, player_do(in, step_unread, self->id));
	EXPECT_EQ(0, player_result(w));
	EXPECT_EQ(0, player_do(w, step_unlock, self->id));
	EXPECT_EQ(0, self->cells[self->id].word);
}

/*
 * The waiter cannot run: this task is more important and on the same CPU.  The
 * word may be free, but is on its way to a reader: no writer comes between.
 */
TEST_F(order, writer_does_not_overtake_readers)
{
	struct player *r = NEW_PLAYER(0);

	ASSERT_EQ(0, pin_cpu(task_tid(&r->task), 0));
	ASSERT_EQ(0, pin_cpu(0, 0));
	ASSERT_EQ(0, lock(self));
	WAIT_FOR(r, step_read, 1);
	ASSERT_EQ(0, sched_fifo(0, 50));
	ASSERT_EQ(0, unlock(self));
	EXPECT_EQ(-EBUSY, raw_lock(self->fd, self->id, self->self, KSYNC_WAIT_TRY,
				   KSYNC_NO_DEADLINE));
	EXPECT_TRUE(waits(r));
	ASSERT_EQ(0, sched_other(0));
	EXPECT_EQ(0, player_result(r));
}

/*
 * What a reader does that waited for the module, has published its entry in user
 * space, and finds a writer: no trace of it may hold the writer up.
 */
static int step_publish(struct player *p)
{
	int ret = step_slot(p);

	if (!ret)
		__atomic_exchange_n((uint32_t *)&p->cells[p->slot], KSYNC_SLOT(p->id, 1),
				    __ATOMIC_SEQ_CST);
	return ret;
}

static int step_clear(struct player *p)
{
	__atomic_exchange_n((uint32_t *)&p->cells[p->slot], 0, __ATOMIC_SEQ_CST);
	return 0;
}

TEST_F(order, entry_taken_back_before_waiting)
{
	struct player *in = NEW_PLAYER(0), *w = NEW_PLAYER(0), *r = NEW_PLAYER(0);

	ASSERT_EQ(0, player_do(in, step_publish, self->id));
	ASSERT_EQ(0, player_do(r, step_publish, self->id));
	__atomic_store_n(&self->cells[self->id].word, KSYNC_READ, __ATOMIC_SEQ_CST);
	WAIT_FOR(w, step_lock, 1);
	/* The writer waits for the first one, which does not say UNLOCK. */
	ASSERT_EQ(0, player_do(in, step_clear, self->id));
	EXPECT_TRUE(waits(w));
	player_post(in, step_read, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 2));
	EXPECT_EQ(0, player_do(r, step_unread, self->id));
	EXPECT_EQ(0, player_result(w));
	EXPECT_TRUE(waits(in));
	EXPECT_EQ(0, player_do(w, step_unlock, self->id));
	EXPECT_EQ(0, player_result(in));
}

static void handler(int sig)
{
	(void)sig;
	__atomic_fetch_add(handled, 1, __ATOMIC_RELEASE);
}

static int step_catch(struct player *p)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = p->flags };

	return sigaction(SIGUSR1, &action, NULL);
}

/* A process waits by @step with @flags, and catches signals with @sa_flags. */
static struct player *catcher(struct __test_metadata *_metadata,
			      struct _test_data_order *self, player_step step,
			      uint32_t flags, int sa_flags)
{
	struct player *p = player_start(TASK_PROCESS, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	p->flags = sa_flags;
	ASSERT_EQ(0, player_do(p, step_catch, 0));
	p->flags = flags;
	p->deadline = KSYNC_NO_DEADLINE;
	WAIT_FOR(p, step, 1);
	return p;
}

TEST_F(order, interruptible_waits_end_with_eintr)
{
	struct player *in = NEW_PLAYER(0), *p;

	ASSERT_EQ(0, player_do(in, step_read_fast, self->id));
	p = catcher(_metadata, self, step_lock_until, KSYNC_WAIT_INTERRUPTIBLE, 0);
	ASSERT_EQ(0, task_kill(&p->task, SIGUSR1));
	EXPECT_EQ(-EINTR, player_result(p));
	EXPECT_EQ(1, *handled);
	EXPECT_EQ(KSYNC_READ, self->cells[self->id].word);
	EXPECT_EQ(0, player_do(in, step_unread, self->id));
	ASSERT_EQ(0, lock(self));
	p = catcher(_metadata, self, step_read_until, KSYNC_WAIT_INTERRUPTIBLE, 0);
	ASSERT_EQ(0, task_kill(&p->task, SIGUSR1));
	EXPECT_EQ(-EINTR, player_result(p));
	EXPECT_EQ(2, *handled);
	EXPECT_EQ(self->self, self->cells[self->id].word);
	EXPECT_EQ(0, unlock(self));
}

/* @restart: what lets a wait go on after the handler. */
static void goes_on(struct __test_metadata *_metadata, struct _test_data_order *self,
		    uint32_t flags, int sa_flags)
{
	struct player *in = NEW_PLAYER(0), *p;

	__atomic_store_n(handled, 0, __ATOMIC_RELEASE);
	ASSERT_EQ(0, player_do(in, step_read_fast, self->id));
	p = catcher(_metadata, self, step_lock_until, flags, sa_flags);
	ASSERT_EQ(0, task_kill(&p->task, SIGUSR1));
	ASSERT_EQ(0, await_value(handled, 1));
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_TRUE(waits(p));
	EXPECT_EQ(0, player_do(in, step_unread, self->id));
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, player_do(p, step_unlock, self->id));
	ASSERT_EQ(0, lock(self));
	p = catcher(_metadata, self, step_read_until, flags, sa_flags);
	ASSERT_EQ(0, task_kill(&p->task, SIGUSR1));
	ASSERT_EQ(0, await_value(handled, 2));
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_TRUE(waits(p));
	EXPECT_EQ(0, unlock(self));
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, player_do(p, step_unread, self->id));
}

TEST_F(order, other_waits_go_on_after_a_handler)
{
	goes_on(_metadata, self, 0, 0);
	goes_on(_metadata, self, KSYNC_WAIT_INTERRUPTIBLE, SA_RESTART);
}

/**
 * struct crowd - many against one
 * @l: what they fight for
 * @writes: the crowd does; else it reads
 * @stop: not zero: the one has had its turns
 * @turns: what the one has got of them
 * @done: what all of the crowd got
 * @errors: operations that failed
 */
struct crowd {
	struct ksync_rwlock l;
	bool writes;
	uint32_t stop;
	uint32_t turns;
	uint64_t done;
	uint32_t errors;
};

static int lock_once(struct crowd *c, bool write)
{
	int ret = write ? ksync_rwlock_write_lock(&c->l) : ksync_rwlock_read_lock(&c->l);

	if (ret)
		return ret;
	/* Whoever is next on this CPU comes while this one is in. */
	sched_yield();
	return ksync_rwlock_unlock(&c->l);
}

static int be_many(void *arg)
{
	struct crowd *c = arg;
	uint64_t n = 0;

	for (; !__atomic_load_n(&c->stop, __ATOMIC_RELAXED); n++)
		if (lock_once(c, c->writes))
			__atomic_add_fetch(&c->errors, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&c->done, n, __ATOMIC_RELAXED);
	return 0;
}

static int be_one(void *arg)
{
	struct crowd *c = arg;

	while (c->turns < TURNS) {
		if (lock_once(c, !c->writes))
			__atomic_add_fetch(&c->errors, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&c->turns, 1, __ATOMIC_RELEASE);
	}
	return 0;
}

static void against_a_crowd(struct __test_metadata *_metadata, uint32_t flags, bool writes)
{
	struct crowd *c = player_memory(sizeof(*c));
	struct task *t = player_memory((CROWD + 1) * sizeof(*t));
	struct ksync *d;
	int i;

	ASSERT_EQ(0, ksync_open(&d, 0));
	ASSERT_EQ(0, ksync_rwlock_init(&c->l, d, flags));
	c->writes = writes;
	for (i = 0; i < CROWD; i++)
		ASSERT_EQ(0, task_start(&t[i], TASK_THREAD, be_many, c));
	ASSERT_EQ(0, task_start(&t[CROWD], TASK_THREAD, be_one, c));
	EXPECT_EQ(0, await_value(&c->turns, TURNS));
	__atomic_store_n(&c->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i <= CROWD; i++)
		ASSERT_EQ(0, task_join(&t[i], NULL));
	EXPECT_EQ(0, c->errors);
	EXPECT_GT(c->done, CROWD);
	EXPECT_EQ(0, reader_count(ksync_fileno(d), ksync_rwlock_id(&c->l)));
	ksync_close(d);
}

TEST_F(order, writer_among_readers_does_not_starve)
{
	against_a_crowd(_metadata, variant->flags, false);
}

TEST_F(order, reader_among_writers_does_not_starve)
{
	against_a_crowd(_metadata, variant->flags, true);
}

KSFT_MAIN
