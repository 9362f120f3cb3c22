// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Condition variables: what reaches the module.  Why who signals nobody may stay
 * out of it is told in ksync/cond.h.
 */
#include "internal.h"

KSYNC_EXPORT int ksync_cond_init(struct ksync_cond *c, struct ksync *d,
				 unsigned int flags)
{
	return ksync_object_create(&c->o, d, KSYNC_KIND_COND, flags);
}

KSYNC_EXPORT int ksync_cond_open(struct ksync_cond *c, struct ksync *d,
				 uint32_t id)
{
	return ksync_object_open(&c->o, d, KSYNC_KIND_COND, id);
}

KSYNC_EXPORT int ksync_cond_destroy(struct ksync_cond *c)
{
	return ksync_object_destroy(&c->o);
}

static bool owns(const struct ksync_mutex *m, const struct ksync_thread *t)
{
	uint32_t v = __atomic_load_n(&m->o.cell->word, __ATOMIC_RELAXED);

	return (v & KSYNC_OWNER) == t->handle;
}

/*
 * How often a recursive mutex is held is put away while others have it.  Who
 * has it now is what counts, not what the module says: there are errors before
 * the mutex was released, and errors after.  A ceiling does not count in the
 * wait; should it be below the caller's priority by now, it has no effect.
 */
static int wait(struct ksync_mutex *m, const struct ksync_thread *t,
		struct ksync_cond_wait *arg)
{
	const uint32_t depth = m->o.cell->depth;
	int ret;

	if (!owns(m, t))
		return -EPERM;
	if (depth)
		m->o.cell->depth = 0;
	if (ksync_protects(&m->o))
		ksync_ceiling_leave(&m->o, t);
	ret = ksync_call_(m->o.domain, KSYNC_IOC_COND_WAIT, arg);
	if (owns(m, t)) {
		m->o.cell->depth = depth;	/* it may be a dead owner's */
		if (ksync_protects(&m->o) && !ksync_ceiling_enter(&m->o, t))
			ksync_ceiling_settle(&m->o, t);
	}
	return ret;
}

KSYNC_EXPORT int ksync_cond_wait_(struct ksync_cond *c, struct ksync_mutex *m,
				  const struct ksync_thread *t,
				  unsigned int flags, clockid_t clock,
				  const struct timespec *abs)
{
	struct ksync_cond_wait arg = { .size = sizeof(arg), .flags = flags };
	uint64_t deadline;
	int ret, self;

	ret = ksync_deadline(clock, abs, &arg.flags, &deadline);
	if (ret)
		return ret;
	if (ksync_object_stale(&c->o))
		return -EBADF;
	self = ksync_identify(&m->o, &t);
	if (self < 0)
		return self;
	if (c->o.domain != m->o.domain)
		return -EINVAL;
	arg.id = c->o.id;
	arg.mutex = m->o.id;
	arg.thread = self;
	arg.deadline = deadline;
	return wait(m, t, &arg);
}

KSYNC_EXPORT int ksync_cond_wake_slow_(struct ksync_cond *c, uint32_t n)
{
	struct ksync_cond_signal arg = {
		.size = sizeof(arg),
		.id = c->o.id,
		.count = n,
	};
	int ret;

	if (ksync_object_stale(&c->o))
		return -EBADF;
	ret = ksync_call_(c->o.domain, KSYNC_IOC_COND_SIGNAL, &arg);
	return ret ? ret : (int)arg.woken;
}
