// SPDX-License-Identifier: GPL-2.0
/*
 * Condition variables, the side that waits: release a mutex and sleep in one
 * step, and have the mutex again when woken.
 *
 * A signal does not wake: it moves a waiter to the queue of the mutex, see
 * requeue.c and park.c.  From then on the wait is one of lock.c's.
 *
 * The waiter is queued before the word is released.  So whoever locks the mutex
 * after it, and changes what it waits for, finds it:
 *
 *	CPU0 (waits, here)			CPU1 (signals, user space)
 *	----					----
 *	cell->waiters = n
 *	cmpxchg: word = free	[A]		cmpxchg: word = handle	[B]
 *						change the condition
 *						read cell->waiters
 *
 * [B] comes after [A], and acquires what [A] released: CPU1 sees the waiter.
 *
 * A wait that is broken off by a signal handler goes on afterwards, with the
 * same argument: in there is noted that the mutex is released already, and what
 * to return once it is locked.
 */
#include <linux/sched/signal.h>

#include "busted.h"
#include "park.h"
#include "queue.h"
#include "trace.h"

/**
 * struct cond_call - one call of COND_WAIT
 * @cond: to wait on
 * @arg: the call
 * @lock: what locking the mutex again is asked for
 * @r: the same; r.w is the waiter, on the cond too; set up when it begins to wait
 * @since: when it began to wait on the cond
 * @given: it was signalled, and the signal must not get lost
 */
struct cond_call {
	struct ksync_object cond;
	struct ksync_cond_wait *arg;
	struct ksync_lock lock;
	struct ksync_request r;
	u64 since;
	bool given;
};

static bool other_mutex(const struct ksync_state *st, const struct cond_call *c)
{
	const struct ksync_waiter *top = ksync_waiter_top(st);

	return top && top->mutex->id != c->r.obj.id;
}

/* Queue up, and release the mutex; the locks are held. */
static int queue_up(struct cond_call *c, struct ksync_state *st,
		    struct ksync_unlocking *rel)
{
	const struct ksync_object *mutex = &c->r.obj;
	int ret;

	WRITE_ONCE(c->r.self->stage, KSYNC_ON_COND);
	ksync_queue_enter(&c->r.w, st);
	ret = ksync_unlock_begin(mutex, c->r.self, c->lock.thread, rel); /* [A] */
	/* It was inconsistent: nobody will have it any more. */
	if (!ret && (READ_ONCE(mutex->cell->word) & KSYNC_OWNER) == KSYNC_NOTRECOVERABLE)
		ret = -ENOTRECOVERABLE;
	return ret;
}

/* Return: 0: waiting, without the mutex. -EUCLEAN, -ENOTRECOVERABLE: without it. */
static int enter(struct cond_call *c)
{
	struct ksync_bucket *a = ksync_bucket(c->cond.domain, c->cond.id);
	struct ksync_bucket *b = ksync_bucket(c->cond.domain, c->r.obj.id);
	struct ksync_state *spare = ksync_state_take(c->r.self), *st, *gone = NULL;
	struct ksync_unlocking rel = {};
	int ret = -EBADF;

	c->r.w.spare = ksync_state_take(c->r.self);
	if (!spare || !c->r.w.spare) {
		ksync_state_keep(c->r.self, spare);
		return -ENOMEM;
	}
	ksync_bucket_lock_both(a, b);
	if (ksync_object_stale(&c->cond) || ksync_object_stale(&c->r.obj))
		goto unlock;
	st = ksync_queue_state(&c->cond, KSYNC_SIDE_WORD, a, &spare);
	ret = -EINVAL;
	if (other_mutex(st, c))
		goto unlock;
	ret = queue_up(c, st, &rel);
	if (ret)
		gone = ksync_queue_leave(&c->r.w);
	else
		trace_contention_begin(&c->cond, st->nr);
unlock:
	ksync_bucket_unlock_both(a, b);
	ksync_unlock_end(&rel);
	ksync_state_keep(c->r.self, spare);
	if (gone)
		ksync_state_put(gone);
	return ret;
}

static int stage_of(const struct cond_call *c)
{
	return smp_load_acquire(&c->r.self->stage); /* [C] in park.c */
}

