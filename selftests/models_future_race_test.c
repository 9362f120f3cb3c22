// SPDX-License-Identifier: GPL-2.0
/*
 * Futures under stress: tasks and plain threads keep, break, await, cancel and drop the
 * same ones at once.  All see one result; each callback, continuation, destructor and
 * release happens once; what was made is given back.
 */
#include <pthread.h>

#include <ksync/future.h>
#include "lib/ksft.h"
#include "lib/models.h"

#define TASKS	4
#define THREADS	2
#define PEOPLE	(TASKS + THREADS)
#define ROLES	8

/* What is counted, of all rounds. */
enum {
	MADE, RELEASED,		/* promises */
	SET, DESTROYED,		/* values */
	HUNG, CALLED,		/* callbacks: called or removed */
	THEN, RAN,		/* continuations */
	RESULTS, DROPPED,	/* their values */
	ASKED,
	COUNTS,
};

static uint32_t counts[COUNTS];

static void count(int what)
{
	__atomic_add_fetch(&counts[what], 1, __ATOMIC_RELAXED);
}

/**
 * struct round - futures that all fight for
 * @start: settled when it begins
 * @end: settled by the last one who has done its part
 * @seen: the result that the first one saw, plus one
 */
struct round {
	struct ksync_promise *p, *start_p, *end_p;
	struct ksync_future *f, *start, *end;
	long number;
	long seen;
	uint32_t left;
	uint32_t asked;
	uint32_t bad;
};

static struct round *rounds;
static long many;

static void asked(struct ksync_promise *p, void *arg)
{
	struct round *r = arg;

	count(ASKED);
	if (__atomic_add_fetch(&r->asked, 1, __ATOMIC_RELAXED) != 1)
		__atomic_store_n(&r->bad, __LINE__, __ATOMIC_RELAXED);
	if (r->number % 2)
		ksync_promise_fail(p, -EINTR);
}

static void released(void *arg)
{
	(void)arg;
	count(RELEASED);
}

static void destroyed(void *value)
{
	(void)value;
	count(DESTROYED);
}

static void dropped(void *value)
{
	(void)value;
	count(DROPPED);
}

/* All see the same. */
static void saw(struct round *r, int error, void *value)
{
	const long what = error ? error : (long)value;
	long seen = 0;

	if (!__atomic_compare_exchange_n(&r->seen, &seen, what, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED) && seen != what)
		__atomic_store_n(&r->bad, __LINE__, __ATOMIC_RELAXED);
}

static void await_all_of_it(struct round *r)
{
	void *value = NULL;
	int ret = ksync_await(r->f, &value);

	saw(r, ret, value);
}

static void await_for_a_while(struct round *r)
{
	const struct timespec soon = models_in(r->number % 7 * 3000);
	void *value = NULL;
	int ret = ksync_await_timed(r->f, &value, &soon);

	if (ret != -ETIMEDOUT)
		saw(r, ret, value);
}

static void called(struct ksync_future *f, void *round)
{
	void *value = NULL;
	int ret = ksync_future_try(f, &value);

	saw(round, ret, value);
	count(CALLED);
}

static void hang_and_remove(struct round *r)
{
	struct ksync_notify n;

	if (ksync_future_notify(r->f, &n, called, r))
		return;
	count(HUNG);
	if (r->number % 3)
		ksync_task_yield();
	/* Afterwards it is not called: n goes, and the count is right. */
	if (ksync_future_notify_remove(r->f, &n))
		count(CALLED);
}

static int ran(int error, void *value, struct ksync_value *out, void *round)
{
	saw(round, error, value);
	count(RAN);
	if (error)
		return error;
	count(RESULTS);
	out->value = value;
	out->destroy = dropped;
	return 0;
}

/* Continuations, and what is made of them, given up or awaited. */
static void go_on(struct round *r, struct ksync_sched *s)
{
	const struct ksync_then_attr task = { .sched = s };
	const struct ksync_then_attr in_place = { .flags = KSYNC_THEN_INLINE };
	struct ksync_future *f[3] = { 0 }, *out;
	void *value = NULL;
	int i, ret;

	ret = ksync_future_map(&f[0], r->f, ran, r, &task);
	if (!ret)
		ret = ksync_future_map(&f[1], r->f, ran, r, &in_place);
	if (!ret)
		ret = ksync_future_map(&f[2], f[0], ran, r, r->number % 2 ? &task : &in_place);
	if (ret) {
		__atomic_store_n(&r->bad, __LINE__, __ATOMIC_RELAXED);
		return;
	}
	for (i = 0; i < 3; i++)
		count(THEN);
	ret = (r->number % 4 / 2 ? ksync_future_any : ksync_future_race)(&out, f, 3, 0);
	for (i = 0; i < 3; i++)
		ksync_future_put(f[i]);
	if (ret)
		return;
	if (r->number % 4 == 1) {
		ksync_future_cancel(out);
	} else if (r->number % 4 == 2) {
		ret = ksync_await(out, &value);
		saw(r, ret, value);
	}
	ksync_future_put(out);
}

static void time_it(struct round *r, struct ksync_sched *s)
{
	const struct timespec soon = models_in(r->number % 5 * 10000);
	const struct ksync_then_attr keep = { .sched = s, .flags = KSYNC_FUTURE_KEEP };
	struct ksync_future *out;
	void *value = NULL;
	int ret;

	if (ksync_future_timeout(&out, r->f, &soon, &keep)) {
		__atomic_store_n(&r->bad, __LINE__, __ATOMIC_RELAXED);
		return;
	}
	ret = ksync_await(out, &value);
	if (ret != -ETIMEDOUT)
		saw(r, ret, value);
	ksync_future_put(out);
}

