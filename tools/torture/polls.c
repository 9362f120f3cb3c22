// SPDX-License-Identifier: GPL-2.0
/*
 * The row of pollers: tasks sleep in poll() or an edge-triggered epoll until one of
 * a sem, an event and a mutex is ready, and then try for it.  Nobody waits in any
 * other way, so whoever is not told sleeps on.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include "sys.h"
#include "torture.h"

#define THINGS	3

static int fds[THINGS]; /* from before the workers, who inherit them */

int polls_create(const struct row *row)
{
	int ret, i;

	(void)row;
	kit.n = THINGS;
	ret = ksync_sem_init(&kit.thing[0].sem, kit.d, 1, 0);
	if (!ret)
		ret = ksync_event_init(&kit.thing[1].event, kit.d, 0);
	if (!ret)
		ret = ksync_event_set(&kit.thing[1].event);
	if (!ret)
		ret = ksync_mutex_init(&kit.thing[2].mutex, kit.d, 0);
	for (i = 0; i < THINGS && ret >= 0; i++) {
		ret = ksync_object_fd(&kit.thing[i].o, 0);
		fds[i] = ret;
	}
	return ret < 0 ? ret : 0;
}

static int timeout_ms(struct slot *me)
{
	return chance(me, 5) ? (int)(dice(me) % 20) : -1;
}

/* @want: a mask of things. Return: the same of those that are ready. */
static uint32_t by_poll(struct slot *me, uint32_t want)
{
	struct pollfd p[THINGS];
	uint32_t ready = 0;
	int i, n;

	for (i = 0; i < THINGS; i++)
		p[i] = (struct pollfd){ .fd = want >> i & 1 ? fds[i] : -1, .events = POLLIN };
	n = sys(SYS_poll, p, THINGS, timeout_ms(me));
	for (i = 0; i < THINGS && n > 0; i++)
		if (p[i].revents)
			ready |= 1U << i;
	if (n < 0)
		tolerable(me, n);
	return ready;
}

static uint32_t by_epoll(struct slot *me, uint32_t want)
{
	struct epoll_event e[THINGS];
	const int ep = sys(SYS_epoll_create1, EPOLL_CLOEXEC);
	uint32_t ready = 0;
	int i, n;

	if (ep < 0)
		return 0;
	for (i = 0; i < THINGS; i++) {
		if (!(want >> i & 1))
			continue;
		e[0] = (struct epoll_event){ .events = EPOLLIN | EPOLLET, .data.u32 = i };
		sys(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, fds[i], &e[0]);
	}
	n = sys(SYS_epoll_wait, ep, e, THINGS, timeout_ms(me));
	for (i = 0; i < n; i++)
		ready |= 1U << e[i].data.u32;
	sys(SYS_close, ep);
	if (n < 0)
		tolerable(me, n);
	return ready;
}

static int try(unsigned int i, struct slot *me)
{
	switch (i) {
	case 0:
		return ksync_sem_wait_try(&kit.thing[0].sem);
	case 1:
		return ksync_event_wait_try(&kit.thing[1].event);
	}
	return ksync_mutex_lock_try_as(&kit.thing[2].mutex, &me->self);
}

static void use_mutex(struct slot *me, int ret)
{
	struct ksync_mutex *m = &kit.thing[2].mutex;

	guard_enter(me, 2, ret);
	if (ret)
		ksync_mutex_consistent_as(m, &me->self);
	guard_leave(me, 2);
	if (ksync_mutex_unlock_as(m, &me->self))
		violate(WRONG_ANSWER, "an owner cannot unlock", 2, 0);
}

static void try_and_use(struct slot *me, unsigned int i)
{
	const uint32_t bit = 1U << i;
	int ret;

	__atomic_store_n(&me->taking, i < 2 ? bit : 0, __ATOMIC_SEQ_CST);
	ret = try(i, me);
	if (!tolerable(me, ret)) {
		__atomic_store_n(&me->taking, 0, __ATOMIC_SEQ_CST);
		return;
	}
	if (i == 2) {
		use_mutex(me, ret);
		return;
	}
	__atomic_store_n(&me->held, bit, __ATOMIC_SEQ_CST);
	__atomic_store_n(&me->taking, 0, __ATOMIC_SEQ_CST);
	linger(me);
	__atomic_store_n(&me->giving, bit, __ATOMIC_SEQ_CST);
	__atomic_store_n(&me->held, 0, __ATOMIC_SEQ_CST);
	ret = i ? ksync_event_set(&kit.thing[1].event) : ksync_sem_post(&kit.thing[0].sem);
	__atomic_store_n(&me->giving, 0, __ATOMIC_SEQ_CST);
	if (ret)
		violate(COUNT, "a token is given back: answer", ret, i);
}

/** polls_step() - sleep until something is ready, try for it */
void polls_step(struct slot *me)
{
	/* A bare task that dies leaves its descriptors to the stage. */
	const uint32_t want = 1 + dice(me) % ((1U << THINGS) - 1);
	const uint32_t ready = me->may_fork && chance(me, 2) ? by_epoll(me, want) :
		by_poll(me, want);
	unsigned int i;

	if (!ready)
		figure_add(F_CONTENDED, 1);
	for (i = 0; i < THINGS; i++)
		if (ready >> i & 1)
			try_and_use(me, i);
}

/** polls_judge() - none is missing, none is too many */
void polls_judge(void)
{
	union thing *sem = &kit.thing[0], *event = &kit.thing[1];
	uint64_t n = ksync_sem_value(&sem->sem);

	token_judge(0, 1, n);
	for (; n > 1; n--)
		ksync_sem_wait_try(&sem->sem);
	if (!n)
		ksync_sem_post(&sem->sem);
	token_judge(1, 1, __atomic_load_n(&event->o.cell->word, __ATOMIC_SEQ_CST) &
		    KSYNC_EVENT_SET);
	ksync_event_set(&event->event);
	guard_judge(2);
}
