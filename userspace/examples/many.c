// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Philosophers wait for all of two forks; who counts waits for any of their bells. */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <ksync.h>

enum { SEATS = 5, MEALS = 300 };

static struct ksync_mutex forks[SEATS + 1];	/* the last one is the first one */
static struct ksync_sem bells[SEATS];
static int seats[SEATS];

static void must(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

static void *dine(void *seat)
{
	struct ksync_mutex *left = &forks[*(int *)seat], *right = left + 1;
	struct ksync_wait_item both[] = { { .o = &left->o }, { .o = &right->o } };

	for (int i = 0; i < MEALS; i++) {
		must(ksync_wait_all(both, 2, NULL, NULL), "take the forks");
		must(ksync_sem_post(&bells[*(int *)seat]), "ring");
		must(ksync_mutex_unlock(left), "put down the left fork");
		must(ksync_mutex_unlock(right), "put down the right fork");
	}
	return NULL;
}

int main(void)
{
	struct ksync_wait_item any[SEATS] = {};
	unsigned int seat, meals[SEATS] = {};
	pthread_t thread;
	struct ksync *d;
	int ret = ksync_open(&d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	for (int i = 0; i < SEATS; i++) {
		must(ksync_mutex_init(&forks[i], d, 0), "init");
		must(ksync_sem_init(&bells[i], d, 0, 0), "init");
		any[i].o = &bells[i].o;
		seats[i] = i;
	}
	forks[SEATS] = forks[0];
	for (int i = 0; i < SEATS; i++)
		must(-pthread_create(&thread, NULL, dine, &seats[i]), "thread");
	for (int i = 0; i < SEATS * MEALS; i++) {
		must(ksync_wait_any(any, SEATS, NULL, &seat), "wait for a bell");
		meals[seat]++;
	}
	printf("many: %u meals at the first of %d seats\n", meals[0], SEATS);
	return meals[0] != MEALS;
}
