/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Nodes under test: a process has one end of a socket, a scheduler, and a thread that runs
 * the loop.  The other end is another process's, or the test's own, which writes frames.
 */
#ifndef KSYNC_SELFTESTS_NODED_H
#define KSYNC_SELFTESTS_NODED_H

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ksync/node.h>
#include <ksync/proactor.h>
#include <ksync/reactor.h>
#include "actor.h"

static const struct ksync_sched_opts on_mn = {
	.model = KSYNC_MODEL_MN,
	.flags = KSYNC_SCHED_QUIET,
	.procs = 2,
};

static struct noded {
	struct ksync_sched *s;
	struct ksync_loop *loop;
	pthread_t thread;
	uint32_t node;		/* the other one's number */
	uint32_t queue;
	uint32_t max;
	enum ksync_backend kind;	/* of the loop; NODED_URING: a proactor */
} noded;

#define NODED_URING	3

static inline void *noded_loop(void *arg)
{
	(void)arg;
	return (void *)(long)ksync_loop_run(noded.loop);
}

static inline int noded_connect(int fd)
{
	const struct ksync_node_attr attr = {
		.loop = noded.loop,
		.sched = noded.s,
		.queue = noded.queue,
		.max = noded.max,
	};

	return ksync_node_connect(&noded.node, fd, &attr);
}

/* A scheduler and a loop, and a connection by @fd. Return: 0; an error. */
static inline int noded_start(const struct ksync_sched_opts *opts, int fd)
{
	int ret = ksync_sched_start(&noded.s, opts);

	if (!ret)
		ret = noded.kind == NODED_URING ? ksync_proactor_create(&noded.loop, 0, 0) :
		      ksync_reactor_create(&noded.loop, noded.kind, 0);
	if (!ret)
		ret = -pthread_create(&noded.thread, NULL, noded_loop, NULL);
	return ret || fd < 0 ? ret : noded_connect(fd);
}

/* The loop first: it may still be about to wake a task. Return: 0; an error. */
static inline int noded_stop(void)
{
	int ret;

	ksync_loop_stop(noded.loop);
	pthread_join(noded.thread, NULL);
	ret = ksync_sched_stop(noded.s);
	return ret ? ret : ksync_loop_destroy(noded.loop);
}

/*
 * Another process, of which @fn is the first actor; it exits with what that returned.
 * Called before this one has a scheduler.  @fd is set to this end.
 */
static inline pid_t noded_fork(int (*fn)(void *arg), const struct ksync_sched_opts *opts,
			       int *fd)
{
	int fds[2], reason = 255;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		abort();
	pid = fork();
	if (pid) {
		close(fds[1]);
		*fd = fds[0];
		return pid;
	}
	close(fds[0]);
	if (noded_start(opts, fds[1]) || ksync_actor_run(noded.s, fn, NULL, NULL, &reason) ||
	    ksync_node_disconnect(noded.node, NULL) || noded_stop())
		_exit(254);
	_exit(reason);
}

/* Its exit status, or minus the signal. */
static inline int noded_reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -255;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif /* KSYNC_SELFTESTS_NODED_H */
