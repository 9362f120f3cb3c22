/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Nodes: processes whose actors send each other messages, over a stream socket, and link
 * and monitor each other, as if they were in one.
 *
 * A connection makes each process a node to the other.  An address of an actor there has
 * the connection's number for its node: it is got by ksync_node_whereis(), comes as the
 * sender of a message, or in the data of one (ksync_node_import()).  All of
 * <ksync/actor.h> takes it; so do supervisors.  What does not travel:
 *
 * - pointers: the data of a message is bytes, and what they mean is up to both programs,
 *   which may differ in the sizes and order of bytes of their types;
 * - addresses of actors of third nodes: a message that is forwarded from one is from
 *   nobody.
 *
 * Messages and exit signals from one actor to another come in order, and at most once: what
 * is on its way when the connection is lost does not come, and who has sent it is not told.
 * Who wants to know calls, or monitors.  When a connection is lost each monitor and link to
 * an actor there ends once, with KSYNC_EXIT_NOCONNECTION.  Its addresses are nobody's from
 * then on, also if the same process is connected anew.
 *
 * The other side's frames are checked, and one that is wrong ends the connection.  But a
 * process that is connected may do to the actors here what an actor may, kill them, too;
 * and send faster than they receive: who is to be trusted with that is for the program to
 * know.
 *
 * Functions return 0 or a negative errno, and do not change errno.  They are called by
 * tasks and plain threads, not by who runs the loop.
 */
#ifndef KSYNC_NODE_H
#define KSYNC_NODE_H

#include <ksync/actor.h>
#include <ksync/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

/* So many connections may a process have. */
#define KSYNC_NODES_MAX		1024U

/**
 * struct ksync_node_attr - how to be connected
 * @loop: reads and writes; somebody runs it until all its connections have been
 *	disconnected
 * @sched: of two tasks that do the work; NULL: that of the caller, who is a task
 * @queue: how many messages may wait to be written; then who sends more waits; 0: 1024
 * @max: so many bytes may a message have that comes in; 0: KSYNC_MESSAGE_MAX
 *
 * An actor with a bounded mailbox that is full holds up all that comes from the other
 * node.
 */
struct ksync_node_attr {
	struct ksync_loop *loop;
	struct ksync_sched *sched;
	uint32_t queue;
	uint32_t max;
	uint64_t reserved[2];
};

/**
 * ksync_node_connect() - the process at the other end of a socket becomes a node
 * @node: set to its number
 * @fd: a stream socket, connected; the library's from now on, and closed by it.  If this
 *	fails it is still the caller's
 * @attr: how
 *
 * Both sides call this.  It does not wait for the other side: if that is not a node, the
 * connection is lost.  Until ksync_node_disconnect() the scheduler's tasks are never taken
 * for ones that wait for each other.
 *
 * Return: 0; -EINVAL (@attr; no scheduler), -EBADF, -ENOTSOCK, -EPROTOTYPE (not a stream),
 * -EMFILE (KSYNC_NODES_MAX), -ENOMEM, -EAGAIN (no thread).
 */
int ksync_node_connect(uint32_t *node, int fd, const struct ksync_node_attr *attr);

/**
 * ksync_node_wait() - wait until a connection is lost
 * @node: its number
 * @abs: deadline; NULL waits for ever
 *
 * By then all monitors and links have ended.
 *
 * Return: 0: the other side has ended it, or ended; what reading or writing failed with;
 * -EPROTO, -EMSGSIZE, -EPROTONOSUPPORT: it was ended, for the other side has sent what it
 * must not; -ECANCELED (the scheduler was stopped, or the caller is cancelled),
 * -ETIMEDOUT, -EINVAL (tv_nsec), -ENOENT (no such connection), -ENOMEM.
 */
int ksync_node_wait(uint32_t node, const struct timespec *abs);

/**
 * ksync_node_disconnect() - end a connection, and give its number back
 * @node: its number
 * @abs: when to give up writing what was sent; NULL: never
 *
 * Once for each ksync_node_connect(), also if the connection has been lost.  What has been
 * sent is written first; the other side reads that, and then the end.
 *
 * Return: 0; -ETIMEDOUT, -ECANCELED (the caller is cancelled): not all was written, and
 * the connection has ended nevertheless; -EINVAL (tv_nsec), -ENOENT (no such connection).
 */
int ksync_node_disconnect(uint32_t node, const struct timespec *abs);

/**
 * ksync_node_whereis() - ask a node who has a name there
 * @node: its number
 * @name: see ksync_actor_register()
 * @pid: set
 * @abs: deadline; NULL waits for ever
 *
 * Return: 0; -ENOENT (nobody has that name, or it is another node's actor; no such
 * connection), -ENOTCONN (it is lost), -ETIMEDOUT, -ECANCELED, -EINVAL (@name is empty;
 * tv_nsec), -ENAMETOOLONG, -ENOMEM.
 */
int ksync_node_whereis(uint32_t node, const char *name, struct ksync_pid *pid,
		       const struct timespec *abs);

/**
 * ksync_node_send() - send a message to who has a name at another node, when it comes
 * @node: its number
 * @name: see ksync_actor_register()
 * @tag: as ksync_actor_send()
 * @data: copied
 * @size: of it
 *
 * If nobody has, it is dropped there.
 *
 * Return: as ksync_actor_send(); -ESRCH: no such connection; -EINVAL (@name is empty),
 * -ENAMETOOLONG.
 */
int ksync_node_send(uint32_t node, const char *name, uint32_t tag, const void *data,
		    size_t size);

/**
 * ksync_node_import() - what an address means here that came in the data of a message
 * @from: who has sent the message
 * @pid: the address, as its sender had it
 *
 * Return: the address; that of nobody, if it is of a third node.
 */
struct ksync_pid ksync_node_import(struct ksync_pid from, struct ksync_pid pid);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_NODE_H */
