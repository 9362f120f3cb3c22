// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What actors cost: a round trip of messages between two, starting one and being told of
 * its end, starting many that end at once, calls and answers, and memory of those that
 * wait for a message.
 *
 *	actors NAME [PROCS]	ping-pong, spawn, spawn-many, call, selective,
 *				words, stack
 *
 * prints one number: nanoseconds an operation; words: of 8 bytes an idle actor, beside the
 * stack that it touched, page tables included; stack: those of that.  actors.erl does the
 * same in Erlang.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ksync/actor.h>

#define TRIPS	2000000
#define SPAWNS	1000000
#define MANY	100000
#define IDLE	100000
#define STACK	(64UL << 10)
#define PAGE	4096UL
#define BEHIND	100

KSYNC_MESSAGE(ball, 1, long)
KSYNC_SIGNAL(go, 2)
KSYNC_SIGNAL(noise, 3)

static double result;
static uintptr_t *frames;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void must(int ret)
{
	if (ret)
		errx(1, "%s", strerror(-ret));
}

static struct ksync_pid spawn(int (*fn)(void *arg), void *arg, uint32_t flags,
			      uint64_t *monitor)
{
	const struct ksync_actor_attr attr = { .flags = flags, .monitor = monitor };
	struct ksync_pid pid;

	must(ksync_actor_spawn(&pid, fn, arg, &attr));
	return pid;
}

/* Sends each ball back. */
static int wall(void *arg)
{
	struct ksync_message *m;
	long n;

	(void)arg;
	for (;;) {
		if (ksync_actor_receive(&m))
			return 0;
		n = *ball_of(m);
		must(ball_send(m->from, &n));
		ksync_message_free(m);
	}
}

static double ping_pong(void)
{
	struct ksync_pid pid = spawn(wall, NULL, 0, NULL);
	struct ksync_message *m;
	double t = now();
	long i;

	for (i = 0; i < TRIPS; i++) {
		must(ball_send(pid, &i));
		must(ksync_actor_receive(&m));
		if (*ball_of(m) != i)
			errx(1, "another ball");
		ksync_message_free(m);
	}
	t = (now() - t) / TRIPS;
	must(ksync_actor_signal(pid, KSYNC_EXIT_KILL));
	return t;
}

/* What is received passes over this many that stay, each time. */
static bool is_ball(const struct ksync_message *m, void *arg)
{
	(void)arg;
	return ball_of(m);
}

static double selective(void)
{
	struct ksync_pid pid = spawn(wall, NULL, 0, NULL);
	struct ksync_message *m;
	double t;
	long i;

	for (i = 0; i < BEHIND; i++)
		must(noise_send(ksync_actor_self()));
	t = now();
	for (i = 0; i < TRIPS / 4; i++) {
		must(ball_send(pid, &i));
		must(ksync_actor_receive_if(&m, is_ball, NULL, NULL));
		ksync_message_free(m);
	}
	t = (now() - t) / (TRIPS / 4);
	must(ksync_actor_signal(pid, KSYNC_EXIT_KILL));
	return t;
}

static int answerer(void *arg)
{
	struct ksync_message *m;
	long n;

	(void)arg;
	for (;;) {
		if (ksync_actor_receive(&m))
			return 0;
		n = *ball_of(m);
		must(ball_reply(m, &n));
		ksync_message_free(m);
	}
}

