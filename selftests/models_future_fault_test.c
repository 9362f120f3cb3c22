// SPDX-License-Identifier: GPL-2.0
/*
 * Futures without memory: each allocation fails in turn.  What cannot be made says
 * so, and leaves nothing behind; what was made works, and never fails later.
 *
 * lib/wrap.h stands between libc and the library, which is linked in from
 * userspace/models/src/ (see Makefile).
 */
#include <ksync/future.h>
#include "lib/ksft.h"
#include "lib/models.h"
#include "lib/wrap.h"

static bool and_those_after_it;

static uint32_t calls;

static int counts(int error, void *value, struct ksync_value *out, void *arg)
{
	(void)error;
	(void)arg;
	out->value = value;
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	return 0;
}

static int nothing(void *arg, struct ksync_value *out)
{
	out->value = arg;
	return 0;
}

#define PARTS	8

/* All that can be made; as much of it as there is memory for. Return: an error. */
static int make_all(struct ksync_sched *s, struct ksync_future *f[PARTS],
		    struct ksync_promise **p)
{
	const struct ksync_then_attr there = { .sched = s };
	const struct ksync_then_attr in_place = { .flags = KSYNC_THEN_INLINE };
	const struct ksync_async_attr async = { .sched = s };
	int ret = ksync_promise_new(p, &f[0], NULL);

	if (!ret)
		ret = ksync_future_map(&f[1], f[0], counts, NULL, &in_place);
	if (!ret)
		ret = ksync_future_map(&f[2], f[0], counts, NULL, &there);
	if (!ret)
		ret = ksync_async(&f[3], nothing, NULL, &async);
	if (!ret)
		ret = ksync_future_delay(&f[4], NULL, s);
	if (!ret)
		ret = ksync_future_timeout(&f[5], f[2], NULL, &there);
	if (!ret)
		ret = ksync_future_all(&f[6], f, 3, 0);
	if (!ret)
		ret = ksync_future_any(&f[7], f, 4, KSYNC_FUTURE_KEEP);
	return ret;
}

static int end_all(struct ksync_future *f[PARTS], struct ksync_promise *p)
{
	int i, bad = 0, ret;

	if (p) {
		ksync_promise_set(p, &calls, NULL);
		ksync_promise_put(p);
	}
	if (f[4])
		ksync_future_cancel(f[4]);
	for (i = 0; i < PARTS; i++) {
		if (!f[i])
			continue;
		ret = ksync_await(f[i], NULL);
		if (ret != (i == 4 ? -ECANCELED : 0))
			bad = i + 1;
		ksync_future_put(f[i]);
	}
	return bad;
}

/* Who was about to end, of the scheduler's tasks, has. */
static void settle_down(struct ksync_sched *s)
{
	struct ksync_sched_stats st;

	do {
		ksync_task_yield();
		ksync_sched_stats(s, &st);
	} while (st.tasks);
}

/* Return: is more allocated than before? */
static bool one_try(struct __test_metadata *_metadata, struct ksync_sched *s, int at,
		    int *ret)
{
	struct ksync_future *f[PARTS] = { 0 };
	struct ksync_promise *p = NULL;
	uint32_t expected;
	int32_t before;

	settle_down(s);
	before = allocations_live();
	__atomic_store_n(&calls, 0, __ATOMIC_RELAXED);
	fail_allocations(at, and_those_after_it);
	*ret = make_all(s, f, &p);
	/* Whatever there is comes to its end without memory. */
	expected = !!f[1] + !!f[2];
	EXPECT_EQ(0, end_all(f, p)) TH_LOG("allocation %d", at);
	fail_allocations(0, false);
	settle_down(s);
	EXPECT_EQ(expected, __atomic_load_n(&calls, __ATOMIC_RELAXED));
	EXPECT_TRUE(!*ret || *ret == -ENOMEM || *ret == -EAGAIN)
		TH_LOG("allocation %d: %d", at, *ret);
	return allocations_live() > before;
}

/*
 * The library keeps stacks and threads for later, and a try with more tasks at once than
 * any before it adds to them, but only so often; what a future leaks is lost each time.
 */
#define KEPT_AT_MOST	16

static bool leaks(struct __test_metadata *_metadata, struct ksync_sched *s, int at,
		  int *ret)
{
	int i;

	for (i = 0; i < KEPT_AT_MOST; i++)
		if (!one_try(_metadata, s, at, ret))
			return false;
	return true;
}

static void each_in_turn(struct __test_metadata *_metadata, struct ksync_sched *s)
{
	int at, ret, failed = 0;

	/* What is made once is made: stacks, machines, room for timers. */
	for (at = 0; at < 3; at++) {
		struct ksync_future *f[PARTS] = { 0 };
		struct ksync_promise *p = NULL;

		ASSERT_EQ(0, make_all(s, f, &p));
		ASSERT_EQ(0, end_all(f, p));
	}
	for (at = 1; at <= 9; at++) {
		EXPECT_FALSE(leaks(_metadata, s, at, &ret)) TH_LOG("allocation %d", at);
		failed += !!ret;
	}
	/* A promise, 2 continuations, async, delay, timeout and its delay, all, any. */
	EXPECT_LE(9, failed);
}

TEST_F(models, one_allocation_fails)
{
	if (variant->opts.model == KSYNC_MODEL_MN)
		SKIP(return, "other threads allocate at the same time");
	each_in_turn(_metadata, self->s);
}

TEST_F(models, all_allocations_fail_from_one_on)
{
	and_those_after_it = true;
	each_in_turn(_metadata, self->s);
}

KSFT_MAIN
