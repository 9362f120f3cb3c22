// SPDX-License-Identifier: GPL-2.0
/*
 * Waits on many objects and priorities: whom they boost, in which order they are
 * told, and that whoever is told and does not take it lets others have it.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/many.h"
#include "lib/proc.h"
#include "lib/reader.h"

#define ALL	KSYNC_MANY_ALL

FIXTURE(pi)
{
	int fd;
	struct ksync_cell *cells;
	uint32_t self;
	uint32_t m[3], rw, sem, sem2, manual, event, waitq, waitq2;
	uint32_t *hog;
};

FIXTURE_VARIANT(pi)
{
	uint32_t kind;
	uint32_t flags;
	enum task_kind task;
};

FIXTURE_VARIANT_ADD(pi, adaptive_threads)
{
	.kind = KSYNC_KIND_MUTEX,
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(pi, strict_processes)
{
	.kind = KSYNC_KIND_MUTEX,
	.flags = KSYNC_MUTEX_STRICT,
	.task = TASK_PROCESS,
};

FIXTURE_VARIANT_ADD(pi, spin_bare)
{
	.kind = KSYNC_KIND_SPIN,
	.task = TASK_BARE,
};

FIXTURE_VARIANT_ADD(pi, writer_bare)
{
	.kind = KSYNC_KIND_RWLOCK,
	.task = TASK_BARE,
};

FIXTURE_SETUP(pi)
{
	int i;

	self->fd = raw_open();
	self->cells = raw_map(self->fd, 64);
	self->hog = player_memory(sizeof(*self->hog));
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, raw_create(self->fd, variant->kind, variant->flags, &self->m[i]));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_RWLOCK, 0, &self->rw));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &self->sem));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &self->sem2));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_EVENT, KSYNC_EVENT_MANUAL, &self->manual));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_EVENT, 0, &self->event));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &self->waitq));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &self->waitq2));
}

FIXTURE_TEARDOWN(pi)
{
	close(self->fd);
}

#define WORD(id)	__atomic_load_n(&self->cells[id].word, __ATOMIC_ACQUIRE)
#define OWNER(id)	(WORD(id) & KSYNC_OWNER)
#define IDS(...)	((const uint32_t[]){ __VA_ARGS__ })

static struct player *start(struct __test_metadata *_metadata, struct _test_data_pi *self,
			    enum task_kind kind, int prio)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	p->futex = self->hog;
	if (prio)
		ASSERT_EQ(0, sched_fifo(task_tid(&p->task), prio));
	return p;
}

#define START(prio)	start(_metadata, self, variant->task, prio)

#define AWAIT(p, flags, ...)							\
	ASSERT_EQ(0, many_await(p, flags, 0, IDS(__VA_ARGS__),			\
				sizeof(IDS(__VA_ARGS__)) / sizeof(uint32_t)))

#define EXPECT_PRIO(prio, p)	EXPECT_EQ(0, await_prio(task_tid(&(p)->task), prio))
#define NOW(prio, p)		EXPECT_EQ(prio, effective_prio(task_tid(&(p)->task)))

static void ends(struct __test_metadata *_metadata, struct player *p, int ret, uint32_t at)
{
	EXPECT_EQ(ret, player_result(p));
	EXPECT_EQ(at, p->many.index);
}

#define ENDS(p, ret, at)	ends(_metadata, p, ret, at)

static void post(struct __test_metadata *_metadata, struct _test_data_pi *self, uint32_t id,
		 uint32_t flags)
{
	uint32_t was;

	ASSERT_EQ(0, raw_release(self->fd, id, flags, 1, &was));
}

#define POST(id)	post(_metadata, self, id, 0)
#define PULSE(id)	post(_metadata, self, id, KSYNC_RELEASE_PULSE)
#define LOCK(id)	ASSERT_EQ(0, raw_lock(self->fd, id, self->self, 0, 0))
#define UNLOCK(id)	ASSERT_EQ(0, raw_unlock(self->fd, id, self->self))
#define DO(p, step, id)	EXPECT_EQ(0, player_do(p, step, id))
#define END(p)		EXPECT_EQ(0, player_end(p))

/* Nobody waits for it any more. */
#define IDLE(id)	EXPECT_EQ(0, WORD(id) & KSYNC_WAITERS)

