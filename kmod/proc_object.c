// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/ksync/objects: all objects, those that nobody uses too.
 *
 * There may be a million of them.  Each is looked up by its number, and what is
 * told of one was true under its bucket lock.
 */
#include <linux/rcupdate.h>

#include "proc.h"
#include "rwlock.h"

#define BATCH	64

/**
 * struct object_record - one object
 * @domain: serial number of its domain
 * @id: its number
 * @tag: kind and flags
 * @word: its word
 * @waiters: how many wait for it
 * @readers: rwlock: how many read it
 * @owner: handle of who owns it, 0: nobody
 * @alive: that is a thread, and it is @who
 * @who: see there
 * @name: what it was named; may be empty
 */
struct object_record {
	u64 domain;
	u32 id;
	u8 tag;
	u32 word;
	u32 waiters;
	u32 readers;
	u32 owner;
	bool alive;
	struct ksync_who who;
	char name[KSYNC_NAME_LEN];
};

static u32 count(const struct ksync_state *st)
{
	return st ? st->nr : 0;
}

/* Return: whether the object is still there. */
static bool look(struct object_record *r, const struct ksync_object *obj)
{
	struct ksync_domain *d = obj->domain;
	struct ksync_bucket *b = ksync_bucket(d, obj->id);
	bool there;

	raw_spin_lock(&b->lock);
	there = !ksync_object_stale(obj);
	r->word = READ_ONCE(obj->cell->word);
	r->waiters = count(ksync_state_find(b, d, obj->id)) +
		count(ksync_state_find_drain(b, d, obj->id)) +
		count(ksync_state_watched(obj));
	raw_spin_unlock(&b->lock);
	return there;
}

static void find_owner(const struct ksync_walk *w, struct object_record *r,
		       struct ksync_domain *d)
{
	const u32 handle = r->word & KSYNC_OWNER;
	struct ksync_thread *t;

	if (!handle || handle > KSYNC_HANDLE_MAX)
		return;
	r->owner = handle;
	rcu_read_lock();
	t = ksync_thread_find(d, handle);
	if (t)
		ksync_proc_who(w, &r->who, t->task);
	rcu_read_unlock();
	r->alive = t;
}

static void copy(struct ksync_walk *w, const struct ksync_object *obj)
{
	struct object_record *r = (struct object_record *)w->records + w->n;

	*r = (struct object_record){
		.domain = obj->domain->serial,
		.id = obj->id,
		.tag = obj->tag,
	};
	if (!look(r, obj))
		return;
	if (obj->ops->owned)
		find_owner(w, r, obj->domain);
	ksync_name_find(obj, r->name);
	w->n++;
}

static bool may_be_read(const struct object_record *r)
{
	return KSYNC_TAG_KIND(r->tag) == KSYNC_KIND_RWLOCK && r->word & KSYNC_READ;
}

/* The records are in the order of their numbers. */
static void count_reader(struct ksync_walk *w, u32 id)
{
	struct object_record *r = (void *)w->records;
	u32 low = 0, high = w->n, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (r[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < w->n && r[low].id == id && may_be_read(&r[low]))
		r[low].readers++;
}

/* One look through the slots for all of a batch. */
static void count_readers(struct ksync_walk *w, struct ksync_domain *d)
{
	const struct object_record *r = (const void *)w->records;
	u32 ids[KSYNC_SLOTS], n, i = 0;
	unsigned long index = 0;

	while (i < w->n && !may_be_read(&r[i]))
		i++;
	if (i == w->n)
		return;
	for (; ksync_slot_next(d, &index, ids, &n); index++) {
		for (i = 0; i < n; i++)
			count_reader(w, ids[i]);
		cond_resched();
	}
}

static bool fill(struct ksync_walk *w, struct ksync_domain *d)
{
	struct ksync_object obj;
	bool more = true;

	while (more && w->n < BATCH) {
		more = ksync_object_next(d, w->at, &obj);
		if (more) {
			w->at = obj.id + 1;
			copy(w, &obj);
		}
	}
	count_readers(w, d);
	return more;
}

static void show(struct seq_file *m, const void *record)
{
	const struct object_record *r = record;
	const u32 kind = KSYNC_TAG_KIND(r->tag);

	seq_printf(m, "%llu %u %s 0x%x 0x%08x", r->domain, r->id,
		   ksync_ops_of(kind)->name, KSYNC_TAG_FLAGS(r->tag), r->word);
	ksync_proc_show_number(m, r->owner, r->owner);
	ksync_proc_show_pid(m, r->who.pid, r->alive);
	ksync_proc_show_text(m, r->who.comm);
	ksync_proc_show_number(m, r->waiters, true);
	ksync_proc_show_number(m, r->readers, kind == KSYNC_KIND_RWLOCK);
	ksync_proc_show_text(m, r->name);
}

const struct ksync_proc_file ksync_proc_objects = {
	.name = "objects",
	.columns = "domain id kind flags word owner pid comm waiters readers name",
	.size = sizeof(struct object_record),
	.batch = BATCH,
	.fill = fill,
	.show = show,
};
