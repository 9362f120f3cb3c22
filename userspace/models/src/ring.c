// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Waits by io_uring: one ring for all tasks of a scheduler, with a thread of its own.
 *
 * Only that thread submits.  For a command is completed by the thread that submitted
 * it: were that one which runs tasks, each completion would have to interrupt it, or
 * would wait until the task that it runs makes a system call.  A task that parks pushes
 * its wait on a list; who finds the list empty tells the thread, by an eventfd that the
 * ring reads.  So many that park at a time are submitted by one system call.
 *
 * The wait is on the task's stack.  A task whose wait ended early, by deadline or
 * cancellation, has the command cancelled, and waits on, masked, until it has ended:
 * that takes a turn of the thread.  What the command was given last is the task's then
 * (its wait returns 0), so no unit has to be given back, and no later one goes to
 * nobody.
 *
 *	task				thread
 *	pushes the wait			submits it
 *	its ticket times out		its completion: ended = true, claim of the ticket
 *	begins a second wait		  won: the task goes on, and this wait is over
 *	pushes the cancellation		  lost: the task is on its way here
 *	waits				the cancellation: not ended: submits a cancellation,
 *					  and claims when it ends; ended: claims
 *
 * All on the right is one thread's, in the order of the list: a cancellation is seen
 * after its wait, is in the ring before any later wait (which may be in the same memory,
 * and has the same user_data then), and the second claim is made when both ends are
 * known, so the thread is done with the memory.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "internal.h"
#include "uring.h"

#define ENTRIES		256

/* What is not a wait's address. */
#define TAG_EVENT	1
#define TAG_CANCEL	2

/* Headers of 6.6 and before lack the first one; the second is futex2's, of 32 bits. */
#define OP_FUTEX_WAIT	51
#define SIZE_U32	2

struct pushed {
	struct pushed *next;
	struct ring_wait *wait;
	bool cancels;
};

/**
 * struct ring_wait - a wait
 * @w: for what: a command of the module
 * @on: or this futex; NULL: not one
 */
struct ring_wait {
	const struct ksync_task_wait_ *w;
	const struct ksync_task_sleep_ *on;
	struct ksync_ticket ticket;
	struct ksync_ticket second;
	struct pushed submit;
	struct pushed cancel;
	bool ended;
	bool cancelled;
	int ret;
};

/**
 * struct ring - a ring and its thread
 * @list: of what was pushed, the last one first
 * @event: written to when it is not empty any more
 * @count: what was read from it
 * @state: 0; 1: it works; 2: there is none
 * @futexes: it has IORING_OP_FUTEX_WAIT
 */
struct ring {
	struct uring u;
	struct pushed *list;
	int event;
	uint64_t count;
	uint32_t state;
	bool futexes;
	bool stopping;
	pthread_t thread;
};

/* Listens to the eventfd again. */
static void listen(struct ring *r)
{
	struct io_uring_sqe *sqe = ksync_uring_sqe(&r->u);

	sqe->opcode = IORING_OP_READ;
	sqe->fd = r->event;
	sqe->addr = (uintptr_t)&r->count;
	sqe->len = sizeof(r->count);
	sqe->user_data = TAG_EVENT;
}

static void command(struct ring *r, int fd, uint32_t op, const void *arg, uint64_t tag)
{
	struct io_uring_sqe *sqe = ksync_uring_sqe(&r->u);

	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	memcpy(&sqe->off, &op, sizeof(op)); /* cmd_op, and a pad */
	memcpy((char *)sqe + 48, arg, 16);
	sqe->user_data = tag;
}

static void sleep_on(struct ring *r, const struct ksync_task_sleep_ *on, uint64_t tag)
{
	struct io_uring_sqe *sqe = ksync_uring_sqe(&r->u);
	const uint64_t bitset = on->bitset;

	sqe->opcode = OP_FUTEX_WAIT;
	sqe->fd = SIZE_U32;
	sqe->addr = (uintptr_t)on->word;
	sqe->addr2 = on->expected;
	memcpy((char *)sqe + 48, &bitset, sizeof(bitset)); /* addr3 */
	sqe->user_data = tag;
}

