// SPDX-License-Identifier: GPL-2.0
/*
 * Actors of another node, by a transport that leads back into this process: an address
 * with node 1 is that of an actor here, and whoever sends to it is one of node 1 there.
 */
#include "lib/ksft.h"
#include "lib/actor.h"

KSYNC_MESSAGE(number, 1, long)
KSYNC_SIGNAL(stop, 2)

static bool down_node;	/* nothing gets through */

static struct ksync_pid far(struct ksync_pid pid)
{
	if (pid.id)
		pid.node = 1;
	return pid;
}

static struct ksync_pid near(struct ksync_pid pid)
{
	pid.node = 0;
	return pid;
}

/* Who is of this node is of node 1 at the other end, and the other way round. */
static struct ksync_pid across(struct ksync_pid pid)
{
	return pid.node ? near(pid) : far(pid);
}

static int send(struct ksync_pid to, const struct ksync_message *m, enum envelope_kind kind,
		uint64_t deadline)
{
	struct ksync_message head = *m;

	(void)deadline;
	head.from = across(m->from);
	return down_node ? -ESRCH : ksync_remote_send(near(to), kind, &head, m->data);
}

static int monitor(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref)
{
	return down_node ? -ESRCH : ksync_remote_monitor(across(watcher), near(target), ref);
}

static int demonitor(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref)
{
	ksync_remote_demonitor(across(watcher), near(target), ref);
	return 0;
}

static int tell_down(struct ksync_pid watcher, struct ksync_pid target, uint64_t ref,
		     int reason)
{
	if (!down_node)
		ksync_remote_down(near(watcher), across(target), ref, reason);
	return 0;
}

static int tell_link(struct ksync_pid from, struct ksync_pid to)
{
	return down_node ? -ESRCH : ksync_remote_link(across(from), near(to));
}

static int tell_unlink(struct ksync_pid from, struct ksync_pid to)
{
	ksync_remote_unlink(across(from), near(to));
	return 0;
}

static int tell_exit(struct ksync_pid from, struct ksync_pid to, int reason, bool linked)
{
	if (!down_node)
		ksync_remote_exit(across(from), near(to), reason, linked);
	return 0;
}

static const struct ksync_transport loop = {
	.send = send,
	.monitor = monitor,
	.demonitor = demonitor,
	.down = tell_down,
	.link = tell_link,
	.unlink = tell_unlink,
	.exit = tell_exit,
};

/* Answers calls and messages, whoever they are from. */
static int server(void *arg)
{
	struct ksync_message *m;

	(void)arg;
	while (!ksync_actor_receive(&m) && !stop_is(m)) {
		ACT(m->from.node == 1);
		ACT(!(m->ref ? number_reply(m, number_of(m)) :
		      number_send(m->from, number_of(m))));
		ksync_message_free(m);
	}
	return 4;
}

static int exited(struct ksync_pid pid)
{
	struct ksync_message *m;
	int reason;

	if (ksync_actor_receive(&m) || m->tag != KSYNC_TAG_EXIT ||
	    !ksync_pid_equal(m->from, pid))
		return INT32_MIN;
	reason = ksync_message_ended(m)->reason;
	ksync_message_free(m);
	return reason;
}

