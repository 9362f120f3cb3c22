/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * For libraries that sleep in a way of their own where there is no module: a wait for a
 * semaphore, an event or a waitq, step by step.  Programs have no use for it.
 */
#ifndef KSYNC_STEP_H
#define KSYNC_STEP_H

#include <ksync/object.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * struct ksync_step_ - a wait; zero at first, but for a waitq
 * @word: of a shared futex; NULL: it has not begun
 * @expected: sleep while *@word is this; a waitq's is given
 * @bitset: of the sleep; a waitq's is given
 * @attr: of the object, when it began
 * @seen: for the backend
 */
struct ksync_step_ {
	uint32_t *word;
	uint32_t expected;
	uint32_t bitset;
	uint32_t attr;
	uint32_t seen;
};

/*
 * Begin the wait, or go on with it.  @slept is what came of the sleep, which was once
 * and whole: 0 for those alone whom a FUTEX_WAKE took out of the queue, -EAGAIN if the
 * word was another, or -ETIMEDOUT, or whatever else ended it.
 *
 * Return: 1: sleep, and call again, in any case; 0: it has what it waited for; what it
 * slept with, if that was an error; -EAGAIN (the waitq's word is another), -EBADF
 * (destroyed), -EOPNOTSUPP (not a futex domain's).
 */
int ksync_step_(struct ksync_object *o, struct ksync_step_ *step, int slept);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_STEP_H */
