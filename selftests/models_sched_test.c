// SPDX-License-Identifier: GPL-2.0
/*
 * Schedulers: work is stolen, what blocks holds up nobody, what cannot go on is
 * reported, and a seed replays a run.
 */
#include <string.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/models.h"
#include "../userspace/models/src/park.h"

static struct ksync_sched *start(enum ksync_model model, uint32_t flags, uint32_t procs,
				 uint64_t seed)
{
	const struct ksync_sched_opts opts = {
		.model = model, .flags = flags | KSYNC_SCHED_QUIET, .procs = procs,
		.seed = seed,
	};
	struct ksync_sched *s;

	return ksync_sched_start(&s, &opts) ? NULL : s;
}

TEST(options_are_checked)
{
	static const struct ksync_sched_opts bad[] = {
		{ .model = 3 }, { .flags = 16 }, { .reserved = 1 }, { .procs = 5000 },
		{ .stack_size = 1UL << 40 },
		{ .model = KSYNC_MODEL_11, .flags = KSYNC_SCHED_SEEDED },
		{ .model = KSYNC_MODEL_N1, .flags = KSYNC_SCHED_MIGRATE },
		{ .flags = KSYNC_SCHED_MIGRATE | KSYNC_SCHED_SEEDED },
	};
	struct ksync_sched *s;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT_EQ(-EINVAL, ksync_sched_start(&s, &bad[i])) TH_LOG("%u", i);
	ASSERT_EQ(0, ksync_sched_start(&s, NULL));
	EXPECT_EQ(0, ksync_sched_stop(s));
}

static uint32_t here;

/* Ends when all of them are running at the same time. */
static void *meet(void *n)
{
	__atomic_add_fetch(&here, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&here, __ATOMIC_ACQUIRE) < (uint32_t)(long)n)
		;
	return NULL;
}

static void *meet_all(void *n)
{
	struct ksync_task *t[8];
	long i;

	for (i = 0; i < (long)n; i++)
		CHECK(!ksync_task_spawn(&t[i], meet, n, NULL));
	for (i = 0; i < (long)n; i++)
		CHECK(!ksync_task_join(t[i], NULL));
	return NULL;
}

