// SPDX-License-Identifier: GPL-2.0
/*
 * Load: crowds that are woken, moved and timed out together, waits for any and all
 * of 128, readers and writers, owners that die, and readers of /proc/ksync.
 *
 * Each task does one thing in a loop until it is told to stop.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <tools.h>
#include "load.h"

#define ITEMS	128
#define OWNED	10
#define STACK	(64 * 1024)

static struct ksync *domain;
static struct ksync_waitq q, q2;
static struct ksync_mutex m, owned[OWNED];
static struct ksync_cond c;
static struct ksync_rwlock rw;
static struct ksync_sem never, sems[ITEMS];
static struct ksync_mutex *idle;
static pthread_t *threads;
static int count, room;
static bool stop;
static long turns;

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

static struct timespec in_ms(long ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ms * 1000000L;
	t.tv_sec += t.tv_nsec / 1000000000L;
	t.tv_nsec %= 1000000000L;
	return t;
}

/* A deadline of 4 ms is over before the next one begins: they pass together. */
static struct timespec soon(void)
{
	struct timespec t = in_ms(4);

	t.tv_nsec -= t.tv_nsec % 4000000L;
	return t;
}

static void sleep_in_crowd(void)
{
	const struct timespec t = in_ms(500);

	ksync_waitq_wait_timed(&q, 0, KSYNC_BITSET_ALL, CLOCK_MONOTONIC, &t);
}

static void wait_for_signal(void)
{
	const struct timespec t = in_ms(500);

	ksync_mutex_lock(&m);
	ksync_cond_wait_timed(&c, &m, CLOCK_MONOTONIC, &t);
	ksync_mutex_unlock(&m);
}

static void time_out(void)
{
	const struct timespec t = soon();

	ksync_sem_wait_timed(&never, CLOCK_MONOTONIC, &t);
}

static void wake(void)
{
	ksync_waitq_requeue(&q, &q2, 1, INT_MAX);
	ksync_waitq_wake(&q2, INT_MAX);
	ksync_waitq_wake(&q, INT_MAX);
	ksync_mutex_lock(&m);
	ksync_cond_broadcast(&c);
	ksync_mutex_unlock(&m);
	usleep(3000);
}

static void any(void)
{
	struct ksync_wait_item w[ITEMS] = {};
	const struct timespec t = in_ms(20);
	unsigned int i;

	for (i = 0; i < ITEMS; i++)
		w[i].o = &sems[i].o;
	ksync_wait_any_timed(w, ITEMS, NULL, CLOCK_MONOTONIC, &t, &i);
}

static void all(void)
{
	struct ksync_wait_item w[ITEMS] = {};
	const struct timespec t = in_ms(20);
	unsigned int i;

	for (i = 0; i < ITEMS; i++)
		w[i].o = &sems[i].o;
	ksync_wait_all_timed(w, ITEMS, NULL, CLOCK_MONOTONIC, &t, &i);
}

static void post(void)
{
	int i;

	for (i = 0; i < ITEMS; i++)
		if (ksync_sem_value(&sems[i]) < 3)
			ksync_sem_post(&sems[i]);
	usleep(1000);
}

static void reading(void)
{
	ksync_rwlock_read_lock(&rw);
	usleep(200);
	ksync_rwlock_unlock(&rw);
}

static void writing(void)
{
	ksync_rwlock_write_lock(&rw);
	ksync_rwlock_unlock(&rw);
	usleep(2000);
}

static void *own_and_die(void *arg)
{
	int i, ret;

	for (i = 0; i < OWNED; i++) {
		ret = ksync_mutex_lock(&owned[i]);
		if (ret == -EOWNERDEAD)
			ksync_mutex_consistent(&owned[i]);
	}
	usleep(1000);
	return arg;
}

static void deaths(void)
{
	pthread_t t;

	if (!pthread_create(&t, NULL, own_and_die, NULL))
		pthread_join(t, NULL);
}

static void inherit(void)
{
	static unsigned int next;
	struct ksync_mutex *mine;
	int ret;

	mine = &owned[__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % OWNED];
	ret = ksync_mutex_lock(mine);
	if (ret == -EOWNERDEAD)
		ksync_mutex_consistent(mine);
	ksync_mutex_unlock(mine);
}

static void read_proc(void)
{
	static const char *const files[] = {
		"/proc/ksync/objects", "/proc/ksync/waiters", "/proc/ksync/threads",
	};
	char text[4096];
	size_t i;
	int fd;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		fd = open(files[i], O_RDONLY);
		while (fd >= 0 && !stopped() && read(fd, text, sizeof(text)) > 0)
			;
		close(fd);
	}
}

static void *loop(void *arg)
{
	void (*fn)(void) = (void (*)(void))arg;

	while (!stopped()) {
		fn();
		__atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void start(int n, void (*fn)(void))
{
	pthread_attr_t attr;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	while (n--) {
		if (count == room)
			errx(1, "more load than was planned");
		ret = pthread_create(&threads[count++], &attr, loop, (void *)fn);
		if (ret)
			errx(1, "thread: %s", strerror(ret));
	}
	pthread_attr_destroy(&attr);
}

static void make(int objects)
{
	domain = open_domain();
	idle = calloc(objects, sizeof(*idle));
	if (!idle)
		err(1, "objects");
	must(ksync_mutex_init_many(idle, objects, domain, 0), "mutexes");
	must(ksync_mutex_init_many(owned, OWNED, domain, 0), "mutexes");
	must(ksync_sem_init_many(sems, ITEMS, domain, 0, 0), "sems");
	must(ksync_sem_init(&never, domain, 0, 0), "sem");
	must(ksync_waitq_init(&q, domain, 0), "waitq");
	must(ksync_waitq_init(&q2, domain, 0), "waitq");
	must(ksync_mutex_init(&m, domain, 0), "mutex");
	must(ksync_cond_init(&c, domain, 0), "cond");
	must(ksync_rwlock_init(&rw, domain, 0), "rwlock");
}

void load_start(int waiters, int objects)
{
	make(objects);
	room = 2 * waiters + 40;
	threads = calloc(room, sizeof(*threads));
	if (!threads)
		err(1, "threads");
	start(waiters, sleep_in_crowd);
	start(waiters / 2, wait_for_signal);
	start(waiters / 2, time_out);
	start(1, wake);
	start(3, any);
	start(2, all);
	start(1, post);
	start(4, reading);
	start(1, writing);
	start(1, deaths);
	start(OWNED, inherit);
	start(1, read_proc);
}

long load_stop(void)
{
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	while (count)
		pthread_join(threads[--count], NULL);
	ksync_close(domain);
	free(threads);
	free(idle);
	return turns;
}
