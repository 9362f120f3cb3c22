// SPDX-License-Identifier: GPL-2.0
/*
 * ksync-lab: the hazards of concurrency, each run until it is seen, and its cures.
 * See ksync-lab(1).
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lab.h"

#define EXIT_USAGE	2
#define BOUND		90	/* seconds, after which an experiment is ended */

static const char usage[] =
	"usage: ksync-lab list\n"
	"       ksync-lab [--seconds N] [--json | --tap] NAME...\n"
	"       ksync-lab [--seconds N] [--json | --tap] all\n"
	"       ksync-lab [--seconds N] [--answers] quiz [N]\n"
	"\n"
	"  list   the experiments, and what each is about\n"
	"  NAME   run this one: the hazard until it is seen, then its cures\n"
	"  all    run all of them\n"
	"  quiz   ten questions, or the N-th; each is answered by an experiment\n"
	"\n"
	"  --seconds N  look for a hazard for so long at most (5)\n"
	"  --json       only what was found, an object for each experiment\n"
	"  --tap        the same as a stream of tests\n"
	"  --answers    do not ask; so it is where standard input is no terminal\n"
	"\n"
	"Without the module ksync uses futexes: KSYNC_BACKEND=futex ksync-lab all\n";

static const struct experiment experiments[] = {
	{ "race", "a data race: updates are lost", lab_race },
	{ "ordering", "stores pass loads: two threads that both come first", lab_ordering },
	{ "deadlock", "a deadlock, and the four ways of breaking it", lab_deadlock },
	{ "livelock", "two that give way to each other for ever", lab_livelock },
	{ "starvation", "one that never gets the lock while others do", lab_starvation },
	{ "inversion", "priority inversion: medium delays high", lab_inversion },
	{ "aba", "compare-and-swap is deceived by a value that came back", lab_aba },
	{ "wakeup", "wake-ups that are lost, and that come for nothing", lab_wakeup },
	{ "sharing", "false sharing: two variables in one cache line", lab_sharing },
	{ "cost", "threads against processes: flags, time, memory, TLS", lab_cost },
	{ "threading", "1:1, N:1 and M:N, by the threads that tasks ran on", lab_threading },
	{ "readers", "which lock is best where nearly all read", lab_readers },
	{ "events", "select, poll and epoll; readiness and completion", lab_events },
	{ "actor", "private state and a mailbox", lab_actor },
	{ "crash", "an actor that fails, and is started again", lab_crash },
};

#define EXPERIMENTS	(sizeof(experiments) / sizeof(*experiments))

enum form { FORM_TEXT, FORM_JSON, FORM_TAP };

static enum form form;
static unsigned int tests, failures, skips;
static _Atomic int stopped;

static void stop(int signal)
{
	stopped = signal;
}

/* Everything that was started has ended when this returns. */
static void reap(pid_t runner)
{
	kill(runner, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

static void end_if_stopped(void)
{
	if (!stopped)
		return;
	signal(stopped, SIG_DFL);
	raise(stopped);
}

static void run_here(const struct experiment *e)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	if (form != FORM_TEXT && !freopen("/dev/null", "w", stdout))
		err(1, "/dev/null");
	e->run();
	fflush(stdout);
	_exit(0);
}

static void record_failure(const char *format, int value)
{
	struct lab_phase *p = &lab_record->phase[LAB_PHASES - 1];

	if (lab_record->phases < LAB_PHASES)
		p = &lab_record->phase[lab_record->phases++];
	snprintf(p->name, sizeof(p->name), "the experiment comes to its end");
	snprintf(p->note, sizeof(p->note), format, value);
	p->outcome = LAB_NOT_SEEN;
	if (form == FORM_TEXT)
		printf("  FAILED: %s\n", p->note);
}

const struct lab_record *experiment_run(const struct experiment *e)
{
	double end = now() + BOUND;
	int status = 0;
	pid_t runner;

	memset(lab_record, 0, sizeof(*lab_record));
	runner = lab_fork();
	if (!runner)
		run_here(e);
	while (!stopped && now() < end && waitpid(runner, &status, WNOHANG) != runner)
		nap(0.02);
	if (stopped || now() >= end)
		status = -1;
	reap(runner);
	end_if_stopped();
	if (status == -1)
		record_failure("it did not end within %d s", BOUND);
	else if (WIFSIGNALED(status))
		record_failure("it was ended by signal %d", WTERMSIG(status));
	else if (status)
		record_failure("it ended with status %d", WEXITSTATUS(status));
	return lab_record;
}

const struct experiment *experiment_find(const char *name)
{
	for (unsigned int i = 0; i < EXPERIMENTS; i++)
		if (!strcmp(experiments[i].name, name))
			return &experiments[i];
	return NULL;
}

double fact_of(const struct lab_record *r, const char *key)
{
	for (unsigned int i = 0; i < r->facts; i++)
		if (!strcmp(r->fact[i].key, key))
			return r->fact[i].value;
	return 0;
}

bool fact_is(const struct lab_record *r, const char *key)
{
	for (unsigned int i = 0; i < r->facts; i++)
		if (!strcmp(r->fact[i].key, key))
			return true;
	return false;
}

/* Names and notes are the lab's own: of what JSON escapes they have quotes alone. */
static void json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text == '\n' ? ' ' : *text);
	}
	putchar('"');
}

