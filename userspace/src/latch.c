// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Latches, built on waitqs.
 *
 * A waiter sleeps while the word is what it has seen, which others may count
 * down meanwhile: then it looks again, or is asleep already and does not care.
 * Who counts it down to 0 changes the word before it looks for waiters, so none
 * is missed (ksync/waitq.h).
 *
 * A waiter that finds the latch open may go on to destroy it, and the number of
 * the object may be given to another one, while the task that opened it has its
 * wake-up still to do.  So that one says until when it needs the object.
 */
#include "internal.h"

#define OPENING	(~KSYNC_LATCH_MAX)

static uint32_t read_word(const struct ksync_object *o)
{
	return __atomic_load_n(&o->cell->word, __ATOMIC_ACQUIRE);
}

static void wake_all(struct ksync_latch *l)
{
	ksync_waitq_wake(&l->q, UINT32_MAX);
	__atomic_and_fetch(&l->o.cell->word, ~OPENING, __ATOMIC_RELEASE);
}

KSYNC_EXPORT int ksync_latch_count_down(struct ksync_latch *l, uint32_t n)
{
	uint32_t seen = read_word(&l->o), want;
	int ret;

	ret = ksync_model_check(&l->o, KSYNC_MODEL_LATCH_);
	if (ret || !n)
		return ret;
	do {
		if ((seen & KSYNC_LATCH_MAX) < n)
			return -EOVERFLOW;
		want = seen - n ? seen - n : OPENING;
	} while (!ksync_cas_(&l->o.cell->word, &seen, want, __ATOMIC_ACQ_REL));
	if (want == OPENING)
		wake_all(l);
	return 0;
}

KSYNC_EXPORT int ksync_latch_wait_slow_(struct ksync_latch *l, clockid_t clock,
					const struct timespec *abs)
{
	uint32_t v;
	int ret;

	do {
		ret = ksync_model_check(&l->o, KSYNC_MODEL_LATCH_);
		if (ret)
			return ret;
		v = read_word(&l->o);
		if (!(v & KSYNC_LATCH_MAX))
			return 0;
		ret = ksync_waitq_wait_timed(&l->q, v, KSYNC_BITSET_ALL, clock,
					     abs);
	} while (!ret || ret == -EAGAIN);
	return ksync_latch_is_open_(l) ? 0 : ret;
}

KSYNC_EXPORT int ksync_latch_init(struct ksync_latch *l, struct ksync *d,
				  uint32_t count)
{
	int ret;

	if (count > KSYNC_LATCH_MAX)
		return -EINVAL;
	ret = ksync_model_create(&l->o, d, KSYNC_KIND_WAITQ,
				 KSYNC_MODEL_LATCH_);
	if (!ret)
		l->o.cell->word = count;
	return ret;
}

KSYNC_EXPORT int ksync_latch_open(struct ksync_latch *l, struct ksync *d,
				  uint32_t id)
{
	return ksync_model_open(&l->o, d, KSYNC_KIND_WAITQ, KSYNC_MODEL_LATCH_,
				id);
}

static bool being_opened(const struct ksync_object *o)
{
	return read_word(o) & OPENING;
}

KSYNC_EXPORT int ksync_latch_destroy(struct ksync_latch *l)
{
	int ret;

	ret = ksync_model_check(&l->o, KSYNC_MODEL_LATCH_);
	if (ret)
		return ret;
	ret = ksync_model_settle(&l->q, being_opened);
	return ret ? ret : ksync_object_destroy(&l->o);
}
