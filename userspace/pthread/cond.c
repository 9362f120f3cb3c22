// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * pthread_cond_*().
 *
 * The ksync cond is made at the first wait, which tells in which domain: that of the
 * mutex.  Whoever signals before has nobody to signal.
 *
 * A wait is a cancellation point in the way of glibc: for the time of the system call
 * the thread can be cancelled asynchronously.  What the call came to is not known
 * then; the mutex's word says whether the caller has it, and a signal that the call
 * may have consumed is passed on, which POSIX allows (a spurious wake-up) and its
 * loss it does not.
 */
#include "dropin.h"
#include "real.h"

#define MONOTONIC	1

static struct pt_cond *of(const pthread_cond_t *cond)
{
	return (struct pt_cond *)cond;
}

/**
 * struct wait - one call, on the stack of the caller
 * @c: its ksync cond
 * @o: its ksync mutex
 * @m: mutex
 * @t: the calling thread
 * @count: how often it has the mutex beyond once
 * @arg: what the module is asked
 */
struct wait {
	struct ksync_cond c;
	struct ksync_object o;
	struct pt_mutex *m;
	const struct ksync_thread *t;
	uint32_t count;
	struct ksync_cond_wait arg;
};

static bool owns(const struct wait *w)
{
	return (__atomic_load_n(&w->o.cell->word, __ATOMIC_RELAXED) & KSYNC_OWNER) ==
		w->t->handle;
}

/* Return: 0; EINVAL. */
static int find_cond(struct pt_cond *c, const struct pt_mutex *m, struct ksync_object *o)
{
	int ret;

	if (!mutex_is_shared(m)) {
		if (c->ref & SHARED)
			return EINVAL;
		object_find(&c->ref, c, COND, o);
		return 0;
	}
	if (!(c->ref & SHARED)) {
		objects_lock();
		ret = c->ref & SHARED ? 0 : object_share_new(&c->ref, COND);
		objects_unlock();
		if (ret)
			return ret;
	}
	return object_share(&c->ref, o);
}

/*
 * The mutex is the caller's again, whatever happened.  Return: 0, EOWNERDEAD,
 * ENOTRECOVERABLE.
 */
static int have_mutex(struct wait *w)
{
	int ret = 0;

	if (!owns(w))
		ret = mutex_lock_for(w->m, NO_LIMIT);
	else if (ksync_protects(&w->o) && !ksync_ceiling_enter(&w->o, w->t))
		ksync_ceiling_settle(&w->o, w->t);
	w->m->count = w->count;
	return ret;
}

static void cancelled(void *arg)
{
	struct wait *w = arg;

	/* Unwinding locks mutexes of libgcc, in the other domain: see ksync_thread_self(). */
	w->t = mutex_self(&w->o);
	have_mutex(w);
	ksync_cond_signal(&w->c);
}

static int call_module(struct wait *w, unsigned long command, void *arg)
{
	int ret, type;

	pthread_cleanup_push(cancelled, w);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	ret = -ksync_ioctl(w->o.domain->fd, command, arg);
	pthread_setcanceltype(type, NULL);
	pthread_cleanup_pop(0);
	return ret;
}

/*
 * Others wait on the cond with another mutex.  POSIX does not say what happens then;
 * programs that sleep with a cond that nobody signals do it.  The wait ends with the
 * first signal, whomever it was for.
 */
static int wait_apart(struct wait *w)
{
	struct ksync_item item = {
		.id = w->c.o.id,
		.expected = ksync_cond_count(&w->c),
	};
	struct ksync_many arg = {
		.size = sizeof(arg),
		.count = 1,
		.items = (uintptr_t)&item,
		.deadline = w->arg.deadline,
		.flags = w->arg.flags,
	};

	ksync_unlock_slow_(&w->o, w->t);
	return call_module(w, KSYNC_IOC_MANY, &arg);
}

/* Nothing was done: as if woken up for nothing, a little later. */
static void without_room(struct wait *w)
{
	ksync_unlock_slow_(&w->o, w->t);
	nap(&NO_LIMIT);
}

static int wait(struct wait *w)
{
	uint64_t since = trace_wait_begin();
	int ret, locked;

	w->count = w->m->count;
	w->m->count = 0;
	if (ksync_protects(&w->o))
		ksync_ceiling_leave(&w->o, w->t);
	ret = call_module(w, KSYNC_IOC_COND_WAIT, &w->arg);
	if (ret == EINVAL)
		ret = wait_apart(w);
	if (ret == ENOSPC || ret == ENOMEM)
		without_room(w);
	locked = have_mutex(w);
	trace_wait_end(&w->c.o, since);
	if (locked)
		return locked;
	switch (ret) {
	case EOWNERDEAD:
		if (mutex_is_robust(w->m))
			return ret;
		/* Nobody gets it: not this thread either. */
		own_cell(&w->o)->abandoned = 1;
		ksync_unlock_slow_(&w->o, w->t);
		return mutex_lock_for(w->m, NO_LIMIT);
	case ETIMEDOUT:
		return ret;
	case EBADF:
		die_of("no condition variable for the mutex at", w->m, ret);
	}
	return 0;
}