static int both_ways(void *arg)
{
	struct ksync_actor_info info;
	struct ksync_message *m;
	struct ksync_pid pid;
	uint64_t ref, other;
	long n = 5;

	(void)arg;
	ACT(!ksync_actor_trap());
	ACT(!ksync_actor_spawn(&pid, server, NULL, NULL));
	pid = far(pid);
	ACT(!number_send(pid, &n) && !ksync_actor_receive(&m));
	ACT(*number_of(m) == 5 && ksync_pid_equal(m->from, pid));
	ACT(!ksync_actor_call(pid, number_tag, &n, sizeof(n), &m, NULL));
	ACT(*number_of(m) == 5 && ksync_pid_equal(m->from, pid));
	ACT(!ksync_actor_monitor(pid, &ref) && !ksync_actor_monitor(pid, &other));
	ACT(!ksync_actor_info(near(pid), &info) && info.monitors == 2);
	ACT(!ksync_actor_demonitor(other, 0));
	ACT(!ksync_actor_info(near(pid), &info) && info.monitors == 1);
	ACT(!ksync_actor_link(pid) && !ksync_actor_link(pid));
	ACT(!ksync_actor_info(near(pid), &info) && info.links == 1);
	ACT(!ksync_actor_unlink(pid));
	ACT(!ksync_actor_info(near(pid), &info) && !info.links);
	ACT(!ksync_actor_link(pid));
	ACT(!stop_send(pid) && down(ref, pid) == 4 && exited(pid) == 4);
	/* It is dead now. */
	ACT(!ksync_actor_monitor(pid, &ref) && down(ref, pid) == KSYNC_EXIT_NOPROC);
	ACT(!ksync_actor_link(pid) && exited(pid) == KSYNC_EXIT_NOPROC);
	ACT(ksync_actor_call(pid, number_tag, &n, sizeof(n), &m, NULL) == -ESRCH);
	ACT(ksync_actor_receive_try(&m) == -EAGAIN);
	return 0;
}

TEST_F(models, all_of_it_goes_to_another_node_and_back)
{
	ksync_transport_set(&loop);
	ACTOR(both_ways, NULL);
	ksync_transport_set(NULL);
}

static int kills(void *arg)
{
	struct ksync_pid pid;
	uint64_t ref;

	(void)arg;
	ACT(!ksync_actor_spawn(&pid, server, NULL, NULL));
	ACT(!ksync_actor_monitor(far(pid), &ref));
	ACT(!ksync_actor_signal(far(pid), KSYNC_EXIT_KILL));
	ACT(down(ref, far(pid)) == KSYNC_EXIT_KILLED);
	return 0;
}

TEST_F(models, an_exit_signal_goes_to_another_node)
{
	ksync_transport_set(&loop);
	ACTOR(kills, NULL);
	ksync_transport_set(NULL);
}

static int loses(void *arg)
{
	struct ksync_actor_info info;
	struct ksync_message *m;
	struct ksync_pid pid;
	uint64_t ref;
	long n = 1;

	(void)arg;
	down_node = false;
	ACT(!ksync_actor_trap());
	ACT(!ksync_actor_spawn(&pid, server, NULL, NULL));
	ACT(!ksync_actor_monitor(far(pid), &ref) && !ksync_actor_link(far(pid)));
	down_node = true;
	ksync_remote_node_lost(2, 0); /* another one */
	ACT(ksync_actor_receive_try(&m) == -EAGAIN);
	ksync_remote_node_lost(1, 0);
	ACT(exited(far(pid)) == KSYNC_EXIT_NOCONNECTION);
	ACT(down(ref, far(pid)) == KSYNC_EXIT_NOCONNECTION);
	/* Its end of the link has ended, too, and perhaps it has. */
	ACT(ksync_actor_info(near(pid), &info) == -ESRCH || (!info.monitors && !info.links));
	ACT(number_send(far(pid), &n) == -ESRCH);
	ACT(!ksync_actor_monitor(far(pid), &ref));
	ACT(down(ref, far(pid)) == KSYNC_EXIT_NOCONNECTION);
	ACT(!ksync_actor_link(far(pid)) && exited(far(pid)) == KSYNC_EXIT_NOCONNECTION);
	ACT(ksync_actor_call(far(pid), number_tag, &n, sizeof(n), &m, NULL) == -ESRCH);
	ksync_actor_signal(pid, KSYNC_EXIT_KILL);
	ACT(ksync_actor_receive_try(&m) == -EAGAIN);
	down_node = false;
	return 0;
}

TEST_F(models, what_is_known_of_a_lost_node_ends)
{
	ksync_transport_set(&loop);
	ACTOR(loses, NULL);
	ksync_transport_set(NULL);
}

KSFT_MAIN
