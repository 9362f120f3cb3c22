// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * pthread_once().
 *
 * Whoever runs the routine has a mutex meanwhile, so that those that wait for it lend
 * it their priority.  There are as many mutexes as routines run at a time; with more
 * than that, one waits for another to end.  Should the routine not return (it throws,
 * or is cancelled: this file is compiled with -fexceptions), it is as if it was never
 * called.
 */
#include <sys/syscall.h>
#include <unistd.h>
#include "dropin.h"
#include "real.h"

#define FRESH		0
#define RUNNING		1
#define DONE		2

static struct running {
	pthread_once_t *control;
	pthread_mutex_t mutex;
	uint32_t users;
	uint32_t tid;
} running[64];

static uint32_t guard, forking;

static struct running *find(const pthread_once_t *control)
{
	for (size_t i = 0; i < ARRAY_SIZE(running); i++)
		if (running[i].control == control)
			return &running[i];
	return NULL;
}

static int read_state(const pthread_once_t *control)
{
	return __atomic_load_n(control, __ATOMIC_ACQUIRE);
}

static void put(struct running *r)
{
	guard_lock(&guard);
	if (!--r->users)
		r->control = NULL;
	guard_unlock(&guard);
}

/*
 * Take part in what happens to a control that is not done.  Return: NULL if it is done
 * by now, or there is no room for another; *@run: the caller is to run the routine, and
 * has the mutex.
 */
static struct running *get(pthread_once_t *control, bool *run)
{
	struct running *r = NULL;

	guard_lock(&guard);
	if (read_state(control) != DONE) {
		r = find(control);
		*run = !r;
		if (!r)
			r = find(NULL);
	}
	if (r) {
		r->control = control;
		r->users++;
		if (*run) {
			r->tid = syscall(SYS_gettid);
			__atomic_store_n(control, RUNNING, __ATOMIC_RELAXED);
			pthread_mutex_lock(&r->mutex);
		}
	}
	guard_unlock(&guard);
	return r;
}

/**
 * struct call - the routine, while it runs
 * @r: its mutex
 * @returned: rather than thrown or been cancelled
 */
struct call {
	struct running *r;
	bool returned;
};

static void end(struct call *call)
{
	struct running *r = call->r;

	guard_lock(&guard);
	__atomic_store_n(r->control, call->returned ? DONE : FRESH, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&r->mutex);
	if (!call->returned)
		r->control = NULL;	/* whoever comes now begins anew */
	guard_unlock(&guard);
	put(r);
}

static void run_routine(struct running *r, void (*routine)(void))
{
	struct call call __attribute__((cleanup(end))) = { .r = r };

	routine();
	call.returned = true;
}

static void wait_for(struct running *r)
{
	pthread_mutex_lock(&r->mutex);
	pthread_mutex_unlock(&r->mutex);
	put(r);
}

KSYNC_EXPORT int pthread_once(pthread_once_t *control, void (*routine)(void))
{
	struct running *r;
	bool run;

	if (likely(read_state(control) == DONE))
		return 0;
	if (!ready())
		return REAL(pthread_once)(control, routine);
	while (read_state(control) != DONE) {
		r = get(control, &run);
		if (!r)
			nap(&NO_LIMIT);
		else if (run)
			run_routine(r, routine);
		else
			wait_for(r);
	}
	return 0;
}

ALIAS(__pthread_once, pthread_once);

/* Around a fork: see fork.c.  Nobody begins or ends a routine meanwhile. */

void once_lock(void)
{
	guard_lock(&guard);
	forking = syscall(SYS_gettid);
}

void once_unlock(void)
{
	guard_unlock(&guard);
}

/* In the child: what other threads ran begins anew. */
void once_forked(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
	struct running *r;

	guard = 0;
	for (r = running; r < running + ARRAY_SIZE(running); r++) {
		if (r->control && r->tid == forking) {
			r->tid = syscall(SYS_gettid);
			r->users = 1;
			continue;
		}
		if (r->control)
			*r->control = FRESH;
		*r = (struct running) { .mutex = fresh };
	}
}
