// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Waits for objects that nobody owns, and calls that block: which way they go.
 *
 * With a ring, the wait is a command, and the task parks: one of the module, or for the
 * futex that the library would sleep on by itself.  Without, a carrier makes the
 * call, and the task parks, too: that is better than to block the task's own thread in
 * a blocking section, for there is none to take its place where all tasks run on one.
 * As many threads are needed either way.
 */
#include <time.h>
#include "internal.h"

#define NSEC_PER_SEC	1000000000ULL

struct timespec ksync_to_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = ns / NSEC_PER_SEC,
				  .tv_nsec = ns % NSEC_PER_SEC };
}

bool ksync_cancellable(const struct ksync_task *t)
{
	return t && t->sched && !t->masked;
}

/**
 * ksync_call_here() - make a call on this thread
 * @call: what
 * @deadline: on CLOCK_MONOTONIC, in ns
 * @cancellable: end it soon after the calling task is cancelled
 */
int ksync_call_here(const struct task_call *call, uint64_t deadline, bool cancellable)
{
	struct ksync_task *t = cancellable ? ksync_task_self() : NULL;
	struct timespec ts;
	uint64_t until;
	bool cancelled;
	int ret;

	do {
		/* Once it is cancelled it still gets what is there. */
		cancelled = t && load(&t->cancelled);
		until = t ? ksync_clock(NULL) + KSYNC_SLICE : NEVER;
		if (until > deadline)
			until = deadline;
		if (cancelled)
			until = 0;
		ts = ksync_to_timespec(until);
		ret = call->fn(call->arg, until == NEVER ? NULL : &ts);
		if (ret == -ETIMEDOUT && cancelled)
			return -ECANCELED;
	} while (ret == -ETIMEDOUT && until < deadline);
	return ret;
}

static int carry(struct ksync_sched *s, const struct task_call *call, uint64_t deadline,
		 const char *where)
{
	struct carrier *c;
	int ret = ksync_carrier_get(s, &c);

	if (ret)
		return ret;
	ret = ksync_carrier_call(s, c, call, deadline, where);
	ksync_carrier_put(s, c);
	return ret;
}

EXPORT int ksync_task_call(int (*fn)(void *arg, const struct timespec *until), void *arg,
			   const struct timespec *abs)
{
	const struct task_call call = { fn, arg };
	struct ksync_task *self = ksync_task_self();
	uint64_t deadline;
	int ret = ksync_deadline_ns(abs, &deadline);

	if (ret)
		return ret;
	return self ? carry(self->sched, &call, deadline, "call") : fn(arg, abs);
}

/*
 * Which domains have rings, by their serials, which are never used again: asking costs
 * a system call.  In each word a serial, and in its lowest bit the answer.
 */
static uint64_t known[64];

static bool has_ring(const struct ksync_task_wait_ *w)
{
	uint64_t *k = &known[w->serial % ARRAY_SIZE(known)];
	uint64_t word = load(k);

	if (word >> 1 != w->serial) {
		word = w->serial << 1 | w->has_ring(w->domain);
		store(k, word);
	}
	return word & 1;
}

/* Its serial did not say: a command of such a domain was refused. */
static void has_no_ring(const struct ksync_task_wait_ *w)
{
	store(&known[w->serial % ARRAY_SIZE(known)], w->serial << 1);
}

EXPORT int ksync_task_wait_(const struct ksync_task_wait_ *w, const struct timespec *abs)
{
	const struct task_call call = { w->fn, w->arg };
	struct ksync_task *self = ksync_task_self();
	uint64_t deadline;
	int ret = ksync_deadline_ns(abs, &deadline);

	if (ret)
		return ret;
	if (!self)
		return w->fn(w->arg, abs);
	if (w->command && has_ring(w) && ksync_ring_there(self->sched)) {
		ret = ksync_ring_wait(self->sched, w, deadline);
		if (ret != -EOPNOTSUPP)
			return ret;
		has_no_ring(w);
	}
	if (w->step && ksync_ring_has_futexes(self->sched)) {
		ret = ksync_ring_steps(self->sched, w, deadline);
		if (ret != -EOPNOTSUPP)
			return ret;
	}
	return carry(self->sched, &call, deadline, "carried wait");
}

/** ksync_waits_stop() - no task is left, nor a thread that runs them */
void ksync_waits_stop(struct ksync_sched *s)
{
	ksync_ring_stop(s);
	ksync_carriers_stop(s);
	ksync_fronts_free(s);
}
