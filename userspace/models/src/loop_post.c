// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Jobs for a loop: a stack that anybody pushes to (R. K. Treiber, 1986) and the loop
 * takes whole, so that no pop can meet another: reversed, it is in order of arrival.
 */
#include "loop.h"

EXPORT void ksync_loop_post(struct ksync_loop *l, struct ksync_loop_job *job)
{
	struct ksync_loop_job *first = load(&l->jobs);

	do {
		job->next_ = first;
	} while (!__atomic_compare_exchange_n(&l->jobs, &first, job, false, /* P */
					      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	ksync_loop_poke(l);
}

/** ksync_loop_jobs_run() - do what was posted before this; true: there was something */
bool ksync_loop_jobs_run(struct ksync_loop *l)
{
	struct ksync_loop_job *job, *next, *ordered = NULL;

	if (!load(&l->jobs))
		return false;
	job = __atomic_exchange_n(&l->jobs, NULL, __ATOMIC_SEQ_CST);
	for (; job; job = next) {
		next = job->next_;
		job->next_ = ordered;
		ordered = job;
	}
	for (; ordered; ordered = next) {
		next = ordered->next_;
		ordered->fn(l, ordered);
	}
	return true;
}
