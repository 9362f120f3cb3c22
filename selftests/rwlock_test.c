// SPDX-License-Identifier: GPL-2.0
/*
 * Reader-writer locks: what each call returns, what word and slots say after
 * each step, and who waits for whom.
 */
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/reader.h"

FIXTURE(rwlock)
{
	struct ksync *d;
	struct ksync_rwlock l;
	int fd;
	uint32_t id;
	uint32_t self;
	struct ksync_cell *cells;
	uint32_t *word;
};

FIXTURE_VARIANT(rwlock)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(rwlock, adaptive) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(rwlock, strict) {
	.flags = KSYNC_RWLOCK_STRICT,
};

FIXTURE_SETUP(rwlock)
{
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_rwlock_init(&self->l, self->d, variant->flags));
	self->fd = ksync_fileno(self->d);
	self->id = ksync_rwlock_id(&self->l);
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
	self->cells = raw_map(self->fd, 64);
	ASSERT_NE(NULL, self->cells);
	self->word = &self->cells[self->id].word;
}

FIXTURE_TEARDOWN(rwlock)
{
	ksync_close(self->d);
}

#define EXPECT_WORD(value) \
	EXPECT_EQ((uint32_t)(value), __atomic_load_n(self->word, __ATOMIC_RELAXED))
#define EXPECT_READERS(n)	EXPECT_EQ((n), reader_count(self->fd, self->id))

/* @p waits for the lock, by @step, as the @nth. */
static void begin_wait(struct __test_metadata *_metadata, struct _test_data_rwlock *self,
		       struct player *p, player_step step, uint32_t nth)
{
	player_post(p, step, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, nth));
	ASSERT_EQ(0, player_await_asleep(p));
}

#define NEW_PLAYER(kind)	new_player(_metadata, self, kind)

static struct player *new_player(struct __test_metadata *_metadata,
				 struct _test_data_rwlock *self, enum task_kind kind)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	return p;
}

TEST_F(rwlock, word_and_slots)
{
	EXPECT_WORD(0);
	EXPECT_READERS(0);
	EXPECT_EQ(0, ksync_rwlock_write_lock(&self->l));
	EXPECT_WORD(self->self);
	EXPECT_READERS(0);
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_WORD(0);
	EXPECT_EQ(0, ksync_rwlock_read_lock(&self->l));
	EXPECT_WORD(KSYNC_READ);
	EXPECT_READERS(1);
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_WORD(KSYNC_READ);
	EXPECT_READERS(0);
	/* Now by the fast path. */
	EXPECT_EQ(0, ksync_rwlock_read_lock(&self->l));
	EXPECT_READERS(1);
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_READERS(0);
	/* A writer puts an end to it, once it has seen that nobody reads. */
	EXPECT_EQ(0, ksync_rwlock_write_lock(&self->l));
	EXPECT_WORD(self->self);
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_WORD(0);
}

static void readers_of_kind(struct __test_metadata *_metadata,
			    struct _test_data_rwlock *self, enum task_kind kind)
{
	struct player *a = NEW_PLAYER(kind), *b = NEW_PLAYER(kind);

	EXPECT_EQ(0, player_do(a, step_read, self->id));
	EXPECT_EQ(KSYNC_SLOT(self->id, 1), reader_entry(a, self->id));
	EXPECT_READERS(1);
	EXPECT_EQ(0, player_do(b, step_read_fast, self->id));
	EXPECT_READERS(2);
	EXPECT_EQ(0, ksync_rwlock_read_lock_try(&self->l));
	EXPECT_READERS(3);
	EXPECT_EQ(-EBUSY, player_do(b, step_lock_fast, self->id));
	EXPECT_EQ(0, player_do(a, step_unread, self->id));
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_READERS(1);
	EXPECT_EQ(-EBUSY, ksync_rwlock_write_lock_try(&self->l));
	EXPECT_EQ(0, player_do(b, step_unread, self->id));
	EXPECT_EQ(0, ksync_rwlock_write_lock_try(&self->l));
	EXPECT_EQ(-EBUSY, player_do(a, step_read_try, self->id));
	EXPECT_EQ(-EBUSY, player_do(a, step_read_fast, self->id));
	EXPECT_EQ(-EBUSY, player_do(a, step_lock_try, self->id));
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_EQ(0, player_end(a));
	EXPECT_EQ(0, player_end(b));
}

