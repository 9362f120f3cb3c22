// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Barriers, built on waitqs.
 *
 * One 64-bit atomic has the number of the cycle and how many have arrived in
 * it; whoever completes a cycle begins the next one with the same instruction,
 * so that no arrival belongs to two cycles or to none.  The waitq's word is
 * another counter, which only says that some cycle has ended:
 *
 *	CPU0 (waits)			CPU1 (arrives last)
 *	----				----
 *	arrive in cycle n		state = (n + 1, 0)
 *	v = word		[A]	word++			[B]
 *	state is of cycle n ?		wake, if there are waiters
 *	  no: done
 *	  yes: WAIT while word == v
 *
 * [A] is an acquire, [B] a release: if CPU0 reads what CPU1 wrote to the word,
 * it also sees the new cycle, and does not sleep.  Otherwise the word changes
 * after [A]: CPU0 gets -EAGAIN or is asleep before it changes, and CPU1's look
 * at the waiters (ksync/waitq.h) finds it.
 *
 * Tasks that came too many, and wait for cycle n + 1 already, hear another bit
 * than those of cycle n, and sleep on.
 */
#include "internal.h"

#define ONE_ARRIVAL	1ULL
#define CYCLE_SHIFT	32

static uint32_t cycle_of(uint64_t state)
{
	return state >> CYCLE_SHIFT;
}

static uint32_t arrived_of(uint64_t state)
{
	return (uint32_t)state;
}

static uint64_t read_state(const struct ksync_object *o)
{
	return __atomic_load_n(&ksync_model_cell_of_(o)->state,
			       __ATOMIC_ACQUIRE);
}

static bool change_state(const struct ksync_object *o, uint64_t *seen,
			 uint64_t want)
{
	return __atomic_compare_exchange_n(&ksync_model_cell_of_(o)->state,
					   seen, want, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static bool over(const struct ksync_barrier *b, uint32_t cycle)
{
	return cycle_of(read_state(&b->o)) != cycle;
}

static uint32_t bit_of(uint32_t cycle)
{
	return 1U << cycle % 32;
}

/*
 * The caller's last touch of the cell: destroy may go on.  Arrivals of all
 * cycles less these are the calls that have not returned yet.
 */
static void leave(struct ksync_barrier *b)
{
	__atomic_add_fetch(&ksync_model_cell_of_(&b->o)->left, 1,
			   __ATOMIC_RELEASE);
}

/* Return: whether the caller is the last one of @cycle; -EUCLEAN. */
static int arrive(struct ksync_barrier *b, uint32_t *cycle)
{
	uint64_t seen = read_state(&b->o), want;

	do {
		if (arrived_of(seen) >= b->count)
			return -EUCLEAN;
		want = seen + ONE_ARRIVAL;
		if (arrived_of(want) == b->count)
			want = (uint64_t)(cycle_of(seen) + 1) << CYCLE_SHIFT;
	} while (!change_state(&b->o, &seen, want));
	*cycle = cycle_of(seen);
	return cycle_of(want) != *cycle;
}

/* Return: whether the caller is out of @cycle: not if that has ended. */
static bool withdraw(struct ksync_barrier *b, uint32_t cycle)
{
	uint64_t seen = read_state(&b->o);

	do {
		if (cycle_of(seen) != cycle)
			return false;
		if (!arrived_of(seen))	/* overwritten */
			return true;
	} while (!change_state(&b->o, &seen, seen - ONE_ARRIVAL));
	return true;
}

static void release(struct ksync_barrier *b, uint32_t cycle)
{
	__atomic_add_fetch(&b->o.cell->word, 1, __ATOMIC_RELEASE); /* [B] */
	ksync_waitq_wake_bitset(&b->q, UINT32_MAX, bit_of(cycle));
}

/* Where the tasks of a cycle cannot all run at once, another one needs the CPU. */
static bool spin(const struct ksync_barrier *b, uint32_t cycle)
{
	const struct ksync *d = b->o.domain;
	unsigned int spins = b->count <= d->cpus ? d->spins : 0;

	while (!over(b, cycle)) {
		if (!spins--)
			return false;
		ksync_cpu_relax();
	}
	return true;
}

static int sleep_until_over(struct ksync_barrier *b, uint32_t cycle,
			    clockid_t clock, const struct timespec *abs)
{
	uint32_t v;
	int ret;

	do {
		v = __atomic_load_n(&b->o.cell->word, __ATOMIC_ACQUIRE); /* [A] */
		if (over(b, cycle))
			return 0;
		ret = ksync_waitq_wait_timed(&b->q, v, bit_of(cycle), clock,
					     abs);
	} while (!ret || ret == -EAGAIN);
	return ret;
}

KSYNC_EXPORT int ksync_barrier_wait_timed(struct ksync_barrier *b,
					  clockid_t clock,
					  const struct timespec *abs)
{
	uint32_t cycle;
	int ret;

	ret = ksync_model_check(&b->o, KSYNC_MODEL_BARRIER_);
	if (ret)
		return ret;
	ret = arrive(b, &cycle);
	if (ret < 0)
		return ret;
	if (ret) {
		release(b, cycle);
		ret = KSYNC_BARRIER_SERIAL;
	} else if (!spin(b, cycle)) {
		ret = sleep_until_over(b, cycle, clock, abs);
		if (ret && withdraw(b, cycle))
			return ret;
		ret = 0;
	}
	leave(b);
	return ret;
}

KSYNC_EXPORT int ksync_barrier_wait(struct ksync_barrier *b)
{
	return ksync_barrier_wait_timed(b, CLOCK_MONOTONIC, NULL);
}

KSYNC_EXPORT int ksync_barrier_init(struct ksync_barrier *b, struct ksync *d,
				    uint32_t count)
{
	int ret;

	if (!count)
		return -EINVAL;
	memset(b, 0, sizeof(*b));
	ret = ksync_model_create(&b->o, d, KSYNC_KIND_WAITQ,
				 KSYNC_MODEL_BARRIER_);
	if (ret)
		return ret;
	b->count = count;
	ksync_model_cell_of_(&b->o)->count = count;
	return 0;
}

/* From now on the count is ours: the cell may be overwritten. */
KSYNC_EXPORT int ksync_barrier_open(struct ksync_barrier *b, struct ksync *d,
				    uint32_t id)
{
	int ret;

	memset(b, 0, sizeof(*b));
	ret = ksync_model_open(&b->o, d, KSYNC_KIND_WAITQ,
			       KSYNC_MODEL_BARRIER_, id);
	if (ret)
		return ret;
	b->count = ksync_model_cell_of_(&b->o)->count;
	return b->count ? 0 : -EINVAL;
}

static bool somebody_leaves(const struct ksync_object *o)
{
	const struct ksync_model_cell_ *c = ksync_model_cell_of_(o);
	uint64_t state = read_state(o);

	return cycle_of(state) * c->count + arrived_of(state) !=
	       __atomic_load_n(&c->left, __ATOMIC_ACQUIRE);
}

KSYNC_EXPORT int ksync_barrier_destroy(struct ksync_barrier *b)
{
	int ret;

	ret = ksync_model_check(&b->o, KSYNC_MODEL_BARRIER_);
	if (ret)
		return ret;
	if (arrived_of(read_state(&b->o)))
		return -EBUSY;
	ret = ksync_model_settle(&b->q, somebody_leaves);
	return ret ? ret : ksync_object_destroy(&b->o);
}
