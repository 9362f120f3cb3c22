// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A queue with room for four numbers, between two threads and two others. */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <ksync.h>

enum { ROOM = 4, NUMBERS = 5000 };

static struct ksync_mutex mutex;
static struct ksync_cond filled, emptied;
static int queue[ROOM], head, tail, errors; /* under the mutex */

static void *produce(void *unused)
{
	for (int i = 1; i <= NUMBERS; i++) {
		errors += !!ksync_mutex_lock(&mutex);
		while (tail - head == ROOM)
			errors += !!ksync_cond_wait(&emptied, &mutex);
		queue[tail++ % ROOM] = i;
		ksync_cond_signal(&filled);
		ksync_mutex_unlock(&mutex);
	}
	return unused;
}

static void *consume(void *sum)
{
	for (int i = 1; i <= NUMBERS; i++) {
		errors += !!ksync_mutex_lock(&mutex);
		while (tail == head)
			errors += !!ksync_cond_wait(&filled, &mutex);
		*(long *)sum += queue[head++ % ROOM];
		ksync_cond_signal(&emptied);
		ksync_mutex_unlock(&mutex);
	}
	return NULL;
}

int main(void)
{
	long sum[4] = { 0 };
	pthread_t thread[4];
	struct ksync *d;
	int i, ret = ksync_open(&d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	if (ksync_mutex_init(&mutex, d, 0) || ksync_cond_init(&filled, d, 0) ||
	    ksync_cond_init(&emptied, d, 0))
		errx(1, "no mutex, or no condition variable");
	for (i = 0; i < 4; i++)
		if (pthread_create(&thread[i], NULL, i % 2 ? produce : consume, &sum[i]))
			errx(1, "no thread");
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	printf("cond: %d numbers, sum %ld\n", tail, sum[0] + sum[2]);
	return errors || sum[0] + sum[2] != (long)NUMBERS * (NUMBERS + 1);
}