TEST_F(rwlock, readers_share_and_writers_do_not)
{
	readers_of_kind(_metadata, self, TASK_THREAD);
	readers_of_kind(_metadata, self, TASK_BARE);
	readers_of_kind(_metadata, self, TASK_PROCESS);
}

static void waits_for_reader(struct __test_metadata *_metadata,
			     struct _test_data_rwlock *self, enum task_kind kind)
{
	struct player *r = NEW_PLAYER(kind), *w = NEW_PLAYER(kind);
	struct ksync_query q;

	ASSERT_EQ(0, player_do(r, step_read_fast, self->id));
	begin_wait(_metadata, self, w, step_lock, 1);
	if (!backend_is_futex())
		EXPECT_WORD(w->handle | KSYNC_READ | KSYNC_WAITERS);
	ASSERT_EQ(0, raw_query(self->fd, self->id, &q));
	EXPECT_EQ(KSYNC_KIND_RWLOCK, q.kind);
	EXPECT_EQ(1, q.readers);
	EXPECT_EQ(w->handle, q.owner);
	EXPECT_EQ(100, q.top_prio);
	/* Nobody new gets in. */
	EXPECT_EQ(-EBUSY, ksync_rwlock_read_lock_try(&self->l));
	EXPECT_EQ(-EBUSY, ksync_rwlock_write_lock_try(&self->l));
	/* The lock cannot be destroyed under the writer. */
	EXPECT_EQ(-EBUSY, raw_destroy(self->fd, self->id));
	EXPECT_EQ(0, player_do(r, step_unread, self->id));
	EXPECT_EQ(0, player_result(w));
	EXPECT_WORD(w->handle);
	EXPECT_READERS(0);
	EXPECT_EQ(0, player_do(w, step_unlock, self->id));
	EXPECT_WORD(0);
	EXPECT_EQ(0, player_end(r));
	EXPECT_EQ(0, player_end(w));
}

TEST_F(rwlock, writer_waits_for_readers_to_leave)
{
	waits_for_reader(_metadata, self, TASK_THREAD);
	waits_for_reader(_metadata, self, TASK_BARE);
	waits_for_reader(_metadata, self, TASK_PROCESS);
}

static void waits_for_writer(struct __test_metadata *_metadata,
			     struct _test_data_rwlock *self, enum task_kind kind)
{
	struct player *r[3];
	int i;

	ASSERT_EQ(0, ksync_rwlock_write_lock(&self->l));
	for (i = 0; i < 3; i++) {
		r[i] = NEW_PLAYER(kind);
		begin_wait(_metadata, self, r[i], step_read, i + 1);
	}
	EXPECT_WORD(self->self | KSYNC_WAITERS);
	EXPECT_READERS(0);
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	/* All of them are in at the same time. */
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, player_result(r[i]));
	EXPECT_READERS(3);
	EXPECT_WORD(KSYNC_READ);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, player_do(r[i], step_unread, self->id));
		EXPECT_EQ(0, player_end(r[i]));
	}
}

TEST_F(rwlock, readers_wait_for_the_writer)
{
	waits_for_writer(_metadata, self, TASK_THREAD);
	waits_for_writer(_metadata, self, TASK_BARE);
	waits_for_writer(_metadata, self, TASK_PROCESS);
}

TEST_F(rwlock, only_who_holds_it_unlocks)
{
	struct player *p = NEW_PLAYER(TASK_THREAD);

	EXPECT_EQ(-EPERM, ksync_rwlock_unlock(&self->l));
	ASSERT_EQ(0, player_do(p, step_read, self->id));
	EXPECT_EQ(-EPERM, ksync_rwlock_unlock(&self->l));
	/* Its entry is still there. */
	EXPECT_EQ(-EPERM, player_do(p, step_unlock, self->id));
	ASSERT_EQ(0, player_do(p, step_unread, self->id));
	ASSERT_EQ(0, player_do(p, step_lock, self->id));
	EXPECT_EQ(-EPERM, ksync_rwlock_unlock(&self->l));
	EXPECT_EQ(-EPERM, ksync_rwlock_consistent(&self->l));
	EXPECT_EQ(0, player_do(p, step_unlock, self->id));
	EXPECT_EQ(0, player_end(p));
}

