/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Actors, from the inside; and how a part that knows other nodes joins in.
 *
 * An address is an index into a table of slots, and a generation.  Slots are never given
 * back, only used again by another generation: so whoever has an address looks at the
 * slot at any time, and finds out there whether it is still that actor's.
 *
 * Lock order: slots' locks by address, a node's lock, the registry's, the scheduler's.
 */
#ifndef KSYNC_MODELS_ACTOR_INTERNAL_H
#define KSYNC_MODELS_ACTOR_INTERNAL_H

#include <ksync/actor.h>
#include "internal.h"

/* An address' id: the generation, from 1 on, above; the index of the slot below. */
#define INDEX_BITS	24
#define INDEX_MASK	((1U << INDEX_BITS) - 1)
#define GEN_MAX		((1ULL << (64 - INDEX_BITS)) - 1)
/* Actor.room, in its low bits: no bound. */
#define UNBOUNDED	INDEX_MASK
#define MAILBOX_MAX	(INDEX_MASK - 1)

/* Actor.inbox, if it is no list. */
#define INBOX_EMPTY	((struct envelope *)0)
#define INBOX_WAITED	((struct envelope *)1)	/* the actor sleeps: wake it */
#define INBOX_CLOSED	((struct envelope *)2)	/* there is no actor */

enum envelope_kind {
	ENVELOPE_PLAIN,
	ENVELOPE_CALL,		/* an answer is wanted */
	ENVELOPE_REPLY,		/* dropped, unless it is waited for */
	ENVELOPE_DOWN,		/* in a struct monitor */
	ENVELOPE_EXIT,		/* in a struct link */
};

/**
 * struct envelope - a message, and what it is sent and listed by
 * @next: in the inbox, the queue, or the list of those that were received
 * @prev: what points to it there; not in the inbox
 * @to: id of whom it is for: a slot may have been given to another meanwhile
 * @kind: enum envelope_kind
 * @counted: it takes room in a bounded mailbox
 */
struct envelope {
	struct envelope *next;
	struct envelope **prev;
	uint64_t to;
	uint32_t kind;
	bool counted;
	struct ksync_message m;
};

/* Enough for those that the library makes. */
#define ENDED_SIZE	(sizeof(struct envelope) + sizeof(struct ksync_ended))

/**
 * struct monitor - one actor looks at another
 * @next: among those of the target; protected by its lock
 * @armed: it is there; protected by that lock
 * @target: who it is
 * @ref: by which the watcher knows it
 * @chain: in the watcher's table, which only the watcher uses
 * @flushed: no message is wanted any more; the watcher's
 * @e: the message
 *
 * Armed, it belongs to both; then to who took it off the target's list.  If that is the
 * target, at its end, it is sent to the watcher, or freed if there is none.
 */
struct monitor {
	struct monitor *next;
	struct monitor **prev;
	bool armed;
	bool flushed;
	struct ksync_pid watcher;
	struct ksync_pid target;
	uint64_t ref;
	struct monitor *chain;
	struct envelope e;
};

/**
 * struct link - one end of a link: in the list of the actor that it belongs to
 * @next: there; protected by its lock
 * @peer: the other actor
 * @twin: the other end; NULL: on another node
 * @e: the message that it becomes
 */
struct link {
	struct link *next;
	struct link **prev;
	struct ksync_pid peer;
	struct link *twin;
	struct envelope e;
};

/**
 * struct blocked - somebody who waits for room in a mailbox; on its stack
 * @ticket: claimed when it is served, or with -ESRCH
 * @e: its message, pushed by who serves it
 */
struct blocked {
	struct ksync_ticket ticket;
	struct envelope *e;
	struct blocked *next;
	bool here;
};

struct name;

/**
 * struct actor - a slot of the table, and the actor in it, if there is one
 * @room: the generation above, as in id; below, for how many messages there is room,
 *	or UNBOUNDED.  Read without lock, and changed by CAS
 * @inbox: what was sent, the newest first; or one of INBOX_*
 * @task: that it is, once there is one
 * @wait: which wait of the task it is that INBOX_WAITED means
 * @late: who found INBOX_WAITED is through, if it did not end the wait
 *
 * @first: the queue: messages from the inbox, the oldest first
 * @last: where to append
 * @held: messages that the actor has received and not freed
 * @monitors: table of its own monitors, of @nbuckets
 * @awaited: the ref of the answer that it waits for
 * @refs: last one that was given out
 *
 * @lock: protects what follows
 * @alive: between its start and its end
 * @blocked: who waits for room, in turn; @nblocked is read without the lock
 * @index: of the slot, always the same
 *
 * What is between the empty lines is used by the actor alone.
 */
