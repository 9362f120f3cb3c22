// SPDX-License-Identifier: GPL-2.0
/*
 * Crews: the tasks of a stage.  Each can be killed, and is then buried by the
 * stage, alone, and replaced.
 *
 *	slots 0 to 3	a process each; the last two got the domain over a socket,
 *			have closed the one that they inherited, and map it at
 *			another address
 *	slots 4 to 7	a bare task each: the stage's memory and files, no TLS
 *	slots 8 to 11	two processes of two threads
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "sys.h"
#include "torture.h"

#define STACK		(128 * 1024)
#define CREWS		10
#define FIRST_GUEST	2
#define FIRST_BARE	4
#define FIRST_TEAM	8

/**
 * struct crew - one that dies as a whole
 * @pid: 0: it is to be started
 * @stack: of a bare task
 */
static struct crew {
	pid_t pid;
	char *stack;
} crews[CREWS];

static uint32_t seeds;

static struct slot *slot_of(unsigned int crew, unsigned int thread)
{
	return &scene->slot[crew < FIRST_TEAM ? crew :
			    FIRST_TEAM + 2 * (crew - FIRST_TEAM) + thread];
}

static unsigned int threads_of(unsigned int crew)
{
	return crew < FIRST_TEAM ? 1 : 2;
}

static void prepare(struct slot *s, bool may_fork)
{
	seeds = seeds * 1664525 + 1013904223;
	s->seed = seeds | 1;
	s->may_fork = may_fork;
	s->doomed = NOT_DOOMED;
	__atomic_store_n(&s->state, AT_WORK, __ATOMIC_SEQ_CST);
}

static int open_thing(union thing *t, struct ksync *d, uint32_t kind, uint32_t id)
{
	switch (kind) {
	case KSYNC_KIND_SPIN:
		return ksync_spin_open(&t->spin, d, id);
	case KSYNC_KIND_MUTEX:
		return ksync_mutex_open(&t->mutex, d, id);
	case KSYNC_KIND_RWLOCK:
		return ksync_rwlock_open(&t->rwlock, d, id);
	case KSYNC_KIND_SEM:
		return ksync_sem_open(&t->sem, d, id);
	case KSYNC_KIND_EVENT:
		return ksync_event_open(&t->event, d, id);
	case KSYNC_KIND_COND:
		return ksync_cond_open(&t->cond, d, id);
	}
	return ksync_waitq_open(&t->waitq, d, id);
}

/* Leave the domain that was inherited, for the one that comes over the socket. */
static int move_to(int fd)
{
	struct ksync *d;
	unsigned int i;
	int ret;

	ksync_close(kit.d);
	ret = ksync_adopt(&d, fd);
	if (ret)
		return ret;
	kit.d = d;
	for (i = 0; i < kit.n && !ret; i++)
		ret = open_thing(&kit.thing[i], d, kit.thing[i].o.attr & 0xff,
				 kit.thing[i].o.id);
	return ret;
}

union control {
	struct cmsghdr h;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static int send_fd(int to, int fd)
{
	union control c = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	char byte = 0;
	struct iovec v = { &byte, 1 };
	const struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1,
		.msg_control = &c, .msg_controllen = sizeof(c) };

	memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	return sendmsg(to, &m, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int from)
{
	union control c;
	char byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1,
		.msg_control = &c, .msg_controllen = sizeof(c) };
	int fd = -1;

	if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) == 1)
		memcpy(&fd, CMSG_DATA(&c.h), sizeof(fd));
	return fd;
}

static void be_process(struct slot *s, int socket)
{
	int ret = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (socket >= 0) {
		ret = move_to(receive_fd(socket));
		close(socket);
		figure_add(F_PASSED, 1);
	}
	if (ret)
		violate(WRONG_ANSWER, "a domain that was passed on cannot be used: answer", ret, 0);
	else
		work(s);
	_exit(0);
}

static pid_t start_process(struct slot *s, bool guest)
{
	int pair[2] = { -1, -1 };
	pid_t pid;

	if (guest && (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ||
		      send_fd(pair[0], ksync_fileno(kit.d))))
		violate(WRONG_ANSWER, "a domain cannot be passed on", errno, 0);
	pid = fork();
	if (!pid)
		be_process(s, pair[1]);
	if (guest) {
		close(pair[0]);
		close(pair[1]);
	}
	return pid;
}

