// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Supervisors: the actor, how it begins, what it waits for, and how it ends.
 *
 * Who starts one asks it, by a call, whether it has begun, and it answers when its
 * children are started or could not be.  It is linked to its parent from its beginning
 * on, and undoes that before it says that it has failed: so the parent gets an answer, and
 * no exit signal.
 *
 * A supervisor that is killed, or whose task is cancelled, can wait for nothing any more.
 * It ends, and the links end its children.
 */
#include <stdlib.h>
#include "supervisor.h"

#define PERIOD_DEFAULT	5000000000ULL

void ksync_supervisor_free(struct supervisor *s)
{
	while (s->first)
		ksync_child_forget(s, s->first);
	free(s->window.at);
	free(s);
}

static bool from_parent(const struct supervisor *s, const struct ksync_message *m)
{
	return ksync_pid_equal(m->from, s->parent);
}

static void handle(struct supervisor *s, const struct ksync_message *m)
{
	switch (m->tag) {
	case KSYNC_TAG_DOWN:
		ksync_child_ended(s, m->ref, ksync_message_ended(m)->reason);
		break;
	case KSYNC_TAG_EXIT:
		if (!from_parent(s, m))
			break;
		s->over = true;
		s->reason = ksync_message_ended(m)->reason;
		break;
	default:
		ksync_request_do(s, m);
	}
}

/* Return: why it ends. */
static int serve(struct supervisor *s)
{
	struct ksync_message *m;
	int ret;

	while (!s->over && !s->broken) {
		/* What it takes for the next try to succeed may be another's turn. */
		if (s->restarting)
			ksync_task_yield();
		ret = s->restarting ? ksync_actor_receive_try(&m) : ksync_actor_receive(&m);
		if (!ret) {
			handle(s, m);
			ksync_message_free(m);
		} else if (ret != -EAGAIN) {
			return ret;
		}
		if (s->restarting && !s->over && !s->broken)
			ksync_restart_again(s);
	}
	ksync_children_stop(s, NULL);
	return s->broken ? -ECANCELED : s->reason;
}

static bool asks_or_ends(const struct ksync_message *m, void *supervisor)
{
	return from_parent(supervisor, m) && (ksync_request_of(m) || ksync_message_ended(m));
}

/* The parent is going to ask; or it has ended, or does not want it any more. */
static void say_failed(struct supervisor *s, int error)
{
	struct ksync_message *m;
	uint64_t ref;

	ksync_actor_unlink(s->parent);
	if (ksync_actor_monitor(s->parent, &ref) ||
	    ksync_actor_receive_if(&m, asks_or_ends, s, NULL))
		return;
	if (ksync_request_of(m))
		ksync_request_answer(m, error);
	ksync_message_free(m);
}

static int begin(struct supervisor *s)
{
	struct child *c, *next;
	int ret = 0;

	for (c = s->first; c && !ret; c = next) {
		next = c->next;
		ret = ksync_child_start(s, c);
	}
	return ret;
}

static int supervise(void *supervisor)
{
	struct supervisor *s = supervisor;
	int ret = begin(s);

	if (ret) {
		ksync_children_stop(s, NULL);
		say_failed(s, ret);
		ret = KSYNC_EXIT_SHUTDOWN;
	} else {
		ret = serve(s);
	}
	ksync_supervisor_free(s);
	return ret;
}

static int check(const struct ksync_supervisor_attr *attr)
{
	if (attr->strategy > KSYNC_REST_FOR_ONE || attr->intensity > KSYNC_INTENSITY_MAX ||
	    attr->reserved[0] || attr->reserved[1])
		return -EINVAL;
	return 0;
}

static int add_children(struct supervisor *s, const struct ksync_supervisor_attr *attr)
{
	size_t i;
	int ret;

	for (i = 0; i < attr->n; i++) {
		ret = ksync_child_check(&attr->children[i]);
		if (ret)
			return ret;
		if (ksync_child_find(s, attr->children[i].id))
			return -ENOTUNIQ;
		if (!ksync_child_add(s, &attr->children[i]))
			return -ENOMEM;
	}
	return 0;
}

static int prepare(struct supervisor *s, const struct ksync_supervisor_attr *attr)
{
	int ret = ksync_window_init(&s->window, attr->intensity,
				    attr->period ? attr->period : PERIOD_DEFAULT);

	if (ret)
		return ret;
	s->parent = ksync_actor_self();
	s->strategy = attr->strategy;
	s->report = attr->report;
	s->report_arg = attr->report_arg;
	return add_children(s, attr);
}

static int spawn(struct ksync_pid *pid, const struct ksync_supervisor_attr *attr)
{
	struct ksync_actor_attr how = {
		.task.name = attr->registered ? attr->registered : "supervisor",
		.registered = attr->registered,
		.flags = KSYNC_ACTOR_TRAP | KSYNC_ACTOR_LINK,
	};
	struct supervisor *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	ret = prepare(s, attr);
	if (!ret)
		ret = ksync_actor_spawn(pid, supervise, s, &how);
	if (ret)
		ksync_supervisor_free(s);
	return ret;
}

EXPORT int ksync_supervisor_start(struct ksync_pid *pid,
				  const struct ksync_supervisor_attr *attr)
{
	const struct request begun = { .op = REQUEST_BEGUN };
	struct ksync_message *m;
	int ret = check(attr);

	if (!ksync_actor_self().id)
		ret = -EINVAL;
	if (!ret)
		ret = spawn(pid, attr);
	if (ret)
		return ret;
	ret = ksync_request_send(*pid, &begun, &m);
	if (ret) {
		/* It is not wanted any more: it stops, as if the caller had ended. */
		ksync_actor_unlink(*pid);
		ksync_actor_signal(*pid, KSYNC_EXIT_SHUTDOWN);
		return ret;
	}
	ret = ((const struct answer *)(const void *)m->data)->ret;
	ksync_message_free(m);
	return ret;
}

EXPORT int ksync_supervisor_child(struct ksync_pid *pid, void *attr)
{
	return ksync_supervisor_start(pid, attr);
}
