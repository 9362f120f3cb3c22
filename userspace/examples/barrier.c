// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Processes sum up an array in log n steps (Hillis and Steele 1986), a barrier between them. */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ksync.h>

enum { PROCESSES = 4, SLICE = 1024, N = PROCESSES * SLICE };

static struct ksync_barrier barrier;
static struct { long from[N], to[N]; int steps; } *shared;

static void must(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

/* to[i] = from[i] + from[i - step]; then the one told to makes it the next from[]. */
static int sum_up(int first)
{
	for (int ret, step = 1; step < N; step *= 2) {
		for (int i = first; i < first + SLICE; i++)
			shared->to[i] = shared->from[i] + (i < step ? 0 : shared->from[i - step]);
		must(ret = ksync_barrier_wait(&barrier), "wait");
		if (ret == KSYNC_BARRIER_SERIAL) {
			memcpy(shared->from, shared->to, sizeof(shared->to));
			shared->steps++;
		}
		must(ksync_barrier_wait(&barrier), "wait");
	}
	return 0;
}

int main(void)
{
	struct ksync *d;
	int status, rw = PROT_READ | PROT_WRITE, ret = ksync_open(&d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	must(ksync_barrier_init(&barrier, d, PROCESSES), "init");
	shared = mmap(NULL, sizeof(*shared), rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	for (int i = 0; i < N; i++)
		shared->from[i] = i;
	for (int i = 0; i < PROCESSES; i++)
		if (!fork())
			_exit(sum_up(i * SLICE));
	while (wait(&status) > 0)
		ret |= status;
	printf("barrier: %d numbers make %ld in %d steps\n", N, shared->from[N - 1], shared->steps);
	for (long i = 0; i < N; i++)
		ret |= shared->from[i] != i * (i + 1) / 2;
	return ret || shared->steps != 12 || ksync_barrier_destroy(&barrier);
}
