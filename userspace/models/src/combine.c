// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Futures made from several: all, any, race; and timeout, a race with a delay.
 *
 * Each input hangs on one of them, with a reference to the whole that goes with the
 * call, or with being taken off.  The first to decide settles the whole; the others
 * find it settled.  Inputs are hung up while others decide already:
 *
 *	who makes it			who decides
 *	hangs up the input [lock]	settles the whole
 *	reads whether it is settled	takes the input off [lock]
 *
 * Of the two sections the second one sees what was done before the first.
 */
#include <stdlib.h>
#include "future.h"

enum gather_mode {
	GATHER_ALL,
	GATHER_ANY,
	GATHER_RACE,
	GATHER_TIMEOUT,	/* the second input is a delay */
};

struct gather;

struct input {
	struct ksync_notify watch;
	struct ksync_future *f;
	struct gather *g;
};

/**
 * struct gather - a future made from others
 * @left: all: values to come; any: errors to come
 * @n: inputs
 * @values: GATHER_ALL: behind the inputs
 */
struct gather {
	struct ksync_future f;
	enum gather_mode mode;
	uint32_t flags;
	size_t left;
	size_t n;
	void **values;
	struct input in[];
};

static struct gather *of(struct ksync_future *f)
{
	return container(f, struct gather, f);
}

/* Ask those that are needed no more, and hang on them no more. */
static void let_go(struct gather *g)
{
	size_t i;

	for (i = 0; i < g->n; i++) {
		if (ksync_future_unwatch(g->in[i].f, &g->in[i].watch))
			ksync_future_put(&g->f);
		if (!(g->flags & KSYNC_FUTURE_KEEP) || (g->mode == GATHER_TIMEOUT && i))
			ksync_future_ask(g->in[i].f);
	}
}

static void decide(struct gather *g, const struct outcome *o)
{
	if (ksync_settle(&g->f, o))
		let_go(g);
	else
		ksync_future_put(o->keep);
}

static void decide_as(struct gather *g, struct ksync_future *f)
{
	struct outcome o;

	ksync_outcome_of(f, &o);
	decide(g, &o);
}

static bool last(struct gather *g)
{
	return !__atomic_sub_fetch(&g->left, 1, __ATOMIC_ACQ_REL);
}

static void all_values(struct gather *g)
{
	const struct outcome o = { .value = g->values };

	ksync_settle(&g->f, &o);
}

static void delay_ended(struct gather *g, int error)
{
	const struct outcome o = { .error = error ? error : -ETIMEDOUT };

	decide(g, &o);
}

static void input_settled(struct ksync_future *f, void *input)
{
	struct input *in = input;
	struct gather *g = in->g;
	const size_t i = in - g->in;
	void *value = NULL;
	const int error = ksync_future_try(f, &value);

	if (g->mode == GATHER_TIMEOUT && i) {
		delay_ended(g, error);
	} else if (g->mode == GATHER_ALL && !error) {
		g->values[i] = value;
		if (last(g))
			all_values(g);
	} else if (g->mode == GATHER_ANY && error) {
		if (last(g))
			decide_as(g, g->in[0].f);
	} else {
		decide_as(g, f);
	}
	ksync_future_put(&g->f);
}

/* Hang on an input; or learn from it at once; or see that it is not needed any more. */
static void hang(struct gather *g, struct input *in)
{
	if (!ksync_future_watch(in->f, &in->watch))
		input_settled(in->f, in);
	else if (load_acquire(&g->f.state) & FUTURE_SETTLED &&
		 ksync_future_unwatch(in->f, &in->watch))
		ksync_future_put(&g->f);
}

static void cancel(struct ksync_future *f)
{
	const struct outcome o = { .error = -ECANCELED };
	struct gather *g = of(f);
	const size_t n = g->mode == GATHER_TIMEOUT ? 1 : g->n;
	size_t i;

	if (g->flags & KSYNC_FUTURE_KEEP) {
		decide(g, &o);
		return;
	}
	for (i = 0; i < n; i++)
		ksync_future_ask(g->in[i].f);
}

static void release(struct ksync_future *f)
{
	struct gather *g = of(f);
	size_t i;

	for (i = 0; i < g->n; i++)
		ksync_future_put(g->in[i].f);
}

static const struct future_kind gather_kind = {
	.cancel = cancel,
	.free = release,
};

static struct gather *make(struct ksync_future *const *f, size_t n, uint32_t flags,
			   enum gather_mode mode)
{
	const size_t values = mode == GATHER_ALL ? n : 0;
	struct gather *g;
	size_t i;

	if (n > UINT32_MAX / 2)
		return NULL;
	g = calloc(1, sizeof(*g) + n * sizeof(g->in[0]) + values * sizeof(void *));
	if (!g)
		return NULL;
	ksync_future_init(&g->f, &gather_kind, n + 1);
	g->mode = mode;
	g->flags = flags;
	g->left = n;
	g->n = n;
	g->values = (void **)&g->in[n];
	for (i = 0; i < n; i++) {
		g->in[i].f = ksync_future_get(f[i]);
		g->in[i].g = g;
		g->in[i].watch.fn_ = input_settled;
		g->in[i].watch.arg_ = &g->in[i];
	}
	return g;
}

static int gather(struct ksync_future **out, struct ksync_future *const *f, size_t n,
		  uint32_t flags, enum gather_mode mode)
{
	struct gather *g;
	size_t i;

	if (flags & ~KSYNC_FUTURE_KEEP || (!n && mode != GATHER_ALL))
		return -EINVAL;
	g = make(f, n, flags, mode);
	if (!g)
		return -ENOMEM;
	if (!n)
		all_values(g);
	for (i = 0; i < n; i++)
		hang(g, &g->in[i]);
	*out = &g->f;
	return 0;
}

EXPORT int ksync_future_all(struct ksync_future **out, struct ksync_future *const *f,
			    size_t n, uint32_t flags)
{
	return gather(out, f, n, flags, GATHER_ALL);
}

EXPORT int ksync_future_any(struct ksync_future **out, struct ksync_future *const *f,
			    size_t n, uint32_t flags)
{
	return gather(out, f, n, flags, GATHER_ANY);
}

EXPORT int ksync_future_race(struct ksync_future **out, struct ksync_future *const *f,
			     size_t n, uint32_t flags)
{
	return gather(out, f, n, flags, GATHER_RACE);
}

EXPORT int ksync_future_timeout(struct ksync_future **out, struct ksync_future *f,
				const struct timespec *abs,
				const struct ksync_then_attr *attr)
{
	const uint32_t flags = attr ? attr->flags : 0;
	struct ksync_future *both[2] = { f };
	int ret;

	if (attr && (attr->reserved || flags & ~KSYNC_FUTURE_KEEP))
		return -EINVAL;
	ret = ksync_future_delay(&both[1], abs, attr ? attr->sched : NULL);
	if (ret)
		return ret;
	ret = gather(out, both, 2, flags, GATHER_TIMEOUT);
	if (ret)
		ksync_future_cancel(both[1]);
	ksync_future_put(both[1]);
	return ret;
}
