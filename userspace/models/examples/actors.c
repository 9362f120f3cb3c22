// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A bank account is an actor: customers send to it, one calls it; then it is ended. */
#include <err.h>
#include <stdio.h>
#include <ksync/actor.h>

enum { CUSTOMERS = 100, DEPOSITS = 100 };
KSYNC_MESSAGE(deposit, 1, long)
KSYNC_SIGNAL(ask, 2)
KSYNC_MESSAGE(balance, 3, long)

static int account(void *arg)
{
	long *sum = arg;

	for (struct ksync_message *m; !ksync_actor_receive(&m); ksync_message_free(m)) {
		if (deposit_of(m))
			*sum += *deposit_of(m);
		else if (ask_is(m))
			balance_reply(m, sum);
	}
	return 0; /* -ECANCELED: somebody has ended it */
}

static int customer(void *arg)
{
	for (long i = 0; i < DEPOSITS; i++)
		deposit_send(*(struct ksync_pid *)arg, &i);
	return 0;
}

static int bank(void *arg)
{
	const struct ksync_actor_attr watched = { .flags = KSYNC_ACTOR_MONITOR };
	struct ksync_message *m;
	struct ksync_pid pid;
	long sum = 0;

	if (ksync_actor_spawn(&pid, account, &sum, &watched))
		return 1;
	for (int i = 0; i < CUSTOMERS; i++)
		ksync_actor_spawn(NULL, customer, &pid, &watched);
	for (int i = 0; i < CUSTOMERS && !ksync_actor_receive(&m); i++)
		ksync_message_free(m); /* a customer's end: its messages are there */
	if (ksync_actor_call(pid, ask_tag, NULL, 0, &m, NULL))
		return 1;
	*(long *)arg = *balance_of(m);
	ksync_actor_signal(pid, KSYNC_EXIT_SHUTDOWN);
	return ksync_actor_receive(&m) || ksync_message_ended(m)->reason != KSYNC_EXIT_SHUTDOWN;
}

int main(void)
{
	struct ksync_sched *s;
	long sum = 0;
	int reason;

	if (ksync_sched_start(&s, NULL) || ksync_actor_run(s, bank, &sum, NULL, &reason))
		errx(1, "actors: no scheduler");
	printf("actors: %ld in the account\n", sum);
	return ksync_sched_stop(s) || reason || sum != CUSTOMERS * DEPOSITS * (DEPOSITS - 1) / 2;
}