static void play(struct round *r, int role, struct ksync_sched *s)
{
	switch (role) {
	case 0:
		if (!ksync_promise_set(r->p, (void *)(r->number + 1), destroyed))
			count(SET);
		break;
	case 1:
		ksync_promise_fail(r->p, -EIO);
		break;
	case 2:
		ksync_future_cancel(r->f);
		break;
	case 3:
		await_for_a_while(r);
		break;
	case 4:
		hang_and_remove(r);
		break;
	case 5:
		go_on(r, s);
		break;
	case 6:
		time_it(r, s);
		break;
	default:
		await_all_of_it(r);
	}
}

/* Each has a reference of each round's future, and of its promise. */
static void take_part(int me, struct ksync_sched *s)
{
	struct round *r;
	long i;
	int role;

	for (i = 0; i < many; i++) {
		r = &rounds[i];
		role = (i * 5 + me * 3 + i / 8) % ROLES;
		ksync_await(r->start, NULL);
		/* Nobody waits for what only itself could keep. */
		if (role > 2)
			ksync_promise_put(r->p);
		play(r, role, s);
		if (role <= 2)
			ksync_promise_put(r->p);
		ksync_future_put(r->f);
		if (!__atomic_sub_fetch(&r->left, 1, __ATOMIC_ACQ_REL))
			ksync_promise_set(r->end_p, NULL, NULL);
	}
}

struct person {
	struct ksync_sched *s;
	int number;
};

static int task(void *person, struct ksync_value *out)
{
	struct person *me = person;

	(void)out;
	take_part(me->number, me->s);
	return 0;
}

static void *thread(void *person)
{
	struct person *me = person;

	take_part(me->number, me->s);
	return NULL;
}

static int prepare(struct round *r, long number, struct ksync_sched *s)
{
	const struct ksync_promise_attr attr = {
		.cancel = asked, .release = released, .arg = r,
		.hold = number % 5 ? NULL : s,
	};
	int i, ret;

	r->number = number;
	r->left = PEOPLE;
	ret = ksync_promise_new(&r->p, &r->f, &attr);
	if (!ret)
		ret = ksync_promise_new(&r->start_p, &r->start, NULL);
	if (!ret)
		ret = ksync_promise_new(&r->end_p, &r->end, NULL);
	if (ret)
		return ret;
	for (i = 1; i < PEOPLE; i++) {
		ksync_promise_get(r->p);
		ksync_future_get(r->f);
	}
	count(MADE);
	return 0;
}

static bool all_counts_agree(void)
{
	int i;

	for (i = 0; i < ASKED; i += 2)
		if (__atomic_load_n(&counts[i], __ATOMIC_ACQUIRE) !=
		    __atomic_load_n(&counts[i + 1], __ATOMIC_ACQUIRE))
			return false;
	return true;
}

static void *run_rounds(void *s)
{
	struct person people[TASKS];
	struct ksync_future *f[TASKS], *all;
	long i;

	for (i = 0; i < TASKS; i++) {
		people[i] = (struct person){ s, i };
		CHECK(!ksync_async(&f[i], task, &people[i], NULL));
	}
	CHECK(!ksync_future_all(&all, f, TASKS, 0));
	for (i = 0; i < many; i++) {
		CHECK(!ksync_promise_set(rounds[i].start_p, NULL, NULL));
		CHECK(!ksync_await(rounds[i].end, NULL));
		CHECK(!rounds[i].bad);
	}
	CHECK(!ksync_await(all, NULL));
	for (i = 0; i < TASKS; i++)
		ksync_future_put(f[i]);
	ksync_future_put(all);
	/* Those that were given up are on their way: none is lost. */
	while (!all_counts_agree())
		ksync_task_yield();
	return NULL;
}

TEST_F(models, one_result_and_each_callback_once)
{
	struct person people[THREADS];
	pthread_t threads[THREADS];
	long i;

	many = models_many(&variant->opts, 5000);
	if (variant->opts.flags & KSYNC_SCHED_MIGRATE)
		many /= 5;
	rounds = calloc(many, sizeof(*rounds));
	ASSERT_NE(NULL, rounds);
	for (i = 0; i < many; i++)
		ASSERT_EQ(0, prepare(&rounds[i], i, self->s));
	ksync_sched_hold(self->s);
	for (i = 0; i < THREADS; i++) {
		people[i] = (struct person){ self->s, TASKS + i };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, thread, &people[i]));
	}
	RUN(run_rounds, self->s);
	for (i = 0; i < many; i++) /* if it has not come so far */
		ksync_promise_set(rounds[i].start_p, NULL, NULL);
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	ksync_sched_release(self->s);
	EXPECT_EQ(many, counts[MADE]);
	EXPECT_LT(0, counts[SET]);
	EXPECT_LT(0, counts[HUNG]);
	EXPECT_LT(0, counts[THEN]);
	for (i = 0; i < many; i++) {
		EXPECT_EQ(0, rounds[i].bad) TH_LOG("round %ld", i);
		ksync_promise_put(rounds[i].start_p);
		ksync_promise_put(rounds[i].end_p);
		ksync_future_put(rounds[i].start);
		ksync_future_put(rounds[i].end);
	}
	free(rounds);
}

KSFT_MAIN
