// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * pthread_mutex_lock(), unlock() and consistent(), in all their forms.
 *
 * All types are plain ksync mutexes: who owns one is in its word, and how often is
 * counted here.  What a ksync mutex reports, and POSIX lets a mutex of type NORMAL
 * not return, because programs do not look at it, ends in what they know: in waiting.
 */
#include "mutex.h"
#include "real.h"

static int type_of(const struct pt_mutex *m)
{
	return m->kind & TYPE;
}

bool mutex_is_robust(const struct pt_mutex *m)
{
	return m->kind & ROBUST;
}

bool mutex_is_shared(const struct pt_mutex *m)
{
	return m->ref & SHARED;
}

/* Whether its user looks at what locking returns. */
static bool tells_deadlock(const struct pt_mutex *m)
{
	return type_of(m) == PTHREAD_MUTEX_ERRORCHECK ||
	       type_of(m) == PTHREAD_MUTEX_RECURSIVE;
}

/*
 * One that is free is locked by its word alone, and its owner's unlock looks at no
 * more than the word and the count.  To inherit priorities and to be robust is what
 * each ksync mutex does; the word says of one with a dead owner that it is not free.
 */
static bool is_simple(const struct pt_mutex *m)
{
	return !(m->kind & ~(TYPE | ROBUST | INHERIT));
}

/* With a ceiling: made one at a time. */
static int make_protected(struct pt_mutex *m, struct ksync_object *o)
{
	struct ksync_mutex made;
	int ret;

	ret = -ksync_mutex_init_protect(&made, &own_domain, here.policy, m->ceiling);
	if (ret)
		return ret;
	object_adopt(&m->ref, m, &made.o);
	*o = made.o;
	return 0;
}

/**
 * mutex_find() - the ksync mutex of a mutex
 * @m: mutex
 * @o: set up
 *
 * Return: 0; EINVAL (it is none), EPERM (its ceiling is too high for the caller).
 */
int mutex_find(struct pt_mutex *m, struct ksync_object *o)
{
	if (m->kind == NOT_A_MUTEX)
		return EINVAL;
	if (m->ref & SHARED)
		return object_share(&m->ref, o);
	if (m->kind & PROTECT_KIND)
		return object_try(&m->ref, m, o) ? make_protected(m, o) : 0;
	object_find(&m->ref, m, MUTEX, o);
	return 0;
}

/**
 * mutex_self() - who the calling thread is, however long it takes to know
 * @o: in whose domain
 */
const struct ksync_thread *mutex_self(struct ksync_object *o)
{
	const struct ksync_thread *t = NULL;
	int ret;

	for (;;) {
		ret = ksync_identify(o, &t);
		if (ret >= 0)
			return t;
		if (ret != -ENOMEM && ret != -ENOSPC)
			die_of("cannot attach to the domain of", o, -ret);
		nap(&NO_LIMIT);
	}
}

/*
 * What locking it in the module came to.  Return: what the program is told; or -1:
 * nothing that it would understand, it has to wait.
 */
static int outcome(struct pt_mutex *m, struct ksync_object *o, int ret)
{
	switch (ret) {
	case EOWNERDEAD:
		m->count = 0;
		if (mutex_is_robust(m))
			return ret;
		own_cell(o)->abandoned = 1;
		ksync_unlock_slow_(o, NULL);
		return -1;
	case ENOTRECOVERABLE:
		return mutex_is_robust(m) && !own_cell(o)->abandoned ? ret : -1;
	case EDEADLK:
		return tells_deadlock(m) ? ret : -1;
	case ENOSPC:
	case ENOMEM:
		return -1;
	case EUCLEAN:
	case EBADF:
	case ESRCH:
		die_of("cannot lock the mutex at", m, ret);
	}
	return ret;
}

