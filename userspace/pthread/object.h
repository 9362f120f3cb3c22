/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What object.c and collect.c share. */
#ifndef KSYNC_DROPIN_OBJECT_H
#define KSYNC_DROPIN_OBJECT_H

/**
 * struct ids - what was created in our own domain, for the free lists
 * @list: the ids
 * @nr: how many
 * @collect_at: how many are enough to look for those that are forgotten
 */
struct ids {
	uint32_t *list;
	uint32_t nr;
	uint32_t collect_at;
};

extern struct ids ids;

struct own_cell *cell_at(uint32_t id);
void put_id(uint32_t id);
void collect(void);
bool is_idle(const struct ksync_object *o);

#endif /* KSYNC_DROPIN_OBJECT_H */