static double call(void)
{
	struct ksync_pid pid = spawn(answerer, NULL, 0, NULL);
	struct ksync_message *m;
	double t = now();
	long i;

	for (i = 0; i < TRIPS / 2; i++) {
		must(ksync_actor_call(pid, ball_tag, &i, sizeof(i), &m, NULL));
		ksync_message_free(m);
	}
	t = (now() - t) / (TRIPS / 2);
	must(ksync_actor_signal(pid, KSYNC_EXIT_KILL));
	return t;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static double spawns(void)
{
	struct ksync_message *m;
	uint64_t monitor;
	double t = now();
	long i;

	for (i = 0; i < SPAWNS; i++) {
		spawn(nothing, NULL, KSYNC_ACTOR_MONITOR, &monitor);
		must(ksync_actor_receive(&m));
		ksync_message_free(m);
	}
	return (now() - t) / SPAWNS;
}

static int says(void *parent)
{
	must(go_send(*(struct ksync_pid *)parent));
	return 0;
}

static double spawn_many(void)
{
	struct ksync_pid self = ksync_actor_self();
	struct ksync_message *m;
	double t = now();
	long i, round;

	for (round = 0; round < SPAWNS / MANY; round++) {
		for (i = 0; i < MANY; i++)
			spawn(says, &self, 0, NULL);
		for (i = 0; i < MANY; i++) {
			must(ksync_actor_receive(&m));
			ksync_message_free(m);
		}
	}
	return (now() - t) / SPAWNS;
}

static int idle(void *arg)
{
	struct ksync_message *m;

	*(uintptr_t *)arg = (uintptr_t)&m;
	ksync_actor_receive(&m);
	return 0;
}

static double in_use(const char *what)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	double kb = 0;

	if (!f)
		err(1, "/proc/self/status");
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, what, strlen(what)))
			kb = atof(line + strlen(what));
	fclose(f);
	return kb * 1024;
}

/* Pages of a stack that were touched: down from the page of this frame, and up. */
static long pages(uintptr_t frame)
{
	unsigned char there[STACK / PAGE + 1];
	uintptr_t low = (frame & ~(PAGE - 1)) - STACK / 2;
	long i, n = 0, middle = STACK / 2 / PAGE;

	/* What is beyond the last stack may not be mapped. */
	for (i = 0; i < (long)(STACK / PAGE); i++)
		if (mincore((void *)(low + i * PAGE), PAGE, &there[i]))
			there[i] = 0;
	for (i = middle; i >= 0 && there[i] & 1; i--)
		n++;
	/* Above there is the top of this stack, then a guard page that is not there. */
	for (i = middle + 1; i < (long)(STACK / PAGE) && there[i] & 1; i++)
		n++;
	return n;
}

static double memory(const char *name)
{
	double before, after, stack = 0;
	long i;

	frames = calloc(IDLE, sizeof(*frames));
	for (i = 0; i < IDLE; i++)
		frames[i] = 1;
	before = in_use("VmRSS:") + in_use("VmPTE:");
	for (i = 0; i < IDLE; i++)
		spawn(idle, &frames[i], 0, NULL);
	for (i = 0; i < IDLE; i++)
		while (__atomic_load_n(&frames[i], __ATOMIC_RELAXED) == 1)
			ksync_task_yield();
	ksync_task_yield();
	after = in_use("VmRSS:") + in_use("VmPTE:");
	for (i = 0; i < IDLE; i++)
		stack += pages(frames[i]) * PAGE;
	return (strcmp(name, "stack") ? after - before - stack : stack) / IDLE / 8;
}

static int run(void *arg)
{
	const char *name = arg;

	if (!strcmp(name, "ping-pong"))
		result = ping_pong();
	else if (!strcmp(name, "selective"))
		result = selective();
	else if (!strcmp(name, "call"))
		result = call();
	else if (!strcmp(name, "spawn"))
		result = spawns();
	else if (!strcmp(name, "spawn-many"))
		result = spawn_many();
	else if (!strcmp(name, "words") || !strcmp(name, "stack"))
		result = memory(name);
	else
		errx(2, "there is no '%s'", name);
	return 0;
}

int main(int argc, char **argv)
{
	struct ksync_sched_opts opts = { .model = KSYNC_MODEL_MN };
	struct ksync_sched *s;

	if (argc < 2)
		errx(2, "say what to measure");
	if (argc > 2)
		opts.procs = atoi(argv[2]);
	must(ksync_sched_start(&s, &opts));
	must(ksync_actor_run(s, run, argv[1], NULL, NULL));
	must(ksync_sched_stop(s));
	printf("%.1f\n", result);
	return 0;
}
