// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Connections to other nodes: the table of them, and how they begin and end.
 *
 * Two tasks do the work, one reads and one writes.  Whoever finds that it cannot go on,
 * one of these, or ksync_node_disconnect(), calls ksync_node_fail(): the node is lost then,
 * nothing more goes out, and both tasks are cancelled.  The reader, when it is through,
 * tells the actors: so nothing comes in after that.  The last of the two closes the
 * descriptor.
 *
 * To disconnect, the writer writes what there is, and says that this was the end; the
 * other side then does the same at its own end, and that is what the reader waits for.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include "node.h"

#define QUEUE_DEFAULT	1024U

static uint32_t table_lock;
static struct node *table[KSYNC_NODES_MAX];
static uint32_t incarnations[KSYNC_NODES_MAX];

/** ksync_node_get() - by its number, with a reference; NULL: there is none */
struct node *ksync_node_get(uint32_t number)
{
	struct node *n = NULL;

	if (!number || number > KSYNC_NODES_MAX)
		return NULL;
	lock(&table_lock);
	n = table[number - 1];
	if (n)
		__atomic_add_fetch(&n->refs, 1, __ATOMIC_RELAXED);
	unlock(&table_lock);
	return n;
}

/** ksync_node_get_of() - that of an actor */
struct node *ksync_node_get_of(struct ksync_pid pid)
{
	struct node *n = ksync_node_get(pid.node);

	if (n && n->incarnation != pid.incarnation) {
		ksync_node_put(n);
		n = NULL;
	}
	return n;
}

static void destroy(struct node *n)
{
	ksync_node_drop_packets(n);
	if (n->room)
		ksync_chan_destroy(n->room);
	if (n->bell)
		ksync_chan_destroy(n->bell);
	ksync_promise_put(n->ended);
	ksync_future_put(n->end);
	free(n);
}

void ksync_node_put(struct node *n)
{
	if (!__atomic_sub_fetch(&n->refs, 1, __ATOMIC_ACQ_REL))
		destroy(n);
}

/* Return: its number; 0: there are too many. */
static uint32_t enter(struct node *n)
{
	uint32_t i;

	lock(&table_lock);
	for (i = 0; i < KSYNC_NODES_MAX && table[i]; i++)
		;
	if (i < KSYNC_NODES_MAX) {
		table[i] = n;
		n->number = i + 1;
		n->incarnation = ++incarnations[i];
	}
	unlock(&table_lock);
	return n->number;
}

static void leave(struct node *n)
{
	lock(&table_lock);
	table[n->number - 1] = NULL;
	unlock(&table_lock);
	ksync_node_put(n);
}

/** ksync_node_fail() - the connection is lost; only the first time counts */
void ksync_node_fail(struct node *n, int error)
{
	struct lookup *lookups;

	lock(&n->lock);
	if (n->lost) {
		unlock(&n->lock);
		return;
	}
	n->lost = true;
	n->error = error;
	lookups = n->lookups;
	n->lookups = NULL;
	/* Be it the caller: it is to wait for nothing more. */
	if (n->reader)
		ksync_task_cancel(n->reader);
	if (n->writer)
		ksync_task_cancel(n->writer);
	unlock(&n->lock);
	ksync_lookups_end(lookups);
	ksync_chan_close(n->room);
	ksync_chan_close(n->bell);
}

/** ksync_node_task_begins() - the caller is one of the two, and may be cancelled */
void ksync_node_task_begins(struct node *n, struct ksync_task **which)
{
	lock(&n->lock);
	*which = ksync_task_self();
	if (n->lost)
		ksync_task_cancel(*which);
	unlock(&n->lock);
}

/** ksync_node_task_ends() - it is through, and @n not its any more */
void ksync_node_task_ends(struct node *n, struct ksync_task **which)
{
	struct ksync_sched *s = n->sched;

	lock(&n->lock);
	*which = NULL;
	unlock(&n->lock);
	if (__atomic_sub_fetch(&n->running, 1, __ATOMIC_ACQ_REL))
		return;
	ksync_loop_close(n->loop, n->fd);
	ksync_promise_set(n->ended, NULL, NULL);
	ksync_node_put(n);
	ksync_sched_release(s);
}

