/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What the files of libksync share, and no program sees. */
#ifndef KSYNC_INTERNAL_H
#define KSYNC_INTERNAL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <ksync.h>

#define KSYNC_EXPORT	__attribute__((visibility("default")))

#ifndef __has_builtin
#define __has_builtin(x)	0
#endif

static inline void ksync_cpu_relax(void)
{
#if __has_builtin(__builtin_ia32_pause)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	asm volatile("isb" ::: "memory");
#else
	asm volatile("" ::: "memory");
#endif
}

/**
 * struct ksync - a domain, as seen by this process
 * @serial: never used again in this process, other than the address of this
 *	structure: what threads remember of a closed domain matches no new one
 * @fd: the open of /dev/ksync
 * @cpus: that are online
 * @spins: how often to look at a busy lock before asking the module; 0 where
 *	only one CPU is online
 * @cells: the arena
 * @arena_size: in bytes
 */
struct ksync {
	uint64_t serial;
	int fd;
	unsigned int cpus;
	unsigned int spins;
	struct ksync_cell *cells;
	uint64_t arena_size;
};

/* syscall.c */
int ksync_ioctl(int fd, unsigned long cmd, void *arg);

/* thread.c */
int ksync_thread_prepare(void);
int ksync_thread_self(struct ksync *d, const struct ksync_thread **t);

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

/* model.c */
int ksync_model_create(struct ksync_object *o, struct ksync *d, uint32_t kind,
		       uint32_t model);
int ksync_model_open(struct ksync_object *o, struct ksync *d, uint32_t kind,
		     uint32_t model, uint32_t id);
int ksync_model_check(const struct ksync_object *o, uint32_t model);
int ksync_model_settle(struct ksync_waitq *q,
		       bool (*busy)(const struct ksync_object *o));

/* deadline.c */
int ksync_deadline(clockid_t clock, const struct timespec *abs,
		   uint32_t *flags, uint64_t *deadline);

#endif /* KSYNC_INTERNAL_H */
