// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Waits on many objects: what can be had at once, and what the module is told.
 *
 * The module knows neither how often a recursive mutex is locked, nor how many
 * entries of its slots a thread uses, nor what stands in its ceiling cell.  What
 * the caller has already is counted here, and the module does not hear of it.
 * Entries are there before the call, and afterwards what was not got is taken
 * back.
 */
#include <limits.h>
#include "internal.h"

#define NOWHERE		UINT_MAX

/**
 * struct call - one call
 * @w: items
 * @n: how many
 * @d: the domain
 * @alert: an event, or NULL
 * @t: the caller, if there are locks; else what it came with
 * @flags: KSYNC_WAIT_*, KSYNC_MANY_ALL
 * @clock: of @abs
 * @abs: as asked for
 * @deadline: the same
 * @at: the item that was got, or that an error is about; @n: the alert
 * @locks: some of the items have owners
 */
struct call {
	struct ksync_wait_item *w;
	unsigned int n;
	struct ksync *d;
	struct ksync_event *alert;
	struct ksync_thread *t;
	uint32_t flags;
	clockid_t clock;
	const struct timespec *abs;
	uint64_t deadline;
	unsigned int at;
	bool locks;
};

/**
 * struct order - what the module is told
 * @items: those that the caller has not yet
 * @from: where they stand in call->w
 * @n: how many
 * @has: what the caller has, and has locked once more; where there are locks
 * @reads: how many of @items are to be read
 */
struct order {
	struct ksync_item items[KSYNC_MANY_MAX];
	uint8_t from[KSYNC_MANY_MAX];
	uint32_t n;
	bool has[KSYNC_MANY_MAX];
	uint32_t reads;
};

static uint32_t kind_of(const struct ksync_object *o)
{
	return o->attr & 0xff;
}

static bool owned(const struct ksync_object *o)
{
	return kind_of(o) == KSYNC_KIND_MUTEX || kind_of(o) == KSYNC_KIND_SPIN ||
	       kind_of(o) == KSYNC_KIND_RWLOCK;
}

static bool reads(const struct ksync_wait_item *w)
{
	return w->flags & KSYNC_LOCK_READ;
}

static inline int check_item(struct call *c, struct ksync_wait_item *w)
{
	const uint32_t known = kind_of(w->o) == KSYNC_KIND_RWLOCK ? KSYNC_LOCK_READ : 0;

	w->result = 0;
	if (ksync_object_stale(w->o))
		return -EBADF;
	c->locks |= owned(w->o);
	return w->o->domain != c->d || w->flags & ~known ? -EINVAL : 0;
}

static int check_alert(struct call *c)
{
	if (!c->alert)
		return 0;
	c->at = c->n;
	if (ksync_object_stale(&c->alert->o))
		return -EBADF;
	if (c->alert->o.domain != c->d || kind_of(&c->alert->o) != KSYNC_KIND_EVENT)
		return -EINVAL;
	c->at = NOWHERE;
	return 0;
}

/* No look at TLS without a lock: any task may wait for the others. */
static int identify(struct call *c)
{
	const struct ksync_thread *t = c->t;
	unsigned int i = 0;
	int ret;

	if (!c->locks)
		return 0;
	while (!owned(c->w[i].o))
		i++;
	ret = ksync_identify(c->w[i].o, &t);
	c->t = (struct ksync_thread *)t;
	return ret < 0 ? ret : 0;
}

static int check(struct call *c)
{
	unsigned int i;
	int ret;

	if (!c->n || c->n > KSYNC_MANY_MAX)
		return -EINVAL;
	c->d = c->w[0].o->domain;
	for (i = 0; i < c->n; i++) {
		ret = check_item(c, &c->w[i]);
		if (ret) {
			c->at = i;
			return ret;
		}
	}
	ret = check_alert(c);
	return ret ? ret : identify(c);
}

static bool differs(const struct ksync_wait_item *w)
{
	return __atomic_load_n(&w->o->cell->word, __ATOMIC_ACQUIRE) != w->expected;
}

/* Without the module. Return: 0: got; -EBUSY; or why it cannot be had. */
static inline int look(struct call *c, struct ksync_wait_item *w)
{
	switch (kind_of(w->o)) {
	case KSYNC_KIND_SEM:
		return ksync_sem_take_((struct ksync_sem *)w->o) ? 0 : -EBUSY;
	case KSYNC_KIND_EVENT:
		return ksync_event_take_((struct ksync_event *)w->o) ? 0 : -EBUSY;
	case KSYNC_KIND_WAITQ:
	case KSYNC_KIND_COND:
		return differs(w) ? 0 : -EBUSY;
	default:
		return reads(w) ? ksync_read_look(w->o, c->t) : ksync_lock_look(w->o, c->t);
	}
}

