// SPDX-License-Identifier: GPL-2.0
/*
 * Semaphores beside glibc's, events beside eventfd: alone (as locks, in
 * uncontended.c), two threads that hand each other the turn, and producers and
 * consumers at the two ends of a ring.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "bench.h"

#define SLOTS		8

/* Two of each, with a cache line to itself each. */
static struct { alignas(64) sem_t s; } posix[2];
static struct { alignas(64) struct ksync_sem s; } sems[2];
static struct { alignas(64) struct ksync_event e; } events[2];
static int fds[2];

/* For uncontended.c: a semaphore of one unit. */
static void init_posix(void)
{
	if (sem_init(&posix[0].s, 0, 1))
		err(1, "sem_init");
}

static void init_sem(void)
{
	static alignas(64) struct ksync_cell cell = {
		.word = 1,
		.limit = KSYNC_SEM_MAX,
	};

	if (on_plain_memory)
		sems[0].s.o = (struct ksync_object){
			.cell = &cell,
			.serial = 1,
			.attr = KSYNC_KIND_SEM,
		};
	else
		must(ksync_sem_init(&sems[0].s, domain(), 1, 0), "sem");
}

static int wait_posix(int i)
{
	return sem_wait(&posix[i].s) ? -errno : 0;
}

static int post_posix(int i)
{
	return sem_post(&posix[i].s) ? -errno : 0;
}

static int wait_sem(int i)
{
	return ksync_sem_wait(&sems[i].s);
}

static int post_sem(int i)
{
	return ksync_sem_post(&sems[i].s);
}

static int eventfd_sem;

static void init_eventfd_sem(void)
{
	eventfd_sem = eventfd(1, EFD_SEMAPHORE);
	if (eventfd_sem < 0)
		err(1, "eventfd");
}

static int take_eventfd_sem(void)
{
	uint64_t value;

	return read(eventfd_sem, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int give_eventfd_sem(void)
{
	const uint64_t one = 1;

	return write(eventfd_sem, &one, sizeof(one)) < 0 ? -errno : 0;
}

static int take_posix(void)
{
	return wait_posix(0);
}

static int give_posix(void)
{
	return post_posix(0);
}

static int take_sem(void)
{
	return wait_sem(0);
}

static int give_sem(void)
{
	return post_sem(0);
}

DEFINE_LOCK(posix, "sem", "glibc-sem");
DEFINE_LOCK(eventfd_sem, "sem", "eventfd-sem");
DEFINE_LOCK(sem, "sem", "ksync-sem");

/* Two of something that one thread posts and another one waits for. */
struct pair {
	const char *name;
	void (*init)(unsigned int first);
	int (*wait)(int i);
	int (*post)(int i);
};

static void init_posixes(unsigned int first)
{
	if (sem_init(&posix[0].s, 0, first) || sem_init(&posix[1].s, 0, 0))
		err(1, "sem_init");
}

static void init_sems(unsigned int first)
{
	must(ksync_sem_init(&sems[0].s, domain(), first, 0), "sem");
	must(ksync_sem_init(&sems[1].s, domain(), 0, 0), "sem");
}

static void init_fds(unsigned int first)
{
	fds[0] = eventfd(first, 0);
	fds[1] = eventfd(0, 0);
	if (fds[0] < 0 || fds[1] < 0)
		err(1, "eventfd");
}

static int wait_fd(int i)
{
	uint64_t value;

	return read(fds[i], &value, sizeof(value)) < 0 ? -errno : 0;
}

static int post_fd(int i)
{
	const uint64_t one = 1;

	return write(fds[i], &one, sizeof(one)) < 0 ? -errno : 0;
}

static void init_events(unsigned int first)
{
	must(ksync_event_init(&events[0].e, domain(), 0), "event");
	must(ksync_event_init(&events[1].e, domain(), 0), "event");
	if (first)
		must(ksync_event_set(&events[0].e), "set");
}

static int wait_event(int i)
{
	return ksync_event_wait(&events[i].e);
}

static int post_event(int i)
{
	return ksync_event_set(&events[i].e);
}

static const struct pair sem_pairs[] = {
	{ "glibc-sem", init_posixes, wait_posix, post_posix },
	{ "ksync-sem", init_sems, wait_sem, post_sem },
};

static const struct pair event_pairs[] = {
	{ "eventfd", init_fds, wait_fd, post_fd },
	{ "ksync-event", init_events, wait_event, post_event },
};

static const struct pair *pair;
static long turns;

/* Wait for the own one, post the other one. */
static void play(int mine)
{
	for (long i = 0; i < turns; i++) {
		must(pair->wait(mine), pair->name);
		must(pair->post(!mine), pair->name);
	}
}

/* Which CPU the second player has; the first one has CPU 0. */
static int other_cpu;

static void *first(void *unused)
{
	pin(0);
	play(0);
	return unused;
}

static void *second(void *unused)
{
	pin(other_cpu);
	play(1);
	return unused;
}

static double match(void)
{
	pthread_t threads[2];
	double begin;

	pair->init(1);
	begin = now();
	must(-pthread_create(&threads[0], NULL, first, NULL), "thread");
	must(-pthread_create(&threads[1], NULL, second, NULL), "thread");
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return now() - begin;
}

/* On one CPU who waits cannot but sleep; on two the other one may be quicker. */
static void ping_pong(const char *what, const struct pair *pairs, int cpus)
{
	turns = seconds * 10000 + 1;
	other_cpu = cpus - 1;
	printf("%s: CPUs: %d, %d rounds\n", what, cpus, rounds);
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < 2; i++) {
			pair = &pairs[(i + round) % 2];
			printf("@ bench=%s-%dcpu threads=2 lock=%s round=%d us_turn=%.2f\n",
			       what, cpus, pair->name, round,
			       match() * 1e6 / turns);
		}
	}
}

