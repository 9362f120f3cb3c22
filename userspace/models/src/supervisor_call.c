// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What others ask of a supervisor: they call it, as any actor is called, and what goes
 * to and fro is copied, so that a caller may give up at any time.
 *
 * A request says which function to run: those of other nodes are not listened to.
 */
#include <stdlib.h>
#include <string.h>
#include "supervisor.h"

const struct request *ksync_request_of(const struct ksync_message *m)
{
	return m->tag == SUPERVISOR_TAG && m->size == sizeof(struct request) && m->ref &&
	       !m->from.node ? (const struct request *)(const void *)m->data : NULL;
}

/* Who asks waits for it: so it must be told, if there is no memory now. */
static void answer(const struct ksync_message *m, const struct answer *a)
{
	while (ksync_actor_reply(m, SUPERVISOR_TAG, a, sizeof(*a)) == -ENOMEM &&
	       !ksync_task_cancelled())
		ksync_task_yield();
}

void ksync_request_answer(const struct ksync_message *m, int ret)
{
	const struct answer a = { .ret = ret };

	answer(m, &a);
}

static int start_child(struct supervisor *s, const struct request *r, struct ksync_pid *pid)
{
	struct ksync_child spec = r->child;
	struct child *c;
	int ret;

	spec.id = r->id;
	c = ksync_child_find(s, r->id);
	if (c) {
		*pid = c->pid;
		return -ENOTUNIQ;
	}
	c = ksync_child_add(s, &spec);
	if (!c)
		return -ENOMEM;
	ret = ksync_child_start(s, c);
	/* A temporary one that has nothing to run is not there any more. */
	c = ksync_child_find(s, r->id);
	if (c)
		*pid = c->pid;
	if (ret)
		ksync_child_forget(s, c);
	return ret;
}

static int terminate_child(struct supervisor *s, struct child *c)
{
	ksync_child_stop(s, c);
	if (c->spec.restart == KSYNC_TEMPORARY && !s->broken)
		ksync_child_forget(s, c);
	return 0;
}

static int at_rest(const struct child *c)
{
	switch (c->state) {
	case CHILD_RUNNING:
		return -EBUSY;
	case CHILD_RESTARTING:
		return -EINPROGRESS;
	case CHILD_STOPPED:
		break;
	}
	return 0;
}

static int restart_child(struct supervisor *s, struct child *c, struct ksync_pid *pid)
{
	int ret = at_rest(c);

	if (ret)
		return ret;
	ret = ksync_child_start(s, c);
	*pid = c->pid;
	return ret;
}

static int delete_child(struct supervisor *s, struct child *c)
{
	int ret = at_rest(c);

	if (!ret)
		ksync_child_forget(s, c);
	return ret;
}

/* What is about a child that is known. */
static int about_child(struct supervisor *s, const struct request *r, struct ksync_pid *pid)
{
	struct child *c = ksync_child_find(s, r->id);

	if (!c)
		return -ENOENT;
	switch (r->op) {
	case REQUEST_TERMINATE:
		return terminate_child(s, c);
	case REQUEST_RESTART:
		return restart_child(s, c, pid);
	case REQUEST_DELETE:
		return delete_child(s, c);
	default:
		return -EINVAL;
	}
}

static void count(const struct supervisor *s, struct ksync_child_counts *counts)
{
	const struct child *c;

	for (c = s->first; c; c = c->next) {
		counts->specs++;
		counts->active += c->state == CHILD_RUNNING;
		if (c->spec.type == KSYNC_SUPERVISOR)
			counts->supervisors++;
		else
			counts->workers++;
	}
}

static void list(const struct supervisor *s, const struct ksync_message *m)
{
	struct ksync_child_counts counts = { 0 };
	struct ksync_child_info *info;
	const struct child *c;
	struct answer *a;
	size_t size;
	int ret;

	count(s, &counts);
	size = sizeof(*a) + counts.specs * sizeof(a->list[0]);
	a = calloc(1, size);
	if (!a) {
		ksync_request_answer(m, -ENOMEM);
		return;
	}
	a->n = counts.specs;
	info = a->list;
	for (c = s->first; c; c = c->next, info++) {
		strcpy(info->id, c->id);
		info->pid = c->pid;
		info->restarting = c->state == CHILD_RESTARTING;
		info->restart = c->spec.restart;
		info->type = c->spec.type;
	}
	ret = ksync_actor_reply(m, SUPERVISOR_TAG, a, size);
	if (ret)
		ksync_request_answer(m, ret);
	free(a);
}

