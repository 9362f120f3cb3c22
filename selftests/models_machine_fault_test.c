// SPDX-License-Identifier: GPL-2.0
/*
 * Schedulers without memory: one that cannot be started says so; one that was started
 * runs what it is given, and makes up for threads that could not be made as soon as it
 * can.
 *
 * The linker puts the function below in the place of libc's, which the library, linked in
 * from userspace/models/src/, calls (see Makefile).
 */
#include <sched.h>
#include <string.h>
#include <unistd.h>
#include "lib/ksft.h"
#include "lib/models.h"
#include "lib/wrap.h"

static int32_t fail_at;		/* the first allocation that fails, from 1; 0: none */
static int32_t made;

static bool fails(void)
{
	const int32_t n = __atomic_add_fetch(&made, 1, __ATOMIC_RELAXED);
	const int32_t at = __atomic_load_n(&fail_at, __ATOMIC_RELAXED);

	return at && n >= at;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

void __wrap_free(void *p)
{
	__real_free(p);
}

static void fail_from(int32_t at)
{
	__atomic_store_n(&made, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&fail_at, at, __ATOMIC_RELAXED);
}

static void *nothing(void *arg)
{
	return arg;
}

/* From some allocation on there is no memory: nobody waits for what cannot come. */
TEST_F(models, no_memory_from_the_start)
{
	struct ksync_sched *s;
	int at, ret, started = 0, ran = 0;

	for (at = 1; at <= 20; at++) {
		fail_from(at);
		ret = ksync_sched_start(&s, &variant->opts);
		if (!ret) {
			started++;
			ret = ksync_sched_run(s, nothing, NULL, NULL);
			ran += !ret;
			fail_from(0);
			EXPECT_EQ(0, ksync_sched_stop(s));
		}
		fail_from(0);
		EXPECT_TRUE(!ret || ret == -ENOMEM) TH_LOG("allocation %d: %d", at, ret);
	}
	EXPECT_LE(1, started);
	EXPECT_LE(1, ran);
}

static int channel[2];

static void *writes(void *arg)
{
	return (void *)(write(channel[1], "x", 1) - 1 + (long)arg);
}

/* Its proc goes to a thread that cannot be made; later there is memory. */
static void *blocks_without_memory(void *arg)
{
	struct ksync_task *t;
	ssize_t n;
	char c;

	CHECK(!pipe(channel));
	CHECK(!ksync_task_spawn(&t, writes, NULL, NULL));
	fail_from(1);
	ksync_task_block_enter();
	while (__atomic_load_n(&made, __ATOMIC_RELAXED) < 4) /* it is tried again */
		sched_yield();
	fail_from(0);
	n = read(channel[0], &c, 1);
	ksync_task_block_leave();
	CHECK(n == 1 && !ksync_task_join(t, NULL));
	CHECK(!close(channel[0]) && !close(channel[1]));
	return arg;
}

TEST(thread_is_made_when_there_is_memory)
{
	const struct ksync_sched_opts opts = { .procs = 1, .flags = KSYNC_SCHED_QUIET };
	struct ksync_sched *s;

	ASSERT_EQ(0, ksync_sched_start(&s, &opts));
	RUN_ON(s, blocks_without_memory, NULL);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

KSFT_MAIN