struct actor {
	uint64_t room __attribute__((aligned(64)));
	struct envelope *inbox;
	struct ksync_task *task;
	uint64_t wait;
	uint32_t late;
	uint32_t index;
	uint32_t nblocked;

	bool attached;
	struct envelope *first;
	struct envelope **last;
	struct envelope *held;
	struct monitor **monitors;
	uint32_t nbuckets;
	uint32_t nmonitors;
	uint64_t awaited;
	uint64_t refs;

	uint32_t lock;
	bool alive;
	bool traps;
	bool doomed;
	int reason;
	struct blocked *blocked;
	struct link *links;
	struct monitor *watchers;
	struct name *names;
	struct actor *free;
};

static inline void ksync_link_out_of(struct link *l)
{
	*l->prev = l->next;
	if (l->next)
		l->next->prev = l->prev;
}

static inline void ksync_watch_out_of(struct monitor *m)
{
	*m->prev = m->next;
	if (m->next)
		m->next->prev = m->prev;
	m->armed = false;
}

static inline void ksync_watch_into(struct monitor **list, struct monitor *m)
{
	m->armed = true;
	m->next = *list;
	m->prev = list;
	if (m->next)
		m->next->prev = &m->next;
	*list = m;
}

static inline uint64_t id_of(const struct actor *a)
{
	return (load_acquire(&a->room) & ~(uint64_t)INDEX_MASK) | a->index;
}

static inline struct ksync_pid local_pid(uint64_t id)
{
	return (struct ksync_pid){ .id = id };
}

static inline struct envelope *envelope_of(const struct ksync_message *m)
{
	return (struct envelope *)((char *)m - offsetof(struct envelope, m));
}

/* actor_table.c */
struct actor *ksync_actor_get(void);
void ksync_actor_put(struct actor *a);
void ksync_actors_each(void (*fn)(struct actor *a, void *arg), void *arg);
struct actor *ksync_actor_slot(uint64_t id);
struct actor *ksync_actor_lock(uint64_t id);
int ksync_actor_lock_both(uint64_t a, uint64_t b, struct actor **x, struct actor **y);
void ksync_actor_unlock_both(struct actor *x, struct actor *y);

/* actor.c */
struct actor *ksync_actor_current(void);
int ksync_actor_end(struct actor *a, int reason);

/* mailbox.c */
int ksync_mailbox_push(struct actor *a, struct envelope *e);
int ksync_mailbox_post(struct envelope *e);
void ksync_mailbox_free(struct envelope *e);
bool ksync_mailbox_drain(struct actor *a);
void ksync_mailbox_drop(struct actor *a);
void ksync_mailbox_unlist(struct envelope *e);
void ksync_mailbox_take(struct actor *a, struct envelope *e);
int ksync_mailbox_receive(struct actor *a, struct ksync_message **m,
			  bool (*match)(const struct ksync_message *m, void *arg),
			  void *arg, uint64_t deadline);

/* actor_send.c */
struct envelope *ksync_envelope(uint32_t tag, const void *data, size_t size);
int ksync_envelope_check(uint32_t tag, size_t size);
int ksync_envelope_send(struct ksync_pid to, struct envelope *e, uint64_t deadline);
void ksync_room_give(struct actor *a);
struct blocked *ksync_room_close(struct actor *a);
void ksync_room_wake(struct blocked *b);

/* actor_monitor.c */
int ksync_watch_make(struct actor *self, struct ksync_pid target, uint64_t *ref);
bool ksync_watch_arrived(struct actor *self, struct envelope *e);
void ksync_watch_fire_one(struct monitor *m, int reason);
void ksync_watches_fire(struct monitor *first, int reason);
int ksync_watch_accept(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref);
void ksync_watch_remove(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref);
void ksync_watches_drop(struct actor *self);

