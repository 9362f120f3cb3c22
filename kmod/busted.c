// SPDX-License-Identifier: GPL-2.0
/*
 * A lock that does not exclude: contended, it is granted at once.
 *
 * Built into debug kernels only. The tests run on it what they run on each
 * lock, and must find the fault: it proves that they can.
 */
#include "core.h"

static int busted_take(const struct ksync_object *obj, u32 handle,
		       const struct ksync_state *st)
{
	xchg(&obj->cell->word, handle);
	return 0;
}

const struct ksync_ops ksync_busted_ops = {
	.name = "busted",
	.kind = KSYNC_KIND_BUSTED,
	.owned = true,
	.take = busted_take,
	.give = ksync_word_give,
};
