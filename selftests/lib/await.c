// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include "await.h"
#include "clock.h"
#include "proc.h"
#include "raw.h"
#include "sched.h"
#include "slow.h"

uint64_t await_deadline(void)
{
	return in(60 * SEC * slow_factor());
}

/* One look: 0 not yet, 1 it is so, or a negative errno. */
struct look {
	int (*fn)(struct look *l);
	int fd;
	uint32_t id;
	pid_t tid;
	int64_t want;
	int64_t seen;
	const uint32_t *value;
	bool (*cond)(const void *arg);
	const void *arg;
};

static int await(struct look *l, const char *what)
{
	const uint64_t deadline = await_deadline();
	int ret;

	for (;;) {
		ret = l->fn(l);
		if (ret)
			return ret < 0 ? ret : 0;
		if (passed(deadline))
			break;
		poll(NULL, 0, 1);
	}
	fprintf(stderr, "# waited in vain: %s (want %lld, see %lld)\n", what,
		(long long)l->want, (long long)l->seen);
	return -ETIMEDOUT;
}

static int look_cond(struct look *l)
{
	l->seen = l->cond(l->arg);
	return l->seen;
}

int await_true(bool (*cond)(const void *arg), const void *arg)
{
	struct look l = { .fn = look_cond, .cond = cond, .arg = arg, .want = 1 };

	return await(&l, "a condition of the test");
}

static int look_waiters(struct look *l)
{
	struct ksync_query q;
	int ret = raw_query(l->fd, l->id, &q);

	l->seen = q.waiters;
	return ret ? ret : q.waiters == l->want;
}

int await_waiters(int fd, uint32_t id, uint32_t n)
{
	struct look l = { .fn = look_waiters, .fd = fd, .id = id, .want = n };

	return await(&l, "number of waiters on an object");
}

static int look_state(struct look *l)
{
	struct proc_stat stat;
	int ret = proc_stat(l->tid, &stat);

	l->seen = stat.state;
	if (ret)
		return ret;
	return stat.state == l->want || (l->want == 'S' && stat.state == 'D');
}

int await_asleep(pid_t tid)
{
	struct look l = { .fn = look_state, .tid = tid, .want = 'S' };

	return await(&l, "a task falls asleep");
}

static bool is_switched(const void *tid)
{
	return proc_switched(*(const pid_t *)tid);
}

int await_switched(pid_t tid)
{
	const int ret = await_asleep(tid);

	return ret ? ret : await_true(is_switched, &tid);
}

int await_stopped(pid_t tid)
{
	struct look l = { .fn = look_state, .tid = tid, .want = 'T' };

	return await(&l, "a task stops");
}

static int look_gone(struct look *l)
{
	struct proc_stat stat;
	int ret = proc_stat(l->tid, &stat);

	if (ret == -ESRCH)
		return 1;
	l->seen = stat.state;
	return ret ? ret : stat.state == 'Z' || stat.state == 'X';
}

int await_gone(pid_t tid)
{
	struct look l = { .fn = look_gone, .tid = tid, .want = 'Z' };

	return await(&l, "a task dies");
}

static int look_value(struct look *l)
{
	l->seen = __atomic_load_n(l->value, __ATOMIC_ACQUIRE);
	return l->seen == l->want;
}

static int look_prio(struct look *l)
{
	l->seen = effective_prio(l->tid);
	return l->seen == l->want;
}

int await_prio(pid_t tid, int prio)
{
	struct look l = { .fn = look_prio, .tid = tid, .want = prio };

	return await(&l, "a task's priority changes");
}

int await_value(const uint32_t *value, uint32_t expected)
{
	struct look l = { .fn = look_value, .value = value, .want = expected };

	return await(&l, "a value in shared memory");
}
