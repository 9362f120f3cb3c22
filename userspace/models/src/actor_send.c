// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Sending: messages are made, find room if the mailbox is bounded, and are pushed.
 *
 * Room is counted in one word with the generation, so nobody takes it from an actor that
 * is there by now for one that was.  Who finds none waits in turn:
 *
 *	CPU0: sender			CPU1: actor, receives
 *	nblocked++		[A]	room++			[C]
 *	room == 0?		[B]	nblocked != 0?		[D]
 *	waits				lock: room-- for the first one, claims it
 *
 * These four are sequentially consistent: one of B and D sees what the other side wrote.
 * Who claims a sender's wait pushes its message, too: so they come in turn.
 */
#include <stdlib.h>
#include <string.h>
#include "actor_internal.h"
#include "actor_remote.h"

#define TAKEN	1	/* the caller has got room */
#define SENT	2	/* its message has been pushed */

int ksync_envelope_check(uint32_t tag, size_t size)
{
	if (unlikely(tag >= KSYNC_TAG_RESERVED))
		return -EINVAL;
	return unlikely(size > KSYNC_MESSAGE_MAX) ? -EMSGSIZE : 0;
}

/** ksync_envelope() - make a message, from the caller; NULL: no memory */
struct envelope *ksync_envelope(uint32_t tag, const void *data, size_t size)
{
	struct envelope *e = malloc(sizeof(*e) + size);
	struct actor *self;

	if (unlikely(!e))
		return NULL;
	self = ksync_actor_current();
	e->kind = ENVELOPE_PLAIN;
	e->counted = false;
	e->m.from = local_pid(self ? id_of(self) : 0);
	e->m.ref = 0;
	e->m.tag = tag;
	e->m.size = size;
	if (size)
		memcpy(e->m.data, data, size);
	return e;
}

