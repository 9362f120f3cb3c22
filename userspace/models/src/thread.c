// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * KSYNC_MODEL_11: tasks that are threads.  Which of them wait is counted under the
 * scheduler's lock, so that it is noticed when all do.
 */
#include <limits.h>
#include "internal.h"

/* What glibc takes from a thread's stack for itself. */
#define OVERHEAD	16384

/** ksync_thread_rests() - one less that runs */
void ksync_thread_rests(struct ksync_sched *s)
{
	if (!s)
		return;
	lock(&s->lock);
	if (!--s->threads_running)
		ksync_check_quiet(s);
	unlock(&s->lock);
}

/** ksync_thread_end() - its task has ended */
void ksync_thread_end(struct ksync_task *t)
{
	struct ksync_sched *s = t->sched;

	ksync_thread_set_task(NULL);
	ksync_task_ended(s, NULL, t);
	ksync_thread_rests(s);
}

static void *thread_main(void *arg)
{
	struct ksync_task *t = arg;

	ksync_thread_set_task(t);
	store(&t->state, TASK_RUNNING);
	ksync_task_run(t);
	ksync_thread_end(t);
	return NULL;
}

/** ksync_thread_spawn() - start it */
int ksync_thread_spawn(struct ksync_sched *s, struct ksync_task *t, size_t stack)
{
	size_t size = (stack ? stack : s->classes[s->class].size) + OVERHEAD;
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	ret = -pthread_attr_init(&attr);
	if (ret)
		return ret;
	if (size < (size_t)PTHREAD_STACK_MIN)
		size = PTHREAD_STACK_MIN;
	pthread_attr_setstacksize(&attr, (size + 4095) & ~4095UL);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	lock(&s->lock);
	s->threads_running++;
	unlock(&s->lock);
	store(&t->state, TASK_READY);
	ret = -pthread_create(&thread, &attr, thread_main, t);
	if (ret)
		ksync_thread_rests(s);
	pthread_attr_destroy(&attr);
	return ret;
}

/** ksync_thread_waits() - a thread of @s, or of none, is going to sleep */
void ksync_thread_waits(struct ksync_sched *s, bool timed)
{
	if (!s)
		return;
	if (timed) {
		lock(&s->lock);
		s->threads_timed++;
		unlock(&s->lock);
	}
	ksync_thread_rests(s);
}

/** ksync_thread_woken() - it is going to run again; said by who wakes it */
void ksync_thread_woken(struct ksync_sched *s)
{
	if (!s)
		return;
	lock(&s->lock);
	s->threads_running++;
	unlock(&s->lock);
}

/** ksync_thread_resumed() - it runs again */
void ksync_thread_resumed(struct ksync_sched *s, bool timed)
{
	if (!s || !timed)
		return;
	lock(&s->lock);
	s->threads_timed--;
	unlock(&s->lock);
}