static int wait_until(struct pt_cond *c, struct pt_mutex *m, clockid_t clock,
		      const struct timespec *abs)
{
	struct wait w = { .m = m };
	struct limit l;
	int ret;

	ret = limit_of(&l, clock, abs);
	if (!ret)
		ret = mutex_find(m, &w.o);
	if (ret)
		return ret;
	w.t = mutex_self(&w.o);
	if (!owns(&w))
		return EPERM;
	ret = find_cond(c, m, &w.c.o);
	if (ret)
		return ret;
	w.arg = (struct ksync_cond_wait) {
		.size = sizeof(w.arg),
		.id = w.c.o.id,
		.mutex = w.o.id,
		.thread = w.t->handle,
		.flags = l.flags,
		.deadline = l.deadline,
	};
	return wait(&w);
}

static int cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	if (!ready())
		return REAL(pthread_cond_wait)(cond, mutex);
	return wait_until(of(cond), (struct pt_mutex *)mutex, CLOCK_MONOTONIC, NULL);
}

static int cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
			  const struct timespec *abs)
{
	struct pt_cond *c = of(cond);

	if (!ready())
		return REAL(pthread_cond_timedwait)(cond, mutex, abs);
	return wait_until(c, (struct pt_mutex *)mutex,
			  c->flags & MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME, abs);
}

KSYNC_EXPORT int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
					clockid_t clock, const struct timespec *abs)
{
	if (!ready())
		return REAL(pthread_cond_clockwait)(cond, mutex, clock, abs);
	return wait_until(of(cond), (struct pt_mutex *)mutex, clock, abs);
}

/* Return: 0 with *@c set up; ENOENT: nobody has waited yet. */
static int find_waited(struct pt_cond *cond, struct ksync_cond *c)
{
	if (cond->ref & SHARED)
		return object_share(&cond->ref, &c->o);
	return object_try(&cond->ref, cond, &c->o);
}

static int wake(struct pt_cond *cond, uint32_t n)
{
	struct ksync_cond c;

	if (!find_waited(cond, &c))
		ksync_cond_wake(&c, n);
	return 0;
}

static int cond_signal(pthread_cond_t *cond)
{
	return ready() ? wake(of(cond), 1) : REAL(pthread_cond_signal)(cond);
}

static int cond_broadcast(pthread_cond_t *cond)
{
	return ready() ? wake(of(cond), UINT32_MAX) : REAL(pthread_cond_broadcast)(cond);
}

static int cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr)
{
	struct pt_cond *c = of(cond);
	clockid_t clock = CLOCK_REALTIME;
	int shared = PTHREAD_PROCESS_PRIVATE;

	if (!ready())
		return REAL(pthread_cond_init)(cond, attr);
	if (attr && (pthread_condattr_getclock(attr, &clock) ||
		     pthread_condattr_getpshared(attr, &shared)))
		return EINVAL;
	object_forget(&c->ref, c);
	memset(cond, 0, sizeof(*cond));
	c->flags = clock == CLOCK_MONOTONIC ? MONOTONIC : 0;
	return shared == PTHREAD_PROCESS_SHARED ? object_share_new(&c->ref, COND) : 0;
}

/* Right after a broadcast is early enough: those woken do not look at it again. */
static int cond_destroy(pthread_cond_t *cond)
{
	struct pt_cond *c = of(cond);

	if (!ready())
		return REAL(pthread_cond_destroy)(cond);
	return object_end(&c->ref, c);
}

/*
 * The older version is of LinuxThreads.  Its condition variable was as large as this
 * one; what glibc keeps in it for such programs is a pointer.
 */
#define BOTH_VERSIONS(name, args, call) \
	KSYNC_EXPORT int name##_2_3_2 args { return call; } \
	KSYNC_EXPORT int name##_2_2_5 args { return call; } \
	asm(".symver " #name "_2_3_2," #name "@@GLIBC_2.3.2"); \
	asm(".symver " #name "_2_2_5," #name "@GLIBC_2.2.5")

BOTH_VERSIONS(pthread_cond_wait, (pthread_cond_t *c, pthread_mutex_t *m),
	      cond_wait(c, m));
BOTH_VERSIONS(pthread_cond_timedwait,
	      (pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *abs),
	      cond_timedwait(c, m, abs));
BOTH_VERSIONS(pthread_cond_signal, (pthread_cond_t *c), cond_signal(c));
BOTH_VERSIONS(pthread_cond_broadcast, (pthread_cond_t *c), cond_broadcast(c));
BOTH_VERSIONS(pthread_cond_init, (pthread_cond_t *c, const pthread_condattr_t *a),
	      cond_init(c, a));
BOTH_VERSIONS(pthread_cond_destroy, (pthread_cond_t *c), cond_destroy(c));
