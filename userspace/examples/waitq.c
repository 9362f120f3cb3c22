// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A box for one letter, the waitq's word, between a process and a bare clone(). */
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <ksync.h>

#define LETTERS 20000u

static struct ksync_waitq box;

static void put(uint32_t letter)
{
	*ksync_waitq_word(&box) = letter;
	ksync_waitq_wake(&box, 1);
}

/* A task without a TLS of its own: no stdio, no errno, nothing but ksync. */
static int write_letters(void *unused)
{
	uint32_t letter, seen;

	for (letter = 1; letter <= LETTERS; letter++) {
		while ((seen = *ksync_waitq_word(&box)))
			ksync_waitq_wait(&box, seen);
		put(letter);
	}
	return !!unused;
}

int main(void)
{
	static long stack[8192];
	struct ksync *d;
	uint64_t sum = 0;
	uint32_t letter;
	int status, ret = ksync_open(&d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	ret = ksync_waitq_init(&box, d, 0);
	if (ret)
		errx(1, "init: %s", strerror(-ret));
	if (clone(write_letters, stack + 8192, CLONE_VM | SIGCHLD, NULL) < 0)
		err(1, "clone");

	do {
		while (!(letter = *ksync_waitq_word(&box)))
			ksync_waitq_wait(&box, 0);
		sum += letter;
		put(0);
	} while (letter < LETTERS);
	wait(&status);
	printf("waitq: %u letters, sum %lu\n", LETTERS, (unsigned long)sum);
	return status || sum != (uint64_t)LETTERS * (LETTERS + 1) / 2;
}