/* They were all put on one proc: others must have come for them. */
TEST(work_is_stolen)
{
	struct ksync_sched *s = start(KSYNC_MODEL_MN, 0, 4, 0);
	struct ksync_sched_stats st;

	ASSERT_NE(NULL, s);
	RUN_ON(s, meet_all, (void *)4);
	ksync_sched_stats(s, &st);
	EXPECT_LE(3, st.steals);
	EXPECT_LE(st.steals, st.stolen);
	EXPECT_EQ(4, st.procs);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

static int channel[2];
static uint32_t blocked;

static void *reads(void *declared)
{
	char c;

	if (declared)
		ksync_task_block_enter();
	__atomic_add_fetch(&blocked, 1, __ATOMIC_RELEASE);
	while (read(channel[0], &c, 1) != 1)
		;
	if (declared)
		ksync_task_block_leave();
	return (void *)(long)c;
}

static void *others_progress(void *declared)
{
	struct ksync_task *t[8];
	void *c;
	int i;

	CHECK(!pipe(channel));
	for (i = 0; i < 8; i++)
		CHECK(!ksync_task_spawn(&t[i], reads, declared, NULL));
	while (__atomic_load_n(&blocked, __ATOMIC_ACQUIRE) < 8)
		ksync_task_yield();
	for (i = 0; i < 1000; i++)
		ksync_task_yield();
	CHECK(write(channel[1], "xxxxxxxx", 8) == 8);
	for (i = 0; i < 8; i++)
		CHECK(!ksync_task_join(t[i], &c) && c == (void *)'x');
	close(channel[0]);
	close(channel[1]);
	return NULL;
}

TEST(blocking_sections_hold_up_nobody)
{
	struct ksync_sched *s = start(KSYNC_MODEL_MN, 0, 2, 0);
	struct ksync_sched_stats st;

	ASSERT_NE(NULL, s);
	RUN_ON(s, others_progress, (void *)1);
	ksync_sched_stats(s, &st);
	EXPECT_LE(8, st.handoffs);
	EXPECT_LE(9, st.threads);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

/* Nobody says that they block: the monitor sees it. */
TEST(monitor_retakes_from_who_blocks)
{
	struct ksync_sched *s = start(KSYNC_MODEL_MN, 0, 2, 0);
	struct ksync_sched_stats st;

	ASSERT_NE(NULL, s);
	RUN_ON(s, others_progress, NULL);
	ksync_sched_stats(s, &st);
	EXPECT_LE(7, st.retaken);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

static void *blocks_alone(void *arg)
{
	struct timespec soon;
	char c;

	(void)arg;
	ksync_task_block_enter();
	CHECK(read(channel[0], &c, 1) == 1);
	ksync_task_block_leave();
	ksync_task_now(&soon);
	return (void *)(long)ksync_task_sleep_until(&soon);
}

static void *writes(void *arg)
{
	struct timespec ts;

	ksync_task_now(&ts);
	ts = to_timespec(ts.tv_sec * SEC + ts.tv_nsec + 20 * MSEC);
	CHECK(!ksync_task_sleep_until(&ts));
	CHECK(write(channel[1], "x", 1) == 1);
	return arg;
}

static void *sleeps_beside(void *arg)
{
	struct ksync_task *a, *b;
	void *line;

	CHECK(!pipe(channel));
	CHECK(!ksync_task_spawn(&a, writes, NULL, NULL));
	ksync_task_yield();
	CHECK(!ksync_task_spawn(&b, blocks_alone, NULL, NULL));
	CHECK(!ksync_task_join(a, &line) && !line);
	CHECK(!ksync_task_join(b, &line) && !line);
	return arg;
}

/* The only machine blocks, and the deadline has to be kept by another. */
TEST(deadlines_are_kept_while_all_block)
{
	struct ksync_sched *s = start(KSYNC_MODEL_MN, 0, 1, 0);

	ASSERT_NE(NULL, s);
	RUN_ON(s, sleeps_beside, NULL);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

static uint32_t stop_computing;

static void *computes(void *arg)
{
	while (!__atomic_load_n(&stop_computing, __ATOMIC_ACQUIRE))
		ksync_task_checkpoint();
	return arg;
}

static void *stops_it(void *arg)
{
	struct ksync_task *t;

	CHECK(!ksync_task_spawn(&t, computes, NULL, NULL));
	ksync_task_yield(); /* comes back, although it only ever looks */
	__atomic_store_n(&stop_computing, 1, __ATOMIC_RELEASE);
	CHECK(!ksync_task_join(t, NULL));
	return arg;
}

TEST(who_computes_is_asked_to_yield)
{
	struct ksync_sched *s = start(KSYNC_MODEL_MN, 0, 1, 0);

	ASSERT_NE(NULL, s);
	RUN_ON(s, stops_it, NULL);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

static void *keeps_busy(void *stop)
{
	while (!__atomic_load_n((uint32_t *)stop, __ATOMIC_ACQUIRE))
		ksync_task_yield();
	return NULL;
}

static void *sets(void *stop)
{
	__atomic_store_n((uint32_t *)stop, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *busy_pair(void *arg)
{
	struct ksync_task *t;

	CHECK(!ksync_task_spawn(&t, keeps_busy, arg, NULL));
	keeps_busy(arg);
	CHECK(!ksync_task_join(t, NULL));
	return NULL;
}

/* Two tasks keep the only proc's queue from getting empty; a third comes from outside. */
TEST(queue_of_the_scheduler_is_not_starved)
{
	struct ksync_sched *s = start(KSYNC_MODEL_MN, 0, 1, 0);
	uint32_t stop = 0;
	struct ksync_task *t;

	ASSERT_NE(NULL, s);
	ASSERT_EQ(0, ksync_sched_spawn(s, &t, busy_pair, &stop, NULL));
	ASSERT_EQ(0, ksync_sched_spawn(s, NULL, sets, &stop, NULL));
	EXPECT_EQ(0, ksync_task_join(t, NULL));
	EXPECT_EQ(0, ksync_sched_stop(s));
}

static void *counts_itself(void *n)
{
	__atomic_add_fetch((uint32_t *)n, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* More are ready than a proc's queue has room for; who yields comes after all of them. */
static void *yields_to_many(void *arg)
{
	uint32_t n = 0, yields = 0;
	int i;

	for (i = 0; i < 3000; i++)
		CHECK(!ksync_task_spawn(NULL, counts_itself, &n, NULL));
	while (__atomic_load_n(&n, __ATOMIC_RELAXED) < 3000) {
		ksync_task_yield();
		yields++;
	}
	CHECK(yields < 100);
	return arg;
}

TEST(who_yields_comes_after_all_that_are_ready)
{
	struct ksync_sched *s = start(KSYNC_MODEL_N1, 0, 1, 0);

	ASSERT_NE(NULL, s);
	RUN_ON(s, yields_to_many, NULL);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

/* Nobody ends this wait. */
static void *waits_for_ever(void *arg)
{
	struct ksync_ticket ticket;
	int ret = ksync_wait_begin(&ticket, 0);

	(void)arg;
	return (void *)(long)(ret ? ret : ksync_wait(NEVER, "the test"));
}

static void *all_wait(void *arg)
{
	const struct ksync_task_attr a = { .name = "a" }, b = { .name = "b" };

	CHECK(!ksync_task_spawn(NULL, waits_for_ever, NULL, &a));
	CHECK(!ksync_task_spawn(NULL, waits_for_ever, NULL, &b));
	return waits_for_ever(arg);
}

static void deadlock(struct __test_metadata *_metadata, enum ksync_model model,
		     uint32_t flags)
{
	struct ksync_sched *s = start(model, flags, 0, 1);
	size_t size;
	char *text;
	FILE *f;

	ASSERT_NE(NULL, s);
	EXPECT_EQ(-EDEADLK, ksync_sched_run(s, all_wait, NULL, NULL));
	f = open_memstream(&text, &size);
	ASSERT_NE(NULL, f);
	ksync_sched_dump(s, f);
	fclose(f);
	EXPECT_NE(NULL, strstr(text, "\"b\": waiting in the test")) TH_LOG("%s", text);
	free(text);
	EXPECT_EQ(0, ksync_sched_stop(s)); /* which cancels them */
}

TEST(deadlock_is_reported_mn) { deadlock(_metadata, KSYNC_MODEL_MN, 0); }
TEST(deadlock_is_reported_n1) { deadlock(_metadata, KSYNC_MODEL_N1, 0); }
TEST(deadlock_is_reported_threads) { deadlock(_metadata, KSYNC_MODEL_11, 0); }
TEST(deadlock_is_reported_seeded) { deadlock(_metadata, KSYNC_MODEL_N1, KSYNC_SCHED_SEEDED); }

static void *waits_masked(void *arg)
{
	ksync_task_cancel_disable();
	return waits_for_ever(arg);
}

static void *leaves_one(void *arg)
{
	CHECK(!ksync_task_spawn(NULL, waits_masked, NULL, NULL));
	return arg;
}

/* They cannot be cancelled: stop says so, and ends all the same. */
TEST(stop_gives_up_on_who_cannot_be_cancelled)
{
	struct ksync_sched *s = start(KSYNC_MODEL_MN, 0, 2, 0);

	ASSERT_NE(NULL, s);
	RUN_ON(s, leaves_one, NULL);
	EXPECT_EQ(-EDEADLK, ksync_sched_stop(s));
}

static void *release(void *s)
{
	const struct timespec ts = { .tv_nsec = 20 * MSEC };

	nanosleep(&ts, NULL);
	ksync_sched_release(s);
	return NULL;
}

/* Who waits for something from outside is no deadlock, until nothing can come. */
TEST(hold_says_that_somebody_will_wake)
{
	struct ksync_sched *s = start(KSYNC_MODEL_MN, 0, 2, 0);
	pthread_t thread;

	ASSERT_NE(NULL, s);
	ksync_sched_hold(s);
	ASSERT_EQ(0, pthread_create(&thread, NULL, release, s));
	EXPECT_EQ(-EDEADLK, ksync_sched_run(s, all_wait, NULL, NULL));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

/* Who runs when is written down, and is what differs. */
static char order[4096];
static size_t written;

static void *writes_order(void *letter)
{
	struct timespec ts;
	int i;

	for (i = 0; i < 20; i++) {
		order[written++] = (long)letter;
		ksync_task_checkpoint();
		if (i % 5)
			continue;
		ksync_task_now(&ts);
		ts = to_timespec(ts.tv_sec * SEC + ts.tv_nsec + (long)letter * SEC);
		ksync_task_sleep_until(&ts);
	}
	return NULL;
}

static void *some_order(void *arg)
{
	struct ksync_task *t[10];
	long i;

	for (i = 0; i < 10; i++)
		CHECK(!ksync_task_spawn(&t[i], writes_order, (void *)('a' + i), NULL));
	for (i = 0; i < 10; i++)
		CHECK(!ksync_task_join(t[i], NULL));
	return arg;
}

static uint64_t seeded_run(struct __test_metadata *_metadata, uint64_t seed, char *out)
{
	struct ksync_sched *s = start(KSYNC_MODEL_N1, KSYNC_SCHED_SEEDED, 0, seed);
	struct ksync_sched_stats st;

	ASSERT_NE(NULL, s);
	written = 0;
	RUN_ON(s, some_order, NULL);
	ksync_sched_stats(s, &st);
	EXPECT_EQ(200, written);
	memcpy(out, order, written);
	out[written] = 0;
	EXPECT_EQ(0, ksync_sched_stop(s));
	return st.trace;
}

/* It sleeps for an hour, too, in no time. */
TEST(same_seed_same_run)
{
	char first[256], again[256], other[256];
	uint64_t trace = seeded_run(_metadata, 42, first);
	int i, differ = 0;

	EXPECT_EQ(trace, seeded_run(_metadata, 42, again));
	EXPECT_STREQ(first, again);
	for (i = 0; i < 10; i++) {
		differ += trace != seeded_run(_metadata, i, other);
		EXPECT_STRNE(first, other) TH_LOG("seed %d", i);
	}
	EXPECT_EQ(10, differ);
}

static void *yields_some(void *arg)
{
	int i;

	for (i = 0; i < 3; i++)
		ksync_task_yield();
	return arg;
}

static void *leaves_some(void *arg)
{
	int i;

	for (i = 0; i < 4; i++)
		ksync_task_spawn(NULL, yields_some, NULL, NULL);
	return arg;
}

/* Threads that go to sleep after one run see the next one's task: no deadlock. */
TEST_F(models, run_after_run)
{
	const uint64_t end = in(SEC);

	while (!passed(end))
		ASSERT_EQ(0, ksync_sched_run(self->s, leaves_some, NULL, NULL));
}

KSFT_MAIN
