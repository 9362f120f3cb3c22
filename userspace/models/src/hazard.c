// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Hazard pointers: records, and looking for what can be freed.  ksync/hazard.h has the
 * readers' side, and the letters.
 *
 * Records are never taken off their list, so it is walked without a lock; one that
 * nobody has is used again.  What is retired is listed by the record, which one task or
 * thread has, so that list needs no lock either.  What is left behind goes onto a list
 * of the domain's, which is only ever taken as a whole: there is no ABA.
 */
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <ksync/hazard.h>
#include "internal.h"

#define LOOK_MIN	64	/* objects, beside twice the slots */

struct ksync_hazard_domain {
	struct ksync_hazard_rec *records;
	struct ksync_hazard_node *orphans;
	size_t n_records;
	uint32_t asymmetric;
};

static int membarrier(int cmd)
{
	int saved = *ksync_errno_location();
	int ret = syscall(SYS_membarrier, cmd, 0, 0);

	*ksync_errno_location() = saved;
	return ret;
}

EXPORT int ksync_hazard_create(struct ksync_hazard_domain **d, uint32_t flags)
{
	struct ksync_hazard_domain *new;

	if (flags & ~KSYNC_HAZARD_FENCE)
		return -EINVAL;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->asymmetric = !(flags & KSYNC_HAZARD_FENCE) &&
		!membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	*d = new;
	return 0;
}

EXPORT bool ksync_hazard_uses_membarrier(const struct ksync_hazard_domain *d)
{
	return d->asymmetric;
}

static void free_list(struct ksync_hazard_node *node)
{
	struct ksync_hazard_node *next;

	for (; node; node = next) {
		next = node->next_;
		node->free_(node->object_);
	}
}

EXPORT int ksync_hazard_destroy(struct ksync_hazard_domain *d)
{
	struct ksync_hazard_rec *rec, *next;

	for (rec = load_acquire(&d->records); rec; rec = rec->next_)
		if (load_acquire(&rec->used_))
			return -EBUSY;
	free_list(__atomic_exchange_n(&d->orphans, NULL, __ATOMIC_ACQUIRE));
	for (rec = d->records; rec; rec = next) {
		next = rec->next_;
		free(rec->table_);
		free(rec);
	}
	free(d);
	return 0;
}

