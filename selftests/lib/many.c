// SPDX-License-Identifier: GPL-2.0
/* Players that wait for many objects: see many.h. */
#include "many.h"

void many_post(struct player *p, uint32_t flags, uint32_t alert, const uint32_t *ids,
	       uint32_t n)
{
	const uint32_t read = MANY_READ(0), watch = MANY_WATCH(0);
	uint32_t i;

	for (i = 0; i < n; i++)
		p->items[i] = (struct ksync_item){
			.id = ids[i] & ~(read | watch),
			.flags = (ids[i] & read ? KSYNC_LOCK_READ : 0) |
				(ids[i] & watch ? KSYNC_ITEM_WATCH : 0),
		};
	p->many = (struct ksync_many){
		.count = n,
		.flags = flags,
		.deadline = KSYNC_NO_DEADLINE,
		.alert = flags & KSYNC_MANY_ALERT ? alert : 0,
		.index = ~0U,
	};
	player_post(p, step_many, 0);
}

int many_await(struct player *p, uint32_t flags, uint32_t alert, const uint32_t *ids,
	       uint32_t n)
{
	many_post(p, flags, alert, ids, n);
	return player_await_asleep(p);
}
