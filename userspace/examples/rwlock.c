// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Readers see no half a change; when a writer dies in one, they are told. */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ksync.h>

enum { READERS = 4, CHANGES = 2000 };

static struct ksync_rwlock lock;
static struct { int from, to, done; } *route;

static void check(int ret)
{
	if (ret)
		errx(1, "error %d", -ret);
}

static void *look(void *unused)
{
	while (!__atomic_load_n(&route->done, __ATOMIC_RELAXED)) {
		check(ksync_rwlock_read_lock(&lock));
		if (route->from != route->to)
			errx(1, "half a change: %d, %d", route->from, route->to);
		check(ksync_rwlock_unlock(&lock));
	}
	return unused;
}

int main(void)
{
	pthread_t thread[READERS];
	struct ksync *d;
	int i, ret = ksync_open(&d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	check(ksync_rwlock_init(&lock, d, 0));
	route = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < READERS; i++)
		check(-pthread_create(&thread[i], NULL, look, NULL));
	for (i = 0; i < CHANGES; i++) {
		check(ksync_rwlock_write_lock(&lock));
		route->to = ++route->from;
		check(ksync_rwlock_unlock(&lock));
	}
	__atomic_store_n(&route->done, 1, __ATOMIC_RELAXED);
	for (i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);
	if (!fork() && !ksync_rwlock_write_lock(&lock) && ++route->from)
		raise(SIGKILL);
	wait(NULL);
	ret = ksync_rwlock_read_lock(&lock);
	printf("rwlock: %d changes; the death of a writer: %s\n", route->to, strerror(-ret));
	return ret != -EOWNERDEAD || route->to != CHANGES || route->from != CHANGES + 1;
}
