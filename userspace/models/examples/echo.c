// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* echo [reactor]: a task for each connection; the loop is a proactor, if it can be. */
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <ksync/proactor.h>
#include <ksync/reactor.h>
#include <ksync/task.h>

static struct sockaddr_in where = { .sin_family = AF_INET };
static socklen_t len = sizeof(where);
static struct ksync_loop *loop;
static int same;

static void *serve(void *fd)
{
	char buf[256];
	ssize_t n;

	while ((n = ksync_loop_read(loop, (long)fd, buf, sizeof(buf), NULL)) > 0)
		ksync_loop_write(loop, (long)fd, buf, n, NULL);
	return (void *)(long)ksync_loop_close(loop, (long)fd);
}

static void *clients(void *listener)
{
	char line[32], back[32];
	struct ksync_task *t;

	for (int i = 0, n, fd; i < 1000; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		ksync_loop_connect(loop, fd, (void *)&where, len, NULL);
		n = ksync_loop_accept(loop, (long)listener, NULL);
		ksync_task_spawn(&t, serve, (void *)(long)n, NULL);
		n = ksync_loop_write(loop, fd, line, sprintf(line, "line %d", i), NULL);
		same += ksync_loop_read(loop, fd, back, n, NULL) == n && !memcmp(line, back, n);
		ksync_loop_close(loop, fd);
		ksync_task_join(t, NULL);
	}
	return ksync_loop_stop(loop), NULL;
}

int main(int argc, char **argv)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int ret = argc > 1 && argv[1] ? -ENOSYS : ksync_proactor_create(&loop, 0, 0);
	struct ksync_sched *s;

	if (ret && ksync_reactor_create(&loop, KSYNC_BACKEND_EPOLL, 0))
		errx(1, "echo: %s", ksync_proactor_refusal(ret));
	if (bind(fd, (void *)&where, len) || listen(fd, 9) ||
	    getsockname(fd, (void *)&where, &len) || ksync_sched_start(&s, NULL) ||
	    ksync_sched_spawn(s, NULL, clients, (void *)(long)fd, NULL))
		err(1, "echo");
	ret = ksync_loop_run(loop) || ksync_sched_stop(s) || ksync_loop_destroy(loop);
	printf("echo: %d of 1000 lines came back\n", same);
	return ret || same != 1000;
}
