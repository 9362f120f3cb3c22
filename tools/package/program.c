// SPDX-License-Identifier: GPL-2.0
/*
 * A program of the library's, as a user of the packages would write it: four threads
 * and a counter.  With the argument "hold" it has the lock until a line is read.
 */
#include <ksync.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS	4
#define TURNS	10000

static struct ksync_mutex mutex;
static long counter;

static void must(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "program: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static void *count(void *arg)
{
	for (int i = 0; i < TURNS; i++) {
		must(ksync_mutex_lock(&mutex), "lock");
		counter++;
		must(ksync_mutex_unlock(&mutex), "unlock");
	}
	return arg;
}

static void hold(void)
{
	char line[16];

	must(ksync_mutex_lock(&mutex), "lock");
	puts("program: holds");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(1);
	must(ksync_mutex_unlock(&mutex), "unlock");
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	struct ksync *domain;
	int ret = ksync_open(&domain, 0);

	if (ret) {
		fprintf(stderr, "program: %s\n", ksync_strerror_open(ret));
		return 1;
	}
	must(ksync_mutex_init(&mutex, domain, 0), "init");
	must(ksync_name(&mutex, "kept"), "name");
	if (argc > 1 && !strcmp(argv[1], "hold"))
		hold();
	for (int i = 0; i < THREADS; i++)
		must(-pthread_create(&threads[i], NULL, count, NULL), "thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("program: %ld\n", counter);
	return 0;
}