static int step_unlock_read(struct player *p)
{
	return raw_unlock_read(p->fd, p->id, p->handle);
}

TEST_F(rwlock, unlock_read_wants_the_entry_cleared)
{
	struct player *p = NEW_PLAYER(TASK_BARE);

	EXPECT_EQ(0, player_do(p, step_unlock_read, self->id));
	ASSERT_EQ(0, player_do(p, step_read, self->id));
	EXPECT_EQ(-EPERM, player_do(p, step_unlock_read, self->id));
	EXPECT_READERS(1);
	EXPECT_EQ(0, player_do(p, step_unread, self->id));
	EXPECT_EQ(0, player_do(p, step_unlock_read, self->id));
	EXPECT_EQ(0, player_end(p));
}

TEST_F(rwlock, upgrade_is_refused)
{
	struct player *p = NEW_PLAYER(TASK_PROCESS);

	ASSERT_EQ(0, ksync_rwlock_read_lock(&self->l));
	ASSERT_EQ(0, player_do(p, step_read, self->id));
	EXPECT_EQ(-EDEADLK, ksync_rwlock_write_lock(&self->l));
	EXPECT_EQ(-EDEADLK, ksync_rwlock_write_lock_try(&self->l));
	EXPECT_EQ(-EDEADLK, player_do(p, step_lock, self->id));
	EXPECT_READERS(2);
	EXPECT_WORD(KSYNC_READ);
	EXPECT_EQ(0, player_do(p, step_unread, self->id));
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	ASSERT_EQ(0, ksync_rwlock_write_lock(&self->l));
	EXPECT_EQ(-EDEADLK, ksync_rwlock_write_lock(&self->l));
	EXPECT_EQ(-EDEADLK, ksync_rwlock_read_lock(&self->l));
	EXPECT_EQ(-EDEADLK, ksync_rwlock_read_lock_try(&self->l));
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_EQ(0, player_end(p));
}

/* The second time goes past the writer: it would wait for itself else. */
TEST_F(rwlock, recursion_past_a_waiting_writer)
{
	struct player *w = NEW_PLAYER(TASK_THREAD), *r = NEW_PLAYER(TASK_PROCESS);
	int i;

	ASSERT_EQ(0, ksync_rwlock_read_lock(&self->l));
	ASSERT_EQ(0, player_do(r, step_read, self->id));
	begin_wait(_metadata, self, w, step_lock, 1);
	EXPECT_EQ(0, ksync_rwlock_read_lock(&self->l));
	EXPECT_EQ(0, ksync_rwlock_read_lock_try(&self->l));
	EXPECT_EQ(0, player_do(r, step_read, self->id));
	EXPECT_EQ(KSYNC_SLOT(self->id, 2), reader_entry(r, self->id));
	EXPECT_READERS(2);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(1, w->taken - w->done);
		EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	}
	EXPECT_EQ(0, player_do(r, step_unread, self->id));
	EXPECT_READERS(1);
	EXPECT_EQ(1, w->taken - w->done);
	EXPECT_EQ(0, player_do(r, step_unread, self->id));
	EXPECT_EQ(0, player_result(w));
	EXPECT_EQ(0, player_do(w, step_unlock, self->id));
	EXPECT_EQ(0, player_end(w));
	EXPECT_EQ(0, player_end(r));
}

TEST_F(rwlock, depth_has_an_end)
{
	struct player *p = NEW_PLAYER(TASK_THREAD);
	unsigned int i;

	for (i = 0; i < KSYNC_SLOT_DEPTH_MAX; i++) {
		ASSERT_EQ(0, ksync_rwlock_read_lock(&self->l));
		ASSERT_EQ(0, player_do(p, step_read, self->id));
	}
	EXPECT_EQ(-EAGAIN, ksync_rwlock_read_lock(&self->l));
	EXPECT_EQ(-EAGAIN, player_do(p, step_read, self->id));
	for (i = 0; i < KSYNC_SLOT_DEPTH_MAX; i++) {
		ASSERT_EQ(0, ksync_rwlock_unlock(&self->l));
		ASSERT_EQ(0, player_do(p, step_unread, self->id));
	}
	EXPECT_EQ(-EPERM, ksync_rwlock_unlock(&self->l));
	EXPECT_READERS(0);
	EXPECT_EQ(0, player_end(p));
}

