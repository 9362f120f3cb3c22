// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A bounded buffer as a monitor: processes put numbers in and take them out. */
#include <err.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ksync.h>

enum { PRODUCERS = 2, CONSUMERS = 2, NUMBERS = 5000, SIZE = 8 };

static struct ksync_monitor monitor;
static struct ksync_cond not_full, not_empty;
static struct { int number[SIZE], first, next, sum; } *buffer;

#define MUST(call)	((call) < 0 ? errx(1, "%s fails", #call) : (void)0)

static int put(int number)
{
	MUST(KSYNC_MONITOR_AWAIT(&monitor, &not_full, buffer->next < buffer->first + SIZE));
	buffer->number[buffer->next++ % SIZE] = number;
	return ksync_monitor_notify(&monitor, &not_empty);
}

static int take(void)
{
	MUST(KSYNC_MONITOR_AWAIT(&monitor, &not_empty, buffer->first < buffer->next));
	buffer->sum += buffer->number[buffer->first++ % SIZE];
	return ksync_monitor_notify(&monitor, &not_full);
}

static int work(int produces)
{
	for (int n = 1; n <= NUMBERS; n++) {
		KSYNC_GUARD(guard, monitor, &monitor);
		MUST(guard.err);
		MUST(produces ? put(n) : take());
	}
	return 0;
}

int main(void)
{
	struct ksync *d;

	MUST(ksync_open(&d, 0));
	MUST(ksync_monitor_init(&monitor, d, NULL, NULL));
	MUST(ksync_cond_init(&not_full, d, 0) ?: ksync_cond_init(&not_empty, d, 0));
	buffer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
		if (!fork())
			_exit(work(i < PRODUCERS));
	while (wait(NULL) > 0)
		;
	printf("monitor: the numbers taken make %d\n", buffer->sum);
	return buffer->sum != PRODUCERS * NUMBERS * (NUMBERS + 1) / 2;
}
