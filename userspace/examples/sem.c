// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A ring of numbers from one process to another; two semaphores count its slots. */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ksync.h>

enum { SLOTS = 8, NUMBERS = 20000 };

static struct ksync_sem empty, filled;
static uint32_t *ring;

static void must(int ret, const char *what)
{
	if (ret)
		errx(1, "%s: %s", what, strerror(-ret));
}

static int produce(void)
{
	for (uint32_t i = 0; i < NUMBERS; i++) {
		must(ksync_sem_wait(&empty), "wait for an empty slot");
		ring[i % SLOTS] = i;
		must(ksync_sem_post(&filled), "post");
	}
	return 0;
}

static void consume(void)
{
	for (uint32_t i = 0; i < NUMBERS; i++) {
		must(ksync_sem_wait(&filled), "wait for a number");
		if (ring[i % SLOTS] != i)
			errx(1, "number %u came as %u", i, ring[i % SLOTS]);
		must(ksync_sem_post(&empty), "post");
	}
}

int main(void)
{
	struct ksync *d;
	int status, ret = ksync_open(&d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	must(ksync_sem_init(&empty, d, SLOTS, SLOTS), "init");
	must(ksync_sem_init(&filled, d, 0, SLOTS), "init");
	ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ring == MAP_FAILED)
		err(1, "mmap");
	if (!fork())
		return produce();
	consume();
	wait(&status);
	printf("sem: %d numbers, %d slots left\n", NUMBERS, ksync_sem_value(&empty));
	return status || ksync_sem_value(&empty) != SLOTS;
}
