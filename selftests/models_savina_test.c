// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmarks of userspace/models/bench/savina are programs of tasks, channels, locks
 * and actors that verify what they did: here each runs shortly, on each of the models; and
 * once more with a fault in it, which it has to find.
 */
#include "lib/models_sync.h"
#include "../userspace/models/bench/savina/savina.h"

struct job {
	struct savina s;
	const struct savina_bench *bench;
	enum savina_variant variant;
	const char *wrong;
};

static void *run_job(void *arg)
{
	struct job *job = arg;

	job->wrong = job->bench->run[job->variant](&job->s);
	return NULL;
}

static struct job make_job(const struct savina_bench *b, enum savina_variant variant,
			   bool fault)
{
	struct job job = { .s = { .domain = domain, .fault = fault }, b, variant };

	memcpy(job.s.size, b->small, sizeof(b->small));
	return job;
}

/* All that have the variant. */
#define RUN_ALL(variant) do {							\
	const enum savina_variant v_ = (variant);				\
	const struct savina_bench *const *b_;					\
	struct job job_;							\
	int n_ = 0;								\
										\
	OPEN_DOMAIN();								\
	for (b_ = savina_benches; *b_; b_++) {					\
		if (!(*b_)->run[v_])						\
			continue;						\
		n_++;								\
		job_ = make_job(*b_, v_, false);					\
		ASSERT_EQ(0, ksync_sched_run(self->s, run_job, &job_, NULL));	\
		EXPECT_EQ(NULL, job_.wrong)					\
			TH_LOG("%s: %s", (*b_)->name, job_.wrong);		\
		job_ = make_job(*b_, v_, true);					\
		ASSERT_EQ(0, ksync_sched_run(self->s, run_job, &job_, NULL));	\
		EXPECT_NE(NULL, job_.wrong)					\
			TH_LOG("%s does not find its fault", (*b_)->name);	\
	}									\
	EXPECT_NE(0, n_);							\
	ksync_close(domain);							\
} while (0)

TEST_F(models, by_channels)
{
	RUN_ALL(SAVINA_CHANNELS);
}

TEST_F(models, by_locks)
{
	RUN_ALL(SAVINA_LOCKS);
}

TEST_F(models, by_actors)
{
	RUN_ALL(SAVINA_ACTORS);
}

TEST_HARNESS_MAIN
