// SPDX-License-Identifier: GPL-2.0
/*
 * Mutexes: strict ones hand over, adaptive ones let a running thread overtake.
 *
 * How often a recursive one is held is counted by its owner, in user space.
 */
#include "core.h"

static u32 mutex_give(const struct ksync_state *st)
{
	if (KSYNC_TAG_FLAGS(st->obj.tag) & KSYNC_MUTEX_STRICT)
		return KSYNC_HANDOFF | KSYNC_WAITERS;
	return ksync_word_give(st);
}

const struct ksync_ops ksync_mutex_ops = {
	.name = "mutex",
	.kind = KSYNC_KIND_MUTEX,
	.flags = KSYNC_MUTEX_STRICT | KSYNC_MUTEX_RECURSIVE | KSYNC_MUTEX_PROTECT,
	.owned = true,
	.take = ksync_word_arrive,
	.give = mutex_give,
	.spin_front = ksync_spin_front,
};
