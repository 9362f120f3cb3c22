// SPDX-License-Identifier: GPL-2.0
/* Threads: who one is, where and how it runs, and whether another one sleeps. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bench.h"

pid_t my_tid(void)
{
	return syscall(SYS_gettid);
}

/* The letter that /proc/PID/task/TID/stat has behind the name says so. */
bool asleep(pid_t tid)
{
	char path[64], line[256], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n <= 0)
		err(1, "%s", path);
	line[n] = 0;
	p = strrchr(line, ')');
	return p && p[1] && p[2] == 'S';
}

void be_realtime(int priority)
{
	const struct sched_param p = { .sched_priority = priority };

	must(-pthread_setschedparam(pthread_self(), priority ? SCHED_FIFO : SCHED_OTHER, &p),
	     "a real-time priority");
}

void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "cannot run on CPU %d", cpu);
}