static int lock_until(struct pt_mutex *m, struct ksync_object *o, const struct limit *l)
{
	uint64_t since = trace_wait_begin();
	bool stuck;
	int ret;

	for (;;) {
		ret = -ksync_lock_wait(o, mutex_self(o), l->flags, l->deadline);
		stuck = ret == EDEADLK && !tells_deadlock(m) && !(l->flags & KSYNC_WAIT_TRY);
		if (stuck)
			ret = mutex_lock_released(m, o, l);
		ret = outcome(m, o, ret);
		if (ret >= 0)
			break;
		if (l->flags & KSYNC_WAIT_TRY)
			ret = EBUSY;
		else
			ret = stuck ? 0 : nap(l);
		if (!ret)
			ret = mutex_find(m, o);
		if (ret)
			break;
	}
	trace_wait_end(o, since);
	return ret;
}

/* What the caller has already; EAGAIN: it does not have it. */
static int lock_own(struct pt_mutex *m, bool try)
{
	if (type_of(m) == PTHREAD_MUTEX_RECURSIVE) {
		if (m->count == UINT32_MAX)
			return EAGAIN;
		m->count++;
		return 0;
	}
	if (try)
		return EBUSY;
	return EDEADLK;
}

/*
 * With no more than a look at the word.  EINPROGRESS: it has to be waited for, or
 * the module has to be asked.
 */
static int lock_now(struct pt_mutex *m, struct ksync_object *o, bool try)
{
	const struct ksync_thread *t = mutex_self(o);
	int ret;

	trace_taken();
	if ((read_word(o) & KSYNC_OWNER) == t->handle) {
		ret = lock_own(m, try);
		return ret == EDEADLK && !tells_deadlock(m) ? EINPROGRESS : ret;
	}
	ret = -ksync_lock_look(o, t);
	if (ret != EBUSY)
		return ret;
	/* A dead owner of a mutex that is not robust has it like a live one. */
	return try && !mutex_is_robust(m) ? EBUSY : EINPROGRESS;
}

/**
 * mutex_lock_for() - lock, out of line
 * @m: mutex
 * @l: for how long, or with KSYNC_WAIT_TRY
 *
 * Return: as pthread_mutex_lock(), trylock() and timedlock().
 */
int mutex_lock_for(struct pt_mutex *m, struct limit l)
{
	struct ksync_object o;
	int ret = mutex_find(m, &o);

	if (!ret)
		ret = lock_now(m, &o, l.flags & KSYNC_WAIT_TRY);
	return ret == EINPROGRESS ? lock_until(m, &o, &l) : ret;
}

/* Free, or the caller's and to be counted. */
static inline bool lock_quick(struct pt_mutex *m)
{
	struct ksync_cell *cell = quick_cell(&m->ref, m);
	const struct ksync_thread *t = ksync_self_;
	uint32_t v;

	if (!likely(cell) || !likely(is_simple(m)) || !likely(t->serial == here.serial))
		return false;
	v = __atomic_load_n(&cell->word, __ATOMIC_RELAXED);
	if (likely(!(v & KSYNC_TAKEN_)) &&
	    likely(ksync_cas_(&cell->word, &v, v | t->handle, __ATOMIC_ACQUIRE)))
		return true;
	if (type_of(m) != PTHREAD_MUTEX_RECURSIVE || (v & KSYNC_OWNER) != t->handle ||
	    m->count == UINT32_MAX)
		return false;
	m->count++;
	return true;
}

static SLOW_PATH int lock_slowly(pthread_mutex_t *mutex)
{
	return ready() ? mutex_lock_for(of(mutex), NO_LIMIT) :
		REAL(pthread_mutex_lock)(mutex);
}

KSYNC_EXPORT int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	return lock_quick(of(mutex)) ? 0 : lock_slowly(mutex);
}

static SLOW_PATH int try_slowly(pthread_mutex_t *mutex)
{
	const struct limit none = { KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE };

	return ready() ? mutex_lock_for(of(mutex), none) : REAL(pthread_mutex_trylock)(mutex);
}

KSYNC_EXPORT int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	return lock_quick(of(mutex)) ? 0 : try_slowly(mutex);
}

