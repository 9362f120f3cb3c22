// SPDX-License-Identifier: GPL-2.0
/*
 * A mutex of type NORMAL, or a spinlock, that is unlocked by a thread which has not
 * locked it.  POSIX leaves that undefined; glibc just unlocks it, and there are programs
 * that use mutexes as semaphores (rt-tests' ptsematest).  No clauses, but what such
 * programs count on.
 */
#include <sched.h>

#include "lib/px.h"

#define TURNS	500

/**
 * struct game - two mutexes used as semaphores
 * @ball: unlocked by the receiver
 * @back: unlocked by the sender
 * @served: how often
 */
struct game {
	pthread_mutex_t ball;
	pthread_mutex_t back;
	uint32_t served;
};

FIXTURE(foreign)
{
	pthread_mutex_t *m;
	struct queue *q;
	struct game *g;
	struct actor *a, *b, *c;
};

FIXTURE_VARIANT(foreign)
{
	int type;
	enum actor_kind kind;
};

FIXTURE_VARIANT_ADD(foreign, normal)
{
	.type = PTHREAD_MUTEX_NORMAL,
};

FIXTURE_VARIANT_ADD(foreign, adaptive)
{
	.type = PTHREAD_MUTEX_ADAPTIVE_NP,
};

FIXTURE_VARIANT_ADD(foreign, shared)
{
	.kind = PROCESS,
};

FIXTURE_SETUP(foreign)
{
	const int pshared = variant->kind == PROCESS;

	self->m = px_shared(sizeof(*self->m));
	self->q = px_shared(sizeof(*self->q));
	self->g = px_shared(sizeof(*self->g));
	MUTEX(self->m, .type = variant->type, .pshared = pshared);
	MUTEX(&self->q->mutex, .type = variant->type, .pshared = pshared);
	ASSERT_EQ(0, cond_make(&self->q->cond, CLOCK_REALTIME, pshared));
	self->a = actor_start(variant->kind);
	self->b = actor_start(variant->kind);
	self->c = actor_start(variant->kind);
}

FIXTURE_TEARDOWN(foreign)
{
}

TEST_F(foreign, nobody_waits)
{
	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	EXPECT_EQ(0, DO(self->b, step_trylock, self->m));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, self->m));
	EXPECT_EQ(0, DO(self->c, step_unlock, self->m));
	EXPECT_EQ(0, DO(self->a, step_trylock, self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
}

/* Each unlock lets one in, whoever does it. */
TEST_F(foreign, waiters_get_it_one_by_one)
{
	struct actor *first;

	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
	BLOCKS(self->b, step_lock, self->m);
	BLOCKS(self->c, step_lock, self->m);
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	ASSERT_EQ(0, actor_either(self->b, self->c));
	first = actor_done(self->b) ? self->b : self->c;
	ENDS(0, first);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
	ENDS(0, first == self->b ? self->c : self->b);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
	EXPECT_EQ(0, pthread_mutex_trylock(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
}

/* The owner itself waits until somebody else unlocks it; with a deadline, too. */
TEST_F(foreign, owner_waits_for_another_to_unlock)
{
	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
	BLOCKS(self->a, step_lock, self->m);
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	ENDS(0, self->a);
	BLOCKS(self->a, step_timedlock_late, self->m);
	EXPECT_EQ(0, DO(self->b, step_unlock, self->m));
	ENDS(0, self->a);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(self->m));
	EXPECT_EQ(ETIMEDOUT, DO(self->a, step_timedlock_soon, self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
	EXPECT_EQ(0, pthread_mutex_trylock(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
}

/* The owner and others wait for it alike. */
TEST_F(foreign, owner_and_another_wait)
{
	struct actor *first;

	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
	BLOCKS(self->a, step_lock, self->m);
	BLOCKS(self->b, step_lock, self->m);
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	ASSERT_EQ(0, actor_either(self->a, self->b));
	first = actor_done(self->a) ? self->a : self->b;
	ENDS(0, first);
	EXPECT_EQ(0, DO(self->c, step_unlock, self->m));
	ENDS(0, first == self->a ? self->b : self->a);
	EXPECT_EQ(0, DO(self->c, step_unlock, self->m));
	EXPECT_EQ(0, pthread_mutex_trylock(self->m));
}

/* pthread_cond_wait: who was signalled gets the mutex that another one unlocks. */
TEST_F(foreign, signalled_waiters_get_it)
{
	BLOCKS(self->a, step_queue_wait, self->q);
	BLOCKS(self->b, step_queue_wait, self->q);
	EXPECT_EQ(0, DO(self->c, step_lock, &self->q->mutex));
	self->q->tickets = 2;
	EXPECT_EQ(0, pthread_cond_broadcast(&self->q->cond));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->q->mutex));
	ENDS(0, self->a);
	ENDS(0, self->b);
	EXPECT_EQ(2, self->q->taken);
	EXPECT_EQ(0, DO(self->c, step_trylock, &self->q->mutex));
}

static int step_serve(void *arg)
{
	struct game *g = arg;
	int ret = 0;

	for (int i = 0; i < TURNS && !ret; i++) {
		g->served++;
		ret = pthread_mutex_unlock(&g->ball);
		ret = ret ? ret : pthread_mutex_lock(&g->back);
	}
	return ret;
}

static int step_return(void *arg)
{
	struct game *g = arg;
	int ret = 0;

	for (uint32_t i = 1; i <= TURNS && !ret; i++) {
		ret = pthread_mutex_lock(&g->ball);
		if (!ret && g->served != i)
			ret = EPROTO;
		ret = ret ? ret : pthread_mutex_unlock(&g->back);
	}
	return ret;
}

/* What ptsematest does. */
TEST_F(foreign, as_semaphores)
{
	struct game *g = self->g;

	MUTEX(&g->ball, .type = variant->type, .pshared = variant->kind == PROCESS);
	MUTEX(&g->back, .type = variant->type, .pshared = variant->kind == PROCESS);
	EXPECT_EQ(0, pthread_mutex_lock(&g->ball));
	EXPECT_EQ(0, pthread_mutex_lock(&g->back));
	actor_post(self->a, step_return, g);
	actor_post(self->b, step_serve, g);
	ENDS(0, self->a);
	ENDS(0, self->b);
	EXPECT_EQ(TURNS, g->served);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&g->ball));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&g->back));
}

/* Whether the other one waits yet, or has not begun: in one of the turns it does. */
TEST_F(foreign, spinlock)
{
	void *spin = px_shared(sizeof(pthread_spinlock_t));
	struct actor *a, *b;

	EXPECT_EQ(0, pthread_spin_init(spin, variant->kind == PROCESS));
	a = actor_start(variant->kind);
	b = actor_start(variant->kind);
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, DO(a, step_spin_lock, spin));
		actor_post(b, step_spin_lock, spin);
		for (int j = 0; j < i; j++)
			sched_yield();
		EXPECT_EQ(0, pthread_spin_unlock(spin));
		ENDS(0, b);
		EXPECT_EQ(EBUSY, DO(a, step_spin_trylock, spin));
		EXPECT_EQ(0, pthread_spin_unlock(spin));
	}
}

PX_MAIN
