// SPDX-License-Identifier: GPL-2.0
/*
 * Does the module keep preemption or interrupts off for longer, the more wait or
 * the more objects there are?
 *
 *	sections [--rounds N] [--waiters W] [--only TEXT]
 *
 * Each scene is played with few and with many, in turn, N times (3), and the longest
 * section of each time is taken; the least of these counts, as what disturbs only adds.
 * For a machine whose time is made of the instructions it executes ('tools/vm/run
 * --icount'), of one processor: there a tick of the time stamp counter is one.
 *
 * Prints TAP, with a figure for each scene.  Not on kernels without the events.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include "pool.h"
#include "scenes.h"
#include "tracer.h"

/* What is measured of so few instructions says nothing. */
#define SLACK	300

struct ksync *domain;

static int rounds = 3, waiters = 2000, planned, tests, failed;
static const char *only;

static const struct scene *const rooms[] = { queue_scenes, owner_scenes, object_scenes };

void sleep_ms(int ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

struct timespec in_ms(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ms % 1000 * 1000000L;
	t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000L;
	t.tv_nsec %= 1000000000L;
	return t;
}

void await_waiters(struct ksync_object *o, unsigned int n)
{
	struct ksync_query query;

	for (;;) {
		must(ksync_object_query(o, &query), "query");
		if (query.waiters == n)
			return;
		sleep_ms(1);
	}
}

static void least(struct longest *of, struct longest with)
{
	if (!of->ticks || with.ticks < of->ticks)
		*of = with;
}

static void play(const struct scene *sc, int n, struct sections *best)
{
	struct sections s;

	domain = open_domain();
	sc->prepare(n);
	tracer_start();
	sc->act(n);
	tracer_stop(&s);
	sc->finish(n);
	ksync_close(domain);
	if (s.probe.ticks > s.own.ticks)
		s.own = s.probe;
	least(&best->own, s.own);
	least(&best->any, s.any);
	best->count += s.count;
}

static void test(int ok, const struct scene *sc, const char *what, struct longest few,
		 struct longest many)
{
	printf("%s %d - latency: %s, %s: %s\n", ok ? "ok" : "not ok", ++tests, sc->name,
	       sc->of, what);
	if (!ok) {
		failed++;
		printf("# %s: from %llu to %llu\n", tracer_name(many.at),
		       (unsigned long long)few.ticks, (unsigned long long)many.ticks);
	}
	fflush(stdout);
}

static bool bounded(struct longest few, struct longest many, int times)
{
	return many.ticks <= times * few.ticks + SLACK;
}

static void look(const struct scene *sc)
{
	struct sections few = {}, many = {};
	const int large = sc->large ? sc->large : waiters;
	int i;

	for (i = 0; i < rounds; i++) {
		play(sc, sc->small, &few);
		play(sc, large, &many);
	}
	printf("# figure: longest section: %s, %d %s = %.1f us\n", sc->name, sc->small,
	       sc->of, few.own.ticks / 1e3);
	printf("# figure: longest section: %s, %d %s = %.1f us\n", sc->name, large, sc->of,
	       many.own.ticks / 1e3);
	printf("@ %s | %s | %d | %d | %llu | %llu | %s | %llu | %llu | %s\n", sc->name, sc->of,
	       sc->small, large, (unsigned long long)few.own.ticks,
	       (unsigned long long)many.own.ticks, tracer_name(many.own.at),
	       (unsigned long long)few.any.ticks, (unsigned long long)many.any.ticks,
	       tracer_name(many.any.at));
	if (!(sc->flags & SCENE_QUIET))
		test(few.count && many.count, sc, "sections were seen", few.own, many.own);
	test(bounded(few.own, many.own, sc->times), sc, "the longest section does not grow",
	     few.own, many.own);
	if (sc->flags & SCENE_ANY)
		test(bounded(few.any, many.any, 3), sc, "nor does one of the kernel's",
		     few.any, many.any);
}

static void plan(const struct scene *sc)
{
	planned += 1 + !(sc->flags & SCENE_QUIET) + !!(sc->flags & SCENE_ANY);
}

static void for_scenes(void (*fn)(const struct scene *sc))
{
	const struct scene *sc;
	size_t i;

	for (i = 0; i < sizeof(rooms) / sizeof(*rooms); i++)
		for (sc = rooms[i]; sc->name; sc++)
			if (!only || strstr(sc->name, only))
				fn(sc);
}

static void options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "waiters", required_argument, NULL, 'w' },
		{ "only", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'r')
			rounds = atoi(optarg);
		else if (c == 'w')
			waiters = atoi(optarg);
		else if (c == 'o')
			only = optarg;
		else
			errx(2, "usage: sections [--rounds N] [--waiters W] [--only TEXT]");
	}
	if (rounds < 1 || waiters < 200 || waiters > 9999)
		errx(2, "1 round at least, and 200 to 9999 waiters");
}

/* Above those that it wakes, so that they do not run before it is done. */
static void settle(void)
{
	const struct sched_param param = { .sched_priority = 60 };
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		err(1, "processor 0");
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		err(1, "a real-time priority");
	if (mlockall(MCL_CURRENT))
		err(1, "mlockall");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

int main(int argc, char **argv)
{
	options(argc, argv);
	settle();
	puts("TAP version 13");
	if (!tracer_open()) {
		puts("1..0 # SKIP this kernel does not record when preemption is off");
		return 0;
	}
	for_scenes(plan);
	printf("1..%d\n", planned);
	fflush(stdout);
	for_scenes(look);
	pool_end();
	tracer_close();
	return failed > 0;
}
