/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What the files of libksync share, and no program sees. */
#ifndef KSYNC_INTERNAL_H
#define KSYNC_INTERNAL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <ksync.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

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

struct ksync_shadow;

/**
 * struct ksync - a domain, as seen by this process
 * @serial: never used again in this process, other than the address of this
 *	structure: what threads remember of a closed domain matches no new one
 * @fd: the open of /dev/ksync, or of what holds a futex domain
 * @cpus: that are online
 * @spins: how often to look at a busy lock before asking the module; 0 where
 *	only one CPU is online
 * @cells: the arena
 * @arena_size: in bytes
 * @shadow: the futex backend's part of a futex domain; NULL: the module's
 * @lazy_ceiling: the module sees by itself when a ceiling matters
 */
struct ksync {
	uint64_t serial;
	int fd;
	unsigned int cpus;
	unsigned int spins;
	struct ksync_cell *cells;
	uint64_t arena_size;
	struct ksync_shadow *shadow;
	bool lazy_ceiling;
};

/* syscall.c */
long ksync_syscall(long nr, long a, long b, long c, long d, long e, long f);
int ksync_ioctl(int fd, unsigned long cmd, void *arg);

/* domain.c */
int ksync_setup(struct ksync *d, int fd);

/* futex/: what runs without the module */
int ksync_futex_open(void);
int ksync_futex_map(struct ksync *d);
void ksync_futex_unmap(struct ksync *d);
int ksync_futex_call(struct ksync *d, unsigned long cmd, void *arg);

/* thread.c */
int ksync_thread_prepare(void);
int ksync_thread_self(struct ksync *d, const struct ksync_thread **t);

/* lock.c */
int ksync_identify(struct ksync_object *o, const struct ksync_thread **t);
int ksync_lock_again(struct ksync_object *o, const struct ksync_thread *t);
int ksync_lock_look(struct ksync_object *o, const struct ksync_thread *t);
int ksync_lock_wait(struct ksync_object *o, const struct ksync_thread *t,
		    uint32_t flags, uint64_t deadline);

/* rwlock.c */
uint32_t ksync_read_depth(const struct ksync_object *o, const struct ksync_thread *t);
int ksync_read_again(struct ksync_object *o, struct ksync_thread *t);
int ksync_read_look(struct ksync_object *o, struct ksync_thread *t);
int ksync_read_reserve(struct ksync_object *o, struct ksync_thread *t, uint32_t n);
int ksync_read_lock_wait(struct ksync_object *o, struct ksync_thread *t,
			 uint32_t flags, uint64_t deadline);

/* object.c */
int ksync_object_create(struct ksync_object *o, struct ksync *d, uint32_t kind,
			uint32_t flags);
int ksync_object_open(struct ksync_object *o, struct ksync *d, uint32_t kind,
		      uint32_t id);
int ksync_object_destroy(struct ksync_object *o);

/* In the serial of an object whose fast path is out of line. */
#define KSYNC_SERIAL_SLOW	0x8000000000000000ULL

/* A mutex with a priority ceiling: there is more to do. */
static inline bool ksync_protects(const struct ksync_object *o)
{
	return (o->attr & 0xff) == KSYNC_KIND_MUTEX &&
	       o->attr & (KSYNC_MUTEX_PROTECT << 8);
}

static inline bool ksync_object_stale(const struct ksync_object *o)
{
	return (o->serial & ~KSYNC_SERIAL_SLOW) != o->domain->serial;
}

/* ceiling.c */
int ksync_ceiling_enter(struct ksync_object *o, const struct ksync_thread *t);
int ksync_ceiling_settle(struct ksync_object *o, const struct ksync_thread *t);
void ksync_ceiling_leave(struct ksync_object *o, const struct ksync_thread *t);

/* Another look after a moment? Not once @spins are used up. */
static inline bool ksync_spin_once(unsigned int *spins)
{
	if (!*spins)
		return false;
	--*spins;
	ksync_cpu_relax();
	return true;
}

/*
 * How often to look at a semaphore or an event before asking the module: not where the
 * last one that slept was served from its own CPU, for who posts waits for this one then.
 * Who asks is served by the module, which says anew where from, be it at once or after a
 * sleep.  The futex backend never says so.
 */
static inline unsigned int ksync_spins(const struct ksync_object *o)
{
	return __atomic_load_n(&o->cell->near, __ATOMIC_RELAXED) ? 0 : o->domain->spins;
}

/* acquire.c */
int ksync_acquire(struct ksync_object *o, uint32_t flags, uint64_t deadline);
int ksync_release(struct ksync_object *o, uint32_t flags, uint32_t count);

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
