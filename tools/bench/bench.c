// SPDX-License-Identifier: GPL-2.0
/*
 *	bench [-q] [-p] [MEASUREMENT...]
 *
 * -q is quick.  -p does without the module: uncontended locks are measured on
 * plain memory, and ksync over futexes.  Without names everything is measured.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"

bool on_plain_memory;
int rounds = 5;
double seconds = 0.5;

static const struct {
	const char *name;
	void (*run)(void);
} measurements[] = {
	{ "uncontended", bench_uncontended },
	{ "contended", bench_mutexes },
	{ "spin", bench_spins },
	{ "rwlock", bench_rwlocks },
	{ "sem", bench_sems },
	{ "ping-pong", bench_pingpong },
	{ "cond", bench_conds },
	{ "barrier", bench_barriers },
	{ "many", bench_many },
	{ "scale", bench_scale },
	{ "waiters", bench_waiters },
	{ "objects", bench_objects },
	{ "uring", bench_urings },
};

#define COUNT	(sizeof(measurements) / sizeof(*measurements))

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void run(const char *name)
{
	for (unsigned int i = 0; i < COUNT; i++) {
		if (!strcmp(name, measurements[i].name)) {
			measurements[i].run();
			return;
		}
	}
	errx(2, "there is no measurement '%s'", name);
}

int main(int argc, char **argv)
{
	struct utsname u;
	int opt;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((opt = getopt(argc, argv, "qp")) > 0) {
		if (opt == 'q') {
			rounds = 3;
			seconds = 0.2;
		} else if (opt == 'p') {
			on_plain_memory = true;
		} else {
			return 2;
		}
	}
	uname(&u);
	printf("Linux %s, %ld CPUs\n", u.release, sysconf(_SC_NPROCESSORS_ONLN));
	for (int i = optind; i < argc; i++)
		run(argv[i]);
	if (optind == argc)
		for (unsigned int i = 0; i < COUNT; i++)
			measurements[i].run();
	return 0;
}
