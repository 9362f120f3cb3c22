// SPDX-License-Identifier: GPL-2.0
/*
 * Objects in poll() and select(): when each kind is ready, and that whoever polls
 * is told of each thing that makes it so.
 */
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/poller.h"
#include "lib/reader.h"

FIXTURE(poll)
{
	int fd;
	struct ksync_cell *cells;
	uint32_t self;
	uint32_t sem, event, manual, waitq, waitq2, cond, mutex, strict, spin, rwlock;
	struct player *p;
};

FIXTURE_SETUP(poll)
{
	self->fd = raw_open();
	self->cells = raw_map(self->fd, 64);
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &self->sem));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_EVENT, 0, &self->event));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_EVENT, KSYNC_EVENT_MANUAL, &self->manual));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &self->waitq));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &self->waitq2));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_COND, 0, &self->cond));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &self->mutex));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_STRICT, &self->strict));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SPIN, 0, &self->spin));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_RWLOCK, 0, &self->rwlock));
	self->p = player_start(TASK_THREAD, self->fd, self->cells);
	ASSERT_NE(NULL, self->p);
}

FIXTURE_TEARDOWN(poll)
{
	close(self->fd);
}

#define WORD(id)	__atomic_load_n(&self->cells[id].word, __ATOMIC_ACQUIRE)
#define OWNER(id)	(WORD(id) & KSYNC_OWNER)
#define BOTH		(POLLIN | POLLOUT)
#define LOCK(id)	ASSERT_EQ(0, raw_lock(self->fd, id, self->self, 0, 0))
#define UNLOCK(id)	ASSERT_EQ(0, raw_unlock(self->fd, id, self->self))

static int open_fd(struct __test_metadata *_metadata, struct _test_data_poll *self, uint32_t id)
{
	int fd = raw_fd(self->fd, id, 0);

	ASSERT_LE(0, fd);
	return fd;
}

#define OPEN(id) open_fd(_metadata, self, id)

static void post(struct __test_metadata *_metadata, struct _test_data_poll *self,
		 uint32_t id, uint32_t n)
{
	uint32_t was;

	ASSERT_EQ(0, raw_release(self->fd, id, 0, n, &was));
}

#define POST(id) post(_metadata, self, id, 1)

/* Somebody who polls @fd for @events; it sleeps on return. */
static void begin(struct __test_metadata *_metadata, struct _test_data_poll *self,
		  player_step step, int fd, int events)
{
	self->p->flags = events;
	player_post(self->p, step, fd);
	ASSERT_EQ(0, player_await_asleep(self->p));
}

/* It is told, and that @answer is so, which is so for all who look. */
static void told(struct __test_metadata *_metadata, struct _test_data_poll *self,
		 int fd, int answer)
{
	EXPECT_EQ(answer, player_result(self->p));
	EXPECT_EQ(answer, poll_now(fd) & (answer | self->p->flags));
}

#define BEGIN(fd, events)	begin(_metadata, self, step_poll, fd, events)
#define TOLD(fd, answer)	told(_metadata, self, fd, answer)

static void gone(struct __test_metadata *_metadata, struct _test_data_poll *self,
		 uint32_t id)
{
	EXPECT_EQ(0, WORD(id) & KSYNC_WAITERS);
	EXPECT_EQ(0, self->cells[id].waiters);
	EXPECT_EQ(0, raw_destroy(self->fd, id));
}

/* What polling has left is gone once something was done; nothing is busy. */
#define GONE(id) gone(_metadata, self, id)

static uint32_t another_sem(struct __test_metadata *_metadata, struct _test_data_poll *self)
{
	uint32_t id;

	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &id));
	return id;
}

