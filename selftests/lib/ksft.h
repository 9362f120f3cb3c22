/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test program includes: the kernel's harness, with timeouts that
 * know of slow kernels, the contract under test, the library, and the helpers of
 * this directory.  These return 0 or a negative errno, unless they say otherwise.
 */
#ifndef KSYNC_SELFTESTS_KSFT_H
#define KSYNC_SELFTESTS_KSFT_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <kselftest_harness.h>
#include <linux/ksync.h>
#include <ksync.h>

#include "await.h"
#include "backend.h"
#include "param.h"
#include "raw.h"
#include "sched.h"
#include "slow.h"
#include "task.h"

/* The last word on a test that hangs, in seconds; everything else is shorter. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

static inline void ksft_stretch_timeouts(void)
{
	struct __fixture_metadata *f;
	struct __test_metadata *t;

	for (f = __fixture_list; f; f = f->next)
		for (t = f->tests; t; t = t->next)
			t->timeout *= slow_factor();
}

static inline void ksft_not_asked_for(struct __test_metadata *_metadata,
				      struct __fixture_variant_metadata *variant)
{
	(void)variant;
	SKIP(return, "not asked for");
}

/* A program's arguments, if it has any: the names of the tests to run. */
static inline void ksft_select(int argc, char **argv)
{
	struct __fixture_metadata *f;
	struct __test_metadata *t;
	int i;

	for (f = __fixture_list; f && argc > 1; f = f->next) {
		for (t = f->tests; t; t = t->next) {
			for (i = 1; i < argc && strcmp(argv[i], t->name); i++)
				;
			if (i == argc)
				t->fn = ksft_not_asked_for;
		}
	}
}

/* In a test: skip it if what it runs on lacks this KSYNC_FEATURE_*. */
#define NEEDS(feature)							\
do {									\
	if (!backend_has(KSYNC_FEATURE_##feature))			\
		SKIP(return, "needs the feature " #feature);		\
} while (0)

/* The same in FIXTURE_SETUP, after which the harness would go on. 255: skipped. */
#define SETUP_NEEDS(feature)						\
do {									\
	if (!backend_has(KSYNC_FEATURE_##feature))			\
		SKIP(_exit(255), "needs the feature " #feature);	\
} while (0)

/* In the place of TEST_HARNESS_MAIN. */
#define KSFT_MAIN							\
static void __attribute__((constructor)) __constructor_order_last(void)	\
{									\
	if (!__constructor_order)					\
		__constructor_order = _CONSTRUCTOR_ORDER_BACKWARD;	\
}									\
									\
int main(int argc, char **argv)						\
{									\
	ksft_stretch_timeouts();					\
	ksft_select(argc, argv);					\
	exit(test_harness_run(argc, argv));				\
}

#endif /* KSYNC_SELFTESTS_KSFT_H */
