// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What goes out to another node: frames are made where the sender is, queued, and written
 * by one task, many at once.
 *
 * Messages take room in the queue, and wait for it.  What actors' ends cause does not:
 * who tells of it cannot wait.  Such a frame for which there is no memory ends the
 * connection: that tells of it, too.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "node.h"

static struct packet *pack(const struct wire *w)
{
	const size_t size = WIRE_HEAD + w->name_len + w->size;
	struct packet *p = malloc(sizeof(*p) + size);

	if (!p)
		return NULL;
	p->next = NULL;
	p->counted = false;
	p->size = size;
	ksync_wire_pack(p->bytes, w);
	if (w->name_len)
		memcpy(p->bytes + WIRE_HEAD, w->name, w->name_len);
	if (w->size)
		memcpy(p->bytes + WIRE_HEAD + w->name_len, w->data, w->size);
	return p;
}

/* Return: 0; -ESRCH: nothing goes out any more, and @p is freed. */
static int enqueue(struct node *n, struct packet *p)
{
	bool ring;

	lock(&n->lock);
	if (n->lost || n->closing) {
		unlock(&n->lock);
		free(p);
		return -ESRCH;
	}
	ring = !n->first;
	*n->last = p;
	n->last = &p->next;
	unlock(&n->lock);
	if (ring)
		ksync_chan_send_try(n->bell, NULL);
	return 0;
}

/** ksync_node_post() - have a frame written; does not wait. Return: 0; -ESRCH, -ENOMEM */
int ksync_node_post(struct node *n, const struct wire *w)
{
	struct packet *p = pack(w);

	if (p)
		return enqueue(n, p);
	ksync_node_fail(n, -ENOMEM);
	return -ENOMEM;
}

static int take_room(struct node *n, uint64_t deadline)
{
	struct timespec abs;
	int ret;

	if (!deadline) {
		ret = ksync_chan_send_try(n->room, NULL);
	} else if (deadline == NEVER) {
		ret = ksync_chan_send(n->room, NULL);
	} else {
		abs = ksync_to_timespec(deadline);
		ret = ksync_chan_send_timed(n->room, NULL, &abs);
	}
	return ret == -EPIPE ? -ESRCH : ret;
}

/**
 * ksync_node_post_message() - the same, with room in the queue
 * @n: node
 * @w: message
 * @deadline: of the wait for it; 0: -EAGAIN instead
 *
 * Return: 0; -ESRCH, -EAGAIN, -ETIMEDOUT, -ECANCELED, -ENOMEM.
 */
int ksync_node_post_message(struct node *n, const struct wire *w, uint64_t deadline)
{
	struct packet *p = pack(w);
	int ret;

	if (!p)
		return -ENOMEM;
	ret = take_room(n, deadline);
	if (ret) {
		free(p);
		return ret;
	}
	p->counted = true;
	return enqueue(n, p);
}

static int post_to(struct ksync_pid pid, const struct wire *w)
{
	struct node *n = ksync_node_get_of(pid);
	int ret;

	if (!n)
		return -ESRCH;
	ret = ksync_node_post(n, w);
	ksync_node_put(n);
	return ret;
}

/* Who has sent a message, if the other side can know it. */
static void fill_from(struct wire *w, const struct node *n, struct ksync_pid from)
{
	if (!from.node) {
		w->from = from.id;
	} else if (from.node == n->number && from.incarnation == n->incarnation) {
		w->from = from.id;
		w->flags |= WIRE_YOURS;
	}
}

static int send_message(struct ksync_pid to, const struct ksync_message *m,
			enum envelope_kind kind, uint64_t deadline)
{
	struct node *n = ksync_node_get_of(to);
	struct wire w = {
		.kind = WIRE_SEND,
		.to = to.id,
		.tag = m->tag,
		.size = m->size,
		.data = m->data,
	};
	int ret;

	if (!n)
		return -ESRCH;
	fill_from(&w, n, m->from);
	if (kind == ENVELOPE_REPLY) {
		w.ref = m->ref;
		w.flags |= WIRE_REPLY;
		/* Takes no room, as in a mailbox. */
		ret = ksync_node_post(n, &w);
	} else {
		if (kind == ENVELOPE_CALL && w.from) {
			w.ref = m->ref;
			w.flags |= WIRE_CALL;
		}
		ret = ksync_node_post_message(n, &w, deadline);
	}
	ksync_node_put(n);
	return ret;
}

