// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/ksync/threads: who is attached to a domain, and what each reads.
 *
 * What a thread owns is told by the objects.  What it reads is in its slots, and
 * there alone.
 */
#include <linux/rcupdate.h>
#include <linux/sched/rt.h>

#include "proc.h"
#include "rwlock.h"

#define BATCH	32
#define READS	(KSYNC_SLOTS * KSYNC_THREAD_SLOTS_MAX)

/**
 * struct thread_record - one thread
 * @domain: serial number of the domain
 * @handle: its number there
 * @who: see there
 * @nr_reads: how many rwlocks it reads
 * @reads: their numbers
 */
struct thread_record {
	u64 domain;
	u32 handle;
	struct ksync_who who;
	u32 nr_reads;
	u32 reads[READS];
};

static bool is_rwlock(struct ksync_domain *d, u32 id)
{
	struct ksync_object obj;

	return !ksync_object_find(d, id, &obj) && obj.ops->kind == KSYNC_KIND_RWLOCK;
}

/* Entries may say anything; what is no rwlock is not read. */
static void find_reads(struct ksync_domain *d, struct thread_record *r)
{
	unsigned long index = ksync_slot_index(r->handle);
	u32 ids[KSYNC_SLOTS], n, i;

	for (; ksync_slot_next(d, &index, ids, &n) == r->handle; index++)
		for (i = 0; i < n && r->nr_reads < READS; i++)
			if (is_rwlock(d, ids[i]))
				r->reads[r->nr_reads++] = ids[i];
}

/* Return: whether there are threads from w->at on. */
static bool copy(struct ksync_walk *w, struct ksync_domain *d)
{
	struct thread_record *r = (struct thread_record *)w->records + w->n;
	struct ksync_thread *t;

	r->domain = d->serial;
	r->nr_reads = 0;
	rcu_read_lock();
	t = ksync_thread_next(d, &w->at);
	if (t)
		ksync_proc_who(w, &r->who, t->task);
	rcu_read_unlock();
	if (!t)
		return w->at;
	r->handle = w->at++;
	find_reads(d, r);
	w->n++;
	return true;
}

static bool fill(struct ksync_walk *w, struct ksync_domain *d)
{
	u32 looks;

	for (looks = 0; looks < BATCH; looks++) {
		if (!copy(w, d))
			return false;
		cond_resched();
	}
	return true;
}

static void show(struct seq_file *m, const void *record)
{
	const struct thread_record *r = record;
	u32 i;

	seq_printf(m, "%llu %u", r->domain, r->handle);
	ksync_proc_show_pid(m, r->who.pid, true);
	ksync_proc_show_pid(m, r->who.tgid, true);
	ksync_proc_show_text(m, r->who.comm);
	/* As in /proc/PID/stat. */
	seq_printf(m, " %u %d", r->who.policy, r->who.prio - MAX_RT_PRIO);
	ksync_proc_show_prio(m, r->who.prio);
	if (!r->nr_reads)
		seq_puts(m, " -");
	for (i = 0; i < r->nr_reads; i++)
		seq_printf(m, "%c%u", i ? ',' : ' ', r->reads[i]);
}

const struct ksync_proc_file ksync_proc_threads = {
	.name = "threads",
	.columns = "domain handle pid tgid comm policy priority sched reads",
	.size = sizeof(struct thread_record),
	.batch = BATCH,
	.fill = fill,
	.show = show,
};
