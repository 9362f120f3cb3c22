// SPDX-License-Identifier: GPL-2.0
/*
 * Waits on many objects under load, beside single ones, timeouts, signals and
 * kills: no unit is lost or doubled, locks exclude, and nobody sees a unit missing that
 * nobody took.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

#define SEMS	4
#define LOCKS	4
#define TASKS	6
#define VICTIMS	2
#define UNITS	2

/**
 * struct scene - what all tasks share
 * @d: the domain
 * @sem: units that wander
 * @lock: guards @inside
 * @rw: guards @written
 * @event: auto reset: who takes it sets it again
 * @never: has no unit
 * @inside: tasks in each lock
 * @written: changed by writers, twice
 * @stop: time is up
 * @wrong: an invariant that did not hold: a line
 * @strange: a result that the contract does not know
 */
struct scene {
	struct ksync *d;
	struct ksync_sem sem[SEMS];
	struct ksync_mutex lock[LOCKS];
	struct ksync_rwlock rw;
	struct ksync_event event;
	struct ksync_sem never;
	uint32_t inside[LOCKS];
	uint32_t written[2];
	uint32_t stop;
	uint32_t wrong;
	int strange;
};

/**
 * struct part - of one task
 * @task: who
 * @s: where
 * @seed: of its dice
 * @self: identity
 * @turns: waits that were satisfied
 */
struct part {
	struct task task;
	struct scene *s;
	uint32_t seed;
	struct ksync_thread self;
	uint32_t turns;
};

FIXTURE(stress)
{
	struct scene *s;
	struct part *part;
};

FIXTURE_VARIANT(stress)
{
	uint32_t flags;
	int task;
};

/* One kind of task, or (-1) all of them. */
FIXTURE_VARIANT_ADD(stress, adaptive_threads)
{
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(stress, strict_bare)
{
	.flags = KSYNC_MUTEX_STRICT,
	.task = TASK_BARE,
};

FIXTURE_VARIANT_ADD(stress, adaptive_all)
{
	.task = -1,
};

static void on_signal(int sig)
{
	(void)sig;
}

FIXTURE_SETUP(stress)
{
	const struct sigaction interrupts = { .sa_handler = on_signal };
	const struct sigaction restarts = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct scene *s = player_memory(sizeof(*s));
	int i;

	self->s = s;
	self->part = player_memory((TASKS + VICTIMS) * sizeof(*self->part));
	ASSERT_EQ(0, sigaction(SIGUSR1, &interrupts, NULL));
	ASSERT_EQ(0, sigaction(SIGUSR2, &restarts, NULL));
	ASSERT_EQ(0, ksync_open(&s->d, 0));
	for (i = 0; i < SEMS; i++)
		ASSERT_EQ(0, ksync_sem_init(&s->sem[i], s->d, UNITS, 0));
	for (i = 0; i < LOCKS; i++)
		ASSERT_EQ(0, ksync_mutex_init(&s->lock[i], s->d, variant->flags));
	ASSERT_EQ(0, ksync_rwlock_init(&s->rw, s->d, 0));
	ASSERT_EQ(0, ksync_event_init(&s->event, s->d, 0));
	ASSERT_EQ(0, ksync_event_set(&s->event));
	ASSERT_EQ(0, ksync_sem_init(&s->never, s->d, 0, 0));
}

FIXTURE_TEARDOWN(stress)
{
	ksync_close(self->s->d);
}

static uint32_t dice(struct part *p)
{
	p->seed ^= p->seed << 13;
	p->seed ^= p->seed >> 17;
	p->seed ^= p->seed << 5;
	return p->seed;
}

static bool over(const struct scene *s)
{
	return __atomic_load_n(&s->stop, __ATOMIC_RELAXED);
}

static void require_(struct scene *s, bool holds, uint32_t line)
{
	if (!holds)
		__atomic_store_n(&s->wrong, line, __ATOMIC_RELAXED);
}

#define require(s, holds)	require_(s, holds, __LINE__)

static bool got(struct scene *s, int ret)
{
	if (!ret || ret == -EOWNERDEAD)
		return true;
	if (ret != -ETIMEDOUT && ret != -EINTR && ret != -EBUSY && ret != -EAGAIN)
		__atomic_store_n(&s->strange, ret, __ATOMIC_RELAXED);
	return false;
}

/* A wait of any sort: at once, until soon, until a signal. */
static int wait_for(struct part *p, bool all, struct ksync_wait_item *w, unsigned int n,
		    unsigned int *index)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += dice(p) % 3000000;
	if (until.tv_nsec >= (long)SEC) {
		until.tv_nsec -= SEC;
		until.tv_sec++;
	}
	switch (dice(p) % 4) {
	case 0:
		return all ? ksync_wait_all_try_as(w, n, &p->self, index) :
			ksync_wait_any_try_as(w, n, &p->self, index);
	case 1:
		return all ? ksync_wait_all_timed_as(w, n, NULL, &p->self, CLOCK_MONOTONIC,
						     &until, index) :
			ksync_wait_any_timed_as(w, n, NULL, &p->self, CLOCK_MONOTONIC, &until,
						index);
	default:
		until.tv_sec++;
		return all ? ksync_wait_all_interruptible_as(w, n, NULL, &p->self,
							     CLOCK_MONOTONIC, &until, index) :
			ksync_wait_any_interruptible_as(w, n, NULL, &p->self, CLOCK_MONOTONIC,
							&until, index);
	}
}

