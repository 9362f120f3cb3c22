// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Links, and exit signals.
 *
 * A link has two ends, one in the list of each actor.  Both are put there, and taken out
 * by ksync_actor_unlink(), with both actors locked.  An actor that ends takes its own
 * list as a whole, then from each of its peers the other end: that is still there, unless
 * the peer has ended, too, and has taken its list; then each frees its own.  The other
 * end becomes the message, if the peer traps exit signals: no memory is needed.
 *
 * An exit signal that is not trapped marks the actor, and cancels its task, under the
 * actor's lock: it is there until it has had that lock at its end.
 */
#include <stdlib.h>
#include <string.h>
#include "actor_internal.h"
#include "actor_remote.h"

static void insert(struct link **list, struct link *l)
{
	l->next = *list;
	l->prev = list;
	if (l->next)
		l->next->prev = &l->next;
	*list = l;
}

static struct link *find(struct actor *a, struct ksync_pid peer)
{
	struct link *l = a->links;

	while (l && !ksync_pid_equal(l->peer, peer))
		l = l->next;
	return l;
}

/*
 * The end at @x of its link with @y. Both are of this node, locked, and then in each
 * other's lists, or not: as long as the shorter one is, that of a new child, say.
 */
static struct link *find_between(struct actor *x, struct actor *y)
{
	const struct ksync_pid at_x = local_pid(id_of(x)), at_y = local_pid(id_of(y));
	struct link *l = x->links, *m = y->links;

	for (; l && m; l = l->next, m = m->next) {
		if (ksync_pid_equal(l->peer, at_y))
			return l;
		if (ksync_pid_equal(m->peer, at_x))
			return m->twin;
	}
	return NULL;
}

/* The end of a link of @owner, which is of this node. */
static struct link *make(struct ksync_pid owner, struct ksync_pid peer)
{
	struct link *l = malloc(offsetof(struct link, e) + ENDED_SIZE);

	if (!l)
		return NULL;
	l->peer = peer;
	l->twin = NULL;
	l->e.kind = ENVELOPE_EXIT;
	l->e.counted = false;
	l->e.to = owner.id;
	l->e.m.from = peer;
	l->e.m.ref = 0;
	l->e.m.tag = KSYNC_TAG_EXIT;
	l->e.m.size = sizeof(struct ksync_ended);
	return l;
}

/* The exit signal ends it. @a is locked, and alive. */
static void doom(struct actor *a, int reason)
{
	if (a->doomed)
		return;
	a->doomed = true;
	a->reason = reason == KSYNC_EXIT_KILL ? KSYNC_EXIT_KILLED : reason;
	if (a->task)
		ksync_task_cancel(a->task);
}

/**
 * ksync_exit_deliver() - an exit signal has come
 * @a: for whom, locked and alive; unlocked when this returns
 * @e: to become the message; freed, if it does not
 * @reason: why
 * @linked: the sender has ended, and was linked
 */
void ksync_exit_deliver(struct actor *a, struct envelope *e, int reason, bool linked)
{
	const struct ksync_ended ended = { .reason = reason, .linked = linked };
	bool trapped = a->traps && (linked || reason != KSYNC_EXIT_KILL);

	if (!trapped && reason != KSYNC_EXIT_NORMAL)
		doom(a, reason);
	unlock(&a->lock);
	if (!e)
		return;
	memcpy(e->m.data, &ended, sizeof(ended));
	if (trapped)
		ksync_mailbox_post(e);
	else
		ksync_mailbox_free(e);
}

/* Both ends, unless they are linked already. Both actors are locked. */
static void join(struct actor *x, struct actor *y, struct link *at_x, struct link *at_y)
{
	if (find_between(x, y)) {
		free(at_x);
		free(at_y);
		return;
	}
	at_x->twin = at_y;
	at_y->twin = at_x;
	insert(&x->links, at_x);
	insert(&y->links, at_y);
}

static int link_here(struct actor *self, struct ksync_pid peer)
{
	const struct ksync_pid pid = local_pid(id_of(self));
	struct link *mine = make(pid, peer), *other = make(peer, pid);
	struct actor *x, *y;

	if (!mine || !other) {
		free(mine);
		free(other);
		return -ENOMEM;
	}
	if (!ksync_actor_lock_both(pid.id, peer.id, &x, &y)) {
		join(x, y, mine, other);
		ksync_actor_unlock_both(x, y);
		return 0;
	}
	free(other);
	lock(&self->lock);
	ksync_exit_deliver(self, &mine->e, KSYNC_EXIT_NOPROC, true);
	return 0;
}

static int link_there(struct actor *self, struct ksync_pid peer)
{
	struct link *l = make(local_pid(id_of(self)), peer);

	if (!l)
		return -ENOMEM;
	lock(&self->lock);
	if (find(self, peer)) {
		unlock(&self->lock);
		free(l);
		return 0;
	}
	insert(&self->links, l);
	unlock(&self->lock);
	ksync_remote_tell_link(local_pid(id_of(self)), peer);
	return 0;
}

/**
 * ksync_link_make() - link two actors
 * @self: one, the caller
 * @peer: the other
 *
 * Return: 0; -ENOMEM.
 */
int ksync_link_make(struct actor *self, struct ksync_pid peer)
{
	if (peer.node)
		return link_there(self, peer);
	return peer.id == id_of(self) ? 0 : link_here(self, peer);
}

