/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Schedulers to run the same tests on: each of the threading models, one proc or more
 * than there are CPUs, seeded, and one that migrates tasks at each wait.
 */
#ifndef KSYNC_SELFTESTS_MODELS_H
#define KSYNC_SELFTESTS_MODELS_H

#include <stdint.h>
#include <ksync/task.h>
#include "clock.h"

#define MODELS_FIXTURE(name)						\
FIXTURE(name)								\
{									\
	struct ksync_sched *s;						\
};									\
									\
FIXTURE_VARIANT(name)							\
{									\
	struct ksync_sched_opts opts;					\
};									\
									\
MODELS_VARIANT(name, mn, KSYNC_MODEL_MN, 0, 4)				\
MODELS_VARIANT(name, one_proc, KSYNC_MODEL_MN, 0, 1)			\
MODELS_VARIANT(name, migrate, KSYNC_MODEL_MN, KSYNC_SCHED_MIGRATE, 2)	\
MODELS_VARIANT(name, n1, KSYNC_MODEL_N1, 0, 0)				\
MODELS_VARIANT(name, threads, KSYNC_MODEL_11, 0, 0)			\
MODELS_VARIANT(name, seeded, KSYNC_MODEL_N1, KSYNC_SCHED_SEEDED, 0)	\
									\
FIXTURE_SETUP(name)							\
{									\
	ASSERT_EQ(0, ksync_sched_start(&self->s, &variant->opts));	\
}									\
									\
FIXTURE_TEARDOWN(name)							\
{									\
	EXPECT_EQ(0, ksync_sched_stop(self->s));			\
}

#define MODELS_VARIANT(name, variant, model_, flags_, procs_)		\
FIXTURE_VARIANT_ADD(name, variant)					\
{									\
	.opts = { .model = model_, .flags = flags_ | KSYNC_SCHED_QUIET,	\
		  .procs = procs_, .seed = 1 },				\
};

/* Tasks that are threads are few. */
static inline int models_many(const struct ksync_sched_opts *opts, int many)
{
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
