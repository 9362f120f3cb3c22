// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Transfers between accounts, locked by guards: each way out of them unlocks. */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <ksync.h>

enum { THREADS = 4, ROUNDS = 5000, ACCOUNTS = 3 };
static struct account { struct ksync_mutex mutex; long balance; } accounts[ACCOUNTS];

/* -EDEADLK: somebody transfers the other way at the same time. */
static int transfer(struct account *from, struct account *to, long sum)
{
	KSYNC_GUARD(first, mutex, &from->mutex);
	if (first.err)
		return first.err;
	KSYNC_GUARD(second, mutex, &to->mutex);
	if (second.err)
		return second.err;
	if (from->balance < sum)
		return -EDOM;
	from->balance -= sum;
	to->balance += sum;
	return 0;
}

static void *clerk(void *result)
{
	for (int ret, i = 0; i < ROUNDS; i++) {
		do
			ret = transfer(&accounts[i % ACCOUNTS],
				       &accounts[(i + 1 + i / 7 % 2) % ACCOUNTS], i % 100);
		while (ret == -EDEADLK);
		if (ret && ret != -EDOM)
			errx(1, "transfer: %s", strerror(-ret));
	}
	return result;
}

int main(void)
{
	pthread_t threads[THREADS];
	struct ksync *d;
	long sum = 0, wrong = 0;
	int ret = ksync_open(&d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	for (int i = 0; i < ACCOUNTS; i++, accounts[0].balance += 1000)
		wrong |= ksync_mutex_init(&accounts[i].mutex, d, 0);
	for (int i = 0; i < THREADS; i++)
		wrong |= pthread_create(&threads[i], NULL, clerk, NULL);
	for (int i = 0; i < THREADS; i++)
		wrong |= pthread_join(threads[i], NULL);
	for (int i = 0; i < ACCOUNTS; i++)
		sum += accounts[i].balance;
	printf("guard: %d threads made transfers, the sum is %ld\n", THREADS, sum);
	return wrong || sum != ACCOUNTS * 1000;
}
