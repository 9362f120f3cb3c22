// SPDX-License-Identifier: GPL-2.0
/*
 * C11's threads: 7.26.2 to 7.26.4.
 */
#include <threads.h>

#include "lib/px.h"

static int do_mtx_lock(void *m)
{
	return mtx_lock(m);
}

static int do_mtx_trylock(void *m)
{
	return mtx_trylock(m);
}

static int do_mtx_unlock(void *m)
{
	return mtx_unlock(m);
}

static int do_mtx_timedlock_late(void *m)
{
	const struct timespec t = px_late(CLOCK_REALTIME);

	return mtx_timedlock(m, &t);
}

/* C11 7.26.4.2, _4.5, _4.6: a plain mutex; trylock says thrd_busy. */
TEST(plain)
{
	struct actor *a = actor_start(THREAD);
	mtx_t m;

	ASSERT_EQ(thrd_success, mtx_init(&m, mtx_plain));
	EXPECT_EQ(thrd_success, mtx_lock(&m));
	EXPECT_EQ(thrd_busy, DO(a, do_mtx_trylock, &m));
	BLOCKS(a, do_mtx_lock, &m);
	EXPECT_EQ(thrd_success, mtx_unlock(&m));
	ENDS(thrd_success, a);
	EXPECT_EQ(thrd_busy, mtx_trylock(&m));
	EXPECT_EQ(thrd_success, DO(a, do_mtx_unlock, &m));
	EXPECT_EQ(thrd_success, mtx_trylock(&m));
	EXPECT_EQ(thrd_success, mtx_unlock(&m));
	mtx_destroy(&m);
}

/* C11 7.26.4.3: a recursive one counts; timed and recursive, too. */
static void counts(struct __test_metadata *_metadata, int type)
{
	struct actor *a = actor_start(THREAD);
	mtx_t m;

	ASSERT_EQ(thrd_success, mtx_init(&m, type));
	EXPECT_EQ(thrd_success, mtx_lock(&m));
	EXPECT_EQ(thrd_success, mtx_lock(&m));
	EXPECT_EQ(thrd_success, mtx_trylock(&m));
	EXPECT_EQ(thrd_success, mtx_unlock(&m));
	EXPECT_EQ(thrd_success, mtx_unlock(&m));
	EXPECT_EQ(thrd_busy, DO(a, do_mtx_trylock, &m));
	EXPECT_EQ(thrd_success, mtx_unlock(&m));
	EXPECT_EQ(thrd_success, DO(a, do_mtx_trylock, &m));
	EXPECT_EQ(thrd_busy, mtx_trylock(&m));
	EXPECT_EQ(thrd_success, DO(a, do_mtx_unlock, &m));
	mtx_destroy(&m);
}

TEST(recursive)
{
	counts(_metadata, mtx_plain | mtx_recursive);
}

TEST(timed_recursive)
{
	counts(_metadata, mtx_timed | mtx_recursive);
}

/* C11 7.26.4.4: thrd_timedout when the time has come, in TIME_UTC. */
TEST(timed)
{
	const struct timespec past = px_in(CLOCK_REALTIME, -1000);
	const struct timespec t = px_in(CLOCK_REALTIME, 30);
	struct actor *a = actor_start(THREAD);
	mtx_t m;

	ASSERT_EQ(thrd_success, mtx_init(&m, mtx_timed));
	EXPECT_EQ(thrd_success, mtx_timedlock(&m, &past));
	EXPECT_EQ(thrd_success, mtx_unlock(&m));
	EXPECT_EQ(thrd_success, DO(a, do_mtx_lock, &m));
	EXPECT_EQ(thrd_timedout, mtx_timedlock(&m, &t));
	EXPECT_TRUE(px_passed(CLOCK_REALTIME, &t));
	EXPECT_EQ(thrd_success, DO(a, do_mtx_unlock, &m));
	EXPECT_EQ(thrd_success, mtx_lock(&m));
	BLOCKS(a, do_mtx_timedlock_late, &m);
	EXPECT_EQ(thrd_success, mtx_unlock(&m));
	ENDS(thrd_success, a);
}

struct box {
	mtx_t m;
	cnd_t c;
	int full;
	int timed;
};