TEST_F(poll, sem)
{
	int fd = OPEN(self->sem);

	EXPECT_EQ(0, poll_now(fd));
	BEGIN(fd, POLLIN);
	EXPECT_EQ(KSYNC_WAITERS, WORD(self->sem));
	EXPECT_EQ(1, self->cells[self->sem].waiters);
	POST(self->sem);
	TOLD(fd, POLLIN);
	/* Nobody is hooked any more: this post sees that. */
	POST(self->sem);
	EXPECT_EQ(2, WORD(self->sem));
	EXPECT_EQ(POLLIN, poll_now(fd));
	self->cells[self->sem].word = 0;
	EXPECT_EQ(0, poll_now(fd));
	GONE(self->sem);
}

TEST_F(poll, event)
{
	int fd = OPEN(self->event), fd2 = OPEN(self->manual);

	EXPECT_EQ(0, poll_now(fd));
	EXPECT_EQ(0, poll_now(fd2));
	BEGIN(fd, POLLIN);
	POST(self->event);
	TOLD(fd, POLLIN);
	BEGIN(fd2, POLLIN);
	POST(self->manual);
	TOLD(fd2, POLLIN);
	EXPECT_EQ(0, raw_acquire(self->fd, self->manual, 0, 0));
	EXPECT_EQ(POLLIN, poll_now(fd2));
	EXPECT_EQ(0, raw_acquire(self->fd, self->event, 0, 0));
	EXPECT_EQ(0, poll_now(fd));
	POST(self->event);
	POST(self->manual);
	GONE(self->event);
	GONE(self->manual);
}

TEST_F(poll, waitq)
{
	struct ksync_requeue arg = { .from = self->waitq, .to = self->waitq2, .move = 1 };
	int fd = OPEN(self->waitq);
	uint32_t n;

	EXPECT_EQ(0, poll_now(fd));
	BEGIN(fd, POLLIN);
	EXPECT_EQ(1, self->cells[self->waitq].waiters);
	self->cells[self->waitq].word = 1;
	ASSERT_EQ(0, raw_wake(self->fd, self->waitq, 1, 1, &n));
	EXPECT_EQ(0, n);
	TOLD(fd, POLLIN);
	ASSERT_EQ(0, raw_expect(fd, 1));
	EXPECT_EQ(0, poll_now(fd));
	BEGIN(fd, POLLIN);
	self->cells[self->waitq].word = 2;
	ASSERT_EQ(0, raw_requeue(self->fd, &arg));
	TOLD(fd, POLLIN);
	ASSERT_EQ(0, raw_expect(fd, 2));
	BEGIN(fd, POLLIN);
	ASSERT_EQ(0, raw_expect(fd, 3));
	TOLD(fd, POLLIN);
	ASSERT_EQ(0, raw_wake(self->fd, self->waitq, 1, 1, &n));
	GONE(self->waitq);
}

TEST_F(poll, cond)
{
	int fd = OPEN(self->cond);
	uint32_t n;

	EXPECT_EQ(0, poll_now(fd));
	BEGIN(fd, POLLIN);
	EXPECT_EQ(1, self->cells[self->cond].waiters);
	self->cells[self->cond].word++;
	ASSERT_EQ(0, raw_cond_signal(self->fd, self->cond, 1, &n));
	TOLD(fd, POLLIN);
	ASSERT_EQ(0, raw_cond_signal(self->fd, self->cond, 1, &n));
	GONE(self->cond);
}

static void lock_of_kind(struct __test_metadata *_metadata, struct _test_data_poll *self,
			 uint32_t id)
{
	int fd = OPEN(id);

	EXPECT_EQ(POLLIN, poll_now(fd));
	LOCK(id);
	EXPECT_EQ(0, poll_now(fd));
	BEGIN(fd, POLLIN);
	EXPECT_EQ(self->self | KSYNC_WAITERS, WORD(id));
	UNLOCK(id);
	TOLD(fd, POLLIN);
	LOCK(id);
	UNLOCK(id);
	EXPECT_EQ(0, WORD(id));
	GONE(id);
}

TEST_F(poll, mutex)
{
	lock_of_kind(_metadata, self, self->mutex);
	lock_of_kind(_metadata, self, self->strict);
}

