// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * pthread_rwlock_*().
 *
 * PTHREAD_RWLOCK_PREFER_READER_NP, the default, and PREFER_WRITER_NP, which glibc
 * treats alike: readers do not wait for writers that wait.  Such a writer watches the
 * lock, as one of many objects, until nobody has it; it is in nobody's way, and lends
 * nobody its priority.  With PREFER_WRITER_NONRECURSIVE_NP readers and writers take
 * turns, and inherit each other's priorities.
 */
#include "dropin.h"
#include "real.h"

static struct pt_rwlock *of(const pthread_rwlock_t *rwlock)
{
	return (struct pt_rwlock *)rwlock;
}

static int find(struct pt_rwlock *l, struct ksync_object *o)
{
	return object_get(&l->ref, l, RWLOCK, o);
}

static bool reads(struct ksync_object *o)
{
	return ksync_read_depth(o, mutex_self(o));
}

static bool writes(struct ksync_object *o)
{
	return (__atomic_load_n(&o->cell->word, __ATOMIC_RELAXED) & KSYNC_OWNER) ==
		mutex_self(o)->handle;
}

/* What glibc does not tell, its users do not expect: they wait. */
static int outcome(struct ksync_object *o, int ret, int (*undo)(struct ksync_object *o))
{
	static bool reported;

	switch (ret) {
	case EOWNERDEAD:
		undo(o);
		return -1;
	case EDEADLK:
		if (writes(o))
			return ret;
		if (!__atomic_exchange_n(&reported, true, __ATOMIC_RELAXED))
			tell("deadlock: waiting for a read-write lock that %s",
			     reads(o) ? "we have for reading" : "is of one that waits for us");
		return -1;
	case ENOTRECOVERABLE:
	case ENOSPC:
	case ENOMEM:
		return -1;
	case EUCLEAN:
	case EBADF:
	case ESRCH:
		die_of("cannot lock a read-write lock, by its cell", o->cell, ret);
	}
	return ret;
}

static int undo_read(struct ksync_object *o)
{
	return ksync_rwlock_unlock_slow_(o, NULL);
}

/* Whoever has it next is told as well: it stays as the dead writer left it. */
static int undo_write(struct ksync_object *o)
{
	own_cell(o)->abandoned = 1;
	return ksync_unlock_slow_(o, NULL);
}

static int read_once(struct ksync_object *o, const struct limit *l)
{
	return -ksync_read_lock_wait(o, NULL, l->flags, l->deadline);
}

static int write_once(struct ksync_object *o, const struct limit *l, bool prefers_writer)
{
	struct ksync_item item = { .id = o->id, .flags = KSYNC_ITEM_WATCH };
	struct ksync_many arg = {
		.size = sizeof(arg),
		.count = 1,
		.items = (uintptr_t)&item,
		.deadline = l->deadline,
		.flags = l->flags,
	};

	if (own_cell(o)->abandoned)
		return ENOTRECOVERABLE;
	if (prefers_writer || l->flags & KSYNC_WAIT_TRY)
		return -ksync_lock_wait(o, NULL, l->flags, l->deadline);
	if (reads(o))
		return EDEADLK;	/* the module sees only those that wait in turn */
	arg.thread = mutex_self(o)->handle;
	return -ksync_ioctl(o->domain->fd, KSYNC_IOC_MANY, &arg);
}

static int lock_until(struct pt_rwlock *l, struct ksync_object *o, const struct limit *limit,
		      bool read)
{
	const bool prefers_writer =
		l->prefers == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
	uint64_t since = trace_wait_begin();
	int ret;

	for (;;) {
		if (read)
			ret = outcome(o, read_once(o, limit), undo_read);
		else
			ret = outcome(o, write_once(o, limit, prefers_writer), undo_write);
		if (ret >= 0)
			break;
		ret = limit->flags & KSYNC_WAIT_TRY ? EBUSY : nap(limit);
		if (!ret)
			ret = find(l, o);
		if (ret)
			break;
	}
	trace_wait_end(o, since);
	return ret;
}

/* With no more than a look.  EBUSY: it has to be waited for. */
static int lock_now(struct ksync_object *o, bool read)
{
	const struct ksync_thread *t = mutex_self(o);
	int ret;

	trace_taken();
	if (read) {
		ret = writes(o) ? EDEADLK :
			-ksync_read_look(o, (struct ksync_thread *)t);
		return ret == ENOSPC || ret == ENOMEM ? EBUSY : ret;
	}
	if (own_cell(o)->abandoned)
		return EBUSY;
	return writes(o) ? EDEADLK : -ksync_lock_look(o, t);
}

static int lock(struct pt_rwlock *l, clockid_t clock, const struct timespec *abs, bool read)
{
	struct ksync_object o;
	struct limit limit;
	int ret = find(l, &o);

	if (!ret)
		ret = lock_now(&o, read);
	if (ret != EBUSY)
		return ret;
	ret = limit_of(&limit, clock, abs);
	return ret ? ret : lock_until(l, &o, &limit, read);
}

static int try(struct pt_rwlock *l, bool read)
{
	const struct limit limit = { KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE };
	struct ksync_object o;
	int ret = find(l, &o);

	if (!ret)
		ret = lock_now(&o, read);
	if (ret == EDEADLK)
		return EBUSY;
	if (ret != EBUSY)
		return ret;
	ret = lock_until(l, &o, &limit, read);
	return ret == EDEADLK ? EBUSY : ret;
}

/* Somebody may wait for the caller, which does not read any more. */
static SLOW_PATH int left(struct ksync_cell *cell)
{
	struct ksync_object o = quick_object(cell);

	return -ksync_read_left_(&o, ksync_self_->handle);
}

