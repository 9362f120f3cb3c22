// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Between a task's stack and its machine's.
 *
 * Tasks leave for the machine's stack only, never for each other's: what has to be
 * done once a task is saved is done there.  A task that goes on learns from the switch
 * itself which machine runs it now; nothing that was looked up before is used after.
 */
#include "internal.h"

static inline void fiber_switch(void *fiber)
{
#ifdef KSYNC_TSAN
	__tsan_switch_to_fiber(fiber, 0);
#else
	(void)fiber;
#endif
}

/* The first and last function on each stack. */
static void task_main(struct fcontext_transfer from)
{
	struct machine *m = from.data;

	m->context = from.from;
	*ksync_errno_location() = 0;
	ksync_task_run(m->task);
	ksync_task_leave(ksync_machine_self(), LEAVE_END);
	__builtin_unreachable();
}

/* It has not run yet. */
static void begin(struct ksync_sched *s, struct proc *p, struct ksync_task *t)
{
	ksync_stack_take(s, p, t);
	t->context = make_fcontext(t->top, t->top - t->low, task_main);
#ifdef KSYNC_TSAN
	t->fiber = __tsan_create_fiber(0);
#endif
}

/**
 * ksync_task_leave() - go to the machine's stack
 * @m: the caller's, just looked up
 * @leave: what for
 *
 * Returns when the task goes on, on whatever machine.
 */
void ksync_task_leave(struct machine *m, enum leave leave)
{
	struct ksync_task *t = m->task;
	struct fcontext_transfer back;

	t->saved_errno = *ksync_errno_location();
	m->leave = leave;
	store(&m->busy, true);
	fiber_switch(m->fiber);
	back = jump_fcontext(m->context, NULL);
	m = back.data;
	m->context = back.from;
	*ksync_errno_location() = t->saved_errno;
}

static void end(struct machine *m, struct ksync_task *t)
{
#ifdef KSYNC_TSAN
	__tsan_destroy_fiber(t->fiber);
#endif
	ksync_stack_give(m->sched, m->proc, t);
	t->context = NULL;
	ksync_task_ended(m->sched, m->proc, t);
}

/*
 * Behind all that are ready: those that a proc's queue had no room for, too, or two that
 * yield to each other would come before them for ever but for each 61st time.
 */
static void yielded(struct machine *m, struct ksync_task *t)
{
	store(&t->state, TASK_READY);
	if (seeded(m->sched))
		ksync_seeded_put(m->sched, t);
	else if (likely(m->proc && !load(&m->sched->queued)))
		ksync_runq_put(m->proc, t, m->sched);
	else
		ksync_global_put(m->sched, t, t, 1);
}

/* Do what a task left for. Return: the task, if it goes on at once. */
static struct ksync_task *left(struct machine *m, struct ksync_task *t)
{
	switch (m->leave) {
	case LEAVE_YIELD:
		yielded(m, t);
		return NULL;
	case LEAVE_WAIT:
		store(&t->state, TASK_WAITING);
		return ksync_wait_saved(t) ? NULL : t;
	case LEAVE_PARK:
		store(&t->state, TASK_WAITING);
		return m->commit(t, m->arg) ? NULL : t;
	case LEAVE_END:
		end(m, t);
		return NULL;
	case LEAVE_DIE:
		m->dies = true;
		return NULL;
	}
	__builtin_unreachable();
}

/**
 * ksync_machine_run() - run a task until it leaves
 * @m: the caller, who has a proc
 * @t: not pinned to another
 *
 * Return: NULL; @t, if it is to go on.
 */
struct ksync_task *ksync_machine_run(struct machine *m, struct ksync_task *t)
{
	struct proc *p = m->proc;
	struct fcontext_transfer back;

	store(&t->state, TASK_RUNNING);
	if (unlikely(t->machine != m)) {
		if (t->machine)
			p->migrations++;
		t->machine = m;
	}
	if (!t->context)
		begin(m->sched, p, t);
	m->task = t;
	store(&p->tick, p->tick + 1);
	store_release(&m->busy, false);
	fiber_switch(t->fiber);
	back = jump_fcontext(t->context, m);
	m->task = NULL;
	if (unlikely(load_acquire(&m->revoked) != REVOKED_NOT))
		ksync_proc_hold_slow(m);
	t->context = back.from;
	if (unlikely(!(t->flags & TASK_GUARDED)))
		ksync_stack_check(t, back.from);
	return left(m, t);
}
