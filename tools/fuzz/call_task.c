// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that make tasks and end them, and change how they run.
 */
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "fuzz.h"

/*
 * A child: it locks in the parent's domain, and dies with it: by itself, by the
 * parent, or by execve.  No more of the C library than system calls.
 */
static void child(struct exec *x, const uint64_t *a)
{
	const unsigned int domain = a[0] % DOMAINS;
	struct ksync_attach attach = { .size = sizeof(attach) };
	struct ksync_lock lock = { .size = sizeof(lock), .id = arg_id(x, domain, a[2]) };
	static char *const argv[] = { "fuzz", "--nothing", NULL };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	syscall(SYS_ioctl, x->fd[domain], KSYNC_IOC_ATTACH, &attach);
	lock.thread = attach.thread;
	lock.flags = KSYNC_WAIT_INTERRUPTIBLE;
	lock.deadline = a[1] < 2 ? KSYNC_NO_DEADLINE : 0;
	syscall(SYS_ioctl, x->fd[domain], KSYNC_IOC_LOCK, &lock);
	if (a[1] == 3)
		execv("/proc/self/exe", argv);
	if (a[1] == 4)
		kill(getpid(), SIGSTOP);
	_exit(0);
}

long call_fork(struct exec *x, const struct op *op, const uint64_t *a)
{
	const struct timespec moment = { 0, 2000000 };
	long pid = syscall(SYS_clone, a[1] == 5 ? CLONE_FILES | SIGCHLD : SIGCHLD, 0, 0, 0, 0);

	(void)op;
	x->shape = a[1];
	if (!pid)
		child(x, a);
	if (pid < 0)
		return 0;
	if (a[1] % 3 != 0)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
	kill(pid, SIGKILL);
	return SYS(x, SYS_wait4, pid, 0, 0, 0) == pid ? 0 : -1;
}

/* Real-time priorities come to an end with the program: nobody else could run. */
long call_sched(struct exec *x, const struct op *op, const uint64_t *a)
{
	static const int policies[] = { SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH,
		SCHED_IDLE };
	struct sched_param param = { 0 };
	cpu_set_t set;
	int policy;

	(void)op;
	x->sched = true;
	if (a[0] < 5) {
		policy = policies[a[0]];
		if (policy == SCHED_FIFO || policy == SCHED_RR)
			param.sched_priority = 1 + a[1];
		return sched_setscheduler(0, policy | SCHED_RESET_ON_FORK, &param);
	}
	if (a[0] == 5)
		return setpriority(PRIO_PROCESS, 0, (int)a[1] - 20);
	CPU_ZERO(&set);
	CPU_SET(a[0] & 1, &set);
	if (a[1] & 1)
		CPU_SET(~a[0] & 1, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

/*
 * Who has a ceiling runs on at a real-time priority, which would keep others from
 * running for ever: the thread ends.
 */
void sched_reset(struct exec *x)
{
	const struct sched_param param = { 0 };
	cpu_set_t set;

	if (!x->sched) {
		x->leave |= (sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_FIFO;
		return;
	}
	x->sched = false;
	sched_setscheduler(0, SCHED_OTHER, &param);
	setpriority(PRIO_PROCESS, 0, 0);
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	CPU_SET(1, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* The thread ends, with all that it has; the host starts another one. */
long call_leave(struct exec *x, const struct op *op, const uint64_t *a)
{
	(void)op;
	(void)a;
	x->leave = true;
	return 0;
}
