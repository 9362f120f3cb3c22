// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The futex backend: INFO and QUERY. */
#include "futex.h"

/* Whatever is not here is missing: see ksync_open(3). */
#define FEATURES							\
	(KSYNC_FEATURE_KIND(KSYNC_KIND_SPIN) |				\
	 KSYNC_FEATURE_KIND(KSYNC_KIND_MUTEX) |				\
	 KSYNC_FEATURE_KIND(KSYNC_KIND_RWLOCK) |			\
	 KSYNC_FEATURE_KIND(KSYNC_KIND_SEM) |				\
	 KSYNC_FEATURE_KIND(KSYNC_KIND_EVENT) |				\
	 KSYNC_FEATURE_KIND(KSYNC_KIND_COND) |				\
	 KSYNC_FEATURE_KIND(KSYNC_KIND_WAITQ) |				\
	 KSYNC_FEATURE_PI | KSYNC_FEATURE_DEADLOCK | KSYNC_FEATURE_NAMES)

#define NORMAL		100	/* priorities are not known */
#define MAX_CHAIN	1024	/* the kernel's max_lock_depth */

/* As many as the kernel has in its queue, of which no dead one is. */
static uint32_t sleepers(uint32_t *word)
{
	const int n = ksync_futex_sleepers(word);

	return n < 0 ? 0 : n;
}

/**
 * ksync_futex_object_waiters() - how many wait
 * @o: any object
 *
 * Those on their way to sleep do not count, but for mutexes and spins, where the
 * kernel does not say.
 */
uint32_t ksync_futex_object_waiters(const struct object *o)
{
	switch (kind_of(o)) {
	case KSYNC_KIND_MUTEX:
	case KSYNC_KIND_SPIN:
		if (!(load(&o->c->word) & KSYNC_WAITERS))
			return 0;
		return load(&o->s->waiters);
	case KSYNC_KIND_RWLOCK:
		return sleepers(&o->s->gen) + sleepers(&o->s->drain);
	case KSYNC_KIND_WAITQ:
		return sleepers(&o->c->word);
	default:
		return sleepers(&o->s->gen);
	}
}

/** ksync_futex_inspect_info() - KSYNC_IOC_INFO */
int ksync_futex_inspect_info(struct ksync *d, struct ksync_info *arg)
{
	const struct ksync_futex_header *h = header_of(d);
	struct object o;
	uint32_t id;

	*arg = (struct ksync_info){
		.size = sizeof(*arg),
		.abi = KSYNC_ABI,
		.features = FEATURES,
		.arena_size = (uint64_t)h->max_objects * KSYNC_CELL_SIZE,
		.max_objects = h->max_objects - 1,
		.max_threads = TID_END - 1,
		.max_waiters = TID_END - 1,
		.cell_size = KSYNC_CELL_SIZE,
		.objects = load(&h->objects),
		.max_chain = MAX_CHAIN,
	};
	for (id = 1; id < load(&h->end); id++)
		if (!ksync_futex_object_find(d, id, &o))
			arg->waiters += load(&o.s->waiters) ? ksync_futex_object_waiters(&o) :
				kind_of(&o) == KSYNC_KIND_WAITQ && load(&o.c->waiters) ?
				ksync_futex_object_waiters(&o) : 0;
	return 0;
}

static void query_owner(struct ksync_query *arg)
{
	arg->owner = arg->word & KSYNC_OWNER;
	if (arg->owner > KSYNC_HANDLE_MAX)
		arg->owner = 0;
	if (!arg->owner || arg->owner >= TID_END || ksync_futex_dead(arg->owner))
		return;
	arg->owner_pid = arg->owner;
	ksync_futex_comm(arg->owner, arg->owner_comm, sizeof(arg->owner_comm));
}

static uint32_t readers(const struct object *o)
{
	uint32_t *entry = NULL, tid, n = 0;

	while ((entry = ksync_futex_slot_next(o->d, entry, o->id, &tid)))
		n += !ksync_futex_dead(tid);
	return n;
}

/** ksync_futex_inspect_query() - KSYNC_IOC_QUERY */
int ksync_futex_inspect_query(struct ksync *d, struct ksync_query *arg)
{
	struct object o;
	uint32_t attr;
	int ret;

	if (arg->pad || arg->pad2)
		return -EINVAL;
	ret = ksync_futex_object_find(d, arg->id, &o);
	if (ret)
		return ret;
	attr = load(&o.s->attr);
	*arg = (struct ksync_query){
		.size = sizeof(*arg),
		.id = o.id,
		.kind = attr & 0xff,
		.flags = attr >> 8,
		.word = load(&o.c->word),
		.waiters = ksync_futex_object_waiters(&o),
	};
	if (arg->waiters)
		arg->top_prio = NORMAL;
	if (arg->kind <= KSYNC_KIND_RWLOCK)
		query_owner(arg);
	if (arg->kind == KSYNC_KIND_RWLOCK)
		arg->readers = readers(&o);
	memcpy(arg->name, o.s->name, KSYNC_NAME_LEN);
	arg->name[KSYNC_NAME_LEN - 1] = 0;
	return 0;
}
