// SPDX-License-Identifier: GPL-2.0
/*
 * Rows of tokens: a sem with a few units; an event that resets itself, whose one
 * token admits to a section; and waits for any, or for all, of several objects of
 * all kinds.
 */
#include <errno.h>
#include "torture.h"

#define UNITS	2

static const uint32_t mix_units[OBJECTS] = { 2, 1, 0, 0, 0, 1 };

int sem_create(const struct row *row)
{
	(void)row;
	kit.n = 1;
	return ksync_sem_init(&kit.thing[0].sem, kit.d, UNITS, 0);
}

int auto_create(const struct row *row)
{
	int ret;

	(void)row;
	kit.n = 1;
	ret = ksync_event_init(&kit.thing[0].event, kit.d, 0);
	if (!ret)
		ksync_event_set(&kit.thing[0].event);
	return ret;
}

/* Two sems, two mutexes, an rwlock, an event. */
int mix_create(const struct row *row)
{
	int ret;

	(void)row;
	kit.n = 6;
	ret = ksync_sem_init(&kit.thing[0].sem, kit.d, mix_units[0], 0);
	if (!ret)
		ret = ksync_sem_init(&kit.thing[1].sem, kit.d, mix_units[1], 0);
	if (!ret)
		ret = ksync_mutex_init(&kit.thing[2].mutex, kit.d, 0);
	if (!ret)
		ret = ksync_mutex_init(&kit.thing[3].mutex, kit.d, KSYNC_MUTEX_STRICT);
	if (!ret)
		ret = ksync_rwlock_init(&kit.thing[4].rwlock, kit.d, 0);
	if (!ret)
		ret = ksync_event_init(&kit.thing[5].event, kit.d, 0);
	if (!ret)
		ksync_event_set(&kit.thing[5].event);
	return ret;
}

static uint32_t kind_of(const union thing *t)
{
	return t->o.attr & 0xff;
}

static bool is_token(unsigned int i)
{
	const uint32_t kind = kind_of(&kit.thing[i]);

	return kind == KSYNC_KIND_SEM || kind == KSYNC_KIND_EVENT;
}

/* What it may get is written before, what it has got as soon as it is known. */
static void begin_taking(struct slot *me, uint32_t mask)
{
	__atomic_store_n(&me->taking, mask, __ATOMIC_SEQ_CST);
}

static void taken(struct slot *me, uint32_t mask)
{
	__atomic_store_n(&me->held, mask, __ATOMIC_SEQ_CST);
	__atomic_store_n(&me->taking, 0, __ATOMIC_SEQ_CST);
}

static int give_back(union thing *t)
{
	int ret;

	if (kind_of(t) == KSYNC_KIND_SEM)
		return ksync_sem_post(&t->sem);
	ret = ksync_event_set(&t->event);
	if (ret > 0) {
		violate(COUNT, "the token was there already: answer of set", ret, 0);
		return 0;
	}
	return ret;
}

static void give(struct slot *me, unsigned int i)
{
	const uint32_t bit = 1U << i;
	int ret;

	__atomic_store_n(&me->giving, bit, __ATOMIC_SEQ_CST);
	__atomic_store_n(&me->held, me->held & ~bit, __ATOMIC_SEQ_CST);
	ret = scene->verbs->give ? scene->verbs->give(&kit.thing[i], me) :
		give_back(&kit.thing[i]);
	__atomic_store_n(&me->giving, 0, __ATOMIC_SEQ_CST);
	if (ret)
		violate(WRONG_ANSWER, "a token is given back: answer", ret, i);
}

static int take_sem(struct ksync_sem *s, struct slot *me)
{
	struct timespec ts;

	switch (dice(me) % 5) {
	case 0:
		return ksync_sem_wait_try(s);
	case 1:
		return ksync_sem_wait_timed(s, CLOCK_MONOTONIC, pick_deadline(me, &ts));
	case 2:
		return ksync_sem_wait_interruptible(s, CLOCK_MONOTONIC, pick_deadline(me, &ts));
	}
	return ksync_sem_wait(s);
}

