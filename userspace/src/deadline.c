// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* From a clock and a timespec to what the module counts in. */
#include "internal.h"

#define NSEC_PER_SEC	1000000000LL

/* Before the clock's zero has passed; beyond its end is its end. */
static uint64_t to_ns(const struct timespec *abs)
{
	int64_t sec = abs->tv_sec;	/* may have been 32 bits */

	if (sec < 0)
		return 0;
	if (sec >= INT64_MAX / NSEC_PER_SEC)
		return INT64_MAX;
	return sec * NSEC_PER_SEC + abs->tv_nsec;
}

/**
 * ksync_deadline() - check and convert a deadline
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL is never
 * @flags: KSYNC_WAIT_REALTIME is set in it as needed
 * @deadline: set
 *
 * Return: 0; -EINVAL for another clock or a tv_nsec outside of a second.
 */
int ksync_deadline(clockid_t clock, const struct timespec *abs,
		   uint32_t *flags, uint64_t *deadline)
{
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
		return -EINVAL;
	if (abs && (abs->tv_nsec < 0 || abs->tv_nsec >= NSEC_PER_SEC))
		return -EINVAL;
	if (clock == CLOCK_REALTIME)
		*flags |= KSYNC_WAIT_REALTIME;
	*deadline = abs ? to_ns(abs) : KSYNC_NO_DEADLINE;
	return 0;
}
