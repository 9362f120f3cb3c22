// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/ksync/waiters: who waits for what, and for whom.
 *
 * A waiter is on the stack of a task that may go on as soon as the bucket lock is
 * released.  So a batch of them is copied under it, with references to the tasks
 * alone; and with them, under the same lock, who has what they want: no waiter is
 * ever said to wait for somebody who had released the object before it came.
 *
 * The next batch goes on behind the last one's priority and number, as a wake-up
 * of many does (queue.c).
 */
#include <linux/rcupdate.h>
#include <linux/sched/task.h>

#include "proc.h"

#define BATCH	KSYNC_WAKE_BATCH

/* Objects looked at in one go. */
#define SCAN_BATCH	4096

/**
 * struct waiter_record - one waiter
 * @domain: serial number of the domain
 * @object: which
 * @kind: of the object
 * @side: for the word, for readers to leave, or to be told of it
 * @reader: it wants to read
 * @queued: the priority by which it is in the queue
 * @since: when it came
 * @waited: how long ago that was
 * @deadline: when it gives up; 0: never
 * @realtime: that is on CLOCK_REALTIME
 * @task: who, to be looked at; then NULL
 * @owner_task: the same of who has what it wants, or NULL
 * @handle: of @who
 * @owner: of @owner_who
 * @owned: somebody has it, who is @owner_who
 * @who: the waiter
 * @owner_who: who has what it wants
 */
struct waiter_record {
	u64 domain;
	u32 object;
	u8 kind;
	u8 side;
	bool reader;
	int queued;
	u64 since;
	u64 waited;
	u64 deadline;
	bool realtime;
	struct task_struct *task;
	struct task_struct *owner_task;
	u32 handle;
	u32 owner;
	bool owned;
	struct ksync_who who;
	struct ksync_who owner_who;
};

static struct waiter_record *record(struct ksync_walk *w, u32 n)
{
	return (struct waiter_record *)w->records + n;
}

/* Under the bucket lock. */
static void copy_waiter(struct waiter_record *r, const struct ksync_waiter *waiter,
			const struct ksync_state *st)
{
	*r = (struct waiter_record){
		.domain = st->obj.domain->serial,
		.object = st->obj.id,
		.kind = st->obj.ops->kind,
		.side = st->side,
		.reader = waiter->reader,
		.queued = waiter->prio,
		.since = waiter->since,
		.deadline = READ_ONCE(waiter->timer.deadline),
		.realtime = READ_ONCE(waiter->timer.realtime),
		.task = get_task_struct(waiter->task),
	};
}

/* Under the bucket lock: who has what they want that wait on @st. */
static void copy_owner(struct waiter_record *r, const struct ksync_state *st)
{
	const struct ksync_thread *t;

	if (!st->obj.ops->owned)
		return;
	rcu_read_lock();
	t = ksync_graph_holder(st);
	if (t) {
		r->owned = true;
		r->owner_task = get_task_struct(t->task);
	}
	rcu_read_unlock();
}

/* Under the bucket lock. Return: whether there may be more. */
static bool copy_side(struct ksync_walk *w, struct ksync_state *st)
{
	const struct ksync_waiter *waiter;

	while (w->n < BATCH) {
		waiter = ksync_sweep_next(&w->sweep, st);
		if (!waiter)
			return w->sweep.more;
		copy_waiter(record(w, w->n), waiter, st);
		copy_owner(record(w, w->n), st);
		w->n++;
	}
	return true;
}

static struct ksync_state *find_side(struct ksync_bucket *b, const struct ksync_object *obj,
				     enum ksync_side side)
{
	switch (side) {
	case KSYNC_SIDE_DRAIN:
		return ksync_state_find_drain(b, obj->domain, obj->id);
	case KSYNC_SIDE_WATCH:
		return ksync_state_watched(obj);
	default:
		return ksync_state_find(b, obj->domain, obj->id);
	}
}

/* In the order in which they are served. */
static const enum ksync_side sides[] = {
	KSYNC_SIDE_DRAIN, KSYNC_SIDE_WORD, KSYNC_SIDE_WATCH,
};

/*
 * Under the bucket lock, from where the walk is in the object. Return: whether
 * there may be more.
 */
static bool copy_sides(struct ksync_walk *w, struct ksync_bucket *b,
		       const struct ksync_object *obj)
{
	struct ksync_state *st;

	for (; w->side < ARRAY_SIZE(sides); w->side++) {
		st = find_side(b, obj, sides[w->side]);
		if (!w->sweeping)
			ksync_sweep_begin(&w->sweep, KSYNC_BITSET_ALL);
		w->sweeping = st && copy_side(w, st);
		if (w->sweeping)
			return true;
	}
	return false;
}

