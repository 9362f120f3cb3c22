// SPDX-License-Identifier: GPL-2.0
/*
 * How long a real-time thread takes to run, once what it waits for is there.
 *
 *	latency [--seconds N] [--waiters W] [--objects O] [--load-only]
 *
 * On each processor a thread of SCHED_FIFO 95 waits: for a point in time, as
 * cyclictest does; then for a thread of low priority on another processor to unlock a
 * mutex, post a sem, set an event, signal a cond, and post one of many.  Meanwhile
 * others keep the module busy (load.c): W wait for one object (100), and there are O
 * objects (1000).  Each part takes N seconds (5).
 *
 * Prints TAP.  Times are figures and nothing else: asserted is that no wake-up was
 * missing.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <tools.h>
#include "load.h"

#define CPUS_MAX	16
#define SAMPLES_MAX	200000
#define ITEMS		64
#define MS		1000000ULL
#define WAITER_PRIO	95
#define POSTER_PRIO	20

/**
 * struct pair - who waits and who lets it go, on one processor and the next
 * @cpu: of the waiter
 * @m, @c, @s, @e: what they have
 * @many: the same
 * @sent: when the poster let it go; 0: it has not yet
 * @flag: what the cond is about
 * @posted: how often it did
 * @last: it will no more
 * @got: how often the waiter went on
 * @waiter, @poster: threads
 * @n: how many samples
 * @sample: in ns
 */
struct pair {
	int cpu;
	struct ksync_mutex m;
	struct ksync_cond c;
	struct ksync_sem s;
	struct ksync_event e;
	struct ksync_sem many[ITEMS];
	uint64_t sent;
	bool flag;
	long posted;
	bool last;
	long got;
	pthread_t waiter;
	pthread_t poster;
	uint32_t n;
	uint32_t sample[SAMPLES_MAX];
};

/**
 * struct part - a way of waiting
 * @name: in figures
 * @object: that the waiter waits for
 * @before: the poster, before the waiter can wait; or NULL
 * @wait: the waiter, until it was let go
 * @post: the poster lets it go; NULL: nobody does
 */
struct part {
	const char *name;
	struct ksync_object *(*object)(struct pair *p);
	void (*before)(struct pair *p);
	void (*wait)(struct pair *p);
	void (*post)(struct pair *p);
};

static struct pair *pairs;
static const struct part *part;
static int cpus, seconds = 5, waiters = 100, objects = 1000, tests, failed;
static bool stop, load_only;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

static void sample(struct pair *p, uint64_t since)
{
	const uint64_t t = now();

	if (p->n < SAMPLES_MAX)
		p->sample[p->n++] = t > since ? t - since : 0;
}

static void wait_clock(struct pair *p)
{
	const uint64_t at = now() + 5 * MS;
	const struct timespec t = { at / 1000000000ULL, at % 1000000000ULL };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	p->sent = at;
	p->posted++;
}

static struct ksync_object *object_mutex(struct pair *p)
{
	return &p->m.o;
}

/* The waiter comes once there is somebody to wait for. */
static void before_mutex(struct pair *p)
{
	must(ksync_mutex_lock(&p->m), "lock");
	must(ksync_sem_post(&p->s), "post");
}

static void wait_mutex(struct pair *p)
{
	must(ksync_sem_wait(&p->s), "wait");
	must(ksync_mutex_lock(&p->m), "lock");
	must(ksync_mutex_unlock(&p->m), "unlock");
}

static void post_mutex(struct pair *p)
{
	must(ksync_mutex_unlock(&p->m), "unlock");
}

static struct ksync_object *object_sem(struct pair *p)
{
	return &p->s.o;
}

static void wait_sem(struct pair *p)
{
	must(ksync_sem_wait(&p->s), "wait");
}

static void post_sem(struct pair *p)
{
	must(ksync_sem_post(&p->s), "post");
}

static struct ksync_object *object_event(struct pair *p)
{
	return &p->e.o;
}

static void wait_event(struct pair *p)
{
	must(ksync_event_wait(&p->e), "wait");
}

static void set_event(struct pair *p)
{
	must(ksync_event_set(&p->e), "set");
}

