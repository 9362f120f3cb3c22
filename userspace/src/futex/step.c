// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: waits whose sleep is somebody else's, as a command of an io_uring
 * is.  What is done before and after it is what queue.c and waitq.c do.
 */
#include <ksync/step.h>
#include "futex.h"

/* A sem or an event. Who was woken has what it waited for. */
static int acquire(const struct object *o, struct ksync_step_ *step, int slept)
{
	struct inner l;
	int ret;

	if (step->word && !slept)
		return 0;
	if (!step->word)
		slept = 0;
	ksync_futex_inner_lock(&l, &o->s->inner);
	if (ksync_futex_object_gone(o, step->attr))
		ret = -EBADF;
	else if (kind_of(o) == KSYNC_KIND_SEM)
		ret = ksync_futex_sem_attempt(o, &step->expected, slept);
	else
		ret = ksync_futex_event_attempt(o, &step->expected, slept);
	ksync_futex_inner_unlock(&l);
	step->word = &o->s->gen;
	step->bitset = KSYNC_BITSET_ALL;
	return ret == -EAGAIN ? 1 : ret;
}

static int wait(const struct object *o, struct ksync_step_ *step, int slept)
{
	if (!step->word) {
		step->seen = ksync_futex_waitq_begin(o);
		step->word = &o->c->word;
		return 1;
	}
	if (slept)
		ksync_futex_waitq_end(o, step->seen);
	return slept;
}

static int do_step(struct ksync *d, uint32_t id, struct ksync_step_ *step, int slept)
{
	struct object o;
	int ret = ksync_futex_object_find(d, id, &o);

	if (!step->word) {
		if (ret)
			return ret;
		step->attr = load(&o.s->attr);
	}
	switch (step->attr & 0xff) {
	case KSYNC_KIND_SEM:
	case KSYNC_KIND_EVENT:
		return acquire(&o, step, slept);
	case KSYNC_KIND_WAITQ:
		return wait(&o, step, slept);
	}
	return -EINVAL;
}

KSYNC_EXPORT int ksync_step_(struct ksync_object *o, struct ksync_step_ *step, int slept)
{
	if (!step->word && ksync_object_stale(o))
		return -EBADF;
	return o->domain->shadow ? do_step(o->domain, o->id, step, slept) : -EOPNOTSUPP;
}
