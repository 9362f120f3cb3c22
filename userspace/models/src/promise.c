// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Promises: the other end of a future, for whoever makes the result. */
#include <stdlib.h>
#include "future.h"

/**
 * struct ksync_promise - a future that is settled by hand
 * @cancel: asks the producer; with @arg, whose end is @release
 * @hold: scheduler; or NULL
 */
struct ksync_promise {
	struct ksync_future f;
	void (*cancel)(struct ksync_promise *p, void *arg);
	void (*release)(void *arg);
	void *arg;
	struct ksync_sched *hold;
};

static struct ksync_promise *of(struct ksync_future *f)
{
	return container(f, struct ksync_promise, f);
}

/* One more, unless there is none: the future is being broken then. */
static bool get_unless_none(struct ksync_promise *p)
{
	uint32_t n = load(&p->f.promises);

	while (n)
		if (__atomic_compare_exchange_n(&p->f.promises, &n, n + 1, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
	return false;
}

static void cancel(struct ksync_future *f)
{
	struct ksync_promise *p = of(f);

	if (!p->cancel) {
		ksync_fail(f, -ECANCELED);
	} else if (get_unless_none(p)) {
		p->cancel(p, p->arg);
		ksync_promise_put(p);
	}
}

/* After the callbacks: what they make ready is seen before the hold ends. */
static void release_hold(struct ksync_future *f)
{
	ksync_sched_release(of(f)->hold);
}

static void release(struct ksync_future *f)
{
	struct ksync_promise *p = of(f);

	if (p->release)
		p->release(p->arg);
}

static const struct future_kind promise_kind = {
	.cancel = cancel,
	.free = release,
};

static const struct future_kind holding_kind = {
	.cancel = cancel,
	.settled = release_hold,
	.free = release,
};

EXPORT int ksync_promise_new(struct ksync_promise **out, struct ksync_future **f,
			     const struct ksync_promise_attr *attr)
{
	struct ksync_promise *p;

	if (attr && (attr->reserved[0] || attr->reserved[1]))
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	ksync_future_init(&p->f, &promise_kind, 2);
	p->f.promises = 1;
	if (attr) {
		p->cancel = attr->cancel;
		p->release = attr->release;
		p->arg = attr->arg;
		p->hold = attr->hold;
	}
	if (p->hold) {
		p->f.kind = &holding_kind;
		ksync_sched_hold(p->hold);
	}
	*out = p;
	*f = &p->f;
	return 0;
}

EXPORT struct ksync_promise *ksync_promise_get(struct ksync_promise *p)
{
	add(&p->f.promises, 1);
	return p;
}

EXPORT void ksync_promise_put(struct ksync_promise *p)
{
	if (!p || __atomic_sub_fetch(&p->f.promises, 1, __ATOMIC_ACQ_REL))
		return;
	ksync_fail(&p->f, -EPIPE);
	ksync_future_put(&p->f);
}

EXPORT int ksync_promise_set(struct ksync_promise *p, void *value,
			     void (*destroy)(void *value))
{
	const struct outcome o = { .value = value, .destroy = destroy };

	if (value == &p->f)
		return -ELOOP;
	return ksync_settle(&p->f, &o) ? 0 : -EALREADY;
}

EXPORT int ksync_promise_fail(struct ksync_promise *p, int error)
{
	const struct outcome o = { .error = error };

	if (error >= 0 || error < -4095)
		return -EINVAL;
	return ksync_settle(&p->f, &o) ? 0 : -EALREADY;
}

EXPORT bool ksync_promise_cancelled(const struct ksync_promise *p)
{
	return load(&p->f.state) & FUTURE_ASKED;
}
