// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Monitors: an actor is told when another one ends, exactly once for each monitor.
 *
 * A monitor is in two places: in the list of the target, under its lock, and in a table
 * of the watcher, which only the watcher uses.  Who takes it off the list decides what
 * becomes of it: the target, at its end, makes it the message; the watcher, by
 * ksync_actor_demonitor() or at its own end, frees it.  The message is a part of it, so
 * that no end can fail for want of memory; the watcher forgets it when that arrives.
 */
#include <stdlib.h>
#include <string.h>
#include "actor_internal.h"
#include "actor_remote.h"

static struct monitor **bucket_of(struct actor *self, uint64_t ref)
{
	return &self->monitors[ref & (self->nbuckets - 1)];
}

static bool grow(struct actor *self)
{
	uint32_t i, old = self->nbuckets, n = old ? 2 * old : 4;
	struct monitor **was = self->monitors, **new, *m, *next, **bucket;

	new = calloc(n, sizeof(*new));
	if (!new)
		return old;
	self->monitors = new;
	self->nbuckets = n;
	for (i = 0; i < old; i++) {
		for (m = was[i]; m; m = next) {
			next = m->chain;
			bucket = bucket_of(self, m->ref);
			m->chain = *bucket;
			*bucket = m;
		}
	}
	free(was);
	return true;
}

static struct monitor **find(struct actor *self, uint64_t ref)
{
	struct monitor **at;

	if (!self->nbuckets)
		return NULL;
	for (at = bucket_of(self, ref); *at; at = &(*at)->chain)
		if ((*at)->ref == ref)
			return at;
	return NULL;
}

static void forget(struct actor *self, struct monitor **at)
{
	*at = (*at)->chain;
	self->nmonitors--;
}

static void say(struct monitor *m, int reason)
{
	const struct ksync_ended ended = { .reason = reason };

	memcpy(m->e.m.data, &ended, sizeof(ended));
}

/* Put it into the target's list. Return: false: the target is dead. */
static bool arm(struct monitor *m)
{
	struct actor *target = m->target.node ? NULL : ksync_actor_lock(m->target.id);

	if (!target)
		return false;
	ksync_watch_into(&target->watchers, m);
	unlock(&target->lock);
	return true;
}

/* Take it out of there. Return: false: the target did, or will have. */
static bool disarm(struct monitor *m)
{
	struct actor *target;
	bool armed;

	if (m->target.node)
		return ksync_remote_disarm(m);
	target = ksync_actor_slot(m->target.id);
	lock(&target->lock);
	armed = m->armed;
	if (armed)
		ksync_watch_out_of(m);
	unlock(&target->lock);
	return armed;
}

static struct monitor *make(struct ksync_pid watcher, struct ksync_pid target,
			    uint64_t ref)
{
	struct monitor *m = malloc(offsetof(struct monitor, e) + ENDED_SIZE);

	if (!m)
		return NULL;
	m->armed = false;
	m->flushed = false;
	m->watcher = watcher;
	m->target = target;
	m->ref = ref;
	m->e.kind = ENVELOPE_DOWN;
	m->e.counted = false;
	m->e.to = watcher.id;
	m->e.m.from = target;
	m->e.m.ref = ref;
	m->e.m.tag = KSYNC_TAG_DOWN;
	m->e.m.size = sizeof(struct ksync_ended);
	return m;
}

/**
 * ksync_watch_make() - an actor monitors another one from now on
 * @self: watcher, the caller
 * @target: whom
 * @ref: set to the number of the monitor
 *
 * Return: 0, whether it is alive or not; -ENOMEM.
 */
int ksync_watch_make(struct actor *self, struct ksync_pid target, uint64_t *ref)
{
	struct monitor *m, **bucket;

	if (self->nmonitors >= self->nbuckets && !grow(self))
		return -ENOMEM;
	m = make(local_pid(id_of(self)), target, ++self->refs);
	if (!m)
		return -ENOMEM;
	*ref = m->ref;
	bucket = bucket_of(self, m->ref);
	m->chain = *bucket;
	*bucket = m;
	self->nmonitors++;
	if (target.node)
		return ksync_remote_arm(m);
	if (!arm(m)) {
		say(m, KSYNC_EXIT_NOPROC);
		ksync_mailbox_push(self, &m->e);
	}
	return 0;
}