static int wait_full(void *arg)
{
	struct timespec t = px_late(CLOCK_REALTIME);
	struct box *b = arg;
	int ret;

	ret = mtx_lock(&b->m);
	while (ret == thrd_success && !b->full)
		ret = b->timed ? cnd_timedwait(&b->c, &b->m, &t) : cnd_wait(&b->c, &b->m);
	b->full--;
	return ret == thrd_success ? mtx_unlock(&b->m) : ret;
}

static int fill(struct box *b, int n)
{
	int ret = mtx_lock(&b->m);

	b->full += n;
	return ret == thrd_success ? mtx_unlock(&b->m) : ret;
}

static void make_box(struct __test_metadata *_metadata, struct box *b)
{
	memset(b, 0, sizeof(*b));
	ASSERT_EQ(thrd_success, mtx_init(&b->m, mtx_plain));
	ASSERT_EQ(thrd_success, cnd_init(&b->c));
}

/* C11 7.26.3.4, _3.6: cnd_wait releases the mutex, and cnd_signal wakes one. */
TEST(signal_wakes_one)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);
	struct box box;
	int timed;

	make_box(_metadata, &box);
	for (timed = 0; timed < 2; timed++) {
		box.timed = timed;
		BLOCKS(a, wait_full, &box);
		BLOCKS(b, wait_full, &box);
		EXPECT_EQ(thrd_success, fill(&box, 2));
		EXPECT_EQ(thrd_success, cnd_signal(&box.c));
		EXPECT_EQ(thrd_success, cnd_signal(&box.c));
		ENDS(thrd_success, a);
		ENDS(thrd_success, b);
	}
	cnd_destroy(&box.c);
}

/* C11 7.26.3.1: cnd_broadcast wakes all. */
TEST(broadcast_wakes_all)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);
	struct box box;

	make_box(_metadata, &box);
	BLOCKS(a, wait_full, &box);
	BLOCKS(b, wait_full, &box);
	EXPECT_EQ(thrd_success, fill(&box, 2));
	EXPECT_EQ(thrd_success, cnd_broadcast(&box.c));
	ENDS(thrd_success, a);
	ENDS(thrd_success, b);
}

/* C11 7.26.3.5: thrd_timedout, with the mutex. */
TEST(timedwait_times_out_with_the_mutex)
{
	const struct timespec t = px_in(CLOCK_REALTIME, 30);
	struct actor *a = actor_start(THREAD);
	struct box box;
	int ret;

	make_box(_metadata, &box);
	EXPECT_EQ(thrd_success, mtx_lock(&box.m));
	do {
		ret = cnd_timedwait(&box.c, &box.m, &t);
	} while (ret == thrd_success);
	EXPECT_EQ(thrd_timedout, ret);
	EXPECT_TRUE(px_passed(CLOCK_REALTIME, &t));
	EXPECT_EQ(thrd_busy, DO(a, do_mtx_trylock, &box.m));
	EXPECT_EQ(thrd_success, mtx_unlock(&box.m));
}

static once_flag flag = ONCE_FLAG_INIT;
static uint32_t runs, gate;

static void at_gate(void)
{
	__atomic_add_fetch(&runs, 1, __ATOMIC_ACQ_REL);
	px_value(&gate, 1);
}

static int do_call_once(void *f)
{
	call_once(f, at_gate);
	return runs;
}

/* C11 7.26.2.1: call_once runs it once, and all others wait for its end. */
TEST(call_once_runs_once)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);

	actor_post(a, do_call_once, &flag);
	ASSERT_EQ(0, px_value(&runs, 1));
	BLOCKS(b, do_call_once, &flag);
	__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
	ENDS(1, a);
	ENDS(1, b);
	EXPECT_EQ(1, do_call_once(&flag));
}

static int count_to_box(void *arg)
{
	struct box *b = arg;
	int i;

	for (i = 0; i < 10000; i++) {
		mtx_lock(&b->m);
		b->full = b->full + 1;
		mtx_unlock(&b->m);
	}
	return 7;
}

/* C11 7.26.5: threads of C11 exclude each other by mtx_t. */
TEST(threads_count)
{
	struct box box;
	thrd_t t[3];
	int i, ret;

	make_box(_metadata, &box);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(thrd_success, thrd_create(&t[i], count_to_box, &box));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(thrd_success, thrd_join(t[i], &ret));
		EXPECT_EQ(7, ret);
	}
	EXPECT_EQ(30000, box.full);
}

PX_MAIN
