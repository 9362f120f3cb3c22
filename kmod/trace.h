/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints ksync:*.  Off, each costs a no-op instruction.
 *
 * Names are arrays of fixed length: every tracer can print them, on every
 * kernel.  An object without a name shows as kind:id.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ksync

#if !defined(KSYNC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KSYNC_TRACE_H

#include <linux/rcupdate.h>
#include <linux/tracepoint.h>

#include "core.h"

DECLARE_EVENT_CLASS(ksync_object,
	TP_PROTO(const struct ksync_object *obj),
	TP_ARGS(obj),
	TP_STRUCT__entry(
		__field(__u64, domain)
		__field(__u32, id)
		__field(__u32, kind)
		__field(__s32, pid)
		__array(char, comm, TASK_COMM_LEN)
		__array(char, name, KSYNC_NAME_LEN)
	),
	TP_fast_assign(
		__entry->domain = obj->domain->serial;
		__entry->id = obj->id;
		__entry->kind = obj->ops->kind;
		__entry->pid = current->pid;
		memcpy(__entry->comm, current->comm, TASK_COMM_LEN);
		ksync_name_get(obj, __entry->name);
	),
	TP_printk("domain=%llu id=%u kind=%u name=%s pid=%d comm=%s",
		  __entry->domain, __entry->id, __entry->kind, __entry->name,
		  __entry->pid, __entry->comm)
);

/* A deadline ended the current task's wait. */
DEFINE_EVENT(ksync_object, timeout,
	TP_PROTO(const struct ksync_object *obj),
	TP_ARGS(obj)
);

/* The current task dies and leaves this to its waiters. */
DEFINE_EVENT(ksync_object, owner_died,
	TP_PROTO(const struct ksync_object *obj),
	TP_ARGS(obj)
);

/* The current task is going to wait. */
TRACE_EVENT(contention_begin,
	TP_PROTO(const struct ksync_object *obj, __u32 waiters),
	TP_ARGS(obj, waiters),
	TP_STRUCT__entry(
		__field(__u64, domain)
		__field(__u32, id)
		__field(__u32, kind)
		__field(__u32, waiters)
		__field(__s32, owner_pid)
		__array(char, name, KSYNC_NAME_LEN)
		__array(char, owner_comm, TASK_COMM_LEN)
	),
	TP_fast_assign(
		struct ksync_thread *owner = NULL;

		__entry->domain = obj->domain->serial;
		__entry->id = obj->id;
		__entry->kind = obj->ops->kind;
		__entry->waiters = waiters;
		__entry->owner_pid = 0;
		memset(__entry->owner_comm, 0, TASK_COMM_LEN);
		ksync_name_get(obj, __entry->name);
		rcu_read_lock();
		if (obj->ops->owned)
			owner = ksync_thread_find(obj->domain,
						  READ_ONCE(obj->cell->word) & KSYNC_OWNER);
		if (owner) {
			__entry->owner_pid = owner->task->pid;
			memcpy(__entry->owner_comm, owner->task->comm, TASK_COMM_LEN);
		}
		rcu_read_unlock();
	),
	TP_printk("domain=%llu id=%u kind=%u name=%s waiters=%u owner_pid=%d owner_comm=%s",
		  __entry->domain, __entry->id, __entry->kind, __entry->name,
		  __entry->waiters, __entry->owner_pid, __entry->owner_comm)
);

/* The current task has waited. */
TRACE_EVENT(contention_end,
	TP_PROTO(const struct ksync_object *obj, int ret, __u64 since),
	TP_ARGS(obj, ret, since),
	TP_STRUCT__entry(
		__field(__u64, domain)
		__field(__u64, wait_ns)
		__field(__u32, id)
		__field(__u32, kind)
		__field(__s32, ret)
		__array(char, name, KSYNC_NAME_LEN)
	),
	TP_fast_assign(
		__entry->domain = obj->domain->serial;
		__entry->wait_ns = ktime_get_ns() - since;
		__entry->id = obj->id;
		__entry->kind = obj->ops->kind;
		__entry->ret = ret;
		ksync_name_get(obj, __entry->name);
	),
	TP_printk("domain=%llu id=%u kind=%u name=%s ret=%d wait_ns=%llu",
		  __entry->domain, __entry->id, __entry->kind, __entry->name,
		  __entry->ret, __entry->wait_ns)
);

