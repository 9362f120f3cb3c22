// SPDX-License-Identifier: GPL-2.0
/*
 * Store buffering and message passing on this machine: where the orders forbid the odd
 * outcome it is never seen.  How often it is elsewhere is reported, and asserted by
 * nobody: that is up to the machine.
 */
#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/slow.h"
#include "../tools/lab/litmus.h"

#define SLICE	500

/*
 * How often the odd outcome was seen in @rounds rounds, or in as many as there were in
 * some seconds: @rounds says then how many. -1: no thread.
 */
static long count(const struct lab_test *test, long *rounds)
{
	const uint64_t end = in(4 * SEC);
	const long goal = slow_factor() > 1 ? 2000 : 100000;
	long odd = 0, seen;

	for (*rounds = 0; *rounds < goal && !passed(end); *rounds += SLICE) {
		seen = lab_count(test, SLICE);
		if (seen < 0)
			return seen;
		odd += seen;
	}
	return odd;
}

TEST(what_is_forbidden_is_not_seen)
{
	long odd, rounds;
	size_t i;

	for (i = 0; i < LAB_TESTS; i++) {
		if (!lab_tests[i].forbidden)
			continue;
		odd = count(&lab_tests[i], &rounds);
		EXPECT_EQ(0, odd) TH_LOG("%s %s", lab_tests[i].name, lab_tests[i].order);
	}
}

#ifndef __has_feature
#define __has_feature(x)	0
#endif

/* One of them is a data race: not for ThreadSanitizer. */
#if !defined(__SANITIZE_THREAD__) && !__has_feature(thread_sanitizer)
TEST(what_is_allowed_is_counted)
{
	long odd, rounds;
	size_t i;

	for (i = 0; i < LAB_TESTS; i++) {
		if (lab_tests[i].forbidden)
			continue;
		odd = count(&lab_tests[i], &rounds);
		EXPECT_LE(0, odd);
		EXPECT_LE(odd, rounds);
		TH_LOG("%s %s: %ld of %ld", lab_tests[i].name, lab_tests[i].order, odd, rounds);
	}
}
#endif

KSFT_MAIN
