// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes whose connection is lost, or ended: by SIGKILL of the other process, by half-closes,
 * by this side; much in both directions at once; queues and mailboxes that are full.
 */
#include <ksync/supervisor.h>

#include "lib/ksft.h"
#include "lib/noded.h"
#undef ARRAY_SIZE /* it is the same there */
#include "../userspace/models/src/supervisor.h"

#define NUMBER	1U
#define READY	2U
#define DONE	3U

/* Does nothing, until the connection is lost, or the test kills it. */
static int idles(void *arg)
{
	struct ksync_message *m;

	(void)arg;
	if (ksync_actor_register("idle", ksync_actor_self()))
		return -1;
	while (!ksync_actor_receive(&m))
		ksync_message_free(m);
	return 0;
}

static int find(const char *name, struct ksync_pid *pid)
{
	int ret;

	do
		ret = ksync_node_whereis(noded.node, name, pid, NULL);
	while (ret == -ENOENT);
	return ret;
}

#define MANY	20

struct watcher {
	struct ksync_pid there;
	struct ksync_pid to;
	int bad;
};

/* Has several monitors, and a link: of each, one message. */
static int watches(void *arg)
{
	struct watcher *w = arg;
	uint64_t ref[3];
	struct ksync_message *m;
	int i;

	ACT(!ksync_actor_trap() && !ksync_actor_link(w->there));
	for (i = 0; i < 3; i++)
		ACT(!ksync_actor_monitor(w->there, &ref[i]));
	ACT(!ksync_actor_send(w->to, READY, NULL, 0));
	for (i = 0; i < 3; i++)
		ACT(down(ref[i], w->there) == KSYNC_EXIT_NOCONNECTION);
	ACT(!ksync_actor_receive(&m) && m->tag == KSYNC_TAG_EXIT);
	ACT(ksync_message_ended(m)->reason == KSYNC_EXIT_NOCONNECTION);
	ksync_message_free(m);
	/* And nothing else. */
	ACT(!ksync_actor_receive(&m) && m->tag == DONE);
	ksync_message_free(m);
	return 0;
}

static pid_t other;

static int kill_it(void *arg)
{
	struct watcher w = { .to = ksync_actor_self() };
	struct ksync_pid pids[MANY];
	struct ksync_message *m;
	uint64_t ref[MANY], late;
	int i;

	(void)arg;
	ACT(!find("idle", &w.there));
	for (i = 0; i < MANY; i++)
		ACT(!spawn_monitor(&pids[i], &ref[i], watches, &w));
	for (i = 0; i < MANY; i++) {
		ACT(!ksync_actor_receive(&m) && m->tag == READY);
		ksync_message_free(m);
	}
	ACT(!kill(other, SIGKILL));
	/* The call is on its way, or cannot be made. */
	i = ksync_actor_call(w.there, NUMBER, NULL, 0, &m, NULL);
	ACT(i == -ENOTCONN || i == -ESRCH);
	i = ksync_node_wait(noded.node, NULL);
	ACT(!i || i == -ECONNRESET || i == -EPIPE);
	ACT(ksync_actor_send(w.there, NUMBER, NULL, 0) == -ESRCH);
	ACT(ksync_node_send(noded.node, "idle", NUMBER, NULL, 0) == -ESRCH);
	ACT(ksync_node_whereis(noded.node, "idle", &w.there, NULL) == -ENOTCONN);
	ACT(!ksync_actor_monitor(w.there, &late));
	ACT(down(late, w.there) == KSYNC_EXIT_NOCONNECTION);
	ACT(!ksync_actor_signal(w.there, KSYNC_EXIT_KILL));
	for (i = 0; i < MANY; i++)
		ACT(!ksync_actor_send(pids[i], DONE, NULL, 0));
	for (i = 0; i < MANY; i++)
		ACT(down(ref[i], pids[i]) == 0);
	return 0;
}

TEST(the_other_process_is_killed)
{
	int fd;

	other = noded_fork(idles, &on_mn, &fd);
	ASSERT_EQ(0, noded_start(&on_mn, fd));
	ACTOR_ON(noded.s, kill_it, NULL);
	EXPECT_EQ(0, ksync_node_disconnect(noded.node, NULL));
	EXPECT_EQ(0, noded_stop());
	EXPECT_EQ(-SIGKILL, noded_reap(other));
}

/* While much is sent to it, and to a name that is asked for. */
static int floods(void *arg)
{
	const struct ksync_pid *to = arg;
	char data[1000] = { 0 };
	int ret;

	do
		ret = ksync_actor_send(*to, NUMBER, data, sizeof(data));
	while (!ret);
	return ret;
}

