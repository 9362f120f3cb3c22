// SPDX-License-Identifier: GPL-2.0
/*
 * Calls on descriptors: those of domains, of objects, and what holds on to them.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "fuzz.h"

#define FD(x, a) ((x)->fd[(a) % SLOTS])

static unsigned int kind_of(unsigned int slot)
{
	if (slot < DOMAINS)
		return DOMAIN_FD;
	if (slot < POLLED_FIRST + POLLED)
		return POLLED_FD;
	return slot < SOCKET_FIRST ? EPOLL_FD : ANY_FD;
}

/* A slot for another descriptor of the same kind; never a shared one. */
static unsigned int slot_like(unsigned int kind, uint64_t which)
{
	switch (kind) {
	case DOMAIN_FD:
		return SHARED_DOMAINS + which % (DOMAINS - SHARED_DOMAINS);
	case POLLED_FD:
		return POLLED_FIRST + which % POLLED;
	case EPOLL_FD:
		return EPOLL_FIRST + which % EPOLLS;
	default:
		return OTHER_FIRST + which % (SLOTS - OTHER_FIRST);
	}
}

static long keep(struct exec *x, unsigned int kind, uint64_t which, long fd)
{
	const unsigned int slot = slot_like(kind, which);

	if (fd < 0)
		return fd;
	exec_close(x, slot);
	x->fd[slot] = fd;
	return 0;
}

long call_open(struct exec *x, const struct op *op, const uint64_t *a)
{
	(void)op;
	return keep(x, DOMAIN_FD, a[0],
		    SYS(x, SYS_openat, AT_FDCWD, (long)KSYNC_DEVICE, O_RDWR | O_CLOEXEC |
			(a[1] & ~(uint64_t)(O_CREAT | O_TRUNC | O_PATH)), 0));
}

long call_close(struct exec *x, const struct op *op, const uint64_t *a)
{
	(void)op;
	if (a[0] % SLOTS >= SHARED_DOMAINS)
		exec_close(x, a[0] % SLOTS);
	return 0;
}

long call_dup(struct exec *x, const struct op *op, const uint64_t *a)
{
	const int fd = FD(x, a[0]);
	const unsigned int kind = kind_of(a[0] % SLOTS);
	long ret;

	(void)op;
	if (fd < 0 || kind == ANY_FD)
		return 0;
	if (a[1] % 4 == 3)
		ret = SYS(x, SYS_dup, fd);
	else
		ret = SYS(x, SYS_fcntl, fd, a[1] & 1 ? F_DUPFD : F_DUPFD_CLOEXEC, 0);
	return keep(x, kind, a[2], ret);
}

/* What any file can be asked. */
long call_file(struct exec *x, const struct op *op, const uint64_t *a)
{
	const int fd = FD(x, a[0]);
	/* Else reading from a socket waits for ever. */
	const int never = a[0] % SLOTS >= SOCKET_FIRST ? O_NONBLOCK : 0;
	unsigned char *p = arg_place(x, PLACE_PLAIN, 256);
	struct iovec iov = { p, 64 };

	(void)op;
	x->shape = a[1];
	switch (a[1]) {
	case 0:
		return SYS(x, SYS_read, fd, (long)p, 64);
	case 1:
		return SYS(x, SYS_write, fd, (long)p, 64);
	case 2:
		return SYS(x, SYS_pread64, fd, (long)p, 64, a[2]);
	case 3:
		return SYS(x, SYS_writev, fd, (long)&iov, 1);
	case 4:
		return SYS(x, SYS_lseek, fd, a[2], a[2] % 3);
	case 5:
		return SYS(x, SYS_fstat, fd, (long)p);
	case 6:
		return SYS(x, SYS_ftruncate, fd, a[2]);
	case 7:
		return SYS(x, SYS_fcntl, fd, F_SETFL,
			   (a[2] & (O_NONBLOCK | O_ASYNC | O_APPEND)) | never);
	case 8:
		return SYS(x, SYS_fcntl, fd, F_GETFL, 0);
	case 9:
		return SYS(x, SYS_flock, fd, LOCK_NB | (a[2] & 1 ? LOCK_EX : LOCK_UN));
	case 10:
		return SYS(x, SYS_fallocate, fd, 0, 0, 4096);
	case 11:
		return SYS(x, SYS_fsync, fd);
	default:
		return SYS(x, SYS_fcntl, fd, F_SETOWN, getpid());
	}
}

/* What is read there is text. */
static void check_text(struct exec *x, const char *path, const unsigned char *text, long n)
{
	long i;

	for (i = 0; i < n; i++) {
		if (text[i] == '\n' || text[i] == '\t' || (text[i] >= ' ' && text[i] < 0x7f))
			continue;
		finding(PROPERTY_LEAK, 0xd0000, x->program, "%s has the byte 0x%x at %ld", path,
			text[i], i);
		return;
	}
}