static void breathe(struct part *p)
{
	if (!(dice(p) % 4))
		sys(SYS_sched_yield);
}

/* Who has it is alone in it; it is given back. A victim may have died in it. */
static void use_lock(struct part *p, struct ksync_mutex *m, int ret)
{
	struct scene *s = p->s;
	uint32_t *inside = &s->inside[m - s->lock];

	if (ret == -EOWNERDEAD) {
		__atomic_store_n(inside, 0, __ATOMIC_RELAXED);
		require(s, !ksync_mutex_consistent_as(m, &p->self));
	}
	require(s, __atomic_add_fetch(inside, 1, __ATOMIC_RELAXED) == 1);
	breathe(p);
	require(s, __atomic_sub_fetch(inside, 1, __ATOMIC_RELAXED) == 0);
	require(s, !ksync_mutex_unlock_as(m, &p->self));
}

static void use_rwlock(struct part *p, bool reads)
{
	struct scene *s = p->s;
	uint32_t v = s->written[0];

	if (reads) {
		breathe(p);
	} else {
		s->written[0] = v + 1;
		breathe(p);
		s->written[1] = v + 1;
	}
	require(s, s->written[0] == s->written[1]);
	require(s, !ksync_rwlock_unlock_as(&s->rw, &p->self));
}

static void use(struct part *p, const struct ksync_wait_item *w)
{
	struct scene *s = p->s;

	if ((void *)w->o == (void *)&s->event)
		require(s, ksync_event_set(&s->event) == 0);
	else if ((void *)w->o == (void *)&s->rw)
		use_rwlock(p, w->flags);
	else if ((void *)w->o >= (void *)s->sem && (void *)w->o < (void *)(s->sem + SEMS))
		require(s, !ksync_sem_post((struct ksync_sem *)w->o));
	else
		use_lock(p, (struct ksync_mutex *)w->o, w->result);
}

/* Some of all objects, in any order, none of them twice. */
static unsigned int choose(struct part *p, struct ksync_wait_item *w, unsigned int max)
{
	struct ksync_object *all[SEMS + LOCKS + 2], *o;
	struct scene *s = p->s;
	unsigned int i, k, n = 0;

	for (i = 0; i < SEMS; i++)
		all[n++] = &s->sem[i].o;
	for (i = 0; i < LOCKS; i++)
		all[n++] = &s->lock[i].o;
	all[n++] = &s->rw.o;
	all[n++] = &s->event.o;
	for (i = 0; i < n; i++) {
		k = dice(p) % n;
		o = all[i];
		all[i] = all[k];
		all[k] = o;
	}
	n = 1 + dice(p) % max;
	for (i = 0; i < n; i++) {
		w[i] = (struct ksync_wait_item){ .o = all[i] };
		if (all[i] == &s->rw.o && dice(p) % 2)
			w[i].flags = KSYNC_LOCK_READ;
	}
	return n;
}

