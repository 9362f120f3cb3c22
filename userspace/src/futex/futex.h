/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * The futex backend: what the module does, done over futex(2), in shared memory.
 *
 * A futex domain is a memfd: the arena, as the module has it, and behind that a
 * shadow cell for each object, where the module would keep its own state.  Words
 * and cells are used by the same protocol, so that the fast paths are the same.
 * Object 0 does not exist: its shadow cell is the header.
 *
 * A thread's handle is its TID, and the word of a mutex or spin is a PI futex:
 * the kernel itself lends priorities and finds cycles.  All that is to be
 * decided for other kinds is decided under the object's inner lock, and who has to
 * wait sleeps on a counter in the shadow cell.
 *
 * Nothing here touches TLS.  The inner lock is held with all signals blocked: what
 * handlers may call they may call at any time.  No two are held at a time.
 *
 * Unlike the module this trusts all who have the domain.
 */
#ifndef KSYNC_FUTEX_H
#define KSYNC_FUTEX_H

#include "../internal.h"

/* TIDs are below this (PID_MAX_LIMIT). */
#define TID_END		0x400000U

/**
 * struct ksync_shadow - what the module would know of an object
 * @inner: the inner lock: a PI futex; protects the rest
 * @attr: kind | flags << 8; 0: no object
 * @gen: what waiters sleep on, each while it is as they found it: one more with
 *	each wake-up.  Locks: one more when it is unlocked while some are shy
 * @cut: those who found @gen at this or before, and were not woken, do not count
 *	in @waiters any more
 * @waiters: how many wait. Mutex, spin: changed without the inner lock, and one
 *	too many after a waiter was killed
 * @grants: event: pulses on their way to one who found @gen at @due or before
 * @shy: mutex, spin: how many wait without lending their priority
 * @drain: rwlock: what the writer sleeps on that waits for readers
 * @mutex: cond: with which they wait
 * @lost: mutex, spin: it was unlocked while inconsistent
 * @moves: waitq: how often waiters may have been moved to another one
 * @tid: slot: whose
 * @next: free: the next one; slot: the next one
 * @due: see @grants
 * @name: NUL-terminated
 */
struct ksync_shadow {
	uint32_t inner;
	uint32_t attr;
	uint32_t gen;
	uint32_t cut;
	uint32_t waiters;
	union {
		uint32_t grants;
		uint32_t shy;
		uint32_t drain;
	};
	union {
		uint32_t mutex;
		uint32_t lost;
		uint32_t moves;
		uint32_t tid;
	};
	union {
		uint32_t next;
		uint32_t due;
	};
	char name[KSYNC_NAME_LEN];
};

/**
 * struct ksync_futex_header - the domain
 * @inner: protects the rest
 * @magic: that it is one
 * @abi: KSYNC_ABI
 * @layout: of shadow cells: raised when that changes
 * @max_objects: cells in the arena, 0 included
 * @end: ids from here on were never used
 * @free: the first one that is free again, or 0
 * @objects: how many there are
 * @slots: the first slot cell, or 0
 * @cursor: the slot cell whose owner is looked at next
 * @reserved: zero
 */
struct ksync_futex_header {
	uint32_t inner;
	uint32_t magic;
	uint32_t abi;
	uint32_t layout;
	uint32_t max_objects;
	uint32_t end;
	uint32_t free;
	uint32_t objects;
	uint32_t slots;
	uint32_t cursor;
	uint32_t reserved[6];
};

_Static_assert(sizeof(struct ksync_shadow) == KSYNC_CELL_SIZE, "as many as cells");
_Static_assert(sizeof(struct ksync_futex_header) == KSYNC_CELL_SIZE, "it is shadow cell 0");

/**
 * struct object - one that was looked up
 * @d: domain
 * @id: its number
 * @c: its cell
 * @s: its shadow cell
 */
struct object {
	struct ksync *d;
	uint32_t id;
	struct ksync_cell *c;
	struct ksync_shadow *s;
};

/**
 * struct inner - the inner lock, held
 * @word: where
 * @self: by whom
 * @mask: signals that were blocked before
 */
struct inner {
	uint32_t *word;
	uint32_t self;
	uint64_t mask;
};

#define WAIT_FLAGS	(KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME)
#define NSEC_PER_SEC	1000000000ULL

static inline uint32_t load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static inline void store(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}

