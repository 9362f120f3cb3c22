/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Channels, from the inside.
 *
 * Lock order: channels' locks by address, the scheduler's lock.  With a channel's lock
 * nobody is woken.
 */
#ifndef KSYNC_MODELS_CHAN_H
#define KSYNC_MODELS_CHAN_H

#include <ksync/chan.h>
#include "internal.h"

/* Who waits, the first one first. */
struct cases {
	struct ksync_case *first;
	struct ksync_case *last;
};

/**
 * struct ksync_chan - a channel
 * @lock: protects all that changes
 * @ready: bit @op: a case of it need not wait, unless those that wait have given up;
 *	read without the lock
 * @closed: for good
 * @waiters: cases that will be taken out by who waits, or by who claims them: more
 *	than there are in the queues, if some of those that gave up were found by others
 * @size: of a value
 * @cap: values that @buffer has room for
 * @head: the first one, of @len, which is read without the lock
 */
struct ksync_chan {
	uint32_t lock;
	uint32_t ready;
	bool closed;
	uint32_t waiters;
	size_t size;
	size_t cap;
	size_t head;
	size_t len;
	struct cases queue[2];	/* by enum ksync_case_op */
	char buffer[];
};

/* What is said to a waiter: which case, and whether by closing. */
#define CASE_ENDED	1

/* chan.c */
bool ksync_chan_do(struct ksync_chan *c, uint32_t op, void *value, int *result,
		   struct ksync_task **woken);
void ksync_chan_enter(struct ksync_case *w, struct ksync_ticket ticket,
		      unsigned int index);
void ksync_chan_leave(struct ksync_case *w);

/* What a closed channel answers. */
static inline int ksync_chan_ended(uint32_t op)
{
	return op == KSYNC_CASE_SEND ? -EPIPE : -ENODATA;
}

/*
 * A load that comes after what the caller did to other channels: unlock() is a release
 * and this, at least, an acquire that is not moved before it.
 */
static inline bool ksync_chan_ready(const struct ksync_chan *c, uint32_t op)
{
	return __atomic_load_n(&c->ready, __ATOMIC_SEQ_CST) >> op & 1;
}

#endif /* KSYNC_MODELS_CHAN_H */