TEST_F(pi, any_boosts_the_owner_of_the_first_lock)
{
	struct player *a = START(0), *b = START(0), *p = START(30);

	DO(a, step_lock_fast, self->m[0]);
	DO(b, step_lock_fast, self->m[1]);
	AWAIT(p, 0, self->sem, self->m[0], self->m[1]);
	EXPECT_PRIO(FIFO_SHOWN(30), a);
	NOW(NORMAL_PRIO, b);
	POST(self->sem);
	ENDS(p, 0, 0);
	EXPECT_PRIO(NORMAL_PRIO, a);
	DO(a, step_unlock, self->m[0]);
	DO(b, step_unlock, self->m[1]);
	IDLE(self->m[0]);
	IDLE(self->m[1]);
	END(a);
	END(b);
	END(p);
}

TEST_F(pi, all_boosts_one_owner_after_the_other)
{
	struct player *a = START(0), *b = START(0), *p = START(30);

	DO(a, step_lock_fast, self->m[0]);
	DO(b, step_lock_fast, self->m[1]);
	AWAIT(p, ALL, self->m[0], self->m[1]);
	EXPECT_PRIO(FIFO_SHOWN(30), a);
	NOW(NORMAL_PRIO, b);
	DO(a, step_unlock, self->m[0]);
	EXPECT_PRIO(NORMAL_PRIO, a);
	EXPECT_PRIO(FIFO_SHOWN(30), b);
	/* It holds nothing. */
	EXPECT_EQ(0, OWNER(self->m[0]));
	DO(b, step_unlock, self->m[1]);
	ENDS(p, 0, 0);
	EXPECT_PRIO(NORMAL_PRIO, b);
	DO(p, step_unlock, self->m[0]);
	DO(p, step_unlock, self->m[1]);
	END(a);
	END(b);
	END(p);
}

/* All sit in the queue of m[0], and watch m[1]. */
TEST_F(pi, watchers_are_told_by_priority_one_at_a_time)
{
	struct player *p10 = START(10), *p30 = START(30), *p20 = START(20);
	long sleeps10, sleeps20;

	LOCK(self->m[0]);
	LOCK(self->m[1]);
	AWAIT(p10, 0, self->m[0], self->m[1]);
	AWAIT(p30, 0, self->m[0], self->m[1]);
	AWAIT(p20, 0, self->m[0], self->m[1]);
	ASSERT_EQ(0, await_switched(task_tid(&p10->task)));
	sleeps10 = proc_sleeps(task_tid(&p10->task));
	UNLOCK(self->m[1]);
	ENDS(p30, 0, 1);
	ASSERT_EQ(0, await_switched(task_tid(&p20->task)));
	sleeps20 = proc_sleeps(task_tid(&p20->task));
	EXPECT_EQ(p30->handle, OWNER(self->m[1]));
	DO(p30, step_unlock, self->m[1]);
	ENDS(p20, 0, 1);
	EXPECT_LE(sleeps20, proc_sleeps(task_tid(&p20->task)));
	EXPECT_EQ(sleeps10, proc_sleeps(task_tid(&p10->task)));
	DO(p20, step_unlock, self->m[1]);
	ENDS(p10, 0, 1);
	DO(p10, step_unlock, self->m[1]);
	UNLOCK(self->m[0]);
	IDLE(self->m[0]);
	IDLE(self->m[1]);
	END(p10);
	END(p20);
	END(p30);
}

/* Keep a player from running, so that it is told and on its way. */
static struct player *hold_up(struct __test_metadata *_metadata, struct _test_data_pi *self,
			      struct player *p)
{
	struct player *hog = start(_metadata, self, TASK_PROCESS, 90);

	ASSERT_LE(2, cpu_count());
	ASSERT_EQ(0, pin_cpu(task_tid(&p->task), 1));
	ASSERT_EQ(0, pin_cpu(task_tid(&hog->task), 1));
	ASSERT_EQ(0, pin_cpu(0, 0));
	*self->hog = 1;
	player_post(hog, step_hog, 0);
	ASSERT_EQ(0, player_await_taken(hog));
	return hog;
}

