/* SPDX-License-Identifier: GPL-2.0 */
/* Players that wait for many objects. */
#ifndef KSYNC_SELFTESTS_MANY_H
#define KSYNC_SELFTESTS_MANY_H

#include "player.h"

/* In the place of an id: the rwlock is to be read. */
#define MANY_READ(id)	((id) | 0x80000000U)

/* The lock is to be watched. */
#define MANY_WATCH(id)	((id) | 0x40000000U)

/* Begin to wait for these; @alert: an event, if @flags say so. */
void many_post(struct player *p, uint32_t flags, uint32_t alert, const uint32_t *ids,
	       uint32_t n);

/* The same; 0 once it sleeps. */
int many_await(struct player *p, uint32_t flags, uint32_t alert, const uint32_t *ids,
	       uint32_t n);

#endif /* KSYNC_SELFTESTS_MANY_H */