/* The current task has waited for a lock and got it. */
TRACE_EVENT(acquired,
	TP_PROTO(const struct ksync_object *obj, __u64 since),
	TP_ARGS(obj, since),
	TP_STRUCT__entry(
		__field(__u64, domain)
		__field(__u64, wait_ns)
		__field(__u32, id)
		__field(__u32, kind)
		__array(char, name, KSYNC_NAME_LEN)
	),
	TP_fast_assign(
		__entry->domain = obj->domain->serial;
		__entry->wait_ns = ktime_get_ns() - since;
		__entry->id = obj->id;
		__entry->kind = obj->ops->kind;
		ksync_name_get(obj, __entry->name);
	),
	TP_printk("domain=%llu id=%u kind=%u name=%s wait_ns=%llu",
		  __entry->domain, __entry->id, __entry->kind, __entry->name,
		  __entry->wait_ns)
);

/* The current task has released a lock in the kernel. */
TRACE_EVENT(released,
	TP_PROTO(const struct ksync_object *obj, __u32 waiters),
	TP_ARGS(obj, waiters),
	TP_STRUCT__entry(
		__field(__u64, domain)
		__field(__u32, id)
		__field(__u32, kind)
		__field(__u32, waiters)
		__array(char, name, KSYNC_NAME_LEN)
	),
	TP_fast_assign(
		__entry->domain = obj->domain->serial;
		__entry->id = obj->id;
		__entry->kind = obj->ops->kind;
		__entry->waiters = waiters;
		ksync_name_get(obj, __entry->name);
	),
	TP_printk("domain=%llu id=%u kind=%u name=%s waiters=%u",
		  __entry->domain, __entry->id, __entry->kind, __entry->name,
		  __entry->waiters)
);

/* The current task raises the owner's priority; lower numbers are higher. */
TRACE_EVENT(boost,
	TP_PROTO(const struct ksync_object *obj, struct task_struct *owner, int to),
	TP_ARGS(obj, owner, to),
	TP_STRUCT__entry(
		__field(__u64, domain)
		__field(__u32, id)
		__field(__s32, owner_pid)
		__field(__s32, waiter_pid)
		__field(__s32, from)
		__field(__s32, to)
		__array(char, name, KSYNC_NAME_LEN)
		__array(char, owner_comm, TASK_COMM_LEN)
	),
	TP_fast_assign(
		__entry->domain = obj->domain->serial;
		__entry->id = obj->id;
		__entry->owner_pid = owner->pid;
		__entry->waiter_pid = current->pid;
		__entry->from = READ_ONCE(owner->prio);
		__entry->to = to;
		ksync_name_get(obj, __entry->name);
		memcpy(__entry->owner_comm, owner->comm, TASK_COMM_LEN);
	),
	TP_printk("domain=%llu id=%u name=%s owner_pid=%d owner_comm=%s from=%d to=%d waiter_pid=%d",
		  __entry->domain, __entry->id, __entry->name, __entry->owner_pid,
		  __entry->owner_comm, __entry->from, __entry->to, __entry->waiter_pid)
);

/* The current task has lost what a waiter gave it. */
TRACE_EVENT(unboost,
	TP_PROTO(const struct ksync_object *obj, int from, int to),
	TP_ARGS(obj, from, to),
	TP_STRUCT__entry(
		__field(__u64, domain)
		__field(__u32, id)
		__field(__s32, pid)
		__field(__s32, from)
		__field(__s32, to)
		__array(char, name, KSYNC_NAME_LEN)
	),
	TP_fast_assign(
		__entry->domain = obj->domain->serial;
		__entry->id = obj->id;
		__entry->pid = current->pid;
		__entry->from = from;
		__entry->to = to;
		ksync_name_get(obj, __entry->name);
	),
	TP_printk("domain=%llu id=%u name=%s pid=%d from=%d to=%d",
		  __entry->domain, __entry->id, __entry->name, __entry->pid,
		  __entry->from, __entry->to)
);

