// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What tasks, channels and futures cost: yield, spawn and join, a skynet of a million by
 * joins and by channels; a round trip between two tasks, values through a buffer of 100,
 * a select of two cases and the send that makes one ready.
 *
 *	tasks NAME [PROCS]	yield, yield-self, spawn, skynet, skynet-chan,
 *				round-trip, buffered, select, await, async
 *
 * prints one number: nanoseconds an operation (skynet: milliseconds in all).  tasks.go
 * does the same in Go, but for await, of a future that is settled, and async, a task
 * whose future is awaited.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ksync/chan.h>
#include <ksync/future.h>
#include <ksync/task.h>

#define YIELDS	10000000
#define SPAWNS	3000000
#define LEAVES	1000000
#define TRIPS	2000000
#define VALUES	10000000
#define BUFFER	100

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

static struct ksync_chan *a, *b;

static void make_chans(size_t cap)
{
	must(ksync_chan_create(&a, sizeof(long), cap));
	must(ksync_chan_create(&b, sizeof(long), cap));
}

static void *echo(void *arg)
{
	long value;

	while (!ksync_chan_recv(a, &value))
		must(ksync_chan_send(b, &value));
	return arg;
}

static double bench_trip(void)
{
	struct ksync_task *other;
	double t;
	long i;

	make_chans(0);
	must(ksync_task_spawn(&other, echo, NULL, NULL));
	t = now();
	for (i = 0; i < TRIPS; i++) {
		must(ksync_chan_send(a, &i));
		must(ksync_chan_recv(b, &i));
	}
	t = now() - t;
	must(ksync_chan_close(a));
	must(ksync_task_join(other, NULL));
	return t / TRIPS;
}

static void *produce(void *arg)
{
	long i;

	for (i = 0; i < VALUES; i++)
		must(ksync_chan_send(a, &i));
	must(ksync_chan_close(a));
	return arg;
}

static double bench_buffered(void)
{
	double t = now();
	long value, n = 0;

	make_chans(BUFFER);
	must(ksync_task_spawn(NULL, produce, NULL, NULL));
	while (!ksync_chan_recv(a, &value))
		if (value != n++)
			errx(1, "buffered: not in order");
	return (now() - t) / VALUES;
}

/* One is always ready, in turn. */
static double bench_select(void)
{
	long i, value = 0;
	double t;
	int which;

	make_chans(1);
	must(ksync_chan_send(a, &value));
	t = now();
	for (i = 0; i < VALUES; i++) {
		struct ksync_case cases[] = { KSYNC_RECV(a, &value), KSYNC_RECV(b, &value) };

		which = ksync_select(cases, 2);
		must(ksync_chan_send(which ? a : b, &value));
	}
	return (now() - t) / VALUES;
}

struct sky {
	struct ksync_chan *to;
	long number;
	long size;
};

static void *skynet_chan(void *arg)
{
	struct sky *self = arg, child[10];
	struct ksync_chan *c;
	long sum, total = self->number;
	int i;

	if (self->size > 1) {
		must(ksync_chan_create(&c, sizeof(sum), 0));
		for (i = 0; i < 10; i++) {
			child[i].to = c;
			child[i].size = self->size / 10;
			child[i].number = self->number + i * child[i].size;
			must(ksync_task_spawn(NULL, skynet_chan, &child[i], NULL));
		}
		for (i = 0, total = 0; i < 10; i++) {
			must(ksync_chan_recv(c, &sum));
			total += sum;
		}
		must(ksync_chan_destroy(c));
	}
	must(ksync_chan_send(self->to, &total));
	return NULL;
}

static double bench_skynet_chan(void)
{
	struct sky root = { NULL, 0, LEAVES };
	double t = now();
	long sum;

	make_chans(0);
	root.to = a;
	must(ksync_task_spawn(NULL, skynet_chan, &root, NULL));
	must(ksync_chan_recv(a, &sum));
	if (sum != (long)LEAVES * (LEAVES - 1) / 2)
		errx(1, "skynet-chan: a wrong sum");
	return (now() - t) / 1e6;
}

/* A future that is settled already. */
static double bench_await(void)
{
	struct ksync_promise *p;
	struct ksync_future *f;
	double t;
	int i;

	must(ksync_promise_new(&p, &f, NULL));
	must(ksync_promise_set(p, NULL, NULL));
	t = now();
	for (i = 0; i < YIELDS; i++)
		must(ksync_await(f, NULL));
	t = now() - t;
	ksync_promise_put(p);
	ksync_future_put(f);
	return t / YIELDS;
}

static int no_value(void *arg, struct ksync_value *out)
{
	out->value = arg;
	return 0;
}

/* spawn, by a future. */
static double bench_async(void)
{
	struct ksync_future *f;
	double t = now();
	int i;

	for (i = 0; i < SPAWNS; i++) {
		must(ksync_async(&f, no_value, NULL, NULL));
		must(ksync_await(f, NULL));
		ksync_future_put(f);
	}
	return (now() - t) / SPAWNS;
}

static const struct {
	const char *name;
	double (*fn)(void);
} benches[] = {
	{ "yield", bench_yield },
	{ "yield-self", bench_yield_self },
	{ "spawn", bench_spawn },
	{ "skynet", bench_skynet },
	{ "skynet-chan", bench_skynet_chan },
	{ "round-trip", bench_trip },
	{ "buffered", bench_buffered },
	{ "select", bench_select },
	{ "await", bench_await },
	{ "async", bench_async },
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
	errx(2, "usage: tasks NAME [PROCS]; see the head of tasks.c");
}