TEST_F(poll, spin)
{
	lock_of_kind(_metadata, self, self->spin);
}

TEST_F(poll, mutex_whose_owner_dies)
{
	struct player *owner = player_start(TASK_PROCESS, self->fd, self->cells);
	int fd = OPEN(self->mutex);

	ASSERT_NE(NULL, owner);
	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->mutex));
	BEGIN(fd, POLLIN);
	ASSERT_EQ(0, player_end(owner));
	TOLD(fd, POLLIN);
	EXPECT_EQ(-EOWNERDEAD, raw_lock(self->fd, self->mutex, self->self, KSYNC_WAIT_TRY, 0));
	/* Released inconsistent: nobody can have it, and who polls is told that. */
	BEGIN(fd, POLLIN);
	UNLOCK(self->mutex);
	TOLD(fd, POLLIN | POLLERR);
	EXPECT_EQ(0, raw_destroy(self->fd, self->mutex));
}

TEST_F(poll, overwritten_word)
{
	int fd = OPEN(self->mutex);

	self->cells[self->mutex].word = 4711;
	EXPECT_EQ(POLLIN | POLLERR, poll_now(fd));
	self->cells[self->mutex].word = KSYNC_NOTRECOVERABLE;
	EXPECT_EQ(POLLIN | POLLERR, poll_now(fd));
	self->cells[self->mutex].word = KSYNC_HANDOFF;
	EXPECT_EQ(0, poll_now(fd));
	self->cells[self->mutex].word = KSYNC_OWNER_DIED;
	EXPECT_EQ(POLLIN, poll_now(fd));
}

TEST_F(poll, rwlock)
{
	struct player *reader = player_start(TASK_PROCESS, self->fd, self->cells);
	struct player *second = player_start(TASK_PROCESS, self->fd, self->cells);
	int fd = OPEN(self->rwlock);

	ASSERT_NE(NULL, reader);
	ASSERT_NE(NULL, second);
	EXPECT_EQ(BOTH, poll_now(fd));
	LOCK(self->rwlock);
	EXPECT_EQ(0, poll_now(fd));
	BEGIN(fd, BOTH);
	UNLOCK(self->rwlock);
	TOLD(fd, BOTH);

	/* While somebody reads, others may read. */
	ASSERT_EQ(0, player_do(reader, step_read, self->rwlock));
	ASSERT_EQ(0, player_do(second, step_read_fast, self->rwlock));
	EXPECT_EQ(POLLIN, poll_now(fd));
	BEGIN(fd, POLLOUT);
	ASSERT_EQ(0, player_do(reader, step_unread, self->rwlock));
	ASSERT_EQ(0, player_await_asleep(self->p));
	EXPECT_EQ(POLLIN, poll_now(fd));
	ASSERT_EQ(0, player_do(second, step_unread, self->rwlock));
	TOLD(fd, POLLOUT);

	/* A reader that dies has left. */
	ASSERT_EQ(0, player_do(reader, step_read, self->rwlock));
	BEGIN(fd, POLLOUT);
	ASSERT_EQ(0, player_end(reader));
	TOLD(fd, POLLOUT);
	LOCK(self->rwlock);
	UNLOCK(self->rwlock);
	EXPECT_EQ(0, player_end(second));
	GONE(self->rwlock);
}

TEST_F(poll, rwlock_whose_writer_dies)
{
	struct player *owner = player_start(TASK_PROCESS, self->fd, self->cells);
	int fd = OPEN(self->rwlock);

	ASSERT_NE(NULL, owner);
	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->rwlock));
	BEGIN(fd, BOTH);
	ASSERT_EQ(0, player_end(owner));
	TOLD(fd, BOTH);
}

TEST_F(poll, select_tells_the_same)
{
	int fd = OPEN(self->sem), fd2 = OPEN(self->rwlock);

	begin(_metadata, self, step_select, fd, POLLIN);
	POST(self->sem);
	EXPECT_EQ(POLLIN, player_result(self->p));
	LOCK(self->rwlock);
	begin(_metadata, self, step_select, fd2, BOTH);
	UNLOCK(self->rwlock);
	EXPECT_EQ(BOTH, player_result(self->p));
}

