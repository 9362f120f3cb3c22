// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The life of an actor: it gets a slot and an address, then a task; and when the task's
 * function is through, or does not want to go on, the actor ends.
 *
 * The generation is raised first, under the slot's lock: from then on nobody finds it,
 * and what is in its lists, links, monitors, names, who waits for room, is the end's.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "actor_internal.h"
#include "death.h"

#define FLAGS	(KSYNC_ACTOR_LINK | KSYNC_ACTOR_MONITOR | KSYNC_ACTOR_TRAP)

/** ksync_actor_current() - the caller's; NULL: it is no actor */
struct actor *ksync_actor_current(void)
{
	struct machine *m = ksync_machine_self();
	struct ksync_task *t = m ? m->task : ksync_thread_task();

	return t ? t->actor : NULL;
}

static int check(const struct ksync_actor_attr *attr, uint32_t flags)
{
	if (!attr)
		return 0;
	if (attr->flags & ~flags || attr->mailbox > MAILBOX_MAX || attr->reserved[0] ||
	    attr->reserved[1])
		return -EINVAL;
	return 0;
}

/* A slot, of which nobody knows yet. */
static struct actor *make(const struct ksync_actor_attr *attr)
{
	const uint32_t mailbox = attr ? attr->mailbox : 0;
	struct actor *a = ksync_actor_get();

	if (!a)
		return NULL;
	a->task = NULL;
	a->late = 0;
	a->attached = false;
	a->first = NULL;
	a->last = &a->first;
	a->held = NULL;
	a->monitors = NULL;
	a->nbuckets = 0;
	a->nmonitors = 0;
	a->awaited = 0;
	a->refs = 0;
	store(&a->inbox, INBOX_EMPTY);
	lock(&a->lock);
	a->traps = attr && attr->flags & KSYNC_ACTOR_TRAP;
	a->doomed = false;
	a->links = NULL;
	a->watchers = NULL;
	a->names = NULL;
	a->alive = true;
	store_release(&a->room, (load(&a->room) & ~(uint64_t)INDEX_MASK) |
		      (mailbox ? mailbox : UNBOUNDED));
	unlock(&a->lock);
	return a;
}

/* It will not be: as if it had ended normally, but that nobody is told. */
static void unmake(struct actor *a, struct actor *parent, uint64_t monitor)
{
	const struct ksync_pid pid = local_pid(id_of(a));

	if (monitor)
		ksync_actor_demonitor(monitor, KSYNC_DEMONITOR_FLUSH);
	if (parent)
		ksync_actor_unlink(pid);
	ksync_actor_end(a, KSYNC_EXIT_NORMAL);
}

/**
 * ksync_actor_started() - it has got a task
 * @a: actor
 * @t: that does not run yet
 */
void ksync_actor_started(struct actor *a, struct ksync_task *t)
{
	lock(&a->lock);
	a->task = t;
	t->actor = a;
	if (a->doomed)
		store(&t->cancelled, 1);
	unlock(&a->lock);
}

/** ksync_actor_stillborn() - there is no thread for its task */
void ksync_actor_stillborn(struct ksync_task *t)
{
	struct actor *a = t->actor;

	lock(&a->lock);
	a->task = NULL;
	unlock(&a->lock);
	t->actor = NULL;
}

/* What the attributes ask for, before it runs. */
static int introduce(struct actor *a, const struct ksync_actor_attr *attr,
		     struct actor *parent, uint64_t *monitor)
{
	const struct ksync_pid pid = local_pid(id_of(a));
	int ret = 0;

	if (attr->registered)
		ret = ksync_actor_register(attr->registered, pid);
	if (!ret && attr->flags & KSYNC_ACTOR_LINK)
		ret = ksync_link_make(parent, pid);
	if (!ret && attr->flags & KSYNC_ACTOR_MONITOR)
		ret = ksync_watch_make(parent, pid, monitor);
	return ret;
}

static int prepare(const struct ksync_actor_attr *attr, struct actor *parent,
		   struct actor **out, uint64_t *monitor)
{
	struct actor *a;
	int ret;

	if (attr && !parent && attr->flags & (KSYNC_ACTOR_LINK | KSYNC_ACTOR_MONITOR))
		return -EINVAL;
	a = make(attr);
	if (!a)
		return -ENOMEM;
	*out = a;
	ret = attr ? introduce(a, attr, parent, monitor) : 0;
	if (ret)
		unmake(a, parent, *monitor);
	return ret;
}

static int spawn(struct ksync_sched *s, struct ksync_pid *pid, int (*fn)(void *arg),
		 void *arg, const struct ksync_actor_attr *attr)
{
	struct spawn how = { .scope_fn = fn, .arg = arg };
	struct actor *parent = ksync_actor_current();
	struct ksync_pid new;
	uint64_t monitor = 0;
	int ret = check(attr, FLAGS);

	if (!ret)
		ret = prepare(attr, parent, &how.actor, &monitor);
	if (ret)
		return ret;
	/* Once it runs, it may be gone. */
	new = local_pid(id_of(how.actor));
	ret = ksync_spawn(s, &how, NULL, attr ? &attr->task : NULL);
	if (ret) {
		unmake(how.actor, parent, monitor);
		return ret;
	}
	if (pid)
		*pid = new;
	if (attr && attr->monitor && monitor)
		*attr->monitor = monitor;
	return 0;
}

EXPORT int ksync_actor_spawn(struct ksync_pid *pid, int (*fn)(void *arg), void *arg,
			     const struct ksync_actor_attr *attr)
{
	struct ksync_task *self = ksync_task_self();

	return self ? spawn(self->sched, pid, fn, arg, attr) : -EINVAL;
}

