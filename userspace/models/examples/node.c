// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Two processes: an actor of one adds what an actor of the other sends; one is killed. */
#include <err.h>
#include <stdio.h>
#include <unistd.h>
#include <ksync/node.h>
#include <ksync/reactor.h>

KSYNC_MESSAGE(add, 1, int)

static struct ksync_node_attr attr;
static uint32_t node; /* the other process */
static int child, reason, sum;

static int adder(void *unused)
{
	struct ksync_message *m;

	ksync_actor_register("adder", ksync_actor_self());
	for (; !ksync_actor_receive(&m); ksync_message_free(m)) {
		sum += *add_of(m);
		add_reply(m, &sum);
	}
	return !!unused;
}

static int asker(void *unused)
{
	struct ksync_message *m;
	struct ksync_pid pid;
	uint64_t ref;

	while (ksync_node_whereis(node, "adder", &pid, NULL))
		; /* it has not begun yet */
	for (int i = 1; i <= 100; i++)
		if (!ksync_actor_call(pid, add_tag, &i, sizeof(i), &m, NULL))
			sum = *add_of(m);
	ksync_actor_monitor(pid, &ref);
	kill(child, SIGKILL);
	if (!ksync_actor_receive(&m))
		reason = ksync_message_ended(m)->reason;
	return ksync_loop_stop(attr.loop), !!unused;
}

int main(void)
{
	int fds[2];

	child = socketpair(AF_UNIX, SOCK_STREAM, 0, fds) ? -1 : fork();
	close(fds[!child]);
	/* Forked before there is a scheduler. */
	if (child < 0 || ksync_sched_start(&attr.sched, NULL) ||
	    ksync_reactor_create(&attr.loop, KSYNC_BACKEND_EPOLL, 0) ||
	    ksync_node_connect(&node, fds[!!child], &attr) ||
	    ksync_actor_spawn_on(attr.sched, NULL, child ? asker : adder, NULL, NULL))
		errx(1, "node: not connected");
	ksync_loop_run(attr.loop);
	printf("node: process %d said %d, and its end %d\n", child, sum, reason);
	return ksync_sched_stop(attr.sched) || sum != 5050 || reason != KSYNC_EXIT_NOCONNECTION;
}
