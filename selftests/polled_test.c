// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors of objects: what they are of and for how long, in whose hands; and
 * when epoll reports them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/poller.h"

FIXTURE(polled)
{
	int fd;
	struct ksync_cell *cells;
	uint32_t self;
	uint32_t sem, mutex, waitq;
};

FIXTURE_SETUP(polled)
{
	self->fd = raw_open();
	self->cells = raw_map(self->fd, 64);
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &self->sem));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_STRICT, &self->mutex));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &self->waitq));
}

FIXTURE_TEARDOWN(polled)
{
	close(self->fd);
}

#define POST(n)									\
do {										\
	uint32_t was;								\
	ASSERT_EQ(0, raw_release(self->fd, self->sem, 0, n, &was));		\
} while (0)

TEST_F(polled, features_and_arguments)
{
	struct ksync_fd arg = { .size = sizeof(arg), .id = self->sem };
	struct ksync_expect expect = { .size = sizeof(expect) };
	struct ksync_info info;
	int fd;

	ASSERT_EQ(0, raw_info(self->fd, &info));
	EXPECT_TRUE(info.features & KSYNC_FEATURE_POLL);
	EXPECT_EQ(-EBADF, raw_fd(self->fd, 63, 0));
	EXPECT_EQ(-EINVAL, raw_fd(self->fd, self->sem, 1));
	EXPECT_EQ(-EINVAL, raw_fd(self->fd, self->mutex, 1));
	fd = raw_fd(self->fd, self->waitq, 1);
	ASSERT_LE(0, fd);
	EXPECT_EQ(POLLIN, poll_now(fd));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));

	EXPECT_EQ(-ENOTTY, raw_ioctl(self->fd, KSYNC_IOC_EXPECT, &expect));
	EXPECT_EQ(-ENOTTY, raw_ioctl(fd, KSYNC_IOC_FD, &arg));
	EXPECT_EQ(-EFAULT, raw_ioctl(fd, KSYNC_IOC_EXPECT, NULL));
	EXPECT_EQ(0, raw_ioctl(fd, KSYNC_IOC_EXPECT, &expect));
	EXPECT_EQ(0, poll_now(fd));
	expect.size--;
	EXPECT_EQ(-EINVAL, raw_ioctl(fd, KSYNC_IOC_EXPECT, &expect));
	EXPECT_EQ(-EINVAL, raw_expect(raw_fd(self->fd, self->sem, 0), 0));
	EXPECT_EQ(-EINVAL, raw_expect(raw_fd(self->fd, self->mutex, 0), 0));
	EXPECT_EQ(-1, read(fd, &info, 8));
}

/* Where the answer cannot be written there is no descriptor either. */
TEST_F(polled, no_descriptor_without_an_answer)
{
	struct ksync_fd *arg = mmap(NULL, sizeof(*arg), PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int next = dup(self->fd);

	ASSERT_NE(MAP_FAILED, arg);
	ASSERT_LE(0, next);
	close(next);
	*arg = (struct ksync_fd){ .size = sizeof(*arg), .id = self->sem };
	ASSERT_EQ(0, mprotect(arg, sizeof(*arg), PROT_READ));
	EXPECT_EQ(-EFAULT, raw_ioctl(self->fd, KSYNC_IOC_FD, arg));
	EXPECT_EQ(-1, fcntl(next, F_GETFD));
	EXPECT_EQ(next, raw_fd(self->fd, self->sem, 0));
}

/* The line of a descriptor's fdinfo that begins with @key. */
static void info_line(int fd, const char *key, char *line, size_t size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, size, f))
		if (!strncmp(line, key, strlen(key)))
			break;
	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = 0;
}

TEST_F(polled, fdinfo_says_what_it_is)
{
	int fd = raw_fd(self->fd, self->sem, 0), fd2 = raw_fd(self->fd, self->waitq, 0);
	char line[128] = "", domain[128] = "";

	ASSERT_EQ(0, raw_name(self->fd, self->sem, "jobs"));
	info_line(self->fd, "ksync-domain:", domain, sizeof(domain));
	info_line(fd, "ksync-domain:", line, sizeof(line));
	EXPECT_STREQ(domain, line);
	info_line(fd, "ksync-kind:", line, sizeof(line));
	EXPECT_STREQ("ksync-kind:\tsem", line);
	info_line(fd, "ksync-name:", line, sizeof(line));
	EXPECT_STREQ("ksync-name:\tjobs", line);
	info_line(fd2, "ksync-id:", line, sizeof(line));
	EXPECT_STREQ("ksync-id:\t2", line);
	info_line(fd2, "ksync-name:", line, sizeof(line));
	EXPECT_STREQ("ksync-name:\twaitq:2", line);
	ASSERT_EQ(0, raw_destroy(self->fd, self->sem));
	info_line(fd, "ksync-name:", line, sizeof(line));
	EXPECT_STREQ("ksync-name:\t(destroyed)", line);
}

