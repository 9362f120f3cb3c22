// SPDX-License-Identifier: GPL-2.0
/*
 *	torture [--seconds N] [--seed S] [--kinds NAME,...] [--hotplug] [--deadline]
 *	torture [--seconds N] [--seed S] --busted NAME | --busted-all
 *
 * N seconds for all rows together (60), or for each variant at most (20, or more on
 * slow kernels).  Needs root: it changes policies, kills, and tries to unload the module.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "torture.h"

unsigned int opt_seconds, opt_seed = 1;
bool opt_hotplug;
bool opt_deadline;
bool opt_busted;

const struct verbs library_verbs;

#define SECTION	"sections exclude, deaths are told, no wake-up is lost"

#define LOCK_ROW(label, bits, fn)					\
	{ .name = label, .what = SECTION, .flags = bits, .create = locks_create, \
	  .step = fn, .judge = locks_judge, .free = locks_free }

#define READER_ROW(label, bits)						\
	{ .name = label, .what = "writers exclude all, " SECTION, .flags = bits, \
	  .create = readers_create, .step = readers_step, .judge = locks_judge, \
	  .free = locks_free }

#define TOKENS	"no token is lost or doubled, no wake-up is lost"

#define TOKEN_ROW(label, make, fn)					\
	{ .name = label, .what = TOKENS, .create = make, .step = fn,	\
	  .bury = token_bury, .mend = token_mend, .judge = tokens_judge, \
	  .free = tokens_free }

#define COND_ROW(label, bits)						\
	{ .name = label, .what = "no signal is lost, whoever is killed", .flags = bits, \
	  .create = conds_create, .step = conds_step, .bury = conds_bury, \
	  .mend = conds_mend, .judge = conds_judge, \
	  .free = locks_free }

const struct row rows[] = {
	LOCK_ROW("spin", KSYNC_KIND_SPIN << 8, locks_step),
	LOCK_ROW("mutex", 0, locks_step),
	LOCK_ROW("mutex-strict", KSYNC_MUTEX_STRICT, locks_step),
	LOCK_ROW("mutex-recursive", KSYNC_MUTEX_RECURSIVE, locks_step),
	LOCK_ROW("mutex-ceiling", KSYNC_MUTEX_PROTECT, locks_step),
	LOCK_ROW("mutexes", 0, pairs_step),
	READER_ROW("rwlock", 0),
	READER_ROW("rwlock-strict", KSYNC_RWLOCK_STRICT),
	TOKEN_ROW("sem", sem_create, tokens_step),
	TOKEN_ROW("event-auto", auto_create, tokens_step),
	{ .name = "event-manual", .what = "all that wait are released, nobody else is",
	  .flags = KSYNC_EVENT_MANUAL, .create = gate_create, .step = gate_step,
	  .mend = gate_mend, .judge = gate_judge },
	COND_ROW("cond", 0),
	COND_ROW("cond-strict", KSYNC_MUTEX_STRICT),
	{ .name = "waitq", .what = "nobody sleeps on with an old word",
	  .create = waitqs_create, .step = waitqs_step, .bury = waitqs_bury,
	  .mend = waitqs_mend, .judge = waitqs_judge },
	TOKEN_ROW("wait-any", mix_create, any_step),
	TOKEN_ROW("wait-all", mix_create, all_step),
	{ .name = "poll", .what = "all that poll are told, no token is lost or doubled",
	  .create = polls_create, .step = polls_step, .bury = token_bury,
	  .mend = token_mend, .judge = polls_judge, .free = locks_free },
	{ .name = "barrier", .what = "nobody leaves too early, nobody stays",
	  .deathless = true, .create = meet_create, .step = meet_step,
	  .mend = meet_mend, .judge = meet_judge },
	{ .name = "order", .what = "wake-ups come by priority", .script = order_script },
	{ .name = "boost", .what = "owners run at the priority of who waits, and only then",
	  .script = boost_script },
};

#define ROWS	(sizeof(rows) / sizeof(*rows))

static const char * const violation_names[VIOLATIONS] = {
	[NOTHING_WRONG] = "nothing is wrong",
	[EXCLUSION] = "mutual exclusion is broken",
	[COUNT] = "a count does not agree",
	[LOST_WAKEUP] = "a wake-up was lost",
	[STUCK] = "no progress",
	[UNTOLD_DEATH] = "the death of an owner was not told",
	[WRONG_ORDER] = "not by priority",
	[NO_BOOST] = "an owner is not boosted",
	[STILL_BOOSTED] = "a task is still boosted",
	[LEFT_BEHIND] = "an owner or waiter was left behind",
	[UNUSABLE] = "an object cannot be used any more",
	[WRONG_ANSWER] = "an answer that nobody expects",
	[UNLOADED] = "the module was not kept",
	[CRASHED] = "a task crashed",
};

const char *violation_name(uint32_t v)
{
	return violation_names[v];
}

/** violate() - something does not hold; the first one counts. Any task. */
void violate(enum violation v, const char *detail, uint64_t a, uint64_t b)
{
	uint32_t none = NOTHING_WRONG;
	size_t i;

	if (!__atomic_compare_exchange_n(&scene->violation, &none, v, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return;
	for (i = 0; detail[i] && i < sizeof(scene->detail) - 1; i++)
		scene->detail[i] = detail[i];
	scene->value[0] = a;
	scene->value[1] = b;
}

void figure_add(enum figure f, uint64_t n)
{
	__atomic_add_fetch(&scene->figure[f], n, __ATOMIC_RELAXED);
}

const struct row *row_find(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static bool play(const struct row *row, unsigned int number, uint64_t ns)
{
	const struct scene *s = stage_run(row, &library_verbs, ns);

	if (s->violation)
		printf("# %s: %s: %s (%lld, %lld)\n", row->name, violation_name(s->violation),
		       s->detail, (long long)s->value[0], (long long)s->value[1]);
	stage_print_figures(row->name, s);
	printf("%sok %u - torture: %s: %s\n", s->violation ? "not " : "", number, row->name,
	       row->what);
	fflush(stdout);
	return !s->violation;
}

static bool is_chosen(const char *kinds, const char *name)
{
	const size_t n = strlen(name);
	const char *p = kinds;

	while (kinds && (p = strstr(p, name))) {
		if ((p == kinds || p[-1] == ',') && (!p[n] || p[n] == ','))
			return true;
		p += n;
	}
	return !kinds;
}

/* Each name has to be one of a row. */
static void check_kinds(const char *kinds)
{
	char copy[512], *name, *rest = copy;

	snprintf(copy, sizeof(copy), "%s", kinds);
	while ((name = strsep(&rest, ","))) {
		if (row_find(name))
			continue;
		fprintf(stderr, "torture: there is no row '%s'; the names are:\n", name);
		for (size_t i = 0; i < ROWS; i++)
			fprintf(stderr, "  %s\n", rows[i].name);
		exit(2);
	}
}

static int torture(const char *kinds)
{
	unsigned int i, number = 0, chosen = 0;
	int failed = 0;

	for (i = 0; i < ROWS; i++)
		chosen += is_chosen(kinds, rows[i].name);
	printf("TAP version 13\n1..%u\n", chosen);
	printf("# seed %u\n", opt_seed);
	if (!opt_hotplug)
		printf("# no processor is taken offline: --hotplug asks for it\n");
	else if (access("/sys/devices/system/cpu/cpu1/online", W_OK))
		printf("# no processor can be taken offline on this kernel: that is left out\n");
	if (!opt_deadline)
		printf("# nobody gets the policy DEADLINE: --deadline asks for it\n");
	for (i = 0; i < ROWS; i++)
		if (is_chosen(kinds, rows[i].name))
			failed += !play(&rows[i], ++number, opt_seconds * SEC / chosen);
	return failed;
}

static int misused(void)
{
	fprintf(stderr, "usage: torture [--seconds N] [--seed S] [--kinds NAME,...]\n"
		"               [--hotplug] [--deadline]\n"
		"       torture [--seconds N] [--seed S] --busted NAME | --busted-all\n");
	return 2;
}

static int carry_out(const char *kinds, const char *busted, bool all)
{
	opt_busted = busted || all;
	if (!opt_seconds)
		opt_seconds = opt_busted ? 20 : 60;
	if (geteuid()) {
		fprintf(stderr, "torture: run it as root: it changes priorities and kills\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (all)
		return busted_all(opt_seconds) ? 1 : 0;
	if (busted)
		return busted_one(busted, opt_seconds);
	return torture(kinds) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'S' },
		{ "kinds", required_argument, NULL, 'k' },
		{ "busted", required_argument, NULL, 'b' },
		{ "busted-all", no_argument, NULL, 'a' },
		{ "hotplug", no_argument, NULL, 'h' },
		{ "deadline", no_argument, NULL, 'd' },
		{ "gone", no_argument, NULL, 'g' },
		{ }
	};
	const char *kinds = NULL, *busted = NULL;
	bool all = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 's':
			opt_seconds = atoi(optarg);
			break;
		case 'S':
			opt_seed = strtoul(optarg, NULL, 0);
			break;
		case 'k':
			kinds = optarg;
			check_kinds(kinds);
			break;
		case 'b':
			busted = optarg;
			break;
		case 'a':
			all = true;
			break;
		case 'h':
			opt_hotplug = true;
			break;
		case 'd':
			opt_deadline = true;
			break;
		case 'g': /* a worker that called execve() */
			return 0;
		default:
			return misused();
		}
	}
	if (optind < argc)
		return misused();
	return carry_out(kinds, busted, all);
}