/**
 * ksync_watch_arrived() - the message of a monitor is in the inbox
 * @self: watcher, the caller
 * @e: in the monitor
 *
 * Return: false: it is not wanted.
 */
bool ksync_watch_arrived(struct actor *self, struct envelope *e)
{
	struct monitor **at = find(self, e->m.ref);
	struct monitor *m = *at;

	forget(self, at);
	return !m->flushed;
}

/**
 * ksync_watch_accept() - an actor of another node monitors one of this
 *
 * Return: 0; -ESRCH, -ENOMEM.
 */
int ksync_watch_accept(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref)
{
	struct monitor *m = make(watcher, target, ref);

	if (!m)
		return -ENOMEM;
	if (arm(m))
		return 0;
	free(m);
	return -ESRCH;
}

/** ksync_watch_remove() - and does not any more */
void ksync_watch_remove(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref)
{
	struct actor *a = ksync_actor_lock(target.id);
	struct monitor *m;

	if (!a)
		return;
	m = a->watchers;
	while (m && (m->ref != ref || !ksync_pid_equal(m->watcher, watcher)))
		m = m->next;
	if (m)
		ksync_watch_out_of(m);
	unlock(&a->lock);
	free(m);
}

/** ksync_watch_fire_one() - taken off a list: its target has ended */
void ksync_watch_fire_one(struct monitor *m, int reason)
{
	if (m->watcher.node) {
		ksync_remote_tell_down(m->watcher, m->target, m->ref, reason);
		free(m);
		return;
	}
	say(m, reason);
	ksync_mailbox_post(&m->e);
}

/** ksync_watches_fire() - an actor has ended: tell those that monitored it */
void ksync_watches_fire(struct monitor *m, int reason)
{
	struct monitor *next;

	for (; m; m = next) {
		next = m->next;
		ksync_watch_fire_one(m, reason);
	}
}

/** ksync_watches_drop() - an actor ends: what it monitors does not concern it any more */
void ksync_watches_drop(struct actor *self)
{
	struct monitor *m, *next;
	uint32_t i;

	for (i = 0; i < self->nbuckets; i++) {
		for (m = self->monitors[i]; m; m = next) {
			next = m->chain;
			if (disarm(m))
				free(m);
		}
	}
	free(self->monitors);
	self->monitors = NULL;
	self->nbuckets = 0;
}

EXPORT int ksync_actor_monitor(struct ksync_pid pid, uint64_t *ref)
{
	struct actor *self = ksync_actor_current();

	return self ? ksync_watch_make(self, pid, ref) : -EINVAL;
}

/* It has been received into the queue, and not by the program. */
static void flush(struct actor *self, uint64_t ref)
{
	struct envelope *e;

	for (e = self->first; e; e = e->next) {
		if (e->kind == ENVELOPE_DOWN && e->m.ref == ref) {
			ksync_mailbox_take(self, e);
			ksync_mailbox_free(e);
			return;
		}
	}
}

EXPORT int ksync_actor_demonitor(uint64_t ref, uint32_t flags)
{
	struct actor *self = ksync_actor_current();
	struct monitor **at, *m;

	if (!self || flags & ~KSYNC_DEMONITOR_FLUSH)
		return -EINVAL;
	at = find(self, ref);
	if (!at) {
		if (flags & KSYNC_DEMONITOR_FLUSH)
			flush(self, ref);
		return -ENOENT;
	}
	m = *at;
	if (disarm(m)) {
		forget(self, at);
		free(m);
		return 0;
	}
	if (flags & KSYNC_DEMONITOR_FLUSH)
		m->flushed = true;
	return -ENOENT;
}
