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
 *	fetch_or: n -> n|WAITERS [A]	cmpxchg: n -> n + 1	[B]
 *	n > 0: take one			fails: has WAITERS: RELEASE
 *
 * Either [B] comes first, and [A] returns its unit; or CPU1 comes for the bucket
 * lock, under which CPU0 queued before [A].
 */
#include <linux/minmax.h>
#include <linux/sched.h>

#include "queue.h"

static atomic_t *word_of(const struct ksync_object *obj)
{
	return (atomic_t *)&obj->cell->word;
}

static u32 value(u32 word)
{
	return word & ~KSYNC_WAITERS;
}

/* With WAITERS set nobody but the module takes, and this is under its lock. */
static int sem_arrive(struct ksync_waiter *w)
{
	const struct ksync_object *obj = &w->state->obj;
	const u32 word = atomic_fetch_or(KSYNC_WAITERS, word_of(obj));

	if (!value(word) || ksync_waiter_top(w->state) != w)
		return -EBUSY;
	atomic_dec(word_of(obj));
	return 0;
}

static void sem_idle(const struct ksync_object *obj)
{
	atomic_andnot(KSYNC_WAITERS, word_of(obj));
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

/*
 * Give what is there to the top waiters, @max at most.  The units go first: the
 * last waiter takes WAITERS with it, and users may take again.
 */
static struct ksync_state *serve(const struct ksync_object *obj, struct ksync_state *st,
				 u32 max, struct ksync_sweep *s)
{
	const u32 units = value(atomic_read(word_of(obj)));
	const u32 n = st ? min3(units, st->nr, max) : 0;

	atomic_sub(n, word_of(obj));
	return ksync_sweep_top(s, st, n);
}

/* Add @n, all or nothing, and serve @max; see serve() for @s and @gone. */
static int post_step(const struct ksync_object *obj, u32 n, u32 *was, u32 max,
		     struct ksync_sweep *s, struct ksync_state **gone)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	int ret = -EBADF;

	raw_spin_lock(&b->lock);
	if (!ksync_object_stale(obj))
		ret = n ? add(obj, n, was) : 0;
	if (!ret)
		*gone = serve(obj, ksync_state_find(b, obj->domain, obj->id), max, s);
	raw_spin_unlock(&b->lock);
	return ret;
}

/*
 * Once the units are added they are given away to the end, signal or not: each
 * post gives as many as it added, in batches, unless waiters or units are used
 * up before.  So units that waiters could have are somebody's to give.
 */
static int sem_release(const struct ksync_object *obj, struct ksync_release *arg)
{
	u32 n = arg->count, left = n, max;
	struct ksync_state *gone;
	struct ksync_sweep s;
	int ret;

	if (arg->flags)
		return -EINVAL;
	do {
		s.n = 0;
		gone = NULL;
		max = min(left, KSYNC_WAKE_BATCH);
		ret = post_step(obj, n, &arg->was, max, &s, &gone);
		ksync_sweep_wake(&s, obj);
		if (gone)
			ksync_state_put(gone);
		if (n && ret)
			return ret;
		n = 0;
		left -= s.n;
		cond_resched();
	} while (left && s.n == max);
	return 0;
}

const struct ksync_ops ksync_sem_ops = {
	.name = "sem",
	.kind = KSYNC_KIND_SEM,
	.arrive = sem_arrive,
	.idle = sem_idle,
	.release = sem_release,
};