/* actor_link.c */
int ksync_link_make(struct actor *self, struct ksync_pid peer);
void ksync_links_fire(struct link *first, struct ksync_pid from, int reason);
int ksync_link_accept(struct ksync_pid pid, struct ksync_pid peer);
bool ksync_link_remove(struct ksync_pid pid, struct ksync_pid peer);
void ksync_exit_deliver(struct actor *a, struct envelope *e, int reason, bool linked);
int ksync_exit_signal(struct ksync_pid from, struct ksync_pid to, int reason);

/* registry.c */
void ksync_names_free(struct name *first);

/*
 * Other nodes
 *
 * An address with node != 0 is not looked up here: what is meant for it is given to the
 * transport, which puts it into a packet for that node; and what comes in from there
 * is given to the ksync_remote_*() functions.  Addresses that go out, or come in, have
 * been translated by the transport: here node 0 is always this process.
 *
 * Between two actors all of it, messages and signals, has to come in the order in which
 * it was given to the transport: one connection between two nodes does that.
 *
 * Of a monitor or link whose two ends are on two nodes each node knows its own end:
 *
 *	watcher's node				target's node
 *	ksync_actor_monitor()
 *	  notes it; transport->monitor()  ----> ksync_remote_monitor()
 *						  the target ends, or is dead:
 *	ksync_remote_down()               <---- transport->down()
 *	  DOWN, if it is still noted
 *
 * and the same with link, where either may end, with ksync_remote_exit().  When a
 * connection is lost both call ksync_remote_node_lost().
 *
 * struct ksync_transport - what another part does for actors of other nodes
 * @send: a message; @kind is to go with it.  Return: 0: on its way; -ESRCH (no such
 *	node), -EAGAIN (no room, and @deadline is 0), -ETIMEDOUT, -ECANCELED, -ENOMEM.
 *	It may wait, for room in its own queue.  @m->from may be of any node; @m stays
 *	the caller's
 * @monitor: @watcher, of this node, monitors @target
 * @demonitor: and does not any more
 * @down: @target, of this node, has ended: tell @watcher, of another node
 * @link: @from, of this node, and @to, of another, are linked
 * @unlink: and are not any more
 * @exit: an exit signal of @from for @to; @linked: for they were linked
 *
 * But for @send they are called when the caller may be about to end, or with
 * cancellation pending: they must not wait, but put it into a queue.  Return: 0; a
 * negative errno: the node cannot be reached: monitor and link are answered by
 * ksync_remote_down() and ksync_remote_exit() with KSYNC_EXIT_NOCONNECTION, by the
 * caller; the others are forgotten.  No lock is held during any of the calls.
 */
struct ksync_transport {
	int (*send)(struct ksync_pid to, const struct ksync_message *m,
		    enum envelope_kind kind, uint64_t deadline);
	int (*monitor)(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref);
	int (*demonitor)(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref);
	int (*down)(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref,
		    int reason);
	int (*link)(struct ksync_pid from, struct ksync_pid to);
	int (*unlink)(struct ksync_pid from, struct ksync_pid to);
	int (*exit)(struct ksync_pid from, struct ksync_pid to, int reason, bool linked);
};

/** ksync_transport_set() - there are other nodes from now on; NULL: not any more */
void ksync_transport_set(const struct ksync_transport *t);

/*
 * What comes in; any thread or task calls these, none of them waits.
 *
 * ksync_remote_send(): @kind is as @send was given it.  -EAGAIN: the mailbox is bounded
 * and full: the message is not sent, and the transport may try again (which holds up all
 * that comes after), or drop it.  -ESRCH: drop it.
 */
int ksync_remote_send(struct ksync_pid to, enum envelope_kind kind,
		      const struct ksync_message *head, const void *data);
int ksync_remote_monitor(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref);
void ksync_remote_demonitor(struct ksync_pid watcher, struct ksync_pid target,
			    uint64_t ref);
void ksync_remote_down(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref,
		       int reason);
int ksync_remote_link(struct ksync_pid from, struct ksync_pid to);
void ksync_remote_unlink(struct ksync_pid from, struct ksync_pid to);
void ksync_remote_exit(struct ksync_pid from, struct ksync_pid to, int reason, bool linked);

/*
 * Nothing more will come from a node, of any incarnation up to this one: each monitor of
 * an actor there, and each link, ends with KSYNC_EXIT_NOCONNECTION; monitors and links
 * of its actors here are forgotten.
 */
void ksync_remote_node_lost(uint32_t node, uint32_t incarnation);

#endif /* KSYNC_MODELS_ACTOR_INTERNAL_H */
