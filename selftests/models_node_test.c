// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes: two processes, whose actors send, call, monitor, link and kill each other; and one
 * that is killed itself.
 */
#include "lib/ksft.h"
#include "lib/noded.h"

#define ECHO		1U	/* answered, or sent back */
#define SPAWN		2U	/* answered by the address of an actor that obeys */
#define MONITOR		3U	/* an address: it is monitored, and the reason sent back */
#define LINK		4U	/* the server links itself to the sender */
#define QUIT		5U	/* int: the server ends, with this reason */
#define BACK		6U	/* what comes back */
#define ASK		7U	/* answered by an ECHO; and what comes back, by a BACK */

/* The children's function: until QUIT. */
static int obeys(void *arg)
{
	struct ksync_pid asker = { 0 };
	struct ksync_message *m;
	int ret;

	(void)arg;
	while (!(ret = ksync_actor_receive(&m))) {
		if (m->tag == QUIT)
			return *(int *)(void *)m->data;
		if (m->tag == LINK)
			ksync_actor_link(m->from);
		if (m->tag == ECHO)
			ksync_actor_send(m->from, BACK, m->data, m->size);
		if (m->tag == ASK) {
			asker = m->from;
			ksync_actor_send(asker, ECHO, NULL, 0);
		}
		if (m->tag == BACK)
			ksync_actor_send(asker, BACK, NULL, 0);
		ksync_message_free(m);
	}
	return ret;
}

static void spawn_and_answer(const struct ksync_message *m)
{
	struct ksync_pid pid = { 0 };

	ksync_actor_spawn(&pid, obeys, NULL, NULL);
	ksync_actor_reply(m, BACK, &pid, sizeof(pid));
}

static int echo(const struct ksync_message *m)
{
	if (m->ref)
		return ksync_actor_reply(m, BACK, m->data, m->size);
	return ksync_actor_send(m->from, BACK, m->data, m->size);
}

static void watch(const struct ksync_message *m)
{
	struct ksync_pid pid;
	uint64_t ref;
	int reason;

	memcpy(&pid, m->data, sizeof(pid));
	pid = ksync_node_import(m->from, pid);
	if (ksync_actor_monitor(pid, &ref))
		return;
	reason = down(ref, pid);
	ksync_actor_send(m->from, BACK, &reason, sizeof(reason));
}

/* The first actor of the other process. */
static int server(void *arg)
{
	struct ksync_message *m;
	int ret;

	(void)arg;
	ACT(!ksync_actor_register("server", ksync_actor_self()));
	while (!(ret = ksync_actor_receive(&m))) {
		switch (m->tag) {
		case ECHO:
			echo(m);
			break;
		case SPAWN:
			spawn_and_answer(m);
			break;
		case MONITOR:
			watch(m);
			break;
		case LINK:
			ACT(!ksync_actor_link(m->from));
			break;
		case QUIT:
			return *(int *)(void *)m->data;
		}
		ksync_message_free(m);
	}
	return ret;
}

FIXTURE(nodes)
{
	pid_t pid;
};

FIXTURE_VARIANT(nodes)
{
	struct ksync_sched_opts opts;
};

FIXTURE_VARIANT_ADD(nodes, mn)
{
	.opts = { .model = KSYNC_MODEL_MN, .flags = KSYNC_SCHED_QUIET, .procs = 2 },
};

FIXTURE_VARIANT_ADD(nodes, n1)
{
	.opts = { .model = KSYNC_MODEL_N1, .flags = KSYNC_SCHED_QUIET },
};

FIXTURE_VARIANT_ADD(nodes, threads)
{
	.opts = { .model = KSYNC_MODEL_11, .flags = KSYNC_SCHED_QUIET },
};

FIXTURE_VARIANT_ADD(nodes, seeded)
{
	.opts = {
		.model = KSYNC_MODEL_N1,
		.flags = KSYNC_SCHED_SEEDED | KSYNC_SCHED_QUIET,
		.seed = 1,
	},
};

/* The other process has a scheduler of the same kind. */
FIXTURE_SETUP(nodes)
{
	int fd;

	self->pid = noded_fork(server, &variant->opts, &fd);
	ASSERT_LT(0, self->pid);
	ASSERT_EQ(0, noded_start(&variant->opts, fd));
}

FIXTURE_TEARDOWN(nodes)
{
	EXPECT_EQ(0, ksync_node_disconnect(noded.node, NULL));
	EXPECT_EQ(-ENOENT, ksync_node_disconnect(noded.node, NULL));
	EXPECT_EQ(0, noded_stop());
	EXPECT_EQ(0, noded_reap(self->pid));
}

