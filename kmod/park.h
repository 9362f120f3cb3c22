/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waiters that were moved from a cond to its mutex.
 */
#ifndef KSYNC_PARK_H
#define KSYNC_PARK_H

#include "core.h"

/**
 * enum ksync_stage - of a wait on a cond
 * @KSYNC_ON_COND: in the queue of the cond, asleep
 * @KSYNC_PARKED: in that of the mutex, still asleep
 * @KSYNC_UNPARKED: in that of the mutex, and goes for it as LOCK does
 * @KSYNC_DROPPED: in none: there is no such mutex any more
 */
enum ksync_stage {
	KSYNC_ON_COND,
	KSYNC_PARKED,
	KSYNC_UNPARKED,
	KSYNC_DROPPED,
};

struct task_struct *ksync_unpark(struct ksync_thread *t);
struct task_struct *ksync_park(struct ksync_waiter *w);
u32 ksync_cond_move(const struct ksync_object *cond, u32 count);

#endif /* KSYNC_PARK_H */
