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

static clockid_t clock_of(const struct limit *l)
{
	return l->flags & KSYNC_WAIT_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
}

bool limit_passed(const struct limit *l)
{
	return now(clock_of(l)) >= l->deadline;
}

/* When to wake up, in ns on the limit's clock. */
uint64_t nap_end(const struct limit *l)
{
	const uint64_t t = now(clock_of(l)) + NAP_NS;

	return t < l->deadline ? t : l->deadline;
}

/* Return: 0; ETIMEDOUT. */
int nap(const struct limit *l)
{
	const int saved = errno;
	struct timespec ts;
	uint64_t t;

	if (limit_passed(l))
		return ETIMEDOUT;
	t = nap_end(l);
	ts.tv_sec = t / NSEC_PER_SEC;
	ts.tv_nsec = t % NSEC_PER_SEC;
	syscall(SYS_clock_nanosleep, clock_of(l), TIMER_ABSTIME, &ts, NULL);
	errno = saved;
	return 0;
}
