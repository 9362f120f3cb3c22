// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A thousand tasks count primes, each in a part of the numbers, in one scope. */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <ksync/task.h>

enum { TASKS = 1000, NUMBERS = 100000 };

static long primes;

static int is_prime(int n)
{
	for (int i = 2; i * i <= n; i++)
		if (n % i == 0)
			return 0;
	return n > 1;
}

static int count(void *first)
{
	long n = 0;

	for (int i = (long)first; i < NUMBERS; i += TASKS) {
		n += is_prime(i);
		ksync_task_checkpoint();
	}
	__atomic_add_fetch(&primes, n, __ATOMIC_RELAXED);
	return 0;
}

static void *all(void *arg)
{
	struct ksync_scope scope;
	int ret = ksync_scope_begin(&scope, KSYNC_SCOPE_CANCEL_ON_ERROR);

	(void)arg;
	for (long i = 0; i < TASKS && !ret; i++)
		ret = ksync_scope_spawn(&scope, count, (void *)i, NULL);
	return (void *)(long)(ksync_scope_end(&scope) ? -1 : ret);
}

int main(void)
{
	struct ksync_sched *s;
	void *result;
	int ret = ksync_sched_start(&s, NULL);

	if (!ret)
		ret = ksync_sched_run(s, all, NULL, &result);
	if (ret || result)
		errx(1, "tasks: %s", strerror(-ret));
	printf("tasks: %d of them found %ld primes below %d\n", TASKS, primes, NUMBERS);
	return ksync_sched_stop(s) || primes != 9592;
}
