// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Threads, more than there are CPUs, count under a spinlock. */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <ksync.h>

enum { THREADS = 4, ROUNDS = 20000, COUNTERS = 100 };

static struct ksync_spin spin;
static int counters[COUNTERS];

static void must(int ret, const char *what)
{
	if (ret)
		errx(1, "%s: %s", what, strerror(-ret));
}

static void *count(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		must(ksync_spin_lock(&spin), "lock");
		for (int j = 0; j < COUNTERS; j++)
			counters[j]++;
		must(ksync_spin_unlock(&spin), "unlock");
	}
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];
	struct ksync *d;
	int ret = ksync_open(&d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	must(ksync_spin_init(&spin, d, 0), "init");

	for (int i = 0; i < THREADS; i++)
		must(-pthread_create(&threads[i], NULL, count, NULL), "thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);

	must(ksync_spin_destroy(&spin), "destroy");
	ksync_close(d);
	for (int j = 0; j < COUNTERS; j++)
		if (counters[j] != THREADS * ROUNDS)
			errx(1, "counter %d is %d, not %d", j, counters[j], THREADS * ROUNDS);
	printf("spin: %d threads counted to %d\n", THREADS, counters[0]);
	return 0;
}
