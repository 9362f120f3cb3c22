// SPDX-License-Identifier: GPL-2.0
/*
 * The row of a barrier of two: nobody leaves before two have come, and nobody stays
 * once they have.  Nobody dies here: the others would rightly wait for ever.
 */
#include <errno.h>
#include "torture.h"

#define CAME	0
#define LEFT	1
#define SERIAL	2

int meet_create(const struct row *row)
{
	(void)row;
	kit.n = 1;
	return ksync_barrier_init(&kit.thing[0].barrier, kit.d, 2);
}

static void add(int i, int64_t n)
{
	__atomic_add_fetch(&scene->count[i], n, __ATOMIC_SEQ_CST);
}

static int arrive(const struct timespec *until)
{
	int ret;

	add(CAME, 1);
	ret = ksync_barrier_wait_timed(&kit.thing[0].barrier, CLOCK_MONOTONIC, until);
	if (ret == -ETIMEDOUT) {
		add(CAME, -1);
		return ret;
	}
	if (ret == KSYNC_BARRIER_SERIAL)
		add(SERIAL, 1);
	else if (ret)
		return ret;
	add(LEFT, 1);
	return 0;
}

/** meet_step() - come, and wait for another one */
void meet_step(struct slot *me)
{
	struct timespec ts;

	__atomic_store_n(&me->taking, 1, __ATOMIC_SEQ_CST);
	tolerable(me, arrive(pick_deadline(me, &ts)));
	__atomic_store_n(&me->taking, 0, __ATOMIC_SEQ_CST);
	linger(me);
}

/** meet_mend() - all sleep: one waits for another, and the stage is that one */
bool meet_mend(void)
{
	const struct timespec past = to_timespec(1);
	int i, n = 0;

	for (i = 0; i < WORKERS; i++)
		n += scene->slot[i].state == AT_WORK && scene->slot[i].taking;
	return n == 1 && !arrive(&past);
}

/** meet_judge() - each cycle had two, and one of them was told that it was the last */
void meet_judge(void)
{
	const uint64_t *n = scene->count;

	if (n[CAME] != n[LEFT] || n[LEFT] != 2 * n[SERIAL])
		violate(COUNT, "all are parked: came, were last", n[CAME], n[SERIAL]);
}
