/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hubs: where pollers of an object are hooked on; see hub.c.
 */
#ifndef KSYNC_HUB_H
#define KSYNC_HUB_H

#include <linux/wait.h>

#include "core.h"

/**
 * struct ksync_hub - of one object, from its making to its destruction
 * @obj: which; belongs to another object of the same number once @dead
 * @wq: who polls is hooked on here
 * @refs: one for all descriptors, one for each telling on its way
 * @fds: how many descriptors; domain->lock
 * @armed: what makes the object available comes into the module, and looks here;
 *	bucket lock
 * @dead: the object was destroyed; bucket lock and domain->lock to write
 */
struct ksync_hub {
	struct ksync_object obj;
	wait_queue_head_t wq;
	refcount_t refs;
	u32 fds;
	bool armed;
	bool dead;
};

struct ksync_hub *ksync_hub_open(struct ksync_domain *d, u32 id);
void ksync_hub_close(struct ksync_hub *hub);
void ksync_hub_arm(struct ksync_hub *hub);
struct ksync_hub *ksync_hub_find(const struct ksync_object *obj);
void ksync_hub_collect_armed(const struct ksync_object *obj, struct ksync_tell *t);
void ksync_hub_tell(struct ksync_tell *t);
void ksync_hub_wake(struct ksync_hub *hub, __poll_t mask);
struct ksync_hub *ksync_hub_kill(const struct ksync_object *obj);
void ksync_hub_killed(struct ksync_hub *hub);
void ksync_hub_thread_died(struct ksync_domain *d, u32 handle);

/*
 * Does somebody poll anything?  If it is @obj that is polled, then this was counted
 * under its bucket lock, which is held.
 */
static inline bool ksync_hub_any(const struct ksync_object *obj)
{
	return atomic_read(&obj->domain->polled);
}

/** ksync_hub_armed() - under the bucket lock: does somebody poll it? */
static inline bool ksync_hub_armed(const struct ksync_object *obj)
{
	return ksync_hub_any(obj) && ksync_hub_find(obj);
}

/**
 * ksync_hub_collect() - under the bucket lock: the object may be available
 * @obj: object
 * @t: gets the hub, if there is somebody to tell; ksync_hub_tell() follows once
 *	the lock is released
 */
static inline void ksync_hub_collect(const struct ksync_object *obj, struct ksync_tell *t)
{
	if (ksync_hub_any(obj))
		ksync_hub_collect_armed(obj, t);
}

#endif /* KSYNC_HUB_H */
