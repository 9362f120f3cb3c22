// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Who is started again when a child has ended, and when that has been too often.
 *
 * A child that cannot be started is tried again, after what else the supervisor has been
 * asked, as often as its intensity allows: so it can be told to stop meanwhile.
 */
#include <stdlib.h>
#include "supervisor.h"

int ksync_window_init(struct window *w, uint32_t intensity, uint64_t period)
{
	w->intensity = intensity;
	w->period = period;
	w->n = 0;
	w->at = intensity ? calloc(intensity, sizeof(*w->at)) : NULL;
	return intensity && !w->at ? -ENOMEM : 0;
}

/**
 * ksync_window_allows() - count a restart
 * @w: window
 * @now: time of it
 *
 * The ring has the last restarts, as many as there may be in a period: the oldest is
 * what the new one takes the place of.  A restart that is one period ago still counts.
 *
 * Return: false: it is one too many.
 */
bool ksync_window_allows(struct window *w, uint64_t now)
{
	uint64_t *oldest;

	if (!w->intensity)
		return false;
	oldest = &w->at[w->n % w->intensity];
	if (w->n >= w->intensity && now - *oldest <= w->period)
		return false;
	*oldest = now;
	w->n++;
	return true;
}

/* Return: which could not be started; NULL: all run. */
static struct child *start_from(struct supervisor *s, struct child *c)
{
	struct child *next;

	for (; c && !s->broken; c = next) {
		next = c->next;
		if (ksync_child_start(s, c))
			return c;
	}
	return NULL;
}

static struct child *restart_by_strategy(struct supervisor *s, struct child *c)
{
	switch (s->strategy) {
	case KSYNC_ONE_FOR_ONE:
		return ksync_child_start(s, c) ? c : NULL;
	case KSYNC_REST_FOR_ONE:
		ksync_children_stop(s, c);
		return start_from(s, c);
	case KSYNC_ONE_FOR_ALL:
		break;
	}
	ksync_children_stop(s, NULL);
	return start_from(s, s->first);
}

static void restart(struct supervisor *s, struct child *c)
{
	struct child *failed;

	c->state = CHILD_STOPPED;
	if (!ksync_window_allows(&s->window, ksync_now())) {
		ksync_child_report(s, c, KSYNC_REPORT_GAVE_UP, 0);
		s->over = true;
		s->reason = KSYNC_EXIT_SHUTDOWN;
		return;
	}
	failed = restart_by_strategy(s, c);
	if (failed) {
		failed->state = CHILD_RESTARTING;
		failed->turn = s->turns++;
		s->restarting = true;
	}
}

/** ksync_restart_again() - try once more to start who has been waiting for it longest */
void ksync_restart_again(struct supervisor *s)
{
	struct child *first = NULL, *c;

	for (c = s->first; c; c = c->next)
		if (c->state == CHILD_RESTARTING && (!first || c->turn < first->turn))
			first = c;
	if (first)
		restart(s, first);
	else
		s->restarting = false;
}

static bool to_be_restarted(const struct child *c, int reason)
{
	switch (c->spec.restart) {
	case KSYNC_PERMANENT:
		return true;
	case KSYNC_TRANSIENT:
		return reason != KSYNC_EXIT_NORMAL && reason != KSYNC_EXIT_SHUTDOWN;
	}
	return false;
}

/**
 * ksync_child_ended() - a monitor says that somebody has ended by itself
 * @s: supervisor
 * @ref: of the monitor
 * @reason: why
 */
void ksync_child_ended(struct supervisor *s, uint64_t ref, int reason)
{
	struct child *c = s->first;

	while (c && c->ref != ref)
		c = c->next;
	if (!c)
		return;
	ksync_child_report(s, c, KSYNC_REPORT_ENDED, reason);
	c->state = CHILD_STOPPED;
	c->pid = (struct ksync_pid){ 0 };
	if (to_be_restarted(c, reason))
		restart(s, c);
	else if (c->spec.restart == KSYNC_TEMPORARY)
		ksync_child_forget(s, c);
}
