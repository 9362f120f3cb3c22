/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buckets, and what is looked for in them: what each wait does for each object.
 *
 * Mostly nobody waits, watches or polls.  That is seen here, without a call.
 */
#ifndef KSYNC_BUCKET_H
#define KSYNC_BUCKET_H

#include <linux/hash.h>
#include <linux/rbtree_augmented.h>

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

/* A tree that is empty becomes one of @node alone; as rb_insert_color() would leave it. */
static inline void ksync_tree_first(struct rb_node *node, struct rb_root *root)
{
	node->rb_left = NULL;
	node->rb_right = NULL;
	rb_set_parent_color(node, NULL, RB_BLACK);
	root->rb_node = node;
}

/* Is there nothing but @node, which is in it? */
static inline bool ksync_tree_alone(const struct rb_node *node, const struct rb_root *root)
{
	return root->rb_node == node && !node->rb_left && !node->rb_right;
}

void ksync_state_insert(struct ksync_state *st, struct ksync_bucket *b);
void ksync_state_remove(struct ksync_state *st);

/** ksync_state_publish() - under the bucket lock: @st is now that of @st->obj */
static inline void ksync_state_publish(struct ksync_state *st, struct ksync_bucket *b)
{
	lockdep_assert_held(&b->lock);
	WRITE_ONCE(st->left, (atomic_t *)&st->obj.cell->word);
	if (RB_EMPTY_ROOT(&b->states))
		ksync_tree_first(&st->node, &b->states);
	else
		ksync_state_insert(st, b);
	if (st->side == KSYNC_SIDE_WATCH)
		atomic_inc(&st->obj.domain->watches);
}

void ksync_waiter_insert(struct ksync_waiter *w, struct ksync_state *st);
void ksync_waiter_remove(struct ksync_waiter *w, struct ksync_state *st);

/** ksync_waiter_enqueue() - under the bucket lock; also moves it here, last of its priority */
static inline void ksync_waiter_enqueue(struct ksync_waiter *w, struct ksync_state *st)
{
	struct ksync_bucket *b = st->bucket;

	lockdep_assert_held(&b->lock);
	w->seq = b->seq++;
	w->state = st;
	WRITE_ONCE(w->bucket, b);
	if (st->nr || w->reader) {
		ksync_waiter_insert(w, st);
	} else {
		ksync_tree_first(&w->rb, &st->waiters.rb_root);
		st->waiters.rb_leftmost = &w->rb;
	}
	WRITE_ONCE(st->nr, st->nr + 1); /* read by leader_starves() and traces */
}

/**
 * ksync_waiter_dequeue() - under the bucket lock
 * @w: waiter
 *
 * Return: whether it was the last one. The state is then out of the hash, and
 * the caller puts it once the lock is released.
 */
static inline bool ksync_waiter_dequeue(struct ksync_waiter *w)
{
	struct ksync_state *st = w->state;

	lockdep_assert_held(&st->bucket->lock);
	WRITE_ONCE(st->nr, st->nr - 1);
	if (st->nr) {
		ksync_waiter_remove(w, st);
		return false;
	}
	st->waiters = RB_ROOT_CACHED;
	st->readers = RB_ROOT_CACHED;
	if (st->side == KSYNC_SIDE_GONE)
		return true;
	if (ksync_tree_alone(&st->node, &st->bucket->states))
		st->bucket->states = RB_ROOT;
	else
		ksync_state_remove(st);
	RB_CLEAR_NODE(&st->node);
	if (st->side == KSYNC_SIDE_WATCH)
		atomic_dec(&st->obj.domain->watches);
	return true;
}

/** ksync_waiter_top() - under the bucket lock: who is to be served first */
static inline struct ksync_waiter *ksync_waiter_top(const struct ksync_state *st)
{
	struct rb_node *first = rb_first_cached(&st->waiters);

	return first ? rb_entry(first, struct ksync_waiter, rb) : NULL;
}

#endif /* KSYNC_BUCKET_H */
