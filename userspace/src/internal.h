/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What the files of libksync share, and no program sees. */
#ifndef KSYNC_INTERNAL_H
#define KSYNC_INTERNAL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <ksync.h>

#define KSYNC_EXPORT	__attribute__((visibility("default")))

/**
 * struct ksync - a domain, as seen by this process
 * @serial: never used again in this process, other than the address of this
 *	structure: what threads remember of a closed domain matches no new one
 * @fd: the open of /dev/ksync
 * @spins: how often to look at a busy lock before asking the module; 0 where
 *	only one CPU is online
 * @cells: the arena
 * @arena_size: in bytes
 */
struct ksync {
	uint64_t serial;
	int fd;
	unsigned int spins;
	struct ksync_cell *cells;
	uint64_t arena_size;
};

/* syscall.c */
int ksync_ioctl(int fd, unsigned long cmd, void *arg);

/* thread.c */
int ksync_thread_prepare(void);
int ksync_thread_self(struct ksync *d, const struct ksync_thread **t);

/* lock.c */
int ksync_identify(struct ksync_object *o, const struct ksync_thread *t);

/* object.c */
int ksync_object_create(struct ksync_object *o, struct ksync *d, uint32_t kind,
			uint32_t flags);
int ksync_object_open(struct ksync_object *o, struct ksync *d, uint32_t kind,
		      uint32_t id);
int ksync_object_destroy(struct ksync_object *o);

static inline bool ksync_object_stale(const struct ksync_object *o)
{
	return o->serial != o->domain->serial;
}

/* deadline.c */
int ksync_deadline(clockid_t clock, const struct timespec *abs,
		   uint32_t *flags, uint64_t *deadline);

#endif /* KSYNC_INTERNAL_H */
