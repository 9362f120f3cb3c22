/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tasks that wait for objects of libksync: the domain, and running the same tasks twice,
 * by io_uring where that is there, and without.
 */
#ifndef KSYNC_SELFTESTS_MODELS_SYNC_H
#define KSYNC_SELFTESTS_MODELS_SYNC_H

#include <pthread.h>
#include <stdlib.h>
#include <ksync/task_sync.h>
#include "models.h"

static struct ksync *domain;

/* The module's, or that of futexes where there is none; or as KSYNC_BACKEND says. */
#define OPEN_DOMAIN() \
	ASSERT_EQ(0, ksync_open(&domain, getenv("KSYNC_BACKEND") ? 0 : KSYNC_OPEN_FALLBACK))

/* On the fixture's scheduler; and on one that is told not to use a ring. */
#define RUN_BOTH(fn, arg) do {						\
	void *(*const fn_)(void *) = (fn);				\
	void *const arg_ = (arg);					\
	struct ksync_sched *other_;					\
									\
	RUN(fn_, arg_);							\
	setenv("KSYNC_MODELS_RING", "0", 1);				\
	ASSERT_EQ(0, ksync_sched_start(&other_, &variant->opts));	\
	RUN_ON(other_, fn_, arg_);					\
	EXPECT_EQ(0, ksync_sched_stop(other_));				\
	unsetenv("KSYNC_MODELS_RING");					\
} while (0)

/* In a task: until @n wait for an object. */
#define AWAIT(x, n) do {						\
	struct ksync_query query_;					\
									\
	while (!ksync_query(x, &query_) && query_.waiters < (n))	\
		ksync_task_yield();					\
} while (0)

/* What tasks return: the line of a check that failed, or NULL. */
#define JOINED(t) ({							\
	void *line_ = (void *)-1;					\
	ksync_task_join(t, &line_) ? (void *)-1 : line_;		\
})

#endif /* KSYNC_SELFTESTS_MODELS_SYNC_H */
