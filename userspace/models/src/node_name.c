// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Names of actors at another node, and what addresses mean on which side. */
#include <string.h>
#include "node.h"

static int check_name(const char *name, size_t *len)
{
	*len = strnlen(name, KSYNC_ACTOR_NAME_LEN);
	if (*len == KSYNC_ACTOR_NAME_LEN)
		return -ENAMETOOLONG;
	return *len ? 0 : -EINVAL;
}

/* Return: 0; -ENOTCONN: the connection is lost. */
static int enter(struct node *n, struct lookup *l)
{
	int ret = 0;

	lock(&n->lock);
	if (n->lost) {
		ret = -ENOTCONN;
	} else {
		l->ref = ++n->lookup_refs;
		l->next = n->lookups;
		n->lookups = l;
	}
	unlock(&n->lock);
	return ret;
}

/* Take it out. NULL: somebody has. */
static struct lookup *take(struct node *n, uint64_t ref)
{
	struct lookup **at, *l;

	lock(&n->lock);
	at = &n->lookups;
	while (*at && (*at)->ref != ref)
		at = &(*at)->next;
	l = *at;
	if (l)
		*at = l->next;
	unlock(&n->lock);
	return l;
}

/* Its memory may be gone as soon as the promise is kept. */
static void answer(struct lookup *l, int error)
{
	struct ksync_promise *p = l->promise;

	if (error)
		ksync_promise_fail(p, error);
	else
		ksync_promise_set(p, NULL, NULL);
	ksync_promise_put(p);
}

/** ksync_lookups_end() - the connection is lost: there will be no answers */
void ksync_lookups_end(struct lookup *l)
{
	struct lookup *next;

	for (; l; l = next) {
		next = l->next;
		answer(l, -ENOTCONN);
	}
}

/** ksync_lookup_answer() - one has come */
void ksync_lookup_answer(struct node *n, const struct wire *w)
{
	struct lookup *l = take(n, w->ref);

	if (!l)
		return;
	if (w->from)
		l->pid = (struct ksync_pid){ w->from, n->number, n->incarnation };
	answer(l, w->from ? 0 : -ENOENT);
}

/* The question is asked: wait for the answer. */
static int await_answer(struct node *n, struct lookup *l, struct ksync_future *f,
			const struct timespec *abs)
{
	const uint64_t ref = l->ref;
	int ret = ksync_await_timed(f, NULL, abs);

	if (ksync_future_ready(f))
		return ret;
	if (take(n, ref)) {
		ksync_promise_put(l->promise);
		return ret;
	}
	/* It is being answered. */
	ksync_task_cancel_disable();
	ret = ksync_await(f, NULL);
	ksync_task_cancel_enable();
	return ret;
}

static int ask(struct node *n, const char *name, size_t len, struct ksync_pid *pid,
	       const struct timespec *abs)
{
	struct wire w = { .kind = WIRE_WHEREIS, .name = name, .name_len = len };
	struct lookup l = { .ref = 0 };
	struct ksync_future *f;
	int ret = ksync_promise_new(&l.promise, &f, NULL);

	if (ret)
		return ret;
	ret = enter(n, &l);
	if (ret) {
		ksync_promise_put(l.promise);
	} else {
		w.ref = l.ref;
		/* If it cannot be, the connection is lost, or will be: that is an answer. */
		ksync_node_post(n, &w);
		ret = await_answer(n, &l, f, abs);
	}
	if (!ret)
		*pid = l.pid;
	ksync_future_put(f);
	return ret;
}

EXPORT int ksync_node_whereis(uint32_t node, const char *name, struct ksync_pid *pid,
			      const struct timespec *abs)
{
	struct node *n;
	uint64_t ns;
	size_t len;
	int ret = check_name(name, &len);

	if (!ret)
		ret = ksync_deadline_ns(abs, &ns);
	if (ret)
		return ret;
	n = ksync_node_get(node);
	if (!n)
		return -ENOENT;
	ret = ask(n, name, len, pid, abs);
	ksync_node_put(n);
	return ret;
}

EXPORT int ksync_node_send(uint32_t node, const char *name, uint32_t tag, const void *data,
			   size_t size)
{
	struct wire w = {
		.kind = WIRE_SEND,
		.from = ksync_actor_self().id,
		.tag = tag,
		.name = name,
		.size = size,
		.data = data,
	};
	struct node *n;
	size_t len;
	int ret = ksync_envelope_check(tag, size);

	if (!ret)
		ret = check_name(name, &len);
	if (ret)
		return ret;
	w.name_len = len;
	n = ksync_node_get(node);
	if (!n)
		return -ESRCH;
	ret = ksync_node_post_message(n, &w, NEVER);
	ksync_node_put(n);
	return ret;
}

EXPORT struct ksync_pid ksync_node_import(struct ksync_pid from, struct ksync_pid pid)
{
	const struct ksync_pid nobody = { 0 };
	struct node *n;
	uint64_t mine;

	if (!from.node || !pid.id)
		return pid;
	if (!pid.node)
		return (struct ksync_pid){ pid.id, from.node, from.incarnation };
	n = ksync_node_get_of(from);
	if (!n)
		return nobody;
	mine = load(&n->mine);
	ksync_node_put(n);
	if (mine != ((uint64_t)pid.incarnation << 32 | pid.node))
		return nobody;
	return local_pid(pid.id);
}
