// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/proc.h"
#include "../../lib/slow.h"
#include "../../lib/sys.h"
#include "actor.h"

enum { IDLE, POSTED, RUNNING, DONE };

int px_patience(void)
{
	const char *text = getenv("POSIX_PATIENCE");

	return (text && atoi(text) > 0 ? atoi(text) : 30) * slow_factor();
}

struct timespec px_in(clockid_t clock, long ms)
{
	struct timespec t;
	long long ns;

	clock_gettime(clock, &t);
	ns = t.tv_sec * 1000000000LL + t.tv_nsec + ms * 1000000LL;
	t.tv_sec = ns / 1000000000LL;
	t.tv_nsec = ns % 1000000000LL;
	return t;
}

struct timespec px_late(clockid_t clock)
{
	return px_in(clock, px_patience() * 1000L);
}

bool px_passed(clockid_t clock, const struct timespec *when)
{
	struct timespec now;

	clock_gettime(clock, &now);
	if (now.tv_sec != when->tv_sec)
		return now.tv_sec > when->tv_sec;
	return now.tv_nsec >= when->tv_nsec;
}

/* Asked of the kernel, in a task that is thrown away. */
bool px_may_rt(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct sched_param p = { .sched_priority = 50 };

		_exit(sched_setscheduler(0, SCHED_FIFO, &p) ? 1 : 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void set_turn(struct actor *a, uint32_t turn)
{
	__atomic_store_n(&a->turn, turn, __ATOMIC_RELEASE);
	sys_futex_wake(&a->turn);
}

static uint32_t get_turn(const struct actor *a)
{
	return __atomic_load_n(&a->turn, __ATOMIC_ACQUIRE);
}

static void *act(void *arg)
{
	struct actor *a = arg;
	uint32_t turn;

	a->tid = sys_gettid();
	set_turn(a, IDLE);
	for (;;) {
		while ((turn = get_turn(a)) != POSTED)
			sys_futex_wait(&a->turn, turn, NULL);
		set_turn(a, RUNNING);
		a->ret = a->fn(a->arg);
		set_turn(a, DONE);
	}
	return NULL;
}

/* Until the turn is another one than @from; bounded. */
static int await_turn(struct actor *a, uint32_t from)
{
	const struct timespec end = px_late(CLOCK_MONOTONIC);
	const struct timespec look = { .tv_nsec = 100000000 };

	while (get_turn(a) == from) {
		if (px_passed(CLOCK_MONOTONIC, &end))
			return ACTOR_STUCK;
		sys_futex_wait(&a->turn, from, &look);
	}
	return 0;
}

static void start_process(struct actor *a)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	act(a);
}

struct actor *actor_start(enum actor_kind kind)
{
	struct actor *a = mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (a == MAP_FAILED)
		abort();
	a->kind = kind;
	a->turn = DONE;
	if (kind == PROCESS)
		start_process(a);
	else if (pthread_create(&a->thread, NULL, act, a))
		abort();
	if (await_turn(a, DONE))
		abort();
	return a;
}

void actor_post(struct actor *a, int (*fn)(void *arg), void *arg)
{
	if (get_turn(a) == RUNNING)
		abort();
	a->fn = fn;
	a->arg = arg;
	set_turn(a, POSTED);
	await_turn(a, POSTED);
}

bool actor_done(const struct actor *a)
{
	return get_turn(a) == DONE;
}

int actor_either(const struct actor *a, const struct actor *b)
{
	const struct timespec end = px_late(CLOCK_MONOTONIC);

	while (!actor_done(a) && !actor_done(b)) {
		if (px_passed(CLOCK_MONOTONIC, &end))
			return ACTOR_STUCK;
		poll(NULL, 0, 1);
	}
	return 0;
}

int actor_result(struct actor *a)
{
	const int ret = await_turn(a, RUNNING);

	return ret ? ret : a->ret;
}

int actor_do(struct actor *a, int (*fn)(void *arg), void *arg)
{
	actor_post(a, fn, arg);
	return actor_result(a);
}

/*
 * Asleep: twice seen so, a millisecond apart, and not woken in between.  What a
 * library does on its way to the sleep meant here may sleep, too, but briefly.
 */
static int asleep(pid_t tid, const struct actor *a)
{
	const struct timespec end = px_late(CLOCK_MONOTONIC);
	long last = -1, sleeps;
	struct proc_stat stat;

	for (;;) {
		if (a && actor_done(a))
			return ACTOR_NO_SLEEP;
		sleeps = -1;
		if (!proc_stat(tid, &stat) && stat.state == 'S') {
			sleeps = proc_sleeps(tid);
			if (sleeps >= 0 && sleeps == last)
				return 0;
		}
		last = sleeps;
		if (px_passed(CLOCK_MONOTONIC, &end))
			return ACTOR_STUCK;
		poll(NULL, 0, 1);
	}
}

int actor_sleeps(struct actor *a)
{
	return asleep(a->tid, a);
}

int px_asleep(pid_t tid)
{
	return asleep(tid, NULL);
}

void *actor_join(struct actor *a)
{
	const struct timespec end = px_late(CLOCK_REALTIME);
	void *ret;

	return pthread_timedjoin_np(a->thread, &ret, &end) ? ACTOR_NOT_JOINED : ret;
}

int px_value(const uint32_t *value, uint32_t expected)
{
	const struct timespec end = px_late(CLOCK_MONOTONIC);

	while (__atomic_load_n(value, __ATOMIC_ACQUIRE) != expected) {
		if (px_passed(CLOCK_MONOTONIC, &end))
			return ACTOR_STUCK;
		poll(NULL, 0, 1);
	}
	return 0;
}

pid_t child_start(int (*fn)(void *arg), void *arg)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	_exit(fn(arg));
}

int child_result(pid_t pid)
{
	const struct timespec end = px_late(CLOCK_MONOTONIC);
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (px_passed(CLOCK_MONOTONIC, &end)) {
			kill(pid, SIGKILL);
			return ACTOR_STUCK;
		}
		poll(NULL, 0, 1);
	}
	return WIFSIGNALED(status) ? CHILD_KILLED + WTERMSIG(status) : WEXITSTATUS(status);
}

int child_do(int (*fn)(void *arg), void *arg)
{
	return child_result(child_start(fn, arg));
}