/* Until the server is there: it registers itself by itself. */
static int find(struct ksync_pid *pid)
{
	int ret;

	do
		ret = ksync_node_whereis(noded.node, "server", pid, NULL);
	while (ret == -ENOENT);
	return ret;
}

static int quit(struct ksync_pid pid, int reason)
{
	return ksync_actor_send(pid, QUIT, &reason, sizeof(reason));
}

/* In an actor: an actor of the other process. */
static int spawn_there(struct ksync_pid server, struct ksync_pid *pid)
{
	struct ksync_message *m;
	int ret = ksync_actor_call(server, SPAWN, NULL, 0, &m, NULL);

	if (ret)
		return ret;
	memcpy(pid, m->data, sizeof(*pid));
	*pid = ksync_node_import(m->from, *pid);
	ksync_message_free(m);
	return pid->id ? 0 : -EINVAL;
}

static char bytes[300000];

static int echoes(void *arg)
{
	static const size_t sizes[] = { 0, 1, 100, 32728, 32729, 65536, 300000 };
	struct ksync_message *m;
	struct ksync_pid s;
	size_t i;

	(void)arg;
	ACT(!find(&s) && s.node == noded.node);
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 7 + (i >> 8);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ACT(!ksync_actor_send(s, ECHO, bytes, sizes[i]));
		ACT(!ksync_actor_receive(&m) && m->tag == BACK && !m->ref);
		ACT(ksync_pid_equal(m->from, s) && m->size == sizes[i]);
		ACT(!memcmp(m->data, bytes, sizes[i]));
		ksync_message_free(m);
		ACT(!ksync_actor_call(s, ECHO, bytes, sizes[i], &m, NULL));
		ACT(m->size == sizes[i] && !memcmp(m->data, bytes, sizes[i]));
		ksync_message_free(m);
	}
	return quit(s, 0);
}

TEST_F(nodes, what_is_sent_comes_back)
{
	ACTOR_ON(noded.s, echoes, NULL);
}

static int in_order(void *rounds)
{
	struct ksync_message *m;
	struct ksync_pid s;
	long i;

	ACT(!find(&s));
	for (i = 0; i < (long)rounds; i++)
		ACT(!ksync_actor_send(s, ECHO, &i, sizeof(i)));
	for (i = 0; i < (long)rounds; i++) {
		ACT(!ksync_actor_receive(&m) && *(long *)(void *)m->data == i);
		ksync_message_free(m);
	}
	return quit(s, 0);
}

TEST_F(nodes, messages_come_in_order)
{
	ACTOR_ON(noded.s, in_order, (void *)20000L);
}

static int by_name(void *arg)
{
	char name[KSYNC_ACTOR_NAME_LEN + 1];
	struct timespec over = { 0, 1 };
	struct ksync_message *m;
	struct ksync_pid s, pid;
	int ret;

	(void)arg;
	ACT(!find(&s));
	ACT(ksync_node_whereis(noded.node, "nobody", &pid, NULL) == -ENOENT);
	ACT(ksync_node_whereis(noded.node + 1, "server", &pid, NULL) == -ENOENT);
	ACT(ksync_node_whereis(noded.node, "", &pid, NULL) == -EINVAL);
	ret = ksync_node_whereis(noded.node, "server", &pid, &over);
	/* It may have been answered before that was looked at. */
	ACT(!ret || ret == -ETIMEDOUT);
	over.tv_nsec = -1;
	ACT(ksync_node_whereis(noded.node, "server", &pid, &over) == -EINVAL);
	memset(name, 'x', sizeof(name));
	name[KSYNC_ACTOR_NAME_LEN] = 0;
	ACT(ksync_node_whereis(noded.node, name, &pid, NULL) == -ENAMETOOLONG);
	ACT(ksync_node_send(noded.node, name, ECHO, NULL, 0) == -ENAMETOOLONG);
	name[KSYNC_ACTOR_NAME_LEN - 1] = 0;
	ACT(ksync_node_whereis(noded.node, name, &pid, NULL) == -ENOENT);
	ACT(ksync_node_send(noded.node, "", ECHO, NULL, 0) == -EINVAL);
	ACT(ksync_node_send(noded.node + 1, "server", ECHO, NULL, 0) == -ESRCH);
	ACT(ksync_node_send(noded.node, "server", KSYNC_TAG_DOWN, NULL, 0) == -EINVAL);
	ACT(!ksync_node_send(noded.node, "nobody", ECHO, "abc", 4));
	ACT(!ksync_node_send(noded.node, "server", ECHO, "abcd", 5));
	ACT(!ksync_actor_receive(&m) && m->tag == BACK && !strcmp(m->data, "abcd"));
	ACT(ksync_pid_equal(m->from, s));
	ksync_message_free(m);
	/* A name here, for an actor there. */
	ACT(!ksync_actor_register("there", s));
	ACT(!ksync_actor_whereis("there", &pid) && ksync_pid_equal(pid, s));
	ACT(!ksync_actor_unregister("there"));
	return quit(s, 0);
}

