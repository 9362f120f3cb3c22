// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Readers and writers as a monitor: a writer that waits keeps new readers out. */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <ksync.h>

enum { READERS = 3, WRITERS = 2, THREADS = READERS + WRITERS, ROUNDS = 2000 };

static struct ksync_monitor monitor;
static struct ksync_cond readable, writable;
static int readers, writers, waiting, torn, left, right;

#define MUST(call)	((call) < 0 ? errx(1, "%s fails", #call) : (void)0)

/* Change one of the numbers, once @cond (if any) is so, and let others look again. */
static void change(int *number, int by, struct ksync_cond *cond)
{
	MUST(ksync_monitor_enter(&monitor));
	if (cond)
		MUST(KSYNC_MONITOR_AWAIT(&monitor, cond, !writers &&
					 !(cond == &readable ? waiting : readers)));
	*number += by;
	MUST(ksync_monitor_notify(&monitor, &writable));
	MUST(ksync_monitor_broadcast(&monitor, &readable));
	MUST(ksync_monitor_leave(&monitor));
}

static void *task(void *writes)
{
	for (int i = 0; i < ROUNDS; i++) {
		change(&waiting, !!writes, NULL);
		change(writes ? &writers : &readers, 1, writes ? &writable : &readable);
		change(&waiting, -!!writes, NULL);
		if (writes)
			left++;
		__atomic_add_fetch(&torn, left != right + !!writes, __ATOMIC_RELAXED);
		if (writes)
			right++;
		change(writes ? &writers : &readers, -1, NULL);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	struct ksync *d;

	MUST(ksync_open(&d, 0));
	MUST(ksync_monitor_init(&monitor, d, NULL, NULL));
	MUST(ksync_cond_init(&readable, d, 0) ?: ksync_cond_init(&writable, d, 0));
	for (long i = 0; i < THREADS; i++)
		MUST(-pthread_create(&threads[i], NULL, task, i < WRITERS ? d : NULL));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("rw_monitor: written %d times, torn %d times\n", left, torn);
	return torn || left != WRITERS * ROUNDS || right != left;
}