static void print_json(const struct experiment *e, const struct lab_record *r)
{
	static const char * const words[] = { "seen", "not seen", "gone", "still", "cannot" };

	printf("{\"name\": \"%s\", \"phases\": [", e->name);
	for (unsigned int i = 0; i < r->phases; i++) {
		printf("%s{\"name\": ", i ? ", " : "");
		json_string(r->phase[i].name);
		printf(", \"outcome\": \"%s\", \"note\": ", words[r->phase[i].outcome]);
		json_string(r->phase[i].note);
		putchar('}');
	}
	printf("], \"facts\": {");
	for (unsigned int i = 0; i < r->facts; i++)
		printf("%s\"%s\": %.9g", i ? ", " : "", r->fact[i].key, r->fact[i].value);
	puts("}}");
}

static void print_tap(const struct experiment *e, const struct lab_record *r)
{
	for (unsigned int i = 0; i < r->phases; i++) {
		const struct lab_phase *p = &r->phase[i];
		const bool bad = p->outcome == LAB_NOT_SEEN || p->outcome == LAB_STILL;

		printf("%s %u - lab: %s: %s%s", bad ? "not ok" : "ok", ++tests, e->name, p->name,
		       p->outcome == LAB_SEEN ? ", seen" : p->outcome == LAB_GONE ? ", gone" : "");
		printf(p->outcome == LAB_CANNOT ? " # SKIP %s\n" : "\n# %s\n", p->note);
	}
}

static void count(const struct lab_record *r)
{
	for (unsigned int i = 0; i < r->phases; i++) {
		const enum lab_outcome o = r->phase[i].outcome;

		failures += o == LAB_NOT_SEEN || o == LAB_STILL;
		skips += o == LAB_CANNOT;
	}
}

static void run(const struct experiment *e)
{
	const struct lab_record *r;

	if (form == FORM_TEXT)
		printf("%s: %s\n\n", e->name, e->title);
	r = experiment_run(e);
	count(r);
	if (form == FORM_JSON)
		print_json(e, r);
	else if (form == FORM_TAP)
		print_tap(e, r);
	else
		putchar('\n');
	fflush(stdout);
}

static double parse_seconds(const char *text)
{
	char *end;
	double n = strtod(text, &end);

	if (*end || end == text || !(n >= 1 && n <= 60))
		errx(EXIT_USAGE, "--seconds has to be a number from 1 to 60, not '%s'", text);
	return n;
}

static int list(void)
{
	for (unsigned int i = 0; i < EXPERIMENTS; i++)
		printf("  %-11s %s\n", experiments[i].name, experiments[i].title);
	return 0;
}

static int run_quiz(char **words, enum quiz_mode mode)
{
	unsigned long n = 0;
	char *end;

	if (form != FORM_TEXT)
		errx(EXIT_USAGE, "the quiz is for people: it has neither --json nor --tap");
	if (words[0]) {
		n = strtoul(words[0], &end, 10);
		if (*end || n < 1 || n > 10 || words[1])
			errx(EXIT_USAGE, "quiz takes one number from 1 to 10, not '%s'", words[0]);
	}
	return quiz(n, mode);
}

static int run_named(char **words)
{
	const bool all = !strcmp(words[0], "all") && !words[1];

	for (char **w = words; *w && !all; w++)
		if (!experiment_find(*w))
			errx(EXIT_USAGE, "there is no experiment '%s': see ksync-lab list", *w);
	if (form == FORM_TAP)
		puts("TAP version 13");
	for (unsigned int i = 0; all && i < EXPERIMENTS; i++)
		run(&experiments[i]);
	for (char **w = words; *w && !all; w++)
		run(experiment_find(*w));
	if (form == FORM_TAP)
		printf("1..%u\n", tests);
	if (form == FORM_TEXT && failures)
		printf("%u of the above did not go as they should.\n", failures);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void watch_signals(void)
{
	struct sigaction act = { .sa_handler = stop };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "tap", no_argument, NULL, 't' },
		{ "answers", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	enum quiz_mode mode = isatty(STDIN_FILENO) ? QUIZ_ASK : QUIZ_ANSWERS;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 's')
			lab_seconds = parse_seconds(optarg);
		else if (option == 'j')
			form = FORM_JSON;
		else if (option == 't')
			form = FORM_TAP;
		else if (option == 'a')
			mode = QUIZ_ANSWERS;
		else
			return fputs(usage, option == 'h' ? stdout : stderr),
			       option == 'h' ? 0 : EXIT_USAGE;
	}
	argv += optind;
	if (!argv[0])
		errx(EXIT_USAGE, "say which experiment: see ksync-lab list, or --help");
	if (!strcmp(argv[0], "list") && !argv[1])
		return list();
	lab_record = lab_shared(sizeof(*lab_record));
	watch_signals();
	return strcmp(argv[0], "quiz") ? run_named(argv) : run_quiz(argv + 1, mode);
}
