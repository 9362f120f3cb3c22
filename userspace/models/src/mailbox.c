// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Mailboxes: many send, one receives.
 *
 * What is sent is pushed onto the inbox, a stack (R. K. Treiber, "Systems Programming:
 * Coping with Parallelism", 1986), which the actor takes as a whole and turns round:
 * so there is no ABA.  What it has taken is its queue, which nobody else touches, and
 * where messages stay that a selective receive passes over.
 *
 *	CPU0: actor, nothing matches		CPU1: sender
 *	wait = number of this wait
 *	CAS inbox: EMPTY -> WAITED	[A]	CAS inbox: x -> message		[B]
 *	sleeps					x was WAITED: claims the wait,
 *						wakes it			[C]
 *
 * A and B are in one order.  A first: the sender finds WAITED, and then reads wait, which
 * A released.  B first: A fails, and the actor takes the message.
 *
 * One sender finds WAITED, and no other one tries to wake the actor.  If its claim loses
 * against a deadline or a cancellation, the actor finds at its end of the wait that
 * WAITED is gone, and waits until the sender has said that it is through (late): until
 * then its task must be there.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "actor_internal.h"

static void wake(struct actor *a)
{
	const struct ksync_ticket ticket = { a->task, load(&a->wait) };

	if (likely(ksync_claim(ticket, 0)))
		ksync_wake(ticket.task);
	else
		store_release(&a->late, 1);
}

/**
 * ksync_mailbox_push() - put a message into an inbox
 * @a: slot of whom @e->to names, or of whoever is there now, who drops it
 * @e: not the caller's any more, if this returns 0
 *
 * Return: 0; -ESRCH.
 */
int ksync_mailbox_push(struct actor *a, struct envelope *e)
{
	struct envelope *was = load(&a->inbox);

	do {
		if (unlikely(was == INBOX_CLOSED))
			return -ESRCH;
		e->next = was == INBOX_WAITED ? NULL : was;
	} while (!__atomic_compare_exchange_n(&a->inbox, &was, e, true,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)); /* B */
	if (was == INBOX_WAITED)
		wake(a);						/* C */
	return 0;
}

/** ksync_mailbox_post() - push a message, or free it if nobody is there: -ESRCH */
int ksync_mailbox_post(struct envelope *e)
{
	struct actor *a = ksync_actor_slot(e->to);
	int ret = -ESRCH;

	if (a && id_of(a) == e->to)
		ret = ksync_mailbox_push(a, e);
	if (ret)
		ksync_mailbox_free(e);
	return ret;
}

static void *allocated(struct envelope *e)
{
	switch (e->kind) {
	case ENVELOPE_DOWN:
		return (char *)e - offsetof(struct monitor, e);
	case ENVELOPE_EXIT:
		return (char *)e - offsetof(struct link, e);
	}
	return e;
}

/** ksync_mailbox_free() - of a message that is in no list */
void ksync_mailbox_free(struct envelope *e)
{
	free(allocated(e));
}

/** ksync_mailbox_unlist() - take a message off the queue, or those that were received */
void ksync_mailbox_unlist(struct envelope *e)
{
	*e->prev = e->next;
	if (e->next)
		e->next->prev = e->prev;
}

static void append(struct actor *a, struct envelope *e)
{
	e->prev = a->last;
	e->next = NULL;
	*a->last = e;
	a->last = &e->next;
}

/** ksync_mailbox_take() - take a message off the actor's queue */
void ksync_mailbox_take(struct actor *a, struct envelope *e)
{
	if (a->last == &e->next)
		a->last = e->prev;
	ksync_mailbox_unlist(e);
}

/* Is a message from the inbox for the actor that is here now, and wanted? */
static bool wanted(struct actor *a, struct envelope *e)
{
	if (unlikely((e->to & ~(uint64_t)INDEX_MASK) !=
		     (load(&a->room) & ~(uint64_t)INDEX_MASK)))
		return false;
	switch (e->kind) {
	case ENVELOPE_REPLY:
		if (e->m.ref != a->awaited)
			return false;
		a->awaited = 0; /* by the first one */
		return true;
	case ENVELOPE_DOWN:
		return ksync_watch_arrived(a, e);
	}
	return true;
}

/** ksync_mailbox_drain() - from the inbox to the queue. Return: was there anything? */
bool ksync_mailbox_drain(struct actor *a)
{
	struct envelope *e = load(&a->inbox), *next, *oldest = NULL;
	struct envelope **end = a->last;

	if (e == INBOX_EMPTY)
		return false;
	e = __atomic_exchange_n(&a->inbox, INBOX_EMPTY, __ATOMIC_ACQUIRE);
	for (; e; e = next) {
		next = e->next;
		e->next = oldest;
		oldest = e;
	}
	for (e = oldest; e; e = next) {
		next = e->next;
		if (likely(wanted(a, e)))
			append(a, e);
		else
			ksync_mailbox_free(e);
	}
	return a->last != end;
}

static void free_all(struct envelope *e)
{
	struct envelope *next;

	for (; e; e = next) {
		next = e->next;
		ksync_mailbox_free(e);
	}
}

/** ksync_mailbox_drop() - the actor has ended: free what it has not received, or freed */
void ksync_mailbox_drop(struct actor *a)
{
	free_all(__atomic_exchange_n(&a->inbox, INBOX_CLOSED, __ATOMIC_ACQUIRE));
	free_all(a->first);
	free_all(a->held);
	a->first = NULL;
	a->held = NULL;
}

static void receive(struct actor *a, struct envelope *e, struct ksync_message **m)
{
	ksync_mailbox_take(a, e);
	e->next = a->held;
	e->prev = &a->held;
	if (e->next)
		e->next->prev = &e->next;
	a->held = e;
	*m = &e->m;
	if (e->counted)
		ksync_room_give(a);
}

/* The wait has ended by something else than a sender. */
static void not_woken(struct actor *a)
{
	struct envelope *was = INBOX_WAITED;

	if (__atomic_compare_exchange_n(&a->inbox, &was, INBOX_EMPTY, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	while (!load_acquire(&a->late))
		ksync_task_yield();
	store(&a->late, 0);
}

/*
 * Sleep until something is in the inbox.  Return: 0; 1: there may be something, it has
 * not slept; -ETIMEDOUT, -ECANCELED, -ENOMEM.
 */
static int sleep_until(struct actor *a, uint64_t deadline)
{
	struct envelope *none = INBOX_EMPTY;
	struct ksync_ticket ticket;
	int ret = ksync_wait_begin(&ticket, 0);

	if (ret)
		return ret;
	store(&a->wait, ticket.seq);
	if (!__atomic_compare_exchange_n(&a->inbox, &none, INBOX_WAITED, false,
					 __ATOMIC_RELEASE, __ATOMIC_RELAXED)) /* A */
		return ksync_wait_abandon(ticket, &ret) ? ret : 1;
	ret = ksync_wait(deadline, "receive");
	if (ret < 0)
		not_woken(a);
	return ret;
}

static bool cancelled(const struct ksync_task *t)
{
	return unlikely(load(&t->cancelled)) && !t->masked;
}

/**
 * ksync_mailbox_receive() - get the first message that matches
 * @a: the caller
 * @m: set to it
 * @match: NULL: any
 * @arg: its second argument
 * @deadline: 0: without waiting
 *
 * Return: 0; -ETIMEDOUT, -ECANCELED, -ENOMEM.
 */
int ksync_mailbox_receive(struct actor *a, struct ksync_message **m,
			  bool (*match)(const struct ksync_message *m, void *arg),
			  void *arg, uint64_t deadline)
{
	struct envelope **at = &a->first, *e;
	bool last = false;
	int ret = 0;

	if (cancelled(a->task))
		return -ECANCELED;
	for (;;) {
		while ((e = *at)) {
			if (!match || match(&e->m, arg)) {
				receive(a, e, m);
				return 0;
			}
			at = &e->next;
		}
		if (last)
			return ret;
		if (ksync_mailbox_drain(a)) {
			last = ret < 0;
			continue;
		}
		if (ret < 0)
			return ret;
		ret = deadline ? sleep_until(a, deadline) : -ETIMEDOUT;
		if (ret == -ECANCELED)
			return ret;
	}
}