EXPORT int ksync_hazard_enter(struct ksync_hazard_domain *d, struct ksync_hazard_rec **out)
{
	struct ksync_hazard_rec *rec;
	uint32_t unused;

	for (rec = load_acquire(&d->records); rec; rec = rec->next_) {
		unused = 0;
		if (!load(&rec->used_) &&
		    __atomic_compare_exchange_n(&rec->used_, &unused, 1, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			goto found;
	}
	rec = aligned_alloc(64, sizeof(*rec));
	if (!rec)
		return -ENOMEM;
	memset(rec, 0, sizeof(*rec));
	rec->domain_ = d;
	rec->asymmetric_ = d->asymmetric;
	rec->used_ = 1;
	add(&d->n_records, 1);
	rec->next_ = load(&d->records);
	while (!__atomic_compare_exchange_n(&d->records, &rec->next_, rec, true,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
found:
	rec->look_at_ = 0;
	*out = rec;
	return 0;
}

/* Nobody else touches the list from @first to @last until it is there. */
static void orphan(struct ksync_hazard_domain *d, struct ksync_hazard_node *first)
{
	struct ksync_hazard_node *last = first;

	while (last->next_)
		last = last->next_;
	last->next_ = load(&d->orphans);
	while (!__atomic_compare_exchange_n(&d->orphans, &last->next_, first, true,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

EXPORT void ksync_hazard_leave(struct ksync_hazard_rec *rec)
{
	int i;

	for (i = 0; i < KSYNC_HAZARD_SLOTS; i++)
		ksync_hazard_clear(rec, i);
	if (rec->retired_)
		orphan(rec->domain_, rec->retired_);
	rec->retired_ = NULL;
	rec->n_retired_ = 0;
	store_release(&rec->used_, 0);
}

/* Of addresses that are multiples of 16, mostly (D. Knuth, TAOCP 3, 6.4). */
static size_t hash(const void *p, size_t size)
{
	return ((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15ULL >> 32 & (size - 1);
}

/* A table with room for twice the slots.  false: there is no memory for it. */
static bool table_prepare(struct ksync_hazard_rec *rec, size_t slots)
{
	size_t size = rec->table_size_ ? rec->table_size_ : 64;
	void **table;

	while (size < 2 * slots)
		size *= 2;
	if (size != rec->table_size_) {
		table = realloc(rec->table_, size * sizeof(*table));
		if (!table)
			return false;
		rec->table_ = table;
		rec->table_size_ = size;
	}
	memset(rec->table_, 0, size * sizeof(*table));
	return true;
}

static void **table_find(struct ksync_hazard_rec *rec, const void *p)
{
	size_t i = hash(p, rec->table_size_);

	while (rec->table_[i] && rec->table_[i] != p)
		i = (i + 1) & (rec->table_size_ - 1);
	return &rec->table_[i];
}

/*
 * What the slots of the records from @from on name.  A record that comes later does not
 * matter: its slots were set after the heavy barrier, and C finds the object unlinked.
 */
static void table_fill(struct ksync_hazard_rec *rec, struct ksync_hazard_rec *from)
{
	void *p;
	int i;

	for (; from; from = from->next_) {
		for (i = 0; i < KSYNC_HAZARD_SLOTS; i++) {
			p = load_acquire(&from->slot_[i]);		/* F */
			if (p)
				*table_find(rec, p) = p;
		}
	}
}

/* Without a table: one object, all slots. */
static bool is_named(struct ksync_hazard_rec *from, const void *p)
{
	int i;

	for (; from; from = from->next_)
		for (i = 0; i < KSYNC_HAZARD_SLOTS; i++)
			if (load_acquire(&from->slot_[i]) == p)		/* F */
				return true;
	return false;
}

static size_t count_slots(struct ksync_hazard_rec *rec)
{
	size_t n = 0;

	for (; rec; rec = rec->next_)
		n += KSYNC_HAZARD_SLOTS;
	return n;
}

/* false: a filter of system calls came after the registration; nothing is freed then. */
static bool heavy_barrier(const struct ksync_hazard_domain *d)
{
	if (d->asymmetric)
		return !membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);	/* E */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);			/* E */
	return true;
}

static void keep(struct ksync_hazard_rec *rec, struct ksync_hazard_node *node)
{
	node->next_ = rec->retired_;
	rec->retired_ = node;
	rec->n_retired_++;
}

/* Those of @node that no slot names are freed, the others listed again. */
static void sort_out(struct ksync_hazard_rec *rec, struct ksync_hazard_node *node)
{
	bool able = heavy_barrier(rec->domain_);
	struct ksync_hazard_rec *records = load_acquire(&rec->domain_->records);
	bool table = able && table_prepare(rec, count_slots(records));
	struct ksync_hazard_node *next;
	bool used;

	if (table)
		table_fill(rec, records);
	for (; node; node = next) {
		next = node->next_;
		if (table)
			used = *table_find(rec, node->object_);
		else
			used = !able || is_named(records, node->object_);
		if (used)
			keep(rec, node);
		else
			node->free_(node->object_);
	}
}

static void look(struct ksync_hazard_rec *rec)
{
	struct ksync_hazard_domain *d = rec->domain_;
	struct ksync_hazard_node *mine = rec->retired_;
	struct ksync_hazard_node *others;

	rec->looking_ = true;
	rec->retired_ = NULL;
	rec->n_retired_ = 0;
	others = load(&d->orphans);
	if (others)
		others = __atomic_exchange_n(&d->orphans, NULL, __ATOMIC_ACQUIRE);
	if (mine)
		sort_out(rec, mine);
	if (others)
		sort_out(rec, others);
	rec->look_at_ = rec->n_retired_ + LOOK_MIN +
		2 * KSYNC_HAZARD_SLOTS * load(&d->n_records);
	rec->looking_ = false;
}

EXPORT void ksync_hazard_retire(struct ksync_hazard_rec *rec, struct ksync_hazard_node *node,
				void *object, void (*free)(void *object))
{
	node->object_ = object;
	node->free_ = free;
	keep(rec, node);
	if (!rec->look_at_)
		rec->look_at_ = LOOK_MIN +
			2 * KSYNC_HAZARD_SLOTS * load(&rec->domain_->n_records);
	if (rec->n_retired_ >= rec->look_at_ && !rec->looking_)
		look(rec);
}

EXPORT size_t ksync_hazard_flush(struct ksync_hazard_rec *rec)
{
	if (!rec->looking_)
		look(rec);
	return rec->n_retired_;
}
