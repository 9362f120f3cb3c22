// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A bank account is an actor: customers send to it, one calls it; then it is ended. */
#include <err.h>
#include <stdio.h>
#include <ksync/actor.h>

enum { CUSTOMERS = 100, DEPOSITS = 100 };

KSYNC_MESSAGE(amount, 1, long)
KSYNC_SIGNAL(ask, 2)

static int account(void *arg)
{
	for (struct ksync_message *m; !ksync_actor_receive(&m); ksync_message_free(m)) {
		if (amount_of(m))
			*(long *)arg += *amount_of(m);
		else if (ask_is(m))
			amount_reply(m, arg);
	}
	return 0; /* somebody has ended it */
}

static int customer(void *arg)
{
	for (long i = 0; i < DEPOSITS; i++)
		amount_send(*(struct ksync_pid *)arg, &i);
	return 0;
}

static int bank(void *arg)
{
	const struct ksync_actor_attr watched = { .flags = KSYNC_ACTOR_MONITOR };
	struct ksync_message *m;
	struct ksync_pid pid;

	if (ksync_actor_spawn(&pid, account, arg, &watched))
		return 1;
	for (int i = 0; i < CUSTOMERS; i++)
		ksync_actor_spawn(NULL, customer, &pid, &watched);
	for (int i = 0; i < CUSTOMERS && !ksync_actor_receive(&m); i++)
		ksync_message_free(m); /* a customer's end: its messages are there */
	if (ksync_actor_call(pid, ask_tag, NULL, 0, &m, NULL) ||
	    *amount_of(m) != CUSTOMERS * DEPOSITS * (DEPOSITS - 1) / 2)
		return 1;
	ksync_actor_signal(pid, KSYNC_EXIT_SHUTDOWN);
	return ksync_actor_receive(&m) || ksync_message_ended(m)->reason != KSYNC_EXIT_SHUTDOWN;
}

int main(void)
{
	struct ksync_sched *s;
	int reason;
	long sum = 0;

	if (ksync_sched_start(&s, NULL) || ksync_actor_run(s, bank, &sum, NULL, &reason))
		errx(1, "actors: no scheduler");
	printf("actors: %ld in the account\n", sum);
	return ksync_sched_stop(s) || reason;
}