static void let_go(struct __test_metadata *_metadata, struct _test_data_pi *self,
		   struct player *hog)
{
	__atomic_store_n(self->hog, 0, __ATOMIC_RELEASE);
	EXPECT_EQ(0, player_result(hog));
	END(hog);
}

TEST_F(pi, who_was_told_and_takes_something_else_passes_it_on)
{
	struct player *p = START(30), *next = START(10), *hog;

	LOCK(self->m[0]);
	LOCK(self->m[1]);
	AWAIT(p, 0, self->sem, self->m[0], self->m[1]);
	AWAIT(next, 0, self->m[0], self->m[1]);
	hog = hold_up(_metadata, self, p);
	UNLOCK(self->m[1]);
	POST(self->sem);
	/* p has got the unit already, and the next one is not told yet. */
	EXPECT_EQ(0, WORD(self->sem));
	let_go(_metadata, self, hog);
	ENDS(p, 0, 0);
	ENDS(next, 0, 1);
	EXPECT_EQ(next->handle, OWNER(self->m[1]));
	DO(next, step_unlock, self->m[1]);
	UNLOCK(self->m[0]);
	IDLE(self->m[0]);
	IDLE(self->m[1]);
	END(p);
	END(next);
}

TEST_F(pi, who_was_told_and_is_killed_passes_it_on)
{
	struct player *p = start(_metadata, self, TASK_PROCESS, 30);
	struct player *next = START(10), *hog;
	int ret, status;

	LOCK(self->m[0]);
	LOCK(self->m[1]);
	AWAIT(p, 0, self->sem, self->m[0], self->m[1]);
	AWAIT(next, 0, self->m[0], self->m[1]);
	hog = hold_up(_metadata, self, p);
	UNLOCK(self->m[1]);
	ASSERT_EQ(0, task_kill(&p->task, SIGKILL));
	let_go(_metadata, self, hog);
	ASSERT_EQ(0, task_join(&p->task, &status));
	EXPECT_EQ(-SIGKILL, status);
	/* It may have had it. */
	ret = player_result(next);
	EXPECT_TRUE(!ret || ret == -EOWNERDEAD);
	EXPECT_EQ(1, next->many.index);
	if (ret)
		DO(next, step_consistent, self->m[1]);
	DO(next, step_unlock, self->m[1]);
	UNLOCK(self->m[0]);
	IDLE(self->m[0]);
	IDLE(self->m[1]);
	END(next);
}

/* A unit that is there for a wait for all that looks at it is there for nobody else. */
TEST_F(pi, all_is_not_passed_by_the_less_important)
{
	struct player *p = START(30), *low = START(10), *hog;

	POST(self->sem2);
	AWAIT(p, ALL, self->sem, self->sem2);
	player_post(low, step_acquire, self->sem);
	ASSERT_EQ(0, await_waiters(self->fd, self->sem, 2));
	hog = hold_up(_metadata, self, p);
	POST(self->sem);
	EXPECT_EQ(1, WORD(self->sem) & ~KSYNC_WAITERS);
	EXPECT_EQ(2, self->cells[self->sem].waiters);
	EXPECT_EQ(-ETIMEDOUT, raw_acquire(self->fd, self->sem, 0, 0));
	/* Nor are those behind served by what comes then. */
	let_go(_metadata, self, hog);
	ENDS(p, 0, 0);
	EXPECT_EQ(0, WORD(self->sem) & ~KSYNC_WAITERS);
	EXPECT_EQ(0, WORD(self->sem2));
	POST(self->sem);
	EXPECT_EQ(0, player_result(low));
	IDLE(self->sem);
	END(p);
	END(low);
}

/* Told to look, it is killed: what it was told of is for the next. */
TEST_F(pi, all_that_looks_and_is_killed_passes_it_on)
{
	struct player *p = start(_metadata, self, TASK_PROCESS, 30), *low = START(10), *hog;
	int status;

	AWAIT(p, ALL, self->sem, self->sem2);
	player_post(low, step_acquire, self->sem);
	ASSERT_EQ(0, await_waiters(self->fd, self->sem, 2));
	hog = hold_up(_metadata, self, p);
	POST(self->sem);
	ASSERT_EQ(0, task_kill(&p->task, SIGKILL));
	let_go(_metadata, self, hog);
	ASSERT_EQ(0, task_join(&p->task, &status));
	EXPECT_EQ(0, player_result(low));
	EXPECT_EQ(0, WORD(self->sem));
	END(low);
}

