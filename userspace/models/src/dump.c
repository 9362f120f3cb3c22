// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A list of tasks, for people. */
#include "internal.h"

struct list {
	FILE *to;
	uint64_t left;
};

#define MANY	1000

static const char *const states[] = {
	[TASK_FREE] = "free",
	[TASK_READY] = "ready",
	[TASK_RUNNING] = "running",
	[TASK_WAITING] = "waiting",
	[TASK_BLOCKING] = "in a blocking section",
	[TASK_ENDED] = "ended, to be joined",
};

static void line(struct ksync_task *t, void *arg)
{
	uint32_t state = load(&t->state);
	const char *where = load(&t->where);
	struct list *list = arg;

	if (!list->left)
		return;
	if (!--list->left) {
		fprintf(list->to, "  ... and others\n");
		return;
	}
	fprintf(list->to, "  task %llu", (unsigned long long)t->id);
	if (t->name[0])
		fprintf(list->to, " \"%.*s\"", KSYNC_TASK_NAME_LEN, t->name);
	fprintf(list->to, ": %s", state < ARRAY_SIZE(states) ? states[state] : "?");
	if (where && state == TASK_WAITING)
		fprintf(list->to, " in %s", where);
	if (load(&t->cancelled))
		fprintf(list->to, ", cancelled");
	fputc('\n', list->to);
}

EXPORT void ksync_sched_dump(struct ksync_sched *s, FILE *to)
{
	struct list list = { .to = to, .left = MANY };
	struct ksync_sched_stats st;

	ksync_sched_stats(s, &st);
	fprintf(to, "%llu tasks, %llu procs (%u idle), %llu threads\n",
		(unsigned long long)st.tasks, (unsigned long long)st.procs,
		load(&s->nidle), (unsigned long long)st.threads);
	ksync_pool_each(s, line, &list);
	ksync_thread_tasks_each(s, line, &list);
}
