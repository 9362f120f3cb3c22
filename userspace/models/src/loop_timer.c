// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Timers of a loop: a heap of which each node has 4 children (D. B. Johnson, "Priority
 * queues with update and finding minimum spanning trees", 1975): half as deep as a binary
 * one, and the children share a cache line.  A timer knows its place, so it is stopped in
 * O(log n).
 */
#include <stdlib.h>
#include "loop.h"

#define CHILDREN	4U

static bool before(const struct ksync_loop_timer *a, const struct ksync_loop_timer *b)
{
	return a->when_ != b->when_ ? a->when_ < b->when_ : a->seq_ < b->seq_;
}

static void place(struct ksync_loop *l, uint32_t i, struct ksync_loop_timer *timer)
{
	l->heap[i] = timer;
	timer->index_ = i + 1;
}

static void sift_up(struct ksync_loop *l, uint32_t i, struct ksync_loop_timer *timer)
{
	uint32_t parent;

	for (; i; i = parent) {
		parent = (i - 1) / CHILDREN;
		if (!before(timer, l->heap[parent]))
			break;
		place(l, i, l->heap[parent]);
	}
	place(l, i, timer);
}

static void sift_down(struct ksync_loop *l, uint32_t i, struct ksync_loop_timer *timer)
{
	uint32_t child, least, end;

	while (child = CHILDREN * i + 1, child < l->n) {
		end = child + CHILDREN < l->n ? child + CHILDREN : l->n;
		for (least = child++; child < end; child++)
			if (before(l->heap[child], l->heap[least]))
				least = child;
		if (!before(l->heap[least], timer))
			break;
		place(l, i, l->heap[least]);
		i = least;
	}
	place(l, i, timer);
}

static void settle(struct ksync_loop *l, uint32_t i, struct ksync_loop_timer *timer)
{
	if (i && before(timer, l->heap[(i - 1) / CHILDREN]))
		sift_up(l, i, timer);
	else
		sift_down(l, i, timer);
}

static int make_room(struct ksync_loop *l)
{
	uint32_t room = l->room ? 2 * l->room : 64;
	struct ksync_loop_timer **heap;

	if (l->n < l->room)
		return 0;
	heap = realloc(l->heap, room * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	l->heap = heap;
	l->room = room;
	return 0;
}

EXPORT int ksync_loop_timer_start(struct ksync_loop *l, struct ksync_loop_timer *timer,
				  const struct timespec *abs)
{
	uint64_t when;
	int ret = abs ? ksync_deadline_ns(abs, &when) : -EINVAL;

	if (!ret && !timer->index_)
		ret = make_room(l);
	if (ret)
		return ret;
	/* A timer that starts itself for a time that has passed waits for the next turn. */
	if (l->firing && when <= l->now)
		when = l->now + 1;
	timer->when_ = when;
	timer->seq_ = l->timer_seq++;
	timer->missed = 0;
	if (timer->index_)
		settle(l, timer->index_ - 1, timer);
	else
		sift_up(l, l->n++, timer);
	return 0;
}

static void take_out(struct ksync_loop *l, struct ksync_loop_timer *timer)
{
	struct ksync_loop_timer *last = l->heap[--l->n];
	uint32_t i = timer->index_ - 1;

	timer->index_ = 0;
	if (last != timer)
		settle(l, i, last);
}

EXPORT bool ksync_loop_timer_stop(struct ksync_loop *l, struct ksync_loop_timer *timer)
{
	if (!timer->index_)
		return false;
	take_out(l, timer);
	return true;
}

/** ksync_loop_timers_next() - when the first is due, or NEVER */
uint64_t ksync_loop_timers_next(const struct ksync_loop *l)
{
	return l->n ? l->heap[0]->when_ : NEVER;
}

/* The first multiple of the period that is to come. */
static void advance(struct ksync_loop *l, struct ksync_loop_timer *timer)
{
	timer->missed = (l->now - timer->when_) / timer->period;
	timer->when_ += (timer->missed + 1) * timer->period;
	timer->seq_ = l->timer_seq++;
	sift_down(l, 0, timer);
}

/** ksync_loop_timers_run() - call those that are due */
void ksync_loop_timers_run(struct ksync_loop *l)
{
	struct ksync_loop_timer *timer;

	l->firing = true;
	while (l->n && l->heap[0]->when_ <= l->now) {
		timer = l->heap[0];
		/* Before the call: it may stop the timer, and free it. */
		if (timer->period)
			advance(l, timer);
		else
			take_out(l, timer);
		timer->fn(l, timer);
	}
	l->firing = false;
}