static void wait_once(struct part *p)
{
	const bool all = dice(p) % 2;
	struct ksync_wait_item w[8];
	unsigned int n = choose(p, w, all ? 4 : 8), i, index = ~0U;

	if (!got(p->s, wait_for(p, all, w, n, &index)))
		return;
	p->turns++;
	for (i = 0; i < n; i++)
		if (all || i == index)
			use(p, &w[i]);
	require(p->s, all || index < n);
}

static int work(void *arg)
{
	struct part *p = arg;

	if (ksync_thread_attach(p->s->d, &p->self))
		return 1;
	while (!over(p->s))
		wait_once(p);
	return 0;
}

/*
 * It is killed, somewhere in this.  It never has a unit that would go with it: what
 * it waits for beside locks it waits for in vain.
 */
static int suffer(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->s;
	struct ksync_wait_item w[4];
	unsigned int i, index;

	if (ksync_thread_attach(s->d, &p->self))
		return 1;
	while (!over(s)) {
		i = dice(p) % LOCKS;
		w[0] = (struct ksync_wait_item){ .o = &s->never.o };
		w[1] = (struct ksync_wait_item){ .o = &s->lock[i].o };
		w[2] = (struct ksync_wait_item){ .o = &s->lock[(i + 1) % LOCKS].o };
		if (dice(p) % 2 && got(s, wait_for(p, false, w, 3, &index))) {
			use(p, &w[index]);
			continue;
		}
		w[1].o = &s->sem[i].o;
		w[3] = (struct ksync_wait_item){ .o = &s->event.o };
		if (got(s, wait_for(p, true, w, 4, &index)))
			require(s, false);
	}
	return 0;
}

static enum task_kind kind_of(int task, int i)
{
	return task < 0 ? (enum task_kind)(i % 3) : (enum task_kind)task;
}

static void start(struct __test_metadata *_metadata, struct part *p, struct scene *s,
		  enum task_kind kind, int (*fn)(void *arg), int i)
{
	p->s = s;
	p->seed = (i + 1) * 2654435761U;
	ASSERT_EQ(0, task_start(&p->task, kind, fn, p));
}

/* Signals to all, and an end to a victim now and then. */
static void disturb(struct __test_metadata *_metadata, struct part *part, struct scene *s,
		    struct part *victims, int nr_victims)
{
	const uint64_t end = in(3 * SEC);
	uint32_t kills = 0;
	int i, status;

	while (!passed(end) && !s->wrong && !s->strange) {
		for (i = 0; i < TASKS; i++)
			task_kill(&part[i].task, i % 2 ? SIGUSR1 : SIGUSR2);
		usleep(2000);
		if (!nr_victims)
			continue;
		i = kills++ % nr_victims;
		task_kill(&victims[i].task, SIGKILL);
		ASSERT_EQ(0, task_join(&victims[i].task, &status));
		ASSERT_EQ(-SIGKILL, status);
		start(_metadata, &victims[i], s, TASK_BARE, suffer, kills + i);
	}
	__atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < nr_victims; i++)
		ASSERT_EQ(0, task_join(&victims[i].task, &status));
}

