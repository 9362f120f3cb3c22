// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * One child of a supervisor: how it is started, and stopped.
 *
 * A child is linked to its supervisor, so that it ends with it, and monitored: that it has
 * ended is told by the monitor alone, which a child cannot undo.  The messages that links
 * bring are dropped.
 */
#include <stdlib.h>
#include <string.h>
#include "supervisor.h"

#define SHUTDOWN_DEFAULT	5000000000ULL

void ksync_child_report(const struct supervisor *s, const struct child *c, uint32_t what,
			int reason)
{
	const struct ksync_report r = { what, reason, c->id, c->pid };

	if (s->report)
		s->report(&r, s->report_arg);
}

int ksync_child_check(const struct ksync_child *spec)
{
	if (!spec->id || !spec->id[0] ||
	    strnlen(spec->id, KSYNC_CHILD_ID_LEN) == KSYNC_CHILD_ID_LEN)
		return -EINVAL;
	if (!spec->start == !spec->fn || (spec->start && spec->attr))
		return -EINVAL;
	if (spec->attr && (spec->attr->flags & KSYNC_ACTOR_MONITOR || spec->attr->monitor))
		return -EINVAL;
	if (spec->restart > KSYNC_TEMPORARY || spec->type > KSYNC_SUPERVISOR)
		return -EINVAL;
	return spec->reserved[0] || spec->reserved[1] ? -EINVAL : 0;
}

struct child *ksync_child_find(struct supervisor *s, const char *id)
{
	struct child *c = s->first;

	while (c && strcmp(c->id, id))
		c = c->next;
	return c;
}

/** ksync_child_add() - as the last one. @spec has been checked. NULL: no memory */
struct child *ksync_child_add(struct supervisor *s, const struct ksync_child *spec)
{
	struct child *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->spec = *spec;
	strcpy(c->id, spec->id);
	c->spec.id = c->id;
	c->prev = s->last;
	if (s->last)
		s->last->next = c;
	else
		s->first = c;
	s->last = c;
	return c;
}

void ksync_child_forget(struct supervisor *s, struct child *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		s->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		s->last = c->prev;
	free(c);
}

static int watch(struct child *c)
{
	int ret = ksync_actor_link(c->pid);

	if (!ret)
		ret = ksync_actor_monitor(c->pid, &c->ref);
	if (ret)
		ksync_actor_signal(c->pid, KSYNC_EXIT_KILL);
	return ret;
}

static int start(struct child *c)
{
	struct ksync_actor_attr attr = { 0 };
	int ret;

	if (c->spec.start) {
		ret = c->spec.start(&c->pid, c->spec.arg);
		return ret ? ret : watch(c);
	}
	if (c->spec.attr)
		attr = *c->spec.attr;
	if (!attr.task.name)
		attr.task.name = c->id;
	attr.flags |= KSYNC_ACTOR_LINK | KSYNC_ACTOR_MONITOR;
	attr.monitor = &c->ref;
	return ksync_actor_spawn(&c->pid, c->spec.fn, c->spec.arg, &attr);
}

/**
 * ksync_child_start() - start a child that does not run
 * @s: supervisor
 * @c: child; forgotten, if it is temporary and there is nothing to run
 *
 * Return: 0: it runs, or there is nothing to run now; or an error.
 */
int ksync_child_start(struct supervisor *s, struct child *c)
{
	int ret = start(c);

	if (!ret) {
		c->state = CHILD_RUNNING;
		ksync_child_report(s, c, KSYNC_REPORT_STARTED, 0);
		return 0;
	}
	c->state = CHILD_STOPPED;
	c->pid = (struct ksync_pid){ 0 };
	if (ret == KSYNC_CHILD_IGNORE) {
		if (c->spec.restart == KSYNC_TEMPORARY)
			ksync_child_forget(s, c);
		return 0;
	}
	if (ret > 0)
		ret = -EINVAL;
	ksync_child_report(s, c, KSYNC_REPORT_FAILED, ret);
	return ret;
}

static bool is_its_end(const struct ksync_message *m, void *child)
{
	const struct child *c = child;

	return m->tag == KSYNC_TAG_DOWN && m->ref == c->ref;
}

/* Return: 0: it has ended; -ETIMEDOUT, or what broke the wait. */
static int await_end(struct child *c, const struct timespec *abs, int *reason)
{
	struct ksync_message *m;
	int ret = ksync_actor_receive_if(&m, is_its_end, c, abs);

	if (ret)
		return ret;
	*reason = ksync_message_ended(m)->reason;
	ksync_message_free(m);
	return 0;
}

/* Return: 0: it was asked; -ETIMEDOUT: there is no time for that, or no memory. */
static int ask(const struct child *c, struct timespec *abs, const struct timespec **until)
{
	uint64_t time = c->spec.shutdown, deadline;

	if (time == KSYNC_SHUTDOWN_DEFAULT)
		time = c->spec.type == KSYNC_SUPERVISOR ? KSYNC_SHUTDOWN_INFINITY :
		       SHUTDOWN_DEFAULT;
	*until = NULL;
	if (time == KSYNC_SHUTDOWN_KILL)
		return -ETIMEDOUT;
	if (time != KSYNC_SHUTDOWN_INFINITY &&
	    !__builtin_add_overflow(ksync_now(), time, &deadline)) {
		*abs = ksync_to_timespec(deadline);
		*until = abs;
	}
	return ksync_actor_signal(c->pid, KSYNC_EXIT_SHUTDOWN) ? -ETIMEDOUT : 0;
}

static void stop_running(struct supervisor *s, struct child *c)
{
	const bool brutal = c->spec.shutdown == KSYNC_SHUTDOWN_KILL;
	const struct timespec *until;
	uint32_t what = KSYNC_REPORT_STOPPED;
	struct timespec abs;
	int reason, ret;

	ret = ask(c, &abs, &until);
	if (!ret)
		ret = await_end(c, until, &reason);
	if (ret == -ETIMEDOUT) {
		what = brutal ? KSYNC_REPORT_STOPPED : KSYNC_REPORT_KILLED;
		ksync_actor_signal(c->pid, KSYNC_EXIT_KILL);
		ret = await_end(c, NULL, &reason);
	}
	if (ret)
		s->broken = true;
	else
		ksync_child_report(s, c, what, reason);
}

/** ksync_child_stop() - have it end, and wait for that; if it runs */
void ksync_child_stop(struct supervisor *s, struct child *c)
{
	if (s->broken)
		return;
	if (c->state == CHILD_RUNNING)
		stop_running(s, c);
	c->state = CHILD_STOPPED;
	c->pid = (struct ksync_pid){ 0 };
}

/**
 * ksync_children_stop() - stop several, the last first
 * @s: supervisor
 * @until: before this one, which is not stopped; NULL: all
 *
 * Temporary ones are forgotten.
 */
void ksync_children_stop(struct supervisor *s, const struct child *until)
{
	struct child *c, *prev;

	for (c = s->last; c != until && !s->broken; c = prev) {
		prev = c->prev;
		ksync_child_stop(s, c);
		if (c->spec.restart == KSYNC_TEMPORARY)
			ksync_child_forget(s, c);
	}
}