static SLOW_PATH int read_slowly(pthread_rwlock_t *rwlock)
{
	return ready() ? lock(of(rwlock), CLOCK_MONOTONIC, NULL, true) :
		REAL(pthread_rwlock_rdlock)(rwlock);
}

static inline bool read_quick(struct pt_rwlock *l)
{
	struct ksync_cell *cell = quick_cell(&l->ref, l);
	struct ksync_object o;
	int entered;

	if (!likely(cell))
		return false;
	o = quick_object(cell);
	entered = ksync_read_enter_(&o, ksync_reader_());
	if (unlikely(entered < 0))
		left(cell);
	return entered > 0;
}

KSYNC_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t *rwlock)
{
	return likely(read_quick(of(rwlock))) ? 0 : read_slowly(rwlock);
}

static SLOW_PATH int write_slowly(pthread_rwlock_t *rwlock)
{
	return ready() ? lock(of(rwlock), CLOCK_MONOTONIC, NULL, false) :
		REAL(pthread_rwlock_wrlock)(rwlock);
}

static inline bool write_quick(struct pt_rwlock *l)
{
	struct ksync_cell *cell = quick_cell(&l->ref, l);
	struct ksync_object o;

	if (!likely(cell))
		return false;
	o = quick_object(cell);
	return ksync_lock_fast_(&o, ksync_self_);
}

KSYNC_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t *rwlock)
{
	return likely(write_quick(of(rwlock))) ? 0 : write_slowly(rwlock);
}

static SLOW_PATH int unlock_slowly(pthread_rwlock_t *rwlock)
{
	struct ksync_object o;
	int ret;

	if (!ready())
		return REAL(pthread_rwlock_unlock)(rwlock);
	ret = find(of(rwlock), &o);
	return ret ? ret : -ksync_rwlock_unlock_(&o, ksync_reader_(), NULL);
}

KSYNC_EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *rwlock)
{
	struct pt_rwlock *l = of(rwlock);
	struct ksync_cell *cell = quick_cell(&l->ref, l);
	struct ksync_object o;
	int gone;

	if (!likely(cell))
		return unlock_slowly(rwlock);
	o = quick_object(cell);
	gone = ksync_read_leave_(&o, ksync_reader_());
	if (likely(gone > 0))
		return 0;
	if (unlikely(gone < 0))
		return left(cell);
	return ksync_unlock_fast_(&o, ksync_self_) ? 0 : unlock_slowly(rwlock);
}

KSYNC_EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t *rwlock)
{
	return ready() ? try(of(rwlock), true) : REAL(pthread_rwlock_tryrdlock)(rwlock);
}

KSYNC_EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t *rwlock)
{
	return ready() ? try(of(rwlock), false) : REAL(pthread_rwlock_trywrlock)(rwlock);
}

KSYNC_EXPORT int pthread_rwlock_clockrdlock(pthread_rwlock_t *rwlock, clockid_t clock,
					    const struct timespec *abs)
{
	if (!ready())
		return REAL(pthread_rwlock_clockrdlock)(rwlock, clock, abs);
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	return lock(of(rwlock), clock, abs, true);
}

KSYNC_EXPORT int pthread_rwlock_clockwrlock(pthread_rwlock_t *rwlock, clockid_t clock,
					    const struct timespec *abs)
{
	if (!ready())
		return REAL(pthread_rwlock_clockwrlock)(rwlock, clock, abs);
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	return lock(of(rwlock), clock, abs, false);
}

KSYNC_EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t *rwlock,
					    const struct timespec *abs)
{
	if (!ready())
		return REAL(pthread_rwlock_timedrdlock)(rwlock, abs);
	return lock(of(rwlock), CLOCK_REALTIME, abs, true);
}

KSYNC_EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t *rwlock,
					    const struct timespec *abs)
{
	if (!ready())
		return REAL(pthread_rwlock_timedwrlock)(rwlock, abs);
	return lock(of(rwlock), CLOCK_REALTIME, abs, false);
}

KSYNC_EXPORT int pthread_rwlock_init(pthread_rwlock_t *rwlock,
				     const pthread_rwlockattr_t *attr)
{
	struct pt_rwlock *l = of(rwlock);
	int kind = PTHREAD_RWLOCK_DEFAULT_NP, shared = PTHREAD_PROCESS_PRIVATE;

	if (!ready())
		return REAL(pthread_rwlock_init)(rwlock, attr);
	if (attr && (pthread_rwlockattr_getkind_np(attr, &kind) ||
		     pthread_rwlockattr_getpshared(attr, &shared)))
		return EINVAL;
	object_forget(&l->ref, l);
	memset(rwlock, 0, sizeof(*rwlock));
	l->prefers = kind;
	return shared == PTHREAD_PROCESS_SHARED ? object_share_new(&l->ref, RWLOCK) : 0;
}

KSYNC_EXPORT int pthread_rwlock_destroy(pthread_rwlock_t *rwlock)
{
	struct pt_rwlock *l = of(rwlock);

	if (!ready())
		return REAL(pthread_rwlock_destroy)(rwlock);
	return object_end(&l->ref, l);
}

/* Other names that libc has for them. */

ALIAS(__pthread_rwlock_init, pthread_rwlock_init);
ALIAS(__pthread_rwlock_destroy, pthread_rwlock_destroy);
ALIAS(__pthread_rwlock_rdlock, pthread_rwlock_rdlock);
ALIAS(__pthread_rwlock_tryrdlock, pthread_rwlock_tryrdlock);
ALIAS(__pthread_rwlock_wrlock, pthread_rwlock_wrlock);
ALIAS(__pthread_rwlock_trywrlock, pthread_rwlock_trywrlock);
ALIAS(__pthread_rwlock_unlock, pthread_rwlock_unlock);
