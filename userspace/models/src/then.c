// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Continuations: a future that is made from the result of another.
 *
 * One is in three states, and each is left once:
 *
 *	it hangs on its source		watch
 *	it is to be run			of who took it off its source, and then the
 *					executor's, or the trampoline's
 *	settled
 *
 * It is taken off by the source's end, which calls it; by the end of the scheduler; by
 * its own cancellation, with KSYNC_FUTURE_KEEP.  Each of the two last ones asks the
 * source, under its lock, whether it was the first.
 */
#include <stdlib.h>
#include "future.h"

enum then_mode {
	THEN_VALUE,
	THEN_ERROR,
	THEN_EITHER,
	THEN_FINALLY,
};

/**
 * struct then - a continuation
 * @source: what it hangs on; NULL once it has been run; protected by the lock
 * @watch: there
 * @in: the source's result, or why it does not wait for it
 * @task: that runs @fn; protected by the lock
 */
struct then {
	struct ksync_executed x;
	struct ksync_future *source;
	struct ksync_notify watch;
	ksync_then_fn *fn;
	void *arg;
	struct ksync_task *task;
	int stopped;
	enum then_mode mode;
	uint32_t flags;
};

static struct then *of(struct ksync_future *f)
{
	return container(f, struct then, x.f);
}

/* What is to clean up, maybe, begins whether or not it was cancelled before. */
static void set_task(struct then *t, struct ksync_task *task)
{
	lock(&t->x.f.lock);
	t->task = task;
	if (task && t->mode == THEN_VALUE && t->x.f.state & FUTURE_ASKED)
		ksync_task_cancel(task);
	unlock(&t->x.f.lock);
}

static bool wanted(const struct then *t, int error)
{
	return t->mode >= THEN_EITHER || (t->mode == THEN_ERROR) == !!error;
}

/* Call the function. */
static void call(struct then *t, struct outcome *o)
{
	struct ksync_value out = { NULL, NULL };
	int ret;

	if (!(t->flags & KSYNC_THEN_INLINE))
		set_task(t, ksync_task_self());
	ret = t->fn(o->error, o->error ? NULL : o->value, &out, t->arg);
	if (!(t->flags & KSYNC_THEN_INLINE))
		set_task(t, NULL);
	if (t->mode == THEN_FINALLY && !ret) {
		if (out.destroy)
			out.destroy(out.value);
		return;
	}
	ksync_future_put(o->keep);
	*o = (struct outcome){ .error = ret, .value = out.value, .destroy = out.destroy };
}

/* Return: what it hung on. */
static struct ksync_future *take_source(struct then *t)
{
	struct ksync_future *source;

	lock(&t->x.f.lock);
	source = t->source;
	t->source = NULL;
	unlock(&t->x.f.lock);
	return source;
}

/* The source is settled, or not waited for: end. */
static void run(struct ksync_future *f)
{
	struct then *t = of(f);
	struct outcome o = { .error = t->stopped };

	if (!t->stopped)
		ksync_outcome_of(t->source, &o);
	if (wanted(t, o.error))
		call(t, &o);
	ksync_future_put(take_source(t));
	ksync_settle(f, &o);
}

/* It hangs on its source no more: see to it that it is run, where it belongs. */
static void taken_off(struct then *t, int error)
{
	const bool waits = !(t->flags & KSYNC_THEN_INLINE);

	t->stopped = error;
	if (waits && wanted(t, error ? error : ksync_future_try(t->source, NULL))) {
		ksync_executor_ready(&t->x);
		return;
	}
	if (waits)
		ksync_executor_remove(&t->x);
	ksync_trampoline_run(&t->x.f);
}

static void source_settled(struct ksync_future *source, void *then)
{
	(void)source;
	taken_off(then, 0);
}

static void end_early(struct ksync_future *f)
{
	struct then *t = of(f);
	struct ksync_future *source;

	lock(&f->lock);
	source = t->source ? ksync_future_get(t->source) : NULL;
	unlock(&f->lock);
	if (source && ksync_future_unwatch(source, &t->watch))
		taken_off(t, -ECANCELED);
	ksync_future_put(source);
}

static void cancel(struct ksync_future *f)
{
	struct then *t = of(f);
	struct ksync_future *source = NULL;

	if (t->flags & KSYNC_FUTURE_KEEP)
		end_early(f);
	lock(&f->lock);
	if (t->task)
		ksync_task_cancel(t->task);
	else if (t->source && !(t->flags & KSYNC_FUTURE_KEEP))
		source = ksync_future_get(t->source);
	unlock(&f->lock);
	if (!source)
		return;
	ksync_future_ask(source);
	ksync_future_put(source);
}

static const struct future_kind then_kind = {
	.cancel = cancel,
	.run = run,
	.stop = end_early,
};

/* One reference is the caller's, one that of whatever it hangs on. */
static struct then *make(struct ksync_future *f, ksync_then_fn *fn, void *arg,
			 const struct ksync_then_attr *attr)
{
	struct then *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	ksync_future_init(&t->x.f, &then_kind, 2);
	t->x.waits = true;
	t->source = ksync_future_get(f);
	t->watch.fn_ = source_settled;
	t->watch.arg_ = t;
	t->fn = fn;
	t->arg = arg;
	t->flags = attr ? attr->flags : 0;
	return t;
}

static int go_on(struct ksync_future **out, struct ksync_future *f, ksync_then_fn *fn,
		 void *arg, const struct ksync_then_attr *attr, enum then_mode mode)
{
	const bool in_place = attr && attr->flags & KSYNC_THEN_INLINE;
	struct ksync_sched *s;
	struct then *t;
	int ret = 0;

	if (attr && (attr->reserved || (in_place && attr->sched) ||
		     attr->flags & ~(KSYNC_THEN_INLINE | KSYNC_FUTURE_KEEP)))
		return -EINVAL;
	s = ksync_sched_of_caller(attr ? attr->sched : NULL);
	if (!s && !in_place)
		return -EINVAL;
	t = make(f, fn, arg, attr);
	if (!t)
		return -ENOMEM;
	t->mode = mode;
	t->x.sched = s;
	if (!in_place)
		ret = ksync_executor_add(&t->x);
	if (ret) {
		/* An executor that stops may be looking at it. */
		ksync_future_put(take_source(t));
		ksync_future_put(&t->x.f);
		ksync_future_put(&t->x.f);
		return ret;
	}
	*out = &t->x.f;
	if (!ksync_future_watch(f, &t->watch))
		taken_off(t, 0);
	return 0;
}

EXPORT int ksync_future_then(struct ksync_future **out, struct ksync_future *f,
			     ksync_then_fn *fn, void *arg,
			     const struct ksync_then_attr *attr)
{
	return go_on(out, f, fn, arg, attr, THEN_VALUE);
}

EXPORT int ksync_future_catch(struct ksync_future **out, struct ksync_future *f,
			      ksync_then_fn *fn, void *arg,
			      const struct ksync_then_attr *attr)
{
	return go_on(out, f, fn, arg, attr, THEN_ERROR);
}

EXPORT int ksync_future_map(struct ksync_future **out, struct ksync_future *f,
			    ksync_then_fn *fn, void *arg,
			    const struct ksync_then_attr *attr)
{
	return go_on(out, f, fn, arg, attr, THEN_EITHER);
}

EXPORT int ksync_future_finally(struct ksync_future **out, struct ksync_future *f,
				ksync_then_fn *fn, void *arg,
				const struct ksync_then_attr *attr)
{
	return go_on(out, f, fn, arg, attr, THEN_FINALLY);
}
