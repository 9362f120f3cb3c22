// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Locks, whose owners are threads: so they are in shared memory, and for the kernel,
 * which boosts owners and finds out that they died.
 *
 * With KSYNC_MODEL_MN a task that has a lock is pinned: its thread runs no other task.
 * So locks are owned as libksync knows it, and what it does holds for tasks: chains of
 * priority inheritance, cycles refused, recursion.  To wait, the thread blocks, in a
 * blocking section: its proc goes to another.
 *
 * With KSYNC_MODEL_11 the task is its thread.
 *
 * Where all tasks are on one thread (KSYNC_MODEL_N1, seeded) that must never block, and
 * may not be taken for the owner when another task asks: see front.c.
 */
#include "internal.h"

struct locking {
	const struct ksync_task_lock_ *l;
	int op;
};

static int do_lock(void *arg, const struct timespec *until)
{
	const struct locking *w = arg;

	return w->l->fn(w->l->lock, w->op, until);
}

static int try_op(int op)
{
	return op == KSYNC_TASK_READ_ || op == KSYNC_TASK_READ_TRY_ ? KSYNC_TASK_READ_TRY_ :
		KSYNC_TASK_TRY_;
}

static bool has_it(int ret)
{
	return !ret || ret == -EOWNERDEAD;
}

static bool on_one_thread(const struct ksync_sched *s)
{
	return s->model != KSYNC_MODEL_11 && !hands_off(s);
}

/* The thread blocks. */
static int lock_here(const struct ksync_task_lock_ *l, int op, uint64_t deadline)
{
	struct locking w = { l, op };
	const struct task_call call = { do_lock, &w };
	int ret;

	ksync_task_block_enter();
	ret = ksync_call_here(&call, deadline, ksync_cancellable(ksync_task_self()));
	ksync_task_block_leave();
	return ret;
}

/* On a thread of its own from now on. */
static int pin_and_try(const struct ksync_task_lock_ *l, int op)
{
	int ret;

	ksync_task_pin();
	ret = l->fn(l->lock, op, NULL);
	if (!has_it(ret))
		ksync_task_unpin();
	return ret;
}

/* The first of the line; or one who has another lock. */
static int pin_and_lock(const struct ksync_task_lock_ *l, int op, uint64_t deadline)
{
	int ret;

	ksync_task_pin();
	ret = lock_here(l, op, deadline);
	if (!has_it(ret))
		ksync_task_unpin();
	return ret;
}

static int lock_pinned(struct ksync_task *t, const struct ksync_task_lock_ *l, int op,
		       uint64_t deadline)
{
	struct lined line = { .cell = l->cell, .sched = t->sched };
	int ret = pin_and_try(l, try_op(op));

	if (ret != -EBUSY || op == KSYNC_TASK_TRY_ || op == KSYNC_TASK_READ_TRY_)
		return ret;
	if (t->pins)
		return pin_and_lock(l, op, deadline);
	ret = ksync_line_enter(&line, deadline);
	if (ret)
		return ret;
	ret = pin_and_lock(l, op, deadline);
	ksync_line_leave(&line);
	return ret;
}

static int lock_as(struct ksync_task *self, const struct ksync_task_lock_ *l, int op,
		   const struct timespec *abs)
{
	uint64_t deadline;
	int ret = ksync_deadline_ns(abs, &deadline);

	if (ret)
		return ret;
	if (!self)
		return l->fn(l->lock, op, abs);
	if (on_one_thread(self->sched))
		return ksync_front_lock(self->sched, l, op, deadline);
	if (self->sched->model == KSYNC_MODEL_11)
		return lock_here(l, op, deadline);
	return lock_pinned(self, l, op, deadline);
}

EXPORT int ksync_task_lock_(const struct ksync_task_lock_ *l, int op,
			    const struct timespec *abs)
{
	struct ksync_task *self = ksync_task_self();
	int ret = lock_as(self, l, op, abs);

	if (has_it(ret)) {
		tsan_acquire(l->cell);
		if (self)
			self->held++;
	}
	return ret;
}

/* It has one less. */
static void lost_one(struct ksync_task *self)
{
	if (self && self->held)
		self->held--;
}

EXPORT int ksync_task_unlock_(const struct ksync_task_lock_ *l)
{
	struct ksync_task *self = ksync_task_self();
	const bool one = self && on_one_thread(self->sched);
	int ret;

	tsan_release(l->cell);
	ret = one ? ksync_front_unlock(self->sched, l) :
		l->fn(l->lock, KSYNC_TASK_UNLOCK_, NULL);
	if (!ret || ret == -EUCLEAN) {
		if (!one)
			ksync_task_unpin();
		lost_one(self);
	}
	return ret;
}

EXPORT int ksync_task_do_(const struct ksync_task_lock_ *l, int op)
{
	struct ksync_task *self = ksync_task_self();

	if (self && on_one_thread(self->sched))
		return ksync_front_do(self->sched, l, op);
	return l->fn(l->lock, op, NULL);
}

/*
 * A slice that passes is a spurious wake-up, after which the program looks at its
 * condition.  To wait again here would lose signals: the condition may have become true
 * meanwhile, and the signal for it may come when this thread does not wait.
 */
static int cond_here(const struct ksync_task_cond_ *c, uint64_t deadline, bool sliced)
{
	uint64_t until = sliced ? ksync_clock(NULL) + KSYNC_SLICE : NEVER;
	struct timespec ts;
	int ret;

	if (until > deadline)
		until = deadline;
	ts = ksync_to_timespec(until);
	ret = c->wait(c->cond, c->mutex.lock, until == NEVER ? NULL : &ts);
	if (ret != -ETIMEDOUT)
		return ret;
	if (ksync_task_cancelled())
		return -ECANCELED;
	return until < deadline ? 0 : ret;
}

/*
 * Without the mutex it need not be pinned for it any more.  (-EBADF may mean that, or
 * not, and leaves it pinned until it ends.)
 */
static int cond_pinned(struct ksync_task *self, const struct ksync_task_cond_ *c,
		       uint64_t deadline)
{
	int ret;

	ksync_task_block_enter();
	ret = cond_here(c, deadline, ksync_cancellable(self));
	ksync_task_block_leave();
	if (ret == -EDEADLK || ret == -ENOTRECOVERABLE || ret == -EUCLEAN)
		ksync_task_unpin();
	return ret;
}

EXPORT int ksync_task_cond_wait_(const struct ksync_task_cond_ *c,
				 const struct timespec *abs)
{
	struct ksync_task *self = ksync_task_self();
	uint64_t deadline;
	int ret = ksync_deadline_ns(abs, &deadline);

	if (ret)
		return ret;
	tsan_release(c->mutex.cell);
	if (!self)
		ret = c->wait(c->cond, c->mutex.lock, abs);
	else if (on_one_thread(self->sched))
		ret = ksync_front_cond_wait(self->sched, c, deadline);
	else
		ret = cond_pinned(self, c, deadline);
	if (ret == -EDEADLK || ret == -ENOTRECOVERABLE || ret == -EUCLEAN)
		lost_one(self);
	tsan_acquire(c->mutex.cell);
	return ret;
}
