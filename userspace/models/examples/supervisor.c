// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A worker that divides, and ends when it cannot; a supervisor that starts it again. */
#include <err.h>
#include <stdio.h>
#include <ksync/supervisor.h>

KSYNC_MESSAGE(divisor, 1, int)
KSYNC_MESSAGE(quotient, 2, int)

static int divider(void *dividend)
{
	struct ksync_message *m;
	int answer;

	for (; !ksync_actor_receive(&m); ksync_message_free(m)) {
		if (!*divisor_of(m))
			return 1; /* let it crash */
		answer = *(int *)dividend / *divisor_of(m);
		quotient_reply(m, &answer);
	}
	return 0;
}

static int all(void *dividend)
{
	const struct ksync_actor_attr named = { .registered = "divider" };
	const struct ksync_child child = { "divider", .fn = divider, .arg = dividend,
					   .attr = &named };
	const struct ksync_supervisor_attr attr = { &child, 1, .intensity = 100 };
	struct ksync_pid supervisor, pid;
	struct ksync_message *m;
	int i, by, sum = 0, lost = 0;

	if (ksync_supervisor_start(&supervisor, &attr))
		return 1;
	for (i = 0; i < 1000; i++) {
		while (ksync_actor_whereis("divider", &pid))
			ksync_task_yield(); /* it is being started */
		by = i % 10;
		if (ksync_actor_call(pid, divisor_tag, &by, sizeof(by), &m, NULL)) {
			lost++;
			continue;
		}
		sum += *quotient_of(m);
		ksync_message_free(m);
	}
	printf("supervisor: the sum is %d, %d questions had no answer\n", sum, lost);
	return ksync_supervisor_stop(supervisor, KSYNC_EXIT_NORMAL) || lost != 100;
}

int main(void)
{
	struct ksync_sched *s;
	int dividend = 2520, ret = -1;

	if (ksync_sched_start(&s, NULL) || ksync_actor_run(s, all, &dividend, NULL, &ret))
		errx(1, "supervisor: no scheduler");
	return ksync_sched_stop(s) || ret;
}
