// SPDX-License-Identifier: GPL-2.0
/*
 * Waits on many objects by the library: what is had at once, what is waited for, what
 * ends a wait, and its errors.  What it counts is in many_count_test.c.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/items.h"
#include "lib/ksft.h"
#include "lib/player.h"

/**
 * struct wait - one wait by another task
 * @task: who
 * @d: where, if it is bare
 * @all: for all
 * @w: items
 * @n: how many
 * @alert: event or NULL
 * @after: done once the wait is over, by the same task; or NULL
 * @index: out
 */
struct wait {
	struct task task;
	struct ksync *d;
	bool all;
	struct ksync_wait_item w[4];
	unsigned int n;
	struct ksync_event *alert;
	int (*after)(struct wait *x);
	unsigned int index;
};

static int wait_main(void *arg)
{
	struct wait *x = arg;
	int ret;

	ret = x->all ? ksync_wait_all(x->w, x->n, x->alert, &x->index) :
		ksync_wait_any(x->w, x->n, x->alert, &x->index);
	if (x->after)
		ret = x->after(x);
	return -ret;
}

static int bare_main(void *arg)
{
	struct wait *x = arg;
	struct ksync_thread t;
	int ret = ksync_thread_attach(x->d, &t);

	if (!ret)
		ret = x->all ? ksync_wait_all_as(x->w, x->n, x->alert, &t, &x->index) :
			ksync_wait_any_as(x->w, x->n, x->alert, &t, &x->index);
	return -ret;
}

FIXTURE(many)
{
	struct ksync *d;
	struct ksync_sem s, s2;
	struct ksync_event e, alert;
	struct ksync_waitq q;
	struct ksync_cond c;
	struct ksync_mutex m, m2, r;
	struct ksync_spin spin;
	struct ksync_rwlock l, l2;
};

FIXTURE_SETUP(many)
{
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_sem_init(&self->s, self->d, 0, 0));
	ASSERT_EQ(0, ksync_sem_init(&self->s2, self->d, 0, 0));
	ASSERT_EQ(0, ksync_event_init(&self->e, self->d, 0));
	ASSERT_EQ(0, ksync_event_init(&self->alert, self->d, 0));
	ASSERT_EQ(0, ksync_waitq_init(&self->q, self->d, 0));
	ASSERT_EQ(0, ksync_cond_init(&self->c, self->d, 0));
	ASSERT_EQ(0, ksync_mutex_init(&self->m, self->d, 0));
	ASSERT_EQ(0, ksync_mutex_init(&self->m2, self->d, 0));
	ASSERT_EQ(0, ksync_mutex_init(&self->r, self->d, KSYNC_MUTEX_RECURSIVE));
	ASSERT_EQ(0, ksync_spin_init(&self->spin, self->d, 0));
	ASSERT_EQ(0, ksync_rwlock_init(&self->l, self->d, 0));
	ASSERT_EQ(0, ksync_rwlock_init(&self->l2, self->d, 0));
}

FIXTURE_TEARDOWN(many)
{
	ksync_close(self->d);
}

/* Somebody waits in the module. */
static bool waited_for(const void *d)
{
	struct ksync_info info;

	return !ksync_info((struct ksync *)d, &info) && info.waiters;
}

/* Another task, the only one, waits for these; it sleeps on return. */
static void await(struct __test_metadata *_metadata, struct _test_data_many *self,
		  struct wait *x, int (*fn)(void *arg), enum task_kind kind,
		  const struct ksync_wait_item *w, unsigned int n)
{
	memcpy(x->w, w, n * sizeof(*w));
	x->n = n;
	x->d = self->d;
	ASSERT_EQ(0, task_start(&x->task, kind, fn, x));
	ASSERT_EQ(0, await_true(waited_for, self->d));
	ASSERT_EQ(0, await_asleep(task_tid(&x->task)));
}

#define AWAIT(x, fn, kind, ...)							\
do {										\
	const struct ksync_wait_item w_[] = { __VA_ARGS__ };			\
										\
	await(_metadata, self, x, fn, kind, w_, ARRAY_SIZE(w_));			\
} while (0)

