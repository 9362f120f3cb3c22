// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * From an object of the program to its ksync object, and back.
 *
 * Ids are created in batches and kept in a free list for each class; init and
 * destroy of an object that nobody waited for cost no system call.  A program may
 * forget objects without destroying them: once ids have doubled in number, those
 * whose object is gone, or names another id, are taken back (collect.c).
 *
 * All of it under one guard.  What uses an object without it has the object's memory
 * name the id, and the cell the object.
 */
#include <sys/mman.h>
#include "dropin.h"
#include "object.h"

#define FIRST_BATCH	32
#define LAST_BATCH	1024

static struct pool {
	uint32_t free;
	uint32_t batch;
} pools[CLASSES];

static uint32_t guard;
struct ids ids;
static uint32_t adopted;	/* those that object_adopt() was given, by their links */

static const uint32_t kinds[] = {
	[MUTEX] = KSYNC_KIND_MUTEX,
	[RWLOCK] = KSYNC_KIND_RWLOCK,
	[COND] = KSYNC_KIND_COND,
	[SEM] = KSYNC_KIND_SEM,
	[SPIN] = KSYNC_KIND_SPIN,
};

void objects_lock(void)
{
	guard_lock(&guard);
}

void objects_unlock(void)
{
	guard_unlock(&guard);
}

struct own_cell *cell_at(uint32_t id)
{
	return (struct own_cell *)&own_domain.cells[id];
}

void objects_each(void (*fn)(uint32_t id, struct own_cell *cell, void *arg), void *arg)
{
	uint32_t i;

	for (i = 0; i < ids.nr; i++)
		if (cell_at(ids.list[i])->tag)
			fn(ids.list[i], cell_at(ids.list[i]), arg);
	for (i = adopted; i; i = cell_at(i)->link)
		fn(i, cell_at(i), arg);
}

static uint32_t flags_of(enum class class)
{
	return class == MUTEX || class == RWLOCK ? here.policy : 0;
}

static void refer(struct ksync_object *o, struct ksync *d, uint32_t id)
{
	*o = (struct ksync_object) {
		.cell = &d->cells[id],
		.serial = d->serial,
		.domain = d,
		.id = id,
		.attr = d->cells[id].attr,
	};
	if (ksync_protects(o))
		o->serial |= KSYNC_SERIAL_SLOW;
}

static enum class class_of(const struct own_cell *cell)
{
	enum class class = MUTEX;

	while (class < CLASSES && kinds[class] != (cell->attr & 0xff))
		class++;
	return class;
}

/* Back to the free list; its state is that of a new one. */
void put_id(uint32_t id)
{
	struct own_cell *cell = cell_at(id);
	struct pool *pool = &pools[class_of(cell)];

	cell->word = 0;
	cell->tag = 0;
	cell->link = pool->free;
	pool->free = id;
}

static void list_ids(const uint32_t *new, uint32_t n)
{
	if (!ids.list)
		ids.list = mmap(NULL, sizeof(uint32_t) << 24, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ids.list == MAP_FAILED)
		die("no address space for the list of objects: see 'ulimit -v'");
	memcpy(ids.list + ids.nr, new, n * sizeof(*new));
	ids.nr += n;
}

static int create(enum class class, uint32_t n)
{
	uint32_t new[LAST_BATCH];
	struct ksync_create arg = {
		.size = sizeof(arg),
		.kind = kinds[class],
		.flags = flags_of(class),
		.count = n,
		.ids = (uintptr_t)new,
	};
	int ret = ksync_ioctl(own_domain.fd, KSYNC_IOC_CREATE, &arg);

	if (ret)
		return ret;
	list_ids(new, n);
	while (n--)
		put_id(new[n]);
	return 0;
}

