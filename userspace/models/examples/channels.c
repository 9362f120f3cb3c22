// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Workers get numbers by one channel, and answer by another; select does both. */
#include <err.h>
#include <stdio.h>
#include <ksync/chan.h>

enum { WORKERS = 8, NUMBERS = 10000 };

static struct ksync_chan *numbers, *answers;

/* How long are Collatz's sequences? */
static int work(void *arg)
{
	long n, answer[2];

	while (!ksync_chan_recv(numbers, &n)) {
		answer[0] = n;
		for (answer[1] = 0; n > 1; answer[1]++)
			n = n % 2 ? 3 * n + 1 : n / 2;
		ksync_chan_send(answers, answer);
	}
	return (int)(long)arg;
}

static void *all(void *longest)
{
	long next = 1, got = 0, answer[2], *best = longest;
	struct ksync_scope scope;

	if (ksync_chan_create(&numbers, sizeof(next), WORKERS) ||
	    ksync_chan_create(&answers, sizeof(answer), 0) || ksync_scope_begin(&scope, 0))
		return NULL;
	for (int i = 0; i < WORKERS; i++)
		ksync_scope_spawn(&scope, work, NULL, NULL);
	while (got < NUMBERS) {
		struct ksync_case cases[] = {
			KSYNC_RECV(answers, answer),
			KSYNC_SEND(next <= NUMBERS ? numbers : NULL, &next),
		};

		if (ksync_select(cases, 2) == 1)
			next++;
		else if (++got && answer[1] > best[1])
			best[0] = answer[0], best[1] = answer[1];
	}
	ksync_chan_close(numbers); /* ends the workers */
	return ksync_scope_end(&scope) ? NULL : longest;
}

int main(void)
{
	long best[2] = { 0 };
	struct ksync_sched *s;

	if (ksync_sched_start(&s, NULL) || ksync_sched_run(s, all, best, NULL))
		errx(1, "channels: no scheduler");
	printf("channels: from %ld it takes %ld steps\n", best[0], best[1]);
	return ksync_sched_stop(s) || best[0] != 6171;
}
