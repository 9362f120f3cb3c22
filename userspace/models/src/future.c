// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What all futures have in common: references, settling, callbacks, cancellation.
 *
 * Who waits and who is to be called hang in one ring, under the future's lock.  It is
 * closed when the future is settled, in the same section:
 *
 *	who settles			who wants to know
 *	lock				lock
 *	writes the value		reads state: settled: need not wait
 *	state = SETTLED (release)	puts itself into the ring
 *	unlock				unlock
 *	takes the ring apart
 *
 * so that one of both sees what the other has written.  A waiter's record is on its
 * stack, and is claimed (park.c) before the lock is given up: it stays until the
 * wake-up then.  One that cannot be claimed is taken out of the ring, and its owner,
 * who takes the lock before its record goes, finds that.
 */
#include <stdlib.h>
#include "future.h"

/** ksync_future_init() - the memory is all zero */
void ksync_future_init(struct ksync_future *f, const struct future_kind *kind,
		       uint32_t refs)
{
	f->kind = kind;
	f->refs = refs;
}

EXPORT struct ksync_future *ksync_future_get(struct ksync_future *f)
{
	add(&f->refs, 1);
	return f;
}

EXPORT void ksync_future_put(struct ksync_future *f)
{
	if (f && !__atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL))
		ksync_trampoline_free(f);
}

/** ksync_future_destroy() - nobody has a reference */
void ksync_future_destroy(struct ksync_future *f)
{
	if (f->state & FUTURE_KEEPS)
		ksync_future_put(f->keeps);
	else if (!(f->state & FUTURE_FAILED) && f->destroy)
		f->destroy(f->value);
	if (f->kind->free)
		f->kind->free(f);
	free(f);
}

/* The ring: f->first is the oldest, its prev_ the newest; the lock is held. */
static void append(struct ksync_future *f, struct ksync_notify *n)
{
	struct ksync_notify *first = f->first;

	if (!first) {
		n->next_ = n;
		n->prev_ = n;
		f->first = n;
		return;
	}
	n->next_ = first;
	n->prev_ = first->prev_;
	first->prev_->next_ = n;
	first->prev_ = n;
}

static void take_out(struct ksync_future *f, struct ksync_notify *n)
{
	if (n->next_ == n) {
		f->first = NULL;
	} else {
		n->prev_->next_ = n->next_;
		n->next_->prev_ = n->prev_;
		if (f->first == n)
			f->first = n->next_;
	}
	n->next_ = NULL;
}

/** ksync_future_watch() - hang something on it. Return: false: it is settled */
bool ksync_future_watch(struct ksync_future *f, struct ksync_notify *n)
{
	bool pending;

	lock(&f->lock);
	pending = !(f->state & FUTURE_SETTLED);
	if (pending)
		append(f, n);
	else
		n->next_ = NULL;
	unlock(&f->lock);
	return pending;
}

/** ksync_future_unwatch() - take it off again. Return: false: it was not there */
bool ksync_future_unwatch(struct ksync_future *f, struct ksync_notify *n)
{
	bool there;

	lock(&f->lock);
	there = n->next_;
	if (there)
		take_out(f, n);
	unlock(&f->lock);
	return there;
}

/*
 * Claim all who wait; callbacks remain.  The lock is held.  Return: those claimed, by
 * next_, the oldest first.
 */
static struct ksync_notify *claim_waiters(struct ksync_future *f)
{
	struct ksync_notify *n, *next, *last = f->first ? f->first->prev_ : NULL;
	struct ksync_notify *claimed = NULL, **tail = &claimed;

	for (n = f->first; n; n = next) {
		const struct ksync_ticket ticket = { n->arg_, n->seq_ };

		next = n == last ? NULL : n->next_;
		if (n->fn_)
			continue;
		take_out(f, n);
		if (ksync_claim(ticket, 0)) {
			*tail = n;
			tail = &n->next_;
		}
	}
	*tail = NULL;
	return claimed;
}

/**
 * ksync_settle() - end a future, if it has not ended
 * @f: future
 * @o: how; what it has is the future's afterwards
 *
 * Return: false: it has; @o is still the caller's.
 */
bool ksync_settle(struct ksync_future *f, const struct outcome *o)
{
	struct ksync_notify *claimed, *next;
	uint32_t state;
	bool more;

	lock(&f->lock);
	if (f->state & FUTURE_SETTLED) {
		unlock(&f->lock);
		return false;
	}
	state = f->state | FUTURE_SETTLED;
	if (o->error) {
		f->error = o->error;
		state |= FUTURE_FAILED;
	} else {
		f->value = o->value;
		f->destroy = o->destroy;
		if (o->keep) {
			f->keeps = o->keep;
			state |= FUTURE_KEEPS;
		}
	}
	claimed = claim_waiters(f);
	more = f->first || f->kind->settled;
	store_release(&f->state, state);
	unlock(&f->lock);
	for (; claimed; claimed = next) {
		next = claimed->next_;
		ksync_wake(claimed->arg_);
	}
	if (more)
		ksync_trampoline_run(ksync_future_get(f));
	return true;
}

