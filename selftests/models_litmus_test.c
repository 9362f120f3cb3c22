// SPDX-License-Identifier: GPL-2.0
/*
 * Store buffering and message passing on this machine: where the orders forbid the odd
 * outcome it is never seen.  How often it is elsewhere is reported, and asserted by
 * nobody: that is up to the machine.
 */
#include "lib/ksft.h"
#include "lib/slow.h"
#include "../tools/lab/litmus.h"

TEST(what_is_forbidden_is_not_seen)
{
	const long rounds = slow_factor() > 1 ? 2000 : 100000;
	long odd;
	size_t i;

	for (i = 0; i < LAB_TESTS; i++) {
		if (!lab_tests[i].forbidden)
			continue;
		odd = lab_count(&lab_tests[i], rounds);
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
	const long rounds = slow_factor() > 1 ? 2000 : 100000;
	long odd;
	size_t i;

	for (i = 0; i < LAB_TESTS; i++) {
		if (lab_tests[i].forbidden)
			continue;
		odd = lab_count(&lab_tests[i], rounds);
		EXPECT_LE(0, odd);
		EXPECT_LE(odd, rounds);
		TH_LOG("%s %s: %ld of %ld", lab_tests[i].name, lab_tests[i].order, odd, rounds);
	}
}
#endif

KSFT_MAIN
