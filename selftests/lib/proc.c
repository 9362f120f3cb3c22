// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "proc.h"

int proc_stat(pid_t tid, struct proc_stat *out)
{
	char path[32], text[512], *end;
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (len <= 0)
		return -ESRCH;
	text[len] = '\0';
	/* The name before may have spaces and parentheses in it. */
	end = strrchr(text, ')');
	if (!end || sscanf(end, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %ld",
			   &out->state, &out->prio) != 2)
		return -EPROTO;
	return 0;
}

/* The kernel waits for that there, and says "running" if it did not come to it. */
bool proc_switched(pid_t tid)
{
	char path[32], text[16] = "";
	bool running = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	f = fopen(path, "re");
	if (!f)
		return true;
	if (fgets(text, sizeof(text), f))
		running = !strncmp(text, "running", 7);
	fclose(f);
	return !running;
}

/* A number of /proc/TID/status. */
static long number(pid_t tid, const char *format)
{
	char path[32], line[128];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (n < 0 && fgets(line, sizeof(line), f))
		sscanf(line, format, &n);
	fclose(f);
	return n;
}

long proc_sleeps(pid_t tid)
{
	return number(tid, "voluntary_ctxt_switches: %ld");
}

long proc_switches(pid_t tid)
{
	const long sleeps = proc_sleeps(tid);

	return sleeps < 0 ? -1 : sleeps + number(tid, "nonvoluntary_ctxt_switches: %ld");
}
