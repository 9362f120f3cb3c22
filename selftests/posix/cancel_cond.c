// SPDX-License-Identifier: GPL-2.0
/*
 * Cancellation in waits for condition variables: XSH 2.9.5 and pthread_cond_wait,
 * DESCRIPTION.
 */
#include "lib/px.h"

struct waiter {
	struct queue q;
	int (*wait)(void *q);
	int type;
	int cleanup_unlock;	/* what unlocking said in the cleanup handler */
	uint32_t in_cleanup, may_leave;
	int state_back;
};

FIXTURE(cancel)
{
	struct waiter *w;
	struct actor *a, *b, *c;
};

FIXTURE_VARIANT(cancel)
{
	int (*wait)(void *q);
	struct mutex_sort sort;
};

FIXTURE_VARIANT_ADD(cancel, wait)
{
	.wait = step_queue_wait,
	.sort = { .type = PTHREAD_MUTEX_ERRORCHECK },
};

FIXTURE_VARIANT_ADD(cancel, timedwait)
{
	.wait = step_queue_timedwait_late,
	.sort = { .type = PTHREAD_MUTEX_ERRORCHECK },
};

FIXTURE_VARIANT_ADD(cancel, clockwait)
{
	.wait = step_queue_clockwait_late,
	.sort = { .type = PTHREAD_MUTEX_ERRORCHECK },
};

FIXTURE_VARIANT_ADD(cancel, wait_normal)
{
	.wait = step_queue_wait,
};

FIXTURE_VARIANT_ADD(cancel, wait_pi)
{
	.wait = step_queue_wait,
	.sort = { .protocol = PTHREAD_PRIO_INHERIT },
};

FIXTURE_VARIANT_ADD(cancel, wait_robust)
{
	.wait = step_queue_wait,
	.sort = { .robust = PTHREAD_MUTEX_ROBUST },
};

/* The unwinder locks mutexes of its own, which are private: see libgcc. */
FIXTURE_VARIANT_ADD(cancel, wait_shared)
{
	.wait = step_queue_wait,
	.sort = { .pshared = PTHREAD_PROCESS_SHARED },
};

FIXTURE_SETUP(cancel)
{
	self->w = px_shared(sizeof(*self->w));
	self->w->wait = variant->wait;
	ASSERT_EQ(0, mutex_make(&self->w->q.mutex, variant->sort));
	ASSERT_EQ(0, cond_make(&self->w->q.cond, CLOCK_REALTIME,
			       variant->sort.pshared));
	self->a = actor_start(THREAD);
	self->b = actor_start(THREAD);
	self->c = actor_start(THREAD);
}

FIXTURE_TEARDOWN(cancel)
{
}

static void cleanup(void *arg)
{
	struct waiter *w = arg;

	__atomic_store_n(&w->in_cleanup, 1, __ATOMIC_RELEASE);
	px_value(&w->may_leave, 1);
	w->q.waiting--;
	w->cleanup_unlock = pthread_mutex_unlock(&w->q.mutex);
}

/* Wait, and let the handler unlock. */
static int wait_with_cleanup(void *arg)
{
	struct waiter *w = arg;
	int ret;

	pthread_setcanceltype(w->type, NULL);
	pthread_cleanup_push(cleanup, w);
	ret = w->wait(&w->q);
	pthread_cleanup_pop(0);
	return ret;
}

static int pending_and_wait(void *arg)
{
	pthread_cancel(pthread_self());
	return wait_with_cleanup(arg);
}

