// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What tasks cost: yield, spawn and join, and a skynet of a million.
 *
 *	tasks NAME [PROCS]	yield, yield-self, spawn, skynet
 *
 * prints one number: nanoseconds an operation (skynet: milliseconds in all).  tasks.go
 * does the same in Go.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ksync/task.h>

#define YIELDS	10000000
#define SPAWNS	3000000
#define LEAVES	1000000

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

static void *yields(void *n)
{
	long i;

	for (i = 0; i < (long)n; i++)
		ksync_task_yield();
	return NULL;
}

/* Two tasks that take turns. */
static double bench_yield(void)
{
	struct ksync_task *other;
	double t = now();

	must(ksync_task_spawn(&other, yields, (void *)(YIELDS / 2), NULL));
	yields((void *)(YIELDS / 2));
	must(ksync_task_join(other, NULL));
	return (now() - t) / YIELDS;
}

static double bench_yield_self(void)
{
	double t = now();

	yields((void *)YIELDS);
	return (now() - t) / YIELDS;
}

static void *nothing(void *arg)
{
	return arg;
}

static double bench_spawn(void)
{
	struct ksync_task *task;
	double t = now();
	int i;

	for (i = 0; i < SPAWNS; i++) {
		must(ksync_task_spawn(&task, nothing, NULL, NULL));
		must(ksync_task_join(task, NULL));
	}
	return (now() - t) / SPAWNS;
}

struct node {
	long number;
	long size;
};

static void *skynet(void *arg)
{
	struct node *self = arg, child[10];
	struct ksync_task *task[10];
	void *sum;
	long total = 0;
	int i;

	if (self->size == 1)
		return (void *)self->number;
	for (i = 0; i < 10; i++) {
		child[i].size = self->size / 10;
		child[i].number = self->number + i * child[i].size;
		must(ksync_task_spawn(&task[i], skynet, &child[i], NULL));
	}
	for (i = 0; i < 10; i++) {
		must(ksync_task_join(task[i], &sum));
		total += (long)sum;
	}
	return (void *)total;
}

static double bench_skynet(void)
{
	struct node root = { 0, LEAVES };
	double t = now();

	if ((long)skynet(&root) != (long)LEAVES * (LEAVES - 1) / 2)
		errx(1, "skynet: a wrong sum");
	return (now() - t) / 1e6;
}

static const struct {
	const char *name;
	double (*fn)(void);
} benches[] = {
	{ "yield", bench_yield },
	{ "yield-self", bench_yield_self },
	{ "spawn", bench_spawn },
	{ "skynet", bench_skynet },
};

static double figure;

static void *run(void *i)
{
	figure = benches[(intptr_t)i].fn();
	return NULL;
}

int main(int argc, char **argv)
{
	struct ksync_sched_opts opts = { .model = KSYNC_MODEL_MN };
	struct ksync_sched *s;
	uintptr_t i;

	for (i = 0; i < sizeof(benches) / sizeof(*benches); i++) {
		if (argc < 2 || strcmp(argv[1], benches[i].name))
			continue;
		opts.procs = argc > 2 ? atoi(argv[2]) : 0;
		must(ksync_sched_start(&s, &opts));
		must(ksync_sched_run(s, run, (void *)i, NULL));
		must(ksync_sched_stop(s));
		printf("%.1f\n", figure);
		return 0;
	}
	errx(2, "usage: tasks yield|yield-self|spawn|skynet [PROCS]");
}
