/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * libksync-pthread.so: POSIX threads' objects on ksync, for programs that know
 * nothing of it.  What its files share.
 *
 * An object of the program keeps a reference, the id of a ksync object; the word
 * is in that one's cell.  The cell names the object in turn, with its address
 * (tag): a reference counts only if both agree.  So objects that are zero, that were
 * made by a process this one is a child of, moved or copied, or whose memory was
 * used for something else meanwhile, all take the slow path, where they get a ksync
 * object of their own.
 */
#ifndef KSYNC_DROPIN_H
#define KSYNC_DROPIN_H

#include <pthread.h>
#include <semaphore.h>
#include "../src/internal.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

/*
 * What a fast path ends in when it is not the way: as a function of its own it has no
 * registers saved and no stack made on the fast path.
 */
#define SLOW_PATH	__attribute__((noinline))

/* Another name that libc has for a function. */
#define ALIAS(other, name) \
	extern KSYNC_EXPORT __typeof__(name) other __attribute__((alias(#name), copy(name)))

/* In a reference: of the domain that processes share, else of our own. */
#define SHARED		0x80000000U
/* A reference of an object that was destroyed. */
#define DESTROYED	0x7fffffffU

/**
 * struct process - what the fast paths need to know
 * @cells: of the domain that no other process knows
 * @nr: ids below this one are in it; 0 or 1 sends everything to the slow paths
 * @policy: KSYNC_MUTEX_STRICT or zero
 * @serial: of the domain
 * @nonce: odd, so that no tag is zero; another one after each fork
 */
struct process {
	struct ksync_cell *cells;
	uint32_t nr;
	uint32_t policy;
	uint64_t serial;
	uintptr_t nonce;
} __attribute__((aligned(64)));

extern struct process here;

/* What pthread_*_t look like.  Zero is what static initializers leave there. */

struct pt_mutex {
	uint32_t ref;
	uint32_t cookie;
	uint32_t count;		/* recursive: beyond once; only its owner touches it */
	uint32_t ceiling;
	int kind;		/* as glibc has it: static initializers set it */
};

struct pt_cond {
	uint32_t ref;
	uint32_t cookie;
	uint32_t flags;
};

struct pt_rwlock {
	uint32_t ref;
	uint32_t cookie;
	uint32_t unused[10];
	unsigned int prefers;	/* as glibc has it: static initializers set it */
};

struct pt_sem {
	uint32_t ref;
	uint32_t cookie;
};

struct pt_barrier {
	uint32_t ref;
	uint32_t cookie;
	uint32_t count;
};

struct pt_spin {
	uint32_t ref;
};

_Static_assert(sizeof(struct pt_mutex) <= sizeof(pthread_mutex_t), "a mutex fits");
_Static_assert(offsetof(struct pt_mutex, kind) == offsetof(pthread_mutex_t, __data.__kind),
	       "static initializers of mutexes are understood");
_Static_assert(sizeof(struct pt_cond) <= sizeof(pthread_cond_t), "a cond fits");
_Static_assert(sizeof(struct pt_rwlock) <= sizeof(pthread_rwlock_t), "an rwlock fits");
_Static_assert(offsetof(struct pt_rwlock, prefers) ==
	       offsetof(pthread_rwlock_t, __data.__flags),
	       "static initializers of rwlocks are understood");
_Static_assert(sizeof(struct pt_sem) <= sizeof(sem_t), "a semaphore fits");
_Static_assert(sizeof(struct pt_barrier) <= sizeof(pthread_barrier_t), "a barrier fits");
_Static_assert(sizeof(struct pt_spin) <= sizeof(pthread_spinlock_t), "a spinlock fits");

/**
 * struct own_cell - a cell, as this library uses it
 * @word: of the kind, as all up to @reserved
 * @contended: how often somebody waited for it, if that is counted
 * @abandoned: its owner is gone and did not unlock it: nobody ever gets it; an
 *	rwlock that is free otherwise: nobody ever writes
 * @waited: ns
 * @tag: address of the object ^ process.nonce; 0 while it is free, or shared
 * @link: free: the next one; shared: the cookie that its objects have as well
 * @model: see struct ksync_model_cell_, which has the words of @contended to
 *	@waited for itself
 */
struct __attribute__((may_alias)) own_cell {
	uint32_t word;
	uint32_t waiters;
	uint32_t attr;
	uint32_t depth;
	uint32_t limit;
	uint32_t near;
	uint32_t reserved[2];
	uint32_t contended;
	uint32_t abandoned;
	uint64_t waited;
	uint64_t tag;
	uint32_t link;
	uint32_t model;
};

_Static_assert(sizeof(struct own_cell) == sizeof(struct ksync_cell), "a cell is one");

static inline struct own_cell *own_cell(const struct ksync_object *o)
{
	return (struct own_cell *)o->cell;
}

static inline uint64_t tag_of(const void *obj)
{
	return (uintptr_t)obj ^ here.nonce;
}

/* The object's cell, or NULL for the slow path. */
static inline struct ksync_cell *quick_cell(const uint32_t *ref, const void *obj)
{
	uint32_t id = __atomic_load_n(ref, __ATOMIC_ACQUIRE);
	struct ksync_cell *cell;

	if (unlikely(id >= __atomic_load_n(&here.nr, __ATOMIC_ACQUIRE)))
		return NULL;
	cell = &here.cells[id];
	return likely(((struct own_cell *)cell)->tag == tag_of(obj)) ? cell : NULL;
}

/*
 * Only with a cell from quick_cell(), for the inline functions of libksync.  It costs
 * nothing as long as no function that is not inline gets its address.
 */
extern struct ksync own_domain, shared_domain;

static inline struct ksync_object quick_object(struct ksync_cell *cell)
{
	return (struct ksync_object) {
		.cell = cell,
		.serial = here.serial,
		.domain = &own_domain,
		.id = cell - here.cells,
		.attr = cell->attr,
	};
}

/* process.c */
enum { UNDECIDED, PLAIN, READY, FORKED };
extern int process_state;
int process_start(void);
int process_share(void);
void process_forked(void);
uintptr_t random_odd(void);

/* On ksync?  The first call decides. */
static inline bool ready(void)
{
	int state = __atomic_load_n(&process_state, __ATOMIC_ACQUIRE);

	return likely(state == READY) || (state != PLAIN && process_start() == READY);
}

/* guard.c: a lock for this library's own use; inherits priority. */
void guard_lock(uint32_t *guard);
void guard_unlock(uint32_t *guard);
void guard_forked(void);

/* object.c */
enum class { MUTEX, RWLOCK, COND, SEM, SPIN, CLASSES, PROTECT, BARRIER };

void object_find(uint32_t *ref, const void *obj, enum class class,
		 struct ksync_object *o);
int object_try(uint32_t *ref, const void *obj, struct ksync_object *o);
int object_forget(uint32_t *ref, const void *obj);
int object_get(uint32_t *ref, const void *obj, enum class class, struct ksync_object *o);
int object_end(uint32_t *ref, const void *obj);
void object_adopt(uint32_t *ref, const void *obj, struct ksync_object *o);
int object_share(uint32_t *ref, struct ksync_object *o);
int object_share_new(uint32_t *ref, enum class class);
void objects_lock(void);
void objects_unlock(void);
void objects_forked(void);
void objects_each(void (*fn)(uint32_t id, struct own_cell *cell, void *arg), void *arg);

/* fork.c */
enum fate { UNUSED, HELD, DIED, LOST, READ, READ_LOST, VALUE };

/**
 * struct saved - how an object was right before the fork
 * @tag: of its cell
 * @fate: what became of it
 * @kind: KSYNC_KIND_*
 * @value: READ: how often; VALUE: it; LOST: whether its owner is gone
 */
struct saved {
	uint64_t tag;
	uint16_t fate;
	uint16_t kind;
	uint32_t value;
};

const struct saved *saved_find(uint32_t id, const void *obj);
void saved_restore(const struct saved *s, struct ksync_object *o);

/* once.c */
void once_lock(void);
void once_unlock(void);
void once_forked(void);

/* fds.c */
int fd_hide(int fd, bool inherited);

/* tell.c */
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die_of(const char *what, const void *obj, int error);
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* trace.c */
extern bool tracing;
extern int trace_output;
void trace_start(void);
void trace_taken(void);
uint64_t trace_wait_begin(void);
void trace_wait_end(struct ksync_object *o, uint64_t since);
void trace_made(void);
void trace_forked(void);

/* nap.c */
struct limit {
	uint32_t flags;		/* KSYNC_WAIT_* */
	uint64_t deadline;
};

#define NO_LIMIT	((struct limit) { 0, KSYNC_NO_DEADLINE })
int limit_of(struct limit *l, clockid_t clock, const struct timespec *abs);
bool limit_passed(const struct limit *l);
uint64_t nap_end(const struct limit *l);
int nap(const struct limit *l);

/* foreign.c */
int foreign_unlock(const void *lock, struct ksync_object *o);

/* deadlock.c */
int mutex_lock_released(struct pt_mutex *m, struct ksync_object *o, const struct limit *l);

/* mutex.c */
bool mutex_is_shared(const struct pt_mutex *m);
bool mutex_is_robust(const struct pt_mutex *m);
int mutex_find(struct pt_mutex *m, struct ksync_object *o);
const struct ksync_thread *mutex_self(struct ksync_object *o);
int mutex_lock_for(struct pt_mutex *m, struct limit l);

/* real.c */
void *real_function(unsigned int index);

#endif /* KSYNC_DROPIN_H */
