// SPDX-License-Identifier: GPL-2.0
/* Rows of locks with one owner: spin, the mutexes, and several mutexes at once. */
#include <errno.h>
#include <poll.h>
#include "torture.h"

#define CEILING	77

static uint32_t kind_of(const union thing *t)
{
	return t->o.attr & 0xff;
}

static int make(union thing *t, const struct row *row)
{
	if (row->flags & KSYNC_MUTEX_PROTECT)
		return ksync_mutex_init_protect(&t->mutex, kit.d,
						row->flags & ~KSYNC_MUTEX_PROTECT, CEILING);
	return ksync_mutex_init(&t->mutex, kit.d, row->flags);
}

int locks_create(const struct row *row)
{
	int ret = 0;

	/* Those who hold several at once have more than one. */
	kit.n = row->step == pairs_step ? 3 : 1;
	for (unsigned int i = 0; i < kit.n && !ret; i++)
		ret = row->flags == KSYNC_KIND_SPIN << 8 ?
			ksync_spin_init(&kit.thing[i].spin, kit.d, 0) :
			make(&kit.thing[i], row);
	return ret;
}

static int lock_spin(struct ksync_spin *s, struct slot *me)
{
	struct timespec ts;

	switch (dice(me) % 5) {
	case 0:
		return ksync_spin_lock_try_as(s, &me->self);
	case 1:
		return ksync_spin_lock_timed_as(s, &me->self, CLOCK_MONOTONIC,
						pick_deadline(me, &ts));
	case 2:
		return ksync_spin_lock_interruptible_as(s, &me->self);
	}
	return ksync_spin_lock_as(s, &me->self);
}

static int lock_mutex(struct ksync_mutex *m, struct slot *me)
{
	struct timespec ts;

	switch (dice(me) % 5) {
	case 0:
		return ksync_mutex_lock_try_as(m, &me->self);
	case 1:
		return ksync_mutex_lock_timed_as(m, &me->self, CLOCK_MONOTONIC,
						 pick_deadline(me, &ts));
	case 2:
		return ksync_mutex_lock_interruptible_as(m, &me->self);
	}
	return ksync_mutex_lock_as(m, &me->self);
}

static void note_contention(const union thing *t)
{
	if (__atomic_load_n(&t->o.cell->word, __ATOMIC_RELAXED) & KSYNC_OWNER)
		figure_add(F_CONTENDED, 1);
}

static int lock(union thing *t, struct slot *me)
{
	note_contention(t);
	if (scene->verbs->lock)
		return scene->verbs->lock(t, me);
	return kind_of(t) == KSYNC_KIND_SPIN ? lock_spin(&t->spin, me) : lock_mutex(&t->mutex, me);
}

static int unlock(union thing *t, struct slot *me)
{
	if (scene->verbs->unlock)
		return scene->verbs->unlock(t, me);
	return kind_of(t) == KSYNC_KIND_SPIN ? ksync_spin_unlock_as(&t->spin, &me->self) :
		ksync_mutex_unlock_as(&t->mutex, &me->self);
}

static void make_consistent(union thing *t, struct slot *me)
{
	const int ret = ksync_consistent_(&t->o, &me->self);

	figure_add(F_OWNERS_DIED, 1);
	if (ret)
		violate(WRONG_ANSWER, "an owner that was told of a death cannot repair: answer",
			ret, 0);
}

static bool enter(struct slot *me, unsigned int i)
{
	union thing *t = &kit.thing[i];
	const int ret = lock(t, me);

	if (!tolerable(me, ret))
		return false;
	guard_enter(me, i, ret);
	if (ret == -EOWNERDEAD)
		make_consistent(t, me);
	return true;
}

static void leave(struct slot *me, unsigned int i)
{
	int ret;

	guard_leave(me, i);
	ret = unlock(&kit.thing[i], me);
	if (ret)
		violate(WRONG_ANSWER, "an owner unlocks: answer", ret, i);
}

/* Recursive ones are locked once more, by the same body. */
static void again(struct slot *me, union thing *t)
{
	int ret = ksync_mutex_lock_as(&t->mutex, &me->self);

	if (!ret)
		ret = ksync_mutex_unlock_as(&t->mutex, &me->self);
	if (ret)
		violate(WRONG_ANSWER, "an owner locks once more: answer", ret, 0);
}

/** locks_step() - a section */
void locks_step(struct slot *me)
{
	if (!enter(me, 0))
		return;
	if (scene->row->flags & KSYNC_MUTEX_RECURSIVE && !(scene->row->flags >> 8))
		again(me, &kit.thing[0]);
	leave(me, 0);
}

/** pairs_step() - two sections, one in the other, in any order */
void pairs_step(struct slot *me)
{
	const unsigned int i = dice(me) % kit.n, k = dice(me) % kit.n;

	if (!enter(me, i))
		return;
	if (k != i && enter(me, k))
		leave(me, k);
	leave(me, i);
}

void locks_judge(void)
{
	for (unsigned int i = 0; i < kit.n; i++)
		guard_judge(i);
}

static int try(union thing *t, bool read)
{
	switch (kind_of(t)) {
	case KSYNC_KIND_SPIN:
		return ksync_spin_lock_try(&t->spin);
	case KSYNC_KIND_RWLOCK:
		return read ? ksync_rwlock_read_lock_try(&t->rwlock) :
			ksync_rwlock_write_lock_try(&t->rwlock);
	}
	return ksync_mutex_lock_try(&t->mutex);
}

static int release(union thing *t)
{
	switch (kind_of(t)) {
	case KSYNC_KIND_SPIN:
		return ksync_spin_unlock(&t->spin);
	case KSYNC_KIND_RWLOCK:
		return ksync_rwlock_unlock(&t->rwlock);
	}
	return ksync_mutex_unlock(&t->mutex);
}

static void use_once(union thing *t, bool read)
{
	struct guard *g = &scene->guard[t - kit.thing];
	const uint64_t end = in(3 * SEC * watch_slow());
	int ret = try(t, read);

	/* The dead may still be on their way out. */
	while (ret == -EBUSY && !passed(end)) {
		poll(NULL, 0, 1);
		ret = try(t, read);
	}
	/* The stage itself is above any ceiling: it takes its turn by that alone. */
	if (ret == -EINVAL && scene->row->flags & KSYNC_MUTEX_PROTECT)
		return;
	if (ret == -EOWNERDEAD && !read) {
		g->owner = 0;
		g->mirror = g->counter;
		ret = ksync_consistent_(&t->o, NULL);
	}
	if (!ret || (read && ret == -EOWNERDEAD))
		ret = release(t);
	if (ret)
		violate(ret == -EBUSY ? LEFT_BEHIND : UNUSABLE,
			"all are parked, and a lock is answered (word)", ret, t->o.cell->word);
}

/** locks_free() - all are parked: the stage locks and unlocks */
void locks_free(union thing *t)
{
	const uint32_t kind = kind_of(t);

	if (kind != KSYNC_KIND_SPIN && kind != KSYNC_KIND_MUTEX && kind != KSYNC_KIND_RWLOCK)
		return;
	use_once(t, false);
	if (kind == KSYNC_KIND_RWLOCK)
		use_once(t, true);
}
