// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Threads start together, each once all are there, and main waits for their results. */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <ksync.h>

enum { THREADS = 4, NUMBERS = 10000 };

static struct ksync_latch start, finished;
static unsigned int there, late;
static long primes[THREADS];

static void must(int ret, const char *what)
{
	if (ret)
		errx(1, "%s: %s", what, strerror(-ret));
}

static int is_prime(int n)
{
	for (int i = 2; i * i <= n; i++)
		if (n % i == 0)
			return 0;
	return n > 1;
}

static void *count_primes(void *result)
{
	__atomic_add_fetch(&there, 1, __ATOMIC_RELAXED);
	must(ksync_latch_arrive_and_wait(&start, 1), "start");
	if (__atomic_load_n(&there, __ATOMIC_RELAXED) != THREADS)
		__atomic_add_fetch(&late, 1, __ATOMIC_RELAXED);
	for (int i = (long *)result - primes; i < NUMBERS; i += THREADS)
		*(long *)result += is_prime(i);
	must(ksync_latch_count_down(&finished, 1), "count down");
	return NULL;
}

int main(void)
{
	struct ksync *d;
	pthread_t thread;
	long sum = 0;
	int ret = ksync_open(&d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	must(ksync_latch_init(&start, d, THREADS), "init");
	must(ksync_latch_init(&finished, d, THREADS), "init");
	for (int i = 0; i < THREADS; i++)
		must(-pthread_create(&thread, NULL, count_primes, &primes[i]), "thread");
	must(ksync_latch_wait(&finished), "wait");
	for (int i = 0; i < THREADS; i++)
		sum += primes[i];
	printf("latch: %d threads found %ld primes below %d\n", THREADS, sum, NUMBERS);
	return sum != 1229 || late;
}