/* Whoever reads this is not who chose the name, and may have a terminal. */
TEST_F(polled, fdinfo_escapes_the_name)
{
	int fd = raw_fd(self->fd, self->sem, 0);
	char line[128] = "";

	ASSERT_EQ(0, raw_name(self->fd, self->sem, "a\\b c\n\033[2J\xf2"));
	info_line(fd, "ksync-name:", line, sizeof(line));
	EXPECT_STREQ("ksync-name:\ta\\134b c\\012\\033[2J\\362", line);
}

TEST_F(polled, destroyed_is_hup_for_ever)
{
	struct player *p = player_start(TASK_THREAD, self->fd, self->cells);
	int fd = raw_fd(self->fd, self->sem, 0), fd2;
	uint32_t id;

	ASSERT_NE(NULL, p);
	p->flags = POLLIN;
	player_post(p, step_poll, fd);
	ASSERT_EQ(0, player_await_asleep(p));
	/* Who polls does not wait: it is not busy. */
	ASSERT_EQ(0, raw_destroy(self->fd, self->sem));
	EXPECT_EQ(POLLHUP, player_result(p));
	EXPECT_EQ(-EBADF, raw_fd(self->fd, self->sem, 0));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &id));
	ASSERT_EQ(self->sem, id);
	POST(1);
	EXPECT_EQ(1, self->cells[id].word);
	EXPECT_EQ(POLLHUP, poll_now(fd));
	fd2 = raw_fd(self->fd, id, 0);
	EXPECT_EQ(POLLIN, poll_now(fd2));
	/* The old one takes nothing of the new one's with it. */
	self->cells[id].word = 0;
	player_post(p, step_poll, fd2);
	ASSERT_EQ(0, player_await_asleep(p));
	close(fd);
	EXPECT_EQ(KSYNC_WAITERS, self->cells[id].word);
	POST(1);
	EXPECT_EQ(POLLIN, player_result(p));
}

