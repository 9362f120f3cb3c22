/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Hazard pointers: when memory that others may still read is given back (M. M. Michael,
 * "Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects", IEEE TPDS 15(6),
 * 2004).
 *
 * A reader says in a slot of its record which object it uses.  Who has unlinked an
 * object retires it; it is freed once no slot names it:
 *
 *	CPU0: reader			CPU1: who frees
 *	[A] slot = p, release		[D] link = other
 *	[B] light barrier		[E] heavy barrier
 *	[C] link == p? acquire		[F] slot == p? acquire
 *	... uses p			no: frees p
 *	[G] slot = NULL, release
 *
 * B and E: one of C and F sees what the other side wrote: the reader does not use p,
 * or p is not freed.  G and F: what is freed is not read any more; A is a release, too,
 * for a slot that names p may be set to another object without G.  C: the reader sees
 * what was written to p before it was linked.
 *
 * Readers do A to C all the time, and E comes once for many objects.  So E is
 * membarrier(2), MEMBARRIER_CMD_PRIVATE_EXPEDITED, which makes each thread of the process
 * that runs pass a full barrier, and B is for the compiler alone.  Where there is none
 * both are full fences.
 *
 * A record belongs to whoever entered, a task or a thread, and goes along when a task
 * goes on in another thread: nothing here asks which thread runs.  Slots may stay set
 * while a task waits.
 *
 * Freeing: an object is looked at once at least 2 H + 64 have been retired by a record
 * since it last looked, H being the number of all slots; at most H of them are still
 * used, and the slots are looked up by hashing.  So it is O(1) for each, amortised.
 */
#ifndef KSYNC_HAZARD_H
#define KSYNC_HAZARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How many objects a record can protect at a time. */
#define KSYNC_HAZARD_SLOTS	4

/* ksync_hazard_create(): full fences, even where there is membarrier(2). */
#define KSYNC_HAZARD_FENCE	1U

struct ksync_hazard_domain;

/**
 * struct ksync_hazard_node - what a retired object is listed by; a member of it
 *
 * Its members are the library's.
 */
struct ksync_hazard_node {
	struct ksync_hazard_node *next_;
	void *object_;
	void (*free_)(void *object);
};

/**
 * struct ksync_hazard_rec - a record, on cache lines of its own
 *
 * Its members are the library's.
 */
struct ksync_hazard_rec {
	void *slot_[KSYNC_HAZARD_SLOTS] __attribute__((aligned(64)));
	uint32_t asymmetric_;
	uint32_t used_;
	struct ksync_hazard_domain *domain_;
	struct ksync_hazard_rec *next_;
	/* Of whoever entered: what was retired, and a table of slots. */
	struct ksync_hazard_node *retired_ __attribute__((aligned(64)));
	size_t n_retired_;
	size_t look_at_;
	void **table_;
	size_t table_size_;
	bool looking_;
};

/**
 * ksync_hazard_create() - make a domain: objects, and those that read them
 * @d: set to it
 * @flags: 0 or KSYNC_HAZARD_FENCE
 *
 * Return: 0; -EINVAL (@flags), -ENOMEM.
 */
int ksync_hazard_create(struct ksync_hazard_domain **d, uint32_t flags);

/**
 * ksync_hazard_destroy() - free all that was retired, and the domain
 * @d: domain; nobody uses it
 *
 * Return: 0; -EBUSY: somebody has not left.
 */
int ksync_hazard_destroy(struct ksync_hazard_domain *d);

/** ksync_hazard_uses_membarrier() - is the reader's barrier the compiler's alone? */
bool ksync_hazard_uses_membarrier(const struct ksync_hazard_domain *d);

/**
 * ksync_hazard_enter() - get a record, with empty slots
 * @d: domain
 * @rec: set to it
 *
 * Takes time with the number of records: to be kept, not for each access.
 *
 * Return: 0; -ENOMEM.
 */
int ksync_hazard_enter(struct ksync_hazard_domain *d, struct ksync_hazard_rec **rec);

/**
 * ksync_hazard_leave() - give a record back
 * @rec: record
 *
 * Its slots are cleared.  What it has retired is left to others.
 */
void ksync_hazard_leave(struct ksync_hazard_rec *rec);

/**
 * ksync_hazard_set() - protect an object, if it is still linked when this has returned
 * @rec: the caller's record
 * @slot: 0 to KSYNC_HAZARD_SLOTS - 1; what it protected before is not any more
 * @p: object; the address that it is retired by
 *
 * The caller reads the link again, and has @p only if that still leads to it.
 */
static inline void ksync_hazard_set(struct ksync_hazard_rec *rec, unsigned int slot,
				    void *p)
{
	__atomic_store_n(&rec->slot_[slot], p, __ATOMIC_RELEASE);	/* A */
	if (rec->asymmetric_)
		__atomic_signal_fence(__ATOMIC_SEQ_CST);		/* B */
	else
		__atomic_thread_fence(__ATOMIC_SEQ_CST);		/* B */
}

/**
 * ksync_hazard_protect() - follow a link to an object, and protect that
 * @rec: the caller's record
 * @slot: 0 to KSYNC_HAZARD_SLOTS - 1
 * @link: pointer to it, written by atomic stores
 *
 * Lock-free: repeats when the link was changed meanwhile.
 *
 * Return: the object, not freed until the slot is set anew or cleared; or NULL.
 */
static inline void *ksync_hazard_protect(struct ksync_hazard_rec *rec, unsigned int slot,
					 void *const *link)
{
	void *p = __atomic_load_n(link, __ATOMIC_RELAXED);
	void *seen;

	for (;;) {
		ksync_hazard_set(rec, slot, p);
		seen = __atomic_load_n(link, __ATOMIC_ACQUIRE);		/* C */
		if (seen == p)
			return p;
		p = seen;
	}
}

/** ksync_hazard_clear() - the object that @slot protects is not used any more */
static inline void ksync_hazard_clear(struct ksync_hazard_rec *rec, unsigned int slot)
{
	__atomic_store_n(&rec->slot_[slot], NULL, __ATOMIC_RELEASE);	/* G */
}

/**
 * ksync_hazard_retire() - free an object when nobody uses it
 * @rec: the caller's record
 * @node: a member of the object
 * @object: its address, as in slots
 * @free: is called with it, by whoever looks next; may retire others, must not wait
 *
 * The object has been unlinked: nobody finds it who does not have it, and it is retired
 * once.  Looks what can be freed when enough have been retired.
 */
void ksync_hazard_retire(struct ksync_hazard_rec *rec, struct ksync_hazard_node *node,
			 void *object, void (*free)(void *object));

/**
 * ksync_hazard_flush() - look now
 * @rec: the caller's record
 *
 * Return: how many of the objects that were retired by it, or left by others, are
 * still used.
 */
size_t ksync_hazard_flush(struct ksync_hazard_rec *rec);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_HAZARD_H */
