// SPDX-License-Identifier: GPL-2.0
/*
 * An actor that fails: whoever asks it afterwards asks in vain.  A supervisor starts it
 * again, and others go on asking whoever has its name now.
 */
#include <err.h>
#include <string.h>
#include <ksync/supervisor.h>
#include "lab.h"

#define QUESTIONS	100
#define FAILS_AT	10	/* each so many-th question */

KSYNC_MESSAGE(divisor, 1, int)
KSYNC_MESSAGE(quotient, 2, int)

/**
 * struct crash - one run
 * @supervised: by a supervisor, or by nobody
 * @answered: questions that had an answer
 * @unanswered: when it failed, and afterwards
 */
struct crash {
	bool supervised;
	int answered;
	int unanswered;
};

static int dividend = 2520;
static const struct ksync_actor_attr divider_attr = { .registered = "divider" };

static int divider(void *number)
{
	struct ksync_message *m;
	int answer;

	for (; !ksync_actor_receive(&m); ksync_message_free(m)) {
		if (!*divisor_of(m))
			return 1;
		answer = *(int *)number / *divisor_of(m);
		quotient_reply(m, &answer);
	}
	return 0;
}

static void ask(struct crash *c, int by)
{
	struct ksync_message *m;
	struct ksync_pid pid;

	while (ksync_actor_whereis("divider", &pid)) {
		if (!c->supervised) {
			c->unanswered++;
			return;
		}
		ksync_task_yield();
	}
	if (ksync_actor_call(pid, divisor_tag, &by, sizeof(by), &m, NULL)) {
		c->unanswered++;
		return;
	}
	c->answered += *quotient_of(m) == dividend / by;
	ksync_message_free(m);
}

static int run(void *arg)
{
	const struct ksync_child child = { "divider", .fn = divider, .arg = &dividend,
					   .attr = &divider_attr };
	const struct ksync_supervisor_attr attr = { &child, 1, .intensity = QUESTIONS };
	struct ksync_pid pid;
	struct crash *c = arg;
	int i, ret;

	ret = c->supervised ? ksync_supervisor_start(&pid, &attr) :
			      ksync_actor_spawn(NULL, divider, &dividend, &divider_attr);
	if (ret)
		return ret;
	for (i = 1; i <= QUESTIONS; i++)
		ask(c, i % FAILS_AT);
	return c->supervised ? ksync_supervisor_stop(pid, KSYNC_EXIT_NORMAL) : 0;
}

static struct crash try(bool supervised)
{
	struct crash c = { .supervised = supervised };
	struct ksync_sched *s;
	int ret, reason = 0;

	ret = ksync_sched_start(&s, NULL);
	if (ret)
		errx(1, "scheduler: %s", strerror(-ret));
	ret = ksync_actor_run(s, run, &c, NULL, &reason);
	if (!ret)
		ret = reason;
	if (!ret)
		ret = ksync_sched_stop(s);
	if (ret)
		errx(1, "actors: %s", strerror(-ret));
	return c;
}

void lab_crash(void)
{
	struct crash c = try(false);

	fact("answered_alone", c.answered);
	hazard("an actor that has failed answers nobody any more",
	       c.answered == FAILS_AT - 1 && c.answered + c.unanswered == QUESTIONS,
	       "%d of %d questions were answered, the %dth ended it", c.answered, QUESTIONS,
	       FAILS_AT);
	c = try(true);
	fact("answered_supervised", c.answered);
	cure("a supervisor starts it again",
	     c.answered != QUESTIONS - QUESTIONS / FAILS_AT ||
	     c.unanswered != QUESTIONS / FAILS_AT,
	     "%d of %d were answered; it ended %d times", c.answered, QUESTIONS, c.unanswered);
}
