// SPDX-License-Identifier: GPL-2.0
/* Signals that come while a task waits for an object of each kind. */
#include <signal.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/player.h"

FIXTURE(signals)
{
	int fd;
	uint32_t id;
	uint32_t self;
	struct ksync_cell *cells;
	struct player *p;
};

FIXTURE_VARIANT(signals)
{
	uint32_t kind;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(signals, adaptive) {
	.kind = KSYNC_KIND_MUTEX,
};

FIXTURE_VARIANT_ADD(signals, strict) {
	.kind = KSYNC_KIND_MUTEX, .flags = KSYNC_MUTEX_STRICT,
};

FIXTURE_VARIANT_ADD(signals, writer) {
	.kind = KSYNC_KIND_RWLOCK,
};

FIXTURE_VARIANT_ADD(signals, spin) {
	.kind = KSYNC_KIND_SPIN,
};

FIXTURE_VARIANT_ADD(signals, sem) {
	.kind = KSYNC_KIND_SEM,
};

FIXTURE_VARIANT_ADD(signals, event) {
	.kind = KSYNC_KIND_EVENT,
};

FIXTURE_VARIANT_ADD(signals, manual_event) {
	.kind = KSYNC_KIND_EVENT, .flags = KSYNC_EVENT_MANUAL,
};

FIXTURE_VARIANT_ADD(signals, waitq) {
	.kind = KSYNC_KIND_WAITQ,
};

static bool is_lock(uint32_t kind)
{
	return kind == KSYNC_KIND_MUTEX || kind == KSYNC_KIND_RWLOCK ||
	       kind == KSYNC_KIND_SPIN;
}

/* What the word is while nobody waits and the player has nothing. */
static uint32_t word_at_rest(const struct _test_data_signals *self, uint32_t kind)
{
	return is_lock(kind) ? self->self : 0;
}

/* Handlers run in the player, which is a process of its own. */
static uint32_t *handled;

static void handler(int sig)
{
	(void)sig;
	__atomic_fetch_add(handled, 1, __ATOMIC_RELEASE);
}

static int step_catch(struct player *p)
{
	struct sigaction action = {
		.sa_handler = handler,
		.sa_flags = p->flags,
	};

	return sigaction(SIGUSR1, &action, NULL);
}

static int step_wait(struct player *p)
{
	return raw_wait(p->fd, p->id, 0, KSYNC_BITSET_ALL, p->flags, p->deadline);
}

static player_step step_of(uint32_t kind)
{
	switch (kind) {
	case KSYNC_KIND_SEM:
	case KSYNC_KIND_EVENT:
		return step_acquire_until;
	case KSYNC_KIND_WAITQ:
		return step_wait;
	default:
		return step_lock_until;
	}
}

/* Let the player have what it waits for. */
static int grant(struct _test_data_signals *self, uint32_t kind)
{
	uint32_t n;
	int ret;

	switch (kind) {
	case KSYNC_KIND_SEM:
	case KSYNC_KIND_EVENT:
		return raw_release(self->fd, self->id, 0, 1, &n);
	case KSYNC_KIND_WAITQ:
		ret = raw_wake(self->fd, self->id, 1, KSYNC_BITSET_ALL, &n);
		return ret || n == 1 ? ret : -ENOENT;
	default:
		return raw_unlock(self->fd, self->id, self->self);
	}
}

FIXTURE_SETUP(signals)
{
	handled = player_memory(sizeof(*handled));
	self->fd = raw_open();
	self->cells = raw_map(self->fd, 64);
	ASSERT_EQ(0, raw_create(self->fd, variant->kind, variant->flags, &self->id));
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
	self->p = player_start(TASK_PROCESS, self->fd, self->cells);
	ASSERT_NE(NULL, self->p);
}

FIXTURE_TEARDOWN(signals)
{
	close(self->fd);
}

/* The player waits with @flags, and catches signals with @sa_flags. */
static void begin(struct __test_metadata *_metadata, struct _test_data_signals *self,
		  const struct _fixture_variant_signals *variant, uint32_t flags, int sa_flags)
{
	const bool lock = is_lock(variant->kind);

	self->p->flags = sa_flags;
	ASSERT_EQ(0, player_do(self->p, step_catch, 0));
	if (lock)
		ASSERT_EQ(0, raw_lock(self->fd, self->id, self->self, 0, KSYNC_NO_DEADLINE));
	self->p->flags = flags;
	self->p->deadline = KSYNC_NO_DEADLINE;
	player_post(self->p, step_of(variant->kind), self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	if (lock)
		ASSERT_EQ(0, await_value(&self->cells[self->id].word,
					 self->self | KSYNC_WAITERS));
}

/* Nothing has ended the wait: it ends as if nothing had been. */
static void finish(struct __test_metadata *_metadata, struct _test_data_signals *self,
		   const struct _fixture_variant_signals *variant)
{
	const bool manual = variant->kind == KSYNC_KIND_EVENT && variant->flags;

	EXPECT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_NE(self->p->done, self->p->posted);
	EXPECT_EQ(0, grant(self, variant->kind));
	EXPECT_EQ(0, player_result(self->p));
	if (is_lock(variant->kind))
		EXPECT_EQ(0, player_do(self->p, step_unlock, self->id));
	EXPECT_EQ(manual ? KSYNC_EVENT_SET : 0, self->cells[self->id].word);
	EXPECT_EQ(0, player_end(self->p));
}

TEST_F(signals, interruptible_wait_ends_with_eintr)
{
	begin(_metadata, self, variant, KSYNC_WAIT_INTERRUPTIBLE, 0);
	ASSERT_EQ(0, task_kill(&self->p->task, SIGUSR1));
	EXPECT_EQ(-EINTR, player_result(self->p));
	EXPECT_EQ(1, *handled);
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 0));
	EXPECT_EQ(0, self->cells[self->id].waiters);
	EXPECT_EQ(word_at_rest(self, variant->kind),
		  backend_word(self->cells[self->id].word));
	EXPECT_EQ(0, player_end(self->p));
}