static void refill(enum class class)
{
	struct pool *pool = &pools[class];
	int ret;

	if (ids.nr >= ids.collect_at)
		collect();
	if (pool->free)
		return;
	if (!pool->batch)
		pool->batch = FIRST_BATCH;
	ret = create(class, pool->batch);
	if (!ret && pool->batch < LAST_BATCH)
		pool->batch *= 2;
	if (!ret)
		return;
	collect();
	if (!pool->free)
		ret = create(class, 1);
	if (ret == -EBADF || ret == -ENOTTY)
		die_of("cannot make objects", NULL, -ret);
	if (!pool->free)
		die("no room beside %u objects: %s; raise max_objects, or the cgroup's limit",
		    ids.nr, strerror(-ret));
}

static uint32_t get_id(enum class class)
{
	struct pool *pool = &pools[class];
	struct own_cell *cell;
	uint32_t id;

	if (!pool->free)
		refill(class);
	id = pool->free;
	cell = cell_at(id);
	pool->free = cell->link;
	cell->link = 0;
	cell->depth = 0;
	cell->limit = 0;
	cell->contended = 0;
	cell->abandoned = 0;
	cell->waited = 0;
	return id;
}

/* Whoever reads the reference finds the cell as it is now. */
static void attach(uint32_t *ref, const void *obj, struct ksync_object *o)
{
	own_cell(o)->tag = tag_of(obj);
	__atomic_store_n(ref, o->id, __ATOMIC_RELEASE);
}

/* In our own domain. */
static bool is_valid(uint32_t id, const void *obj)
{
	return id && id < own_domain.arena_size / KSYNC_CELL_SIZE &&
	       cell_at(id)->tag == tag_of(obj);
}

/*
 * It was moved: the state of semaphores is worth something.  Such a program is
 * wrong, but works with glibc.
 */
static void take_along(uint32_t old, struct ksync_object *o)
{
	const struct own_cell *was;

	if (!old || old >= own_domain.arena_size / KSYNC_CELL_SIZE)
		return;
	was = cell_at(old);
	if (was->tag && (was->attr & 0xff) == KSYNC_KIND_SEM)
		own_cell(o)->word = was->word & ~KSYNC_WAITERS;
}

static void make(uint32_t *ref, const void *obj, enum class class,
		 struct ksync_object *o)
{
	const uint32_t old = *ref;
	const struct saved *saved = saved_find(old, obj);

	refer(o, &own_domain, get_id(class));
	if (saved)
		saved_restore(saved, o);
	else if (class == SEM)
		take_along(old, o);
	attach(ref, obj, o);
	trace_made();
}

/**
 * object_find() - the ksync object of an object; it is made if there is none yet
 * @ref: in the object; not shared
 * @obj: the object
 * @class: what it is
 * @o: set up
 */
void object_find(uint32_t *ref, const void *obj, enum class class,
		 struct ksync_object *o)
{
	uint32_t id = __atomic_load_n(ref, __ATOMIC_ACQUIRE);

	if (is_valid(id, obj)) {
		refer(o, &own_domain, id);
		return;
	}
	guard_lock(&guard);
	if (is_valid(*ref, obj))
		refer(o, &own_domain, *ref);
	else
		make(ref, obj, class, o);
	guard_unlock(&guard);
}

/**
 * object_try() - the same, if there is one
 *
 * Return: 0; ENOENT.
 */
int object_try(uint32_t *ref, const void *obj, struct ksync_object *o)
{
	uint32_t id = __atomic_load_n(ref, __ATOMIC_ACQUIRE);

	if (!is_valid(id, obj))
		return ENOENT;
	refer(o, &own_domain, id);
	return 0;
}

/**
 * object_adopt() - the object is this ksync object, which was made elsewhere
 * @ref: in the object
 * @obj: the object
 * @o: of our own domain, in no list; if another thread was faster, what that one made
 */
void object_adopt(uint32_t *ref, const void *obj, struct ksync_object *o)
{
	const struct saved *saved;

	guard_lock(&guard);
	if (is_valid(*ref, obj)) {
		ksync_object_destroy(o);
		refer(o, &own_domain, *ref);
	} else {
		saved = saved_find(*ref, obj);
		if (saved)
			saved_restore(saved, o);
		own_cell(o)->link = adopted;
		adopted = o->id;
		attach(ref, obj, o);
		trace_made();
	}
	guard_unlock(&guard);
}

