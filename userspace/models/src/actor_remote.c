// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Actors of other nodes: what goes out to them, and comes in from them.
 *
 * Monitors of actors there are in a table here, where those of actors here are in the
 * list of their target: under the bucket's lock, and who takes one out decides what
 * becomes of it.  Links are in the list of the actor here alone.
 */
#include <stdlib.h>
#include <string.h>
#include "actor_internal.h"
#include "actor_remote.h"

#define BUCKETS	256U

static const struct ksync_transport *transport;

static struct {
	uint32_t lock;
	struct monitor *first;
} watched[BUCKETS];

void ksync_transport_set(const struct ksync_transport *t)
{
	store_release(&transport, t);
}

static uint32_t bucket_of(uint64_t watcher, uint64_t ref)
{
	return ((watcher ^ ref) * 0x9e3779b97f4a7c15ULL >> 32) % BUCKETS;
}

/** ksync_remote_out() - a message for another node; it stays the caller's */
int ksync_remote_out(struct ksync_pid to, struct envelope *e, uint64_t deadline)
{
	const struct ksync_transport *t = load_acquire(&transport);

	return t ? t->send(to, &e->m, e->kind, deadline) : -ESRCH;
}

/** ksync_remote_reply() - an answer: it does not wait; freed */
int ksync_remote_reply(struct ksync_pid to, struct envelope *e)
{
	int ret = ksync_remote_out(to, e, 0);

	ksync_mailbox_free(e);
	return ret == -EAGAIN ? -ESRCH : ret;
}

/* Take it out of the table, if it is there. */
static bool take_out(struct monitor *m)
{
	uint32_t b = bucket_of(m->watcher.id, m->ref);
	bool armed;

	lock(&watched[b].lock);
	armed = m->armed;
	if (armed)
		ksync_watch_out_of(m);
	unlock(&watched[b].lock);
	return armed;
}

/**
 * ksync_remote_arm() - an actor of this node monitors one of another
 *
 * Return: 0: if that cannot be reached, its message comes.
 */
int ksync_remote_arm(struct monitor *m)
{
	const struct ksync_transport *t = load_acquire(&transport);
	uint32_t b = bucket_of(m->watcher.id, m->ref);
	struct ksync_pid target = m->target;
	uint64_t ref = m->ref;

	lock(&watched[b].lock);
	ksync_watch_into(&watched[b].first, m);
	unlock(&watched[b].lock);
	/* It may be gone before monitor() has returned. */
	if (!t || t->monitor(m->watcher, target, ref))
		ksync_remote_down(ksync_actor_self(), target, ref, KSYNC_EXIT_NOCONNECTION);
	return 0;
}

/** ksync_remote_disarm() - it does not any more. false: the message comes, or has come */
bool ksync_remote_disarm(struct monitor *m)
{
	const struct ksync_transport *t = load_acquire(&transport);
	bool armed = take_out(m);

	if (armed && t)
		t->demonitor(m->watcher, m->target, m->ref);
	return armed;
}

void ksync_remote_tell_down(struct ksync_pid watcher, struct ksync_pid target,
			    uint64_t ref, int reason)
{
	const struct ksync_transport *t = load_acquire(&transport);

	if (t)
		t->down(watcher, target, ref, reason);
}

void ksync_remote_tell_link(struct ksync_pid from, struct ksync_pid to)
{
	const struct ksync_transport *t = load_acquire(&transport);

	if (!t || t->link(from, to))
		ksync_remote_exit(to, from, KSYNC_EXIT_NOCONNECTION, true);
}

void ksync_remote_tell_unlink(struct ksync_pid from, struct ksync_pid to)
{
	const struct ksync_transport *t = load_acquire(&transport);

	if (t)
		t->unlink(from, to);
}

void ksync_remote_tell_exit(struct ksync_pid from, struct ksync_pid to, int reason,
			    bool linked)
{
	const struct ksync_transport *t = load_acquire(&transport);

	if (t)
		t->exit(from, to, reason, linked);
}

int ksync_remote_send(struct ksync_pid to, enum envelope_kind kind,
		      const struct ksync_message *head, const void *data)
{
	int ret = ksync_envelope_check(head->tag, head->size);
	struct envelope *e;

	if (ret)
		return ret;
	e = ksync_envelope(head->tag, data, head->size);
	if (!e)
		return -ENOMEM;
	e->kind = kind;
	e->m.from = head->from;
	e->m.ref = head->ref;
	e->to = to.id;
	if (kind == ENVELOPE_REPLY)
		return ksync_mailbox_post(e);
	return ksync_envelope_send(local_pid(to.id), e, 0);
}

