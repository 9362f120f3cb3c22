/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's commands as the uapi header has them: 0 or a negative errno.
 * All but raw_open() and raw_map() may be called by tasks without TLS.
 */
#ifndef KSYNC_SELFTESTS_RAW_H
#define KSYNC_SELFTESTS_RAW_H

#include <stdint.h>
#include <stddef.h>
#include <time.h>
#include <linux/ksync.h>

/* A new domain; not close-on-exec. Ends the program when there is none. */
int raw_open(void);
/* Map the first @cells cells; all of the arena if 0. Ends the program if it cannot. */
struct ksync_cell *raw_map(int fd, size_t cells);

/* The time on @clock in @ms milliseconds, in ns. */
uint64_t raw_deadline(clockid_t clock, int64_t ms);

/* Any command with any argument, as it is. */
int raw_ioctl(int fd, unsigned long cmd, void *arg);
int raw_info(int fd, struct ksync_info *out);
int raw_create(int fd, uint32_t kind, uint32_t flags, uint32_t *id);
int raw_create_many(int fd, uint32_t kind, uint32_t flags, uint32_t *ids, uint32_t count);
int raw_destroy(int fd, uint32_t id);
int raw_destroy_many(int fd, uint32_t *ids, uint32_t count, uint32_t *done);
int raw_attach(int fd, uint32_t *handle);
int raw_name(int fd, uint32_t id, const char *name);
int raw_query(int fd, uint32_t id, struct ksync_query *out);
int raw_lock(int fd, uint32_t id, uint32_t handle, uint32_t flags, uint64_t deadline);
int raw_unlock(int fd, uint32_t id, uint32_t handle);
/* With KSYNC_UNLOCK_*. */
int raw_unlock_as(int fd, uint32_t id, uint32_t handle, uint32_t flags);
int raw_wait(int fd, uint32_t id, uint32_t expected, uint32_t bitset, uint32_t flags,
	     uint64_t deadline);
int raw_wake(int fd, uint32_t id, uint32_t n, uint32_t bitset, uint32_t *woken);
int raw_cond_wait(int fd, uint32_t id, uint32_t mutex, uint32_t handle, uint32_t flags,
		  uint64_t deadline);
int raw_cond_signal(int fd, uint32_t id, uint32_t n, uint32_t *woken);
/* The whole structure but for its size: two results and a compare flag. */
int raw_requeue(int fd, struct ksync_requeue *arg);
int raw_acquire(int fd, uint32_t id, uint32_t flags, uint64_t deadline);
int raw_release(int fd, uint32_t id, uint32_t flags, uint32_t count, uint32_t *was);
/* The whole structure but for its size. */
int raw_many(int fd, struct ksync_many *arg);

#endif /* KSYNC_SELFTESTS_RAW_H */