/** take_event() - wait for an event in one of the ways there are; its answer */
int take_event(struct ksync_event *e, struct slot *me)
{
	struct timespec ts;

	switch (dice(me) % 5) {
	case 0:
		return ksync_event_wait_try(e);
	case 1:
		return ksync_event_wait_timed(e, CLOCK_MONOTONIC, pick_deadline(me, &ts));
	case 2:
		return ksync_event_wait_interruptible(e, CLOCK_MONOTONIC, pick_deadline(me, &ts));
	}
	return ksync_event_wait(e);
}

static int take(union thing *t, struct slot *me)
{
	if (!(__atomic_load_n(&t->o.cell->word, __ATOMIC_RELAXED) & ~KSYNC_WAITERS))
		figure_add(F_CONTENDED, 1);
	if (scene->verbs->take)
		return scene->verbs->take(t, me);
	return kind_of(t) == KSYNC_KIND_SEM ? take_sem(&t->sem, me) : take_event(&t->event, me);
}

/** tokens_step() - take one, give it back */
void tokens_step(struct slot *me)
{
	const bool alone = kind_of(&kit.thing[0]) == KSYNC_KIND_EVENT;
	int ret;

	begin_taking(me, 1);
	ret = take(&kit.thing[0], me);
	if (!tolerable(me, ret)) {
		begin_taking(me, 0);
		return;
	}
	taken(me, 1);
	if (alone) {
		guard_enter(me, 0, 0);
		guard_leave(me, 0);
	} else {
		linger(me);
	}
	give(me, 0);
}

static uint64_t count(union thing *t)
{
	if (kind_of(t) == KSYNC_KIND_SEM)
		return ksync_sem_value(&t->sem);
	return __atomic_load_n(&t->o.cell->word, __ATOMIC_SEQ_CST) & KSYNC_EVENT_SET;
}

static void set_to(union thing *t, uint64_t n)
{
	if (kind_of(t) == KSYNC_KIND_EVENT) {
		ksync_event_set(&t->event);
		return;
	}
	while (count(t) > n && !ksync_sem_wait_try(&t->sem))
		;
	while (count(t) < n && !ksync_sem_post(&t->sem))
		;
}

/** tokens_judge() - none is missing, none is too many */
void tokens_judge(void)
{
	uint64_t initial;

	for (unsigned int i = 0; i < kit.n; i++) {
		if (!is_token(i)) {
			guard_judge(i);
			continue;
		}
		initial = kit.n > 1 ? mix_units[i] :
			kind_of(&kit.thing[i]) == KSYNC_KIND_SEM ? UNITS : 1;
		token_judge(i, initial, count(&kit.thing[i]));
		set_to(&kit.thing[i], initial);
	}
}

/* Some of all, in any order, none twice. */
static unsigned int choose(struct slot *me, struct ksync_wait_item *w, unsigned int *which)
{
	unsigned int left[OBJECTS], n = 1 + dice(me) % 4, i, k;

	for (i = 0; i < OBJECTS; i++)
		left[i] = i;
	for (i = 0; i < n; i++) {
		k = i + dice(me) % (OBJECTS - i);
		which[i] = left[k];
		left[k] = left[i];
		w[i] = (struct ksync_wait_item){ .o = &kit.thing[which[i]].o };
		if (kind_of(&kit.thing[which[i]]) == KSYNC_KIND_RWLOCK && chance(me, 2))
			w[i].flags = KSYNC_LOCK_READ;
	}
	return n;
}