/**
 * ksync_link_accept() - an actor of another node links itself to one of this
 * @pid: the one of this node
 * @peer: the other
 *
 * Return: 0; -ESRCH, -ENOMEM.
 */
int ksync_link_accept(struct ksync_pid pid, struct ksync_pid peer)
{
	struct link *l = make(pid, peer);
	struct actor *a;

	if (!l)
		return -ENOMEM;
	a = ksync_actor_lock(pid.id);
	if (a && !find(a, peer)) {
		insert(&a->links, l);
		l = NULL;
	}
	if (a)
		unlock(&a->lock);
	free(l);
	return a ? 0 : -ESRCH;
}

/** ksync_link_remove() - of an actor of this node, with one of another. Was there one? */
bool ksync_link_remove(struct ksync_pid pid, struct ksync_pid peer)
{
	struct actor *a = ksync_actor_lock(pid.id);
	struct link *l;

	if (!a)
		return false;
	l = find(a, peer);
	if (l)
		ksync_link_out_of(l);
	unlock(&a->lock);
	free(l);
	return l;
}

/* Tell the peer, if it is there, and has not unlinked itself meanwhile. */
static void fire_here(struct link *l, int reason)
{
	struct actor *peer = ksync_actor_lock(l->peer.id);
	struct link *other;

	if (!peer)
		return;
	other = l->twin;
	if (!other) {
		unlock(&peer->lock);
		return;
	}
	ksync_link_out_of(other);
	ksync_exit_deliver(peer, &other->e, reason, true);
}

/** ksync_links_fire() - an actor has ended: tell those that were linked to it */
void ksync_links_fire(struct link *l, struct ksync_pid from, int reason)
{
	struct link *next;

	for (; l; l = next) {
		next = l->next;
		if (l->peer.node)
			ksync_remote_tell_exit(from, l->peer, reason, true);
		else
			fire_here(l, reason);
		free(l);
	}
}

EXPORT int ksync_actor_link(struct ksync_pid pid)
{
	struct actor *self = ksync_actor_current();

	return self ? ksync_link_make(self, pid) : -EINVAL;
}

/*
 * The peer has ended.  If it has not got here yet with its exit signal, its end of the
 * link is still there, and is told that this one is not.
 */
static void unlink_dead(struct actor *self, struct ksync_pid peer)
{
	struct link *mine;

	lock(&self->lock);
	mine = find(self, peer);
	if (mine) {
		mine->twin->twin = NULL;
		ksync_link_out_of(mine);
	}
	unlock(&self->lock);
	free(mine);
}

static void unlink_here(struct actor *self, struct ksync_pid peer)
{
	struct link *mine = NULL, *other = NULL;
	struct actor *x, *y;

	if (ksync_actor_lock_both(id_of(self), peer.id, &x, &y)) {
		unlink_dead(self, peer);
		return;
	}
	mine = find_between(x, y);
	if (mine) {
		other = mine->twin;
		ksync_link_out_of(mine);
		ksync_link_out_of(other);
	}
	ksync_actor_unlock_both(x, y);
	free(mine);
	free(other);
}

EXPORT int ksync_actor_unlink(struct ksync_pid pid)
{
	struct actor *self = ksync_actor_current();

	if (!self)
		return -EINVAL;
	if (pid.node) {
		if (ksync_link_remove(local_pid(id_of(self)), pid))
			ksync_remote_tell_unlink(local_pid(id_of(self)), pid);
	} else if (pid.id != id_of(self)) {
		unlink_here(self, pid);
	}
	return 0;
}

static int set_traps(bool traps)
{
	struct actor *self = ksync_actor_current();

	if (!self)
		return -EINVAL;
	lock(&self->lock);
	self->traps = traps;
	unlock(&self->lock);
	return 0;
}

EXPORT int ksync_actor_trap(void)
{
	return set_traps(true);
}

EXPORT int ksync_actor_untrap(void)
{
	return set_traps(false);
}

static struct envelope *make_message(struct ksync_pid from, struct ksync_pid to)
{
	struct envelope *e = malloc(ENDED_SIZE);

	if (!e)
		return NULL;
	e->kind = ENVELOPE_PLAIN;
	e->counted = false;
	e->to = to.id;
	e->m.from = from;
	e->m.ref = 0;
	e->m.tag = KSYNC_TAG_EXIT;
	e->m.size = sizeof(struct ksync_ended);
	return e;
}

/**
 * ksync_exit_signal() - an exit signal, of no link
 * @from: who sends it
 * @to: whom, of this node
 * @reason: why
 *
 * Return: 0; -ENOMEM.
 */
int ksync_exit_signal(struct ksync_pid from, struct ksync_pid to, int reason)
{
	struct envelope *e = NULL;
	struct actor *a;

	while ((a = ksync_actor_lock(to.id))) {
		if (!a->traps || reason == KSYNC_EXIT_KILL || e) {
			ksync_exit_deliver(a, e, reason, false);
			return 0;
		}
		unlock(&a->lock);
		e = make_message(from, to);
		if (!e)
			return -ENOMEM;
	}
	free(e);
	return 0;
}

EXPORT int ksync_actor_signal(struct ksync_pid pid, int reason)
{
	const struct ksync_pid self = ksync_actor_self();

	if (!pid.node)
		return ksync_exit_signal(self, pid, reason);
	ksync_remote_tell_exit(self, pid, reason, false);
	return 0;
}