long call_proc(struct exec *x, const struct op *op, const uint64_t *a)
{
	static const char *const files[] = {
		"/proc/ksync/domains", "/proc/ksync/objects", "/proc/ksync/threads",
		"/proc/ksync/waiters",
	};
	unsigned char *to = arg_place(x, PLACE_PLAIN, 4096);
	char path[64];
	long fd, n;
	int reads;

	(void)op;
	if (a[1] < 4)
		snprintf(path, sizeof(path), "%s", files[a[1]]);
	else
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", FD(x, a[0]));
	fd = SYS(x, SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	for (reads = 0; reads < 4; reads++) {
		n = SYS(x, SYS_read, fd, (long)to, a[2]);
		if (n <= 0)
			break;
		check_text(x, path, to, n);
	}
	close(fd);
	x->shape = a[1];
	return n < 0 ? n : 0;
}

/* Two descriptors into the socket; in there they are alive, and nobody's. */
long call_send(struct exec *x, const struct op *op, const uint64_t *a)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	unsigned char kinds[2] = { kind_of(a[0] % SLOTS), kind_of(a[1] % SLOTS) };
	struct iovec iov = { kinds, sizeof(kinds) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	const int fds[2] = { FD(x, a[0]), FD(x, a[1]) };

	(void)op;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	return SYS(x, SYS_sendmsg, x->fd[SOCKET_FIRST], (long)&msg, MSG_DONTWAIT);
}

long call_receive(struct exec *x, const struct op *op, const uint64_t *a)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	unsigned char kinds[2] = { ANY_FD, ANY_FD };
	struct iovec iov = { kinds, sizeof(kinds) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	unsigned int i;
	int fds[2];
	long ret;

	(void)op;
	ret = SYS(x, SYS_recvmsg, x->fd[SOCKET_FIRST + 1], (long)&msg,
		  MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (ret < 0)
		return ret;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return 0;
	memcpy(fds, CMSG_DATA(c), sizeof(fds));
	for (i = 0; i < 2; i++)
		if (c->cmsg_len >= CMSG_LEN((i + 1) * sizeof(int)))
			keep(x, kinds[i], a[0] + i, fds[i]);
	return 0;
}

static long call_select(struct exec *x, const struct timespec *ts)
{
	fd_set in, out;
	int i, fd, top = 0;

	FD_ZERO(&in);
	FD_ZERO(&out);
	for (i = 0; i < POLLED; i++) {
		fd = x->fd[POLLED_FIRST + i];
		if (fd < 0 || fd >= FD_SETSIZE)
			continue;
		FD_SET(fd, &in);
		FD_SET(fd, &out);
		top = fd > top ? fd : top;
	}
	return SYS(x, SYS_pselect6, top + 1, (long)&in, (long)&out, 0, (long)ts, 0);
}

long call_poll(struct exec *x, const struct op *op, const uint64_t *a)
{
	struct timespec ts = { 0, a[2] * 1000 };
	struct pollfd fds[POLLED + 1];
	unsigned int i, n = 1 + a[1] % POLLED;

	(void)op;
	if (!a[3])
		return call_select(x, &ts);
	for (i = 0; i < n; i++) {
		fds[i].fd = x->fd[(a[0] + i) % SLOTS];
		fds[i].events = i & 1 ? POLLIN | POLLOUT : POLLIN;
	}
	return SYS(x, SYS_ppoll, (long)fds, n, (long)&ts, 0, 0);
}

long call_epoll_ctl(struct exec *x, const struct op *op, const uint64_t *a)
{
	static const uint32_t modes[] = { 0, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE };
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	const unsigned int slot = a[0] % SLOTS;
	long fd;

	(void)op;
	x->shape = a[1];
	if (!a[1] && x->fd[slot] < 0 && slot >= EPOLL_FIRST && slot < SOCKET_FIRST) {
		fd = SYS(x, SYS_epoll_create1, EPOLL_CLOEXEC);
		if (fd >= 0)
			x->fd[slot] = fd;
		return fd;
	}
	event.events |= modes[a[3] % 4];
	return SYS(x, SYS_epoll_ctl, x->fd[slot], 1 + (a[1] + 2) % 3, FD(x, a[2]), (long)&event);
}

long call_epoll_wait(struct exec *x, const struct op *op, const uint64_t *a)
{
	struct epoll_event events[4];

	(void)op;
	return SYS(x, SYS_epoll_pwait, FD(x, a[0]), (long)events, 4, a[1], 0, 8);
}