/* The wait ends with @ret, for item @at. */
static void ends(struct __test_metadata *_metadata, struct wait *x, int ret, unsigned int at)
{
	int status = 255;

	EXPECT_EQ(0, task_join(&x->task, &status));
	EXPECT_EQ(ret, -status);
	EXPECT_EQ(at, x->index);
}

#define ENDS(x, ret, at)	ends(_metadata, x, ret, at)

TEST_F(many, any_is_had_without_the_module)
{
	int null = open("/dev/null", O_RDWR);

	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	ASSERT_EQ(0, ksync_mutex_unlock(&self->m));
	ASSERT_EQ(0, ksync_rwlock_read_lock(&self->l));
	ASSERT_EQ(0, ksync_rwlock_unlock(&self->l));
	ASSERT_EQ(0, ksync_sem_post_n(&self->s, 2));
	ASSERT_EQ(0, ksync_event_set(&self->e));
	/* From now on no call reaches the module. */
	ASSERT_LE(0, dup2(null, ksync_fileno(self->d)));
	EXPECT_ANY(0, 0, ITEM(self->e), ITEM(self->s), ITEM(self->m));
	EXPECT_ANY(0, 1, ITEM(self->e), ITEM(self->s), ITEM(self->m));
	EXPECT_ANY(0, 0, ITEM(self->s));
	EXPECT_ANY(0, 1, ITEM(self->s), ITEM(self->m));
	EXPECT_ANY(0, 0, READ(self->l));
	EXPECT_ANY(0, 1, ITEM(self->e), ITEM(self->spin));
	EXPECT_ANY(-EBUSY, UINT_MAX, ITEM(self->e), ITEM(self->s));
	EXPECT_ALL(-EBUSY, 1, ITEM(self->l2), ITEM(self->s));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(0, ksync_spin_unlock(&self->spin));
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
}

TEST_F(many, any_takes_the_first_item)
{
	ASSERT_EQ(0, ksync_sem_post(&self->s2));
	EXPECT_ANY(0, 2, ITEM(self->s), ITEM(self->e), ITEM(self->s2), ITEM(self->m));
	EXPECT_EQ(0, ksync_sem_value(&self->s2));
	EXPECT_ANY(0, 3, ITEM(self->s), ITEM(self->e), ITEM(self->s2), ITEM(self->m));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_ANY(0, 0, ITEM(self->spin));
	EXPECT_EQ(0, ksync_spin_unlock(&self->spin));
	EXPECT_ANY(-EBUSY, UINT_MAX, ITEM(self->s), ITEM(self->e), ITEM(self->q), ITEM(self->c));
	EXPECT_ANY(0, 1, ITEM(self->s), { .o = &self->q.o, .expected = 1 });
	EXPECT_ANY(0, 1, ITEM(self->s), { .o = &self->c.o, .expected = ~0U });
}

TEST_F(many, any_waits_for_one)
{
	struct wait x = {};

	NEEDS(MANY);
	AWAIT(&x, wait_main, TASK_THREAD, ITEM(self->s), ITEM(self->e), ITEM(self->q));
	ASSERT_EQ(0, ksync_event_set(&self->e));
	ENDS(&x, 0, 1);
	AWAIT(&x, bare_main, TASK_BARE, ITEM(self->s), ITEM(self->e), ITEM(self->q));
	ASSERT_EQ(1, ksync_waitq_wake(&self->q, 1));
	ENDS(&x, 0, 2);
	/* Tasks without TLS need no identity where there is no lock. */
	AWAIT(&x, wait_main, TASK_BARE, ITEM(self->s), ITEM(self->e), ITEM(self->q));
	ASSERT_EQ(0, ksync_sem_post(&self->s));
	ENDS(&x, 0, 0);
	EXPECT_EQ(0, ksync_sem_value(&self->s));
}

static int unlock_two(struct wait *x)
{
	int ret = ksync_mutex_unlock((struct ksync_mutex *)x->w[0].o);

	return ret ? ret : ksync_mutex_unlock((struct ksync_mutex *)x->w[1].o);
}

