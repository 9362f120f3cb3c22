// SPDX-License-Identifier: GPL-2.0
/*
 * ksyncctl: look at what uses ksync on this machine. See ksyncctl(8).
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ksyncctl.h"

static const char usage[] =
	"usage: ksyncctl list [--all] [--domain N] [--from DIR]\n"
	"       ksyncctl graph [--domain N] [--from DIR]\n"
	"       ksyncctl why PID [--from DIR]\n"
	"\n"
	"  list    domains, their objects, owners, and who waits\n"
	"  graph   who waits for whom, as input of dot(1)\n"
	"  why     what a thread, or a process, waits for, to the end\n"
	"\n"
	"  --all       objects too that have no name and that nobody uses\n"
	"  --domain N  only this domain\n"
	"  --from DIR  read a copy of " PROC_DIR "\n";

/**
 * struct call - what is asked for
 * @command: list, graph or why
 * @all: --all
 * @domain: --domain, 0: all
 * @pid: of why
 * @dir: --from
 */
struct call {
	const char *command;
	bool all;
	uint64_t domain;
	int64_t pid;
	const char *dir;
};

static int64_t parse_number(const char *text, const char *what)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || *end || end == text || n <= 0)
		errx(EXIT_USAGE, "%s has to be a number above 0, not '%s'", what, text);
	return n;
}

static void parse_option(struct call *c, int option)
{
	switch (option) {
	case 'a':
		c->all = true;
		break;
	case 'd':
		c->domain = parse_number(optarg, "--domain");
		break;
	case 'f':
		c->dir = optarg;
		break;
	case 'h':
		fputs(usage, stdout);
		exit(EXIT_DONE);
	default:
		fputs(usage, stderr);
		exit(EXIT_USAGE);
	}
}

static void check(const struct call *c, int words)
{
	const bool is_why = c->command && !strcmp(c->command, "why");

	if (!c->command)
		errx(EXIT_USAGE, "say what to do: list, graph or why PID; see --help");
	if (!is_why && strcmp(c->command, "list") && strcmp(c->command, "graph"))
		errx(EXIT_USAGE, "there is no command '%s': there are list, graph and why PID",
		     c->command);
	if (words != (is_why ? 2 : 1))
		errx(EXIT_USAGE, is_why ? "say which thread or process: ksyncctl why PID" :
		     "%s takes no argument other than options", c->command);
	if (c->all && strcmp(c->command, "list"))
		errx(EXIT_USAGE, "--all is an option of list alone");
	if (c->domain && is_why)
		errx(EXIT_USAGE, "--domain is no option of why: it follows all domains");
}

static void parse(struct call *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "domain", required_argument, NULL, 'd' },
		{ "from", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		parse_option(c, option);
	c->command = argv[optind];
	check(c, argc - optind);
	if (!strcmp(c->command, "why"))
		c->pid = parse_number(argv[optind + 1], "PID");
}

static int run(const struct call *c)
{
	struct snapshot s;

	snapshot_read(&s, c->dir, c->all ? SNAPSHOT_IDLE : 0);
	if (c->pid)
		return why(&s, c->pid);
	return strcmp(c->command, "list") ? graph(&s, c->domain) : list(&s, c->domain);
}

int main(int argc, char **argv)
{
	struct call c = { .dir = PROC_DIR };
	int ret;

	parse(&c, argc, argv);
	ret = run(&c);
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_NO_DATA, "cannot write the answer");
	return ret;
}
