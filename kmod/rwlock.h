/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reader-writer locks: who reads, and the ways of lock.c that are theirs.
 */
#ifndef KSYNC_RWLOCK_H
#define KSYNC_RWLOCK_H

#include "core.h"

/* slot.c */
struct ksync_slot;

/**
 * struct ksync_scan - a walk over those who read an rwlock
 * @d: where
 * @id: the rwlock
 * @index: of the slot in d->slots; starts at 0
 * @entry: of the reader found, in that slot; starts at 0
 */
struct ksync_scan {
	struct ksync_domain *d;
	u32 id;
	unsigned long index;
	u32 entry;
};

int ksync_slot_add(struct ksync_domain *d, struct ksync_thread *t, u32 handle,
		   u32 *id);
void ksync_slot_drop_all(struct ksync_domain *d, u32 handle);
u32 *ksync_slot_held(struct ksync_domain *d, u32 handle, u32 id);
u32 *ksync_slot_vacant(struct ksync_domain *d, u32 handle);
bool ksync_slot_scan(struct ksync_scan *s);
struct ksync_thread *ksync_slot_reader(const struct ksync_scan *s, u32 *handle);
u32 ksync_slot_next(struct ksync_domain *d, unsigned long *index, u32 *ids, u32 *n);
unsigned long ksync_slot_index(u32 handle);
u32 ksync_slot_count(struct ksync_domain *d, u32 id);

/* rwlock.c, drain.c */
int ksync_rwlock_arrive(struct ksync_request *r, const struct ksync_state *st);
int ksync_rwlock_lead(struct ksync_request *r, const struct ksync_state *st);
bool ksync_rwlock_defers(struct ksync_waiter *w);
int ksync_rwlock_unlock_read(struct ksync_object *obj, struct ksync_thread *self,
			     u32 handle);
void ksync_rwlock_undo_read(struct ksync_object *obj, struct ksync_thread *self,
			    u32 handle);
int ksync_drain(struct ksync_request *r, int ret);
void ksync_drain_leave(struct ksync_object *obj, struct ksync_thread *self);

#endif /* KSYNC_RWLOCK_H */
