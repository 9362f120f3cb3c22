// SPDX-License-Identifier: GPL-2.0
/*
 * What an object takes of memory: what a program keeps of each, by sizeof; and what
 * the kernel keeps, measured by what is free before and after so many were made.
 */
#include <ck_brlock.h>
#include <ck_rwlock.h>
#include <ck_spinlock.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>
#include "bench.h"
#include "memory.h"

static void say(const char *what, const char *who, int round, double bytes)
{
	printf("@ bench=%s threads=1 lock=%s round=%d bytes=%.3f\n", what, who, round, bytes);
}

static void say_sizes(void)
{
	static const struct {
		const char *name;
		size_t size;
	} sizes[] = {
		{ "glibc-mutex", sizeof(pthread_mutex_t) },
		{ "glibc-rwlock", sizeof(pthread_rwlock_t) },
		{ "glibc-cond", sizeof(pthread_cond_t) },
		{ "glibc-barrier", sizeof(pthread_barrier_t) },
		{ "glibc-sem", sizeof(sem_t) },
		{ "pthread-spin", sizeof(pthread_spinlock_t) },
		{ "raw-futex", sizeof(uint32_t) },
		{ "eventfd", sizeof(int) },
		{ "ck-fas", sizeof(ck_spinlock_fas_t) },
		{ "ck-ticket", sizeof(ck_spinlock_ticket_t) },
		{ "ck-mcs", sizeof(ck_spinlock_mcs_t) },
		{ "ck-rwlock", sizeof(ck_rwlock_t) },
		{ "ck-brlock", sizeof(ck_brlock_t) },
		{ "ksync-reference", sizeof(struct ksync_mutex) },
		{ "ksync-cell", sizeof(struct ksync_cell) },
	};

	for (int i = 0; i < COUNT(sizes); i++)
		say("memory-program", sizes[i].name, 0, sizes[i].size);
}

static double free_bytes(void)
{
	int64_t n = memory_free();

	must(n < 0 ? n : 0, "/proc/zoneinfo");
	return n;
}

/* Domains first without and then with an object in each; one line for each sort. */
static void measure_domains(int round, int n)
{
	struct ksync **domains = calloc(n, sizeof(*domains));
	struct ksync_mutex m;
	double before, empty;

	if (!domains)
		err(1, "domains");
	before = free_bytes();
	for (int i = 0; i < n; i++)
		domains[i] = open_domain();
	empty = free_bytes();
	for (int i = 0; i < n; i++)
		must(ksync_mutex_init(&m, domains[i], 0), "mutex");
	say("memory-kernel", "domain", round, (before - empty) / n);
	say("memory-kernel", "domain-with-mutex", round, (before - free_bytes()) / n);
	for (int i = 0; i < n; i++)
		ksync_close(domains[i]);
	free(domains);
}

static void measure_mutexes(int round, int n)
{
	struct ksync_mutex *mutexes = malloc(n * sizeof(*mutexes));
	struct ksync *d = open_domain();
	double before;

	if (!mutexes)
		err(1, "mutexes");
	memset(mutexes, 1, n * sizeof(*mutexes));
	before = free_bytes();
	must(ksync_mutex_init_many(mutexes, n, d, 0), "mutexes");
	say("memory-kernel", "ksync-mutex", round, (before - free_bytes()) / n);
	ksync_close(d);
	free(mutexes);
}

static void measure_fds(int round, int n)
{
	int *fds = calloc(n, sizeof(*fds));
	double before = free_bytes();

	if (!fds)
		err(1, "eventfds");
	for (int i = 0; i < n; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC);
		if (fds[i] < 0)
			err(1, "eventfd");
	}
	say("memory-kernel", "eventfd", round, (before - free_bytes()) / n);
	for (int i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
}

static void allow_files(int n)
{
	const struct rlimit many = { n + 1024, n + 1024 };

	if (setrlimit(RLIMIT_NOFILE, &many))
		err(1, "%d open files", n);
}

/* What others take and free meanwhile has to be little beside it: many of each. */
void bench_memory(void)
{
	const int n = at_most(20000, 20000, 4000), times = at_most(3, 3, 1);

	say_sizes();
	allow_files(n);
	printf("memory: %d of each, %d rounds\n", n, times);
	for (int round = 0; round < times; round++) {
		measure_domains(round, n / 20);
		measure_mutexes(round, n * 10);
		measure_fds(round, n);
	}
}
