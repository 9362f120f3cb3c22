// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Asynchronous functions: tasks whose results are futures. */
#include <stdlib.h>
#include "future.h"

/**
 * struct async - a task's future
 * @task: while it runs @fn; protected by the lock
 */
struct async {
	struct ksync_future f;
	int (*fn)(void *arg, struct ksync_value *out);
	void *arg;
	struct ksync_task *task;
};

/* The task cannot end, nor be another's, while the lock is held. */
static void cancel(struct ksync_future *f)
{
	struct async *a = container(f, struct async, f);

	lock(&f->lock);
	if (a->task)
		ksync_task_cancel(a->task);
	unlock(&f->lock);
}

static const struct future_kind async_kind = {
	.cancel = cancel,
};

static void begin(struct async *a)
{
	struct ksync_task *self = ksync_task_self();

	lock(&a->f.lock);
	a->task = self;
	if (a->f.state & FUTURE_ASKED)
		ksync_task_cancel(self);
	unlock(&a->f.lock);
}

static void *async_main(void *async)
{
	struct async *a = async;
	struct ksync_value out = { NULL, NULL };
	struct outcome o = { 0 };

	begin(a);
	o.error = a->fn(a->arg, &out);
	o.value = out.value;
	o.destroy = out.destroy;
	lock(&a->f.lock);
	a->task = NULL;
	unlock(&a->f.lock);
	ksync_settle(&a->f, &o);
	ksync_future_put(&a->f);
	return NULL;
}

EXPORT int ksync_async(struct ksync_future **f,
		       int (*fn)(void *arg, struct ksync_value *out), void *arg,
		       const struct ksync_async_attr *attr)
{
	struct ksync_sched *s = ksync_sched_of_caller(attr ? attr->sched : NULL);
	struct async *a;
	int ret;

	if (!s || (attr && (attr->reserved[0] || attr->reserved[1])))
		return -EINVAL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	ksync_future_init(&a->f, &async_kind, 2);
	a->fn = fn;
	a->arg = arg;
	ret = ksync_spawn_detached(s, async_main, a, attr ? attr->task : NULL);
	if (ret)
		free(a);
	else
		*f = &a->f;
	return ret;
}
