// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What comes in from another node: one task reads frames, and does what they say, one
 * after the other.
 *
 * What a frame says that it is long gets memory as it comes, not before.  An actor whose
 * mailbox is full holds up all that comes after, until it receives, or ends, or the
 * connection does.
 */
#include <stdlib.h>
#include <string.h>
#include "node.h"

#define IN_BUFFER	65536U

/**
 * struct in - what was read
 * @buf: of @room bytes; those from @start to @end were not used yet
 */
struct in {
	unsigned char *buf;
	size_t room;
	size_t start;
	size_t end;
};

/* Return: 0: there is room behind @end; -ENOMEM. */
static int make_room(struct in *in, size_t want)
{
	unsigned char *bigger;
	size_t room;

	if (in->start) {
		memmove(in->buf, in->buf + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	if (in->end < in->room)
		return 0;
	room = in->room ? 2 * in->room : IN_BUFFER;
	if (room > want && want > IN_BUFFER)
		room = want;
	bigger = realloc(in->buf, room);
	if (!bigger)
		return -ENOMEM;
	in->buf = bigger;
	in->room = room;
	return 0;
}

/* Until there are so many bytes. Return: 0; -ENODATA: the end; an error. */
static int fill(struct node *n, struct in *in, size_t want)
{
	ssize_t ret;

	while (in->end - in->start < want) {
		ret = in->end == in->room || in->start + want > in->room ?
		      make_room(in, want) : 0;
		if (ret)
			return ret;
		ret = ksync_loop_read(n->loop, n->fd, in->buf + in->end,
				      in->room - in->end, NULL);
		if (ret < 0)
			return ret;
		if (!ret)
			return in->end == in->start ? -ENODATA : -ECONNRESET;
		in->end += ret;
	}
	return 0;
}

/* What a long frame needed is given back. */
static void used(struct in *in, size_t size)
{
	in->start += size;
	if (in->start != in->end)
		return;
	in->start = 0;
	in->end = 0;
	if (in->room > IN_BUFFER) {
		free(in->buf);
		in->buf = NULL;
		in->room = 0;
	}
}

static struct ksync_pid sender(const struct node *n, const struct wire *w)
{
	struct ksync_pid pid = { .id = w->from };

	if (w->from && !(w->flags & WIRE_YOURS)) {
		pid.node = n->number;
		pid.incarnation = n->incarnation;
	}
	return pid;
}

static int hello(struct node *n, const struct wire *w)
{
	if (n->mine)
		return -EPROTO;
	store(&n->mine, w->from << 32 | w->to);
	return 0;
}

static struct ksync_pid receiver(const struct wire *w)
{
	char name[KSYNC_ACTOR_NAME_LEN];
	struct ksync_pid pid;

	if (w->to)
		return local_pid(w->to);
	memcpy(name, w->name, w->name_len);
	name[w->name_len] = 0;
	/* One of a third node is nobody. */
	return ksync_actor_whereis(name, &pid) || pid.node ? local_pid(0) : pid;
}

/* With a wait for room, which the connection's end ends. */
static int deliver_late(struct ksync_pid to, const struct ksync_message *head,
			enum envelope_kind kind, const void *data)
{
	struct envelope *e = ksync_envelope(head->tag, data, head->size);

	if (!e)
		return -ENOMEM;
	e->kind = kind;
	e->m.from = head->from;
	e->m.ref = head->ref;
	return ksync_envelope_send(to, e, NEVER);
}

static int deliver(struct node *n, const struct wire *w)
{
	const struct ksync_message head = {
		.from = sender(n, w),
		.ref = w->ref,
		.tag = w->tag,
		.size = w->size,
	};
	const struct ksync_pid to = receiver(w);
	enum envelope_kind kind = w->flags & WIRE_CALL ? ENVELOPE_CALL :
				  w->flags & WIRE_REPLY ? ENVELOPE_REPLY : ENVELOPE_PLAIN;
	int ret = ksync_remote_send(to, kind, &head, w->data);

	if (ret == -EAGAIN)
		ret = deliver_late(to, &head, kind, w->data);
	return ret == -ESRCH ? 0 : ret;
}

static int whereis(struct node *n, const struct wire *w)
{
	const struct wire is = { .kind = WIRE_IS, .ref = w->ref, .from = receiver(w).id };

	ksync_node_post(n, &is);
	return 0;
}

/* What would be for nobody is dropped by who is told of it. */
static int obey(struct node *n, const struct wire *w)
{
	const struct ksync_pid from = sender(n, w), to = local_pid(w->to);

	switch (w->kind) {
	case WIRE_HELLO:
		return hello(n, w);
	case WIRE_SEND:
		return deliver(n, w);
	case WIRE_MONITOR:
		return ksync_remote_monitor(from, to, w->ref);
	case WIRE_DEMONITOR:
		ksync_remote_demonitor(from, to, w->ref);
		break;
	case WIRE_DOWN:
		ksync_remote_down(to, from, w->ref, w->reason);
		break;
	case WIRE_LINK:
		return ksync_remote_link(from, to);
	case WIRE_UNLINK:
		ksync_remote_unlink(from, to);
		break;
	case WIRE_EXIT:
		ksync_remote_exit(from, to, w->reason, w->flags & WIRE_LINKED);
		break;
	case WIRE_WHEREIS:
		return whereis(n, w);
	case WIRE_IS:
		ksync_lookup_answer(n, w);
		break;
	}
	return 0;
}

static int read_frame(struct node *n, struct in *in)
{
	struct wire w;
	size_t size;
	int ret = fill(n, in, WIRE_HEAD);

	if (!ret)
		ret = ksync_wire_unpack(&w, in->buf + in->start, n->max);
	if (ret)
		return ret;
	if (!n->mine && w.kind != WIRE_HELLO)
		return -EPROTO;
	size = WIRE_HEAD + w.name_len + w.size;
	ret = fill(n, in, size);
	if (ret)
		return ret;
	w.name = (char *)in->buf + in->start + WIRE_HEAD;
	w.data = w.name + w.name_len;
	ret = obey(n, &w);
	used(in, size);
	return ret;
}

/** ksync_node_read() - the function of the task that reads */
void *ksync_node_read(void *node)
{
	struct node *n = node;
	struct in in = { .buf = NULL };
	int ret;

	ksync_node_task_begins(n, &n->reader);
	do
		ret = read_frame(n, &in);
	while (!ret);
	ksync_node_fail(n, ret == -ENODATA ? 0 : ret);
	free(in.buf);
	ksync_remote_node_lost(n->number, n->incarnation);
	ksync_node_task_ends(n, &n->reader);
	return NULL;
}
