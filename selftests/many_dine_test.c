// SPDX-License-Identifier: GPL-2.0
/*
 * Dining philosophers: each waits for all of two forks, which may be locks or units of
 * sems.  Waits for all never lock each other out, and nobody has a fork of another's.
 */
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

#define SEATS	5
#define MEALS	200

/**
 * struct table - what all share
 * @d: the domain
 * @fork: locks
 * @token: the same as sems
 * @mixed: each seat has one of each on its left
 * @used: who has a fork
 * @wrong: an invariant that did not hold: a line
 */
struct table {
	struct ksync *d;
	struct ksync_mutex fork[SEATS];
	struct ksync_sem token[SEATS];
	bool mixed;
	uint32_t used[SEATS];
	uint32_t wrong;
};

/**
 * struct seat - of one task
 * @task: who
 * @t: where
 * @i: which
 * @seed: of its dice
 * @self: identity
 */
struct seat {
	struct task task;
	struct table *t;
	int i;
	uint32_t seed;
	struct ksync_thread self;
};

FIXTURE(dine)
{
	struct table *t;
	struct seat *seat;
};

FIXTURE_VARIANT(dine)
{
	uint32_t flags;
	int task;
};

/* One kind of task, or (-1) all of them. */
FIXTURE_VARIANT_ADD(dine, adaptive_threads)
{
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(dine, strict_bare)
{
	.flags = KSYNC_MUTEX_STRICT,
	.task = TASK_BARE,
};

FIXTURE_VARIANT_ADD(dine, adaptive_all)
{
	.task = -1,
};

FIXTURE_SETUP(dine)
{
	self->t = player_memory(sizeof(*self->t));
	self->seat = player_memory(SEATS * sizeof(*self->seat));
	ASSERT_EQ(0, ksync_open(&self->t->d, 0));
}

FIXTURE_TEARDOWN(dine)
{
	ksync_close(self->t->d);
}

static uint32_t dice(struct seat *x)
{
	x->seed ^= x->seed << 13;
	x->seed ^= x->seed >> 17;
	x->seed ^= x->seed << 5;
	return x->seed;
}

static void breathe(struct seat *x)
{
	if (!(dice(x) % 4))
		sys(SYS_sched_yield);
}

static void require_(struct table *t, bool holds, uint32_t line)
{
	if (!holds)
		__atomic_store_n(&t->wrong, line, __ATOMIC_RELAXED);
}

#define require(t, holds)	require_(t, holds, __LINE__)

static struct ksync_object *fork_at(struct table *t, int i)
{
	return i % 2 && t->mixed ? &t->token[i].o : &t->fork[i].o;
}

static void pick_up(struct seat *x, int i)
{
	require(x->t, __atomic_add_fetch(&x->t->used[i], 1, __ATOMIC_RELAXED) == 1);
}

static void put_down(struct seat *x, int i)
{
	require(x->t, !__atomic_sub_fetch(&x->t->used[i], 1, __ATOMIC_RELAXED));
	if (i % 2 && x->t->mixed)
		require(x->t, !ksync_sem_post(&x->t->token[i]));
	else
		require(x->t, !ksync_mutex_unlock_as(&x->t->fork[i], &x->self));
}

/* Each lists its left fork first: one after the other they would be stuck. */
static int dine(void *arg)
{
	struct seat *x = arg;
	const int left = x->i, right = (left + 1) % SEATS;
	struct ksync_wait_item w[2] = {
		{ .o = fork_at(x->t, left) },
		{ .o = fork_at(x->t, right) },
	};
	int i;

	if (ksync_thread_attach(x->t->d, &x->self))
		return 1;
	for (i = 0; i < MEALS; i++) {
		require(x->t, !ksync_wait_all_as(w, 2, NULL, &x->self, NULL));
		pick_up(x, left);
		pick_up(x, right);
		breathe(x);
		put_down(x, right);
		put_down(x, left);
	}
	return 0;
}

static enum task_kind kind_of(int task, int i)
{
	return task < 0 ? (enum task_kind)(i % 3) : (enum task_kind)task;
}

TEST_F(dine, philosophers_eat)
{
	struct table *t = self->t;
	struct seat *seat = self->seat;
	int i, status;

	for (t->mixed = false;; t->mixed = true) {
		for (i = 0; i < SEATS; i++) {
			ASSERT_EQ(0, ksync_mutex_init(&t->fork[i], t->d, variant->flags));
			ASSERT_EQ(0, ksync_sem_init(&t->token[i], t->d, 1, 1));
		}
		for (i = 0; i < SEATS; i++) {
			seat[i] = (struct seat){ .t = t, .i = i, .seed = i + 1 };
			ASSERT_EQ(0, task_start(&seat[i].task, kind_of(variant->task, i),
						dine, &seat[i]));
		}
		for (i = 0; i < SEATS; i++) {
			EXPECT_EQ(0, task_join(&seat[i].task, &status));
			EXPECT_EQ(0, status);
		}
		for (i = 0; i < SEATS; i++)
			EXPECT_EQ(0, t->used[i]);
		EXPECT_EQ(0, t->wrong) TH_LOG("line %u", t->wrong);
		if (t->mixed)
			break;
	}
}

KSFT_MAIN
