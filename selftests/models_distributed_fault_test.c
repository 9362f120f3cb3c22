// SPDX-License-Identifier: GPL-2.0
/*
 * Supervisors and nodes without memory: each allocation fails in turn.  Whatever that
 * makes fail says so, nothing waits for ever, and nothing is left.
 *
 * lib/wrap.h stands between libc and the library, which is linked in from
 * userspace/models/src/ (see Makefile).
 */
#include "lib/ksft.h"
#include "lib/noded.h"
#include "lib/supervised.h"
#include "lib/wrap.h"

/* In a task: until all is given back that the ends of actors give back. */
static bool nothing_left(int32_t before)
{
	const uint64_t deadline = await_deadline();

	while (allocations_live() > before && !passed(deadline))
		ksync_task_yield();
	return allocations_live() <= before;
}

static int start(struct ksync_pid *pid)
{
	const struct ksync_child children[] = {
		{ .id = "a", .fn = obeys }, { .id = "b", .fn = obeys },
	};
	const struct ksync_supervisor_attr attr = {
		.children = children,
		.n = 2,
		.intensity = 1000,
		.registered = "supervisor",
	};

	return ksync_supervisor_start(pid, &attr);
}

/* Until the name is given back. */
static void await_unregistered(void)
{
	struct ksync_pid pid;

	while (!ksync_actor_whereis("supervisor", &pid))
		ksync_task_yield();
}

/* @more: may be left, of what a scheduler keeps. */
static int begins(void *more)
{
	struct ksync_pid s;
	int32_t before;
	int at, ret;

	/* Once, so that what is made once is. */
	ACT(!start(&s) && !ksync_supervisor_stop(s, 0));
	before = allocations_live() + (long)more;
	for (at = 1;; at++) {
		fail_allocations(at, false);
		ret = start(&s);
		fail_allocations(0, false);
		if (!ret && !allocation_failed())
			break;
		if (!ret)
			ret = ksync_supervisor_stop(s, 0);
		ACT(!ret || ret == -ENOMEM || ret == -ESRCH || ret == -EAGAIN);
		await_unregistered();
		ACT(nothing_left(before));
	}
	ACT(at > 5);
	ACT(!ksync_supervisor_stop(s, 0) && nothing_left(before));
	return 0;
}

TEST_F(models, a_supervisor_begins_without_memory)
{
	/* Where threads come and go some memory is theirs. */
	const bool threads = variant->opts.model != KSYNC_MODEL_N1;

	ACTOR(begins, (void *)(threads ? 16L : 0));
}

/* A child ends, and is started again at once, or at the second try. */
static int restarts(void *arg)
{
	struct ksync_child_counts n;
	struct ksync_pid s, a;
	int at, ret;

	(void)arg;
	ACT(!start(&s));
	for (at = 1; at < 8; at++) {
		a = child_pid(s, "a");
		fail_allocations(at, false);
		if (end(a, 1)) {
			fail_allocations(0, false);
			continue;
		}
		ACT(await_end_of(a));
		do {
			ksync_task_yield();
			n.active = 0;
			ret = ksync_supervisor_count_children(s, &n);
			ACT(!ret || ret == -ENOMEM);
		} while (n.active != 2);
		fail_allocations(0, false);
	}
	return ksync_supervisor_stop(s, 0);
}

TEST_F(models, a_child_is_started_again_without_memory)
{
	ACTOR(restarts, NULL);
}

static uint32_t one, two;

static int connect_both(void)
{
	int fds[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return -errno;
	ret = noded_connect(fds[0]);
	one = noded.node;
	if (ret) {
		close(fds[0]);
		close(fds[1]);
		return ret;
	}
	ret = noded_connect(fds[1]);
	two = noded.node;
	if (ret) {
		close(fds[1]);
		ksync_node_disconnect(one, NULL);
	}
	return ret;
}

/* All of it, until something fails. */
static int use(void)
{
	struct ksync_message *m;
	struct ksync_pid pid;
	uint64_t ref;
	int ret = ksync_node_whereis(one, "self", &pid, NULL);

	if (!ret)
		ret = ksync_actor_monitor(pid, &ref);
	if (!ret)
		ret = ksync_actor_link(pid);
	if (!ret)
		ret = ksync_actor_send(pid, TAG_ANY, "abc", 4);
	while (!ret) {
		ret = ksync_actor_receive(&m);
		if (!ret && m->tag == TAG_ANY)
			break;
		/* The end of the connection. */
		if (!ret && ksync_message_ended(m)->reason == KSYNC_EXIT_NOCONNECTION)
			ret = -ENOTCONN;
		ksync_message_free(m);
	}
	return ret;
}

static int uses(void *arg)
{
	struct ksync_message *m;
	int at, ret;

	(void)arg;
	ACT(!ksync_actor_trap() && !ksync_actor_register("self", ksync_actor_self()));
	for (at = 1;; at++) {
		fail_allocations(at, false);
		ret = connect_both();
		if (!ret) {
			ret = use();
			fail_allocations(0, false);
			ACT(!ksync_node_disconnect(one, NULL));
			ACT(!ksync_node_disconnect(two, NULL));
		}
		fail_allocations(0, false);
		while (!ksync_actor_receive_try(&m))
			ksync_message_free(m);
		/* One that fails in the loop's thread may be no error for anybody. */
		if (!ret && !allocation_failed())
			break;
		ACT(!ret || ret == -ENOMEM || ret == -ENOTCONN || ret == -ESRCH || ret == -EAGAIN);
	}
	ACT(at > 10);
	return 0;
}

TEST(nodes_without_memory)
{
	int32_t before;

	ASSERT_EQ(0, noded_start(&on_mn, -1));
	before = allocations_live();
	ACTOR_ON(noded.s, uses, NULL);
	/* What is made once for a process, or a scheduler. */
	EXPECT_GT(before + 40, allocations_live());
	EXPECT_EQ(0, noded_stop());
}

KSFT_MAIN