TEST_F(nodes, actors_are_found_by_their_names)
{
	ACTOR_ON(noded.s, by_name, NULL);
}

/* A message from there is forwarded to there: it is still from who sent it. */
static int forwards(void *arg)
{
	struct ksync_message *m;
	struct ksync_pid s, pid;

	(void)arg;
	ACT(!find(&s) && !spawn_there(s, &pid));
	ACT(!ksync_actor_send(pid, ASK, NULL, 0));
	ACT(!ksync_actor_receive(&m) && m->tag == ECHO);
	ACT(!ksync_actor_forward(s, m));
	ACT(!ksync_actor_receive(&m) && m->tag == BACK && ksync_pid_equal(m->from, pid));
	ksync_message_free(m);
	return quit(s, 0);
}

TEST_F(nodes, messages_are_forwarded)
{
	ACTOR_ON(noded.s, forwards, NULL);
}

static int nothing_more(void)
{
	struct ksync_message *m;

	return ksync_actor_receive_try(&m) == -EAGAIN;
}

static int monitors(void *arg)
{
	struct ksync_pid s, pid;
	uint64_t ref, other;

	(void)arg;
	ACT(!find(&s));
	ACT(!spawn_there(s, &pid));
	ACT(!ksync_actor_monitor(pid, &ref) && !ksync_actor_monitor(pid, &other));
	ACT(!quit(pid, 42));
	ACT(down(ref, pid) == 42 && down(other, pid) == 42);
	ACT(!ksync_actor_monitor(pid, &ref));
	ACT(down(ref, pid) == KSYNC_EXIT_NOPROC);
	ACT(!spawn_there(s, &pid));
	ACT(!ksync_actor_monitor(pid, &ref) && !ksync_actor_monitor(pid, &other));
	ACT(!ksync_actor_demonitor(ref, 0));
	ACT(!quit(pid, 43));
	ACT(down(other, pid) == 43 && nothing_more());
	/* The order of a message, and of the end of who sent it. */
	ACT(!spawn_there(s, &pid));
	ACT(!ksync_actor_monitor(pid, &ref));
	for (int i = 0; i < 10; i++)
		ACT(!ksync_actor_send(pid, ECHO, &i, sizeof(i)));
	ACT(!quit(pid, 44));
	for (int i = 0; i < 11; i++) {
		struct ksync_message *m;

		ACT(!ksync_actor_receive(&m));
		ACT(m->tag == (i < 10 ? BACK : KSYNC_TAG_DOWN));
		ksync_message_free(m);
	}
	return quit(s, 0);
}

TEST_F(nodes, monitors)
{
	ACTOR_ON(noded.s, monitors, NULL);
}

/* An actor here is monitored from there. */
static int monitored(void *reason)
{
	struct ksync_message *m;
	struct ksync_pid s, pid;

	ACT(!find(&s));
	ACT(!ksync_actor_spawn(&pid, obeys, NULL, NULL));
	ACT(!ksync_actor_send(s, MONITOR, &pid, sizeof(pid)));
	/* That has come, and there is no wait for what was not said. */
	ACT(!quit(pid, (long)reason));
	ACT(!ksync_actor_receive(&m) && m->tag == BACK);
	ACT(*(int *)(void *)m->data == (long)reason ||
	    *(int *)(void *)m->data == KSYNC_EXIT_NOPROC);
	ksync_message_free(m);
	/* An address of there, as it is here: it means the same. */
	ACT(!spawn_there(s, &pid));
	ACT(!ksync_actor_send(s, MONITOR, &pid, sizeof(pid)));
	ACT(!quit(pid, 9));
	ACT(!ksync_actor_receive(&m) && m->tag == BACK);
	ACT(*(int *)(void *)m->data == 9 || *(int *)(void *)m->data == KSYNC_EXIT_NOPROC);
	ksync_message_free(m);
	return quit(s, 0);
}