static int kill_busy(void *arg)
{
	struct ksync_pid there, same, pids[4];
	uint64_t ref[4];
	int i;

	(void)arg;
	ACT(!find("idle", &there));
	for (i = 0; i < 4; i++)
		ACT(!spawn_monitor(&pids[i], &ref[i], floods, &there));
	for (i = 0; i < 100; i++)
		ACT(!ksync_node_whereis(noded.node, "idle", &same, NULL));
	ACT(!kill(other, SIGKILL));
	for (i = 0; i < 4; i++)
		ACT(down(ref[i], pids[i]) == -ESRCH);
	return 0;
}

TEST(the_other_process_is_killed_while_it_is_busy)
{
	int fd;

	other = noded_fork(idles, &on_mn, &fd);
	ASSERT_EQ(0, noded_start(&on_mn, fd));
	ACTOR_ON(noded.s, kill_busy, NULL);
	EXPECT_EQ(0, ksync_node_disconnect(noded.node, NULL));
	EXPECT_EQ(0, noded_stop());
	EXPECT_EQ(-SIGKILL, noded_reap(other));
}

#define SENDERS		4
#define NUMBERS		3000

/* The numbers of each sender come in order. */
static int receives(void *arg)
{
	struct ksync_pid from[SENDERS] = { { 0 } };
	long next[SENDERS] = { 0 }, n;
	struct ksync_message *m;
	int i;

	for (n = 0; n < SENDERS * NUMBERS; n++) {
		ACT(!ksync_actor_receive(&m) && m->tag == NUMBER);
		for (i = 0; from[i].id && !ksync_pid_equal(from[i], m->from); i++)
			ACT(i + 1 < SENDERS);
		from[i] = m->from;
		ACT(m->from.node && *(long *)(void *)m->data == next[i]++);
		ksync_message_free(m);
	}
	return ksync_actor_send(*(struct ksync_pid *)arg, DONE, NULL, 0);
}

static int sends(void *arg)
{
	long data[200] = { 0 };
	struct ksync_pid to;

	(void)arg;
	ACT(!find("receiver", &to));
	for (; data[0] < NUMBERS; data[0]++)
		ACT(!ksync_actor_send(to, NUMBER, data, 8 + data[0] * 13 % 1500));
	return 0;
}

/* Each side does this. */
static int both_ways(void *arg)
{
	const struct ksync_actor_attr attr = { .registered = "receiver" };
	struct ksync_pid self = ksync_actor_self(), pids[SENDERS], there;
	uint64_t ref[SENDERS];
	struct ksync_message *m;
	int i;

	(void)arg;
	ACT(!ksync_actor_register("main", self));
	ACT(!ksync_actor_spawn(NULL, receives, &self, &attr));
	for (i = 0; i < SENDERS; i++)
		ACT(!spawn_monitor(&pids[i], &ref[i], sends, NULL));
	for (i = 0; i < SENDERS; i++)
		ACT(down(ref[i], pids[i]) == 0);
	/* This side has received all; and is told that the other has, which may be faster. */
	ACT(!ksync_actor_receive_tags(&m, &(uint32_t){ DONE }, 1, NULL) && !m->from.node);
	ksync_message_free(m);
	ACT(!find("main", &there) && !ksync_actor_send(there, READY, NULL, 0));
	ACT(!ksync_actor_receive_tags(&m, &(uint32_t){ READY }, 1, NULL));
	ksync_message_free(m);
	return 0;
}

TEST(many_messages_both_ways)
{
	pid_t pid;
	int fd;

	noded.queue = 16;
	pid = noded_fork(both_ways, &on_mn, &fd);
	ASSERT_EQ(0, noded_start(&on_mn, fd));
	ACTOR_ON(noded.s, both_ways, NULL);
	EXPECT_EQ(0, ksync_node_disconnect(noded.node, NULL));
	EXPECT_EQ(0, noded_stop());
	EXPECT_EQ(0, noded_reap(pid));
}

/* Until the end; all that was sent before it has come by then. */
static int counts(void *arg)
{
	struct ksync_message *m;
	int n = 0;

	(void)arg;
	ACT(!ksync_actor_register("counter", ksync_actor_self()));
	ACT(!ksync_node_wait(noded.node, NULL));
	while (!ksync_actor_receive_try(&m)) {
		n += m->size;
		ksync_message_free(m);
	}
	return n == 200 * 20000 ? 0 : 1;
}

static int send_and_leave(void *arg)
{
	static char data[20000];
	struct ksync_pid to;
	int i;

	(void)arg;
	ACT(!find("counter", &to));
	for (i = 0; i < 200; i++)
		ACT(!ksync_actor_send(to, NUMBER, data, sizeof(data)));
	return ksync_node_disconnect(noded.node, NULL);
}

