// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A stack has the free buffers; a queue hands on those that a task has filled. */
#include <err.h>
#include <stdio.h>
#include <ksync/lifo.h>
#include <ksync/mpmc.h>
#include <ksync/task.h>

enum { BUFFERS = 64, ITEMS = 100000 };

static struct ksync_lifo pool;
static uint32_t links[BUFFERS];
static long buffer[BUFFERS], sum;
static struct ksync_mpmc_cell cells[BUFFERS];
static struct ksync_mpmc queue;

static void *produce(void *arg)
{
	for (long i = 1; i <= ITEMS; i++) {
		uint32_t b;

		while ((b = ksync_lifo_pop(&pool)) == KSYNC_LIFO_NONE)
			ksync_task_yield();
		buffer[b] = i;
		ksync_mpmc_push(&queue, &buffer[b], NULL);
	}
	ksync_mpmc_push(&queue, NULL, NULL); /* the end */
	return arg;
}

static void *consume(void *arg)
{
	struct ksync_task *producer;
	void *b;

	if (ksync_task_spawn(&producer, produce, arg, NULL))
		return &sum;
	while (!ksync_mpmc_pop(&queue, &b, NULL) && b) {
		sum += *(long *)b;
		ksync_lifo_push(&pool, (uint32_t)((long *)b - buffer));
	}
	ksync_task_join(producer, NULL);
	return NULL;
}

int main(void)
{
	struct ksync_sched *s;
	void *failed;

	ksync_lifo_init(&pool, links);
	for (uint32_t i = 0; i < BUFFERS; i++)
		ksync_lifo_push(&pool, i);
	ksync_mpmc_init(&queue, cells, BUFFERS, KSYNC_MPMC_WAIT);
	if (ksync_sched_start(&s, NULL) || ksync_sched_run(s, consume, NULL, &failed) || failed)
		errx(1, "lockfree: failed");
	printf("lockfree: the sum of %d numbers is %ld\n", ITEMS, sum);
	return ksync_sched_stop(s) || sum != (long)ITEMS * (ITEMS + 1) / 2;
}