static struct timespec after(clockid_t clock, long ms)
{
	return to_timespec(raw_deadline(clock, ms));
}

/* Whoever has it has @mine; somebody else tries to write and to read. */
static void timed(struct __test_metadata *_metadata, struct _test_data_rwlock *self,
		  struct player *holder, clockid_t clock, uint32_t word)
{
	const struct timespec past = after(clock, -1000), soon = after(clock, 30);
	const struct timespec bad = { .tv_nsec = -1 };
	const bool read = word & KSYNC_READ;

	EXPECT_EQ(-ETIMEDOUT, ksync_rwlock_write_lock_timed(&self->l, clock, &past));
	EXPECT_WORD(word);
	EXPECT_EQ(-ETIMEDOUT, ksync_rwlock_write_lock_timed(&self->l, clock, &soon));
	EXPECT_GE(now(clock), soon.tv_sec * SEC + soon.tv_nsec);
	EXPECT_WORD(word);
	EXPECT_EQ(read ? 0 : -ETIMEDOUT,
		  ksync_rwlock_read_lock_timed(&self->l, clock, &past));
	if (read)
		EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_WORD(word);
	EXPECT_EQ(-EINVAL, ksync_rwlock_write_lock_timed(&self->l, clock, &bad));
	EXPECT_EQ(read ? 0 : -EINVAL,
		  ksync_rwlock_read_lock_timed(&self->l, clock, &bad));
	if (read)
		EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 0));
	EXPECT_EQ(0, player_do(holder, read ? step_unread : step_unlock, self->id));
}

static void timed_both(struct __test_metadata *_metadata, struct _test_data_rwlock *self,
		       clockid_t clock)
{
	struct player *p = NEW_PLAYER(TASK_PROCESS);

	/* The fast path of reading, that does not look at the clock, wants a slot. */
	ASSERT_EQ(0, ksync_rwlock_read_lock(&self->l));
	ASSERT_EQ(0, ksync_rwlock_unlock(&self->l));
	ASSERT_EQ(0, player_do(p, step_read, self->id));
	timed(_metadata, self, p, clock, KSYNC_READ);
	ASSERT_EQ(0, player_do(p, step_lock, self->id));
	timed(_metadata, self, p, clock, p->handle);
	EXPECT_EQ(0, player_end(p));
}

TEST_F(rwlock, lock_timed_on_both_clocks)
{
	timed_both(_metadata, self, CLOCK_MONOTONIC);
	timed_both(_metadata, self, CLOCK_REALTIME);
}

/* A writer that gives up lets those behind it in. */
TEST_F(rwlock, timeout_of_a_writer_frees_the_readers_behind)
{
	struct player *w = NEW_PLAYER(TASK_BARE), *r = NEW_PLAYER(TASK_PROCESS);
	struct player *w2 = NEW_PLAYER(TASK_PROCESS);

	NEEDS(PHASES);
	ASSERT_EQ(0, ksync_rwlock_read_lock(&self->l));
	w->deadline = raw_deadline(CLOCK_MONOTONIC, 1000);
	begin_wait(_metadata, self, w, step_lock_until, 1);
	begin_wait(_metadata, self, r, step_read, 2);
	begin_wait(_metadata, self, w2, step_lock, 3);
	EXPECT_EQ(-ETIMEDOUT, player_result(w));
	EXPECT_EQ(0, player_result(r));
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_READERS(1);
	EXPECT_EQ(0, player_do(r, step_unread, self->id));
	EXPECT_EQ(0, player_result(w2));
	EXPECT_EQ(0, player_do(w2, step_unlock, self->id));
	EXPECT_WORD(0);
	EXPECT_EQ(0, player_end(w));
	EXPECT_EQ(0, player_end(r));
	EXPECT_EQ(0, player_end(w2));
}

