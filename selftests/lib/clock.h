/* SPDX-License-Identifier: GPL-2.0 */
/* Points in time, in the nanoseconds that ksync's deadlines are in. */
#ifndef KSYNC_SELFTESTS_CLOCK_H
#define KSYNC_SELFTESTS_CLOCK_H

#include <stdint.h>
#include <time.h>

#define MSEC	1000000ULL
#define SEC	1000000000ULL

static inline uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

/* A point on CLOCK_MONOTONIC. */
static inline uint64_t in(uint64_t ns)
{
	return now(CLOCK_MONOTONIC) + ns;
}

static inline int passed(uint64_t deadline)
{
	return now(CLOCK_MONOTONIC) >= deadline;
}

static inline struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = ns / SEC, .tv_nsec = ns % SEC };
}

#endif /* KSYNC_SELFTESTS_CLOCK_H */
