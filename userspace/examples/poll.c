// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* One epoll loop over a sem, an event and a socket: jobs, a stop, and messages. */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <ksync.h>

enum { JOBS = 500, PATIENCE = 60000 };
static struct ksync_sem jobs;
static struct ksync_event stop;
static int ends[2];

static int must(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
	return ret;
}

static int produce(void)
{
	for (int i = 0; i < JOBS; i++) {
		must(ksync_sem_post(&jobs), "post");
		must(write(ends[1], "m", 1), "write");
	}
	must(ksync_event_set(&stop), "stop");
	return 0;
}

int main(void)
{
	int done = 0, heard = 0, stopped = 0, ep = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN };
	struct ksync *d;
	char byte;

	must(ksync_open(&d, 0), "open");
	must(ksync_sem_init(&jobs, d, 0, 0), "sem");
	must(ksync_event_init(&stop, d, KSYNC_EVENT_MANUAL), "event");
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
	int fds[] = { must(ksync_fd(&jobs), "fd"), must(ksync_fd(&stop), "fd"), ends[0] };

	for (e.data.u32 = 0; e.data.u32 < 3; e.data.u32++)
		must(epoll_ctl(ep, EPOLL_CTL_ADD, fds[e.data.u32], &e), "epoll_ctl");
	if (!must(fork(), "fork"))
		return produce();
	while (!stopped || done < JOBS || heard < JOBS) {
		must(epoll_wait(ep, &e, 1, PATIENCE) - 1, "nothing comes");
		if (e.data.u32 == 0) /* a hint: somebody else might be faster */
			done += !ksync_sem_wait_try(&jobs);
		else if (e.data.u32 == 1)
			stopped = !epoll_ctl(ep, EPOLL_CTL_DEL, fds[1], NULL);
		else
			heard += read(ends[0], &byte, 1) == 1;
	}
	return printf("poll: %d jobs, %d messages, and the stop\n", done, heard) < 0;
}