static struct ksync_object *object_cond(struct pair *p)
{
	return &p->c.o;
}

static void wait_cond(struct pair *p)
{
	must(ksync_mutex_lock(&p->m), "lock");
	while (!p->flag)
		must(ksync_cond_wait(&p->c, &p->m), "wait");
	p->flag = false;
	must(ksync_mutex_unlock(&p->m), "unlock");
}

static void signal_cond(struct pair *p)
{
	must(ksync_mutex_lock(&p->m), "lock");
	p->flag = true;
	must(ksync_cond_signal(&p->c), "signal");
	must(ksync_mutex_unlock(&p->m), "unlock");
}

static struct ksync_object *object_any(struct pair *p)
{
	return &p->many[ITEMS - 1].o;
}

static void wait_any(struct pair *p)
{
	struct ksync_wait_item w[ITEMS] = {};
	unsigned int i;

	for (i = 0; i < ITEMS; i++)
		w[i].o = &p->many[i].o;
	must(ksync_wait_any(w, ITEMS, NULL, &i), "wait");
}

static void post_any(struct pair *p)
{
	must(ksync_sem_post(&p->many[p->posted % ITEMS]), "post");
}

static const struct part parts[] = {
	{ "clock_nanosleep", NULL, NULL, wait_clock, NULL },
	{ "mutex", object_mutex, before_mutex, wait_mutex, post_mutex },
	{ "sem", object_sem, NULL, wait_sem, post_sem },
	{ "event", object_event, NULL, wait_event, set_event },
	{ "cond", object_cond, NULL, wait_cond, signal_cond },
	{ "any of 64", object_any, NULL, wait_any, post_any },
};

static void become(int prio, int cpu)
{
	const struct sched_param param = { .sched_priority = prio };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) || sched_setscheduler(0, SCHED_FIFO, &param))
		err(1, "a real-time thread on processor %d", cpu);
}

/* There will be nobody to let it go again. */
static bool over(struct pair *p)
{
	return part->post ? __atomic_load_n(&p->last, __ATOMIC_ACQUIRE) : stopped();
}

static void *waiter(void *arg)
{
	struct pair *p = arg;
	uint64_t sent;

	become(WAITER_PRIO, p->cpu);
	do {
		part->wait(p);
		sent = __atomic_exchange_n(&p->sent, 0, __ATOMIC_ACQ_REL);
		if (!sent)
			errx(1, "%s: a wake-up that nobody sent", part->name);
		sample(p, sent);
		__atomic_store_n(&p->got, p->got + 1, __ATOMIC_RELEASE);
	} while (!over(p));
	return NULL;
}

static bool asleep(struct pair *p)
{
	struct ksync_query q;

	must(ksync_object_query(part->object(p), &q), "query");
	return q.waiters;
}

static void pause_a_bit(void)
{
	const struct timespec t = { .tv_nsec = 300000 };

	nanosleep(&t, NULL);
}

