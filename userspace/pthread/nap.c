// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * How long to wait, and short sleeps in which to wait for what nobody tells of.
 * Neither is a cancellation point.
 */
#include <sys/syscall.h>
#include <unistd.h>
#include "dropin.h"

#define NAP_NS		20000000ULL
#define NSEC_PER_SEC	1000000000ULL

/* Return: 0; EINVAL. */
int limit_of(struct limit *l, clockid_t clock, const struct timespec *abs)
{
	l->flags = 0;
	return -ksync_deadline(clock, abs, &l->flags, &l->deadline);
}

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

/* Return: 0; ETIMEDOUT. */
int nap(const struct limit *l)
{
	const clockid_t clock = l->flags & KSYNC_WAIT_REALTIME ?
		CLOCK_REALTIME : CLOCK_MONOTONIC;
	const int saved = errno;
	uint64_t t = now(clock);
	struct timespec ts;

	if (t >= l->deadline)
		return ETIMEDOUT;
	t = l->deadline - t < NAP_NS ? l->deadline : t + NAP_NS;
	ts.tv_sec = t / NSEC_PER_SEC;
	ts.tv_nsec = t % NSEC_PER_SEC;
	syscall(SYS_clock_nanosleep, clock, TIMER_ABSTIME, &ts, NULL);
	errno = saved;
	return 0;
}
