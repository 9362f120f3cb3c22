/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture "models", schedulers to run the same tests on: each of the threading models,
 * one proc or more than there are CPUs, seeded, and one that migrates tasks at each wait.
 */
#ifndef KSYNC_SELFTESTS_MODELS_H
#define KSYNC_SELFTESTS_MODELS_H

#include <stdint.h>
#include <ksync/task.h>
#include "clock.h"
#include "ksft.h"
#include "slow.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN	true
#endif
#endif
#ifndef WITH_TSAN
#define WITH_TSAN	false
#endif

/* In a task: what does not hold ends it, and its result is the line. */
#define CHECK(cond) do {						\
	if (!(cond))							\
		return (void *)(long)__LINE__;				\
} while (0)

/* Run a task that has such checks. */
#define RUN_ON(s, fn, arg) do {						\
	void *line_ = (void *)-1;					\
	ASSERT_EQ(0, ksync_sched_run(s, fn, arg, &line_));		\
	EXPECT_EQ(0, (long)line_) TH_LOG("at line %ld", (long)line_);	\
} while (0)

#define RUN(fn, arg)	RUN_ON(self->s, fn, arg)

FIXTURE(models)
{
	struct ksync_sched *s;
};

FIXTURE_VARIANT(models)
{
	struct ksync_sched_opts opts;
};

FIXTURE_VARIANT_ADD(models, mn)
{
	.opts = {
		.model = KSYNC_MODEL_MN,
		.flags = KSYNC_SCHED_QUIET,
		.procs = 4,
	},
};

FIXTURE_VARIANT_ADD(models, one_proc)
{
	.opts = {
		.model = KSYNC_MODEL_MN,
		.flags = KSYNC_SCHED_QUIET,
		.procs = 1,
	},
};

FIXTURE_VARIANT_ADD(models, migrate)
{
	.opts = {
		.model = KSYNC_MODEL_MN,
		.flags = KSYNC_SCHED_MIGRATE | KSYNC_SCHED_QUIET,
		.procs = 2,
	},
};

FIXTURE_VARIANT_ADD(models, n1)
{
	.opts = {
		.model = KSYNC_MODEL_N1,
		.flags = KSYNC_SCHED_QUIET,
	},
};

FIXTURE_VARIANT_ADD(models, threads)
{
	.opts = {
		.model = KSYNC_MODEL_11,
		.flags = KSYNC_SCHED_QUIET,
	},
};

FIXTURE_VARIANT_ADD(models, seeded)
{
	.opts = {
		.model = KSYNC_MODEL_N1,
		.flags = KSYNC_SCHED_SEEDED | KSYNC_SCHED_QUIET,
		.seed = 1,
	},
};

FIXTURE_SETUP(models)
{
	ASSERT_EQ(0, ksync_sched_start(&self->s, &variant->opts));
}

FIXTURE_TEARDOWN(models)
{
	EXPECT_EQ(0, ksync_sched_stop(self->s));
}

/*
 * Tasks that are threads are few; and all are on kernels, or compilers, that look at each
 * access to memory, and on emulated processors.
 */
static inline int models_many(const struct ksync_sched_opts *opts, int many)
{
	if (slow_factor() > 1)
		many = many / 50 + 1;
	else if (WITH_TSAN || in_guest())
		many = many / 4 + 1;
	return opts->model == KSYNC_MODEL_11 ? many / 100 + 1 : many;
}

/* In a task: a deadline on its clock. */
static inline struct timespec models_in(uint64_t ns)
{
	struct timespec ts;

	ksync_task_now(&ts);
	return to_timespec(ts.tv_sec * SEC + ts.tv_nsec + ns);
}

#endif /* KSYNC_SELFTESTS_MODELS_H */
