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
 * @send: a message.  Return: 0: on its way; -ESRCH (no such node), -EAGAIN (no room,
 *	and @deadline is 0), -ETIMEDOUT, -ECANCELED, -ENOMEM.  It may wait, for room in
 *	its own queue.  @m->from may be of any node; @m stays the caller's
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
	int (*send)(struct ksync_pid to, const struct ksync_message *m, uint64_t deadline);
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
 * ksync_remote_send(): -EAGAIN: the mailbox is bounded and full: the message is not
 * sent, and the transport may try again (which holds up all that comes after), or drop
 * it.  -ESRCH: drop it.
 */
int ksync_remote_send(struct ksync_pid to, const struct ksync_message *head,
		      const void *data);
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