/* Whether the module may find it, though a look did not get it. */
static bool hopeful(const struct ksync_wait_item *w)
{
	const uint32_t v = __atomic_load_n(&w->o->cell->word, __ATOMIC_RELAXED);

	switch (kind_of(w->o)) {
	case KSYNC_KIND_SEM:
		return v & ~KSYNC_WAITERS;
	case KSYNC_KIND_EVENT:
		return v & KSYNC_EVENT_SET;
	case KSYNC_KIND_WAITQ:
	case KSYNC_KIND_COND:
		return differs(w);
	default:
		return true;
	}
}

/* Is a try worth a system call? All: each item has to be there; any: one. */
static bool worth_a_try(struct call *c)
{
	const bool all = c->flags & KSYNC_MANY_ALL;
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		if (hopeful(&c->w[i]) != all) {
			c->at = all ? i : NOWHERE;
			return !all;
		}
	}
	return all;
}

static int wait_waitq(const struct call *c, struct ksync_wait_item *w)
{
	struct ksync_waitq *q = (struct ksync_waitq *)w->o;
	int ret;

	if (c->flags & KSYNC_WAIT_INTERRUPTIBLE)
		ret = ksync_waitq_wait_interruptible(q, w->expected, KSYNC_BITSET_ALL,
						     c->clock, c->abs);
	else
		ret = ksync_waitq_wait_timed(q, w->expected, KSYNC_BITSET_ALL,
					     c->clock, c->abs);
	return ret == -EAGAIN ? 0 : ret;
}

/* One object, and no alert: the wait of its kind. -EINPROGRESS: it has none. */
static int wait_for_it(const struct call *c, struct ksync_wait_item *w)
{
	const uint32_t flags = c->flags & (KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_TRY);
	const uint32_t lock_flags = c->flags & ~KSYNC_MANY_ALL;

	if (owned(w->o))
		return reads(w) ? ksync_read_lock_wait(w->o, c->t, lock_flags, c->deadline) :
			ksync_lock_wait(w->o, c->t, lock_flags, c->deadline);
	if (flags & KSYNC_WAIT_TRY)
		return -EINPROGRESS;
	switch (kind_of(w->o)) {
	case KSYNC_KIND_SEM:
		return ksync_sem_wait_until_((struct ksync_sem *)w->o, flags, c->clock, c->abs);
	case KSYNC_KIND_EVENT:
		return ksync_event_wait_until_((struct ksync_event *)w->o, flags, c->clock,
					       c->abs);
	case KSYNC_KIND_WAITQ:
		return wait_waitq(c, w);
	default:
		return -EINPROGRESS;
	}
}

/* Some item before this one is the same. */
static bool listed(const struct call *c, unsigned int i)
{
	unsigned int k;

	for (k = 0; k < i; k++)
		if (c->w[k].o->id == c->w[i].o->id)
			return true;
	return false;
}

static void undo_again(struct call *c, struct ksync_wait_item *w)
{
	if (reads(w))
		ksync_rwlock_unlock_slow_(w->o, c->t);
	else
		ksync_unlock_slow_(w->o, c->t);
}

static inline void put_item(struct order *o, const struct ksync_wait_item *w, unsigned int i)
{
	o->items[o->n] = (struct ksync_item){
		.id = w->o->id,
		.flags = w->flags,
		.expected = w->expected,
	};
	o->from[o->n++] = i;
}

/* All: what the caller has is locked once more. -EBUSY: it has it not. */
static int again(struct call *c, unsigned int i)
{
	struct ksync_wait_item *w = &c->w[i];
	int ret;

	if (!(c->flags & KSYNC_MANY_ALL) || !owned(w->o))
		return -EBUSY;
	ret = reads(w) ? ksync_read_again(w->o, c->t) : ksync_lock_again(w->o, c->t);
	if (!ret && listed(c, i)) {
		undo_again(c, w);
		return -EINVAL;
	}
	return ret;
}

/* A lock, or one of others. */
static int put_lock(struct call *c, struct order *o, unsigned int i)
{
	const struct ksync_wait_item *w = &c->w[i];
	int ret = again(c, i);

	o->has[i] = !ret;
	if (ret != -EBUSY)
		return ret;
	if (ksync_protects(w->o)) {
		ret = ksync_ceiling_enter(w->o, c->t);
		if (ret)
			return ret;
	}
	put_item(o, w, i);
	if (reads(w))
		o->reads++;
	return 0;
}

/* Nothing was got. */
static void take_back(struct call *c, struct order *o, unsigned int put)
{
	unsigned int i;

	if (!c->locks)
		return;
	for (i = 0; i < put; i++) {
		if (o->has[i])
			undo_again(c, &c->w[i]);
		else if (ksync_protects(c->w[i].o))
			ksync_ceiling_leave(c->w[i].o, c->t);
	}
}

