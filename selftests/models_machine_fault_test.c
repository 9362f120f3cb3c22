// SPDX-License-Identifier: GPL-2.0
/*
 * Schedulers without memory: one that cannot be started says so; one that was started
 * runs what it is given, and makes up for threads that could not be made as soon as it
 * can.
 *
 * lib/wrap.h stands between libc and the library, which is linked in
 * from userspace/models/src/ (see Makefile).
 */
#include <sched.h>
#include <string.h>
#include <unistd.h>
#include "lib/ksft.h"
#include "lib/models.h"
#include "lib/wrap.h"

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
		fail_allocations(at, true);
		ret = ksync_sched_start(&s, &variant->opts);
		if (!ret) {
			started++;
			ret = ksync_sched_run(s, nothing, NULL, NULL);
			ran += !ret;
			fail_allocations(0, false);
			EXPECT_EQ(0, ksync_sched_stop(s));
		}
		fail_allocations(0, false);
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
	fail_allocations(1, true);
	ksync_task_block_enter();
	while (allocations_made() < 4) /* it is tried again */
		sched_yield();
	fail_allocations(0, false);
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
