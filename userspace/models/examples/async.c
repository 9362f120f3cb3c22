// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Three asynchronous functions; what becomes of all, and of the first one to end. */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <ksync/future.h>

static int square(void *n, struct ksync_value *out)
{
	struct timespec t;

	ksync_task_now(&t);
	t.tv_sec += (long)n == 3 ? 3600 : 0; /* this one is slow */
	out->value = (void *)((long)n * (long)n);
	return ksync_task_sleep_until(&t);
}

static int add(int error, void *values, struct ksync_value *out, void *n)
{
	for (long i = 0; i < (long)n; i++)
		out->value = (char *)out->value + (long)((void **)values)[i];
	return error;
}

static void *run(void *sum)
{
	struct ksync_future *f[3], *two, *total, *first;
	void *value;
	int ret = 0;

	for (long i = 0; i < 3 && !ret; i++)
		ret = ksync_async(&f[i], square, (void *)(i + 1), NULL);
	if (ret || ksync_future_all(&two, f, 2, 0) ||
	    ksync_future_then(&total, two, add, (void *)2, NULL) ||
	    ksync_future_race(&first, (struct ksync_future *[]){ total, f[2] }, 2, 0))
		return (void *)-1;
	ret = ksync_await(first, &value);
	*(long *)sum = (long)value;
	if (!ret && ksync_await(f[2], NULL) != -ECANCELED)
		ret = -1;
	for (int i = 0; i < 3; i++)
		ksync_future_put(f[i]);
	ksync_future_put(two);
	ksync_future_put(total);
	ksync_future_put(first);
	return (void *)(long)ret;
}

int main(void)
{
	struct ksync_sched *s;
	void *result;
	long sum = 0;

	if (ksync_sched_start(&s, NULL) || ksync_sched_run(s, run, &sum, &result) || result)
		errx(1, "async: it did not work");
	printf("async: 1 and 4 are %ld, and the third was cancelled\n", sum);
	return ksync_sched_stop(s) || sum != 5;
}