int ksync_remote_monitor(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref)
{
	int ret = ksync_watch_accept(watcher, target, ref);

	if (ret != -ESRCH)
		return ret;
	ksync_remote_tell_down(watcher, target, ref, KSYNC_EXIT_NOPROC);
	return 0;
}

void ksync_remote_demonitor(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref)
{
	ksync_watch_remove(watcher, target, ref);
}

void ksync_remote_down(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref,
		       int reason)
{
	uint32_t b = bucket_of(watcher.id, ref);
	struct monitor *m;

	lock(&watched[b].lock);
	m = watched[b].first;
	while (m && (m->ref != ref || !ksync_pid_equal(m->watcher, watcher) ||
		     !ksync_pid_equal(m->target, target)))
		m = m->next;
	if (m)
		ksync_watch_out_of(m);
	unlock(&watched[b].lock);
	if (m)
		ksync_watch_fire_one(m, reason);
}

int ksync_remote_link(struct ksync_pid from, struct ksync_pid to)
{
	int ret = ksync_link_accept(to, from);

	if (ret != -ESRCH)
		return ret;
	ksync_remote_tell_exit(to, from, KSYNC_EXIT_NOPROC, true);
	return 0;
}

void ksync_remote_unlink(struct ksync_pid from, struct ksync_pid to)
{
	ksync_link_remove(to, from);
}

void ksync_remote_exit(struct ksync_pid from, struct ksync_pid to, int reason, bool linked)
{
	struct link *l;
	struct actor *a;

	if (!linked) {
		ksync_exit_signal(from, to, reason);
		return;
	}
	a = ksync_actor_lock(to.id);
	if (!a)
		return;
	l = a->links;
	while (l && !ksync_pid_equal(l->peer, from))
		l = l->next;
	if (!l) {
		unlock(&a->lock);
		return;
	}
	ksync_link_out_of(l);
	ksync_exit_deliver(a, &l->e, reason, true);
}

struct lost {
	uint32_t node;
	uint32_t incarnation;
	struct link *links;
	struct monitor *monitors;
};

static bool is_lost(const struct lost *lost, struct ksync_pid pid)
{
	return pid.node == lost->node && pid.incarnation <= lost->incarnation;
}

/* Monitors of its actors, by others, end; and the links are told of later. */
static void leave_lost(struct actor *a, void *arg)
{
	struct lost *lost = arg;
	struct monitor *m, *next_m;
	struct link *l, *next_l;

	for (m = a->watchers; m; m = next_m) {
		next_m = m->next;
		if (!is_lost(lost, m->watcher))
			continue;
		ksync_watch_out_of(m);
		m->next = lost->monitors;
		lost->monitors = m;
	}
	for (l = a->links; l; l = next_l) {
		next_l = l->next;
		if (!is_lost(lost, l->peer))
			continue;
		ksync_link_out_of(l);
		l->next = lost->links;
		lost->links = l;
	}
}

static void end_links(struct link *l)
{
	struct link *next;
	struct actor *a;

	for (; l; l = next) {
		next = l->next;
		a = ksync_actor_lock(l->e.to);
		if (a)
			ksync_exit_deliver(a, &l->e, KSYNC_EXIT_NOCONNECTION, true);
		else
			free(l);
	}
}

static struct monitor *take_lost(const struct lost *lost, uint32_t bucket)
{
	struct monitor *m, *next, *taken = NULL;

	lock(&watched[bucket].lock);
	for (m = watched[bucket].first; m; m = next) {
		next = m->next;
		if (!is_lost(lost, m->target))
			continue;
		ksync_watch_out_of(m);
		m->next = taken;
		taken = m;
	}
	unlock(&watched[bucket].lock);
	return taken;
}

void ksync_remote_node_lost(uint32_t node, uint32_t incarnation)
{
	struct lost lost = { .node = node, .incarnation = incarnation };
	struct monitor *m;
	uint32_t i;

	ksync_actors_each(leave_lost, &lost);
	end_links(lost.links);
	while ((m = lost.monitors)) {
		lost.monitors = m->next;
		free(m);
	}
	for (i = 0; i < BUCKETS; i++)
		ksync_watches_fire(take_lost(&lost, i), KSYNC_EXIT_NOCONNECTION);
}