/** ksync_request_do() - do what a message asks; if it asks anything */
void ksync_request_do(struct supervisor *s, const struct ksync_message *m)
{
	const struct request *r = ksync_request_of(m);
	struct answer a = { 0 };

	if (!r)
		return;
	switch (r->op) {
	case REQUEST_STOP:
		s->over = true;
		s->reason = r->reason;
		return;
	case REQUEST_LIST:
		list(s, m);
		return;
	case REQUEST_BEGUN:
		break;
	case REQUEST_COUNT:
		count(s, &a.counts);
		break;
	case REQUEST_START:
		a.ret = start_child(s, r, &a.pid);
		break;
	default:
		a.ret = about_child(s, r, &a.pid);
	}
	answer(m, &a);
}

/**
 * ksync_request_send() - ask a supervisor, and wait for the answer
 * @supervisor: its address
 * @r: what
 * @answer: set: to be freed
 *
 * Return: 0; an error: there was no answer.
 */
int ksync_request_send(struct ksync_pid supervisor, const struct request *r,
		       struct ksync_message **answer)
{
	int ret;

	if (supervisor.node)
		return -EOPNOTSUPP;
	if (!ksync_actor_self().id)
		return -EINVAL;
	if (ksync_pid_equal(supervisor, ksync_actor_self()))
		return -EDEADLK;
	ret = ksync_actor_call(supervisor, SUPERVISOR_TAG, r, sizeof(*r), answer, NULL);
	if (!ret && (*answer)->size < sizeof(struct answer)) {
		ksync_message_free(*answer);
		ret = -EPROTO;
	}
	return ret;
}

static const struct answer *answer_of(const struct ksync_message *m)
{
	return (const struct answer *)(const void *)m->data;
}

/* Return: what it answers. */
static int ask(struct ksync_pid supervisor, const struct request *r, struct ksync_pid *pid,
	       struct ksync_child_counts *counts)
{
	struct ksync_message *m;
	int ret = ksync_request_send(supervisor, r, &m);

	if (ret)
		return ret;
	ret = answer_of(m)->ret;
	if (pid)
		*pid = answer_of(m)->pid;
	if (counts)
		*counts = answer_of(m)->counts;
	ksync_message_free(m);
	return ret;
}

/* One that is too long is nobody's. */
static int ask_by_id(struct ksync_pid supervisor, enum request_op op, const char *id,
		     struct ksync_pid *pid)
{
	struct request r = { .op = op };

	if (strnlen(id, sizeof(r.id)) == sizeof(r.id))
		return -ENOENT;
	strcpy(r.id, id);
	return ask(supervisor, &r, pid, NULL);
}

EXPORT int ksync_supervisor_stop(struct ksync_pid supervisor, int reason)
{
	const struct request r = { .op = REQUEST_STOP, .reason = reason };
	int ret;

	if (!ksync_actor_alive(supervisor) && !supervisor.node)
		return -ESRCH;
	ret = ask(supervisor, &r, NULL, NULL);
	return ret == -ESRCH ? 0 : ret;
}

EXPORT int ksync_supervisor_start_child(struct ksync_pid supervisor,
					const struct ksync_child *child,
					struct ksync_pid *pid)
{
	struct request r = { .op = REQUEST_START, .child = *child };
	int ret = ksync_child_check(child);

	if (ret)
		return ret;
	strcpy(r.id, child->id);
	return ask(supervisor, &r, pid, NULL);
}

EXPORT int ksync_supervisor_terminate_child(struct ksync_pid supervisor, const char *id)
{
	return ask_by_id(supervisor, REQUEST_TERMINATE, id, NULL);
}

EXPORT int ksync_supervisor_restart_child(struct ksync_pid supervisor, const char *id,
					  struct ksync_pid *pid)
{
	return ask_by_id(supervisor, REQUEST_RESTART, id, pid);
}

EXPORT int ksync_supervisor_delete_child(struct ksync_pid supervisor, const char *id)
{
	return ask_by_id(supervisor, REQUEST_DELETE, id, NULL);
}

EXPORT int ksync_supervisor_which_children(struct ksync_pid supervisor,
					   struct ksync_child_info *info, size_t room)
{
	const struct request r = { .op = REQUEST_LIST };
	const struct answer *a;
	struct ksync_message *m;
	int ret = ksync_request_send(supervisor, &r, &m);

	if (ret)
		return ret;
	a = answer_of(m);
	ret = a->ret ? a->ret : (int)a->n;
	if (!a->ret && room)
		memcpy(info, a->list, (a->n < room ? a->n : room) * sizeof(*info));
	ksync_message_free(m);
	return ret;
}

EXPORT int ksync_supervisor_count_children(struct ksync_pid supervisor,
					   struct ksync_child_counts *counts)
{
	const struct request r = { .op = REQUEST_COUNT };

	return ask(supervisor, &r, NULL, counts);
}