static int wait_many(struct slot *me, struct ksync_wait_item *w, unsigned int n, bool all,
		     unsigned int *index)
{
	const unsigned int mode = all ? KSYNC_MANY_ALL : 0;
	struct timespec ts;

	switch (dice(me) % 5) {
	case 0:
		return ksync_wait_many_(w, n, NULL, &me->self, mode | KSYNC_WAIT_TRY,
					CLOCK_MONOTONIC, NULL, index);
	case 1:
		return ksync_wait_many_(w, n, NULL, &me->self, mode, CLOCK_MONOTONIC,
					pick_deadline(me, &ts), index);
	case 2:
		return ksync_wait_many_(w, n, NULL, &me->self, mode | KSYNC_WAIT_INTERRUPTIBLE,
					CLOCK_MONOTONIC, pick_deadline(me, &ts), index);
	}
	return ksync_wait_many_(w, n, NULL, &me->self, mode, CLOCK_MONOTONIC, NULL, index);
}

static void use_read(struct slot *me, unsigned int i, int died)
{
	const uint64_t a = __atomic_load_n(&scene->guard[i].counter, __ATOMIC_SEQ_CST);

	linger(me);
	if (a != __atomic_load_n(&scene->guard[i].counter, __ATOMIC_SEQ_CST))
		violate(EXCLUSION, "somebody writes while a reader reads: before, object", a, i);
	(void)died;
	if (ksync_rwlock_unlock_as(&kit.thing[i].rwlock, &me->self))
		violate(WRONG_ANSWER, "a reader cannot unlock", i, 0);
}

static void use_lock(struct slot *me, unsigned int i, int died)
{
	union thing *t = &kit.thing[i];
	int ret;

	guard_enter(me, i, died);
	if (died) {
		figure_add(F_OWNERS_DIED, 1);
		ret = ksync_consistent_(&t->o, &me->self);
		if (ret)
			violate(WRONG_ANSWER, "an owner repairs: answer", ret, i);
	}
	guard_leave(me, i);
	ret = kind_of(t) == KSYNC_KIND_RWLOCK ? ksync_rwlock_unlock_as(&t->rwlock, &me->self) :
		ksync_mutex_unlock_as(&t->mutex, &me->self);
	if (ret)
		violate(WRONG_ANSWER, "an owner unlocks: answer", ret, i);
}

static void use(struct slot *me, const struct ksync_wait_item *w, unsigned int i)
{
	if (is_token(i)) {
		linger(me);
		give(me, i);
	} else if (w->flags & KSYNC_LOCK_READ) {
		use_read(me, i, w->result);
	} else {
		use_lock(me, i, w->result);
	}
}

static uint32_t token_mask(const unsigned int *which, unsigned int from, unsigned int n)
{
	uint32_t mask = 0;

	for (; from < n; from++)
		if (is_token(which[from]))
			mask |= 1U << which[from];
	return mask;
}

static void many_step(struct slot *me, bool all)
{
	struct ksync_wait_item w[4];
	unsigned int which[4], n = choose(me, w, which), index = 0, i;
	int ret;

	begin_taking(me, token_mask(which, 0, n));
	ret = wait_many(me, w, n, all, &index);
	if (!tolerable(me, ret)) {
		begin_taking(me, 0);
		return;
	}
	if (!all && index >= n) {
		violate(WRONG_ANSWER, "a wait for any took the item", index, n);
		return;
	}
	taken(me, all ? token_mask(which, 0, n) : token_mask(which, index, index + 1));
	for (i = 0; i < n; i++)
		if (all || i == index)
			use(me, &w[i], which[i]);
}

/* One of many locks alone, by its own function: waits of both sorts meet. */
static void single_step(struct slot *me)
{
	const unsigned int i = 2 + dice(me) % 2;
	const int ret = ksync_mutex_lock_as(&kit.thing[i].mutex, &me->self);

	if (tolerable(me, ret))
		use_lock(me, i, ret);
}

void any_step(struct slot *me)
{
	if (chance(me, 4))
		single_step(me);
	else
		many_step(me, false);
}

void all_step(struct slot *me)
{
	if (chance(me, 4))
		many_step(me, false);
	else
		many_step(me, true);
}

void tokens_free(union thing *t)
{
	locks_free(t);
}
