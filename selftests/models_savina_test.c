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
	savina_fn *fn;
	const char *wrong;
};

static void *run_job(void *arg)
{
	struct job *job = arg;

	job->wrong = job->fn(&job->s);
	return NULL;
}

enum variant {
	CHANNELS,
	LOCKS,
	ACTORS,
};

static savina_fn *variant_of(const struct savina_bench *b, enum variant which)
{
	return which == CHANNELS ? b->channels : which == LOCKS ? b->locks : b->actors;
}

static void make_job(struct job *job, const struct savina_bench *b, savina_fn *fn, bool fault)
{
	memset(job, 0, sizeof(*job));
	memcpy(job->s.size, b->small, sizeof(b->small));
	job->s.domain = domain;
	job->s.fault = fault;
	job->fn = fn;
}

/* All that have the variant. */
#define RUN_ALL(which) do {							\
	const struct savina_bench *const *b_;					\
	int n_ = 0;								\
	struct job job_;							\
										\
	OPEN_DOMAIN();								\
	for (b_ = savina_benches; *b_; b_++) {					\
		savina_fn *fn_ = variant_of(*b_, which);			\
										\
		if (!fn_)							\
			continue;						\
		n_++;								\
		make_job(&job_, *b_, fn_, false);				\
		ASSERT_EQ(0, ksync_sched_run(self->s, run_job, &job_, NULL));	\
		EXPECT_EQ(NULL, job_.wrong)					\
			TH_LOG("%s: %s", (*b_)->name, job_.wrong);		\
		make_job(&job_, *b_, fn_, true);				\
		ASSERT_EQ(0, ksync_sched_run(self->s, run_job, &job_, NULL));	\
		EXPECT_NE(NULL, job_.wrong)					\
			TH_LOG("%s does not find its fault", (*b_)->name);	\
	}									\
	EXPECT_NE(0, n_);							\
	ksync_close(domain);							\
} while (0)

TEST_F(models, by_channels)
{
	RUN_ALL(CHANNELS);
}

TEST_F(models, by_locks)
{
	RUN_ALL(LOCKS);
}

TEST_F(models, by_actors)
{
	RUN_ALL(ACTORS);
}

TEST_HARNESS_MAIN
