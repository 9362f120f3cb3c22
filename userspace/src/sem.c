// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Semaphores: made and ended here, and the slow paths of ksync/sem.h, where the
 * memory ordering is told.  Nothing here touches TLS: any task may call it, and
 * signal handlers may post.
 */
#include "internal.h"

static uint32_t read_word(const struct ksync_sem *s)
{
	return __atomic_load_n(&s->o.cell->word, __ATOMIC_RELAXED);
}

KSYNC_EXPORT int ksync_sem_init(struct ksync_sem *s, struct ksync *d,
				uint32_t initial, uint32_t max)
{
	return ksync_sem_init_many(s, 1, d, initial, max);
}

/* Nobody else knows of them before this returns: no order is needed. */
KSYNC_EXPORT int ksync_sem_init_many(struct ksync_sem *s, size_t n, struct ksync *d,
				     uint32_t initial, uint32_t max)
{
	int ret;

	if (!max)
		max = KSYNC_SEM_MAX;
	if (max > KSYNC_SEM_MAX || initial > max)
		return -EINVAL;
	ret = ksync_objects_create_(&s->o, n, d, KSYNC_KIND_SEM, 0);
	if (ret)
		return ret;
	for (size_t i = 0; i < n; i++) {
		__atomic_store_n(&s[i].o.cell->limit, max, __ATOMIC_RELAXED);
		__atomic_store_n(&s[i].o.cell->word, initial, __ATOMIC_RELAXED);
	}
	return 0;
}

KSYNC_EXPORT int ksync_sem_open(struct ksync_sem *s, struct ksync *d,
				uint32_t id)
{
	return ksync_object_open(&s->o, d, KSYNC_KIND_SEM, id);
}

KSYNC_EXPORT int ksync_sem_destroy(struct ksync_sem *s)
{
	return ksync_object_destroy(&s->o);
}

static bool take(struct ksync_sem *s)
{
	uint32_t v = read_word(s);

	while (v - 1 < KSYNC_SEM_MAX)
		if (ksync_cas_(&s->o.cell->word, &v, v - 1, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* Those that sleep came before. */
static bool spin(struct ksync_sem *s)
{
	unsigned int spins = ksync_spins(&s->o);

	while (!take(s))
		if (read_word(s) & KSYNC_WAITERS || !ksync_spin_once(&spins))
			return false;
	return true;
}

KSYNC_EXPORT int ksync_sem_wait_until_(struct ksync_sem *s, unsigned int flags,
				       clockid_t clock,
				       const struct timespec *abs)
{
	uint64_t deadline;
	int ret;

	ret = ksync_deadline(clock, abs, &flags, &deadline);
	if (ret)
		return ret;
	if (ksync_object_stale(&s->o))
		return -EBADF;
	return spin(s) ? 0 : ksync_acquire(&s->o, flags, deadline);
}

KSYNC_EXPORT int ksync_sem_wait_slow_(struct ksync_sem *s)
{
	return ksync_sem_wait_until_(s, 0, CLOCK_MONOTONIC, NULL);
}

/*
 * With WAITERS there may be units all the same: those that a post gives to
 * others, or simply those that are there, while somebody takes one in the
 * module.  The module knows, and a deadline long past does not wait.
 */
KSYNC_EXPORT int ksync_sem_try_slow_(struct ksync_sem *s)
{
	int ret;

	if (ksync_object_stale(&s->o))
		return -EBADF;
	if (take(s))
		return 0;
	if (!(read_word(s) & ~KSYNC_WAITERS))
		return -EAGAIN;
	ret = ksync_acquire(&s->o, 0, 0);
	return ret == -ETIMEDOUT ? -EAGAIN : ret;
}

/* As the module has it. */
static uint32_t limit_of(const struct ksync_sem *s)
{
	uint32_t limit = __atomic_load_n(&s->o.cell->limit, __ATOMIC_RELAXED);

	return limit && limit < KSYNC_SEM_MAX ? limit : KSYNC_SEM_MAX;
}

KSYNC_EXPORT int ksync_sem_post_slow_(struct ksync_sem *s, uint32_t n)
{
	uint32_t limit, v;
	int was;

	if (!n)
		return -EINVAL;
	if (ksync_object_stale(&s->o))
		return -EBADF;
	limit = limit_of(s);
	v = read_word(s);
	while (!(v & KSYNC_WAITERS)) {
		if (v > limit || n > limit - v)
			return -EOVERFLOW;
		if (ksync_cas_(&s->o.cell->word, &v, v + n, __ATOMIC_RELEASE))
			return 0;
	}
	was = ksync_release(&s->o, 0, n);
	return was < 0 ? was : 0;
}
