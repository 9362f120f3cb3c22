// SPDX-License-Identifier: GPL-2.0
/*
 * What locks protect: a section that two must never be in; and tokens, units of a
 * sem or an auto-reset event, that must not become more or fewer.
 *
 * Tasks are killed anywhere.  Who dies in a section leaves its mark there, and the
 * next one has to be told.  Of who dies with a token it is known that it had it,
 * and the stage gives it back; or it was just getting it, or giving it back: then
 * nobody knows.  Each such death makes one token uncertain, and no other.
 */
#include "torture.h"

uint32_t guard_mark(const struct slot *s)
{
	return (uint32_t)(s - scene->slot + 1) | s->life << 8;
}

/* Was it killed, or did it leave? Somebody who is just being killed counts. */
static bool mark_is_dead(uint32_t mark)
{
	const struct slot *s = &scene->slot[(mark & 0xff) - 1];

	return (mark & 0xff) > WORKERS || (s->life & 0xffffff) != mark >> 8 ||
	       __atomic_load_n(&s->doomed, __ATOMIC_ACQUIRE) || s->state == EXITED;
}

static void check_owner(const struct guard *g, int ret)
{
	const uint32_t seen = __atomic_load_n(&g->owner, __ATOMIC_RELAXED);

	if (!seen)
		return;
	if (!mark_is_dead(seen))
		violate(EXCLUSION, "somebody else is in the section: mark, answer of LOCK",
			seen, ret);
	else if (!ret)
		violate(UNTOLD_DEATH, "the mark of a dead owner is in the section: mark",
			seen, 0);
}

/**
 * guard_enter() - be in the section of object @i, for some time
 * @me: worker, which has the lock
 * @i: object
 * @ret: 0, or -EOWNERDEAD
 */
void guard_enter(struct slot *me, unsigned int i, int ret)
{
	struct guard *g = &scene->guard[i];
	uint64_t n;

	check_owner(g, ret);
	__atomic_store_n(&g->owner, guard_mark(me), __ATOMIC_RELAXED);
	n = g->counter;
	if (ret)
		g->mirror = n;
	else if (g->mirror != n)
		violate(EXCLUSION, "the section is half done: counter, mirror", n, g->mirror);
	linger(me);
	__atomic_store_n(&g->counter, n + 1, __ATOMIC_RELAXED);
	linger(me);
	__atomic_store_n(&g->mirror, n + 1, __ATOMIC_RELAXED);
}

/** guard_leave() - to be called before the lock is released */
void guard_leave(struct slot *me, unsigned int i)
{
	struct guard *g = &scene->guard[i];

	if (__atomic_load_n(&g->owner, __ATOMIC_RELAXED) != guard_mark(me))
		violate(EXCLUSION, "somebody came into the section: their mark, mine", g->owner,
			guard_mark(me));
	__atomic_store_n(&g->owner, 0, __ATOMIC_RELAXED);
	me->done[i]++;
}

/** guard_judge() - no increment is lost, but for one of each that died */
void guard_judge(unsigned int i)
{
	const struct guard *g = &scene->guard[i];
	uint64_t done = 0, deaths = scene->figure[F_DEATHS];
	int k;

	for (k = 0; k < WORKERS; k++)
		done += scene->slot[k].done[i];
	if (g->counter < done || g->counter > done + deaths)
		violate(COUNT, "sections that were counted, and that were left", g->counter, done);
}

static void token_back(union thing *t)
{
	if ((t->o.attr & 0xff) == KSYNC_KIND_SEM)
		ksync_sem_post(&t->sem);
	else
		ksync_event_set(&t->event);
}

/** token_bury() - what a dead worker had is given back, or becomes uncertain */
void token_bury(struct slot *dead)
{
	struct guard *g;
	unsigned int i;

	for (i = 0; i < kit.n; i++) {
		g = &scene->guard[i];
		if (dead->giving >> i & 1) {
			scene->uncertain[i]++;
		} else if (dead->held >> i & 1) {
			if (g->owner == guard_mark(dead)) {
				g->mirror = g->counter;
				g->owner = 0;
			}
			token_back(&kit.thing[i]);
		} else if (dead->taking >> i & 1) {
			scene->uncertain[i]++;
		}
	}
}

static bool anybody_holds(unsigned int i)
{
	int k;

	for (k = 0; k < WORKERS; k++)
		if ((scene->slot[k].held | scene->slot[k].giving) >> i & 1)
			return true;
	return false;
}

static bool is_there(union thing *t)
{
	if ((t->o.attr & 0xff) == KSYNC_KIND_SEM)
		return ksync_sem_value(&t->sem) > 0;
	return __atomic_load_n(&t->o.cell->word, __ATOMIC_RELAXED) & KSYNC_EVENT_SET;
}

/**
 * token_mend() - all sleep: did a dead one take with it what they wait for?
 *
 * Return: true: one token that was uncertain has been replaced.
 */
bool token_mend(void)
{
	unsigned int i;

	for (i = 0; i < kit.n; i++) {
		if (scene->uncertain[i] == scene->mended[i] || anybody_holds(i) ||
		    is_there(&kit.thing[i]))
			continue;
		scene->mended[i]++;
		figure_add(F_MENDED, 1);
		token_back(&kit.thing[i]);
		return true;
	}
	return false;
}

/**
 * token_judge() - all are parked: are there as many as there were at first?
 * @i: object
 * @initial: at first
 * @now: now; the caller makes it @initial again
 */
void token_judge(unsigned int i, uint64_t initial, uint64_t now)
{
	const uint64_t most = initial + scene->mended[i];

	if (now > most || now + scene->uncertain[i] < most)
		violate(COUNT, "tokens there, at most (fewer by one for each uncertain death)",
			now, most);
	scene->uncertain[i] = 0;
	scene->mended[i] = 0;
}