static void sleep(const struct cond_call *c)
{
	int stage;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		stage = stage_of(c);
		if (stage != KSYNC_ON_COND && stage != KSYNC_PARKED)
			break;
		if (READ_ONCE(c->r.w.timer.fired) || signal_pending(current))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/* Return: 0: left the cond, *@why tells. Else it has been moved, or dropped. */
static bool leave(struct cond_call *c, int *why)
{
	struct ksync_bucket *b = ksync_queue_lock(&c->r.w);
	struct ksync_state *gone = NULL;
	bool left;

	left = c->r.self->stage == KSYNC_ON_COND;
	if (left) {
		gone = ksync_queue_leave(&c->r.w);
		*why = ksync_waiter_broken(&c->r.w, c->arg->flags);
	}
	raw_spin_unlock(&b->lock);
	if (gone)
		ksync_state_put_kept(c->r.self, gone);
	return left;
}

/*
 * Sleep until it is time to go for the mutex: return 0, in the mutex's queue.
 * Else the wait was broken off, or there is no mutex: -EBADF.
 *
 * Once the waiter was moved no deadline ends the wait, and a signal only makes
 * it go by itself: block() sees what is pending.
 */
static int await_signal(struct cond_call *c)
{
	struct ksync_thread *self = c->r.self;
	struct task_struct *me;
	int why;

	for (;;) {
		sleep(c);
		switch (stage_of(c)) {
		case KSYNC_ON_COND:
			if (leave(c, &why))
				return why;
			break;
		case KSYNC_PARKED:
			ksync_waiter_stop(&c->r.w);
			me = signal_pending(current) ? ksync_unpark(self) : NULL;
			if (me)
				put_task_struct(me);
			break;
		case KSYNC_UNPARKED:
			return 0;
		default:
			return -EBADF;
		}
	}
}

/* The wait on the cond; then that for the mutex, if signalled. */
static int wait(struct cond_call *c)
{
	struct ksync_request *r = &c->r;
	int ret;

	ksync_waiter_start(&r->w, c->arg->flags, c->arg->deadline);
	ret = await_signal(c);
	ksync_waiter_stop(&r->w);
	trace_contention_end(&c->cond, ret, c->since);
	if (ret == -ETIMEDOUT)
		trace_timeout(&c->cond);
	if (ret)
		return ret;
	c->given = true;
	trace_contention_begin(&r->obj, READ_ONCE(r->w.state->nr));
	ret = ksync_lock_turn(r);
	if (ksync_lock_got(ret))
		trace_acquired(&r->obj, r->w.since);
	return ret;
}

static int sleep_phase(struct cond_call *c)
{
	struct ksync_domain *d = c->cond.domain;
	struct ksync_waiter *w = &c->r.w;
	int ret = ksync_waiter_init(w, d);

	if (ret)
		return ret;
	w->thread = c->r.self;
	w->mutex = &c->r.obj;
	c->since = w->since;
	ret = enter(c);
	if (!ret)
		ret = wait(c);
	ksync_waiter_fini(w, d);
	ksync_state_keep(c->r.self, w->spare);
	return ret;
}

/* The mutex must be had: a limit or a lack of memory is waited out. */
static int relock(struct cond_call *c)
{
	int ret;

	for (;;) {
		ret = ksync_lock_wait(&c->r);
		if (ret != -ENOSPC && ret != -ENOMEM)
			break;
		schedule_timeout_interruptible(1);
		if (signal_pending(current))
			return -ERESTARTNOINTR;
	}
	return ret ? ret : c->arg->result;
}

/* What is left to do, should the call be made again. */
static void go_on_with_relock(struct cond_call *c, int result)
{
	c->arg->phase = KSYNC_COND_RELOCK;
	c->arg->result = result;
}

static int cond_wait(struct cond_call *c)
{
	int ret;

	if (c->arg->phase == KSYNC_COND_RELOCK) {
		c->given = !c->arg->result;
		return relock(c);
	}
	ret = sleep_phase(c);
	switch (ret) {
	case -ETIMEDOUT:
		go_on_with_relock(c, ret);
		return relock(c);
	case -ERESTARTSYS:
		go_on_with_relock(c, -EINTR);
		return -ERESTARTNOINTR;
	case -ERESTARTNOINTR:
		go_on_with_relock(c, 0);
		return ret;
	default:
		return ret;
	}
}

#define WAIT_FLAGS (KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME)

static bool valid(const struct ksync_cond_wait *arg)
{
	if (arg->flags & ~WAIT_FLAGS || arg->pad || !ksync_deadline_valid(arg->deadline))
		return false;
	if (arg->phase == KSYNC_COND_SLEEP)
		return !arg->result;
	return arg->phase == KSYNC_COND_RELOCK &&
	       (!arg->result || arg->result == -EINTR || arg->result == -ETIMEDOUT);
}

/** ksync_cond_wait() - KSYNC_IOC_COND_WAIT */
int ksync_cond_wait(struct ksync_domain *d, struct ksync_cond_wait *arg)
{
	struct cond_call c __uninitialized;
	int ret;

	if (!valid(arg))
		return -EINVAL;
	ret = ksync_queue_find(d, arg->id, KSYNC_KIND_COND, &c.cond);
	if (!ret)
		ret = ksync_queue_find(d, arg->mutex, KSYNC_KIND_MUTEX, &c.r.obj);
	if (ret)
		return ret;
	c.arg = arg;
	c.given = false;
	c.lock = (struct ksync_lock){
		.id = arg->mutex,
		.thread = arg->thread,
		.deadline = KSYNC_NO_DEADLINE,
	};
	c.r.arg = &c.lock;
	c.r.entry = NULL;
	c.r.self = ksync_thread_current(d, arg->thread);
	if (!c.r.self)
		return -ESRCH;

	ret = cond_wait(&c);
	/* Who is killed passes on the signal that it has no use for. */
	if (ret == -ERESTARTNOINTR && fatal_signal_pending(current)) {
		if (c.given && !ksync_busted(KSYNC_FAULT_COND_KILLED))
			ksync_cond_move(&c.cond, 1);
		return -EINTR;
	}
	return ret;
}

/* To waits on many, which have released the mutex before, it is a waitq. */
const struct ksync_ops ksync_cond_ops = {
	.name = "cond",
	.kind = KSYNC_KIND_COND,
	.ready = ksync_waitq_ready,
	.shared = ksync_waitq_shared,
	.use = ksync_waitq_use,
};