TEST_F(poll, what_waiters_get_is_not_ready)
{
	struct player *taker = player_start(TASK_PROCESS, self->fd, self->cells);
	int fd = OPEN(self->sem), fd2 = OPEN(self->strict);

	ASSERT_NE(NULL, taker);
	player_post(taker, step_acquire, self->sem);
	ASSERT_EQ(0, player_await_asleep(taker));
	BEGIN(fd, POLLIN);
	EXPECT_EQ(2, self->cells[self->sem].waiters);
	POST(self->sem);
	EXPECT_EQ(0, player_result(taker));
	EXPECT_EQ(KSYNC_WAITERS, WORD(self->sem));
	ASSERT_EQ(0, player_await_asleep(self->p));
	post(_metadata, self, self->sem, 3);
	TOLD(fd, POLLIN);

	/* A lock that is handed over is told of when it is free. */
	LOCK(self->strict);
	player_post(taker, step_lock, self->strict);
	ASSERT_EQ(0, player_await_asleep(taker));
	BEGIN(fd2, POLLIN);
	UNLOCK(self->strict);
	EXPECT_EQ(0, player_result(taker));
	EXPECT_EQ(taker->handle, OWNER(self->strict));
	ASSERT_EQ(0, player_await_asleep(self->p));
	EXPECT_EQ(0, player_do(taker, step_unlock, self->strict));
	TOLD(fd2, POLLIN);
	EXPECT_EQ(0, player_end(taker));
}

/* Units are kept for one that waits for all, until that has decided. */
TEST_F(poll, what_is_kept_is_told_of_when_it_is_not)
{
	struct player *all = player_start(TASK_PROCESS, self->fd, self->cells);
	uint32_t other = another_sem(_metadata, self);
	int fd = OPEN(self->sem);

	ASSERT_NE(NULL, all);
	all->items[0].id = self->sem;
	all->items[1].id = other;
	all->many = (struct ksync_many){
		.count = 2,
		.flags = KSYNC_MANY_ALL,
		.deadline = KSYNC_NO_DEADLINE,
	};
	player_post(all, step_many, 0);
	ASSERT_EQ(0, player_await_asleep(all));
	BEGIN(fd, POLLIN);
	POST(self->sem);
	TOLD(fd, POLLIN);
	ASSERT_EQ(0, player_await_asleep(all));
	EXPECT_EQ(POLLIN, poll_now(fd));
	POST(other);
	EXPECT_EQ(0, player_result(all));
	EXPECT_EQ(0, poll_now(fd));
	EXPECT_EQ(0, player_end(all));
}

TEST_F(poll, timeouts_pass)
{
	int fd = OPEN(self->sem);
	struct pollfd p = { .fd = fd, .events = BOTH };
	const uint64_t start = now(CLOCK_MONOTONIC);

	EXPECT_EQ(0, poll(&p, 1, 20));
	EXPECT_LE(start + 20 * MSEC, now(CLOCK_MONOTONIC));
	/* It was hooked: the next post is the one that clears up. */
	EXPECT_EQ(KSYNC_WAITERS, WORD(self->sem));
	POST(self->sem);
	EXPECT_EQ(1, WORD(self->sem));
	EXPECT_EQ(1, poll(&p, 1, 1000));
}

TEST_F(poll, the_last_close_clears_up)
{
	int fd = OPEN(self->sem), fd2 = OPEN(self->sem);
	struct pollfd p = { .fd = fd };

	EXPECT_EQ(0, poll(&p, 1, 1));
	EXPECT_EQ(KSYNC_WAITERS, WORD(self->sem));
	close(fd);
	EXPECT_EQ(KSYNC_WAITERS, WORD(self->sem));
	close(fd2);
	GONE(self->sem);
}

KSFT_MAIN
