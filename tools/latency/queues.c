// SPDX-License-Identifier: GPL-2.0
/* Many waiters of one object. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <time.h>
#include "pool.h"
#include "scenes.h"

static struct ksync_waitq q, q2;
static struct ksync_mutex m;
static struct ksync_cond c;
static struct ksync_sem s;
static struct ksync_event e;
static struct timespec deadline;

static void wait_q(int i)
{
	(void)i;
	ksync_waitq_wait(&q, 0);
}

static void wait_c(int i)
{
	(void)i;
	must(ksync_mutex_lock(&m), "lock");
	must(ksync_cond_wait(&c, &m), "wait");
	must(ksync_mutex_unlock(&m), "unlock");
}

static void wait_m(int i)
{
	(void)i;
	must(ksync_mutex_lock(&m), "lock");
	must(ksync_mutex_unlock(&m), "unlock");
}

static void wait_s(int i)
{
	(void)i;
	must(ksync_sem_wait(&s), "wait");
}

static void wait_e(int i)
{
	(void)i;
	must(ksync_event_wait(&e), "wait");
}

static void wait_until(int i)
{
	(void)i;
	if (ksync_sem_wait_timed(&s, CLOCK_MONOTONIC, &deadline) != -ETIMEDOUT)
		errx(1, "a wait ended before its deadline");
}

static void returned(int n)
{
	(void)n;
	pool_wait();
}

static void prepare_waitq(int n)
{
	must(ksync_waitq_init(&q, domain, 0), "waitq");
	must(ksync_waitq_init(&q2, domain, 0), "waitq");
	pool_run(n, wait_q);
	await_waiters(&q.o, n);
}

static void wake_all(int n)
{
	if (must(ksync_waitq_wake(&q, INT_MAX), "wake") != n)
		errx(1, "not all were woken");
}

static void requeue_all(int n)
{
	must(ksync_waitq_requeue(&q, &q2, 0, n), "requeue");
}

static void wake_moved(int n)
{
	if (must(ksync_waitq_wake(&q2, INT_MAX), "wake") != n)
		errx(1, "not all had been moved");
	pool_wait();
}

static void prepare_cond(int n)
{
	must(ksync_mutex_init(&m, domain, 0), "mutex");
	must(ksync_cond_init(&c, domain, 0), "cond");
	pool_run(n, wait_c);
	await_waiters(&c.o, n);
	must(ksync_mutex_lock(&m), "lock");
}

static void broadcast(int n)
{
	(void)n;
	must(ksync_cond_broadcast(&c), "broadcast");
	must(ksync_mutex_unlock(&m), "unlock");
}

static void signal_one(int n)
{
	(void)n;
	must(ksync_cond_signal(&c), "signal");
	must(ksync_mutex_unlock(&m), "unlock");
}

static void signal_rest(int n)
{
	(void)n;
	must(ksync_cond_broadcast(&c), "broadcast");
	pool_wait();
}

static void prepare_mutex(int n)
{
	must(ksync_mutex_init(&m, domain, KSYNC_MUTEX_STRICT), "mutex");
	must(ksync_mutex_lock(&m), "lock");
	pool_run(n, wait_m);
	await_waiters(&m.o, n);
}

static void unlock(int n)
{
	(void)n;
	must(ksync_mutex_unlock(&m), "unlock");
}

/* Half of them above, half of them below what comes to be in the middle. */
static void prepare_prios(int n)
{
	int i;

	prepare_mutex(n);
	for (i = 0; i < n; i++)
		pool_prio(i, i % 2 ? 10 : 30);
}

static void change_prio(int n)
{
	pool_prio(n / 2, 20);
}

static void handler(int sig)
{
	(void)sig;
}

static void send_signal(int n)
{
	const struct sigaction act = { .sa_handler = handler };

	sigaction(SIGUSR1, &act, NULL);
	pthread_kill(pool_thread(n / 2), SIGUSR1);
	sleep_ms(5);
}

static void finish_prios(int n)
{
	int i;

	must(ksync_mutex_unlock(&m), "unlock");
	pool_wait();
	for (i = 0; i < n; i++)
		pool_prio(i, 0);
}

static void prepare_sem(int n)
{
	must(ksync_sem_init(&s, domain, 0, 0), "sem");
	pool_run(n, wait_s);
	await_waiters(&s.o, n);
}

static void post_all(int n)
{
	must(ksync_sem_post_n(&s, n), "post");
}

static void post_one(int n)
{
	(void)n;
	must(ksync_sem_post(&s), "post");
}

static void post_rest(int n)
{
	must(ksync_sem_post_n(&s, n - 1), "post");
	pool_wait();
}

static void prepare_event(int n)
{
	must(ksync_event_init(&e, domain, KSYNC_EVENT_MANUAL), "event");
	pool_run(n, wait_e);
	await_waiters(&e.o, n);
}

static void set(int n)
{
	(void)n;
	must(ksync_event_set(&e), "set");
}

/* All of them at the same time. */
static void prepare_timeouts(int n)
{
	must(ksync_sem_init(&s, domain, 0, 0), "sem");
	deadline = in_ms(200 + n);
	pool_run(n, wait_until);
	await_waiters(&s.o, n);
}

static void nothing(int n)
{
	(void)n;
}

const struct scene queue_scenes[] = {
	{ "wake all of a waitq", "waiters", 100, 0, 2, 0,
	  prepare_waitq, wake_all, returned },
	{ "requeue all", "waiters", 100, 0, 2, 0,
	  prepare_waitq, requeue_all, wake_moved },
	{ "broadcast", "waiters", 100, 0, 2, 0, prepare_cond, broadcast, returned },
	{ "signal", "waiters", 100, 0, 2, 0, prepare_cond, signal_one, signal_rest },
	{ "unlock a mutex", "waiters", 100, 0, 2, 0, prepare_mutex, unlock, returned },
	{ "change a waiter's priority", "waiters", 100, 0, 2, SCENE_ANY | SCENE_QUIET,
	  prepare_prios, change_prio, finish_prios },
	{ "signal to a waiter", "waiters", 100, 0, 2, 0,
	  prepare_prios, send_signal, finish_prios },
	{ "post one", "waiters", 100, 0, 2, 0, prepare_sem, post_one, post_rest },
	{ "post to all", "waiters", 100, 0, 2, 0, prepare_sem, post_all, returned },
	{ "set an event", "waiters", 100, 0, 2, 0, prepare_event, set, returned },
	{ "deadlines pass together", "waiters", 100, 0, 2, SCENE_ANY,
	  prepare_timeouts, returned, nothing },
	{ .name = NULL },
};