TEST_F(polled, it_outlives_the_domains_descriptor)
{
	int fd = raw_fd(self->fd, self->sem, 0), fd2 = raw_fd(self->fd, self->waitq, 0);
	struct player *p = player_start(TASK_THREAD, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	POST(1);
	p->flags = POLLIN;
	close(self->fd);
	ASSERT_EQ(0, munmap(self->cells, 64 * sizeof(*self->cells)));
	EXPECT_EQ(POLLIN, poll_now(fd));
	EXPECT_EQ(0, poll_now(fd2));
	player_post(p, step_poll, fd2);
	ASSERT_EQ(0, player_await_asleep(p));
	ASSERT_EQ(0, raw_expect(fd2, 1));
	EXPECT_EQ(POLLIN, player_result(p));
	close(fd2);
	close(fd);
	self->fd = -1;
}

static int receive(int socket)
{
	char space[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = space, .msg_controllen = sizeof(space),
	};
	int fd = -1;

	if (recvmsg(socket, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static int transmit(int socket, int fd)
{
	char space[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = space, .msg_controllen = sizeof(space),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

/* A process that has never seen the domain polls what it is sent. */
static int poll_received(int socket)
{
	struct pollfd p = { .events = POLLIN };

	p.fd = receive(socket);
	return p.fd >= 0 && poll(&p, 1, -1) == 1 ? p.revents : 255;
}

TEST_F(polled, another_process_polls_what_it_is_sent)
{
	int pair[2], status, fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(self->fd);
		munmap(self->cells, 64 * sizeof(*self->cells));
		_exit(poll_received(pair[1]));
	}
	ASSERT_EQ(0, await_asleep(pid));
	fd = raw_fd(self->fd, self->sem, 0);
	ASSERT_EQ(0, transmit(pair[0], fd));
	close(fd);
	/* It is hooked there, and sleeps. */
	ASSERT_EQ(0, await_value(&self->cells[self->sem].waiters, 1));
	ASSERT_EQ(0, await_asleep(pid));
	POST(1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(POLLIN, WEXITSTATUS(status));
}

TEST_F(polled, a_child_polls_what_it_inherits)
{
	struct pollfd p = { .fd = raw_fd(self->fd, self->sem, 0), .events = POLLIN };
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(poll(&p, 1, -1) == 1 ? p.revents : 255);
	ASSERT_EQ(0, await_value(&self->cells[self->sem].waiters, 1));
	close(p.fd);
	EXPECT_EQ(KSYNC_WAITERS, self->cells[self->sem].word);
	POST(1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(POLLIN, WEXITSTATUS(status));
}

static int watch(struct __test_metadata *_metadata, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	return ep;
}

/* What epoll reports now. */
static uint32_t reported(int ep)
{
	struct epoll_event e;

	return epoll_wait(ep, &e, 1, 0) == 1 ? e.events : 0;
}

TEST_F(polled, level_triggered)
{
	int fd = raw_fd(self->fd, self->sem, 0);
	int ep = watch(_metadata, fd, EPOLLIN);

	EXPECT_EQ(0, reported(ep));
	POST(2);
	EXPECT_EQ(EPOLLIN, reported(ep));
	EXPECT_EQ(EPOLLIN, reported(ep));
	EXPECT_EQ(0, raw_acquire(self->fd, self->sem, 0, 0));
	EXPECT_EQ(EPOLLIN, reported(ep));
	EXPECT_EQ(0, raw_acquire(self->fd, self->sem, 0, 0));
	EXPECT_EQ(0, reported(ep));
	POST(1);
	EXPECT_EQ(EPOLLIN, reported(ep));
}

/* It asks when it is hooked, and then only when it is told. */
TEST_F(polled, edge_triggered)
{
	int fd = raw_fd(self->fd, self->sem, 0);
	int ep = watch(_metadata, fd, EPOLLIN | EPOLLET);

	EXPECT_EQ(0, reported(ep));
	POST(1);
	EXPECT_EQ(EPOLLIN, reported(ep));
	EXPECT_EQ(0, reported(ep));
	/* There were units before: a post is told of all the same. */
	POST(1);
	EXPECT_EQ(EPOLLIN, reported(ep));
	EXPECT_EQ(0, reported(ep));
	EXPECT_EQ(0, raw_acquire(self->fd, self->sem, 0, 0));
	EXPECT_EQ(0, raw_acquire(self->fd, self->sem, 0, 0));
	EXPECT_EQ(KSYNC_WAITERS, self->cells[self->sem].word);
	POST(1);
	EXPECT_EQ(EPOLLIN, reported(ep));
	ASSERT_EQ(0, raw_destroy(self->fd, self->sem));
	EXPECT_EQ(EPOLLHUP, reported(ep));
}

TEST_F(polled, epoll_hears_of_what_is_expected_now)
{
	int fd = raw_fd(self->fd, self->waitq, 0);
	int ep = watch(_metadata, fd, EPOLLIN | EPOLLET);
	uint32_t n;

	EXPECT_EQ(0, reported(ep));
	self->cells[self->waitq].word = 1;
	ASSERT_EQ(0, raw_wake(self->fd, self->waitq, 1, 1, &n));
	EXPECT_EQ(EPOLLIN, reported(ep));
	ASSERT_EQ(0, raw_expect(fd, 1));
	EXPECT_EQ(0, reported(ep));
	ASSERT_EQ(0, raw_expect(fd, 2));
	EXPECT_EQ(EPOLLIN, reported(ep));
}

TEST_F(polled, closing_an_epoll_or_a_hooked_descriptor_unhooks)
{
	int fd = raw_fd(self->fd, self->sem, 0);
	int ep = watch(_metadata, fd, EPOLLIN), ep2 = watch(_metadata, fd, EPOLLIN);

	close(ep);
	POST(1);
	EXPECT_EQ(KSYNC_WAITERS | 1, self->cells[self->sem].word);
	EXPECT_EQ(EPOLLIN, reported(ep2));
	close(fd);
	EXPECT_EQ(1, self->cells[self->sem].word);
	EXPECT_EQ(0, self->cells[self->sem].waiters);
	EXPECT_EQ(0, reported(ep2));
	close(ep2);
}

TEST_F(polled, pollers_do_not_change_who_gets_a_lock)
{
	int fd = raw_fd(self->fd, self->mutex, 0);
	int ep = watch(_metadata, fd, EPOLLIN | EPOLLET);
	struct player *low = player_start(TASK_PROCESS, self->fd, self->cells);
	struct player *high = player_start(TASK_PROCESS, self->fd, self->cells);

	ASSERT_NE(NULL, low);
	ASSERT_NE(NULL, high);
	EXPECT_EQ(EPOLLIN, reported(ep));
	ASSERT_EQ(0, sched_fifo(task_tid(&high->task), 20));
	ASSERT_EQ(0, raw_lock(self->fd, self->mutex, self->self, 0, 0));
	player_post(low, step_lock, self->mutex);
	ASSERT_EQ(0, player_await_asleep(low));
	player_post(high, step_lock, self->mutex);
	ASSERT_EQ(0, player_await_asleep(high));
	ASSERT_EQ(0, raw_unlock(self->fd, self->mutex, self->self));
	EXPECT_EQ(0, player_result(high));
	EXPECT_EQ(0, reported(ep));
	EXPECT_EQ(0, player_do(high, step_unlock, self->mutex));
	EXPECT_EQ(0, player_result(low));
	EXPECT_EQ(0, reported(ep));
	EXPECT_EQ(0, player_do(low, step_unlock, self->mutex));
	EXPECT_EQ(EPOLLIN, reported(ep));
	EXPECT_EQ(0, player_end(low));
	EXPECT_EQ(0, player_end(high));
}

KSFT_MAIN
