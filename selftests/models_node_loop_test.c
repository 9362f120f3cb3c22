// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes by each kind of loop, over TCP: what is sent comes, in order, through buffers that
 * are smaller than it, and the end is seen by both sides.  And by what they are not.
 */
#include <netinet/in.h>

#include "lib/ksft.h"
#include "lib/noded.h"

#define DATA	1U

/* Two connected sockets. Return: 0; an error. */
static int tcp(int fds[2])
{
	struct sockaddr_in where = { .sin_family = AF_INET };
	socklen_t len = sizeof(where);
	int listener = socket(AF_INET, SOCK_STREAM, 0), small = 4096, ret = 0;

	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	if (bind(listener, (void *)&where, len) || listen(listener, 1) ||
	    getsockname(listener, (void *)&where, &len) || connect(fds[0], (void *)&where, len))
		ret = -errno;
	fds[1] = ret ? -1 : accept(listener, NULL, NULL);
	close(listener);
	return ret ? ret : fds[1] < 0 ? -errno : 0;
}

static uint32_t one, two;

#define LARGE	1000000U

static int receives(void *arg)
{
	struct ksync_message *m;
	uint32_t i;

	(void)arg;
	for (i = 0; i < 1000; i++) {
		ACT(!ksync_actor_receive(&m) && m->tag == DATA && m->from.node == two);
		ACT(m->size == (i % 100 ? 4 : LARGE) && *(uint32_t *)(void *)m->data == i);
		ksync_message_free(m);
	}
	return 0;
}

static int sends(void *arg)
{
	static char data[LARGE];
	struct ksync_pid here, there;
	uint64_t ref;
	uint32_t i;

	(void)arg;
	ACT(!spawn_monitor(&here, &ref, receives, NULL));
	ACT(!ksync_actor_register("receiver", here));
	ACT(!ksync_node_whereis(one, "receiver", &there, NULL));
	for (i = 0; i < 1000; i++) {
		memcpy(data, &i, sizeof(i));
		ACT(!ksync_actor_send(there, DATA, data, i % 100 ? 4 : LARGE));
	}
	return down(ref, here);
}

static void by_loop(struct __test_metadata *_metadata, int kind)
{
	int fds[2], ret;

	noded.kind = kind;
	noded.queue = 8;
	ret = noded_start(&on_mn, -1);
	if (kind == NODED_URING && (ret == -ENOSYS || ret == -EPERM))
		SKIP(return, "%s", ksync_proactor_refusal(ret));
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, tcp(fds));
	ASSERT_EQ(0, noded_connect(fds[0]));
	one = noded.node;
	ASSERT_EQ(0, noded_connect(fds[1]));
	two = noded.node;
	ACTOR_ON(noded.s, sends, NULL);
	EXPECT_EQ(0, ksync_node_disconnect(one, NULL));
	EXPECT_EQ(0, ksync_node_wait(two, NULL));
	EXPECT_EQ(0, ksync_node_disconnect(two, NULL));
	EXPECT_EQ(0, noded_stop());
}

TEST(by_epoll)
{
	by_loop(_metadata, KSYNC_BACKEND_EPOLL);
}

TEST(by_poll)
{
	by_loop(_metadata, KSYNC_BACKEND_POLL);
}

TEST(by_select)
{
	by_loop(_metadata, KSYNC_BACKEND_SELECT);
}

TEST(by_io_uring)
{
	by_loop(_metadata, NODED_URING);
}

TEST(descriptors_that_are_wrong)
{
	struct ksync_node_attr attr = { .loop = NULL };
	uint32_t node;
	int fd, p[2];

	ASSERT_EQ(0, noded_start(&on_mn, -1));
	EXPECT_EQ(-EBADF, noded_connect(1000));
	ASSERT_EQ(0, pipe(p));
	EXPECT_EQ(-ENOTSOCK, noded_connect(p[0]));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	EXPECT_EQ(-EPROTOTYPE, noded_connect(fd));
	EXPECT_EQ(-EINVAL, ksync_node_connect(&node, fd, &attr));
	attr.loop = noded.loop;
	EXPECT_EQ(-EINVAL, ksync_node_connect(&node, fd, &attr));
	attr.sched = noded.s;
	attr.max = KSYNC_MESSAGE_MAX + 1;
	EXPECT_EQ(-EINVAL, ksync_node_connect(&node, fd, &attr));
	attr.max = 0;
	attr.reserved[1] = 1;
	EXPECT_EQ(-EINVAL, ksync_node_connect(&node, fd, &attr));
	EXPECT_EQ(-ENOENT, ksync_node_wait(0, NULL));
	EXPECT_EQ(-ENOENT, ksync_node_wait(UINT32_MAX, NULL));
	EXPECT_EQ(-EINVAL, ksync_node_disconnect(1, &(struct timespec){ 0, -1 }));
	EXPECT_EQ(0, noded_stop());
}

KSFT_MAIN
