// SPDX-License-Identifier: GPL-2.0
/*
 * What a thread does, as /proc/PID tells.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "ksyncctl.h"

static bool read_line(int64_t pid, const char *name, char *line, int size)
{
	char path[64];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/%s", pid, name);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fgets(line, size, f);
	fclose(f);
	return ok;
}

bool process_exists(int64_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%" PRId64, pid);
	return !access(path, F_OK);
}

/* The names of its functions are words. */
static bool find_function(int64_t pid, char *name, int size)
{
	if (!read_line(pid, "wchan", name, size) || !strcmp(name, "0"))
		return false;
	name[strcspn(name, "\n")] = '\0';
	return name[0];
}

static void add_sleep(int64_t pid, const char *how, char *to, size_t size)
{
	char function[64];

	add(to, size, "asleep%s", how);
	if (find_function(pid, function, sizeof(function)))
		add(to, size, " in %s", function);
	add(to, size, ", not in ksync");
}

static void add_state(int64_t pid, char state, int cpu, char *to, size_t size)
{
	switch (state) {
	case 'R':
		add(to, size, "running, or ready to run, on CPU %d", cpu);
		break;
	case 'S':
		add_sleep(pid, "", to, size);
		break;
	case 'D':
		add_sleep(pid, " without interruption", to, size);
		break;
	case 'T':
		add(to, size, "stopped by a signal");
		break;
	case 't':
		add(to, size, "stopped by a debugger");
		break;
	case 'Z':
	case 'X':
		add(to, size, "dead");
		break;
	default:
		add(to, size, "in state %c", isprint(state) ? state : '?');
	}
}

void state_of(const struct snapshot *s, int64_t pid, char *to, size_t size)
{
	char line[1024], *p, state;
	int cpu, n;

	if (pid <= 0) {
		add(to, size, "in a state that cannot be seen from here");
		return;
	}
	if (!s->live) {
		add(to, size, "not waiting in ksync");
		return;
	}
	if (!read_line(pid, "stat", line, sizeof(line))) {
		add(to, size, "gone");
		return;
	}
	/* Its name may contain parentheses, and line ends. */
	p = strrchr(line, ')');
	n = p ? sscanf(p, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %*u %*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %d",
		       &state, &cpu) : 0;
	if (n != 2)
		add(to, size, "in a state that cannot be read");
	else
		add_state(pid, state, cpu, to, size);
}
