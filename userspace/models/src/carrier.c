// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Carriers: threads that make calls in the place of tasks, which park meanwhile.
 *
 * A task that is cancelled, or whose virtual deadline passes, waits on until the call
 * has ended, at most a slice: so what the call was given last is the task's, and need
 * not be given back.  The call is on the task's stack:
 *
 *	carrier				task
 *	writes ret			its first wait ended otherwise
 *	copies the first ticket		writes the second ticket, stop
 *	X: state = DONE			Y: state = SECOND
 *	was RUNNING: claims the first	was DONE: abandons the second wait, reads ret
 *	was SECOND: claims the second	else waits
 *
 * X and Y are exchanges of one word.  If X comes first, the carrier touches the call no
 * more: a claim on the first ticket fails then, and may be tried at any time.  If Y
 * does, the task waits until X has been done, and the claim.
 */
#include <stdlib.h>
#include <unistd.h>
#include "death.h"
#include "internal.h"

enum call_state {
	CALL_RUNNING,
	CALL_SECOND,
	CALL_DONE,
};

struct running {
	const struct task_call *call;
	struct ksync_ticket first;
	struct ksync_ticket second;
	uint64_t deadline;
	uint32_t state;
	uint32_t stop;
	bool sliced;
	int ret;
};

/**
 * struct carrier - a thread
 * @call: to be made; NULL: none, or it is being made
 * @word: changed when there is one, or it is to end
 * @dies: it is to end, with what it owns
 */
struct carrier {
	struct running *call;
	uint32_t word;
	bool dies;
	pid_t tid;
	struct waits *waits;
	struct carrier *link;
	struct carrier *all;
	pthread_t thread;
};

static int make_call(struct running *r)
{
	uint64_t until;
	struct timespec ts;
	int ret;

	do {
		until = r->sliced ? ksync_clock(NULL) + KSYNC_SLICE : NEVER;
		if (until > r->deadline)
			until = r->deadline;
		ts = ksync_to_timespec(until);
		ret = r->call->fn(r->call->arg, until == NEVER ? NULL : &ts);
	} while (ret == -ETIMEDOUT && until < r->deadline && !load(&r->stop));
	return ret;
}

static void answer(struct running *r, int ret)
{
	struct ksync_ticket ticket = r->first;

	r->ret = ret;
	if (__atomic_exchange_n(&r->state, CALL_DONE, __ATOMIC_ACQ_REL) == CALL_SECOND)
		ticket = r->second;
	if (ksync_claim(ticket, 1))
		ksync_wake(ticket.task);
}

static void *carrier_main(void *arg)
{
	struct carrier *c = arg;
	struct running *r;
	uint32_t seen;

	store(&c->tid, gettid());
	for (;;) {
		seen = load_acquire(&c->word);
		r = __atomic_exchange_n(&c->call, NULL, __ATOMIC_ACQUIRE);
		if (r) {
			answer(r, make_call(r));
			continue;
		}
		if (load(&c->waits->stopping) || load(&c->dies))
			return NULL;
		ksync_thread_wait(&c->word, seen, NEVER);
	}
}

static void kick(struct carrier *c)
{
	__atomic_add_fetch(&c->word, 1, __ATOMIC_RELEASE);
	ksync_thread_wake(&c->word, 1);
}

/** ksync_carrier_get() - one for the calling task. Return: 0; -ENOMEM, -EAGAIN */
int ksync_carrier_get(struct ksync_sched *s, struct carrier **out)
{
	struct waits *w = &s->waits;
	struct carrier *c;
	int ret;

	lock(&w->lock);
	c = w->idle;
	if (c)
		w->idle = c->link;
	unlock(&w->lock);
	*out = c;
	if (c)
		return 0;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->waits = w;
	ret = -pthread_create(&c->thread, NULL, carrier_main, c);
	if (ret) {
		free(c);
		return ret;
	}
	lock(&w->lock);
	c->all = w->carriers;
	w->carriers = c;
	unlock(&w->lock);
	*out = c;
	return 0;
}

/** ksync_carrier_put() - it makes no call, and owns nothing */
void ksync_carrier_put(struct ksync_sched *s, struct carrier *c)
{
	lock(&s->waits.lock);
	c->link = s->waits.idle;
	s->waits.idle = c;
	unlock(&s->waits.lock);
}

/* The first wait has ended before the call has: let it end. */
static int wait_on(struct running *r, int said)
{
	int ret;

	if (ksync_wait_begin(&r->second, KSYNC_PARK_MASKED))
		abort(); /* only a thread's first wait can fail */
	store(&r->stop, 1);
	if (__atomic_exchange_n(&r->state, CALL_SECOND, __ATOMIC_ACQ_REL) == CALL_DONE)
		ksync_wait_abandon(r->second, &ret);
	else
		ksync_wait(NEVER, "end of a call");
	return r->ret == -ETIMEDOUT || r->ret == -ERESTART ? said : r->ret;
}

static int call(struct ksync_sched *s, struct carrier *c, struct running *r,
		uint64_t deadline, const char *where)
{
	int ret;

	add(&s->waits.carried, 1);
	ksync_sched_hold(s);
	store_release(&c->call, r);
	kick(c);
	ret = ksync_wait(deadline, where);
	ret = ret == 1 ? r->ret : wait_on(r, ret);
	ksync_sched_release(s);
	return ret;
}

/**
 * ksync_carrier_call() - have a call made, and wait for its end
 * @s: scheduler of the calling task
 * @c: the task's
 * @todo: what
 * @deadline: on the task's clock: a virtual one is not the call's
 * @where: for ksync_sched_dump()
 *
 * Return: as ksync_task_call().
 */
int ksync_carrier_call(struct ksync_sched *s, struct carrier *c,
		       const struct task_call *todo, uint64_t deadline, const char *where)
{
	struct running r = {
		.call = todo,
		.deadline = seeded(s) ? NEVER : deadline,
		.sliced = seeded(s) || ksync_cancellable(ksync_task_self()),
	};
	int ret = ksync_wait_begin(&r.first, 0);

	return ret ? ret : call(s, c, &r, seeded(s) ? deadline : NEVER, where);
}

/** ksync_carrier_finish() - the same, in any case, of what does not wait for others */
int ksync_carrier_finish(struct ksync_sched *s, struct carrier *c,
			 const struct task_call *todo)
{
	struct running r = { .call = todo, .deadline = NEVER };

	if (ksync_wait_begin(&r.first, KSYNC_PARK_MASKED))
		return -ENOMEM;
	return call(s, c, &r, NEVER, "call");
}

/** ksync_carrier_die() - end its thread, so that what it owns becomes OWNER_DIED */
void ksync_carrier_die(struct ksync_sched *s, struct carrier *c)
{
	struct carrier **at;

	lock(&s->waits.lock);
	for (at = &s->waits.carriers; *at != c; at = &(*at)->all)
		;
	*at = c->all;
	unlock(&s->waits.lock);
	store(&c->dies, true);
	kick(c);
	pthread_join(c->thread, NULL);
	ksync_await_gone(c->tid);
	free(c);
}

void ksync_carriers_stop(struct ksync_sched *s)
{
	struct carrier *c;

	store(&s->waits.stopping, true);
	while ((c = s->waits.carriers)) {
		s->waits.carriers = c->all;
		kick(c);
		pthread_join(c->thread, NULL);
		free(c);
	}
}
