// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Processes count under a mutex and die owning it: the next one is told so. */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ksync.h>

enum { PROCESSES = 4, ROUNDS = 10000 };

static struct ksync_mutex mutex;
static struct { int count, deaths; } *shared;

static void lock(void)
{
	int ret = ksync_mutex_lock(&mutex);

	if (ret == -EOWNERDEAD) {
		shared->deaths++;
		ret = ksync_mutex_consistent(&mutex);
	}
	if (ret)
		errx(1, "error %d", -ret);
}

static void count_and_die(void)
{
	for (int next, i = 0; i < ROUNDS; i++) {
		lock();
		next = shared->count + 1;
		getppid();	/* give the others time to interfere */
		shared->count = next;
		ksync_mutex_unlock(&mutex);
	}
	lock();
	raise(SIGKILL);
}

int main(void)
{
	struct ksync *d;
	int ret = ksync_open(&d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || ksync_mutex_init(&mutex, d, 0))
		errx(1, "no memory, or no mutex");
	for (int i = 0; i < PROCESSES; i++)
		if (!fork())
			count_and_die();
	while (wait(NULL) > 0)
		;
	lock();
	printf("mutex: counted to %d, owners died %d times\n", shared->count, shared->deaths);
	return shared->count != PROCESSES * ROUNDS || shared->deaths != PROCESSES;
}
