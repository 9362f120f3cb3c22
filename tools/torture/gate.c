// SPDX-License-Identifier: GPL-2.0
/*
 * The row of an event that stays set until it is reset.  Setting it releases all
 * that wait, even if it is reset at once; and nobody passes while it was not set
 * at any moment.
 */
#include <errno.h>
#include "torture.h"

#define SETS	0	/* begun */
#define RESETS	1	/* done */

int gate_create(const struct row *row)
{
	kit.n = 1;
	return ksync_event_init(&kit.thing[0].event, kit.d, row->flags);
}

static uint64_t load(int i)
{
	return __atomic_load_n(&scene->count[i], __ATOMIC_SEQ_CST);
}

static void bump(int i)
{
	__atomic_add_fetch(&scene->count[i], 1, __ATOMIC_SEQ_CST);
}

static void open_and_close(struct slot *me)
{
	struct ksync_event *e = &kit.thing[0].event;

	bump(SETS);
	if (chance(me, 4)) {
		ksync_event_pulse(e);
	} else {
		ksync_event_set(e);
		linger(me);
		ksync_event_reset(e);
	}
	bump(RESETS);
}

static void pass(struct slot *me)
{
	const uint64_t resets = load(RESETS), sets = load(SETS);
	const int ret = take_event(&kit.thing[0].event, me);

	/* Nobody was between set and reset then, nor has been since. */
	if (tolerable(me, ret) && sets == resets && load(SETS) == sets)
		violate(COUNT, "somebody passed an event that was not set: sets", sets, resets);
}

/** gate_step() - wait, or set and reset */
void gate_step(struct slot *me)
{
	if (chance(me, 6)) {
		open_and_close(me);
		return;
	}
	figure_add(F_CONTENDED, 1);
	pass(me);
}

static bool is_set(void)
{
	return __atomic_load_n(&kit.thing[0].o.cell->word, __ATOMIC_SEQ_CST) & KSYNC_EVENT_SET;
}

/** gate_mend() - all wait, and nobody is there to set it */
bool gate_mend(void)
{
	if (is_set())
		return false;
	bump(SETS);
	ksync_event_set(&kit.thing[0].event);
	return true;
}

/** gate_judge() - start over: who died in between has not counted its reset */
void gate_judge(void)
{
	ksync_event_reset(&kit.thing[0].event);
	scene->count[RESETS] = scene->count[SETS];
}
