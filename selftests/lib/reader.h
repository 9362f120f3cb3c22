/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Players that read an rwlock: steps, by the protocol of the uapi header.  A
 * player gets a slot cell at its first step here.
 */
#ifndef KSYNC_SELFTESTS_READER_H
#define KSYNC_SELFTESTS_READER_H

#include "player.h"

int raw_attach_slot(int fd, uint32_t *slot);
int raw_unlock_read(int fd, uint32_t id, uint32_t handle);

int step_slot(struct player *p);	/* the first slot cell, no more */
int step_read(struct player *p);	/* LOCK for reading without a deadline */
int step_read_until(struct player *p);	/* the same with p->flags, p->deadline */
int step_read_try(struct player *p);	/* the same, TRY */
int step_read_fast(struct player *p);	/* in user space: 0 or -EBUSY */
int step_unread(struct player *p);	/* unlock, in user space if that is enough */

/* The player's entry for an rwlock, 0 if it has none. */
uint32_t reader_entry(const struct player *p, uint32_t id);

/* How many threads read, says QUERY; or a negative errno. */
int reader_count(int fd, uint32_t id);

#endif /* KSYNC_SELFTESTS_READER_H */