EXPORT int ksync_actor_spawn_on(struct ksync_sched *s, struct ksync_pid *pid,
				int (*fn)(void *arg), void *arg,
				const struct ksync_actor_attr *attr)
{
	int ret;

	ksync_sched_hold(s);
	ret = spawn(s, pid, fn, arg, attr);
	ksync_sched_release(s);
	return ret;
}

EXPORT int ksync_actor_run(struct ksync_sched *s, int (*fn)(void *arg), void *arg,
			   const struct ksync_actor_attr *attr, int *reason)
{
	struct spawn how = { .scope_fn = fn, .arg = arg };
	uint64_t monitor = 0;
	void *result;
	int ret = check(attr, KSYNC_ACTOR_TRAP);

	if (ksync_task_self())
		return -EINVAL;
	if (!ret)
		ret = prepare(attr, NULL, &how.actor, &monitor);
	if (ret)
		return ret;
	ret = ksync_sched_run_spawn(s, &how, attr ? &attr->task : NULL, &result);
	if (ret && ret != -EDEADLK)
		unmake(how.actor, NULL, 0);
	if (!ret && reason)
		*reason = (int)(long)result;
	return ret;
}

EXPORT int ksync_actor_attach(const struct ksync_actor_attr *attr)
{
	struct ksync_task *t = ksync_self_waiter();
	uint64_t monitor = 0;
	struct actor *a;
	int ret = check(attr, KSYNC_ACTOR_TRAP);

	if (!t)
		return -ENOMEM;
	if (t->actor)
		return -EBUSY;
	if (!ret)
		ret = prepare(attr, NULL, &a, &monitor);
	if (ret)
		return ret;
	a->attached = true;
	ksync_actor_started(a, t);
	return 0;
}

EXPORT int ksync_actor_detach(int reason)
{
	struct actor *a = ksync_actor_current();
	struct ksync_task *t;

	if (!a || !a->attached)
		return -EINVAL;
	t = a->task;
	ksync_actor_end(a, reason);
	t->actor = NULL;
	if (!t->sched)
		store(&t->cancelled, 0);
	return 0;
}

EXPORT struct ksync_pid ksync_actor_self(void)
{
	struct actor *a = ksync_actor_current();

	return local_pid(a ? id_of(a) : 0);
}

EXPORT bool ksync_actor_alive(struct ksync_pid pid)
{
	struct actor *a = pid.node ? NULL : ksync_actor_slot(pid.id);

	return a && id_of(a) == pid.id && load(&a->inbox) != INBOX_CLOSED;
}

/* What others know of it is theirs no more. */
struct left {
	struct link *links;
	struct monitor *watchers;
	struct name *names;
	struct blocked *blocked;
};

static void leave(struct actor *a, struct left *left, int *reason)
{
	struct monitor *m;

	lock(&a->lock);
	if (a->doomed)
		*reason = a->reason;
	a->alive = false;
	/* With no room: whoever read the old generation finds another one. */
	__atomic_store_n(&a->room, ((load(&a->room) >> INDEX_BITS) + 1) << INDEX_BITS,
			 __ATOMIC_SEQ_CST);
	left->links = a->links;
	left->watchers = a->watchers;
	left->names = a->names;
	for (m = a->watchers; m; m = m->next)
		m->armed = false;
	a->links = NULL;
	a->watchers = NULL;
	a->names = NULL;
	left->blocked = ksync_room_close(a);
	unlock(&a->lock);
}

/**
 * ksync_actor_end() - an actor ends; by itself
 * @a: it
 * @reason: why, if no exit signal says something else
 *
 * Return: the reason.
 */
int ksync_actor_end(struct actor *a, int reason)
{
	const struct ksync_pid pid = local_pid(id_of(a));
	struct left left;

	if (reason == KSYNC_EXIT_KILL)
		reason = KSYNC_EXIT_KILLED;
	ksync_watches_drop(a);
	leave(a, &left, &reason);
	ksync_names_free(left.names);
	ksync_watches_fire(left.watchers, reason);
	ksync_links_fire(left.links, pid, reason);
	ksync_room_wake(left.blocked);
	ksync_mailbox_drop(a);
	ksync_actor_put(a);
	return reason;
}

/** ksync_actor_ended() - the task of an actor is through; by itself */
void ksync_actor_ended(struct ksync_task *t, int reason)
{
	struct actor *a = t->actor;
	const bool attached = a->attached;

	/* Afterwards the slot is another's. */
	reason = ksync_actor_end(a, attached ? KSYNC_EXIT_NORMAL : reason);
	if (!attached)
		t->result = (void *)(long)reason;
	t->actor = NULL;
}

EXPORT void ksync_actor_exit(int reason)
{
	struct actor *a = ksync_actor_current();

	if (!a) {
		fprintf(stderr, "ksync: the caller is no actor, and cannot exit as one\n");
		abort();
	}
	a->attached = false;
	ksync_task_exit(a->task, reason);
}

EXPORT int ksync_actor_info(struct ksync_pid pid, struct ksync_actor_info *info)
{
	struct actor *a = pid.node ? NULL : ksync_actor_lock(pid.id);
	struct monitor *m;
	struct link *l;

	if (!a)
		return -ESRCH;
	memset(info, 0, sizeof(*info));
	info->traps = a->traps;
	for (l = a->links; l; l = l->next)
		info->links++;
	for (m = a->watchers; m; m = m->next)
		info->monitors++;
	unlock(&a->lock);
	return 0;
}