TEST_F(many, all_waits_for_all)
{
	struct wait x = { .all = true, .after = unlock_two };

	NEEDS(MANY);
	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	AWAIT(&x, wait_main, TASK_THREAD, ITEM(self->m), ITEM(self->r), ITEM(self->s));
	ASSERT_EQ(0, ksync_sem_post(&self->s));
	ASSERT_EQ(0, await_asleep(task_tid(&x.task)));
	EXPECT_EQ(1, ksync_sem_value(&self->s));
	ASSERT_EQ(0, ksync_mutex_unlock(&self->m));
	ENDS(&x, 0, 0);
	EXPECT_EQ(0, ksync_sem_value(&self->s));
	EXPECT_ALL(0, 0, ITEM(self->m), ITEM(self->r), ITEM(self->spin),
		   READ(self->l), ITEM(self->l2));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->r));
	EXPECT_EQ(0, ksync_spin_unlock(&self->spin));
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l2));
}

TEST_F(many, an_alert_cancels)
{
	struct wait x = { .alert = &self->alert };

	NEEDS(MANY);
	AWAIT(&x, wait_main, TASK_THREAD, ITEM(self->s), ITEM(self->s2));
	ASSERT_EQ(0, ksync_event_set(&self->alert));
	ENDS(&x, -ECANCELED, 2);
	x.all = true;
	ASSERT_EQ(0, ksync_sem_post(&self->s));
	AWAIT(&x, bare_main, TASK_BARE, ITEM(self->s), ITEM(self->s2), ITEM(self->m));
	ASSERT_EQ(0, ksync_event_set(&self->alert));
	ENDS(&x, -ECANCELED, 3);
	EXPECT_EQ(1, ksync_sem_value(&self->s));
	EXPECT_ANY(0, 0, ITEM(self->m));
}

TEST_F(many, any_reads_once_the_writer_has_left)
{
	struct wait x = {};

	NEEDS(MANY);
	ASSERT_EQ(0, ksync_rwlock_write_lock(&self->l));
	AWAIT(&x, bare_main, TASK_BARE, ITEM(self->s), READ(self->l));
	ASSERT_EQ(0, ksync_rwlock_unlock(&self->l));
	ENDS(&x, 0, 1);
	/* Who read has died: nobody reads. */
	EXPECT_EQ(0, ksync_rwlock_write_lock(&self->l));
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
}

static int signal_it(void *arg)
{
	struct _test_data_many *self = arg;
	int ret = ksync_mutex_lock(&self->m);

	self->c.o.cell->limit = 1;
	ret = ret ? ret : ksync_cond_signal(&self->c);
	ksync_mutex_unlock(&self->m);
	return ret < 0;
}

TEST_F(many, a_cond_is_waited_for_as_documented)
{
	struct ksync_wait_item w[] = { ITEM(self->s), ITEM(self->c) };
	unsigned int index = 77;
	struct task t;

	NEEDS(MANY);
	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	ASSERT_EQ(0, task_start(&t, TASK_THREAD, signal_it, self));
	ASSERT_EQ(0, await_asleep(task_tid(&t)));
	while (!self->c.o.cell->limit) {
		w[1].expected = ksync_cond_count(&self->c);
		ASSERT_EQ(0, ksync_mutex_unlock(&self->m));
		ASSERT_EQ(0, ksync_wait_any(w, 2, NULL, &index));
		EXPECT_EQ(1, index);
		ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	}
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(0, task_join(&t, NULL));
}

TEST_F(many, time_passes)
{
	struct ksync_wait_item w[] = { ITEM(self->s), ITEM(self->e), ITEM(self->m) };
	struct timespec soon = to_timespec(in(20 * MSEC)), bad = { .tv_nsec = -1 };
	struct ksync_thread t;

	NEEDS(MANY);
	ASSERT_EQ(0, ksync_thread_attach(self->d, &t));
	EXPECT_EQ(-ETIMEDOUT, ksync_wait_any_timed(w, 2, NULL, CLOCK_MONOTONIC, &soon, NULL));
	EXPECT_TRUE(passed(soon.tv_sec * SEC + soon.tv_nsec));
	EXPECT_EQ(-ETIMEDOUT, ksync_wait_all_timed_as(w, 3, NULL, &t, CLOCK_MONOTONIC, &soon,
						      NULL));
	EXPECT_EQ(-ETIMEDOUT, ksync_wait_any_timed(w, 1, NULL, CLOCK_REALTIME, &soon, NULL));
	EXPECT_EQ(-EINVAL, ksync_wait_any_timed(w, 2, NULL, CLOCK_MONOTONIC, &bad, NULL));
	EXPECT_EQ(-EINVAL, ksync_wait_all_timed(w, 2, NULL, CLOCK_BOOTTIME, &soon, NULL));
	EXPECT_EQ(0, ksync_wait_any_timed(w, 3, NULL, CLOCK_MONOTONIC, &soon, NULL));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
}

