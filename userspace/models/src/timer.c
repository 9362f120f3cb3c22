// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Deadlines: a binary heap for each scheduler, under a lock of its own.
 *
 * The first deadline can be read without the lock.  A machine that runs tasks looks at
 * it between tasks; of the machines that sleep one, the keeper, sleeps no longer than
 * until then, and is poked if an earlier one comes.  With KSYNC_MODEL_11 there are no
 * machines, and the monitor is the keeper.
 */
#include <stdlib.h>
#include <time.h>
#include "internal.h"

#define NSEC_PER_SEC	1000000000ULL

static uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/** ksync_clock() - the time of a scheduler; NULL: of plain threads */
uint64_t ksync_clock(const struct ksync_sched *s)
{
	return s && seeded(s) ? load(&s->now) : monotonic();
}

uint64_t ksync_now(void)
{
	struct ksync_task *t = ksync_task_self();

	return ksync_clock(t ? t->sched : NULL);
}

EXPORT void ksync_task_now(struct timespec *now)
{
	uint64_t ns = ksync_now();

	now->tv_sec = ns / NSEC_PER_SEC;
	now->tv_nsec = ns % NSEC_PER_SEC;
}

/** ksync_deadline_ns() - before the clock's zero is 0, beyond its end NEVER */
int ksync_deadline_ns(const struct timespec *abs, uint64_t *ns)
{
	*ns = NEVER;
	if (!abs)
		return 0;
	if (abs->tv_nsec < 0 || abs->tv_nsec >= (long)NSEC_PER_SEC)
		return -EINVAL;
	if (abs->tv_sec < 0)
		*ns = 0;
	else if ((uint64_t)abs->tv_sec < INT64_MAX / NSEC_PER_SEC)
		*ns = abs->tv_sec * NSEC_PER_SEC + abs->tv_nsec;
	return 0;
}

static void place(struct timers *h, uint32_t i, struct ksync_timer *timer)
{
	h->heap[i] = timer;
	timer->index = i + 1;
}

static void sift_up(struct timers *h, uint32_t i, struct ksync_timer *timer)
{
	for (; i && h->heap[(i - 1) / 2]->when > timer->when; i = (i - 1) / 2)
		place(h, i, h->heap[(i - 1) / 2]);
	place(h, i, timer);
}

static void sift_down(struct timers *h, uint32_t i, struct ksync_timer *timer)
{
	uint32_t child;

	for (; child = 2 * i + 1, child < h->n; i = child) {
		if (child + 1 < h->n && h->heap[child + 1]->when < h->heap[child]->when)
			child++;
		if (h->heap[child]->when >= timer->when)
			break;
		place(h, i, h->heap[child]);
	}
	place(h, i, timer);
}

static void take_out(struct timers *h, struct ksync_timer *timer)
{
	uint32_t i = timer->index - 1;
	struct ksync_timer *last;

	store(&h->n, h->n - 1);
	last = h->heap[h->n];
	timer->index = 0;
	if (last != timer) {
		if (i && h->heap[(i - 1) / 2]->when > last->when)
			sift_up(h, i, last);
		else
			sift_down(h, i, last);
	}
	store(&h->next, h->n ? h->heap[0]->when : NEVER);
}

static int make_room(struct timers *h)
{
	uint32_t room = h->room ? 2 * h->room : 64;
	struct ksync_timer **heap;

	if (h->n < h->room)
		return 0;
	heap = realloc(h->heap, room * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	h->heap = heap;
	h->room = room;
	return 0;
}

/**
 * ksync_timer_arm() - have a timer fire
 * @s: scheduler
 * @timer: not armed; @timer->fire is set
 * @when: on the scheduler's clock
 *
 * Return: 0; -ENOMEM.
 */
int ksync_timer_arm(struct ksync_sched *s, struct ksync_timer *timer, uint64_t when)
{
	struct timers *h = &s->timers;
	int ret;

	lock(&h->lock);
	ret = make_room(h);
	if (ret)
		goto out;
	timer->when = when;
	timer->sched = s;
	store(&h->n, h->n + 1);
	sift_up(h, h->n - 1, timer);
	store(&h->next, h->heap[0]->when);
	if (when < h->keeper_until) {
		if (h->keeper)
			ksync_machine_poke(h->keeper);
		else if (s->model == KSYNC_MODEL_11)
			ksync_monitor_wake(s);
	}
out:
	unlock(&h->lock);
	return ret;
}

/** ksync_timer_disarm() - true: it was armed, and has not fired */
bool ksync_timer_disarm(struct ksync_timer *timer)
{
	struct timers *h = &timer->sched->timers;
	bool armed;

	lock(&h->lock);
	armed = timer->index;
	if (armed)
		take_out(h, timer);
	unlock(&h->lock);
	return armed;
}

bool ksync_timers_due(struct ksync_sched *s)
{
	uint64_t next = load(&s->timers.next);

	return next != NEVER && next <= ksync_clock(s);
}

/** ksync_timers_run() - fire what is due */
void ksync_timers_run(struct ksync_sched *s)
{
	struct timers *h = &s->timers;
	struct ksync_timer *timer;
	uint64_t now = ksync_clock(s);

	if (load(&h->next) > now)
		return;
	lock(&h->lock);
	while (h->n && h->heap[0]->when <= now) {
		timer = h->heap[0];
		take_out(h, timer);
		timer->fire(timer);
	}
	unlock(&h->lock);
}

/** ksync_timers_keep() - until when may @m sleep? It is the keeper, or none is needed */
uint64_t ksync_timers_keep(struct ksync_sched *s, struct machine *m)
{
	struct timers *h = &s->timers;
	uint64_t until = NEVER;

	lock(&h->lock);
	if (!h->keeper || h->keeper == m) {
		store(&h->keeper, m);
		until = h->n ? h->heap[0]->when : NEVER;
		h->keeper_until = until;
	}
	unlock(&h->lock);
	/* A timer that somebody outside has armed: virtual time is to go on at once. */
	if (seeded(s) && until != NEVER)
		until = 0;
	return until;
}

void ksync_timers_leave(struct ksync_sched *s, struct machine *m)
{
	struct timers *h = &s->timers;

	if (load(&h->keeper) != m)
		return;
	lock(&h->lock);
	store(&h->keeper, NULL);
	h->keeper_until = NEVER;
	unlock(&h->lock);
}