TEST_F(rwlock, granted_wins_over_a_deadline_that_passed)
{
	EXPECT_EQ(0, raw_lock(self->fd, self->id, self->self, 0, 0));
	EXPECT_EQ(0, raw_unlock(self->fd, self->id, self->self));
	ASSERT_EQ(0, ksync_rwlock_read_lock(&self->l));
	ASSERT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_EQ(0, raw_lock(self->fd, self->id, self->self, 0, 0));
	EXPECT_EQ(0, raw_unlock(self->fd, self->id, self->self));
}

TEST_F(rwlock, downgrade)
{
	struct player *r = NEW_PLAYER(TASK_PROCESS), *w = NEW_PLAYER(TASK_THREAD);

	EXPECT_EQ(-EPERM, ksync_rwlock_downgrade(&self->l));
	ASSERT_EQ(0, ksync_rwlock_write_lock(&self->l));
	EXPECT_EQ(0, ksync_rwlock_downgrade(&self->l));
	EXPECT_WORD(KSYNC_READ);
	EXPECT_READERS(1);
	EXPECT_EQ(-EPERM, ksync_rwlock_downgrade(&self->l));
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_READERS(0);
	/* The writer that waits does not get it, the reader does. */
	ASSERT_EQ(0, ksync_rwlock_write_lock(&self->l));
	begin_wait(_metadata, self, w, step_lock, 1);
	begin_wait(_metadata, self, r, step_read, 2);
	EXPECT_EQ(0, ksync_rwlock_downgrade(&self->l));
	EXPECT_EQ(0, player_result(r));
	EXPECT_READERS(2);
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_EQ(1, w->taken - w->done);
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_EQ(0, player_do(r, step_unread, self->id));
	EXPECT_EQ(0, player_result(w));
	EXPECT_EQ(0, player_do(w, step_unlock, self->id));
	EXPECT_EQ(0, player_end(r));
	EXPECT_EQ(0, player_end(w));
}

TEST_F(rwlock, overwritten_word_is_reported)
{
	NEEDS(GUARDED);
	*self->word = self->self + 1000;
	EXPECT_EQ(-EUCLEAN, ksync_rwlock_write_lock(&self->l));
	EXPECT_EQ(-EUCLEAN, ksync_rwlock_read_lock(&self->l));
	*self->word = KSYNC_HANDOFF | KSYNC_READ;
	EXPECT_EQ(-EUCLEAN, ksync_rwlock_write_lock(&self->l));
	EXPECT_EQ(-EUCLEAN, ksync_rwlock_read_lock(&self->l));
	*self->word = KSYNC_READ;
	EXPECT_EQ(0, ksync_rwlock_write_lock(&self->l));
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_WORD(0);
}

static int read_as(void *arg)
{
	struct ksync_rwlock *l = arg;
	struct ksync_thread t;
	int ret = -ksync_thread_attach(l->o.domain, &t);

	if (!ret)
		ret = -ksync_rwlock_read_lock_as(l, &t);
	if (!ret && reader_count(ksync_fileno(l->o.domain), ksync_rwlock_id(l)) != 1)
		ret = 200;
	if (!ret)
		ret = -ksync_rwlock_unlock_as(l, &t);
	if (!ret)
		ret = -ksync_rwlock_write_lock_as(l, &t);
	if (!ret)
		ret = -ksync_rwlock_downgrade_as(l, &t);
	if (!ret)
		ret = -ksync_rwlock_unlock_as(l, &t);
	return ret;
}

TEST_F(rwlock, task_without_tls_uses_the_as_functions)
{
	struct task t;
	int status;

	ASSERT_EQ(0, ksync_rwlock_write_lock(&self->l));
	ASSERT_EQ(0, task_start(&t, TASK_BARE, read_as, &self->l));
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	ASSERT_EQ(0, await_asleep(task_tid(&t)));
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	ASSERT_EQ(0, task_join(&t, &status));
	EXPECT_EQ(0, status);
	EXPECT_WORD(KSYNC_READ);
}

KSFT_MAIN