void ksync_fail(struct ksync_future *f, int error)
{
	const struct outcome o = { .error = error };

	ksync_settle(f, &o);
}

/**
 * ksync_outcome_of() - what a settled future was settled with, for another
 *
 * A value remains its owner's, who is kept: not the one that passes it on, so that a
 * chain of these is not kept for its end's sake.
 */
void ksync_outcome_of(struct ksync_future *f, struct outcome *o)
{
	const uint32_t state = load_acquire(&f->state);

	*o = (struct outcome){ 0 };
	if (state & FUTURE_FAILED) {
		o->error = f->error;
		return;
	}
	o->value = f->value;
	o->keep = ksync_future_get(state & FUTURE_KEEPS ? f->keeps : f);
}

/* The lock is held. */
static struct ksync_notify *begin_next(struct ksync_future *f, struct batch *b)
{
	struct ksync_notify *n = f->first;

	if (n)
		take_out(f, n);
	b->running = n;
	b->who = ksync_trampoline_slot();
	return n;
}

static void wake_removers(struct remover *r)
{
	struct remover *next;

	for (; r; r = next) {
		next = r->next;
		if (ksync_claim(r->ticket, 0))
			ksync_wake(r->ticket.task);
	}
}

/** ksync_future_run_callbacks() - of a settled future; each may free its record */
void ksync_future_run_callbacks(struct ksync_future *f)
{
	struct batch b = { 0 };
	struct ksync_notify *n;
	struct remover *removers;

	lock(&f->lock);
	f->batch = &b;
	while ((n = begin_next(f, &b))) {
		unlock(&f->lock);
		n->fn_(f, n->arg_);
		lock(&f->lock);
		removers = b.removers;
		b.removers = NULL;
		b.running = NULL;
		if (removers) {
			unlock(&f->lock);
			wake_removers(removers);
			lock(&f->lock);
		}
	}
	f->batch = NULL;
	unlock(&f->lock);
	if (f->kind->settled)
		f->kind->settled(f);
}

EXPORT int ksync_future_notify(struct ksync_future *f, struct ksync_notify *n,
			       void (*fn)(struct ksync_future *f, void *arg), void *arg)
{
	n->fn_ = fn;
	n->arg_ = arg;
	return ksync_future_watch(f, n) ? 0 : -EALREADY;
}

/* The lock is held. */
static bool runs_elsewhere(const struct ksync_future *f, const struct ksync_notify *n)
{
	return f->batch && f->batch->running == n &&
	       f->batch->who != ksync_trampoline_slot();
}

/* Return: false: it does not run any more. */
static bool wait_for_callback(struct ksync_future *f, const struct ksync_notify *n)
{
	struct remover r = { .next = NULL };
	bool no_memory = ksync_wait_begin(&r.ticket, KSYNC_PARK_MASKED);
	bool runs;
	int said;

	lock(&f->lock);
	runs = runs_elsewhere(f, n);
	if (runs && !no_memory) {
		r.next = f->batch->removers;
		f->batch->removers = &r;
	}
	unlock(&f->lock);
	if (no_memory)
		ksync_task_yield();
	else if (runs)
		ksync_wait(NEVER, "callback");
	else
		ksync_wait_abandon(r.ticket, &said);
	return runs;
}

EXPORT bool ksync_future_notify_remove(struct ksync_future *f, struct ksync_notify *n)
{
	bool runs;

	if (ksync_future_unwatch(f, n))
		return true;
	lock(&f->lock);
	runs = runs_elsewhere(f, n);
	unlock(&f->lock);
	while (runs)
		runs = wait_for_callback(f, n);
	return false;
}

/** ksync_future_ask() - cancel it, from within the library */
void ksync_future_ask(struct ksync_future *f)
{
	bool first;

	lock(&f->lock);
	first = !(f->state & (FUTURE_SETTLED | FUTURE_ASKED));
	if (first)
		store(&f->state, f->state | FUTURE_ASKED);
	unlock(&f->lock);
	if (first)
		ksync_trampoline_cancel(ksync_future_get(f));
}

EXPORT void ksync_future_cancel(struct ksync_future *f)
{
	ksync_future_ask(f);
}