static int put_items(struct call *c, struct order *o)
{
	unsigned int i;
	int ret;

	o->n = 0;
	o->reads = 0;
	for (i = 0; i < c->n && !c->locks; i++)
		put_item(o, &c->w[i], i);
	for (i = 0; i < c->n && c->locks; i++) {
		ret = put_lock(c, o, i);
		if (ret) {
			c->at = i;
			take_back(c, o, i);
			return ret;
		}
	}
	if (o->reads && !(c->flags & KSYNC_MANY_ALL))
		o->reads = 1;
	for (i = 0; o->reads && !reads(&c->w[i]); i++)
		;
	ret = o->reads ? ksync_read_reserve(c->w[i].o, c->t, o->reads) : 0;
	if (ret)
		take_back(c, o, c->n);
	return ret;
}

/* An item that the module has got. Return: as ksync_ceiling_settle(). */
static int settle(struct call *c, struct ksync_wait_item *w)
{
	if (!owned(w->o))
		return 0;
	if (reads(w)) {
		c->t->held++;
		return 0;
	}
	if (w->result == -EOWNERDEAD)
		w->o->cell->depth = 0;	/* what is there was the dead owner's */
	return ksync_protects(w->o) ? ksync_ceiling_settle(w->o, c->t) : 0;
}

/*
 * A ceiling may turn out to be too low only now, where that has to be asked for.
 * One lock is given back.  Of all, which would have to be unlocked and posted, it
 * has no effect, as in a wait on a cond.
 */
static int settle_one(struct call *c, struct order *o, uint32_t got)
{
	struct ksync_wait_item *w = &c->w[o->from[got]];
	uint32_t i;
	int ret;

	for (i = 0; c->locks && i < o->n; i++)
		if (i != got && ksync_protects(c->w[o->from[i]].o))
			ksync_ceiling_leave(c->w[o->from[i]].o, c->t);
	w->result = o->items[got].result;
	ret = settle(c, w);
	if (ret)
		ksync_unlock_slow_(w->o, c->t);
	return ret ? ret : w->result;
}

static int settle_all(struct call *c, struct order *o, int ret)
{
	uint32_t i;

	for (i = 0; i < o->n; i++) {
		c->w[o->from[i]].result = o->items[i].result;
		settle(c, &c->w[o->from[i]]);
	}
	c->at = 0;
	return ret;
}

static int ask(struct call *c, struct order *o)
{
	struct ksync_many arg = {
		.size = sizeof(arg),
		.count = o->n,
		.items = (uintptr_t)o->items,
		.deadline = c->flags & KSYNC_WAIT_TRY ? 0 : c->deadline,
		.flags = (c->flags & ~KSYNC_WAIT_TRY) | (c->alert ? KSYNC_MANY_ALERT : 0),
		.thread = c->t ? c->t->handle : 0,
		.alert = c->alert ? c->alert->o.id : 0,
		.index = NOWHERE,
	};
	int ret = ksync_call_(c->d, KSYNC_IOC_MANY, &arg);
	const bool got = !ret || ret == -EOWNERDEAD;

	c->at = arg.index < o->n ? o->from[arg.index] : arg.index == o->n ? c->n : NOWHERE;
	if (got && arg.index < o->n)
		return c->flags & KSYNC_MANY_ALL ? settle_all(c, o, ret) :
			settle_one(c, o, arg.index);
	take_back(c, o, c->n);
	return got ? -ECANCELED : ret;
}

static int wait_in_module(struct call *c)
{
	struct order o;
	int ret = put_items(c, &o);

	if (ret)
		return ret;
	if (!o.n) {
		c->at = 0;
		return 0;
	}
	return ask(c, &o);
}

static int wait(struct call *c)
{
	unsigned int i;
	int ret;

	if (c->n == 1 && !c->alert) {
		c->at = 0;
		ret = wait_for_it(c, c->w);
		if (ret == -EOWNERDEAD)
			c->w->result = ret;
		if (ret != -EINPROGRESS)
			return ret;
	}
	for (i = 0; i < c->n && !(c->flags & KSYNC_MANY_ALL); i++) {
		ret = look(c, &c->w[i]);
		if (ret != -EBUSY) {
			c->at = i;
			return ret;
		}
	}
	if (c->flags & KSYNC_WAIT_TRY && !worth_a_try(c))
		return -EBUSY;
	ret = wait_in_module(c);
	return ret == -ETIMEDOUT && c->flags & KSYNC_WAIT_TRY ? -EBUSY : ret;
}

KSYNC_EXPORT int ksync_wait_many_(struct ksync_wait_item *w, unsigned int n,
				  struct ksync_event *alert,
				  struct ksync_thread *t, unsigned int flags,
				  clockid_t clock, const struct timespec *abs,
				  unsigned int *index)
{
	struct call c = {
		.w = w,
		.n = n,
		.alert = alert,
		.t = t,
		.flags = flags,
		.clock = clock,
		.abs = abs,
		.at = NOWHERE,
	};
	int ret = ksync_deadline(clock, abs, &c.flags, &c.deadline);

	if (!ret)
		ret = check(&c);
	if (!ret)
		ret = wait(&c);
	if (index)
		*index = c.at;
	return ret;
}