/* Return: whether the object may have more waiters. */
static bool copy(struct ksync_walk *w, const struct ksync_object *obj)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	bool more;

	/* Who comes at this moment does not wait yet. */
	if (data_race(RB_EMPTY_ROOT(&b->states)))
		return false;
	raw_spin_lock(&b->lock);
	more = copy_sides(w, b, obj);
	raw_spin_unlock(&b->lock);
	return more;
}

static void resolve(struct ksync_walk *w, struct ksync_domain *d, struct waiter_record *r)
{
	const u64 now = ktime_get_ns();

	r->waited = now > r->since ? now - r->since : 0;
	r->handle = ksync_thread_handle(d, r->task);
	ksync_proc_who(w, &r->who, r->task);
	put_task_struct(r->task);
	r->task = NULL;
	if (!r->owner_task)
		return;
	r->owner = ksync_thread_handle(d, r->owner_task);
	ksync_proc_who(w, &r->owner_who, r->owner_task);
	put_task_struct(r->owner_task);
	r->owner_task = NULL;
}

static void begin_object(struct ksync_walk *w, u32 id)
{
	w->at = id;
	w->side = 0;
	w->sweeping = false;
}

static bool scan(struct ksync_walk *w, struct ksync_domain *d)
{
	struct ksync_object obj;
	u32 looks;

	for (looks = 0; w->n < BATCH && looks < SCAN_BATCH; looks++) {
		if (!ksync_object_next(d, w->at, &obj))
			return false;
		if (obj.id != w->at)
			begin_object(w, obj.id);
		if (!copy(w, &obj))
			begin_object(w, obj.id + 1);
	}
	return true;
}

static bool fill(struct ksync_walk *w, struct ksync_domain *d)
{
	bool more;
	u32 i;

	/* It counts whoever waits from before it is in a queue. */
	if (!atomic_read(&d->waiters))
		return false;
	more = scan(w, d);
	for (i = 0; i < w->n; i++)
		resolve(w, d, record(w, i));
	return more;
}

static const char *side_name(u8 side)
{
	switch (side) {
	case KSYNC_SIDE_DRAIN:
		return "drain";
	case KSYNC_SIDE_WATCH:
		return "watch";
	default:
		return "word";
	}
}

static const char *wanted(const struct waiter_record *r)
{
	switch (r->kind) {
	case KSYNC_KIND_RWLOCK:
		return r->reader ? "read" : "write";
	case KSYNC_KIND_SEM:
	case KSYNC_KIND_EVENT:
	case KSYNC_KIND_COND:
	case KSYNC_KIND_WAITQ:
		return "wait";
	default:
		return "lock";
	}
}

static void show_deadline(struct seq_file *m, const struct waiter_record *r)
{
	const bool there = r->deadline && r->deadline != KSYNC_NO_DEADLINE;

	ksync_proc_show_number(m, r->deadline, there);
	seq_puts(m, !there ? " -" : r->realtime ? " realtime" : " monotonic");
}

static void show(struct seq_file *m, const void *record)
{
	const struct waiter_record *r = record;

	seq_printf(m, "%llu %u %s %s %s", r->domain, r->object,
		   ksync_ops_of(r->kind)->name,
		   side_name(r->side), wanted(r));
	ksync_proc_show_pid(m, r->who.pid, true);
	ksync_proc_show_pid(m, r->who.tgid, true);
	ksync_proc_show_text(m, r->who.comm);
	ksync_proc_show_number(m, r->handle, r->handle);
	seq_printf(m, " %d", r->who.prio);
	ksync_proc_show_prio(m, r->who.prio);
	seq_printf(m, " %d %llu %llu", r->queued, r->since, r->waited);
	show_deadline(m, r);
	ksync_proc_show_number(m, r->owner, r->owner);
	ksync_proc_show_pid(m, r->owner_who.pid, r->owned);
	ksync_proc_show_text(m, r->owner_who.comm);
}

const struct ksync_proc_file ksync_proc_waiters = {
	.name = "waiters",
	.columns =
		"domain object kind side for pid tgid comm handle prio sched queued since waited deadline clock owner owner_pid owner_comm",
	.size = sizeof(struct waiter_record),
	.batch = BATCH,
	.fill = fill,
	.show = show,
};
