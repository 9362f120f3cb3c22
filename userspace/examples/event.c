// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Runners wait for a start, a manual-reset event, and ring a bell, which resets itself. */
#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <ksync.h>

enum { RUNNERS = 8, ROUNDS = 500, PATIENCE = 60 };

static struct ksync_event start, bell;
static atomic_int running, arrived;

static void must(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

static void *run(void *unused)
{
	must(ksync_event_wait(&start), "wait for the start");
	for (int i = 0; i < ROUNDS; i++) {
		running++;
		must(ksync_event_set(&bell), "ring");
	}
	arrived++;
	must(ksync_event_set(&bell), "ring");
	return unused;
}

int main(void)
{
	pthread_t runners[RUNNERS];
	struct timespec until;
	struct ksync *d;
	int heard = 0, ret = ksync_open(&d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	must(ksync_event_init(&start, d, KSYNC_EVENT_MANUAL), "init");
	must(ksync_event_init(&bell, d, 0), "init");
	for (int i = 0; i < RUNNERS; i++)
		must(-pthread_create(&runners[i], NULL, run, NULL), "thread");
	if (running)
		errx(1, "a false start");
	must(ksync_event_set(&start), "start");
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE;
	/* Whoever rings has counted before; several rings may be heard as one. */
	do {
		must(ksync_event_wait_timed(&bell, CLOCK_MONOTONIC, &until), "the bell");
		heard++;
	} while (arrived < RUNNERS);
	for (int i = 0; i < RUNNERS; i++)
		pthread_join(runners[i], NULL);
	printf("event: %d rings, heard %d times\n", running, heard);
	return running != RUNNERS * ROUNDS || heard < 1 || heard > RUNNERS * (ROUNDS + 1);
}
