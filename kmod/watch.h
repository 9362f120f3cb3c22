/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Those who do not queue up for an object, but want to know when to look at it.
 */
#ifndef KSYNC_WATCH_H
#define KSYNC_WATCH_H

#include "core.h"

int ksync_watch_enter(struct ksync_waiter *w, const struct ksync_object *obj);
void ksync_watch_leave(struct ksync_waiter *w);
void ksync_watch_clear(struct ksync_waiter *w);
void ksync_watch_collect(const struct ksync_object *obj, struct ksync_tell *t);
void ksync_watch_tell(const struct ksync_object *obj, struct ksync_tell *t);
void ksync_watch_next(struct ksync_waiter *w);
void ksync_watch_idle(const struct ksync_object *obj);
void ksync_watch_pass(const struct ksync_object *obj);
void ksync_watch_owner_died(const struct ksync_domain *d, u32 handle);

#endif /* KSYNC_WATCH_H */
