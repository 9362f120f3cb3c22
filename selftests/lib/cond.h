/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A cond and its mutex, and players that wait there: what the tests of conds
 * share.
 */
#ifndef KSYNC_SELFTESTS_COND_H
#define KSYNC_SELFTESTS_COND_H

#include <stdbool.h>
#include <stdint.h>
#include "player.h"

/**
 * struct cond_scene - what it is about
 * @fd: a domain of its own
 * @cells: the arena
 * @cond: id
 * @mutex: id
 * @self: handle of the test itself
 */
struct cond_scene {
	int fd;
	struct ksync_cell *cells;
	uint32_t cond;
	uint32_t mutex;
	uint32_t self;
};

/* 0 or an error. */
int cond_scene_open(struct cond_scene *s, uint32_t mutex_flags);
void cond_scene_close(struct cond_scene *s);

/* A player that may wait, of SCHED_FIFO priority @prio if not 0; or NULL. */
struct player *cond_player(const struct cond_scene *s, enum task_kind kind, int prio);

/* It locks the mutex, waits for a signal, and sleeps: 0 or an error. */
int cond_begin_wait(const struct cond_scene *s, struct player *p);

/* Both; NULL if something is wrong. */
struct player *cond_waiter(const struct cond_scene *s, enum task_kind kind, int prio);

/* COND_SIGNAL: how many were signalled, or an error. */
int cond_signal(const struct cond_scene *s, uint32_t n);

/* The test itself locks and unlocks. */
int cond_lock(const struct cond_scene *s);
int cond_unlock(const struct cond_scene *s);

/* Who has the mutex by its word? */
bool cond_owned_by(const struct cond_scene *s, uint32_t handle);

/* The player's wait has returned @ret with the mutex: unlock it. 0 or an error. */
int cond_end_wait(const struct cond_scene *s, struct player *p, int ret);

#endif /* KSYNC_SELFTESTS_COND_H */
