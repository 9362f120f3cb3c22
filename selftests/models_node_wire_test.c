// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes whose other side is an enemy, or is slow: frames that are wrong in each way, frames
 * and bytes at random, halves of frames, and an end that nobody reads.
 */
#include <stdlib.h>

#include "lib/ksft.h"
#include "lib/noded.h"
#include "../userspace/models/src/node_wire.h"

static int raw; /* the test's end of the socket */

/* Connect, with a test for the other side. Return: 0; an error. */
static int connect_raw(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return -errno;
	raw = fds[1];
	return noded_connect(fds[0]);
}

static struct wire hello(void)
{
	return (struct wire){ .kind = WIRE_HELLO, .to = 5, .from = 1, .tag = WIRE_MAGIC,
			      .reason = WIRE_VERSION };
}

/* Of a socket whose other end may have been closed. */
static int put(const void *bytes, size_t size)
{
	return send(raw, bytes, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

static int put_frame(const struct wire *w)
{
	unsigned char head[WIRE_HEAD];

	ksync_wire_pack(head, w);
	if (put(head, sizeof(head)) || (w->name_len && put(w->name, w->name_len)))
		return -1;
	return w->size ? put(w->data, w->size) : 0;
}

static int put_hello(void)
{
	const struct wire w = hello();

	return put_frame(&w);
}

static int get_all(void *bytes, size_t size)
{
	size_t done = 0;
	ssize_t ret;

	while (done < size) {
		ret = recv(raw, (char *)bytes + done, size - done, 0);
		if (ret <= 0)
			return -1;
		done += ret;
	}
	return 0;
}

static char body[1 << 16];

static int get_frame(struct wire *w)
{
	unsigned char head[WIRE_HEAD];

	if (get_all(head, sizeof(head)) || ksync_wire_unpack(w, head, sizeof(body) - 256))
		return -1;
	return get_all(body, w->name_len + w->size);
}

/* The connection has been lost, with this error. */
static int lost_with(void)
{
	int ret = ksync_node_wait(noded.node, NULL);

	ksync_node_disconnect(noded.node, NULL);
	close(raw);
	return ret;
}

struct bad {
	struct wire w;
	int error;
};

#define ID	0x1000001U

/* In the place of the hello. */
static const struct bad bad_first[] = {
	{ { .kind = WIRE_LINK, .to = ID, .from = 1 }, -EPROTO },
	{ { .kind = WIRE_HELLO, .to = 5, .from = 1, .tag = WIRE_MAGIC + 1, .reason = 1 },
	  -EPROTO },
	{ { .kind = WIRE_HELLO, .to = 5, .from = 1, .tag = WIRE_MAGIC, .reason = 2 },
	  -EPROTONOSUPPORT },
	{ { .kind = WIRE_HELLO, .to = 0, .from = 1, .tag = WIRE_MAGIC, .reason = 1 },
	  -EPROTO },
	{ { .kind = WIRE_HELLO, .to = 1ULL << 32, .from = 1, .tag = WIRE_MAGIC, .reason = 1 },
	  -EPROTO },
};

static const struct bad bad[] = {
	{ { .kind = WIRE_HELLO, .to = 5, .from = 1, .tag = WIRE_MAGIC, .reason = 1 }, -EPROTO },
	{ { .kind = 0, .to = ID }, -EPROTO },
	{ { .kind = WIRE_KINDS, .to = ID }, -EPROTO },
	{ { .kind = 255, .to = ID }, -EPROTO },
	{ { .kind = WIRE_SEND }, -EPROTO },
	{ { .kind = WIRE_SEND, .to = ID, .tag = KSYNC_TAG_DOWN }, -EPROTO },
	{ { .kind = WIRE_SEND, .to = ID, .tag = KSYNC_TAG_EXIT }, -EPROTO },
	{ { .kind = WIRE_SEND, .to = ID, .ref = 1 }, -EPROTO },
	{ { .kind = WIRE_SEND, .to = ID, .ref = 1, .flags = WIRE_CALL }, -EPROTO },
	{ { .kind = WIRE_SEND, .to = ID, .from = 1, .flags = WIRE_CALL }, -EPROTO },
	{ { .kind = WIRE_SEND, .to = ID, .flags = WIRE_REPLY }, -EPROTO },
	{ { .kind = WIRE_SEND, .to = ID, .flags = WIRE_YOURS }, -EPROTO },
	{ { .kind = WIRE_SEND, .to = ID, .from = 1, .flags = WIRE_LINKED }, -EPROTO },
	{ { .kind = WIRE_SEND, .to = ID, .from = 1, .ref = 1,
	    .flags = WIRE_CALL | WIRE_REPLY }, -EPROTO },
	{ { .kind = WIRE_SEND, .to = ID, .reason = 1 }, -EPROTO },
	{ { .kind = WIRE_SEND, .to = ID, .name = "me", .name_len = 2 }, -EPROTO },
	{ { .kind = WIRE_SEND, .name = "me", .name_len = 2, .from = 1, .ref = 1,
	    .flags = WIRE_CALL }, -EPROTO },
	{ { .kind = WIRE_SEND, .to = ID, .size = 5000, .data = body }, -EMSGSIZE },
	{ { .kind = WIRE_SEND, .to = ID, .size = 0xffffff00U }, -EMSGSIZE },
	{ { .kind = WIRE_MONITOR, .to = ID, .from = 1 }, -EPROTO },
	{ { .kind = WIRE_MONITOR, .to = ID, .ref = 1 }, -EPROTO },
	{ { .kind = WIRE_DEMONITOR, .from = 1, .ref = 1 }, -EPROTO },
	{ { .kind = WIRE_DOWN, .to = ID, .from = 1 }, -EPROTO },
	{ { .kind = WIRE_DOWN, .to = ID, .from = 1, .ref = 1, .tag = 1 }, -EPROTO },
	{ { .kind = WIRE_LINK, .to = ID }, -EPROTO },
	{ { .kind = WIRE_LINK, .to = ID, .from = 1, .size = 1, .data = "" }, -EPROTO },
	{ { .kind = WIRE_UNLINK, .from = 1 }, -EPROTO },
	{ { .kind = WIRE_EXIT, .from = 1 }, -EPROTO },
	{ { .kind = WIRE_EXIT, .to = ID, .flags = WIRE_LINKED }, -EPROTO },
	{ { .kind = WIRE_EXIT, .to = ID, .from = 1, .flags = 16 }, -EPROTO },
	{ { .kind = WIRE_WHEREIS, .ref = 1 }, -EPROTO },
	{ { .kind = WIRE_WHEREIS, .name = "me", .name_len = 2 }, -EPROTO },
	{ { .kind = WIRE_WHEREIS, .ref = 1, .name = body, .name_len = 64 }, -EPROTO },
	{ { .kind = WIRE_IS }, -EPROTO },
};

/* Return: what the connection is lost with. */
static int lost_by(const struct bad *b, bool first)
{
	int ret = connect_raw();

	if (!ret && !first)
		ret = put_hello();
	put_frame(&b->w);
	return ret ? 1 : lost_with();
}

TEST(frames_that_are_wrong)
{
	size_t i;

	noded.max = 4096;
	ASSERT_EQ(0, noded_start(&on_mn, -1));
	for (i = 0; i < ARRAY_SIZE(bad_first); i++)
		EXPECT_EQ(bad_first[i].error, lost_by(&bad_first[i], true))
			TH_LOG("first frame %zu", i);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(bad[i].error, lost_by(&bad[i], false))
			TH_LOG("frame %zu", i);
	EXPECT_EQ(0, noded_stop());
}

/* The name is said to be longer than what it is in; and the byte that has no meaning. */
TEST(heads_that_are_wrong)
{
	const struct wire w = { .kind = WIRE_WHEREIS, .ref = 1, .name = "me", .name_len = 2 };
	unsigned char head[WIRE_HEAD];

	ASSERT_EQ(0, noded_start(&on_mn, -1));
	ASSERT_EQ(0, connect_raw());
	ASSERT_EQ(0, put_hello());
	ksync_wire_pack(head, &w);
	head[0] = 1;
	put(head, sizeof(head));
	EXPECT_EQ(-EPROTO, lost_with());
	ASSERT_EQ(0, connect_raw());
	ASSERT_EQ(0, put_hello());
	ksync_wire_pack(head, &w);
	head[7] = 1;
	put(head, sizeof(head));
	EXPECT_EQ(-EPROTO, lost_with());
	EXPECT_EQ(0, noded_stop());
}

/* What is right, and means nobody, or nothing, does nothing. */
static const struct wire harmless[] = {
	{ .kind = WIRE_SEND, .to = 77 },
	{ .kind = WIRE_SEND, .to = UINT64_MAX, .from = UINT64_MAX, .size = 4, .data = "abc" },
	{ .kind = WIRE_SEND, .to = ID, .from = 3, .ref = 9, .flags = WIRE_REPLY },
	{ .kind = WIRE_SEND, .name = "a\0b", .name_len = 3 },
	{ .kind = WIRE_SEND, .name = "supervisor", .name_len = 10 },
	{ .kind = WIRE_DEMONITOR, .to = ID, .from = 4, .ref = 5 },
	{ .kind = WIRE_DEMONITOR, .to = 1, .from = 4, .ref = 5 },
	{ .kind = WIRE_DOWN, .to = ID, .from = 4, .ref = 1 },
	{ .kind = WIRE_DOWN, .to = UINT64_MAX, .from = 4, .ref = UINT64_MAX },
	{ .kind = WIRE_UNLINK, .to = ID, .from = 4 },
	{ .kind = WIRE_EXIT, .to = ID, .from = 4, .reason = 9, .flags = WIRE_LINKED },
	{ .kind = WIRE_EXIT, .to = 99, .reason = KSYNC_EXIT_KILL },
	{ .kind = WIRE_EXIT, .to = UINT64_MAX, .from = 4, .reason = 1 },
	{ .kind = WIRE_IS, .ref = 7, .from = 4 },
	{ .kind = WIRE_IS, .ref = UINT64_MAX },
};

static int is_up(struct wire *w)
{
	const struct wire ask = { .kind = WIRE_WHEREIS, .ref = 123, .name = "me",
				  .name_len = 2 };

	if (put_frame(&ask))
		return -1;
	do {
		if (get_frame(w))
			return -2;
	} while (w->kind != WIRE_IS || w->ref != 123);
	return 0;
}

static int untouched(void *arg)
{
	struct ksync_message *m;
	struct wire w;
	uint64_t ref;
	size_t i;

	(void)arg;
	ACT(!ksync_actor_register("me", ksync_actor_self()));
	ACT(!ksync_actor_monitor((struct ksync_pid){ 9, noded.node, 1 }, &ref));
	ACT(!put_hello() && !is_up(&w) && w.from == ksync_actor_self().id);
	for (i = 0; i < ARRAY_SIZE(harmless); i++) {
		w = harmless[i];
		if (w.to == ID)
			w.to = ksync_actor_self().id;
		ACT(!put_frame(&w));
	}
	ACT(!is_up(&w));
	ACT(ksync_actor_receive_try(&m) == -EAGAIN);
	return 0;
}

TEST(frames_that_mean_nothing)
{
	ASSERT_EQ(0, noded_start(&on_mn, -1));
	ASSERT_EQ(0, connect_raw());
	ACTOR_ON(noded.s, untouched, NULL);
	ASSERT_EQ(0, shutdown(raw, SHUT_WR));
	EXPECT_EQ(0, ksync_node_wait(noded.node, NULL));
	close(raw);
	EXPECT_EQ(0, ksync_node_disconnect(noded.node, NULL));
	EXPECT_EQ(0, noded_stop());
}

/* What comes of monitors, links and signals of an enemy: what would of an actor's. */
static int answers(void *arg)
{
	struct wire w = { .kind = WIRE_MONITOR, .to = 3 * ID, .from = 4, .ref = 5 };

	(void)arg;
	ACT(!put_hello() && !get_frame(&w) && w.kind == WIRE_HELLO && w.to == noded.node);
	w = (struct wire){ .kind = WIRE_MONITOR, .to = 3 * ID, .from = 4, .ref = 5 };
	ACT(!put_frame(&w) && !get_frame(&w) && w.kind == WIRE_DOWN);
	ACT(w.to == 4 && w.from == 3 * ID && w.ref == 5 && w.reason == KSYNC_EXIT_NOPROC);
	w = (struct wire){ .kind = WIRE_LINK, .to = 3 * ID, .from = 4 };
	ACT(!put_frame(&w) && !get_frame(&w) && w.kind == WIRE_EXIT);
	ACT(w.to == 4 && w.from == 3 * ID && w.flags == WIRE_LINKED);
	ACT(w.reason == KSYNC_EXIT_NOPROC);
	w = (struct wire){ .kind = WIRE_WHEREIS, .ref = 6, .name = "nobody", .name_len = 6 };
	ACT(!put_frame(&w) && !get_frame(&w) && w.kind == WIRE_IS && w.ref == 6 && !w.from);
	/* A name here of an actor of another node is not this node's to give. */
	ACT(!ksync_actor_register("theirs", (struct ksync_pid){ 9, noded.node, 1 }));
	w = (struct wire){ .kind = WIRE_WHEREIS, .ref = 7, .name = "theirs", .name_len = 6 };
	ACT(!put_frame(&w) && !get_frame(&w) && w.kind == WIRE_IS && w.ref == 7 && !w.from);
	return 0;
}

TEST(questions_are_answered)
{
	ASSERT_EQ(0, noded_start(&on_mn, -1));
	ASSERT_EQ(0, connect_raw());
	ACTOR_ON(noded.s, answers, NULL);
	close(raw);
	EXPECT_EQ(0, ksync_node_disconnect(noded.node, NULL));
	EXPECT_EQ(0, noded_stop());
}

TEST(a_connection_that_is_half_closed)
{
	unsigned char head[WIRE_HEAD];
	const struct wire w = hello();

	ASSERT_EQ(0, noded_start(&on_mn, -1));
	ASSERT_EQ(0, connect_raw());
	ASSERT_EQ(0, put_hello());
	ASSERT_EQ(0, shutdown(raw, SHUT_WR));
	EXPECT_EQ(0, lost_with());
	/* In the middle of a frame. */
	ASSERT_EQ(0, connect_raw());
	ksync_wire_pack(head, &w);
	ASSERT_EQ(0, put(head, 11));
	ASSERT_EQ(0, shutdown(raw, SHUT_WR));
	EXPECT_EQ(-ECONNRESET, lost_with());
	/* The other half: nothing can be written any more. */
	ASSERT_EQ(0, connect_raw());
	ASSERT_EQ(0, put_hello());
	ASSERT_EQ(0, shutdown(raw, SHUT_RD));
	ksync_node_send(noded.node, "x", 1, NULL, 0);
	EXPECT_EQ(-EPIPE, lost_with());
	EXPECT_EQ(0, noded_stop());
}

/* One byte after the other. */
TEST(frames_that_come_in_pieces)
{
	const struct wire w = { .kind = WIRE_WHEREIS, .ref = 6, .name = "me", .name_len = 2 };
	unsigned char bytes[2 * WIRE_HEAD + 2];
	const struct wire h = hello();
	struct wire got;
	size_t i;

	ASSERT_EQ(0, noded_start(&on_mn, -1));
	ASSERT_EQ(0, connect_raw());
	ksync_wire_pack(bytes, &h);
	ksync_wire_pack(bytes + WIRE_HEAD, &w);
	memcpy(bytes + 2 * WIRE_HEAD, "me", 2);
	for (i = 0; i < sizeof(bytes); i++) {
		ASSERT_EQ(0, put(&bytes[i], 1));
		sched_yield();
	}
	ASSERT_EQ(0, get_frame(&got));
	ASSERT_EQ(0, get_frame(&got));
	EXPECT_EQ(WIRE_IS, got.kind);
	EXPECT_EQ(6, got.ref);
	close(raw);
	EXPECT_EQ(0, ksync_node_disconnect(noded.node, NULL));
	EXPECT_EQ(0, noded_stop());
}

/* Nobody reads: what waits is bounded, and the end is not waited for longer than is said. */
TEST(an_end_that_nobody_reads)
{
	static char data[10000];
	struct ksync_pid to = { .id = 77, .incarnation = 1 };
	struct timespec soon;
	int ret, n = 0;

	noded.queue = 4;
	ASSERT_EQ(0, noded_start(&on_mn, -1));
	ASSERT_EQ(0, connect_raw());
	ASSERT_EQ(0, put_hello());
	to.node = noded.node;
	do
		ret = ksync_actor_send_timed(to, 1, data, sizeof(data),
					     (soon = to_timespec(in(2 * SEC)), &soon));
	while (!ret && ++n < 1000);
	EXPECT_EQ(-ETIMEDOUT, ret);
	EXPECT_EQ(-EAGAIN, ksync_actor_send_try(to, 1, data, sizeof(data)));
	/* What tells of ends is not bounded. */
	for (n = 0; n < 100; n++)
		EXPECT_EQ(0, ksync_actor_signal(to, 1));
	soon = to_timespec(in(MSEC));
	EXPECT_EQ(-ETIMEDOUT, ksync_node_disconnect(noded.node, &soon));
	EXPECT_EQ(-ESRCH, ksync_actor_send_try(to, 1, data, 1));
	close(raw);
	EXPECT_EQ(0, noded_stop());
}

static void *disconnects(void *ret)
{
	*(int *)ret = ksync_node_disconnect(noded.node, NULL);
	return NULL;
}

/* The other side has not read all yet. */
TEST(two_that_end_a_connection)
{
	pthread_t thread;
	int ret = 1;

	ASSERT_EQ(0, noded_start(&on_mn, -1));
	ASSERT_EQ(0, connect_raw());
	ASSERT_EQ(0, put_hello());
	ASSERT_EQ(0, pthread_create(&thread, NULL, disconnects, &ret));
	/* Nothing more goes out then. */
	while (ksync_node_send(noded.node, "x", 1, NULL, 0) != -ESRCH)
		sched_yield();
	EXPECT_EQ(-ENOENT, ksync_node_disconnect(noded.node, NULL));
	EXPECT_EQ(0, shutdown(raw, SHUT_WR));
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, ret);
	close(raw);
	EXPECT_EQ(0, noded_stop());
}

/* On one thread: its two tasks have not run yet. */
static int ends_at_once(void *arg)
{
	(void)arg;
	ACT(!connect_raw());
	ACT(ksync_node_disconnect(noded.node, &(struct timespec){ 0, 1 }) == -ETIMEDOUT);
	close(raw);
	return 0;
}

TEST(ended_before_it_has_begun)
{
	const struct ksync_sched_opts n1 = { .model = KSYNC_MODEL_N1 };

	ASSERT_EQ(0, noded_start(&n1, -1));
	ACTOR_ON(noded.s, ends_at_once, NULL);
	EXPECT_EQ(0, noded_stop());
}

static unsigned int seed;

/* One that is right, with a bit that is not; or not even that. */
static void put_random(void)
{
	struct wire w = harmless[rand_r(&seed) % (ARRAY_SIZE(harmless))];
	unsigned char head[WIRE_HEAD];
	int i;

	w.to = ID + (rand_r(&seed) % 4) * 0x1000000ULL + rand_r(&seed) % 4;
	ksync_wire_pack(head, &w);
	switch (rand_r(&seed) % 4) {
	case 0:
		head[rand_r(&seed) % WIRE_HEAD] ^= 1 << rand_r(&seed) % 8;
		break;
	case 1:
		head[rand_r(&seed) % WIRE_HEAD] = rand_r(&seed);
		break;
	case 2:
		for (i = 0; i < 8; i++)
			head[rand_r(&seed) % WIRE_HEAD] = rand_r(&seed);
		break;
	}
	put(head, sizeof(head));
	put(w.name, w.name_len);
	put(w.data, w.size);
}

static int listens(void *arg)
{
	struct ksync_message *m;

	ksync_actor_register(arg, ksync_actor_self());
	ksync_actor_trap();
	while (!ksync_actor_receive(&m))
		ksync_message_free(m);
	return 0;
}

TEST(frames_at_random)
{
	struct timespec soon = { 0, 1 };
	int round, i, n, ret;

	noded.max = 1 << 20;
	ASSERT_EQ(0, noded_start(&on_mn, -1));
	for (round = 0; round < 400; round++) {
		seed = round;
		for (i = 0; i < 4; i++)
			ksync_actor_spawn_on(noded.s, NULL, listens, "listener", NULL);
		ASSERT_EQ(0, connect_raw());
		if (round % 8)
			put_hello();
		for (n = rand_r(&seed) % 40, i = 0; i < n; i++)
			put_random();
		shutdown(raw, SHUT_WR);
		ret = ksync_node_wait(noded.node, NULL);
		ASSERT_TRUE(!ret || ret == -EPROTO || ret == -EMSGSIZE ||
			    ret == -EPROTONOSUPPORT || ret == -ECONNRESET || ret == -EPIPE)
			TH_LOG("round %d: %d", round, ret);
		close(raw);
		ksync_node_disconnect(noded.node, &soon);
	}
	EXPECT_EQ(0, noded_stop());
}

KSFT_MAIN