static void cancel(struct ring *r, struct ring_wait *wait)
{
	const uint64_t arg[2] = { 0, (uintptr_t)wait };
	struct io_uring_sqe *sqe;

	if (!wait->on) {
		command(r, wait->w->fd, wait->w->cancel, arg, TAG_CANCEL);
		return;
	}
	sqe = ksync_uring_sqe(&r->u);
	sqe->opcode = IORING_OP_ASYNC_CANCEL;
	sqe->addr = (uintptr_t)wait;
	sqe->user_data = TAG_CANCEL;
}

/* Both ends of it are known: nobody here touches it any more. */
static void finish(struct ksync_ticket ticket)
{
	if (ksync_claim(ticket, 1))
		ksync_wake(ticket.task);
}

static void submit(struct ring *r, struct pushed *p)
{
	struct ring_wait *wait = p->wait;
	const struct ksync_task_wait_ *w = wait->w;

	if (!p->cancels && wait->on) {
		sleep_on(r, wait->on, (uintptr_t)wait);
	} else if (!p->cancels) {
		const uint32_t arg[4] = { w->id, 0, w->value, w->bitset };

		command(r, w->fd, w->command, arg, (uintptr_t)wait);
	} else if (wait->ended) {
		finish(wait->second);
	} else {
		wait->cancelled = true;
		cancel(r, wait);
	}
}

static void take_list(struct ring *r)
{
	struct pushed *p = __atomic_exchange_n(&r->list, NULL, __ATOMIC_ACQUIRE);
	struct pushed *next, *first = NULL;

	for (; p; p = next) {
		next = p->next;
		p->next = first;
		first = p;
	}
	for (; first; first = next) {
		next = first->next;
		submit(r, first);
	}
}

static void completed(struct ring *r, uint64_t tag, int res)
{
	struct ring_wait *wait = (struct ring_wait *)(uintptr_t)tag;

	if (tag == TAG_CANCEL)
		return;
	if (tag == TAG_EVENT) {
		listen(r);
		return;
	}
	wait->ret = res;
	wait->ended = true;
	finish(wait->cancelled ? wait->second : wait->ticket);
}

static void serve(struct ring *r)
{
	struct io_uring_cqe *cqe;
	uint64_t tag;
	int res;

	listen(r);
	while (!load_acquire(&r->stopping)) {
		take_list(r);
		ksync_uring_enter(&r->u, 1);
		while ((cqe = ksync_uring_cqe(&r->u))) {
			tag = cqe->user_data;
			res = cqe->res;
			ksync_uring_seen(&r->u);
			completed(r, tag, res);
		}
	}
}

static void *ring_main(void *arg)
{
	struct ring *r = arg;
	int ret = ksync_uring_open(&r->u, ENTRIES);

	if (!ret)
		r->futexes = ksync_uring_has(&r->u, OP_FUTEX_WAIT);
	store_release(&r->state, ret ? 2 : 1);
	ksync_thread_wake(&r->state, 1);
	if (ret)
		return NULL;
	serve(r);
	ksync_uring_close(&r->u);
	return NULL;
}

static void notify(struct ring *r)
{
	const uint64_t one = 1;
	int saved = *ksync_errno_location();

	while (write(r->event, &one, sizeof(one)) < 0 && *ksync_errno_location() == EINTR)
		;
	*ksync_errno_location() = saved;
}

