// SPDX-License-Identifier: GPL-2.0
/*
 * Event loops: what select, poll and epoll_wait cost with few and with many descriptors
 * of which one is ready; and what one is told of: readiness (epoll, the reactor) or
 * completion (io_uring, the proactor).
 */
#include <err.h>
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>
#include "lab.h"

#define FEW	10
#define MANY	900	/* below FD_SETSIZE, or select could not be compared */
#define CALLS	300

static int fds[MANY];
static int epoll;

static int call_select(unsigned int n)
{
	struct timeval zero = { 0 };
	fd_set set;

	FD_ZERO(&set);
	for (unsigned int i = 0; i < n; i++)
		FD_SET(fds[i], &set);
	return select(fds[n - 1] + 1, &set, NULL, NULL, &zero);
}

static int call_poll(unsigned int n)
{
	static struct pollfd p[MANY];

	for (unsigned int i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	return poll(p, n, 0);
}

static int call_epoll(unsigned int n)
{
	struct epoll_event e[16];

	(void)n;
	return epoll_wait(epoll, e, 16, 0);
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Microseconds a call, the median. */
static double time_of(int (*call)(unsigned int n), unsigned int n)
{
	double t[CALLS];

	for (int i = 0; i < CALLS; i++) {
		const double begin = now();

		if (call(n) != 1)
			errx(1, "one descriptor is ready, and another number was told");
		t[i] = (now() - begin) * 1e6;
	}
	qsort(t, CALLS, sizeof(*t), by_value);
	return t[CALLS / 2];
}

/* @n descriptors, of which the last one is ready. */
static void open_descriptors(unsigned int n)
{
	struct epoll_event e = { .events = EPOLLIN };

	epoll = epoll_create1(0);
	for (unsigned int i = 0; i < n; i++) {
		fds[i] = eventfd(i == n - 1, 0);
		if (epoll < 0 || fds[i] < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &e))
			err(1, "cannot have %u descriptors", n);
	}
}

static void close_descriptors(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		close(fds[i]);
	close(epoll);
}

static void show_cost(void)
{
	static const struct {
		const char *name;
		int (*call)(unsigned int n);
	} calls[] = {
		{ "select", call_select }, { "poll", call_poll }, { "epoll_wait", call_epoll },
	};
	double us[3][2];
	char key[48];

	for (int many = 0; many < 2; many++) {
		open_descriptors(many ? MANY : FEW);
		for (int i = 0; i < 3; i++)
			us[i][many] = time_of(calls[i].call, many ? MANY : FEW);
		close_descriptors(many ? MANY : FEW);
	}
	say("A call with one descriptor ready, of %d and of %d:", FEW, MANY);
	for (int i = 0; i < 3; i++) {
		snprintf(key, sizeof(key), "growth_%s", calls[i].name);
		fact(key, us[i][1] / us[i][0]);
		for (int many = 0; many < 2; many++) {
			snprintf(key, sizeof(key), "%s of %d", calls[i].name, many ? MANY : FEW);
			bar(key, us[i][many], us[0][1] > us[1][1] ? us[0][1] : us[1][1], "us");
		}
	}
	fact("select_limit", FD_SETSIZE);
	say("A set of select has room for descriptors below %d; epoll knows no such number.",
	    FD_SETSIZE);
}

static int unread(int fd)
{
	int bytes = -1;

	if (ioctl(fd, FIONREAD, &bytes))
		err(1, "FIONREAD");
	return bytes;
}

static void show_readiness(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int p[2], left;

	epoll = epoll_create1(0);
	if (pipe(p) || epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &e) || write(p[1], "hello", 5) != 5)
		err(1, "pipe");
	if (epoll_wait(epoll, &e, 1, 1000) != 1)
		errx(1, "epoll told of nothing");
	left = unread(p[0]);
	fact("reactor_unread", left);
	show("epoll_wait: told; %d of 5 bytes are still in the pipe, to be read now", left);
	close(p[0]);
	close(p[1]);
	close(epoll);
}

static void show_completion(void)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	char buffer[8] = "";
	int p[2], ret, left;

	ret = io_uring_queue_init(4, &ring, 0);
	if (ret) {
		cannot("completion by io_uring", "this kernel does not let one have a ring (%s)",
		       strerror(-ret));
		return;
	}
	if (pipe(p))
		err(1, "pipe");
	io_uring_prep_read(io_uring_get_sqe(&ring), p[0], buffer, sizeof(buffer), 0);
	must(io_uring_submit(&ring), "submit");
	if (write(p[1], "hello", 5) != 5)
		err(1, "pipe");
	must(io_uring_wait_cqe(&ring, &cqe), "completion");
	left = unread(p[0]);
	fact("proactor_unread", left);
	fact("proactor_read", strcmp(buffer, "hello") == 0);
	show("io_uring:   told; %d bytes in the pipe, \"%s\" is in the buffer already", left,
	     buffer);
	io_uring_queue_exit(&ring);
}

void lab_events(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		err(1, "limit of descriptors");
	limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &limit);
	show_cost();
	say("Five bytes are written into a pipe that is waited for:");
	show_readiness();
	show_completion();
}
