/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of POSIX's clauses include: the kernel's harness, actors and
 * their steps.  These programs know nothing of ksync and link libc only, so that
 * one and the same binary runs on glibc and, preloaded, on ksync.
 *
 * A clause is a TEST.  Its comment names the function and the section of the
 * standard (XSH of POSIX.1-2017, or C11) and says what is required.
 *
 * Environment: KSYNC_SLOW stretches all bounds, POSIX_PATIENCE sets how many
 * seconds a state is waited for (30).
 */
#ifndef POSIX_PX_H
#define POSIX_PX_H

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>

#include <kselftest_harness.h>

#include "actor.h"
#include "make.h"
#include "step.h"

#ifndef MAP_SHARED_ANONYMOUS
#define MAP_SHARED_ANONYMOUS	(MAP_SHARED | MAP_ANONYMOUS)
#endif

/* In the place of TEST_HARNESS_MAIN: bounds, and names of tests as arguments. */
static inline void px_not_asked_for(struct __test_metadata *_metadata,
				    struct __fixture_variant_metadata *variant)
{
	(void)variant;
	SKIP(return, "not asked for");
}

/* What a test leaves behind when the runner ends it goes with it. */
static inline void px_die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static inline void px_prepare(int argc, char **argv)
{
	struct __fixture_metadata *f;
	struct __test_metadata *t;
	int i;

	pthread_atfork(NULL, NULL, px_die_with_parent);
	for (f = __fixture_list; f; f = f->next) {
		for (t = f->tests; t; t = t->next) {
			t->timeout *= px_patience();
			t->timeout /= 15;
			for (i = 1; i < argc && strcmp(argv[i], t->name); i++)
				;
			if (argc > 1 && i == argc)
				t->fn = px_not_asked_for;
		}
	}
}

#define PX_ORDER							\
static void __attribute__((constructor)) __constructor_order_last(void)	\
{									\
	if (!__constructor_order)					\
		__constructor_order = _CONSTRUCTOR_ORDER_BACKWARD;	\
}

#define PX_MAIN								\
PX_ORDER								\
									\
int main(int argc, char **argv)						\
{									\
	px_prepare(argc, argv);						\
	exit(test_harness_run(argc, argv));				\
}

/* Memory that all processes forked from here share. */
static inline void *px_shared(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED_ANONYMOUS, -1, 0);
}

/* For tests that need what an ordinary user has not. */
#define NEED_RT								\
do {									\
	if (!px_may_rt())						\
		SKIP(return, "needs the right to SCHED_FIFO");		\
} while (0)

/* An actor that does a step and is waited for; its result. */
#define DO(a, step, arg) actor_do(a, step, arg)

/* An actor that begins a step and falls asleep in it. */
#define BLOCKS(a, step, arg)						\
do {									\
	actor_post(a, step, arg);					\
	ASSERT_EQ(0, actor_sleeps(a));					\
} while (0)

/* An actor that fell asleep in its step and ends it now. */
#define ENDS(result, a) EXPECT_EQ(result, actor_result(a))

#endif /* POSIX_PX_H */