TEST_F(nodes, monitored_from_there)
{
	ACTOR_ON(noded.s, monitored, (void *)5);
}

/* Receives one exit signal, which it traps. */
static int exit_of(struct ksync_pid pid, bool linked)
{
	struct ksync_message *m;
	int reason;

	if (ksync_actor_receive(&m) || m->tag != KSYNC_TAG_EXIT ||
	    !ksync_pid_equal(m->from, pid) || ksync_message_ended(m)->linked != linked)
		return INT32_MIN;
	reason = ksync_message_ended(m)->reason;
	ksync_message_free(m);
	return reason;
}

static int links(void *arg)
{
	struct ksync_pid s, pid, here;
	struct ksync_message *m;
	uint64_t ref;

	(void)arg;
	ACT(!ksync_actor_trap() && !find(&s));
	/* From this side. */
	ACT(!spawn_there(s, &pid) && !ksync_actor_link(pid) && !ksync_actor_link(pid));
	ACT(!quit(pid, 3) && exit_of(pid, true) == 3);
	ACT(!ksync_actor_link(pid) && exit_of(pid, true) == KSYNC_EXIT_NOPROC);
	/* From that side. */
	ACT(!spawn_there(s, &pid) && !ksync_actor_send(pid, LINK, NULL, 0));
	ACT(!quit(pid, 4) && exit_of(pid, true) == 4);
	/* Undone. */
	ACT(!spawn_there(s, &pid) && !ksync_actor_link(pid) && !ksync_actor_unlink(pid));
	ACT(!ksync_actor_monitor(pid, &ref));
	ACT(!quit(pid, 5) && down(ref, pid) == 5 && nothing_more());
	/* One here that does not trap. */
	ACT(!spawn_there(s, &pid) && !spawn_monitor(&here, &ref, obeys, NULL));
	ACT(!ksync_actor_send(here, LINK, NULL, 0));
	ACT(!ksync_actor_send(pid, ECHO, NULL, 0));
	ACT(!ksync_actor_receive(&m) && m->tag == BACK);
	ksync_message_free(m);
	ACT(!quit(here, 1));
	ACT(down(ref, here) == 1 && exit_of(here, true) == 1);
	return quit(s, 0);
}

TEST_F(nodes, links)
{
	ACTOR_ON(noded.s, links, NULL);
}

/* Links itself to the first address, tells the second one, and waits. */
static int links_itself(void *pids)
{
	const struct ksync_pid *pid = pids;

	if (ksync_actor_link(pid[0]) || ksync_actor_send(pid[1], BACK, NULL, 0))
		return -1;
	return obeys(NULL);
}

static int spawn_linked(struct ksync_pid there, struct ksync_pid *here, uint64_t *ref)
{
	struct ksync_pid pids[] = { there, ksync_actor_self() };
	struct ksync_message *m;
	int ret = spawn_monitor(here, ref, links_itself, pids);

	if (!ret)
		ret = ksync_actor_receive(&m);
	if (!ret)
		ksync_message_free(m);
	return ret;
}

static int signals(void *arg)
{
	struct ksync_pid s, pid, here;
	uint64_t ref, other;

	(void)arg;
	ACT(!find(&s));
	ACT(!spawn_there(s, &pid) && !ksync_actor_monitor(pid, &ref));
	ACT(!ksync_actor_signal(pid, KSYNC_EXIT_NORMAL));
	ACT(!ksync_actor_signal(pid, 6) && down(ref, pid) == 6);
	ACT(!spawn_there(s, &pid) && !ksync_actor_monitor(pid, &ref));
	ACT(!ksync_actor_signal(pid, KSYNC_EXIT_KILL) && down(ref, pid) == KSYNC_EXIT_KILLED);
	/* What is linked to one there ends with it, and the other way round. */
	ACT(!spawn_there(s, &pid) && !spawn_linked(pid, &here, &ref));
	ACT(!quit(pid, 7) && down(ref, here) == 7);
	ACT(!spawn_there(s, &pid) && !ksync_actor_monitor(pid, &other));
	ACT(!spawn_linked(pid, &here, &ref));
	ACT(!quit(here, 8) && down(ref, here) == 8 && down(other, pid) == 8);
	return quit(s, 0);
}

TEST_F(nodes, exit_signals)
{
	ACTOR_ON(noded.s, signals, NULL);
}

KSFT_MAIN