static void push(struct ring *r, struct pushed *p)
{
	struct pushed *was = load(&r->list);

	do {
		p->next = was;
	} while (!__atomic_compare_exchange_n(&r->list, &was, p, false, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
	if (!was)
		notify(r);
}

static struct ring *make_ring(void)
{
	struct ring *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->event = eventfd(0, EFD_CLOEXEC);
	if (r->event < 0)
		goto no_event;
	if (pthread_create(&r->thread, NULL, ring_main, r))
		goto no_thread;
	while (!load_acquire(&r->state))
		ksync_thread_wait(&r->state, 0, NEVER);
	if (r->state == 1)
		return r;
	pthread_join(r->thread, NULL);
no_thread:
	close(r->event);
no_event:
	free(r);
	return NULL;
}

static bool wanted(void)
{
	const char *value = secure_getenv("KSYNC_MODELS_RING");

	return !value || strcmp(value, "0");
}

/** ksync_ring_there() - has the scheduler a ring, which is made if need be? */
bool ksync_ring_there(struct ksync_sched *s)
{
	struct waits *w = &s->waits;
	int saved;

	if (unlikely(load_acquire(&w->ring_state) == RING_UNKNOWN)) {
		saved = *ksync_errno_location();
		lock(&w->lock);
		if (w->ring_state == RING_UNKNOWN) {
			w->ring = wanted() ? make_ring() : NULL;
			store_release(&w->ring_state, w->ring ? RING_THERE : RING_NOT);
		}
		unlock(&w->lock);
		*ksync_errno_location() = saved;
	}
	return load_acquire(&w->ring_state) == RING_THERE;
}

/* The wait has ended, the command has not: have it end. */
static int take_back(struct ring *r, struct ring_wait *wait, int said)
{
	if (ksync_wait_begin(&wait->second, KSYNC_PARK_MASKED))
		abort(); /* only a thread's first wait can fail */
	push(r, &wait->cancel);
	ksync_wait(NEVER, "end of a ring's wait");
	return wait->ret == -ECANCELED ? said : wait->ret;
}

/* Return: as the command; -ETIMEDOUT, -ECANCELED. */
static int do_wait(struct ksync_sched *s, struct ring_wait *wait, uint64_t deadline)
{
	struct ring *r = s->waits.ring;
	int ret = ksync_wait_begin(&wait->ticket, 0);

	if (ret)
		return ret;
	wait->submit.wait = wait;
	wait->cancel.wait = wait;
	wait->cancel.cancels = true;
	add(&s->waits.ring_waits, 1);
	ksync_sched_hold(s);
	push(r, &wait->submit);
	ret = ksync_wait(deadline, "ring");
	ret = ret == 1 ? wait->ret : take_back(r, wait, ret);
	ksync_sched_release(s);
	return ret;
}

/**
 * ksync_ring_wait() - wait by the ring, by a command of the module
 * @s: scheduler of the calling task
 * @w: for what
 * @deadline: on the task's clock
 *
 * Return: as the command; -ETIMEDOUT, -ECANCELED; -EOPNOTSUPP: no ring can have it.
 */
int ksync_ring_wait(struct ksync_sched *s, const struct ksync_task_wait_ *w,
		    uint64_t deadline)
{
	struct ring_wait wait = { .w = w };

	return do_wait(s, &wait, deadline);
}

/** ksync_ring_has_futexes() - has the scheduler a ring that waits for futexes? */
bool ksync_ring_has_futexes(struct ksync_sched *s)
{
	return ksync_ring_there(s) && s->waits.ring->futexes;
}

/**
 * ksync_ring_steps() - wait by the ring, for the futex that libksync would sleep on
 *
 * Whatever ended a sleep, the next step is told, and counts the task out.
 *
 * Return: as the last step; -EOPNOTSUPP: there is no such futex.
 */
int ksync_ring_steps(struct ksync_sched *s, const struct ksync_task_wait_ *w,
		     uint64_t deadline)
{
	struct ksync_task_sleep_ on;
	int ret = 0;

	while ((ret = w->step(w->steps, &on, ret)) == 1) {
		struct ring_wait wait = { .w = w, .on = &on };

		ret = do_wait(s, &wait, deadline);
	}
	return ret;
}

/** ksync_ring_stop() - nobody waits by it any more */
void ksync_ring_stop(struct ksync_sched *s)
{
	struct ring *r = s->waits.ring;

	if (!r)
		return;
	store_release(&r->stopping, true);
	notify(r);
	pthread_join(r->thread, NULL);
	close(r->event);
	free(r);
}
