// SPDX-License-Identifier: GPL-2.0
/* Starting and ending tasks: see task.h. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "sys.h"
#include "task.h"

#define STACK_SIZE (256 * 1024)

static void *thread_main(void *arg)
{
	struct task *t = arg;

	__atomic_store_n(&t->tid, sys_gettid(), __ATOMIC_RELEASE);
	sys_futex_wake(&t->tid);
	return (void *)(intptr_t)t->fn(t->arg);
}

static int start_thread(struct task *t)
{
	pthread_attr_t attr;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	ret = pthread_create(&t->thread, &attr, thread_main, t);
	pthread_attr_destroy(&attr);
	if (ret)
		return -ret;
	while (!__atomic_load_n(&t->tid, __ATOMIC_ACQUIRE))
		sys_futex_wait(&t->tid, 0, NULL);
	return 0;
}

static int bare_main(void *arg)
{
	struct task *t = arg;

	sys(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	return t->fn(t->arg);
}

static int start_bare(struct task *t)
{
	int pid;

	t->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (t->stack == MAP_FAILED)
		return -errno;
	pid = clone(bare_main, (char *)t->stack + STACK_SIZE,
		    CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, t);
	if (pid < 0) {
		munmap(t->stack, STACK_SIZE);
		return -errno;
	}
	t->tid = pid;
	return 0;
}

static int start_process(struct task *t)
{
	const pid_t parent = getpid();
	const pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* It may have ended before. */
		if (getppid() != parent)
			_exit(1);
		t->tid = getpid();
		_exit(t->fn(t->arg));
	}
	t->tid = pid;
	return 0;
}

int task_start(struct task *t, enum task_kind kind, int (*fn)(void *arg),
	       void *arg)
{
	memset(t, 0, sizeof(*t));
	t->kind = kind;
	t->fn = fn;
	t->arg = arg;
	switch (kind) {
	case TASK_THREAD:
		return start_thread(t);
	case TASK_BARE:
		return start_bare(t);
	case TASK_PROCESS:
		return start_process(t);
	}
	return -EINVAL;
}

static int join_thread(struct task *t, int *status)
{
	void *value;
	int ret = pthread_join(t->thread, &value);

	*status = (intptr_t)value;
	return -ret;
}

static int join_child(struct task *t, int *status)
{
	int how;

	while (waitpid(t->tid, &how, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	*status = WIFSIGNALED(how) ? -WTERMSIG(how) : WEXITSTATUS(how);
	if (t->kind == TASK_BARE)
		munmap(t->stack, STACK_SIZE);
	return 0;
}

int task_join(struct task *t, int *status)
{
	int ignored;

	if (!status)
		status = &ignored;
	return t->kind == TASK_THREAD ? join_thread(t, status) :
		join_child(t, status);
}

pid_t task_tid(const struct task *t)
{
	return t->tid;
}

int task_kill(const struct task *t, int sig)
{
	const pid_t group = t->kind == TASK_THREAD ? getpid() : (pid_t)t->tid;

	return sys(SYS_tgkill, group, t->tid, sig);
}
