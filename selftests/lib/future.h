/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Promises with their futures, and what tests of futures have in common: values that are
 * counted when they go, and a continuation that counts.
 */
#ifndef KSYNC_SELFTESTS_FUTURE_H
#define KSYNC_SELFTESTS_FUTURE_H

#include <ksync/future.h>
#include "models.h"

static const struct ksync_then_attr in_place = { .flags = KSYNC_THEN_INLINE };

struct pair {
	struct ksync_promise *p;
	struct ksync_future *f;
};

static inline int make(struct pair *pair, const struct ksync_promise_attr *attr)
{
	return ksync_promise_new(&pair->p, &pair->f, attr);
}

static inline void drop(struct pair *pair)
{
	ksync_promise_put(pair->p);
	ksync_future_put(pair->f);
}

/* The values that went, and the continuations that ran. */
static uint32_t destroyed, calls;

static inline void destroy(void *value)
{
	(void)value;
	__atomic_add_fetch(&destroyed, 1, __ATOMIC_RELEASE);
}

static inline int plus_one(int error, void *value, struct ksync_value *out, void *arg)
{
	(void)arg;
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	out->value = (char *)value + 1;
	return error;
}

#endif /* KSYNC_SELFTESTS_FUTURE_H */