TEST_F(signals, interruptible_wait_goes_on_with_sa_restart)
{
	if (is_lock(variant->kind))
		NEEDS(RESTART);
	begin(_metadata, self, variant, KSYNC_WAIT_INTERRUPTIBLE, SA_RESTART);
	ASSERT_EQ(0, task_kill(&self->p->task, SIGUSR1));
	ASSERT_EQ(0, await_value(handled, 1));
	finish(_metadata, self, variant);
}

TEST_F(signals, wait_goes_on_after_the_handler)
{
	begin(_metadata, self, variant, 0, 0);
	ASSERT_EQ(0, task_kill(&self->p->task, SIGUSR1));
	ASSERT_EQ(0, await_value(handled, 1));
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	ASSERT_EQ(0, task_kill(&self->p->task, SIGUSR1));
	ASSERT_EQ(0, await_value(handled, 2));
	finish(_metadata, self, variant);
}

TEST_F(signals, wait_goes_on_after_a_stop)
{
	begin(_metadata, self, variant, 0, 0);
	ASSERT_EQ(0, task_kill(&self->p->task, SIGSTOP));
	ASSERT_EQ(0, await_stopped(task_tid(&self->p->task)));
	ASSERT_EQ(0, task_kill(&self->p->task, SIGCONT));
	finish(_metadata, self, variant);
}

TEST_F(signals, interruptible_wait_goes_on_after_a_stop)
{
	begin(_metadata, self, variant, KSYNC_WAIT_INTERRUPTIBLE, 0);
	ASSERT_EQ(0, task_kill(&self->p->task, SIGSTOP));
	ASSERT_EQ(0, await_stopped(task_tid(&self->p->task)));
	ASSERT_EQ(0, task_kill(&self->p->task, SIGCONT));
	finish(_metadata, self, variant);
}

/* A deadline is absolute: signals do not move it. */
TEST_F(signals, deadline_holds_over_signals)
{
	const bool lock = is_lock(variant->kind);
	int sent;

	self->p->flags = 0;
	ASSERT_EQ(0, player_do(self->p, step_catch, 0));
	if (lock)
		ASSERT_EQ(0, raw_lock(self->fd, self->id, self->self, 0, KSYNC_NO_DEADLINE));
	self->p->deadline = raw_deadline(CLOCK_MONOTONIC, 300);
	player_post(self->p, step_of(variant->kind), self->id);
	ASSERT_EQ(0, player_await_taken(self->p));
	for (sent = 0; sent < 3; sent++) {
		ASSERT_EQ(0, task_kill(&self->p->task, SIGUSR1));
		ASSERT_EQ(0, await_value(handled, sent + 1));
	}
	EXPECT_EQ(-ETIMEDOUT, player_result(self->p));
	EXPECT_LE(self->p->deadline, raw_deadline(CLOCK_MONOTONIC, 0));
	EXPECT_EQ(0, player_end(self->p));
}

/* A task that is killed while it waits is no waiter any more. */
TEST_F(signals, killed_waiter_leaves)
{
	int status;

	NEEDS(GUARDED);
	begin(_metadata, self, variant, 0, 0);
	ASSERT_EQ(0, task_kill(&self->p->task, SIGKILL));
	ASSERT_EQ(0, task_join(&self->p->task, &status));
	EXPECT_EQ(-SIGKILL, status);
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 0));
	EXPECT_EQ(0, self->cells[self->id].waiters);
	EXPECT_EQ(word_at_rest(self, variant->kind),
		  backend_word(self->cells[self->id].word));
	if (is_lock(variant->kind))
		EXPECT_EQ(0, raw_unlock(self->fd, self->id, self->self));
	EXPECT_EQ(0, raw_destroy(self->fd, self->id));
}

KSFT_MAIN
