// SPDX-License-Identifier: GPL-2.0
/*
 * A program of POSIX threads that knows nothing of ksync: four threads and a counter.
 */
#include <pthread.h>
#include <stdio.h>

#define THREADS	4
#define TURNS	10000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counter;

static void *count(void *arg)
{
	for (int i = 0; i < TURNS; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

int main(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, count, NULL))
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("plain: %ld\n", counter);
	return 0;
}
