// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "../../lib/sys.h"
#include "hammer.h"

struct stuff stuff;
struct tally tally;

static void add(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* The hands in turn give and take: one ticket for each that is taken. */
static bool gives(const struct hand *h)
{
	return h->number % 2 == 0;
}

/* Up to half a millisecond, now and then in the past. */
static struct timespec soon(struct hand *h, clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += (long)hand_random(h, 550) * 1000 - 50000;
	if (t.tv_nsec < 0) {
		t.tv_nsec += 1000000000;
		t.tv_sec--;
	} else if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

static bool timed_out(int ret)
{
	if (ret == ETIMEDOUT)
		add(&tally.timeouts);
	return ret == ETIMEDOUT;
}

/* Let others see what there is to see. */
static void linger(struct hand *h)
{
	if (hand_once_in(h, 4))
		sched_yield();
}

void hammer_signal(int sig)
{
	(void)sig;
	add(&tally.signals);
}

/* A wait that is disturbed is no wait that is over. */
static void disturb(struct hand *h)
{
	if (hand_once_in(h, 16))
		pthread_kill(crew_hand(hand_random(h, CREW_MOST))->thread, SIGUSR1);
}

/* The mutex, with trylock and both timed ones between; false: not now. */
static bool try_lock(struct hand *h)
{
	struct timespec t;
	int ret;

	switch (hand_random(h, 8)) {
	case 0:
		ret = IN(h, pthread_mutex_trylock(&stuff.mutex));
		if (ret == EBUSY)
			return false;
		break;
	case 1:
		t = soon(h, CLOCK_REALTIME);
		ret = IN(h, pthread_mutex_timedlock(&stuff.mutex, &t));
		break;
	case 2:
		t = soon(h, CLOCK_MONOTONIC);
		ret = IN(h, pthread_mutex_clocklock(&stuff.mutex, CLOCK_MONOTONIC, &t));
		break;
	default:
		ret = IN(h, pthread_mutex_lock(&stuff.mutex));
	}
	if (ret && !timed_out(ret))
		WRONG(h, "a mutex lock says neither 0 nor ETIMEDOUT");
	if (!ret && stuff.inside++)
		WRONG(h, "two have the mutex");
	return !ret;
}

static void unlock(struct hand *h)
{
	if (--stuff.inside)
		WRONG(h, "two had the mutex");
	if (IN(h, pthread_mutex_unlock(&stuff.mutex)))
		WRONG(h, "pthread_mutex_unlock() does not say 0");
}

static void lock(struct hand *h)
{
	while (!try_lock(h))
		sched_yield();
}

void hammer_mutex(struct hand *h)
{
	lock(h);
	stuff.count++;
	linger(h);
	unlock(h);
	add(&tally.locked);
	disturb(h);
}

/* With the mutex: wait once, most times without a limit. */
static void wait_once(struct hand *h, pthread_cond_t *cond)
{
	struct timespec t;
	int ret;

	stuff.inside--;
	switch (hand_random(h, stuff.timed)) {
	case 0:
		t = soon(h, stuff.clock);
		ret = IN(h, pthread_cond_timedwait(cond, &stuff.mutex, &t));
		break;
	case 1:
		t = soon(h, CLOCK_MONOTONIC);
		ret = IN(h, pthread_cond_clockwait(cond, &stuff.mutex, CLOCK_MONOTONIC, &t));
		break;
	default:
		ret = IN(h, pthread_cond_wait(cond, &stuff.mutex));
	}
	if (ret && !timed_out(ret))
		WRONG(h, "a wait says neither 0 nor ETIMEDOUT");
	if (stuff.inside++)
		WRONG(h, "a wait returns without the mutex");
}

static void tell(struct hand *h, pthread_cond_t *cond)
{
	if (hand_once_in(h, 8))
		IN(h, pthread_cond_broadcast(cond));
	else
		IN(h, pthread_cond_signal(cond));
}

static void add_ticket(struct hand *h)
{
	const bool early = hand_once_in(h, 2);

	lock(h);
	while (stuff.tickets == stuff.room_for)
		ON(h, wait_once, &stuff.room);
	stuff.tickets++;
	if (early)
		tell(h, &stuff.more);
	unlock(h);
	if (!early)
		tell(h, &stuff.more);
}

static void cancelled_in_wait(void *arg)
{
	struct hand *h = arg;

	if (stuff.inside++)
		WRONG(h, "a cancelled wait is without the mutex");
	unlock(h);
}

static void take_ticket(struct hand *h)
{
	lock(h);
	pthread_cleanup_push(cancelled_in_wait, h);
	while (!stuff.tickets)
		ON(h, wait_once, &stuff.more);
	pthread_cleanup_pop(0);
	stuff.tickets--;
	h->took = TAKING;
	unlock(h);
	tell(h, &stuff.room);
	h->took = TAKEN;
}

static void *take_ticket_once(void *arg)
{
	struct hand *h = arg;

	h->tid = sys_gettid();
	take_ticket(h);
	return NULL;
}

static bool waits(const struct hand *h)
{
	const char *in = __atomic_load_n(&h->in, __ATOMIC_RELAXED);

	return in && strstr(in, "wait");
}

/*
 * By a helper that is cancelled after a while, in its wait if it comes to that.
 * Return: whether it took something.  What pthread_join() says is no answer: glibc 2.36
 * lets a request that comes when the thread has returned replace what it returned.
 */
static bool by_helper(struct hand *h, void *(*take)(void *helper))
{
	uint32_t n = hand_random(h, 200);
	pthread_t thread;
	void *ret;

	h->helper->took = NOTHING;
	if (IN(h, pthread_create(&thread, NULL, take, h->helper)))
		return false;
	while (n-- && !waits(h->helper))
		sched_yield();
	pthread_cancel(thread);
	if (IN(h, pthread_join(thread, &ret)))
		WRONG(h, "a helper cannot be joined");
	h->helper->in = NULL;
	h->helper->on = NULL;
	if (h->helper->took == TAKING)
		WRONG(h, "a thread is cancelled in what is no cancellation point");
	if (h->helper->took == NOTHING && ret != PTHREAD_CANCELED)
		WRONG(h, "a thread that was not cancelled took nothing");
	if (h->helper->took == NOTHING)
		add(&tally.cancelled);
	return h->helper->took != NOTHING;
}

void hammer_queue(struct hand *h)
{
	if (gives(h))
		add_ticket(h);
	else if (!hand_once_in(h, stuff.helpers) || !by_helper(h, take_ticket_once))
		take_ticket(h);
	disturb(h);
}

/* The last one that comes lets all through. */
void hammer_gate(struct hand *h)
{
	uint32_t turn;

	lock(h);
	turn = stuff.turn;
	if (++stuff.came < crew_size()) {
		while (stuff.turn == turn)
			ON(h, wait_once, &stuff.more);
	} else {
		stuff.came = 0;
		stuff.turn++;
		IN(h, pthread_cond_broadcast(&stuff.more));
	}
	unlock(h);
	disturb(h);
}

static int sem_wait_once(struct hand *h, sem_t *sem)
{
	struct timespec t;

	switch (hand_random(h, stuff.timed)) {
	case 0:
		return IN(h, sem_trywait(sem));
	case 1:
		t = soon(h, CLOCK_REALTIME);
		return IN(h, sem_timedwait(sem, &t));
	case 2:
		t = soon(h, CLOCK_MONOTONIC);
		return IN(h, sem_clockwait(sem, CLOCK_MONOTONIC, &t));
	default:
		return IN(h, sem_wait(sem));
	}
}

static void take_sem(struct hand *h, sem_t *sem)
{
	while (sem_wait_once(h, sem)) {
		if (errno == EAGAIN)
			sched_yield();
		else if (!timed_out(errno) && errno != EINTR)
			WRONG(h, "a semaphore's wait fails");
	}
}

static void *take_sem_once(void *arg)
{
	struct hand *h = arg;

	h->tid = sys_gettid();
	ON(h, take_sem, &stuff.sem);
	h->took = TAKEN;
	return NULL;
}

static void post(struct hand *h, sem_t *sem)
{
	if (IN(h, sem_post(sem)))
		WRONG(h, "sem_post() does not say 0");
}

/* Who gives waits until one is taken: what nobody is woken for nobody takes. */
void hammer_sem(struct hand *h)
{
	if (gives(h)) {
		post(h, &stuff.sem);
		ON(h, take_sem, &stuff.back);
	} else {
		if (!hand_once_in(h, stuff.helpers) || !by_helper(h, take_sem_once))
			ON(h, take_sem, &stuff.sem);
		post(h, &stuff.back);
	}
	disturb(h);
}

static int rwlock_once(struct hand *h, bool write)
{
	struct timespec t;

	switch (hand_random(h, 8)) {
	case 0:
		return write ? IN(h, pthread_rwlock_trywrlock(&stuff.rwlock)) :
			IN(h, pthread_rwlock_tryrdlock(&stuff.rwlock));
	case 1:
		t = soon(h, CLOCK_REALTIME);
		return write ? IN(h, pthread_rwlock_timedwrlock(&stuff.rwlock, &t)) :
			IN(h, pthread_rwlock_timedrdlock(&stuff.rwlock, &t));
	default:
		return write ? IN(h, pthread_rwlock_wrlock(&stuff.rwlock)) :
			IN(h, pthread_rwlock_rdlock(&stuff.rwlock));
	}
}

static void read_or_write(struct hand *h, bool write)
{
	if (stuff.x != stuff.y)
		WRONG(h, write ? "two write" : "a reader sees half of what is written");
	if (write)
		stuff.x++;
	linger(h);
	if (write) {
		stuff.y++;
		stuff.written++;
		add(&tally.writes);
	} else if (stuff.x != stuff.y) {
		WRONG(h, "it is written while somebody reads");
	}
}

void hammer_rwlock(struct hand *h)
{
	const bool write = hand_once_in(h, 3);
	int ret;

	while ((ret = rwlock_once(h, write))) {
		if (!timed_out(ret) && ret != EBUSY) {
			WRONG(h, "a read-write lock says neither 0, EBUSY nor ETIMEDOUT");
			return;
		}
		sched_yield();
	}
	read_or_write(h, write);
	if (IN(h, pthread_rwlock_unlock(&stuff.rwlock)))
		WRONG(h, "pthread_rwlock_unlock() does not say 0");
	disturb(h);
}

void hammer_mixed(struct hand *h)
{
	switch (h->done % 4) {
	case 0:
		return hammer_queue(h);
	case 1:
		return hammer_mutex(h);
	case 2:
		return hammer_sem(h);
	default:
		return hammer_rwlock(h);
	}
}
