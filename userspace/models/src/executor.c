// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Tasks that run continuations, and settle delays: a few for each scheduler.
 *
 * A future that is to be run later is added when it is made, and an error is told to
 * who makes it; from then on nothing can fail.  While there are such futures, there is
 * a spare task: one that runs none of their functions, and takes the next that is
 * ready.  Before a task runs one that may wait, it makes another spare; if there is no
 * memory for that, the others have to wait until it is back, but none is lost.
 *
 *	spare task			who makes a future ready
 *	begins a wait
 *	lock				lock
 *	queue is empty: idle = true	puts it into the queue
 *	unlock				takes the ticket, idle = false
 *	waits				unlock, claims it
 *
 * If the claim fails, the task was cancelled meanwhile, and looks at the queue anyway.
 *
 * The tasks are cancelled when the scheduler stops.  They end the futures that are not
 * ready, then, and run what comes of that, until none is left.
 */
#include "future.h"

/** ksync_sched_of_caller() - @given, or that of the calling task, or NULL */
struct ksync_sched *ksync_sched_of_caller(struct ksync_sched *given)
{
	struct ksync_task *self = given ? NULL : ksync_task_self();

	return self ? self->sched : given;
}

static void *executor_main(void *sched);

/**
 * ksync_spawn_detached() - spawn a task, called by whomever
 * @s: scheduler
 * @fn: its function
 * @arg: its argument
 * @attr: or NULL
 */
int ksync_spawn_detached(struct ksync_sched *s, void *(*fn)(void *arg), void *arg,
			 const struct ksync_task_attr *attr)
{
	struct ksync_task *self = ksync_task_self();

	if (self && self->sched == s)
		return ksync_task_spawn(NULL, fn, arg, attr);
	return ksync_sched_spawn(s, NULL, fn, arg, attr);
}

/* Called with the lock: others rely on the new one only if there is one. */
static int spawn(struct ksync_sched *s)
{
	const struct ksync_task_attr attr = { .name = "futures" };
	int ret = ksync_spawn_detached(s, executor_main, s, &attr);

	if (!ret)
		s->executor.spare++;
	return ret;
}

static void link_in(struct executor *e, struct ksync_executed *x)
{
	x->next = e->added;
	x->prev = &e->added;
	if (x->next)
		x->next->prev = &x->next;
	e->added = x;
}

static void link_out(struct ksync_executed *x)
{
	*x->prev = x->next;
	if (x->next)
		x->next->prev = x->prev;
}

/**
 * ksync_executor_add() - it will be run by a task of x->sched
 * @x: has a reference of the executor's
 *
 * Return: 0; -ENOMEM, -EAGAIN (no thread).
 */
int ksync_executor_add(struct ksync_executed *x)
{
	struct executor *e = &x->sched->executor;
	int ret = 0;

	lock(&e->lock);
	e->waiting++;
	link_in(e, x);
	if (!e->spare)
		ret = spawn(x->sched);
	if (ret) {
		link_out(x);
		e->waiting--;
	}
	unlock(&e->lock);
	return ret;
}

/* Called with the lock; unlocks it, and wakes the idle task. */
static void wake_idle(struct executor *e)
{
	const struct ksync_ticket ticket = e->ticket;
	const bool idle = e->idle;

	e->idle = false;
	unlock(&e->lock);
	if (idle && ksync_claim(ticket, 0))
		ksync_wake(ticket.task);
}

/** ksync_executor_ready() - it is to be run now; timers may be locked */
void ksync_executor_ready(struct ksync_executed *x)
{
	struct executor *e = &x->sched->executor;

	lock(&e->lock);
	link_out(x);
	x->next = NULL;
	if (!e->queue)
		e->tail = &e->queue;
	*e->tail = x;
	e->tail = &x->next;
	wake_idle(e);
}

/** ksync_executor_remove() - it need not be run */
void ksync_executor_remove(struct ksync_executed *x)
{
	struct executor *e = &x->sched->executor;

	lock(&e->lock);
	link_out(x);
	if (--e->waiting)
		unlock(&e->lock);
	else
		wake_idle(e);
}

static struct ksync_executed *take(struct executor *e)
{
	struct ksync_executed *x = e->queue;

	if (x) {
		e->queue = x->next;
		e->waiting--;
	}
	return x;
}

/*
 * The next function finds the task as if it were a new one.  Somebody may have
 * cancelled the last one: that is over with it; but the scheduler, which writes ending
 * before it cancels, means the task.
 */
static void forget(struct ksync_sched *s)
{
	struct ksync_task *self = ksync_task_self();

	ksync_locals_destroy(self);
	while (self->pins)
		ksync_task_unpin();
	self->masked = 0;
	if (__atomic_exchange_n(&self->cancelled, 0, __ATOMIC_SEQ_CST) && load(&s->ending))
		store(&self->cancelled, 1);
}

/* Called with the lock. */
static void run(struct ksync_sched *s, struct ksync_executed *x)
{
	struct executor *e = &s->executor;
	const bool waits = x->waits;

	if (waits && !--e->spare && e->waiting)
		spawn(s);
	unlock(&e->lock);
	ksync_trampoline_run(&x->f);
	if (waits)
		forget(s);
	lock(&e->lock);
	if (waits)
		e->spare++;
}

/* Called with the lock, when the scheduler stops. */
static void stop_all(struct executor *e)
{
	struct ksync_future *f;

	while (e->added) {
		f = ksync_future_get(&e->added->f);
		unlock(&e->lock);
		f->kind->stop(f);
		ksync_future_put(f);
		/* Somebody else may be about to make it ready. */
		ksync_task_yield();
		lock(&e->lock);
	}
}

/* Called with the lock: nothing is to be run. */
static void wait_for_more(struct executor *e)
{
	struct ksync_ticket ticket;
	int ret, said;

	unlock(&e->lock);
	ret = ksync_wait_begin(&ticket, 0);
	lock(&e->lock);
	if (ret) {
		stop_all(e);
		return;
	}
	if (e->queue || !e->waiting || e->idle) {
		unlock(&e->lock);
		ksync_wait_abandon(ticket, &said);
		lock(&e->lock);
		return;
	}
	e->idle = true;
	e->ticket = ticket;
	unlock(&e->lock);
	ksync_wait(NEVER, "futures");
	lock(&e->lock);
	if (e->idle && e->ticket.task == ticket.task)
		e->idle = false;
}

static void *executor_main(void *sched)
{
	struct ksync_sched *s = sched;
	struct executor *e = &s->executor;
	struct ksync_executed *x;

	lock(&e->lock);
	while ((x = take(e)) || (e->waiting && e->spare <= 1)) {
		if (x)
			run(s, x);
		else
			wait_for_more(e);
	}
	e->spare--;
	unlock(&e->lock);
	return NULL;
}
