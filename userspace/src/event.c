// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Events: made and ended here, and the slow paths of ksync/event.h, where the
 * memory ordering is told.  Nothing here touches TLS: any task may call it, and
 * signal handlers may set, reset and pulse.
 */
#include "internal.h"

KSYNC_EXPORT int ksync_event_init(struct ksync_event *e, struct ksync *d,
				  unsigned int flags)
{
	return ksync_object_create(&e->o, d, KSYNC_KIND_EVENT, flags);
}

KSYNC_EXPORT int ksync_event_open(struct ksync_event *e, struct ksync *d,
				  uint32_t id)
{
	return ksync_object_open(&e->o, d, KSYNC_KIND_EVENT, id);
}

KSYNC_EXPORT int ksync_event_destroy(struct ksync_event *e)
{
	return ksync_object_destroy(&e->o);
}

static uint32_t read_word(const struct ksync_event *e)
{
	return __atomic_load_n(&e->o.cell->word, __ATOMIC_RELAXED);
}

/*
 * Write @want, unless somebody waits: then the module does it, by @flags.  What
 * a pulse without waiters does is a reset: it has a reset's acquire.
 */
static int change(struct ksync_event *e, uint32_t want, uint32_t flags)
{
	uint32_t v;

	if (ksync_object_stale(&e->o))
		return -EBADF;
	v = read_word(e);
	while (!(v & KSYNC_WAITERS))
		if (ksync_cas_(&e->o.cell->word, &v, want, __ATOMIC_ACQ_REL))
			return v & KSYNC_EVENT_SET;
	return ksync_release(&e->o, flags, 1);
}

KSYNC_EXPORT int ksync_event_set_slow_(struct ksync_event *e)
{
	return change(e, KSYNC_EVENT_SET, 0);
}

KSYNC_EXPORT int ksync_event_pulse(struct ksync_event *e)
{
	return change(e, 0, KSYNC_RELEASE_PULSE);
}

/* Those that sleep came before. */
static bool spin(struct ksync_event *e)
{
	unsigned int spins = ksync_spins(&e->o);

	while (!ksync_event_take_(e))
		if (read_word(e) & KSYNC_WAITERS || !ksync_spin_once(&spins))
			return false;
	return true;
}

KSYNC_EXPORT int ksync_event_wait_until_(struct ksync_event *e,
					 unsigned int flags, clockid_t clock,
					 const struct timespec *abs)
{
	uint64_t deadline;
	int ret;

	ret = ksync_deadline(clock, abs, &flags, &deadline);
	if (ret)
		return ret;
	if (ksync_object_stale(&e->o))
		return -EBADF;
	return spin(e) ? 0 : ksync_acquire(&e->o, flags, deadline);
}

KSYNC_EXPORT int ksync_event_wait_slow_(struct ksync_event *e)
{
	return ksync_event_wait_until_(e, 0, CLOCK_MONOTONIC, NULL);
}

/* Beside WAITERS it may be set for somebody who decides whether to take it. */
KSYNC_EXPORT int ksync_event_try_slow_(struct ksync_event *e)
{
	int ret;

	if (ksync_object_stale(&e->o))
		return -EBADF;
	if (ksync_event_take_(e))
		return 0;
	if (!(read_word(e) & KSYNC_EVENT_SET))
		return -EAGAIN;
	ret = ksync_acquire(&e->o, 0, 0);
	return ret == -ETIMEDOUT ? -EAGAIN : ret;
}
