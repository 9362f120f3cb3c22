// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* One thread waits for a semaphore and an event at once, by io_uring. */
#include <err.h>
#include <stdio.h>
#include <sys/wait.h>
#include <ksync.h>
#include <ksync/uring.h>

enum { NUMBERS = 1000, UNIT = 1, END = 2 };

static struct ksync_sem units;
static struct ksync_event end;

static void must(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

static struct io_uring_sqe *get_sqe(struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe)
		errx(1, "the ring is full");
	return sqe;
}

static int produce(void)
{
	for (int i = 0; i < NUMBERS; i++)
		must(ksync_sem_post(&units), "post");
	return ksync_event_set(&end);
}

int main(void)
{
	int count[3] = { 0 }, status, got = UNIT;
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	struct ksync *d;

	must(ksync_open(&d, 0), "open");
	must(ksync_sem_init(&units, d, 0, 0), "init");
	must(ksync_event_init(&end, d, 0), "init");
	must(io_uring_queue_init(8, &ring, 0), "ring");
	if (!fork())
		return produce();
	ksync_prep_acquire(sqe = get_sqe(&ring), &end);
	sqe->user_data = END;
	while (count[UNIT] < NUMBERS || !count[END]) {
		if (got == UNIT && count[UNIT] < NUMBERS) {
			ksync_prep_acquire(sqe = get_sqe(&ring), &units);
			sqe->user_data = UNIT;
		}
		must(io_uring_submit_and_wait(&ring, 1), "submit");
		must(io_uring_peek_cqe(&ring, &cqe), "result");
		must(cqe->res, "acquire");
		got = cqe->user_data;
		count[got]++;
		io_uring_cqe_seen(&ring, cqe);
	}
	wait(&status);
	printf("uring: %d numbers, %d end\n", count[UNIT], count[END]);
	return status;
}