static int monitor(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref)
{
	const struct wire w = { .kind = WIRE_MONITOR, .to = target.id, .from = watcher.id,
				.ref = ref };

	return post_to(target, &w);
}

static int demonitor(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref)
{
	const struct wire w = { .kind = WIRE_DEMONITOR, .to = target.id, .from = watcher.id,
				.ref = ref };

	return post_to(target, &w);
}

static int down(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref, int reason)
{
	const struct wire w = { .kind = WIRE_DOWN, .to = watcher.id, .from = target.id,
				.ref = ref, .reason = reason };

	return post_to(watcher, &w);
}

static int link_to(struct ksync_pid from, struct ksync_pid to)
{
	const struct wire w = { .kind = WIRE_LINK, .to = to.id, .from = from.id };

	return post_to(to, &w);
}

static int unlink_from(struct ksync_pid from, struct ksync_pid to)
{
	const struct wire w = { .kind = WIRE_UNLINK, .to = to.id, .from = from.id };

	return post_to(to, &w);
}

static int exit_signal(struct ksync_pid from, struct ksync_pid to, int reason, bool linked)
{
	const struct wire w = {
		.kind = WIRE_EXIT,
		.to = to.id,
		.from = from.node ? 0 : from.id,
		.reason = reason,
		.flags = linked ? WIRE_LINKED : 0,
	};

	return post_to(to, &w);
}

const struct ksync_transport ksync_node_transport = {
	.send = send_message,
	.monitor = monitor,
	.demonitor = demonitor,
	.down = down,
	.link = link_to,
	.unlink = unlink_from,
	.exit = exit_signal,
};

static int write_bytes(struct node *n, const void *bytes, size_t size)
{
	ssize_t ret = ksync_loop_write(n->loop, n->fd, bytes, size, NULL);

	if (ret >= 0 && (size_t)ret < size)
		ret = ksync_loop_write(n->loop, n->fd, bytes + ret, size - ret, NULL);
	return ret < 0 ? ret : 0;
}

/* Written, or in the buffer, or lost. */
static void done(struct node *n, struct packet *p)
{
	if (p->counted)
		ksync_chan_recv_try(n->room, NULL);
	free(p);
}

/* Write a list, small frames together. */
static int write_all(struct node *n, struct packet *first)
{
	struct packet *p;
	size_t have = 0;
	int ret = 0;

	while ((p = first)) {
		first = p->next;
		if (!ret && have && have + p->size > sizeof(n->out)) {
			ret = write_bytes(n, n->out, have);
			have = 0;
		}
		if (!ret && p->size > sizeof(n->out)) {
			ret = write_bytes(n, p->bytes, p->size);
		} else if (!ret) {
			memcpy(n->out + have, p->bytes, p->size);
			have += p->size;
		}
		done(n, p);
	}
	return ret || !have ? ret : write_bytes(n, n->out, have);
}

static struct packet *take_all(struct node *n, bool *closing)
{
	struct packet *first;

	lock(&n->lock);
	first = n->first;
	n->first = NULL;
	n->last = &n->first;
	*closing = n->closing;
	unlock(&n->lock);
	return first;
}

/* Return: 0: all is written, and nothing more will be. */
static int write_on(struct node *n)
{
	struct packet *first;
	bool closing;
	int ret;

	for (;;) {
		first = take_all(n, &closing);
		if (!first && closing)
			return 0;
		ret = first ? write_all(n, first) : ksync_chan_recv(n->bell, NULL);
		if (ret)
			return ret;
	}
}

/** ksync_node_write() - the function of the task that writes */
void *ksync_node_write(void *node)
{
	struct node *n = node;
	int ret;

	ksync_node_task_begins(n, &n->writer);
	ret = write_on(n);
	if (ret)
		ksync_node_fail(n, ret);
	else
		shutdown(n->fd, SHUT_WR);
	ksync_node_task_ends(n, &n->writer);
	return NULL;
}

/** ksync_node_drop_packets() - free what was not written */
void ksync_node_drop_packets(struct node *n)
{
	struct packet *p, *next;

	for (p = n->first; p; p = next) {
		next = p->next;
		free(p);
	}
	n->first = NULL;
	n->last = &n->first;
}
