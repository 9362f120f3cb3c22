// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What barriers, latches and onces have in common: see ksync/model.h. */
#include "internal.h"

_Static_assert(sizeof(struct ksync_model_cell_) == KSYNC_CELL_SIZE,
	       "a model's cell is a cell");

/* How long to wait for calls on their way out, in naps of a millisecond. */
#define NAPS	1000
#define NAP_NS	1000000

/**
 * ksync_model_create() - make the object that a model is built on
 * @o: set up
 * @d: domain
 * @kind: of the object
 * @model: kept in the cell, so that nobody opens one for another
 *
 * Return: as ksync_object_create().
 */
int ksync_model_create(struct ksync_object *o, struct ksync *d, uint32_t kind,
		       uint32_t model)
{
	int ret = ksync_object_create(o, d, kind, 0);

	if (!ret)
		ksync_model_cell_of_(o)->model = model;
	return ret;
}

/**
 * ksync_model_check() - whether an object still is what it was
 * @o: object
 * @model: what it was
 *
 * Return: 0; -EBADF (destroyed by this process, or by another).
 */
int ksync_model_check(const struct ksync_object *o, uint32_t model)
{
	const struct ksync_model_cell_ *c = ksync_model_cell_of_(o);

	if (ksync_object_stale(o) ||
	    __atomic_load_n(&c->model, __ATOMIC_RELAXED) != model)
		return -EBADF;
	return 0;
}

/**
 * ksync_model_open() - refer to one that exists
 * @o: set up
 * @d: domain
 * @kind: of the object
 * @model: which model it has to be
 * @id: number of the object
 *
 * Return: 0; -EBADF (no such object), -EINVAL (something else).
 */
int ksync_model_open(struct ksync_object *o, struct ksync *d, uint32_t kind,
		     uint32_t model, uint32_t id)
{
	int ret = ksync_object_open(o, d, kind, id);

	if (ret)
		return ret;
	return ksync_model_check(o, model) ? -EINVAL : 0;
}

/* A sleep that leaves errno alone; waking up early does no harm. */
static void nap(struct ksync_waitq *q)
{
	uint32_t v = __atomic_load_n(&q->o.cell->word, __ATOMIC_RELAXED);
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += NAP_NS;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	ksync_waitq_wait_timed(q, v, KSYNC_BITSET_ALL, CLOCK_MONOTONIC, &t);
}

/**
 * ksync_model_settle() - wait until calls on their way out have returned
 * @q: what the model is built on
 * @busy: whether there are such calls
 *
 * They need no more than a CPU, unless their task was killed on the way: then
 * they never return, and the time is limited.
 *
 * Return: 0; -EBUSY.
 */
int ksync_model_settle(struct ksync_waitq *q,
		       bool (*busy)(const struct ksync_object *o))
{
	int naps = 0;

	while (busy(&q->o)) {
		if (naps++ == NAPS)
			return -EBUSY;
		nap(q);
	}
	return 0;
}
