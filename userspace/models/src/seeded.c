// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The seeded scheduler: one machine, one set of ready tasks, of which a random sequence
 * picks; and a clock that jumps to the next deadline when nothing is ready.
 */
#include <stdlib.h>
#include "internal.h"

#define START	1000000000ULL	/* the clock's, any */

/* splitmix64 (Steele, Lea, Flood 2014) */
uint64_t ksync_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

int ksync_seeded_start(struct ksync_sched *s, uint64_t seed)
{
	s->random = seed;
	s->trace = 0xcbf29ce484222325ULL;
	s->now = START;
	return ksync_seeded_room(s);
}

/** ksync_seeded_room() - for one task more, so that no wake-up needs memory */
int ksync_seeded_room(struct ksync_sched *s)
{
	struct ksync_task **ready;
	uint32_t room;
	int ret = 0;

	lock(&s->lock);
	if (ksync_tasks(s) + 1 >= s->ready_room) {
		room = s->ready_room ? 2 * s->ready_room : 64;
		ready = realloc(s->ready, room * sizeof(*ready));
		if (ready) {
			s->ready = ready;
			s->ready_room = room;
		} else {
			ret = -ENOMEM;
		}
	}
	unlock(&s->lock);
	return ret;
}

void ksync_seeded_put(struct ksync_sched *s, struct ksync_task *t)
{
	lock(&s->lock);
	s->ready[s->nready] = t;
	store(&s->nready, s->nready + 1);
	unlock(&s->lock);
}

static struct ksync_task *draw(struct ksync_sched *s)
{
	struct ksync_task *t = NULL;
	uint32_t i;

	lock(&s->lock);
	if (s->nready) {
		i = ksync_random(&s->random) % s->nready;
		t = s->ready[i];
		store(&s->nready, s->nready - 1);
		s->ready[i] = s->ready[s->nready];
		s->trace = (s->trace ^ t->id) * 0x100000001b3ULL; /* FNV-1a */
	}
	unlock(&s->lock);
	return t;
}

/** ksync_seeded_get() - a task, after however much virtual time; NULL */
struct ksync_task *ksync_seeded_get(struct ksync_sched *s)
{
	struct ksync_task *t;
	uint64_t next;

	while (!(t = draw(s))) {
		next = load(&s->timers.next);
		if (next == NEVER)
			return NULL;
		if (next > s->now)
			store(&s->now, next);
		ksync_timers_run(s);
	}
	return t;
}

bool ksync_seeded_coin(struct ksync_sched *s)
{
	bool heads;

	lock(&s->lock);
	heads = ksync_random(&s->random) & 1;
	unlock(&s->lock);
	return heads;
}