/* It leaves by itself, in user space. */
TEST_F(pi, a_writer_watches_readers_leave)
{
	struct player *reader = START(0), *p = START(30);

	LOCK(self->m[0]);
	DO(reader, step_read, self->rw);
	AWAIT(p, 0, self->m[0], self->rw);
	DO(reader, step_unread, self->rw);
	ENDS(p, 0, 1);
	EXPECT_EQ(p->handle, OWNER(self->rw));
	DO(p, step_unlock, self->rw);
	UNLOCK(self->m[0]);
	IDLE(self->rw);
	IDLE(self->m[0]);
	END(reader);
	END(p);
}

TEST_F(pi, readers_watch_a_writer_leave)
{
	struct player *p = START(30), *q = START(10), *all = START(20);

	DO(p, step_slot, 0);
	DO(q, step_slot, 0);
	DO(all, step_slot, 0);
	LOCK(self->m[0]);
	LOCK(self->rw);
	AWAIT(p, 0, self->m[0], MANY_READ(self->rw));
	AWAIT(q, 0, self->m[0], MANY_READ(self->rw));
	AWAIT(all, ALL, MANY_READ(self->rw), self->m[1]);
	UNLOCK(self->rw);
	ENDS(p, 0, 1);
	ENDS(q, 0, 1);
	ENDS(all, 0, 0);
	EXPECT_EQ(3, reader_count(self->fd, self->rw));
	DO(p, step_unread, self->rw);
	DO(q, step_unread, self->rw);
	DO(all, step_unread, self->rw);
	DO(all, step_unlock, self->m[1]);
	LOCK(self->rw);
	UNLOCK(self->rw);
	UNLOCK(self->m[0]);
	IDLE(self->rw);
	END(p);
	END(q);
	END(all);
}

TEST_F(pi, a_part_can_be_requeued)
{
	struct ksync_requeue arg = { .from = self->waitq, .to = self->waitq2, .move = 1 };
	struct player *p = START(0);
	uint32_t n;

	AWAIT(p, 0, self->sem, self->waitq);
	ASSERT_EQ(0, raw_requeue(self->fd, &arg));
	EXPECT_EQ(1, arg.moved);
	ASSERT_EQ(0, raw_wake(self->fd, self->waitq, 9, 1, &n));
	EXPECT_EQ(0, n);
	ASSERT_EQ(0, raw_wake(self->fd, self->waitq2, 9, 1, &n));
	EXPECT_EQ(1, n);
	ENDS(p, 0, 1);
	AWAIT(p, 0, self->sem, self->waitq);
	arg.moved = 0;
	ASSERT_EQ(0, raw_requeue(self->fd, &arg));
	POST(self->sem);
	ENDS(p, 0, 0);
	EXPECT_EQ(0, self->cells[self->waitq].waiters);
	EXPECT_EQ(0, self->cells[self->waitq2].waiters);
	END(p);
}

TEST_F(pi, a_pulse_releases_who_waits)
{
	struct player *p = START(10), *q = START(20);

	AWAIT(p, 0, self->sem, self->manual);
	AWAIT(q, 0, self->sem, self->manual);
	PULSE(self->manual);
	ENDS(p, 0, 1);
	ENDS(q, 0, 1);
	EXPECT_EQ(0, WORD(self->manual));
	AWAIT(p, 0, self->sem, self->event);
	AWAIT(q, 0, self->sem, self->event);
	PULSE(self->event);
	ENDS(q, 0, 1);
	EXPECT_EQ(1, self->cells[self->event].waiters);
	EXPECT_EQ(0, WORD(self->event) & KSYNC_EVENT_SET);
	POST(self->event);
	ENDS(p, 0, 1);
	EXPECT_EQ(0, WORD(self->event));
	/* One that only looks is not there for it. */
	AWAIT(p, ALL, self->sem, self->event);
	PULSE(self->event);
	ASSERT_EQ(0, player_await_asleep(p));
	POST(self->event);
	POST(self->sem);
	ENDS(p, 0, 0);
	END(p);
	END(q);
}

KSFT_MAIN
