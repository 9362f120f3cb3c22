// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Readers and writers of a sequence lock that find it being written.  The writer is no
 * task that waits, see ksync/seqlock.h: it runs, or its thread was preempted.
 */
#include <sched.h>
#include <ksync/seqlock.h>
#include "internal.h"

/* A write is a few stores: longer than that, and the writer does not run. */
#define SPINS	128

EXPORT void ksync_seqlock_stalled_(unsigned int n)
{
	if (n < SPINS)
		relax();
	else
		sched_yield();
}
