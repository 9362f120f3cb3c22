// SPDX-License-Identifier: GPL-2.0
/*
 * One wait for many objects, beside poll() on as many eventfds: satisfied at
 * once, by the last object; and blocked, until a partner posts the last one.  The
 * partner has the same CPU: it runs once the wait sleeps.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "bench.h"

#define OBJECTS		KSYNC_MANY_MAX

/* What is waited for, and what the partner waits for meanwhile. */
static struct ksync_sem sems[OBJECTS];
static struct ksync_wait_item items[OBJECTS];
static struct pollfd polls[OBJECTS];
static int turn_fd;

/**
 * struct way - a candidate
 * @name: in results
 * @wait: for any or all of @n, and take
 * @prepare: what else has to be there: all but the last of @n, or nothing
 * @post: the last of @n
 */
struct way {
	const char *name;
	void (*wait)(int n);
	void (*prepare)(int n);
	void (*post)(int n);
};

static void wait_any(int n)
{
	unsigned int index;

	must(ksync_wait_any(items, n, NULL, &index), "any");
	if (index != (unsigned int)n - 1)
		errx(1, "any: %u of %d", index, n);
}

static void wait_all(int n)
{
	must(ksync_wait_all(items, n, NULL, NULL), "all");
}

static void wait_poll(int n)
{
	uint64_t value;

	if (poll(polls, n, -1) != 1 || !polls[n - 1].revents)
		errx(1, "poll");
	if (read(polls[n - 1].fd, &value, sizeof(value)) < 0)
		err(1, "read");
}

static void post_last(int n)
{
	must(ksync_sem_post(&sems[n - 1]), "post");
}

static void post_others(int n)
{
	for (int i = 0; i < n - 1; i++)
		must(ksync_sem_post(&sems[i]), "post");
}

static void post_nothing(int n)
{
	(void)n;
}

static void post_fd(int n)
{
	const uint64_t one = 1;

	if (write(polls[n - 1].fd, &one, sizeof(one)) < 0)
		err(1, "write");
}

/* The same for all candidates. */
static void hand(void)
{
	const uint64_t one = 1;

	if (write(turn_fd, &one, sizeof(one)) < 0)
		err(1, "write");
}

static void take(void)
{
	uint64_t value;

	if (read(turn_fd, &value, sizeof(value)) < 0)
		err(1, "read");
}

static const struct way ways[] = {
	{ "poll", wait_poll, post_nothing, post_fd },
	{ "ksync-any", wait_any, post_nothing, post_last },
	{ "ksync-all", wait_all, post_others, post_last },
};

static void init(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		must(ksync_sem_init(&sems[i], domain(), 0, 0), "sem");
		items[i].o = &sems[i].o;
		polls[i].fd = eventfd(0, 0);
		polls[i].events = POLLIN;
		if (polls[i].fd < 0)
			err(1, "eventfd");
	}
	turn_fd = eventfd(0, 0);
	if (turn_fd < 0)
		err(1, "eventfd");
}

static double at_once(const struct way *way, int n)
{
	long times = seconds * 20000 / n + 100;
	double sum = 0, begin;

	for (long i = 0; i < times; i++) {
		way->prepare(n);
		way->post(n);
		begin = now();
		way->wait(n);
		sum += now() - begin;
	}
	return sum * 1e6 / times;
}

static const struct way *playing;
static int objects;
static long turns;

static void *partner(void *unused)
{
	for (long i = 0; i < turns; i++) {
		take();
		playing->post(objects);
	}
	return unused;
}

static double blocked(const struct way *way, int n)
{
	double sum = 0, begin;
	pthread_t thread;

	playing = way;
	objects = n;
	turns = seconds * 5000 / n + 100;
	must(-pthread_create(&thread, NULL, partner, NULL), "thread");
	for (long i = 0; i < turns; i++) {
		way->prepare(n);
		begin = now();
		hand();
		way->wait(n);
		sum += now() - begin;
	}
	pthread_join(thread, NULL);
	return sum * 1e6 / turns;
}

static void measure(const char *what, double (*fn)(const struct way *way, int n), int n)
{
	const struct way *way;

	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < COUNT(ways); i++) {
			way = &ways[(i + round) % COUNT(ways)];
			printf("@ bench=many-%s threads=%d lock=%s round=%d us_turn=%.2f\n",
			       what, n, way->name, round, fn(way, n));
		}
	}
}

void bench_many(void)
{
	static const int sizes[] = { 1, 2, 4, 8, 16, 32, 64, OBJECTS };

	pin(0);
	init();
	for (int i = 0; i < COUNT(sizes); i++) {
		printf("many: %d objects, %d rounds\n", sizes[i], rounds);
		measure("ready", at_once, sizes[i]);
		measure("blocked", blocked, sizes[i]);
	}
}