static void *poster(void *arg)
{
	struct pair *p = arg;

	become(POSTER_PRIO, (p->cpu + 1) % cpus);
	while (!p->last) {
		if (part->before)
			part->before(p);
		while (!asleep(p))
			pause_a_bit();
		__atomic_store_n(&p->last, stopped(), __ATOMIC_RELEASE);
		__atomic_store_n(&p->posted, p->posted + 1, __ATOMIC_RELEASE);
		__atomic_store_n(&p->sent, now(), __ATOMIC_RELEASE);
		part->post(p);
		while (__atomic_load_n(&p->got, __ATOMIC_ACQUIRE) < p->posted)
			pause_a_bit();
	}
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void result(bool ok, const char *name, const char *what)
{
	printf("%s %d - latency: %s: %s\n", ok ? "ok" : "not ok", ++tests, name, what);
	failed += !ok;
	fflush(stdout);
}

/* How many took less than 10, 20, 50, ... us. */
static void histogram(const uint32_t *all, uint32_t n)
{
	static const uint32_t to[] = {
		10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, UINT32_MAX,
	};
	uint32_t i, k = 0, many;

	for (i = 0; i < sizeof(to) / sizeof(*to); i++) {
		for (many = 0; k < n && all[k] / 1000 < to[i]; k++)
			many++;
		if (many && to[i] != UINT32_MAX)
			printf("#   below %6u us: %u\n", to[i], many);
		else if (many)
			printf("#   more: %u\n", many);
	}
}

static void tell(void)
{
	uint32_t *all = calloc(cpus, sizeof(pairs->sample)), n = 0;
	long posted = 0, got = 0;
	int i;

	if (!all)
		err(1, "samples");
	for (i = 0; i < cpus; i++) {
		memcpy(all + n, pairs[i].sample, pairs[i].n * sizeof(*all));
		n += pairs[i].n;
		posted += pairs[i].posted;
		got += pairs[i].got;
	}
	qsort(all, n, sizeof(*all), by_size);
	if (n) {
		printf("# %s: %u wake-ups\n", part->name, n);
		histogram(all, n);
		printf("# figure: latency under load: %s, p50 = %.1f us\n", part->name,
		       all[n / 2] / 1e3);
		printf("# figure: latency under load: %s, p99 = %.1f us\n", part->name,
		       all[n - 1 - n / 100] / 1e3);
		printf("# figure: latency under load: %s, max = %.1f us\n", part->name,
		       all[n - 1] / 1e3);
	}
	free(all);
	result(posted && posted == got, part->name, "each wake-up came");
}

static void play(const struct part *which)
{
	struct pair *p;

	part = which;
	__atomic_store_n(&stop, false, __ATOMIC_RELEASE);
	for (p = pairs; p < pairs + cpus; p++) {
		p->n = 0;
		p->posted = 0;
		p->got = 0;
		p->sent = 0;
		p->last = false;
		if (pthread_create(&p->waiter, NULL, waiter, p) ||
		    (part->post && pthread_create(&p->poster, NULL, poster, p)))
			errx(1, "threads");
	}
	sleep(seconds);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (p = pairs; p < pairs + cpus; p++) {
		if (part->post)
			pthread_join(p->poster, NULL);
		pthread_join(p->waiter, NULL);
	}
	tell();
}

static void make(void)
{
	struct ksync *d = open_domain();
	int i;

	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (cpus > CPUS_MAX)
		cpus = CPUS_MAX;
	pairs = calloc(cpus, sizeof(*pairs));
	if (!pairs)
		err(1, "pairs");
	for (i = 0; i < cpus; i++) {
		pairs[i].cpu = i;
		must(ksync_mutex_init(&pairs[i].m, d, 0), "mutex");
		must(ksync_cond_init(&pairs[i].c, d, 0), "cond");
		must(ksync_sem_init(&pairs[i].s, d, 0, 0), "sem");
		must(ksync_event_init(&pairs[i].e, d, 0), "event");
		must(ksync_sem_init_many(pairs[i].many, ITEMS, d, 0, 0), "sems");
	}
}

static void explain(void)
{
	errx(2, "usage: latency [--seconds N] [--waiters W] [--objects O] [--load-only]");
}

static void options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "waiters", required_argument, NULL, 'w' },
		{ "objects", required_argument, NULL, 'o' },
		{ "load-only", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 's')
			seconds = atoi(optarg);
		else if (c == 'w')
			waiters = atoi(optarg);
		else if (c == 'o')
			objects = atoi(optarg);
		else if (c == 'l')
			load_only = true;
		else
			explain();
	}
	if (seconds < 1 || waiters < 2 || objects < 1)
		errx(2, "at least 1 second, 2 waiters, 1 object");
}

int main(int argc, char **argv)
{
	const int n = sizeof(parts) / sizeof(*parts);
	int i;

	options(argc, argv);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (load_only) {
		load_start(waiters, objects);
		sleep(seconds);
		printf("# %ld turns of the load\n", load_stop());
		return 0;
	}
	printf("TAP version 13\n1..%d\n", n + 1);
	make();
	if (mlockall(MCL_CURRENT))
		err(1, "mlockall");
	load_start(waiters, objects);
	for (i = 0; i < n; i++)
		play(&parts[i]);
	result(load_stop() > 0, "load", "it did something, and ends");
	return failed > 0;
}