KSYNC_EXPORT int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
					 const struct timespec *abs)
{
	struct pt_mutex *m = of(mutex);
	struct ksync_object o;
	struct limit l;
	int ret;

	if (!ready())
		return REAL(pthread_mutex_clocklock)(mutex, clock, abs);
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	ret = mutex_find(m, &o);
	if (!ret)
		ret = lock_now(m, &o, false);
	if (ret != EINPROGRESS)
		return ret;
	ret = limit_of(&l, clock, abs);
	return ret ? ret : lock_until(m, &o, &l);
}

KSYNC_EXPORT int pthread_mutex_timedlock(pthread_mutex_t *mutex,
					 const struct timespec *abs)
{
	if (!ready())
		return REAL(pthread_mutex_timedlock)(mutex, abs);
	return pthread_mutex_clocklock(mutex, CLOCK_REALTIME, abs);
}

/* A mutex that somebody else has, or nobody. */
static int unlock_foreign(struct pt_mutex *m, struct ksync_object *o)
{
	if (tells_deadlock(m) || mutex_is_robust(m) || m->kind & (INHERIT | PROTECT_KIND))
		return EPERM;
	if ((read_word(o) & KSYNC_OWNER) == KSYNC_NOTRECOVERABLE && !(m->ref & SHARED)) {
		m->ref = 0;	/* those that wait for it look again */
		return 0;
	}
	return foreign_unlock(m, o);
}

static int unlock(struct pt_mutex *m)
{
	const struct ksync_thread *t;
	struct ksync_object o;
	int ret = mutex_find(m, &o);

	if (ret)
		return ret;
	t = mutex_self(&o);
	if ((read_word(&o) & KSYNC_OWNER) != t->handle)
		return unlock_foreign(m, &o);
	if (m->count) {
		m->count--;
		return 0;
	}
	ret = -ksync_unlock_slow_(&o, t);
	if (ret == EPERM)	/* another thread was faster */
		return unlock_foreign(m, &o);
	if (ret)
		die_of("cannot release the mutex at", m, ret);
	return 0;
}

static SLOW_PATH int unlock_slowly(pthread_mutex_t *mutex)
{
	return ready() ? unlock(of(mutex)) : REAL(pthread_mutex_unlock)(mutex);
}

KSYNC_EXPORT int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	struct pt_mutex *m = of(mutex);
	struct ksync_cell *cell = quick_cell(&m->ref, m);
	const struct ksync_thread *t = ksync_self_;
	uint32_t v, rest;

	if (likely(cell) && likely(is_simple(m)) && likely(t->serial == here.serial)) {
		v = __atomic_load_n(&cell->word, __ATOMIC_RELAXED);
		rest = v ^ t->handle;
		if (unlikely(m->count) && (v & KSYNC_OWNER) == t->handle) {
			m->count--;
			return 0;
		}
		if (likely(!rest || rest == (KSYNC_WAITERS | KSYNC_WOKEN)) &&
		    likely(ksync_cas_(&cell->word, &v, rest, __ATOMIC_RELEASE)))
			return 0;
	}
	return unlock_slowly(mutex);
}

KSYNC_EXPORT int pthread_mutex_consistent(pthread_mutex_t *mutex)
{
	struct pt_mutex *m = of(mutex);
	struct ksync_object o;

	if (!ready())
		return REAL(pthread_mutex_consistent)(mutex);
	if (!mutex_is_robust(m) || mutex_find(m, &o) ||
	    ksync_consistent_(&o, mutex_self(&o)))
		return EINVAL;
	return 0;
}

/* Other names that libc has for them. */

ALIAS(__pthread_mutex_lock, pthread_mutex_lock);
ALIAS(__pthread_mutex_trylock, pthread_mutex_trylock);
ALIAS(__pthread_mutex_unlock, pthread_mutex_unlock);
/* <pthread.h> makes one of these two of the other. */
extern KSYNC_EXPORT __typeof__(pthread_mutex_consistent) consistent_np
	asm("pthread_mutex_consistent_np")
	__attribute__((alias("pthread_mutex_consistent"), copy(pthread_mutex_consistent)));
