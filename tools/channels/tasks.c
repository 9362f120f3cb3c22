// SPDX-License-Identifier: GPL-2.0
/*
 * Run programs of channels as tasks, each on many schedulers.
 *
 *	tasks SEEDS <PROGRAMS
 *
 * A program is a line of programs.py.  It is run on a seeded scheduler with the seeds
 * from 1 to SEEDS, and thrice on each of the others.  Each outcome is a line: the number
 * of the program; each task's results; "done", or "deadlock".
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ksync/chan.h>

#define CHANS	8
#define TASKS	8
#define OPS	128
#define CASES	4
#define TEXT	4096

struct op {
	char kind;		/* S, R, C, G, T */
	int n;			/* of cases */
	int with_default;
	struct one {
		char kind;
		int chan;
		long value;
	} cases[CASES];
};

struct work {
	int n;
	struct op ops[OPS];
	char out[TEXT];
	size_t len;
};

static int nchans, caps[CHANS], nworks;
static struct ksync_chan *chans[CHANS];
static struct work works[TASKS];

static void must(int ret)
{
	if (ret)
		errx(1, "%s", strerror(-ret));
}

static int number(int max)
{
	int n;

	if (scanf("%d", &n) != 1 || n > max)
		errx(1, "this is no program");
	return n;
}

static char letter(void)
{
	char c;

	if (scanf(" %c", &c) != 1)
		errx(1, "this is no program");
	return c;
}

static void read_op(struct op *op)
{
	int i;

	op->kind = letter();
	op->n = 1;
	op->with_default = 0;
	op->cases[0].kind = op->kind;
	if (op->kind == 'T') {
		op->n = number(CASES);
		op->with_default = number(1);
	}
	for (i = 0; i < op->n; i++) {
		if (op->kind == 'T')
			op->cases[i].kind = letter();
		op->cases[i].chan = number(CHANS);
		op->cases[i].value = number(1000000);
	}
}

static int read_program(void)
{
	int i, j;

	if (scanf("%d", &nchans) != 1)
		return 0;
	for (i = 0; i < nchans; i++)
		caps[i] = number(1000);
	nworks = number(TASKS);
	for (i = 0; i < nworks; i++) {
		works[i].n = number(OPS);
		for (j = 0; j < works[i].n; j++)
			read_op(&works[i].ops[j]);
	}
	return 1;
}

/* Return: -ECANCELED, and nothing is said: the program is over. */
static int say(struct work *w, int which, char kind, int ret, long value)
{
	char text[64];

	if (ret == -ECANCELED)
		return ret;
	if (ret == -EPIPE)
		strcpy(text, "epipe");
	else if (ret == -EAGAIN)
		strcpy(text, "default");
	else if (ret == -ENODATA)
		strcpy(text, "nodata");
	else if (ret)
		snprintf(text, sizeof(text), "error %d", ret);
	else if (kind == 'R')
		snprintf(text, sizeof(text), "%ld", value);
	else
		strcpy(text, "ok");
	w->len += snprintf(w->out + w->len, TEXT - w->len, "%s", w->len ? "," : "");
	if (which >= 0 && ret != -EPIPE && ret != -EAGAIN)
		w->len += snprintf(w->out + w->len, TEXT - w->len, "%d:", which);
	w->len += snprintf(w->out + w->len, TEXT - w->len, "%s", text);
	return 0;
}

static int do_select(struct work *w, struct op *op)
{
	struct ksync_case cases[CASES];
	long values[CASES];
	int i, ret;

	for (i = 0; i < op->n; i++) {
		struct one *one = &op->cases[i];
		struct ksync_chan *c = one->chan < 0 ? NULL : chans[one->chan];

		values[i] = one->value;
		if (one->kind == 'S')
			cases[i] = (struct ksync_case)KSYNC_SEND(c, &values[i]);
		else
			cases[i] = (struct ksync_case)KSYNC_RECV(c, &values[i]);
	}
	if (op->with_default)
		ret = ksync_select_try(cases, op->n);
	else
		ret = ksync_select(cases, op->n);
	if (ret < 0)
		return say(w, -1, 'T', ret, 0);
	return say(w, ret, op->cases[ret].kind, cases[ret].result, values[ret]);
}

static int do_op(struct work *w, struct op *op)
{
	struct one *one = &op->cases[0];
	struct ksync_chan *c = one->chan < 0 ? NULL : chans[one->chan];
	long value = one->value;
	int ret;

	switch (op->kind) {
	case 'S':
		return say(w, -1, 'S', ksync_chan_send(c, &value), 0);
	case 'R':
		ret = ksync_chan_recv(c, &value);
		return say(w, -1, 'R', ret, value);
	case 'C':
		return say(w, -1, 'C', ksync_chan_close(c), 0);
	case 'T':
		return do_select(w, op);
	}
	while (!(ret = ksync_chan_recv(c, &value)))
		say(w, -1, 'R', 0, value);
	if (ret == -ENODATA)
		w->len += snprintf(w->out + w->len, TEXT - w->len, "%send",
				   w->len ? "," : "");
	return ret == -ENODATA ? 0 : ret;
}

static void *task(void *arg)
{
	struct work *w = arg;
	int i;

	for (i = 0; i < w->n && !do_op(w, &w->ops[i]); i++)
		;
	return NULL;
}

static void *all(void *arg)
{
	struct ksync_task *t[TASKS];
	int i;

	for (i = 0; i < nworks; i++)
		must(ksync_task_spawn(&t[i], task, &works[i], NULL));
	for (i = 0; i < nworks; i++)
		ksync_task_join(t[i], NULL);
	return arg;
}

static void run(int program, const struct ksync_sched_opts *opts)
{
	struct ksync_sched *s;
	int i, ret;

	for (i = 0; i < nchans; i++)
		must(ksync_chan_create(&chans[i], sizeof(long), caps[i]));
	for (i = 0; i < nworks; i++) {
		works[i].len = 0;
		works[i].out[0] = 0;
	}
	must(ksync_sched_start(&s, opts));
	ret = ksync_sched_run(s, all, NULL, NULL);
	if (ret && ret != -EDEADLK)
		must(ret);
	printf("%d ", program);
	for (i = 0; i < nworks; i++)
		printf("%s;", works[i].out);
	printf("%s\n", ret ? "deadlock" : "done");
	must(ksync_sched_stop(s));
	for (i = 0; i < nchans; i++)
		must(ksync_chan_destroy(chans[i]));
}

int main(int argc, char **argv)
{
	static const struct ksync_sched_opts others[] = {
		{ .model = KSYNC_MODEL_MN, .flags = KSYNC_SCHED_QUIET, .procs = 3 },
		{ .model = KSYNC_MODEL_N1, .flags = KSYNC_SCHED_QUIET },
		{ .model = KSYNC_MODEL_11, .flags = KSYNC_SCHED_QUIET },
	};
	struct ksync_sched_opts seeded = {
		.model = KSYNC_MODEL_N1, .flags = KSYNC_SCHED_SEEDED | KSYNC_SCHED_QUIET,
	};
	const unsigned int seeds = argc > 1 ? atoi(argv[1]) : 1;
	unsigned int i;
	int program;

	for (program = 0; read_program(); program++) {
		for (seeded.seed = 1; seeded.seed <= seeds; seeded.seed++)
			run(program, &seeded);
		for (i = 0; i < 9; i++)
			run(program, &others[i % 3]);
	}
	return 0;
}
