// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: objects and their numbers.  Those that are free again form a
 * list, and are given out before new ones.  A shadow cell keeps @gen and @cut when
 * its object is destroyed: who slept on that one is no waiter of the next.
 */
#include "futex.h"

static const uint32_t known_flags[] = {
	[KSYNC_KIND_SPIN] = 0,
	[KSYNC_KIND_MUTEX] = KSYNC_MUTEX_STRICT | KSYNC_MUTEX_RECURSIVE | KSYNC_MUTEX_PROTECT,
	[KSYNC_KIND_RWLOCK] = KSYNC_RWLOCK_STRICT,
	[KSYNC_KIND_SEM] = 0,
	[KSYNC_KIND_EVENT] = KSYNC_EVENT_MANUAL,
	[KSYNC_KIND_COND] = 0,
	[KSYNC_KIND_WAITQ] = 0,
};

#define KINDS	ARRAY_SIZE(known_flags)

/** ksync_futex_object_find() - look one up: 0 or -EBADF. A thread's own cell is none */
int ksync_futex_object_find(struct ksync *d, uint32_t id, struct object *o)
{
	uint32_t attr;

	if (!id || id >= header_of(d)->max_objects)
		return -EBADF;
	*o = (struct object){ d, id, &d->cells[id], &d->shadow[id] };
	attr = load(&o->s->attr);
	return attr && (attr & 0xff) != KSYNC_KIND_SLOT ? 0 : -EBADF;
}

/** ksync_futex_object_of_kind() - the same; -EINVAL if it is of another kind */
int ksync_futex_object_of_kind(struct ksync *d, uint32_t id, uint32_t kind, struct object *o)
{
	int ret = ksync_futex_object_find(d, id, o);

	return !ret && kind_of(o) != kind ? -EINVAL : ret;
}

/** ksync_futex_object_owned() - the same; -EINVAL if it is no mutex, spin or rwlock */
int ksync_futex_object_owned(struct ksync *d, uint32_t id, struct object *o)
{
	int ret = ksync_futex_object_find(d, id, o);

	return !ret && kind_of(o) > KSYNC_KIND_RWLOCK ? -EINVAL : ret;
}

/** ksync_futex_object_gone() - not what it was when it was looked up */
bool ksync_futex_object_gone(const struct object *o, uint32_t attr)
{
	return load(&o->s->attr) != attr;
}

/**
 * ksync_futex_object_alloc() - make one; with the domain's inner lock
 * @d: domain
 * @attr: what
 * @id: set
 *
 * Return: 0; -ENOSPC.
 */
int ksync_futex_object_alloc(struct ksync *d, uint32_t attr, uint32_t *id)
{
	struct ksync_futex_header *h = header_of(d);
	struct ksync_shadow *s;

	if (h->free) {
		*id = h->free;
		store(&h->free, d->shadow[*id].next);
	} else {
		if (h->end >= h->max_objects)
			return -ENOSPC;
		*id = h->end++;
	}
	h->objects++;
	s = &d->shadow[*id];
	if (s->gen == s->cut)
		s->gen++;
	s->waiters = 0;
	s->grants = 0;
	s->mutex = 0;
	s->next = 0;
	memset(s->name, 0, sizeof(s->name));
	memset(&d->cells[*id], 0, sizeof(struct ksync_cell));
	if (attr != KSYNC_KIND_SLOT)
		d->cells[*id].attr = attr;
	store(&s->attr, attr);
	return 0;
}

static void release(struct ksync *d, uint32_t id)
{
	struct ksync_futex_header *h = header_of(d);
	struct ksync_shadow *s = &d->shadow[id];

	memset(&d->cells[id], 0, sizeof(struct ksync_cell));
	s->next = h->free;
	store(&h->free, id);
	h->objects--;
}

static uint32_t room(const struct ksync_futex_header *h)
{
	return h->max_objects - 1 - h->objects;
}

/** ksync_futex_object_create() - KSYNC_IOC_CREATE */
int ksync_futex_object_create(struct ksync *d, struct ksync_create *arg)
{
	uint32_t *ids = (uint32_t *)(uintptr_t)arg->ids, i, id;
	struct inner l;
	int ret = 0;

	if (!arg->kind || arg->kind >= KINDS)
		return -EOPNOTSUPP;
	if (arg->flags & ~known_flags[arg->kind] || !arg->count || arg->count > KSYNC_BATCH_MAX)
		return -EINVAL;
	if (arg->kind == KSYNC_KIND_MUTEX && arg->flags & KSYNC_MUTEX_PROTECT)
		return -EOPNOTSUPP;
	ksync_futex_inner_lock(&l, &header_of(d)->inner);
	if (arg->count > room(header_of(d)))
		ret = -ENOSPC;
	for (i = 0; i < arg->count && !ret; i++) {
		ret = ksync_futex_object_alloc(d, arg->kind | arg->flags << 8, &id);
		/* The library keeps them where they need not be aligned. */
		if (!ret)
			memcpy(&ids[i], &id, sizeof(id));
	}
	ksync_futex_inner_unlock(&l);
	return ret;
}

/* No two inner locks at a time: from now on it is nobody's but ours. */
static int end(struct ksync *d, uint32_t id)
{
	struct object o;
	struct inner l;
	int ret;

	ret = ksync_futex_object_find(d, id, &o);
	if (ret)
		return ret;
	ksync_futex_inner_lock(&l, &o.s->inner);
	if (!o.s->attr)
		ret = -EBADF;
	else if (ksync_futex_object_waiters(&o))
		ret = -EBUSY;
	if (!ret) {
		store(&o.s->attr, 0);
		ksync_futex_queue_end(&o);
	}
	ksync_futex_inner_unlock(&l);
	if (ret)
		return ret;
	ksync_futex_inner_lock(&l, &header_of(d)->inner);
	release(d, id);
	ksync_futex_inner_unlock(&l);
	return 0;
}

/** ksync_futex_object_destroy() - KSYNC_IOC_DESTROY */
int ksync_futex_object_destroy(struct ksync *d, struct ksync_destroy *arg)
{
	const char *ids = (const char *)(uintptr_t)arg->ids;
	uint32_t i, id;
	int ret = 0;

	arg->done = 0;
	if (arg->pad || !arg->count || arg->count > KSYNC_BATCH_MAX)
		return -EINVAL;
	for (i = 0; i < arg->count && !ret; i++) {
		memcpy(&id, ids + i * sizeof(id), sizeof(id));
		ret = end(d, id);
		arg->done += !ret;
	}
	return ret;
}

/** ksync_futex_object_name() - KSYNC_IOC_NAME */
int ksync_futex_object_name(struct ksync *d, struct ksync_name *arg)
{
	struct object o;
	struct inner l;
	int ret;

	if (strnlen(arg->name, KSYNC_NAME_LEN) == KSYNC_NAME_LEN)
		return -EINVAL;
	ret = ksync_futex_object_find(d, arg->id, &o);
	if (ret)
		return ret;
	ksync_futex_inner_lock(&l, &o.s->inner);
	if (o.s->attr)
		memcpy(o.s->name, arg->name, KSYNC_NAME_LEN);
	else
		ret = -EBADF;
	ksync_futex_inner_unlock(&l);
	return ret;
}
