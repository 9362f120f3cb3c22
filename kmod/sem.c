// SPDX-License-Identifier: GPL-2.0
/*
 * Semaphores: a value in the word, and waiters served by priority, then FIFO.
 *
 * While somebody waits the word has WAITERS, and users leave it to the module.
 * A post adds to it and then gives what is there to the waiters, a batch at a
 * time; who comes meanwhile queues up, unless it is more important than all.
 *
 *	CPU0 (waits, here)		CPU1 (posts, user space)
 *	----				----
 *	or: n -> n|WAITERS	[A]	cmpxchg: n -> n + 1	[B]
 *	n > 0: take one			fails: has WAITERS: RELEASE
 *
 * Either [B] comes first, and [A] returns its unit; or CPU1 comes for the bucket
 * lock, under which CPU0 queued before [A].
 */
#include <linux/sched.h>

#include "busted.h"
#include "hub.h"
#include "queue.h"

static atomic_t *word_of(const struct ksync_object *obj)
{
	return (atomic_t *)&obj->cell->word;
}

static u32 value(u32 word)
{
	return word & ~KSYNC_WAITERS;
}

static void sem_arm(const struct ksync_object *obj)
{
	atomic_or(KSYNC_WAITERS, word_of(obj)); /* [A] */
}

static void sem_idle(const struct ksync_object *obj)
{
	atomic_andnot(KSYNC_WAITERS, word_of(obj));
}

static bool sem_ready(const struct ksync_object *obj, u32 expected)
{
	return value(READ_ONCE(obj->cell->word));
}

/* With WAITERS set nobody but the module takes, and this is under its lock. */
static int sem_use(const struct ksync_object *obj)
{
	if (!ksync_busted(KSYNC_FAULT_SEM_TWICE))
		atomic_dec(word_of(obj));
	return 0;
}

/* 0, with the value before in *@was; or -EOVERFLOW. */
static int add(const struct ksync_object *obj, u32 n, u32 *was)
{
	const u32 limit = READ_ONCE(obj->cell->limit);
	const u32 max = limit && limit < KSYNC_SEM_MAX ? limit : KSYNC_SEM_MAX;
	u32 *word = &obj->cell->word;
	u32 v = READ_ONCE(*word);

	do {
		if (value(v) > max || n > max - value(v))
			return -EOVERFLOW;
	} while (!try_cmpxchg(word, &v, v + n));
	*was = value(v);
	return 0;
}

/* Add @n, all or nothing, and give away @max. */
static int post_step(const struct ksync_object *obj, u32 n, u32 *was, u32 max,
		     struct ksync_sweep *s)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	struct ksync_state *gone = NULL;
	int ret = -EBADF;

	raw_spin_lock(&b->lock);
	if (!ksync_object_stale(obj))
		ret = n ? add(obj, n, was) : 0;
	if (!ret)
		gone = ksync_sweep_serve(s, ksync_state_find(b, obj->domain, obj->id), max);
	ksync_hub_collect(obj, &s->tell);
	raw_spin_unlock(&b->lock);
	if (gone)
		ksync_state_put(gone);
	return ret;
}

/*
 * Once units are added they are given away to the end, signal or not: each post
 * gives as many as it added, in batches, unless waiters or units are used up
 * before.  So units that waiters could have are somebody's to give.
 */
static int post(const struct ksync_object *obj, u32 n, u32 *was, u32 left)
{
	struct ksync_sweep s __uninitialized;
	int ret;

	do {
		ksync_sweep_begin(&s, KSYNC_BITSET_ALL);
		ret = post_step(obj, n, was, left, &s);
		ksync_sweep_wake(&s, obj);
		if (ret)
			return n ? ret : 0;
		n = 0;
		left -= s.given;
		cond_resched();
	} while (left && s.more);
	return 0;
}

static int sem_release(const struct ksync_object *obj, struct ksync_release *arg)
{
	if (arg->flags)
		return -EINVAL;
	return post(obj, arg->count, &arg->was, arg->count);
}

static void sem_serve(const struct ksync_object *obj)
{
	post(obj, 0, NULL, U32_MAX);
}

const struct ksync_ops ksync_sem_ops = {
	.name = "sem",
	.kind = KSYNC_KIND_SEM,
	.arm = sem_arm,
	.idle = sem_idle,
	.ready = sem_ready,
	.use = sem_use,
	.release = sem_release,
	.serve = sem_serve,
};
