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
static struct io_uring ring;

static void must(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

static struct io_uring_sqe *get_sqe(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	return sqe ? sqe : (must(-ENOSPC, "ring"), NULL);
}

int main(void)
{
	int count[3] = { 0 }, status, got = UNIT;
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	struct ksync *d;

	must(ksync_open(&d, 0), "open");
	must(ksync_sem_init(&units, d, 0, 0), "init");
	must(ksync_event_init(&end, d, 0), "init");
	must(io_uring_queue_init(8, &ring, 0), "ring");
	if (!fork()) {
		for (int i = 0; i < NUMBERS; i++)
			must(ksync_sem_post(&units), "post");
		return ksync_event_set(&end);
	}
	ksync_prep_acquire(sqe = get_sqe(), &end);
	sqe->user_data = END;
	while (count[UNIT] < NUMBERS || !count[END]) {
		if (got == UNIT && count[UNIT] < NUMBERS) {
			ksync_prep_acquire(sqe = get_sqe(), &units);
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
	return printf("uring: %d numbers\n", count[UNIT]) < 0 || status;
}