/* The handler runs with the mutex, which nobody else gets until it unlocks. */
static void cleans_up(struct __test_metadata *_metadata, struct waiter *w, struct actor *a,
		      struct actor *other)
{
	w->cleanup_unlock = -1;
	ASSERT_EQ(0, px_value(&w->in_cleanup, 1));
	EXPECT_EQ(EBUSY, DO(other, step_trylock, &w->q.mutex));
	__atomic_store_n(&w->may_leave, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(PTHREAD_CANCELED, actor_join(a));
	EXPECT_EQ(0, w->cleanup_unlock);
	EXPECT_EQ(0, DO(other, step_trylock, &w->q.mutex));
	EXPECT_EQ(0, DO(other, step_unlock, &w->q.mutex));
	EXPECT_EQ(0, w->q.waiting);
	EXPECT_EQ(0, w->q.taken);
}

/* Deferred: a thread that waits is cancelled; its handlers run holding the mutex. */
TEST_F(cancel, waiting_thread)
{
	BLOCKS(self->a, wait_with_cleanup, self->w);
	EXPECT_EQ(0, pthread_cancel(self->a->thread));
	cleans_up(_metadata, self->w, self->a, self->b);
}

/* The same: when somebody has the mutex, the cancelled thread waits for it first. */
TEST_F(cancel, waits_for_the_mutex)
{
	BLOCKS(self->a, wait_with_cleanup, self->w);
	ASSERT_EQ(0, pthread_mutex_lock(&self->w->q.mutex));
	EXPECT_EQ(0, pthread_cancel(self->a->thread));
	EXPECT_EQ(0, actor_sleeps(self->a));
	EXPECT_EQ(0, __atomic_load_n(&self->w->in_cleanup, __ATOMIC_ACQUIRE));
	ASSERT_EQ(0, pthread_mutex_unlock(&self->w->q.mutex));
	cleans_up(_metadata, self->w, self->a, self->b);
}

/* A request that is pending is acted upon by the wait. */
TEST_F(cancel, pending_before_the_wait)
{
	actor_post(self->a, pending_and_wait, self->w);
	cleans_up(_metadata, self->w, self->a, self->b);
}

/* Asynchronous type: the wait is one all the same, and the mutex is held. */
TEST_F(cancel, asynchronous_type)
{
	self->w->type = PTHREAD_CANCEL_ASYNCHRONOUS;
	BLOCKS(self->a, wait_with_cleanup, self->w);
	EXPECT_EQ(0, pthread_cancel(self->a->thread));
	cleans_up(_metadata, self->w, self->a, self->b);
}

static int wait_disabled(void *arg)
{
	struct waiter *w = arg;
	int ret, old = -1;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	ret = wait_with_cleanup(w);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	w->state_back = old;
	w->may_leave = 1;
	pthread_testcancel();
	return ret;
}

/* Disabled: the wait goes on until it is signalled; the request stays pending. */
TEST_F(cancel, disabled)
{
	BLOCKS(self->a, wait_disabled, self->w);
	EXPECT_EQ(0, pthread_cancel(self->a->thread));
	EXPECT_EQ(0, actor_sleeps(self->a));
	EXPECT_EQ(0, step_queue_signal(&self->w->q));
	EXPECT_EQ(PTHREAD_CANCELED, actor_join(self->a));
	EXPECT_EQ(1, self->w->q.taken);
	EXPECT_EQ(PTHREAD_CANCEL_DISABLE, self->w->state_back);
	EXPECT_EQ(0, self->w->in_cleanup);
}

/* A wait that nobody cancels leaves state and type as they were. */
static int wait_and_look(void *arg)
{
	struct waiter *w = arg;
	int ret = w->wait(&w->q), type, state;

	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	return ret ? : type != PTHREAD_CANCEL_DEFERRED || state != PTHREAD_CANCEL_ENABLE;
}

TEST_F(cancel, state_and_type_are_kept)
{
	BLOCKS(self->a, wait_and_look, self->w);
	EXPECT_EQ(0, step_queue_signal(&self->w->q));
	ENDS(0, self->a);
}

/* A cancelled thread takes no signal that others could have had. */
TEST_F(cancel, signal_is_not_lost)
{
	int i;

	for (i = 0; i < 20; i++) {
		struct actor *victim = actor_start(THREAD);
		struct waiter *w = px_shared(sizeof(*w));

		w->wait = variant->wait;
		w->may_leave = 1;
		ASSERT_EQ(0, mutex_make(&w->q.mutex, variant->sort));
		ASSERT_EQ(0, cond_make(&w->q.cond, CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE));
		BLOCKS(victim, wait_with_cleanup, w);
		BLOCKS(self->b, wait_with_cleanup, w);
		ASSERT_EQ(0, pthread_mutex_lock(&w->q.mutex));
		w->q.tickets = 1;
		if (i % 2)
			EXPECT_EQ(0, pthread_cond_signal(&w->q.cond));
		EXPECT_EQ(0, pthread_cancel(victim->thread));
		if (i % 2 == 0)
			EXPECT_EQ(0, pthread_cond_signal(&w->q.cond));
		ASSERT_EQ(0, pthread_mutex_unlock(&w->q.mutex));
		/* One of them has it; if not the victim, the other. */
		ASSERT_EQ(0, px_value(&w->q.taken, 1));
		EXPECT_EQ(0, step_queue_broadcast(&w->q));
		ENDS(0, self->b);
	}
}

/* Others go on as if the cancelled one had not been there. */
TEST_F(cancel, others_are_signalled)
{
	BLOCKS(self->a, wait_with_cleanup, self->w);
	BLOCKS(self->b, wait_with_cleanup, self->w);
	EXPECT_EQ(0, pthread_cancel(self->a->thread));
	__atomic_store_n(&self->w->may_leave, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(PTHREAD_CANCELED, actor_join(self->a));
	EXPECT_EQ(0, actor_sleeps(self->b));
	BLOCKS(self->c, wait_with_cleanup, self->w);
	EXPECT_EQ(0, step_queue_signal(&self->w->q));
	EXPECT_EQ(0, step_queue_signal(&self->w->q));
	ENDS(0, self->b);
	ENDS(0, self->c);
	EXPECT_EQ(0, pthread_cond_destroy(&self->w->q.cond));
}

PX_MAIN