static inline bool cas(uint32_t *p, uint32_t *seen, uint32_t want)
{
	return __atomic_compare_exchange_n(p, seen, want, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static inline struct ksync_futex_header *header_of(const struct ksync *d)
{
	return (struct ksync_futex_header *)d->shadow;
}

static inline uint32_t kind_of(const struct object *o)
{
	return load(&o->s->attr) & 0xff;
}

static inline bool deadline_valid(uint64_t deadline)
{
	return deadline <= INT64_MAX || deadline == KSYNC_NO_DEADLINE;
}

/* kernel.c: system calls; 0 or more, or a negative errno */
uint32_t ksync_futex_self(void);
int ksync_futex_wait(uint32_t *word, uint32_t expected, uint32_t bitset, uint32_t flags,
		     uint64_t deadline);
int ksync_futex_wake(uint32_t *word, uint32_t n, uint32_t bitset);
int ksync_futex_sleepers(uint32_t *word);
int ksync_futex_requeue(const struct ksync_requeue *arg, uint32_t *from, uint32_t *to);
int ksync_futex_lock_pi(uint32_t *word, uint32_t flags, uint64_t deadline);
int ksync_futex_trylock_pi(uint32_t *word);
int ksync_futex_unlock_pi(uint32_t *word);
bool ksync_futex_dead(uint32_t tid);
uint64_t ksync_futex_now(uint32_t flags);
uint64_t ksync_futex_tick(uint32_t flags, uint64_t deadline);
void ksync_futex_nap(void);
void ksync_futex_block_signals(uint64_t *before);
void ksync_futex_restore_signals(const uint64_t *before);
int ksync_futex_comm(uint32_t tid, char *comm, size_t size);

/* inner.c */
void ksync_futex_inner_lock(struct inner *l, uint32_t *word);
void ksync_futex_inner_unlock(struct inner *l);

/* queue.c: under the inner lock, unless it is said otherwise */
void ksync_futex_queue_set(const struct object *o, uint32_t n);
void ksync_futex_queue_join(const struct object *o, uint32_t *gen);
bool ksync_futex_queue_leave(const struct object *o, uint32_t gen);
uint32_t ksync_futex_queue_wake(const struct object *o, uint32_t n);
void ksync_futex_queue_cut(const struct object *o, uint32_t gen);
void ksync_futex_queue_end(const struct object *o);

int ksync_futex_queue_acquire(const struct object *o, const struct ksync_acquire *arg,
			      int (*attempt)(const struct object *o, uint32_t *gen, int slept));

/* object.c */
int ksync_futex_object_find(struct ksync *d, uint32_t id, struct object *o);
int ksync_futex_object_of_kind(struct ksync *d, uint32_t id, uint32_t kind, struct object *o);
int ksync_futex_object_owned(struct ksync *d, uint32_t id, struct object *o);
bool ksync_futex_object_gone(const struct object *o, uint32_t attr);
int ksync_futex_object_alloc(struct ksync *d, uint32_t attr, uint32_t *id);
int ksync_futex_object_create(struct ksync *d, struct ksync_create *arg);
int ksync_futex_object_destroy(struct ksync *d, struct ksync_destroy *arg);
int ksync_futex_object_name(struct ksync *d, struct ksync_name *arg);

/* inspect.c */
uint32_t ksync_futex_object_waiters(const struct object *o);
int ksync_futex_inspect_info(struct ksync *d, struct ksync_info *arg);
int ksync_futex_inspect_query(struct ksync *d, struct ksync_query *arg);

/* lock.c */
int ksync_futex_lock_take(const struct object *o, uint32_t self, uint32_t flags, uint64_t deadline);
int ksync_futex_lock_release(const struct object *o, uint32_t self);
int ksync_futex_lock_lock(struct ksync *d, struct ksync_lock *arg);
int ksync_futex_lock_unlock(struct ksync *d, struct ksync_unlock *arg);

/* rwlock.c, drain.c */
int ksync_futex_rwlock_lock(const struct object *o, uint32_t self, uint32_t flags,
			    uint64_t deadline);
int ksync_futex_rwlock_unlock(const struct object *o, uint32_t self);
int ksync_futex_rwlock_read_left(const struct object *o, uint32_t self);
void ksync_futex_rwlock_give_back(const struct object *o, uint32_t v, uint32_t rest);
bool ksync_futex_drain_has_readers(const struct object *o);
int ksync_futex_drain_wait(const struct object *o, uint32_t flags, uint64_t deadline);
void ksync_futex_drain_tell(const struct object *o);

/* slot.c */
int ksync_futex_slot_attach(struct ksync *d, struct ksync_attach *arg);
uint32_t *ksync_futex_slot_find(struct ksync *d, uint32_t self, uint32_t id);
uint32_t *ksync_futex_slot_free(struct ksync *d, uint32_t self);
uint32_t *ksync_futex_slot_next(struct ksync *d, uint32_t *slot, uint32_t id, uint32_t *tid);

/* sem.c, event.c, cond.c, waitq.c */
int ksync_futex_sem_attempt(const struct object *o, uint32_t *gen, int slept);
int ksync_futex_event_attempt(const struct object *o, uint32_t *gen, int slept);
int ksync_futex_sem_acquire(const struct object *o, struct ksync_acquire *arg);
int ksync_futex_sem_release(const struct object *o, struct ksync_release *arg);
int ksync_futex_event_acquire(const struct object *o, struct ksync_acquire *arg);
int ksync_futex_event_release(const struct object *o, struct ksync_release *arg);
int ksync_futex_cond_wait(struct ksync *d, struct ksync_cond_wait *arg);
int ksync_futex_cond_signal(struct ksync *d, struct ksync_cond_signal *arg);
uint32_t ksync_futex_waitq_begin(const struct object *o);
void ksync_futex_waitq_end(const struct object *o, uint32_t moves);
int ksync_futex_waitq_wait(struct ksync *d, struct ksync_wait *arg);
int ksync_futex_waitq_wake(struct ksync *d, struct ksync_wake *arg);
int ksync_futex_waitq_requeue(struct ksync *d, struct ksync_requeue *arg);

#endif /* KSYNC_FUTEX_H */