static void nothing(int sig)
{
	(void)sig;
}

static int interrupted(void *arg)
{
	struct wait *x = arg;

	return -(x->all ? ksync_wait_all_interruptible : ksync_wait_any_interruptible)
		(x->w, x->n, x->alert, CLOCK_MONOTONIC, NULL, &x->index);
}

TEST_F(many, a_handler_interrupts_who_wants_it)
{
	const struct sigaction act = { .sa_handler = nothing };
	struct wait x = {};

	NEEDS(MANY);
	ASSERT_EQ(0, sigaction(SIGUSR1, &act, NULL));
	for (x.all = false;; x.all = true) {
		AWAIT(&x, interrupted, TASK_THREAD, ITEM(self->s), ITEM(self->e));
		EXPECT_EQ(0, task_kill(&x.task, SIGUSR1));
		ENDS(&x, -EINTR, x.all ? 0 : UINT_MAX);
		if (x.all)
			break;
	}
	x.all = false;
	AWAIT(&x, wait_main, TASK_THREAD, ITEM(self->s), ITEM(self->e));
	EXPECT_EQ(0, task_kill(&x.task, SIGUSR1));
	ASSERT_EQ(0, ksync_event_set(&self->e));
	ENDS(&x, 0, 1);
}

TEST_F(many, arguments_are_checked)
{
	struct ksync_wait_item w[KSYNC_MANY_MAX + 1] = {};
	struct ksync_mutex gone = self->m2;
	struct ksync_sem foreign;
	unsigned int i, index;
	struct ksync *d;

	NEEDS(MANY);
	for (i = 0; i <= KSYNC_MANY_MAX; i++)
		w[i].o = &self->s.o;
	EXPECT_EQ(-EINVAL, ksync_wait_any_try(w, 0, &index));
	EXPECT_EQ(-EINVAL, ksync_wait_any_try(w, KSYNC_MANY_MAX + 1, &index));
	EXPECT_EQ(-EBUSY, ksync_wait_any_try(w, KSYNC_MANY_MAX, NULL));
	ASSERT_EQ(0, ksync_sem_post(&self->s));
	EXPECT_EQ(-EINVAL, ksync_wait_all_try(w, 2, &index));
	EXPECT_EQ(1, index);
	EXPECT_ANY(-EINVAL, 1, ITEM(self->e), { .o = &self->s.o, .flags = KSYNC_LOCK_READ });
	EXPECT_ANY(-EINVAL, 0, { .o = &self->l.o, .flags = 2 });
	ASSERT_EQ(0, ksync_open(&d, 0));
	ASSERT_EQ(0, ksync_sem_init(&foreign, d, 1, 0));
	EXPECT_ANY(-EINVAL, 1, ITEM(self->e), { .o = &foreign.o });
	EXPECT_EQ(-EINVAL, ksync_wait_any(w, 1, (struct ksync_event *)&foreign, &index));
	EXPECT_EQ(1, index);
	w[0].o = &self->e.o;
	EXPECT_EQ(-EINVAL, ksync_wait_any(w, 1, &self->e, &index));
	EXPECT_EQ(1, index);
	ksync_close(d);
	ASSERT_EQ(0, ksync_mutex_destroy(&self->m2));
	EXPECT_ANY(-EBADF, 1, ITEM(self->e), ITEM(self->m2));
	EXPECT_ALL(-EBADF, 1, ITEM(self->m), { .o = &gone.o });
	ASSERT_EQ(0, ksync_event_destroy(&self->alert));
	EXPECT_EQ(-EBADF, ksync_wait_any(w, 1, &self->alert, &index));
	EXPECT_EQ(1, index);
	EXPECT_EQ(0, ksync_mutex_lock_try(&self->m));
}

KSFT_MAIN
