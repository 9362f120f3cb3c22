// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Scopes: tasks that end before their opener goes on (structured concurrency; N. J.
 * Smith, "Notes on structured concurrency", 2018).
 *
 * A scope is on its opener's stack.  Its lock is the last of it that a task touches
 * when it ends: the opener takes the lock, too, before it goes on.
 */
#include "internal.h"

EXPORT int ksync_scope_begin(struct ksync_scope *scope, uint32_t flags)
{
	struct ksync_task *self = ksync_task_self();

	if (!self || flags & ~KSYNC_SCOPE_CANCEL_ON_ERROR)
		return -EINVAL;
	*scope = (struct ksync_scope){ .owner_ = self, .flags_ = flags };
	return 0;
}

/** ksync_scope_enter() - a task that does not run yet is one of @scope */
void ksync_scope_enter(struct ksync_scope *scope, struct ksync_task *t)
{
	lock(&scope->lock_);
	t->scope = scope;
	t->scope_next = scope->first_;
	t->scope_prev = &scope->first_;
	if (scope->first_)
		scope->first_->scope_prev = &t->scope_next;
	scope->first_ = t;
	scope->running_++;
	if (scope->cancelled_)
		store(&t->cancelled, 1);
	unlock(&scope->lock_);
}

/* The lock is held: none of them can end. */
static void cancel_all(struct ksync_scope *scope)
{
	struct ksync_task *t;

	scope->cancelled_ = true;
	for (t = scope->first_; t; t = t->scope_next)
		ksync_task_cancel(t);
}

/** ksync_scope_leave() - a task ends, with 0 or an error */
void ksync_scope_leave(struct ksync_task *t, int error)
{
	struct ksync_scope *scope = t->scope;
	struct ksync_ticket ticket = { NULL, 0 };

	lock(&scope->lock_);
	*t->scope_prev = t->scope_next;
	if (t->scope_next)
		t->scope_next->scope_prev = t->scope_prev;
	t->scope = NULL;
	if (error < 0 && !scope->error_) {
		scope->error_ = error;
		if (scope->flags_ & KSYNC_SCOPE_CANCEL_ON_ERROR)
			cancel_all(scope);
	}
	if (!--scope->running_ && scope->waiting_) {
		scope->waiting_ = false;
		ticket.task = scope->owner_;
		ticket.seq = scope->ticket_;
	}
	unlock(&scope->lock_);
	if (ticket.task && ksync_claim(ticket, 0))
		ksync_wake(ticket.task);
}

EXPORT int ksync_scope_spawn(struct ksync_scope *scope, int (*fn)(void *arg), void *arg,
			     const struct ksync_task_attr *attr)
{
	const struct spawn how = { .scope_fn = fn, .arg = arg, .scope = scope };
	bool cancelled;

	lock(&scope->lock_);
	cancelled = scope->cancelled_;
	unlock(&scope->lock_);
	if (cancelled)
		return -ECANCELED;
	return ksync_spawn(scope->owner_->sched, &how, NULL, attr);
}

EXPORT void ksync_scope_cancel(struct ksync_scope *scope)
{
	lock(&scope->lock_);
	cancel_all(scope);
	unlock(&scope->lock_);
}

/* Wait for the last one. Return: 0; -ECANCELED: the caller is cancelled. */
static int wait_for_all(struct ksync_scope *scope, unsigned int flags)
{
	struct ksync_ticket ticket;
	bool all;
	int ret = ksync_wait_begin(&ticket, flags);

	if (ret)
		return ret;
	lock(&scope->lock_);
	all = !scope->running_;
	scope->ticket_ = ticket.seq;
	scope->waiting_ = !all;
	unlock(&scope->lock_);
	if (all)
		ksync_wait_abandon(ticket, &ret);
	else
		ret = ksync_wait(NEVER, "scope");
	lock(&scope->lock_);
	scope->waiting_ = false;
	unlock(&scope->lock_);
	return ret;
}

EXPORT int ksync_scope_end(struct ksync_scope *scope)
{
	int ret = wait_for_all(scope, 0);

	if (ret) {
		ksync_scope_cancel(scope);
		wait_for_all(scope, KSYNC_PARK_MASKED);
	}
	return scope->error_ ? scope->error_ : ret;
}
