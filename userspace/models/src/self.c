// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Who calls: lookups of what belongs to the thread, see LOOKUP; and the structures by
 * which plain threads wait, which are made once and never given back.
 */
#include <stdlib.h>
#include "death.h"
#include "internal.h"

static __thread __attribute__((tls_model("initial-exec"))) struct machine *this_machine;
static __thread __attribute__((tls_model("initial-exec"))) struct ksync_task *this_thread;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int key_error;

static uint32_t pool_lock;
static struct ksync_task *pool;		/* free ones, by next */
static struct ksync_task *pool_all;	/* all, by all */

LOOKUP struct machine *ksync_machine_self(void)
{
	asm volatile("" ::: "memory");
	return this_machine;
}

LOOKUP void ksync_machine_set_self(struct machine *m)
{
	asm volatile("" ::: "memory");
	this_machine = m;
}

LOOKUP struct ksync_task *ksync_thread_task(void)
{
	asm volatile("" ::: "memory");
	return this_thread;
}

LOOKUP void ksync_thread_set_task(struct ksync_task *t)
{
	asm volatile("" ::: "memory");
	this_thread = t;
}

EXPORT LOOKUP int *ksync_errno_location(void)
{
	asm volatile("" ::: "memory");
	return &errno;
}

/** ksync_thread_task_get() - a structure for a thread, or NULL */
struct ksync_task *ksync_thread_task_get(void)
{
	struct ksync_task *t;

	lock(&pool_lock);
	t = pool;
	if (t)
		pool = t->next;
	unlock(&pool_lock);
	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->flags = TASK_THREAD;
	lock(&pool_lock);
	t->all = pool_all;
	pool_all = t;
	unlock(&pool_lock);
	return t;
}

void ksync_thread_task_put(struct ksync_task *t)
{
	lock(&pool_lock);
	t->sched = NULL;
	store(&t->state, TASK_FREE);
	t->next = pool;
	pool = t;
	unlock(&pool_lock);
}

/** ksync_thread_tasks_each() - call a function for the tasks that are threads */
void ksync_thread_tasks_each(struct ksync_sched *s,
			     void (*fn)(struct ksync_task *t, void *arg), void *arg)
{
	struct ksync_task *t;

	lock(&pool_lock);
	for (t = pool_all; t; t = t->all)
		if (t->sched == s && load(&t->state) != TASK_FREE)
			fn(t, arg);
	unlock(&pool_lock);
}

static void drop(void *thread)
{
	struct ksync_task *t = thread;

	ksync_locals_destroy(t);
	if (t->actor)
		ksync_actor_ended(t, 0);
	ksync_thread_set_task(NULL);
	ksync_thread_task_put(thread);
}

static void make_key(void)
{
	key_error = pthread_key_create(&key, drop);
}

/* A plain thread's first wait. */
static struct ksync_task *new_thread(void)
{
	struct ksync_task *t;

	pthread_once(&once, make_key);
	if (key_error)
		return NULL;
	t = ksync_thread_task_get();
	if (!t)
		return NULL;
	t->state = TASK_RUNNING;
	t->cancelled = 0;
	t->masked = 0;
	if (pthread_setspecific(key, t)) {
		ksync_thread_task_put(t);
		return NULL;
	}
	ksync_thread_set_task(t);
	return t;
}

struct ksync_task *ksync_self_waiter(void)
{
	struct machine *m = ksync_machine_self();
	struct ksync_task *t;

	if (m)
		return m->task;
	t = ksync_thread_task();
	return t ? t : new_thread();
}

EXPORT struct ksync_task *ksync_task_self(void)
{
	struct machine *m = ksync_machine_self();
	struct ksync_task *t;

	if (m)
		return m->task;
	t = ksync_thread_task();
	return t && t->sched ? t : NULL;
}