TEST(what_was_sent_before_the_end_comes)
{
	pid_t pid;
	int fd;

	pid = noded_fork(counts, &on_mn, &fd);
	ASSERT_EQ(0, noded_start(&on_mn, fd));
	ACTOR_ON(noded.s, send_and_leave, NULL);
	EXPECT_EQ(-ENOENT, ksync_node_wait(noded.node, NULL));
	EXPECT_EQ(0, noded_stop());
	EXPECT_EQ(0, noded_reap(pid));
}

/* Both nodes are this process: what goes out by one comes in by the other. */
static uint32_t one, two;

static int loop_back(void)
{
	int fds[2], ret = noded_start(&on_mn, -1);

	if (ret || socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return ret;
	ret = noded_connect(fds[0]);
	one = noded.node;
	if (!ret)
		ret = noded_connect(fds[1]);
	two = noded.node;
	return ret;
}

/* An address here, as one of the other node. */
static struct ksync_pid there(struct ksync_pid pid, uint32_t node, uint32_t incarnation)
{
	return (struct ksync_pid){ pid.id, node, incarnation };
}

static int old_addresses(void *arg)
{
	struct ksync_pid old, new, self = ksync_actor_self();
	struct ksync_message *m;
	uint32_t was = one;
	int fds[2];

	(void)arg;
	ACT(!ksync_actor_register("self", self));
	ACT(!ksync_node_whereis(one, "self", &old, NULL));
	ACT(old.id == self.id && old.node == one);
	ACT(!ksync_actor_send(old, NUMBER, NULL, 0));
	ACT(!ksync_actor_receive(&m) && m->from.node == two && m->from.id == self.id);
	/* What it is here, of which the other node knows. */
	ACT(ksync_pid_equal(ksync_node_import(m->from, there(self, one, old.incarnation)), self));
	ACT(!ksync_node_import(m->from, there(self, one, old.incarnation + 1)).id);
	ACT(!ksync_node_import(m->from, there(self, 77, 1)).id);
	ACT(ksync_pid_equal(ksync_node_import(m->from, self), m->from));
	ACT(!ksync_node_import(m->from, there(self, 0, 0)).id == !self.id);
	ACT(ksync_pid_equal(ksync_node_import(self, old), old));
	ksync_message_free(m);
	/* Connected anew, with the same numbers. */
	ACT(!ksync_node_disconnect(one, NULL) && !ksync_node_disconnect(two, NULL));
	ACT(ksync_actor_send(old, NUMBER, NULL, 0) == -ESRCH);
	ACT(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	ACT(!noded_connect(fds[0]));
	one = noded.node;
	ACT(!noded_connect(fds[1]) && one == was);
	two = noded.node;
	ACT(!ksync_node_whereis(one, "self", &new, NULL));
	ACT(!ksync_pid_equal(old, new) && ksync_actor_send(old, NUMBER, NULL, 0) == -ESRCH);
	ACT(!ksync_actor_send(new, NUMBER, NULL, 0));
	return ksync_actor_receive(&m);
}

TEST(addresses_of_before)
{
	ASSERT_EQ(0, loop_back());
	ACTOR_ON(noded.s, old_addresses, NULL);
	EXPECT_EQ(0, ksync_node_disconnect(one, NULL));
	EXPECT_EQ(0, ksync_node_disconnect(two, NULL));
	EXPECT_EQ(0, noded_stop());
}

/* A mailbox that is full holds up what comes, until it is not. */
static int full_mailbox(void *arg)
{
	struct timespec soon = models_in(50 * MSEC);
	struct ksync_pid self;
	struct ksync_message *m;
	int i;

	(void)arg;
	ACT(!ksync_node_whereis(one, "bounded", &self, NULL));
	for (i = 0; i < 10; i++)
		ACT(!ksync_actor_send(self, NUMBER, &i, sizeof(i)));
	/* What is asked after that has no answer yet. */
	ACT(ksync_node_whereis(one, "bounded", &self, &soon) == -ETIMEDOUT);
	for (i = 0; i < 10; i++) {
		ACT(!ksync_actor_receive(&m) && *(int *)(void *)m->data == i);
		ksync_message_free(m);
	}
	return ksync_node_whereis(one, "bounded", &self, NULL);
}

TEST(a_mailbox_that_is_full)
{
	const struct ksync_actor_attr attr = { .mailbox = 2, .registered = "bounded" };
	int line = -1;

	ASSERT_EQ(0, loop_back());
	ASSERT_EQ(0, ksync_actor_run(noded.s, full_mailbox, NULL, &attr, &line));
	EXPECT_EQ(0, line);
	EXPECT_EQ(0, ksync_node_disconnect(one, NULL));
	EXPECT_EQ(0, ksync_node_disconnect(two, NULL));
	EXPECT_EQ(0, noded_stop());
}

/* And does not hold up its own end, nor that of the connection. */
static int full_for_ever(void *node)
{
	struct ksync_pid self;
	int i;

	ACT(!ksync_node_whereis(one, "bounded", &self, NULL));
	for (i = 0; i < 10; i++)
		ACT(!ksync_actor_send(self, NUMBER, &i, sizeof(i)));
	if (node)
		ACT(ksync_node_disconnect(two, &(struct timespec){ 0, 1 }) == -ETIMEDOUT);
	return 0;
}

TEST(a_mailbox_that_stays_full)
{
	const struct ksync_actor_attr attr = { .mailbox = 2, .registered = "bounded" };
	int line = -1;

	ASSERT_EQ(0, loop_back());
	ASSERT_EQ(0, ksync_actor_run(noded.s, full_for_ever, NULL, &attr, &line));
	EXPECT_EQ(0, line);
	ASSERT_EQ(0, ksync_actor_run(noded.s, full_for_ever, &two, &attr, &line));
	EXPECT_EQ(0, line);
	EXPECT_EQ(0, ksync_node_disconnect(one, NULL));
	EXPECT_EQ(0, noded_stop());
}

/* Ends with the reason it is sent. */
static int there_main(void *arg)
{
	struct ksync_message *m;
	int ret = ksync_actor_receive(&m);

	(void)arg;
	return ret ? ret : *(int *)(void *)m->data;
}

/* The start of a child of another node: its address is that of there. */
static uint32_t started;

static int start_there(struct ksync_pid *pid, void *name)
{
	const struct ksync_actor_attr attr = { .registered = name };
	int ret = ksync_actor_spawn(NULL, there_main, NULL, &attr);

	if (!ret)
		ret = ksync_node_whereis(one, name, pid, NULL);
	__atomic_add_fetch(&started, !ret, __ATOMIC_RELAXED);
	return ret;
}

static int supervises_there(void *arg)
{
	const struct ksync_child child = { .id = "a", .start = start_there, .arg = "there" };
	const struct ksync_supervisor_attr attr = { .children = &child, .n = 1,
						    .intensity = 1 };
	const struct request r = { .op = REQUEST_COUNT };
	struct ksync_child_info info;
	struct ksync_message *m;
	struct ksync_pid s, local;
	struct timespec soon;
	int reason = 3;

	(void)arg;
	ACT(!ksync_supervisor_start(&s, &attr));
	ACT(ksync_supervisor_which_children(s, &info, 1) == 1 && info.pid.node == one);
	ACT(!ksync_actor_send(info.pid, NUMBER, &reason, sizeof(reason)));
	while (__atomic_load_n(&started, __ATOMIC_RELAXED) < 2)
		ksync_task_yield();
	ACT(!ksync_actor_whereis("there", &local) && ksync_actor_alive(local));
	/* What comes from another node is no request. */
	ACT(!ksync_actor_call(s, SUPERVISOR_TAG, &r, sizeof(r), &m, NULL));
	ksync_message_free(m);
	soon = models_in(50 * MSEC);
	s.node = one;
	s.incarnation = info.pid.incarnation;
	ACT(ksync_actor_call(s, SUPERVISOR_TAG, &r, sizeof(r), &m, &soon) == -ETIMEDOUT);
	s = (struct ksync_pid){ .id = s.id };
	ACT(!ksync_supervisor_stop(s, 0));
	ACT(!ksync_actor_alive(local));
	return 0;
}

TEST(a_child_on_another_node)
{
	ASSERT_EQ(0, loop_back());
	ACTOR_ON(noded.s, supervises_there, NULL);
	EXPECT_EQ(0, ksync_node_disconnect(one, NULL));
	EXPECT_EQ(0, ksync_node_disconnect(two, NULL));
	EXPECT_EQ(0, noded_stop());
}

/* The scheduler is stopped first. */
TEST(a_scheduler_that_is_stopped)
{
	int fds[2];

	ASSERT_EQ(0, noded_start(&on_mn, -1));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	ASSERT_EQ(0, noded_connect(fds[0]));
	EXPECT_EQ(-ETIMEDOUT, ksync_node_wait(noded.node, &(struct timespec){ 0, 1 }));
	ASSERT_EQ(0, noded_stop());
	EXPECT_EQ(-ECANCELED, ksync_node_wait(noded.node, NULL));
	EXPECT_EQ(0, ksync_node_disconnect(noded.node, NULL));
	EXPECT_EQ(0, close(fds[1]));
}

KSFT_MAIN
