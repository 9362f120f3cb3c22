// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * An actor that ends with locks of libksync: these are owned by a thread, and only the
 * end of that thread makes them OWNER_DIED, in the kernel, whatever kind they are and
 * whoever waits.  So the thread ends.
 *
 * KSYNC_MODEL_MN: the task is pinned to a machine, which runs no other.  That gives its
 * proc away, and ends.  KSYNC_MODEL_11: the task's thread ends anyway.  In both cases
 * another thread, the coroner, waits until it is gone, and then does what remains: tells
 * others of the actor's end, and gives the task back.
 *
 * Where all tasks are on one thread an actor's locks are owned by carriers: see front.c.
 * These end.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "death.h"
#include "internal.h"

struct coroner {
	struct ksync_task *task;
	struct machine *machine;	/* NULL: the task is a thread */
	int error;
	pid_t tid;
};

/**
 * ksync_await_gone() - wait until a thread is no more
 * @tid: of this process
 *
 * pthread_join() returns a moment before the kernel has repaired locks; a thread that
 * has no number any more is through with that.
 */
void ksync_await_gone(pid_t tid)
{
	const struct timespec moment = { 0, 20000 };

	while (!syscall(SYS_tgkill, getpid(), tid, 0))
		nanosleep(&moment, NULL);
}

static void *coroner_main(void *arg)
{
	const struct coroner c = *(struct coroner *)arg;
	struct ksync_task *t = c.task;
	struct ksync_sched *s = t->sched;

	free(arg);
	if (c.machine) {
		pthread_join(c.machine->thread, NULL);
		free(c.machine->signal_stack);
		free(c.machine);
	}
	ksync_await_gone(c.tid);
	ksync_actor_ended(t, c.error);
	t->pins = 0;
	t->pinned = NULL;
	if (t->scope)
		ksync_scope_leave(t, c.error);
#ifdef KSYNC_TSAN
	if (c.machine)
		__tsan_destroy_fiber(t->fiber);
#endif
	ksync_task_ended(s, NULL, t);
	if (!c.machine)
		ksync_thread_rests(s);
	ksync_sched_release(s);
	return NULL;
}

static int call_coroner(struct ksync_task *t, struct machine *m, int error)
{
	struct coroner *c = malloc(sizeof(*c));
	pthread_attr_t attr;
	pthread_t thread;
	int ret = -ENOMEM;

	if (!c)
		return ret;
	*c = (struct coroner){ t, m, error, gettid() };
	ret = -pthread_attr_init(&attr);
	if (ret)
		goto free;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	ret = -pthread_create(&thread, &attr, coroner_main, c);
	pthread_attr_destroy(&attr);
	if (!ret)
		return 0;
free:
	free(c);
	return ret;
}

/**
 * ksync_die_with_locks() - an actor ends, and has not unlocked
 * @t: its task, the caller
 * @error: what it returned
 *
 * Does not return, but where all tasks are on one thread, and if there is no thread or
 * memory: then the locks stay locked.
 */
void ksync_die_with_locks(struct ksync_task *t, int error)
{
	struct ksync_sched *s = t->sched;
	struct machine *m = ksync_machine_self();

	if (m && !hands_off(s)) {
		ksync_fronts_die(s, t);
		return;
	}
	ksync_sched_hold(s);
	if (call_coroner(t, m, error)) {
		ksync_sched_release(s);
		return;
	}
	if (m)
		ksync_task_leave(m, LEAVE_DIE);
	ksync_thread_set_task(NULL);
	pthread_exit(NULL);
}
