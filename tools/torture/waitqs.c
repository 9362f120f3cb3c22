// SPDX-License-Identifier: GPL-2.0
/*
 * The row of waitqs: tasks sleep while the word is what they saw.  Others change it
 * and wake all, or move all to a second queue and wake them there: so nobody may
 * sleep on with an old word once that is done.
 */
#include <errno.h>
#include <limits.h>
#include "torture.h"

#define WAITED	0	/* waits that a waker ended */
#define WOKEN	1	/* how many wakers have woken */
#define DEATHS	2	/* at the last judgement */

int waitqs_create(const struct row *row)
{
	int ret = ksync_waitq_init(&kit.thing[0].waitq, kit.d, row->flags);

	kit.n = 2;
	return ret ? ret : ksync_waitq_init(&kit.thing[1].waitq, kit.d, 0);
}

static uint32_t word(void)
{
	return __atomic_load_n(&kit.thing[0].o.cell->word, __ATOMIC_SEQ_CST);
}

static void add(int i, int n)
{
	if (n > 0)
		__atomic_add_fetch(&scene->count[i], n, __ATOMIC_SEQ_CST);
	else if (n < 0)
		violate(WRONG_ANSWER, "a waker is answered so", n, 0);
}

static void change_and_wake(struct slot *me)
{
	struct ksync_waitq *q = &kit.thing[0].waitq, *other = &kit.thing[1].waitq;
	int ret;

	__atomic_store_n(&me->giving, 1, __ATOMIC_SEQ_CST);
	if (scene->verbs->wake) {
		scene->verbs->wake(&kit.thing[0], me);
	} else {
		__atomic_add_fetch(&kit.thing[0].o.cell->word, 1, __ATOMIC_SEQ_CST);
		if (chance(me, 3)) {
			ret = ksync_waitq_requeue(q, other, 0, INT_MAX);
			if (ret < 0)
				violate(WRONG_ANSWER, "a requeue is answered so", ret, 0);
			add(WOKEN, ksync_waitq_wake(other, INT_MAX));
		}
		add(WOKEN, ksync_waitq_wake_bitset(q, INT_MAX, KSYNC_BITSET_ALL));
	}
	__atomic_store_n(&me->giving, 0, __ATOMIC_SEQ_CST);
}

static int wait(struct slot *me, uint32_t seen)
{
	struct ksync_waitq *q = &kit.thing[0].waitq;
	const uint32_t bits = 1U << dice(me) % 32;
	struct timespec ts;

	switch (dice(me) % 4) {
	case 0:
		return ksync_waitq_wait_timed(q, seen, bits, CLOCK_MONOTONIC,
					      pick_deadline(me, &ts));
	case 1:
		return ksync_waitq_wait_interruptible(q, seen, bits, CLOCK_MONOTONIC,
						      pick_deadline(me, &ts));
	}
	return ksync_waitq_wait(q, seen);
}

/** waitqs_step() - sleep while nothing changes, or change it */
void waitqs_step(struct slot *me)
{
	int ret;

	if (chance(me, 4)) {
		change_and_wake(me);
		return;
	}
	figure_add(F_CONTENDED, 1);
	me->expected = word();
	if (chance(me, 3)) /* It may change before the module looks. */
		linger(me);
	__atomic_store_n(&me->taking, 1, __ATOMIC_SEQ_CST);
	ret = wait(me, me->expected);
	if (!ret)
		add(WAITED, 1);
	__atomic_store_n(&me->taking, 0, __ATOMIC_SEQ_CST);
	tolerable(me, ret);
}

/** waitqs_bury() - it may have changed the word, and not have woken anybody */
void waitqs_bury(struct slot *dead)
{
	if (dead->giving)
		scene->uncertain[0]++;
}

static bool anybody_sleeps_on(void)
{
	const struct slot *s;
	int i;

	for (i = 0; i < WORKERS; i++) {
		s = &scene->slot[i];
		if (s->state == AT_WORK && s->taking && s->expected != word())
			return true;
	}
	return false;
}

static void wake_both(void)
{
	add(WOKEN, ksync_waitq_wake(&kit.thing[0].waitq, INT_MAX));
	add(WOKEN, ksync_waitq_wake(&kit.thing[1].waitq, INT_MAX));
}

/** waitqs_mend() - all sleep: with the word as it is, or since a waker died */
bool waitqs_mend(void)
{
	if (scene->uncertain[0]) {
		scene->uncertain[0] = 0;
		figure_add(F_MENDED, 1);
		wake_both();
		return true;
	}
	if (anybody_sleeps_on())
		return false;
	__atomic_add_fetch(&kit.thing[0].o.cell->word, 1, __ATOMIC_SEQ_CST);
	wake_both();
	return true;
}

/** waitqs_judge() - who was woken has returned, but for those that died */
void waitqs_judge(void)
{
	const uint64_t deaths = scene->figure[F_DEATHS] - scene->count[DEATHS];
	const uint64_t waited = scene->count[WAITED], woken = scene->count[WOKEN];

	/* A waker that dies takes along its whole count. */
	if (!deaths && waited != woken)
		violate(COUNT, "waits that were ended, tasks that were woken", waited, woken);
	if (waited > woken + deaths * WORKERS || woken > waited + deaths)
		violate(COUNT, "waits that were ended, tasks that were woken", waited, woken);
	scene->count[DEATHS] = scene->figure[F_DEATHS];
	scene->count[WAITED] = 0;
	scene->count[WOKEN] = 0;
}