/* What goes through the ring: numbers, so that a lost unit shows. */
static alignas(64) uint64_t put, got, sum;

static void *produce(void *unused)
{
	for (long i = 0; i < turns; i++) {
		must(pair->wait(0), pair->name);
		__atomic_add_fetch(&put, 1, __ATOMIC_RELAXED);
		must(pair->post(1), pair->name);
	}
	return unused;
}

static void *consume(void *unused)
{
	uint64_t mine = 0;

	for (long i = 0; i < turns; i++) {
		must(pair->wait(1), pair->name);
		mine += __atomic_add_fetch(&got, 1, __ATOMIC_RELAXED) <=
			__atomic_load_n(&put, __ATOMIC_RELAXED);
		must(pair->post(0), pair->name);
	}
	__atomic_add_fetch(&sum, mine, __ATOMIC_RELAXED);
	return unused;
}

static double run_ring(int threads)
{
	pthread_t thread[THREADS_MAX];
	double begin = now();

	put = 0;
	got = 0;
	sum = 0;
	pair->init(SLOTS);
	for (int i = 0; i < threads; i++)
		must(-pthread_create(&thread[i], NULL,
				     i % 2 ? consume : produce, NULL), "thread");
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	if (sum != put)
		errx(1, "%s: %lu of %lu came through the ring", pair->name,
		     (unsigned long)sum, (unsigned long)put);
	return (now() - begin) * 1e9 / put;
}

/* Half of the threads put, half of them get. */
static void rings(int threads)
{
	turns = seconds * 40000 / threads + 1;
	printf("sem-ring: %d threads, %d rounds\n", threads, rounds);
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < 2; i++) {
			pair = &sem_pairs[(i + round) % 2];
			printf("@ bench=sem-ring threads=%d lock=%s round=%d ns_op=%.1f\n",
			       threads, pair->name, round, run_ring(threads));
		}
	}
}

void bench_sems(void)
{
	for (int threads = 2; threads <= 8; threads *= 2)
		rings(threads);
	for (int cpus = 1; cpus <= 2; cpus++) {
		ping_pong("sem", sem_pairs, cpus);
		ping_pong("event", event_pairs, cpus);
	}
}