/* The newest come first, and are mostly those that end first. */
static int disown(struct ksync_object *o)
{
	struct ksync_barrier barrier = { .o = *o };
	const uint32_t next = own_cell(o)->link;
	uint32_t *link = &adopted;
	int ret;

	ret = (o->attr & 0xff) == KSYNC_KIND_WAITQ ? -ksync_barrier_destroy(&barrier) :
		-ksync_object_destroy(o);
	if (ret)
		return ret;
	while (*link != o->id)
		link = &cell_at(*link)->link;
	*link = next;
	return 0;
}

/**
 * object_forget() - the object is not going to be used any more
 *
 * Return: 0; EBUSY.
 */
int object_forget(uint32_t *ref, const void *obj)
{
	struct ksync_object o;
	int ret = 0;

	if (object_try(ref, obj, &o))
		return 0;
	guard_lock(&guard);
	if (class_of(own_cell(&o)) == CLASSES || ksync_protects(&o))
		ret = disown(&o);
	else if (is_idle(&o))
		put_id(o.id);
	else
		ret = EBUSY;
	guard_unlock(&guard);
	return ret;
}

/**
 * object_get() - the ksync object of an object, shared or not
 * @ref: in the object, followed by its cookie unless it is a spinlock
 * @obj: the object
 * @class: what it is
 * @o: set up
 *
 * Return: 0; EINVAL (it was destroyed, or is not of this tree of processes).
 */
int object_get(uint32_t *ref, const void *obj, enum class class, struct ksync_object *o)
{
	if (*ref == DESTROYED)
		return EINVAL;
	if (*ref & SHARED)
		return object_share(ref, o);
	object_find(ref, obj, class, o);
	return 0;
}

/**
 * object_end() - an object is destroyed, shared or not
 *
 * Return: 0; EBUSY, EINVAL.
 */
int object_end(uint32_t *ref, const void *obj)
{
	struct ksync_object o;
	int ret;

	if (*ref & SHARED) {
		ret = object_share(ref, &o);
		if (!ret)
			ret = -ksync_object_destroy(&o);
	} else {
		ret = object_forget(ref, obj);
	}
	if (!ret)
		*ref = DESTROYED;
	return ret;
}

/* What is in the lists is the parent's. */
void objects_forked(void)
{
	guard = 0;
	ids.nr = 0;
	ids.collect_at = 0;
	adopted = 0;
	memset(pools, 0, sizeof(pools));
}

/**
 * object_share() - the ksync object of an object that processes share
 * @ref: in the object, followed by its cookie
 * @o: set up
 *
 * Return: 0; EINVAL (it is not of this tree of processes).
 */
int object_share(uint32_t *ref, struct ksync_object *o)
{
	const uint32_t id = __atomic_load_n(ref, __ATOMIC_ACQUIRE) & ~SHARED;
	int ret = process_share();

	if (ret)
		return ret;
	if (id >= shared_domain.arena_size / KSYNC_CELL_SIZE)
		return EINVAL;
	refer(o, &shared_domain, id);
	if (o->attr >> 8 == 0 && (o->attr & 0xff) == KSYNC_KIND_SPIN)
		return 0;
	return own_cell(o)->link == ref[1] ? 0 : EINVAL;
}

/**
 * object_share_new() - make one
 * @ref: in the object, followed by its cookie unless it is a spinlock
 * @class: what it is to be
 *
 * Return: 0; EINVAL, ENOSPC, ENOMEM.
 */
int object_share_new(uint32_t *ref, enum class class)
{
	struct ksync_object o;
	int ret = process_share();

	if (ret)
		return ret;
	ret = -ksync_object_create(&o, &shared_domain, kinds[class], flags_of(class));
	if (ret)
		return ret;
	if (class != SPIN) {
		own_cell(&o)->link = random_odd();
		ref[1] = own_cell(&o)->link;
	}
	__atomic_store_n(ref, o.id | SHARED, __ATOMIC_RELEASE);
	return 0;
}