static int be_bare(void *arg)
{
	sys(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	work(arg);
	return 0;
}

static pid_t start_bare(struct crew *c, struct slot *s)
{
	if (!c->stack)
		c->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	return clone(be_bare, c->stack + STACK, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, s);
}

/** crew_doom() - the process of @s is about to end: all that work in it */
void crew_doom(const struct slot *s)
{
	const unsigned int i = s - scene->slot;

	__atomic_store_n(&scene->slot[i].doomed, PROCESS_DOOMED, __ATOMIC_SEQ_CST);
	if (i >= FIRST_TEAM)
		__atomic_store_n(&scene->slot[i ^ 1].doomed, PROCESS_DOOMED, __ATOMIC_SEQ_CST);
}

static void *be_thread(void *arg)
{
	struct slot *s = arg;

	work(s);
	__atomic_store_n(&s->state, EXITED, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Threads that exit are buried by the stage, and replaced here. */
static void be_team(unsigned int crew)
{
	const struct timespec pause = { .tv_nsec = 2 * MSEC };
	pthread_t thread[2];
	struct slot *s;
	uint32_t was;
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, be_thread, slot_of(crew, i));
	for (;;) {
		nanosleep(&pause, NULL);
		for (i = 0; i < 2; i++) {
			s = slot_of(crew, i);
			if (__atomic_load_n(&s->state, __ATOMIC_SEQ_CST) != BURIED ||
			    __atomic_load_n(&scene->pause, __ATOMIC_SEQ_CST))
				continue;
			pthread_join(thread[i], NULL);
			was = TASK_DOOMED;
			__atomic_compare_exchange_n(&s->doomed, &was, NOT_DOOMED, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
			__atomic_store_n(&s->state, AT_WORK, __ATOMIC_SEQ_CST);
			pthread_create(&thread[i], NULL, be_thread, s);
		}
	}
}

static pid_t start_team(unsigned int crew)
{
	const pid_t pid = fork();

	if (!pid)
		be_team(crew);
	return pid;
}

static void start(unsigned int i)
{
	struct crew *c = &crews[i];
	struct slot *s = slot_of(i, 0);
	unsigned int k;

	for (k = 0; k < threads_of(i); k++)
		prepare(slot_of(i, k), i < FIRST_BARE || i >= FIRST_TEAM);
	if (i < FIRST_BARE)
		c->pid = start_process(s, i >= FIRST_GUEST && !scene->row->deathless);
	else if (i < FIRST_TEAM)
		c->pid = start_bare(c, s);
	else
		c->pid = start_team(i);
	if (c->pid < 0) {
		violate(WRONG_ANSWER, "no worker can be started", errno, i);
		c->pid = 0;
	}
}

static void bury(struct slot *s, enum slot_state after)
{
	if (s->state == GONE || s->state == BURIED)
		return;
	figure_add(F_DEATHS, 1);
	if (scene->row->bury)
		scene->row->bury(s);
	s->taking = 0;
	s->held = 0;
	s->giving = 0;
	__atomic_store_n(&s->tid, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->life, s->life + 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->state, after, __ATOMIC_SEQ_CST);
}

/* By its exit, by a kill; or by a signal for which the next program has no handler. */
static bool expected(unsigned int crew, int status)
{
	int sig;

	if (!WIFSIGNALED(status))
		return !WEXITSTATUS(status);
	sig = WTERMSIG(status);
	return sig == SIGKILL || ((sig == SIGUSR1 || sig == SIGUSR2) &&
				  (slot_of(crew, 0)->doomed || slot_of(crew, 1)->doomed));
}

static void bury_crew(unsigned int i, int status)
{
	unsigned int k;

	if (!expected(i, status))
		violate(CRASHED, "a worker ended with the status", status, i);
	for (k = 0; k < threads_of(i); k++)
		bury(slot_of(i, k), GONE);
	/* Threads of a team that exited before are gone with it. */
	for (k = 0; k < threads_of(i); k++)
		slot_of(i, k)->state = GONE;
	crews[i].pid = 0;
}

/* Whether a thread that said it would exit has done so. */
static bool has_exited(const struct slot *s, pid_t pid)
{
	return s->state == EXITED && sys(SYS_tgkill, pid, s->tid, 0) == -ESRCH;
}

/** crew_tend() - bury the dead; @replace: and start others for them */
void crew_tend(bool replace)
{
	unsigned int i, k;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		for (i = 0; i < CREWS && crews[i].pid != pid; i++)
			;
		if (i < CREWS)
			bury_crew(i, status);
		else
			violate(CRASHED, "the disturber died, status", status, pid);
	}
	for (i = FIRST_TEAM; i < CREWS; i++)
		for (k = 0; k < 2; k++)
			if (crews[i].pid && has_exited(slot_of(i, k), crews[i].pid))
				bury(slot_of(i, k), BURIED);
	for (i = 0; replace && i < CREWS; i++)
		if (!crews[i].pid)
			start(i);
}

/** crew_begin() - start them all */
void crew_begin(unsigned int seed)
{
	seeds = seed;
	crew_tend(true);
}

/** crew_end() - kill them all; nothing of theirs is judged any more */
void crew_end(void)
{
	unsigned int i;

	__atomic_store_n(&scene->over, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < CREWS; i++)
		if (crews[i].pid > 0)
			kill(crews[i].pid, SIGKILL);
	for (i = 0; i < CREWS; i++)
		while (crews[i].pid > 0 && !waitpid(crews[i].pid, NULL, WNOHANG | __WALL)) {
			forgotten_look();
			poll(NULL, 0, 1);
		}
}