static int check(int fd, const struct ksync_node_attr *attr)
{
	socklen_t len = sizeof(int);
	int type;

	if (!attr->loop || attr->max > KSYNC_MESSAGE_MAX || attr->reserved[0] ||
	    attr->reserved[1] || (!attr->sched && !ksync_task_self()))
		return -EINVAL;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
		return -errno;
	return type == SOCK_STREAM ? 0 : -EPROTOTYPE;
}

static struct node *make(int fd, const struct ksync_node_attr *attr)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->refs = 1;
	n->fd = fd;
	n->max = attr->max ? attr->max : KSYNC_MESSAGE_MAX;
	n->loop = attr->loop;
	n->sched = attr->sched ? attr->sched : ksync_task_self()->sched;
	n->last = &n->first;
	if (ksync_promise_new(&n->ended, &n->end, NULL) ||
	    ksync_chan_create(&n->room, 0, attr->queue ? attr->queue : QUEUE_DEFAULT) ||
	    ksync_chan_create(&n->bell, 0, 1)) {
		destroy(n);
		return NULL;
	}
	return n;
}

/* The first frame; nothing else is in the queue yet. */
static int greet(struct node *n)
{
	const struct wire hello = {
		.kind = WIRE_HELLO,
		.to = n->number,
		.from = n->incarnation,
		.tag = WIRE_MAGIC,
		.reason = WIRE_VERSION,
	};

	return ksync_node_post(n, &hello);
}

/* Return: 0: both run, or one does, and ends. */
static int run(struct node *n)
{
	const struct ksync_task_attr reads = { .name = "node reader" };
	const struct ksync_task_attr writes = { .name = "node writer" };
	int ret;

	n->running = 2;
	__atomic_add_fetch(&n->refs, 1, __ATOMIC_RELAXED);
	ksync_sched_hold(n->sched);
	ret = ksync_sched_spawn(n->sched, NULL, ksync_node_read, n, &reads);
	if (ret) {
		ksync_sched_release(n->sched);
		ksync_node_put(n);
		return ret;
	}
	ret = ksync_sched_spawn(n->sched, NULL, ksync_node_write, n, &writes);
	if (ret) {
		ksync_node_fail(n, ret);
		ksync_node_task_ends(n, &n->writer);
	}
	return 0;
}

EXPORT int ksync_node_connect(uint32_t *node, int fd, const struct ksync_node_attr *attr)
{
	const int saved = errno;
	int ret = check(fd, attr);
	struct node *n;

	errno = saved;
	if (ret)
		return ret;
	n = make(fd, attr);
	if (!n)
		return -ENOMEM;
	if (!enter(n)) {
		destroy(n);
		return -EMFILE;
	}
	ksync_transport_set(&ksync_node_transport);
	*node = n->number;
	ret = greet(n);
	if (!ret)
		ret = run(n);
	if (ret)
		leave(n);
	return ret;
}

EXPORT int ksync_node_wait(uint32_t node, const struct timespec *abs)
{
	struct node *n = ksync_node_get(node);
	int ret;

	if (!n)
		return -ENOENT;
	ret = ksync_await_timed(n->end, NULL, abs);
	if (!ret)
		ret = n->error;
	ksync_node_put(n);
	return ret;
}

/* By number, for the only one who may end it. */
static struct node *take(uint32_t node)
{
	struct node *n = ksync_node_get(node);
	bool taken;

	if (!n)
		return NULL;
	lock(&table_lock);
	taken = n->leaving;
	n->leaving = true;
	unlock(&table_lock);
	if (!taken)
		return n;
	ksync_node_put(n);
	return NULL;
}

EXPORT int ksync_node_disconnect(uint32_t node, const struct timespec *abs)
{
	struct node *n;
	uint64_t ns;
	int ret = ksync_deadline_ns(abs, &ns);

	if (ret)
		return ret;
	n = take(node);
	if (!n)
		return -ENOENT;
	lock(&n->lock);
	n->closing = true;
	unlock(&n->lock);
	ksync_chan_send_try(n->bell, NULL);
	ret = ksync_await_timed(n->end, NULL, abs);
	if (ret) {
		ksync_node_fail(n, ret);
		ksync_task_cancel_disable();
		ksync_await(n->end, NULL);
		ksync_task_cancel_enable();
	}
	leave(n);
	ksync_node_put(n);
	return ret;
}
