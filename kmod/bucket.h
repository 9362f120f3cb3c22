/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buckets, and what is looked for in them: what each wait does for each object.
 *
 * Mostly nobody waits, watches or polls.  That is seen here, without a call.
 */
#ifndef KSYNC_BUCKET_H
#define KSYNC_BUCKET_H

#include <linux/hash.h>

#include "core.h"

/**
 * struct ksync_buckets - the hash; written once
 * @at: all of them
 * @count: how many, a power of two
 * @shift: leaves the bits that say which
 * @factor: odd
 */
struct ksync_buckets {
	struct ksync_bucket *at;
	u32 count;
	u32 shift;
	u64 factor;
};

extern struct ksync_buckets ksync_buckets;

/**
 * ksync_bucket() - where the state of an object would be
 * @d: its domain
 * @id: its number
 *
 * Multiplicative hashing, as in <linux/hash.h>, by a factor that is nobody's to know.
 */
static inline struct ksync_bucket *ksync_bucket(const struct ksync_domain *d, u32 id)
{
	const u64 key = d->serial * GOLDEN_RATIO_64 + id;

	return &ksync_buckets.at[key * ksync_buckets.factor >> ksync_buckets.shift];
}

struct ksync_state *ksync_state_search(struct ksync_bucket *b, const struct ksync_domain *d,
				       u32 id, enum ksync_side side);

/** ksync_state_find() - under the bucket lock; NULL if nobody waits for the word */
static inline struct ksync_state *ksync_state_find(struct ksync_bucket *b,
						   const struct ksync_domain *d, u32 id)
{
	lockdep_assert_held(&b->lock);
	return RB_EMPTY_ROOT(&b->states) ? NULL :
	       ksync_state_search(b, d, id, KSYNC_SIDE_WORD);
}

/** ksync_state_find_drain() - NULL if no writer waits for readers to leave */
static inline struct ksync_state *ksync_state_find_drain(struct ksync_bucket *b,
							 const struct ksync_domain *d, u32 id)
{
	return ksync_state_search(b, d, id, KSYNC_SIDE_DRAIN);
}

/**
 * ksync_state_watched() - under the bucket lock: the state of who watches an object
 * @obj: object
 *
 * Return: NULL if nobody does. That is so in most domains, and soon told: what
 * would count here is counted under this lock.
 */
static inline struct ksync_state *ksync_state_watched(const struct ksync_object *obj)
{
	struct ksync_domain *d = obj->domain;

	if (!atomic_read(&d->watches))
		return NULL;
	return ksync_state_search(ksync_bucket(d, obj->id), d, obj->id, KSYNC_SIDE_WATCH);
}

/** ksync_object_stale() - under the bucket lock: is it no longer what was found? */
static inline bool ksync_object_stale(const struct ksync_object *obj)
{
	return READ_ONCE(*obj->tag_at) != obj->tag;
}

#endif /* KSYNC_BUCKET_H */
