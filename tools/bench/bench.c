// SPDX-License-Identifier: GPL-2.0
/*
 *	bench [-q|-t] [-p] [-b] [-c] [-n DONE/ALL] [MEASUREMENT...]
 *
 * -q is quick, -t is only there to see that all works.  -p does without the
 * module: uncontended locks are measured on plain memory, and ksync over futexes.
 * -b adds locks that do not exclude, which has to be noticed.  -c says how many
 * measurements these are, and -n how many were done before, and of how many.
 * Without names everything is measured.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"

enum length length;
bool on_plain_memory;
bool with_busted;
int rounds = 5;
double seconds = 0.06;

static const struct measurement {
	const char *name;
	void (*run)(void);
	bool natively;
} measurements[] = {
	{ "uncontended", bench_uncontended, true },
	{ "contended", bench_mutexes, true },
	{ "protect", bench_protects, false },
	{ "spin", bench_spins, false },
	{ "rwlock", bench_rwlocks, true },
	{ "sem", bench_sems, false },
	{ "ping-pong", bench_pingpong, true },
	{ "cond", bench_conds, false },
	{ "barrier", bench_barriers, false },
	{ "hand-off", bench_handoffs, false },
	{ "priority", bench_priorities, false },
	{ "chain", bench_chains, false },
	{ "many", bench_many, false },
	{ "scale", bench_scale, false },
	{ "waiters", bench_waiters, false },
	{ "objects", bench_objects, false },
	{ "uring", bench_urings, false },
	{ "memory", bench_memory, false },
	/* Not by itself: tools/bench/instructions runs it. */
	{ "instructions", bench_instructions, true },
};

#define BY_THEMSELVES	(COUNT(measurements) - 1)

/* Those done, and of how many, by all runs together. */
static int done, all;

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int at_most(int full, int quick, int tiny)
{
	return length == FULL ? full : length == QUICK ? quick : tiny;
}

static const struct measurement *find(const char *name)
{
	for (int i = 0; i < COUNT(measurements); i++)
		if (!strcmp(name, measurements[i].name))
			return &measurements[i];
	errx(2, "there is no measurement '%s'", name);
}

static void run(const struct measurement *m)
{
	printf("[%d of %d] %s\n", ++done, all, m->name);
	m->run();
}

static void use(int option)
{
	switch (option) {
	case 'q':
		length = QUICK;
		rounds = 3;
		seconds = 0.03;
		break;
	case 't':
		length = TINY;
		rounds = 1;
		seconds = 0.004;
		break;
	case 'p':
		on_plain_memory = true;
		break;
	case 'b':
		with_busted = true;
		break;
	case 'n':
		if (sscanf(optarg, "%d/%d", &done, &all) == 2)
			break;
		errx(2, "-n takes two numbers, as in 3/20");
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	const struct measurement *wanted[64];
	bool only_count = false;
	struct utsname u;
	int opt, n = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((opt = getopt(argc, argv, "qtpbcn:")) > 0) {
		if (opt == 'c')
			only_count = true;
		else
			use(opt);
	}
	for (int i = optind; i < argc && n < COUNT(wanted); i++)
		wanted[n++] = find(argv[i]);
	for (int i = 0; i < BY_THEMSELVES && optind == argc; i++)
		if (measurements[i].natively || !on_plain_memory)
			wanted[n++] = &measurements[i];
	if (only_count) {
		printf("%d\n", n);
		return 0;
	}
	if (!all)
		all = done + n;
	uname(&u);
	printf("Linux %s, %ld CPUs\n", u.release, sysconf(_SC_NPROCESSORS_ONLN));
	for (int i = 0; i < n; i++)
		run(wanted[i]);
	return 0;
}
