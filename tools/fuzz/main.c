// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz: what it is asked for, and the run as a whole.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "fuzz.h"

struct shared *sh;

static const char usage[] =
"usage: fuzz [OPTION...]\n"
"\n"
"  --seconds N       run for so long (60)\n"
"  --ops N           or until so many calls were made\n"
"  --seed S          the same seed makes the same programs (the time)\n"
"  --procs P         processes with 3 executors each, up to 16 (3)\n"
"  --corpus DIR      first run the programs DIR/*.prog, and mutate them later\n"
"  --save DIR        write the programs that were worth keeping there, and findings\n"
"  --replay FILE     run one program, by all executors, again and again\n"
"  --program NAME    the same with the program that a run has called so; give --seed,\n"
"                    and --corpus if it was given\n"
"  --show            print that program, and do not run it\n"
"\n"
"Needs " KSYNC_DEVICE "; as root it reads /proc/ksync and changes the module's limits\n"
"as well. What it prints is TAP.\n";

/* What it was asked for. */
static struct {
	double seconds;
	unsigned int procs;
	const char *corpus, *save, *replay, *program;
	bool show;
} options = { .procs = 3 };

static void __attribute__((noreturn)) die(const char *why, const char *what)
{
	fprintf(stderr, "fuzz: %s%s; see --help.\n", what, why);
	exit(2);
}

static uint64_t parse_u64(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (!*text || *end)
		die(" is no number", text);
	return n;
}

static void set_option(int c)
{
	switch (c) {
	case 's':
		options.seconds = parse_u64(optarg);
		break;
	case 'o':
		sh->max_ops = parse_u64(optarg);
		break;
	case 'e':
		sh->seed = parse_u64(optarg);
		break;
	case 'p':
		options.procs = parse_u64(optarg);
		break;
	case 'c':
		options.corpus = optarg;
		break;
	case 'w':
		options.save = optarg;
		break;
	case 'r':
		options.replay = optarg;
		break;
	case 'n':
		options.program = optarg;
		break;
	case 'h':
		options.show = true;
		break;
	default:
		fputs(usage, optopt ? stderr : stdout);
		exit(optopt ? 2 : 0);
	}
}

static void parse(int argc, char **argv)
{
	static const struct option list[] = {
		{ "seconds", 1, NULL, 's' }, { "ops", 1, NULL, 'o' }, { "seed", 1, NULL, 'e' },
		{ "procs", 1, NULL, 'p' }, { "corpus", 1, NULL, 'c' }, { "save", 1, NULL, 'w' },
		{ "replay", 1, NULL, 'r' }, { "program", 1, NULL, 'n' },
		{ "show", 0, NULL, 'h' }, { "help", 0, NULL, '?' }, { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", list, NULL)) != -1)
		set_option(c);
	if (optind < argc)
		die(" is not understood", argv[optind]);
	if (!options.procs || options.procs > MAX_HOSTS)
		die(": 1 to 16", "--procs");
	if (!options.seconds)
		options.seconds = sh->max_ops == UINT64_MAX ? 60 : 1e9;
}

static void replay_one(void)
{
	static char text[MAX_CALLS * 512 + 64];
	struct program *p = malloc(sizeof(*p));
	FILE *f;
	size_t n;

	if (!p)
		exit(2);
	if (options.program) {
		if (!program_make(p, options.program))
			die(" is no program; is --corpus missing?", options.program);
	} else {
		f = fopen(options.replay, "r");
		n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
		text[n] = '\0';
		if (!n || !text_parse(p, text))
			die(" is no program", options.replay);
		snprintf(p->name, sizeof(p->name), "c0");
	}
	text_print(p, text, sizeof(text));
	fputs(text, stdout);
	fflush(stdout);
	sh->corpus[0] = *p;
	sh->corpus_nr = 1;
	sh->replayed = 1;
	sh->replay = true;
	free(p);
}

static void interrupted(int sig)
{
	(void)sig;
	atomic_store(&sh->stop, true);
}

static void setup(void)
{
	const struct rlimit files = { 65536, 65536 };
	const char *slow = getenv("KSYNC_SLOW"), *vm = getenv("KSYNC_VM");
	struct sigaction action = { .sa_handler = interrupted };

	sh->slow = slow ? atoi(slow) : vm && !strcmp(vm, "debug") ? 6 : 1;
	if (sh->slow < 1)
		sh->slow = 1;
	setrlimit(RLIMIT_NOFILE, &files);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

int main(int argc, char **argv)
{
	bool good;

	/* What a child of an executor becomes by execve(). */
	if (argc == 2 && !strcmp(argv[1], "--nothing"))
		return 0;
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		die("cannot allocate memory", "");
	sh->seed = time(NULL);
	sh->max_ops = UINT64_MAX;
	sh->max_programs = UINT64_MAX;
	parse(argc, argv);
	setup();
	if (options.corpus && corpus_load(options.corpus) < 0)
		return 2;
	if (options.program || options.replay)
		replay_one();
	if (options.show)
		return 0;
	if (access(KSYNC_DEVICE, R_OK | W_OK))
		die(": cannot be opened. Load the module first ('make load'), and join its group",
		    KSYNC_DEVICE);
	printf("TAP version 13\n# seed %llu\n", (unsigned long long)sh->seed);
	sh->start = now_ns();
	good = keeper_run(options.procs, options.seconds, options.save);
	if (options.save)
		corpus_save(options.save);
	return report_end(seconds_since(sh->start), sh->replay) || !good;
}
