// SPDX-License-Identifier: GPL-2.0
/*
 * What is done to the workers: signals, stops, kills, other policies and
 * processors.  And what is done to the machine, now and then: attempts to unload
 * the module, and a processor that goes away and comes back.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include "sched.h"
#include "sys.h"
#include "torture.h"

static struct slot self; /* the disturber's dice */

static void nap_us(uint32_t us)
{
	const struct timespec ts = { .tv_nsec = us * 1000L };

	nanosleep(&ts, NULL);
}

static bool calm(void)
{
	return __atomic_load_n(&scene->calm, __ATOMIC_SEQ_CST);
}

/* All threads of its process stop: should this one be gone by then, the others go on. */
static void stop(const struct slot *s, uint32_t tid)
{
	const uint32_t pid = __atomic_load_n(&s->pid, __ATOMIC_SEQ_CST);

	if (sys(SYS_tkill, tid, SIGSTOP))
		return;
	nap_us(dice(&self) % 3000);
	sys(SYS_kill, pid, SIGCONT);
	figure_add(F_STOPS, 1);
}

static void change_policy(uint32_t tid)
{
	static const uint32_t policies[] = {
		SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_OTHER, POLICY_DEADLINE,
	};
	struct task_attr attr = {
		.size = sizeof(attr),
		.policy = policies[dice(&self) % (opt_deadline ? 6 : 5)],
		.flags = ATTR_RESET_ON_FORK,
	};

	if (attr.policy == SCHED_FIFO || attr.policy == SCHED_RR) {
		attr.priority = 1 + dice(&self) % 50;
	} else if (attr.policy == POLICY_DEADLINE) {
		/* Little enough to be throttled now and then. */
		attr.runtime = MSEC / 10 + dice(&self) % (2 * MSEC);
		attr.deadline = 10 * MSEC;
		attr.period = 10 * MSEC;
	} else {
		attr.nice = dice(&self) % 3 * 5;
	}
	/* DEADLINE is not for tasks that are bound to a processor. */
	if (!sched_attr(tid, &attr))
		figure_add(F_POLICIES, 1);
}

static void change_affinity(uint32_t tid)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(dice(&self) % 2, &set);
	if (chance(&self, 2)) {
		CPU_SET(0, &set);
		CPU_SET(1, &set);
	}
	if (sys(SYS_sched_setaffinity, tid, sizeof(set), &set) >= 0)
		figure_add(F_AFFINITIES, 1);
}

static void end(const struct slot *s, uint32_t tid)
{
	if (scene->row->deathless)
		return;
	crew_doom(s);
	if (!sys(SYS_tkill, tid, SIGKILL))
		figure_add(F_KILLS, 1);
}

/* Somebody at work, if one is found soon. */
static struct slot *pick(void)
{
	struct slot *s;
	int i = 0;

	do {
		s = &scene->slot[dice(&self) % WORKERS];
	} while (s->state != AT_WORK && ++i < 16);
	return s;
}

static void disturb_one(struct slot *s)
{
	const uint32_t tid = __atomic_load_n(&s->tid, __ATOMIC_SEQ_CST);
	const uint32_t d = dice(&self) % 24;

	if (!tid || s->state != AT_WORK)
		return;
	if (d < 8) {
		if (!sys(SYS_tkill, tid, d % 2 ? SIGUSR1 : SIGUSR2))
			figure_add(F_SIGNALS, 1);
	} else if (d < 11) {
		stop(s, tid);
	} else if (d < 16) {
		change_policy(tid);
	} else if (d < 20) {
		change_affinity(tid);
	} else if (d == 20 && chance(&self, 2)) {
		end(s, tid);
	}
}

static void disturber(void)
{
	for (;;) {
		if (calm()) {
			__atomic_store_n(&scene->still, 1, __ATOMIC_SEQ_CST);
			nap_us(500);
			continue;
		}
		disturb_one(pick());
		nap_us(dice(&self) % (3000 * watch_slow()));
	}
}

/** disturb_start() - a process that does all this; it dies with the stage */
pid_t disturb_start(unsigned int seed)
{
	const pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sched_fifo(0, 88);
	self.seed = seed * 2654435761U | 1;
	disturber();
	_exit(0);
}

/** disturb_pause() - nothing is done to anybody when this returns */
void disturb_pause(void)
{
	__atomic_store_n(&scene->still, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&scene->calm, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&scene->still, __ATOMIC_SEQ_CST))
		nap_us(200);
}

void disturb_resume(void)
{
	__atomic_store_n(&scene->calm, 0, __ATOMIC_SEQ_CST);
}

static void try_to_unload(void)
{
	const int ret = sys(SYS_delete_module, "ksync", O_NONBLOCK);

	figure_add(F_UNLOADS, 1);
	if (ret != -EBUSY && ret != -EAGAIN)
		violate(UNLOADED, "the module is in use, and unloading it is answered", ret, 0);
}

#define CPU1 "/sys/devices/system/cpu/cpu1/online"

static bool write_cpu1(const char *value)
{
	const int fd = open(CPU1, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, value, 1) == 1;
	close(fd);
	return ok;
}

/** disturb_end() - all processors are there again */
void disturb_end(void)
{
	if (opt_hotplug)
		write_cpu1("1");
}

/** disturb_rarely() - by the stage, all the time */
void disturb_rarely(void)
{
	static uint64_t unload_at, offline_at, online_at;
	const uint64_t n = now(CLOCK_MONOTONIC);

	if (n > unload_at) {
		unload_at = n + 200 * MSEC;
		try_to_unload();
	}
	if (!offline_at)
		offline_at = n + 700 * MSEC;
	if (online_at && n > online_at) {
		write_cpu1("1");
		online_at = 0;
	} else if (!online_at && n > offline_at && opt_hotplug) {
		offline_at = n + 6 * SEC;
		online_at = n + 150 * MSEC;
		if (write_cpu1("0"))
			figure_add(F_OFFLINE, 1);
	}
}
