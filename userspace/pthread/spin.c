// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* pthread_spin_*(). */
#include "dropin.h"
#include "real.h"

/* Not volatile to us: what changes is in the cell. */
static struct pt_spin *of(pthread_spinlock_t *lock)
{
	return (struct pt_spin *)(uintptr_t)lock;
}

static int find(struct pt_spin *s, struct ksync_object *o)
{
	return object_get(&s->ref, s, SPIN, o);
}

static int outcome(struct pt_spin *s, struct ksync_object *o, int ret)
{
	static bool reported;

	switch (ret) {
	case EOWNERDEAD:
		own_cell(o)->abandoned = 1;
		ksync_unlock_slow_(o, NULL);
		return -1;
	case EDEADLK:
		if (!__atomic_exchange_n(&reported, true, __ATOMIC_RELAXED))
			tell("deadlock: a thread waits for the spinlock at %p for ever",
			     (void *)s);
		return -1;
	case ENOTRECOVERABLE:
	case ENOSPC:
	case ENOMEM:
		return -1;
	case EUCLEAN:
	case EBADF:
	case ESRCH:
		die_of("cannot lock the spinlock at", s, ret);
	}
	return ret;
}

static int lock(struct pt_spin *s)
{
	struct ksync_object o;
	uint64_t since;
	int ret = find(s, &o);

	if (ret)
		return ret;
	trace_taken();
	if (!ksync_lock_look(&o, mutex_self(&o)))
		return 0;
	since = trace_wait_begin();
	for (;;) {
		ret = outcome(s, &o, -ksync_lock_wait(&o, NULL, 0, KSYNC_NO_DEADLINE));
		if (ret >= 0)
			break;
		nap(&NO_LIMIT);
	}
	trace_wait_end(&o, since);
	return ret;
}

static SLOW_PATH int lock_slowly(pthread_spinlock_t *lock_)
{
	return ready() ? lock(of(lock_)) : REAL(pthread_spin_lock)(lock_);
}

KSYNC_EXPORT int pthread_spin_lock(pthread_spinlock_t *lock_)
{
	struct pt_spin *s = of(lock_);
	struct ksync_cell *cell = quick_cell(&s->ref, s);
	struct ksync_object o;

	if (likely(cell)) {
		o = quick_object(cell);
		if (ksync_lock_fast_(&o, ksync_self_))
			return 0;
	}
	return lock_slowly(lock_);
}

KSYNC_EXPORT int pthread_spin_trylock(pthread_spinlock_t *lock_)
{
	struct pt_spin *s = of(lock_);
	struct ksync_object o;
	int ret;

	if (!ready())
		return REAL(pthread_spin_trylock)(lock_);
	trace_taken();
	ret = find(s, &o);
	return ret ? ret : -ksync_lock_look(&o, mutex_self(&o));
}

static int unlock(struct pt_spin *s)
{
	struct ksync_object o;
	int ret = find(s, &o);

	if (ret)
		return ret;
	ret = -ksync_unlock_slow_(&o, NULL);
	return ret == EPERM ? foreign_unlock(s, &o) : ret;
}

static SLOW_PATH int unlock_slowly(pthread_spinlock_t *lock_)
{
	return ready() ? unlock(of(lock_)) : REAL(pthread_spin_unlock)(lock_);
}

KSYNC_EXPORT int pthread_spin_unlock(pthread_spinlock_t *lock_)
{
	struct pt_spin *s = of(lock_);
	struct ksync_cell *cell = quick_cell(&s->ref, s);
	struct ksync_object o;

	if (likely(cell)) {
		o = quick_object(cell);
		if (ksync_unlock_fast_(&o, ksync_self_))
			return 0;
	}
	return unlock_slowly(lock_);
}

KSYNC_EXPORT int pthread_spin_init(pthread_spinlock_t *lock_, int shared)
{
	struct pt_spin *s = of(lock_);

	if (!ready())
		return REAL(pthread_spin_init)(lock_, shared);
	object_forget(&s->ref, s);
	s->ref = 0;
	return shared == PTHREAD_PROCESS_SHARED ? object_share_new(&s->ref, SPIN) : 0;
}

KSYNC_EXPORT int pthread_spin_destroy(pthread_spinlock_t *lock_)
{
	struct pt_spin *s = of(lock_);

	if (!ready())
		return REAL(pthread_spin_destroy)(lock_);
	return object_end(&s->ref, s);
}