/* Return: 0: there is no bound; TAKEN; -EAGAIN, -ESRCH. */
static int room_take(struct actor *a, uint64_t id)
{
	uint64_t room = __atomic_load_n(&a->room, __ATOMIC_SEQ_CST);	/* B */

	do {
		if (unlikely((room ^ id) >> INDEX_BITS))
			return -ESRCH;
		if (likely((room & INDEX_MASK) == UNBOUNDED))
			return 0;
		if (!(room & INDEX_MASK))
			return -EAGAIN;
	} while (!__atomic_compare_exchange_n(&a->room, &room, room - 1, true,
					      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	return TAKEN;
}

static struct blocked *dequeue(struct actor *a)
{
	struct blocked *b = a->blocked;

	a->blocked = b->next;
	b->here = false;
	__atomic_sub_fetch(&a->nblocked, 1, __ATOMIC_SEQ_CST);
	return b;
}

/* It has taken room, and is for whoever is in the slot. */
static int post(struct actor *a, struct envelope *e)
{
	e->counted = true;
	return ksync_mailbox_push(a, e);
}

/* For the first one who waits, if there is room. @a is locked. Return: it; NULL. */
static struct ksync_task *serve_one(struct actor *a)
{
	struct blocked *b;

	while (a->blocked) {
		if (room_take(a, id_of(a)) != TAKEN)
			return NULL;
		b = dequeue(a);
		if (ksync_claim(b->ticket, SENT)) {
			post(a, b->e);
			return b->ticket.task;
		}
		__atomic_add_fetch(&a->room, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void serve(struct actor *a)
{
	struct ksync_task *t;

	do {
		lock(&a->lock);
		t = serve_one(a);
		unlock(&a->lock);
		if (t)
			ksync_wake(t);
	} while (t && __atomic_load_n(&a->nblocked, __ATOMIC_SEQ_CST));
}

/** ksync_room_give() - the actor has received a message that was counted */
void ksync_room_give(struct actor *a)
{
	__atomic_add_fetch(&a->room, 1, __ATOMIC_SEQ_CST);		/* C */
	if (unlikely(__atomic_load_n(&a->nblocked, __ATOMIC_SEQ_CST)))	/* D */
		serve(a);
}

/**
 * ksync_room_close() - those that wait for room will get -ESRCH
 * @a: locked, with a new generation
 *
 * Return: those to be woken, once it is unlocked.
 */
struct blocked *ksync_room_close(struct actor *a)
{
	struct blocked *b, *claimed = NULL;

	while (a->blocked) {
		b = dequeue(a);
		if (!ksync_claim(b->ticket, -ESRCH))
			continue;
		b->next = claimed;
		claimed = b;
	}
	return claimed;
}

void ksync_room_wake(struct blocked *b)
{
	struct blocked *next;

	for (; b; b = next) {
		next = b->next;
		ksync_wake(b->ticket.task);
	}
}

/* Get into the queue; @a is locked. Return: 0: waits; TAKEN; -ESRCH. */
static int enqueue(struct actor *a, uint64_t id, struct blocked *b)
{
	struct blocked **at;
	int ret;

	__atomic_add_fetch(&a->nblocked, 1, __ATOMIC_SEQ_CST);		/* A */
	ret = room_take(a, id);
	if (ret != -EAGAIN) {
		__atomic_sub_fetch(&a->nblocked, 1, __ATOMIC_SEQ_CST);
		return ret;
	}
	for (at = &a->blocked; *at; at = &(*at)->next)
		;
	*at = b;
	b->here = true;
	return 0;
}

static void give_up(struct actor *a, struct blocked *b)
{
	struct blocked **at;

	lock(&a->lock);
	if (b->here) {
		for (at = &a->blocked; *at != b; at = &(*at)->next)
			;
		*at = b->next;
		__atomic_sub_fetch(&a->nblocked, 1, __ATOMIC_SEQ_CST);
	}
	unlock(&a->lock);
}

/* Return: TAKEN, SENT; a negative errno. */
static int wait_for_room(uint64_t id, struct envelope *e, uint64_t deadline)
{
	struct blocked b = { .e = e };
	int ret = ksync_wait_begin(&b.ticket, 0), said;
	struct actor *a;

	if (ret)
		return ret;
	a = ksync_actor_lock(id);
	ret = a ? enqueue(a, id, &b) : -ESRCH;
	if (a)
		unlock(&a->lock);
	if (ret) {
		ksync_wait_abandon(b.ticket, &said);
		return ret;
	}
	ret = ksync_wait(deadline, "send");
	if (ret < 0 && ret != -ESRCH)
		give_up(a, &b);
	return ret;
}

static int get_room(struct actor *a, struct envelope *e, uint64_t deadline)
{
	int ret = room_take(a, e->to);

	if (likely(ret != -EAGAIN) || !deadline)
		return ret;
	return a == ksync_actor_current() ? -EDEADLK : wait_for_room(e->to, e, deadline);
}

/**
 * ksync_envelope_send() - send a message
 * @to: whom
 * @e: freed, if this returns an error
 * @deadline: 0: -EAGAIN instead of waiting
 */
int ksync_envelope_send(struct ksync_pid to, struct envelope *e, uint64_t deadline)
{
	struct actor *a;
	int ret;

	if (unlikely(to.node)) {
		ret = ksync_remote_out(to, e, deadline);
		ksync_mailbox_free(e);
		return ret;
	}
	e->to = to.id;
	a = ksync_actor_slot(to.id);
	ret = a ? get_room(a, e, deadline) : -ESRCH;
	if (likely(!ret))
		ret = ksync_mailbox_push(a, e);
	else if (ret == TAKEN)
		ret = post(a, e);
	else if (ret == SENT)
		return 0;
	if (unlikely(ret))
		ksync_mailbox_free(e);
	return ret;
}

static int send(struct ksync_pid to, uint32_t tag, const void *data, size_t size,
		uint64_t deadline)
{
	int ret = ksync_envelope_check(tag, size);
	struct envelope *e;

	if (unlikely(ret))
		return ret;
	e = ksync_envelope(tag, data, size);
	return likely(e) ? ksync_envelope_send(to, e, deadline) : -ENOMEM;
}

EXPORT int ksync_actor_send(struct ksync_pid to, uint32_t tag, const void *data, size_t size)
{
	return send(to, tag, data, size, NEVER);
}

EXPORT int ksync_actor_send_try(struct ksync_pid to, uint32_t tag, const void *data,
				size_t size)
{
	return send(to, tag, data, size, 0);
}

EXPORT int ksync_actor_send_timed(struct ksync_pid to, uint32_t tag, const void *data,
				  size_t size, const struct timespec *abs)
{
	uint64_t deadline;
	int ret = ksync_deadline_ns(abs, &deadline);

	/* 0 would be without waiting, and another errno. */
	return ret ? ret : send(to, tag, data, size, deadline ? deadline : 1);
}
