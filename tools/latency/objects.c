// SPDX-License-Identifier: GPL-2.0
/* Many objects. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "pool.h"
#include "scenes.h"

#define ITEMS	128	/* of one wait */
#define MANY	131072

static struct ksync_sem s[MANY];
static struct ksync_mutex m[MANY];
static struct ksync_wait_item items[ITEMS];
static struct ksync *other;
static struct ksync_waitq q;
static int fd;

static void fill(struct ksync_wait_item *w, int first, int n)
{
	int i;

	memset(w, 0, n * sizeof(*w));
	for (i = 0; i < n; i++)
		w[i].o = &s[first + i].o;
}

static void make_sems(int n, int initial)
{
	must(ksync_sem_init_many(s, n, domain, initial, 0), "sems");
}

/* Each thread waits for any of its own. */
static void wait_any(int i)
{
	struct ksync_wait_item w[ITEMS];
	unsigned int index;

	fill(w, i * ITEMS, ITEMS);
	must(ksync_wait_any(w, ITEMS, NULL, &index), "wait");
}

static void prepare_waited(int n)
{
	int i;

	make_sems(n, 0);
	pool_run(n / ITEMS, wait_any);
	for (i = 0; i < n; i += ITEMS)
		await_waiters(&s[i + ITEMS - 1].o, 1);
}

/* One comes and goes. */
static void come_and_go(int n)
{
	const struct timespec t = in_ms(2);

	if (ksync_sem_wait_timed(&s[n / 2], CLOCK_MONOTONIC, &t) != -ETIMEDOUT)
		errx(1, "a wait ended before its deadline");
}

static void end_waited(int n)
{
	int i;

	for (i = 0; i < n; i += ITEMS)
		must(ksync_sem_post(&s[i]), "post");
	pool_wait();
}

static void prepare_any(int n)
{
	make_sems(n, 0);
	fill(items, 0, n);
}

static void wait_for_any(int n)
{
	const struct timespec t = in_ms(20);
	unsigned int index;

	if (ksync_wait_any_timed(items, n, NULL, CLOCK_MONOTONIC, &t, &index) != -ETIMEDOUT)
		errx(1, "a wait ended before its deadline");
}

static void prepare_all(int n)
{
	make_sems(n, 1);
	fill(items, 0, n);
}

static void wait_for_all(int n)
{
	unsigned int index;

	must(ksync_wait_all_try(items, n, &index), "wait for all");
}

static void nothing(int n)
{
	(void)n;
}

static void prepare_close(int n)
{
	other = open_domain();
	must(ksync_mutex_init_many(m, n, other, 0), "mutexes");
}

/* Its memory is freed by a worker, a grace period later. */
static void close_other(int n)
{
	(void)n;
	ksync_close(other);
	sleep_ms(300);
}

static void make_objects(int n)
{
	must(ksync_mutex_init_many(m, n, domain, 0), "mutexes");
	must(ksync_mutex_destroy_many(m, n, NULL), "destroy");
}

static void attached(int i)
{
	(void)i;
	must(ksync_mutex_lock(&m[i]), "lock");
	must(ksync_mutex_unlock(&m[i]), "unlock");
	ksync_waitq_wait(&q, 0);
}

static void *come_for_once(void *arg)
{
	(void)arg;
	must(ksync_mutex_lock(&m[0]), "lock");
	must(ksync_mutex_unlock(&m[0]), "unlock");
	return NULL;
}

static void prepare_threads(int n)
{
	must(ksync_waitq_init(&q, domain, 0), "waitq");
	must(ksync_mutex_init_many(m, n, domain, 0), "mutexes");
	pool_run(n, attached);
	await_waiters(&q.o, n);
}

static void one_more(int n)
{
	pthread_t t;
	int ret = pthread_create(&t, NULL, come_for_once, NULL);

	(void)n;
	if (ret)
		errx(1, "thread: %s", strerror(ret));
	pthread_join(t, NULL);
	sleep_ms(50);
}

static void end_threads(int n)
{
	ksync_waitq_wake(&q, n);
	pool_wait();
}

static void prepare_objects(int n)
{
	must(ksync_mutex_init_many(m, n, domain, 0), "mutexes");
}

static void read_file(const char *path)
{
	static char text[65536];
	int file = open(path, O_RDONLY);

	if (file < 0)
		err(1, "%s", path);
	while (read(file, text, sizeof(text)) > 0)
		;
	close(file);
}

static void read_proc(int n)
{
	(void)n;
	read_file("/proc/ksync/objects");
	read_file("/proc/ksync/waiters");
}

static void poll_it(int i)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	(void)i;
	ksync_sem_post(&s[1]);
	if (poll(&p, 1, -1) != 1)
		err(1, "poll");
}

static void prepare_poll(int n)
{
	int i;

	make_sems(2, 0);
	fd = must(ksync_object_fd(&s[0].o, 0), "descriptor");
	pool_run(n, poll_it);
	for (i = 0; i < n; i++)
		must(ksync_sem_wait(&s[1]), "wait");
	sleep_ms(100);
}

static void post_polled(int n)
{
	(void)n;
	must(ksync_sem_post(&s[0]), "post");
}

/* Those that were told may go one by one. */
static void end_poll(int n)
{
	(void)n;
	pool_wait();
	close(fd);
}

const struct scene object_scenes[] = {
	{ "wait for one, and leave", "objects waited for", 1280, 64000, 2, 0,
	  prepare_waited, come_and_go, end_waited },
	{ "wait for any", "items", 16, 128, 2, 0, prepare_any, wait_for_any, nothing },
	{ "take all", "items", 16, 128, 16, 0, prepare_all, wait_for_all, nothing },
	{ "close a domain", "objects", 1000, 100000, 2, SCENE_QUIET,
	  prepare_close, close_other, nothing },
	{ "make and end objects", "objects", 1000, 20000, 2, 0,
	  nothing, make_objects, nothing },
	{ "a thread comes and exits", "threads", 100, 0, 3, 0,
	  prepare_threads, one_more, end_threads },
	{ "read /proc/ksync", "objects", 1000, 20000, 2, 0,
	  prepare_objects, read_proc, nothing },
	{ "post where others poll", "pollers", 100, 0, 2, 0,
	  prepare_poll, post_polled, end_poll },
	{ .name = NULL },
};