/* The current task wakes another. */
TRACE_EVENT(wake,
	TP_PROTO(const struct ksync_object *obj, struct task_struct *task),
	TP_ARGS(obj, task),
	TP_STRUCT__entry(
		__field(__u64, domain)
		__field(__u32, id)
		__field(__u32, kind)
		__field(__s32, pid)
		__array(char, name, KSYNC_NAME_LEN)
	),
	TP_fast_assign(
		__entry->domain = obj->domain->serial;
		__entry->id = obj->id;
		__entry->kind = obj->ops->kind;
		__entry->pid = task->pid;
		ksync_name_get(obj, __entry->name);
	),
	TP_printk("domain=%llu id=%u kind=%u name=%s pid=%d",
		  __entry->domain, __entry->id, __entry->kind, __entry->name,
		  __entry->pid)
);

/* The current task lets a waiter go from a cond to its mutex. */
TRACE_EVENT(requeue,
	TP_PROTO(const struct ksync_object *obj, const struct ksync_object *to,
		 struct task_struct *task),
	TP_ARGS(obj, to, task),
	TP_STRUCT__entry(
		__field(__u64, domain)
		__field(__u32, id)
		__field(__u32, to)
		__field(__s32, pid)
		__array(char, name, KSYNC_NAME_LEN)
		__array(char, to_name, KSYNC_NAME_LEN)
	),
	TP_fast_assign(
		__entry->domain = obj->domain->serial;
		__entry->id = obj->id;
		__entry->to = to->id;
		__entry->pid = task->pid;
		ksync_name_get(obj, __entry->name);
		ksync_name_get(to, __entry->to_name);
	),
	TP_printk("domain=%llu id=%u name=%s to=%u to_name=%s pid=%d",
		  __entry->domain, __entry->id, __entry->name, __entry->to,
		  __entry->to_name, __entry->pid)
);

/* One edge of a cycle that was refused: a thread waits for what owner_pid has. */
TRACE_EVENT(deadlock,
	TP_PROTO(__u32 cycle, __u32 index, __u32 len, struct task_struct *task,
		 const struct ksync_object *obj, struct task_struct *owner),
	TP_ARGS(cycle, index, len, task, obj, owner),
	TP_STRUCT__entry(
		__field(__u64, domain)
		__field(__u32, cycle)
		__field(__u32, index)
		__field(__u32, len)
		__field(__s32, pid)
		__field(__u32, id)
		__field(__u32, kind)
		__field(__s32, owner_pid)
		__array(char, comm, TASK_COMM_LEN)
		__array(char, name, KSYNC_NAME_LEN)
		__array(char, owner_comm, TASK_COMM_LEN)
	),
	TP_fast_assign(
		__entry->domain = obj->domain->serial;
		__entry->cycle = cycle;
		__entry->index = index;
		__entry->len = len;
		__entry->pid = task->pid;
		__entry->id = obj->id;
		__entry->kind = obj->ops->kind;
		__entry->owner_pid = owner->pid;
		memcpy(__entry->comm, task->comm, TASK_COMM_LEN);
		ksync_name_get(obj, __entry->name);
		memcpy(__entry->owner_comm, owner->comm, TASK_COMM_LEN);
	),
	TP_printk("cycle=%u %u/%u pid=%d comm=%s waits for domain=%llu id=%u kind=%u name=%s owner_pid=%d owner_comm=%s",
		  __entry->cycle, __entry->index + 1, __entry->len, __entry->pid,
		  __entry->comm, __entry->domain, __entry->id, __entry->kind,
		  __entry->name, __entry->owner_pid, __entry->owner_comm)
);

#endif /* KSYNC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
