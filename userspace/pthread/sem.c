// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * sem_*(), but for those with names (named.c).
 *
 * A semaphore is made when it is initialized: a signal handler may post.  A wait is a
 * cancellation point in the way of glibc, with one difference: a thread that was
 * given a unit right before it is cancelled gives it back.
 */
#include <limits.h>
#include "dropin.h"
#include "real.h"

static struct pt_sem *of(const sem_t *sem)
{
	return (struct pt_sem *)sem;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

static int find(struct pt_sem *s, struct ksync_sem *k)
{
	const uint32_t ref = __atomic_load_n(&s->ref, __ATOMIC_RELAXED);

	if (!ref || ref == DESTROYED)
		return EINVAL;
	if (ref & SHARED)
		return object_share(&s->ref, &k->o);
	object_find(&s->ref, s, SEM, &k->o);
	return 0;
}

/**
 * struct wait - one call, on the stack of the caller
 * @k: the ksync semaphore
 * @item: it
 * @arg: what the module is asked: it says in its index that a unit was given
 */
struct wait {
	struct ksync_sem k;
	struct ksync_item item;
	struct ksync_many arg;
};

static void cancelled(void *arg)
{
	struct wait *w = arg;

	if (!w->arg.index)
		ksync_sem_post(&w->k);
}

static int call_module(struct wait *w)
{
	int ret, type;

	pthread_cleanup_push(cancelled, w);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	ret = -ksync_ioctl(w->k.o.domain->fd, KSYNC_IOC_MANY, &w->arg);
	pthread_setcanceltype(type, NULL);
	pthread_cleanup_pop(0);
	return ret;
}

static int wait_in_module(struct ksync_sem *k, const struct limit *l)
{
	struct wait w = {
		.k = *k,
		.item.id = k->o.id,
		.arg = {
			.size = sizeof(w.arg),
			.count = 1,
			.items = (uintptr_t)&w.item,
			.deadline = l->deadline,
			.flags = l->flags | KSYNC_WAIT_INTERRUPTIBLE,
			.index = UINT32_MAX,
		},
	};
	uint64_t since = trace_wait_begin();
	int ret;

	do {
		ret = call_module(&w);
	} while ((ret == ENOSPC || ret == ENOMEM) && !nap(l));
	trace_wait_end(&k->o, since);
	return ret;
}

static int wait_until(struct pt_sem *s, clockid_t clock, const struct timespec *abs)
{
	struct ksync_sem k;
	struct limit l;
	int ret = find(s, &k);

	if (ret)
		return ret;
	trace_taken();
	if (!ksync_sem_wait_try(&k))
		return 0;
	ret = limit_of(&l, clock, abs);
	return ret ? ret : wait_in_module(&k, &l);
}

/* A unit, if one is there and nothing else is to be thought of. */
static inline bool take(struct pt_sem *s)
{
	struct ksync_cell *cell = quick_cell(&s->ref, s);
	struct ksync_sem k;

	if (!likely(cell))
		return false;
	k.o = quick_object(cell);
	return ksync_sem_take_(&k);
}

static SLOW_PATH int wait_slowly(sem_t *sem)
{
	int ret;

	if (!ready())
		return REAL(sem_wait)(sem);
	ret = wait_until(of(sem), CLOCK_MONOTONIC, NULL);
	return ret ? fail(ret) : 0;
}

KSYNC_EXPORT int sem_wait(sem_t *sem)
{
	pthread_testcancel();
	return likely(take(of(sem))) ? 0 : wait_slowly(sem);
}

KSYNC_EXPORT int sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *abs)
{
	int ret;

	pthread_testcancel();
	if (!ready())
		return REAL(sem_clockwait)(sem, clock, abs);
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return fail(EINVAL);
	ret = wait_until(of(sem), clock, abs);
	return ret ? fail(ret) : 0;
}

KSYNC_EXPORT int sem_timedwait(sem_t *sem, const struct timespec *abs)
{
	if (!ready())
		return REAL(sem_timedwait)(sem, abs);
	return sem_clockwait(sem, CLOCK_REALTIME, abs);
}

KSYNC_EXPORT int sem_trywait(sem_t *sem)
{
	struct ksync_sem k;
	int ret;

	if (likely(take(of(sem))))
		return 0;
	if (!ready())
		return REAL(sem_trywait)(sem);
	trace_taken();
	ret = find(of(sem), &k);
	if (!ret)
		ret = -ksync_sem_wait_try(&k);
	return ret ? fail(ret) : 0;
}

/* One more, if nobody waits for it. */
static inline bool add(struct pt_sem *s)
{
	struct ksync_cell *cell = quick_cell(&s->ref, s);
	struct ksync_sem k;

	if (!likely(cell))
		return false;
	k.o = quick_object(cell);
	return ksync_sem_add_(&k, 1);
}

static SLOW_PATH int post_slowly(sem_t *sem)
{
	struct ksync_sem k;
	int ret;

	if (!ready())
		return REAL(sem_post)(sem);
	ret = find(of(sem), &k);
	if (!ret)
		ret = -ksync_sem_post(&k);
	return ret ? fail(ret) : 0;
}

KSYNC_EXPORT int sem_post(sem_t *sem)
{
	return likely(add(of(sem))) ? 0 : post_slowly(sem);
}

KSYNC_EXPORT int sem_getvalue(sem_t *sem, int *value)
{
	struct ksync_sem k;
	int ret;

	if (!ready())
		return REAL(sem_getvalue)(sem, value);
	ret = find(of(sem), &k);
	if (ret)
		return fail(ret);
	*value = ksync_sem_value(&k);
	return 0;
}

KSYNC_EXPORT int sem_init(sem_t *sem, int shared, unsigned int value)
{
	struct pt_sem *s = of(sem);
	struct ksync_sem k;
	int ret;

	if (!ready())
		return REAL(sem_init)(sem, shared, value);
	if (value > SEM_VALUE_MAX)
		return fail(EINVAL);
	object_forget(&s->ref, s);
	memset(s, 0, sizeof(*s));
	if (shared) {
		ret = object_share_new(&s->ref, SEM);
		if (!ret)
			ret = object_share(&s->ref, &k.o);
		if (ret)
			return fail(ret);
	} else {
		object_find(&s->ref, s, SEM, &k.o);
	}
	__atomic_store_n(&k.o.cell->limit, SEM_VALUE_MAX, __ATOMIC_RELAXED);
	__atomic_store_n(&k.o.cell->word, value, __ATOMIC_RELEASE);
	return 0;
}

KSYNC_EXPORT int sem_destroy(sem_t *sem)
{
	struct pt_sem *s = of(sem);
	struct ksync_sem k;
	int ret;

	if (!ready())
		return REAL(sem_destroy)(sem);
	ret = find(s, &k);
	if (!ret)
		ret = object_end(&s->ref, s);
	return ret ? fail(ret) : 0;
}
