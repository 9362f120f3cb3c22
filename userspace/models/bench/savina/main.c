// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Run one benchmark, and print its milliseconds:
 *
 *	savina [--fault] [--model mn|n1|11] NAME VARIANT SIZE...
 *	savina --list
 *
 * VARIANT is channels, locks or actors.  The result is verified: if it is wrong the exit
 * status is 1, and a sentence says why.  --fault plants a fault.  --list prints each name
 * and variant, with sizes for a short run.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <ksync/domain.h>
#include "savina.h"

struct job {
	struct savina s;
	const struct savina_bench *bench;
	int variant;
	const char *wrong;
	double ms;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static void *run(void *arg)
{
	struct job *job = arg;
	double t = now();

	job->wrong = job->bench->run[job->variant](&job->s);
	job->ms = now() - t;
	return NULL;
}

static void list(void)
{
	const struct savina_bench *const *b;
	int i, j;

	for (b = savina_benches; *b; b++) {
		for (i = 0; i < SAVINA_VARIANTS; i++) {
			if (!(*b)->run[i])
				continue;
			printf("%s %s", (*b)->name, savina_variants[i]);
			for (j = 0; (*b)->size[j]; j++)
				printf(" %ld", (*b)->small[j]);
			putchar('\n');
		}
	}
	exit(0);
}

static void explain(void)
{
	const struct savina_bench *const *b;
	int i;

	fprintf(stderr,
		"usage: savina [--fault] [--model mn|n1|11] NAME channels|locks|actors SIZE...\n"
		"       savina --list\n\nNAME and SIZE:\n");
	for (b = savina_benches; *b; b++) {
		fprintf(stderr, "  %s", (*b)->name);
		for (i = 0; (*b)->size[i]; i++)
			fprintf(stderr, " %s", (*b)->size[i]);
		fprintf(stderr, "\n");
	}
	exit(2);
}

static enum ksync_model model(const char *name)
{
	if (!strcmp(name, "n1"))
		return KSYNC_MODEL_N1;
	if (!strcmp(name, "11"))
		return KSYNC_MODEL_11;
	if (strcmp(name, "mn"))
		explain();
	return KSYNC_MODEL_MN;
}

/* NAME VARIANT SIZE... */
static void parse(struct job *job, char **args)
{
	const struct savina_bench *const *b = savina_benches;
	char *end;
	int i;

	if (!args[0] || !args[1])
		explain();
	while (*b && strcmp((*b)->name, args[0]))
		b++;
	while (job->variant < SAVINA_VARIANTS &&
	       strcmp(savina_variants[job->variant], args[1]))
		job->variant++;
	if (!*b || job->variant == SAVINA_VARIANTS)
		explain();
	job->bench = *b;
	if (!job->bench->run[job->variant])
		errx(2, "%s has no variant '%s'", args[0], args[1]);
	args += 2;
	for (i = 0; (*b)->size[i] && args[i]; i++) {
		job->s.size[i] = strtol(args[i], &end, 10);
		if (*end || job->s.size[i] < 2 || job->s.size[i] > 1000000000)
			errx(2, "'%s': a size is a number from 2", args[i]);
	}
	if ((*b)->size[i] || args[i])
		explain();
}

int main(int argc, char **argv)
{
	struct ksync_sched_opts opts = { .model = KSYNC_MODEL_MN };
	struct job job = { 0 };
	struct ksync_sched *s;

	for (argv++; argc > 1 && *argv && !strncmp(*argv, "--", 2); argv++) {
		if (!strcmp(*argv, "--list"))
			list();
		else if (!strcmp(*argv, "--fault"))
			job.s.fault = true;
		else if (!strcmp(*argv, "--model") && argv[1])
			opts.model = model(*++argv);
		else
			explain();
	}
	parse(&job, argv);
	savina_must(ksync_open(&job.s.domain, getenv("KSYNC_BACKEND") ? 0 : KSYNC_OPEN_FALLBACK));
	savina_must(ksync_sched_start(&s, &opts));
	savina_must(ksync_sched_run(s, run, &job, NULL));
	savina_must(ksync_sched_stop(s));
	if (job.wrong)
		errx(1, "%s", job.wrong);
	printf("%.3f\n", job.ms);
	return 0;
}
