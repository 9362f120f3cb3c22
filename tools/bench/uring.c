// SPDX-License-Identifier: GPL-2.0
/*
 * A ksync semaphore beside an eventfd, waited for by io_uring: by one thread that
 * posts to itself, by two that hand each other the turn, and with many commands
 * outstanding.  The eventfd takes two linked SQEs, POLL_ADD and READ.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <ksync/uring.h>
#include "bench.h"

#define DEEP	64

/* One thread's ring, what it waits for, and where an eventfd is read to. */
static struct player {
	struct io_uring ring;
	struct ksync_sem sem;
	int fd;
	uint64_t value[DEEP];
} players[2];

/* Something that a ring waits for. */
struct source {
	const char *name;
	void (*ask)(struct player *p, int slot);
	int (*post)(struct player *p);
};

static struct io_uring_sqe *get_sqe(struct player *p)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&p->ring);

	if (!sqe)
		errx(1, "the ring is full");
	return sqe;
}

static void ask_sem(struct player *p, int slot)
{
	struct io_uring_sqe *sqe = get_sqe(p);

	ksync_prep_acquire(sqe, &p->sem);
	sqe->user_data = slot;
}

static int post_sem(struct player *p)
{
	return ksync_sem_post(&p->sem);
}

static void ask_fd(struct player *p, int slot)
{
	struct io_uring_sqe *sqe = get_sqe(p);

	io_uring_prep_poll_add(sqe, p->fd, POLLIN);
	sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	sqe = get_sqe(p);
	io_uring_prep_read(sqe, p->fd, &p->value[slot], sizeof(p->value[slot]), 0);
	sqe->user_data = slot;
}

static int post_fd(struct player *p)
{
	const uint64_t one = 1;

	return write(p->fd, &one, sizeof(one)) < 0 ? -errno : 0;
}

static const struct source sources[] = {
	{ "eventfd-uring", ask_fd, post_fd },
	{ "ksync-uring", ask_sem, post_sem },
};

static const struct source *source;
static long turns;

static void check(int ret, const char *what)
{
	must(ret < 0 ? ret : 0, what);
}

/* The next result: its slot. */
static int reap(struct player *p)
{
	struct io_uring_cqe *cqe;
	int slot;

	check(io_uring_submit_and_wait(&p->ring, 1), "submit");
	check(io_uring_peek_cqe(&p->ring, &cqe), "result");
	check(cqe->res, source->name);
	slot = cqe->user_data;
	io_uring_cqe_seen(&p->ring, cqe);
	return slot;
}

static double alone(void)
{
	double begin = now();

	for (long i = 0; i < turns; i++) {
		source->ask(&players[0], 0);
		check(io_uring_submit(&players[0].ring), "submit");
		must(source->post(&players[0]), source->name);
		reap(&players[0]);
	}
	return now() - begin;
}

static void play(int mine)
{
	for (long i = 0; i < turns; i++) {
		source->ask(&players[mine], 0);
		reap(&players[mine]);
		must(source->post(&players[!mine]), source->name);
	}
}

static void *second(void *unused)
{
	play(1);
	return unused;
}

static double match(void)
{
	double begin = now();
	pthread_t thread;

	must(-pthread_create(&thread, NULL, second, NULL), "thread");
	must(source->post(&players[0]), source->name);
	play(0);
	pthread_join(thread, NULL);
	/* The last turn came back. */
	source->ask(&players[0], 0);
	reap(&players[0]);
	return now() - begin;
}

/* All slots wait, each is posted to by another thread. */
static void *post_all(void *unused)
{
	for (long i = 0; i < turns; i++)
		must(source->post(&players[0]), source->name);
	return unused;
}

static double outstanding(void)
{
	double begin = now();
	pthread_t thread;
	long asked;

	for (asked = 0; asked < DEEP; asked++)
		source->ask(&players[0], asked);
	check(io_uring_submit(&players[0].ring), "submit");
	must(-pthread_create(&thread, NULL, post_all, NULL), "thread");
	for (long i = 0; i < turns; i++) {
		int slot = reap(&players[0]);

		if (asked++ < turns)
			source->ask(&players[0], slot);
	}
	pthread_join(thread, NULL);
	return now() - begin;
}

static void begin_all(void)
{
	for (int i = 0; i < 2; i++) {
		must(io_uring_queue_init(2 * DEEP, &players[i].ring, 0), "ring");
		must(ksync_sem_init(&players[i].sem, domain(), 0, 0), "sem");
		players[i].fd = eventfd(0, EFD_SEMAPHORE);
		if (players[i].fd < 0)
			err(1, "eventfd");
	}
}

static void measure(const char *what, int threads, const char *unit, double scale,
		    double (*run)(void))
{
	printf("%s: %d rounds\n", what, rounds);
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < 2; i++) {
			source = &sources[(i + round) % 2];
			printf("@ bench=%s threads=%d lock=%s round=%d %s=%.2f\n",
			       what, threads, source->name, round, unit,
			       run() * scale / turns);
		}
	}
}

void bench_urings(void)
{
	struct ksync_info info;

	must(ksync_info(domain(), &info), "info");
	if (!(info.features & KSYNC_FEATURE_URING)) {
		printf("uring: the module was built without io_uring\n");
		return;
	}
	begin_all();
	turns = seconds * 10000 + DEEP;
	measure("uring-alone", 1, "ns_op", 1e9, alone);
	measure("uring-ping-pong", 2, "us_turn", 1e6, match);
	measure("uring-64", 2, "ns_op", 1e9, outstanding);
	for (int i = 0; i < 2; i++)
		io_uring_queue_exit(&players[i].ring);
}