/* Everything is back where it was, and nobody is waited for. */
static void expect_whole(struct __test_metadata *_metadata, struct scene *s)
{
	struct ksync_info info;
	int i, ret;

	EXPECT_EQ(0, s->wrong) TH_LOG("line %u", s->wrong);
	EXPECT_EQ(0, s->strange);
	for (i = 0; i < SEMS; i++) {
		EXPECT_EQ(UNITS, s->sem[i].o.cell->word);
		EXPECT_EQ(0, ksync_sem_destroy(&s->sem[i]));
	}
	EXPECT_EQ(KSYNC_EVENT_SET, s->event.o.cell->word);
	EXPECT_EQ(0, ksync_event_destroy(&s->event));
	EXPECT_EQ(0, s->never.o.cell->word);
	for (i = 0; i < LOCKS; i++) {
		/* Who was killed last may be the last who had it: nobody has asked since. */
		ret = ksync_mutex_lock(&s->lock[i]);
		EXPECT_TRUE(!ret || ret == -EOWNERDEAD) TH_LOG("lock %d: %d", i, ret);
		if (ret == -EOWNERDEAD)
			EXPECT_EQ(0, ksync_mutex_consistent(&s->lock[i]));
		EXPECT_EQ(0, ksync_mutex_unlock(&s->lock[i]));
		EXPECT_EQ(0, s->lock[i].o.cell->word);
		EXPECT_EQ(0, ksync_mutex_destroy(&s->lock[i]));
	}
	EXPECT_EQ(0, s->rw.o.cell->word & ~KSYNC_READ);
	EXPECT_EQ(0, ksync_rwlock_destroy(&s->rw));
	ASSERT_EQ(0, ksync_info(s->d, &info));
	EXPECT_EQ(0, info.waiters);
}

static void torture(struct __test_metadata *_metadata, struct scene *s, struct part *part,
		    int task, int nr_victims)
{
	struct part *victims = part + TASKS;
	int i, status;

	for (i = 0; i < nr_victims; i++)
		start(_metadata, &victims[i], s, TASK_BARE, suffer, i);
	for (i = 0; i < TASKS; i++)
		start(_metadata, &part[i], s, kind_of(task, i), work, i);
	disturb(_metadata, part, s, victims, nr_victims);
	for (i = 0; i < TASKS; i++) {
		EXPECT_EQ(0, task_join(&part[i].task, &status));
		EXPECT_EQ(0, status);
		EXPECT_NE(0, part[i].turns) TH_LOG("task %d", i);
	}
	expect_whole(_metadata, s);
}

TEST_F(stress, nothing_is_lost)
{
	torture(_metadata, self->s, self->part, variant->task, 0);
}

TEST_F(stress, nothing_is_lost_with_who_is_killed)
{
	torture(_metadata, self->s, self->part, variant->task, VICTIMS);
}

/* They never get both: of the second there is none. */
static int want_both(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->s;
	struct ksync_wait_item w[3] = {
		{ .o = &s->sem[0].o }, { .o = &s->lock[0].o }, { .o = &s->never.o },
	};
	unsigned int index;

	if (ksync_thread_attach(s->d, &p->self))
		return 1;
	while (!over(s))
		require(s, !got(s, wait_for(p, true, w, 3, &index)));
	return 0;
}

/* One unit of two is always there for who tries; nobody else takes any. */
TEST_F(stress, nothing_is_missing_that_nobody_took)
{
	const uint64_t end = in(2 * SEC);
	struct scene *s = self->s;
	uint32_t missing = 0, zero = 0;
	int i, status;

	for (i = 0; i < TASKS; i++)
		start(_metadata, &self->part[i], s, kind_of(variant->task, i), want_both, i);
	while (!passed(end)) {
		missing += !!ksync_sem_wait_try(&s->sem[0]);
		zero += ksync_sem_value(&s->sem[0]) < 1;
		ASSERT_EQ(0, ksync_sem_post(&s->sem[0]));
		for (i = 0; i < TASKS; i++)
			task_kill(&self->part[i].task, i % 2 ? SIGUSR1 : SIGUSR2);
	}
	s->stop = 1;
	for (i = 0; i < TASKS; i++) {
		EXPECT_EQ(0, task_join(&self->part[i].task, &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, missing);
	EXPECT_EQ(0, zero);
	EXPECT_EQ(UNITS, ksync_sem_value(&s->sem[0]));
	EXPECT_EQ(0, s->wrong) TH_LOG("line %u", s->wrong);
	EXPECT_EQ(0, s->strange);
}

KSFT_MAIN
