// SPDX-License-Identifier: GPL-2.0
/*
 * What a thread does, as /proc/PID tells.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ksyncctl.h"

/* All of it: a thread's name may have line ends in it. */
static bool read_file(int64_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/%s", pid, name);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(text, 1, size - 1, f);
	fclose(f);
	text[n] = '\0';
	return n;
}

bool process_exists(int64_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%" PRId64, pid);
	return !access(path, F_OK);
}

/* The names of its functions are words. */
static bool find_function(int64_t pid, char *name, size_t size)
{
	if (!read_file(pid, "wchan", name, size) || !strcmp(name, "0"))
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

/* From the end of the name in /proc/PID/stat, field 2; the state is field 3. */
#define STATE_TO_CPU	36

static const char *skip_fields(const char *p, int n)
{
	while (n-- && (p = strchr(p, ' ')))
		p++;
	return p ? p : "";
}

void state_of(const struct snapshot *s, int64_t pid, char *to, size_t size)
{
	char stat[1024], *p;

	if (pid <= 0) {
		add(to, size, "in a state that cannot be seen from here");
		return;
	}
	if (!s->live) {
		add(to, size, "not waiting in ksync");
		return;
	}
	if (!read_file(pid, "stat", stat, sizeof(stat))) {
		add(to, size, "gone");
		return;
	}
	/* The name may have parentheses in it, too. */
	p = strrchr(stat, ')');
	if (!p || !p[1] || !p[2])
		add(to, size, "in a state that cannot be read");
	else
		add_state(pid, p[2], atoi(skip_fields(p, STATE_TO_CPU + 1)), to, size);
}
