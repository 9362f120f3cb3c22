// SPDX-License-Identifier: GPL-2.0
/*
 * Looking at a domain from outside: INFO, QUERY and fdinfo.
 */
#include <linux/fs.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "core.h"
#include "rwlock.h"

static u64 features(void)
{
	u64 bits = KSYNC_FEATURE_PI | KSYNC_FEATURE_ROBUST |
		   KSYNC_FEATURE_DEADLOCK | KSYNC_FEATURE_NAMES |
		   KSYNC_FEATURE_MANY | KSYNC_FEATURE_POLL |
		   KSYNC_FEATURE_RWLOCK_PI | KSYNC_FEATURE_ADAPTIVE |
		   KSYNC_FEATURE_CEILING | KSYNC_FEATURE_COND_ORDER |
		   KSYNC_FEATURE_PHASES | KSYNC_FEATURE_GUARDED |
		   KSYNC_FEATURE_RESTART | KSYNC_FEATURE_UNLOCK_ANY;
	u32 kind;

	for (kind = 0; kind < 16; kind++)
		if (ksync_ops_of(kind))
			bits |= KSYNC_FEATURE_KIND(kind);
#ifdef KSYNC_URING
	bits |= KSYNC_FEATURE_URING;
#endif
	if (ksync_lazy_ceiling)
		bits |= KSYNC_FEATURE_LAZY_CEILING;
	return bits;
}

/** ksync_inspect_info() - KSYNC_IOC_INFO */
int ksync_inspect_info(struct ksync_domain *d, struct ksync_info *arg)
{
	*arg = (struct ksync_info){
		.size = sizeof(*arg),
		.abi = KSYNC_ABI,
		.features = features(),
		.max_objects = READ_ONCE(ksync_max_objects),
		.max_threads = READ_ONCE(ksync_max_threads),
		.max_waiters = READ_ONCE(ksync_max_waiters),
		.cell_size = KSYNC_CELL_SIZE,
		.objects = ksync_domain_objects(d),
		.threads = READ_ONCE(d->threads),
		.waiters = atomic_read(&d->waiters),
		.max_chain = READ_ONCE(ksync_max_chain),
	};
	arg->arena_size = PAGE_ALIGN((u64)arg->max_objects * KSYNC_CELL_SIZE);
	return 0;
}

/* Who drains is served before those that wait for the word. */
static void query_waiters(struct ksync_query *arg, const struct ksync_state *st)
{
	const struct ksync_waiter *top;

	if (!st)
		return;
	top = ksync_waiter_top(st);
	if (arg->waiters && arg->top_prio <= top->prio) {
		arg->waiters += st->nr;
		return;
	}
	arg->waiters += st->nr;
	arg->top_prio = top->prio;
	arg->longest_ns = ktime_get_ns() - top->since;
}

static void query_owner(struct ksync_domain *d, struct ksync_query *arg)
{
	char comm[TASK_COMM_LEN];
	struct ksync_thread *t;

	arg->owner = arg->word & KSYNC_OWNER;
	if (arg->owner > KSYNC_HANDLE_MAX)
		arg->owner = 0;
	rcu_read_lock();
	t = ksync_thread_find(d, arg->owner);
	if (t) {
		arg->owner_pid = task_pid_vnr(t->task);
		/* Like top, without the lock: it may be half of it the name before. */
		data_race(memcpy(comm, t->task->comm, sizeof(comm)));
		comm[sizeof(comm) - 1] = '\0';
		strscpy_pad(arg->owner_comm, comm, sizeof(arg->owner_comm));
	}
	rcu_read_unlock();
}

/** ksync_inspect_query() - KSYNC_IOC_QUERY */
int ksync_inspect_query(struct ksync_domain *d, struct ksync_query *arg)
{
	struct ksync_bucket *b = ksync_bucket(d, arg->id);
	struct ksync_object obj;
	int ret;

	if (arg->pad || arg->pad2)
		return -EINVAL;
	ret = ksync_object_find(d, arg->id, &obj);
	if (ret)
		return ret;

	*arg = (struct ksync_query){
		.size = sizeof(*arg),
		.id = obj.id,
		.kind = KSYNC_TAG_KIND(obj.tag),
		.flags = KSYNC_TAG_FLAGS(obj.tag),
		.word = READ_ONCE(obj.cell->word),
	};
	raw_spin_lock(&b->lock);
	query_waiters(arg, ksync_state_find_drain(b, d, obj.id));
	query_waiters(arg, ksync_state_find(b, d, obj.id));
	query_waiters(arg, ksync_state_watched(&obj));
	raw_spin_unlock(&b->lock);
	if (obj.ops->owned)
		query_owner(d, arg);
	if (obj.ops->kind == KSYNC_KIND_RWLOCK)
		arg->readers = ksync_slot_count(d, obj.id);
	ksync_name_get(&obj, arg->name);
	return 0;
}

/** ksync_inspect_fdinfo() - /proc/PID/fdinfo/FD */
void ksync_inspect_fdinfo(struct seq_file *m, struct file *file)
{
	struct ksync_domain *d = file->private_data;

	seq_printf(m, "ksync-domain:\t%llu\n", d->serial);
	seq_printf(m, "ksync-objects:\t%u\n", ksync_domain_objects(d));
	seq_printf(m, "ksync-threads:\t%u\n", READ_ONCE(d->threads));
	seq_printf(m, "ksync-waiters:\t%d\n", atomic_read(&d->waiters));
}
