/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Objects of ksync by a proactor: for programs that use libksync, too, whose module has
 * KSYNC_FEATURE_URING.  What the results mean is said in <linux/ksync.h>.
 */
#ifndef KSYNC_PROACTOR_OBJECT_H
#define KSYNC_PROACTOR_OBJECT_H

#include <ksync/object.h>
#include <ksync/proactor.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline int ksync_proactor_object_(struct ksync_loop *loop, struct ksync_op *op,
					 const struct ksync_object *o, uint32_t command,
					 uint32_t value, uint32_t bitset)
{
	const uint32_t arg[4] = { o->id, 0, value, bitset };

	return ksync_proactor_command(loop, op, ksync_fileno(o->domain), command, arg,
				      KSYNC_URING_CANCEL);
}

/**
 * ksync_proactor_acquire() - take a unit of a sem, or wait for an event
 * @loop: proactor
 * @op: as ever
 * @x: struct ksync_sem or struct ksync_event
 */
#define ksync_proactor_acquire(loop, op, x) \
	ksync_proactor_object_(loop, op, &(x)->o, KSYNC_URING_ACQUIRE, 0, 0)

/**
 * ksync_proactor_wait() - wait on a waitq while its word is @expected
 * @loop: proactor
 * @op: as ever; res is -EAGAIN if the word differs
 * @q: struct ksync_waitq
 * @expected: value
 * @bitset: which wake-ups to hear, KSYNC_BITSET_ALL for all
 */
#define ksync_proactor_wait(loop, op, q, expected, bitset) \
	ksync_proactor_object_(loop, op, &(q)->o, KSYNC_URING_WAIT, expected, bitset)

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_PROACTOR_OBJECT_H */
