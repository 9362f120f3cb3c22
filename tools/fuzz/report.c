// SPDX-License-Identifier: GPL-2.0
/*
 * What is told: findings with the programs that led to them, progress, figures, and
 * one TAP test for each property.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "fuzz.h"

static const char *const names[PROPERTIES] = {
	[PROPERTY_ERRNO] = "every errno is one that the header documents for the call",
	[PROPERTY_OUT] = "nothing is written but out fields, and these as documented",
	[PROPERTY_LEAK] = "what is filled in is what it should be, and no memory of the kernel",
	[PROPERTY_HANG] = "calls that must end do",
	[PROPERTY_STUCK] = "executors that are killed are gone",
	[PROPERTY_CANARY] = "a well-behaved program in another domain goes on undisturbed",
	[PROPERTY_DOMAINS] = "domains that nobody has any more are gone",
};

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

double seconds_since(uint64_t start)
{
	return (now_ns() - start) / 1e9;
}

/* Each is kept once: @key tells it from others of the same property. */
void finding(int property, uint32_t key, const struct program *p, const char *fmt, ...)
{
	struct finding *f;
	va_list args;
	uint32_t free;

	key = key << 4 | (property + 1);
	for (f = sh->finding; f < sh->finding + FINDINGS; f++) {
		free = 0;
		if (f->key == key)
			return;
		if (!f->key && atomic_compare_exchange_strong(&f->key, &free, key))
			break;
	}
	if (f == sh->finding + FINDINGS)
		return;
	f->property = property;
	if (p)
		f->program = *p;
	va_start(args, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, args);
	va_end(args);
}

static void print_lines(FILE *to, const char *prefix, const char *text)
{
	size_t n;

	for (; *text; text += n + 1) {
		n = strcspn(text, "\n");
		fprintf(to, "%s%.*s\n", prefix, (int)n, text);
		if (!text[n])
			return;
	}
}

static void say(struct finding *f, const char *dir)
{
	static char text[MAX_CALLS * 512 + 64];
	char path[4096];
	FILE *file;

	printf("# finding: %s: %s\n", names[f->property], f->text);
	if (!f->program.n)
		return;
	text_print(&f->program, text, sizeof(text));
	print_lines(stdout, "#  | ", text);
	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/finding-%u.prog", dir, f->key);
	file = fopen(path, "w");
	if (!file)
		return;
	fputs(text, file);
	fclose(file);
}

/* Those that have not been told; their writers have had the time to fill them in. */
void report_findings(const char *dir)
{
	struct finding *f;

	for (f = sh->finding; f < sh->finding + FINDINGS; f++)
		if (f->key && *f->text && !atomic_exchange(&f->said, true))
			say(f, dir);
	fflush(stdout);
}

void report_progress(double seconds)
{
	printf("# %.0f s: %llu calls, %llu programs", seconds, (unsigned long long)sh->total,
	       (unsigned long long)sh->programs);
	printf(" (up to %llu of seed %llu)", (unsigned long long)sh->next,
	       (unsigned long long)sh->seed);
	printf(", %llu answers seen, corpus %u, %llu kills\n", (unsigned long long)sh->triples,
	       sh->corpus_nr, (unsigned long long)sh->kills);
	fflush(stdout);
}

static void say_figure(const char *name, double value, const char *unit)
{
	printf("# figure: fuzz %s = %.0f %s\n", name, value, unit);
}

static void report_calls(void)
{
	unsigned int i;

	printf("# %-12s %12s %12s\n", "call", "made", "refused");
	for (i = 0; i < nr_ops; i++)
		printf("# %-12s %12llu %12llu\n", ops[i].name, (unsigned long long)sh->calls[i],
		       (unsigned long long)sh->failed[i]);
}

static void report_figures(double seconds)
{
	report_calls();
	say_figure("calls", sh->total, "calls");
	say_figure("rate", sh->total / seconds, "calls/s");
	say_figure("programs", sh->programs, "programs");
	say_figure("answers seen", sh->triples, "answers");
	say_figure("corpus", sh->corpus_nr, "programs");
	say_figure("calls broken off", sh->abandoned, "calls");
	say_figure("executors killed", sh->kills, "processes");
	say_figure("hostile writes", sh->writes, "writes");
	say_figure("canary locks", sh->canary[0], "rounds");
	say_figure("canary semaphores", sh->canary[1], "rounds");
	say_figure("canary conds", sh->canary[2], "rounds");
}

static bool property_holds(int property)
{
	const struct finding *f;

	for (f = sh->finding; f < sh->finding + FINDINGS; f++)
		if (f->key && f->property == property)
			return false;
	return true;
}

/* Return: exit status. */
int report_end(double seconds, bool replay)
{
	int i, n = 0, failed = 0;
	bool good;

	report_figures(seconds);
	printf("1..%d\n", PROPERTIES + 1);
	good = sh->programs >= (replay ? 1 : sh->replayed + 1);
	printf("%s %d - fuzz: programs run, %u of the corpus first\n", good ? "ok" : "not ok",
	       ++n, sh->replayed);
	failed += !good;
	for (i = 0; i < PROPERTIES; i++) {
		good = property_holds(i);
		printf("%s %d - fuzz: %s\n", good ? "ok" : "not ok", ++n, names[i]);
		failed += !good;
	}
	return !!failed;
}
