// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * ksync-run: start a program on ksync.
 *
 *	ksync-run [--policy adaptive|strict] [--trace[=FILE]] PROGRAM [ARGUMENT...]
 *
 * The program, and those that it starts, get libksync-pthread.so by LD_PRELOAD, and
 * a domain for the objects that they share.  The exit status is the program's; 125 if
 * ksync cannot be had, 126 if the program cannot be started, 127 if there is none.
 */
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <ksync.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define LIBRARY	"libksync-pthread.so"

enum { CANNOT = 125, NOT_STARTED = 126, NOT_FOUND = 127 };

static void print_help(FILE *to)
{
	fputs("usage: ksync-run [OPTION...] PROGRAM [ARGUMENT...]\n"
	      "\n"
	      "Run a program, and all that it starts, with the mutexes, condition variables,\n"
	      "read-write locks, semaphores, barriers, spinlocks and onces of pthreads on ksync.\n"
	      "\n"
	      "  --policy adaptive   a running thread may take a lock before one that waits, for\n"
	      "                      a bounded time (default)\n"
	      "  --policy strict     unlock hands the lock to the waiter of highest priority\n"
	      "  --trace[=FILE]      at exit say on standard error, or in FILE, how many locks\n"
	      "                      were taken, how many were waited for, how long, and which\n"
	      "  --help              this text\n", to);
}

/* Relative to this program: in build/ as where it is installed. */
static int find_library(char path[PATH_MAX])
{
	static const char * const places[] = {
		"../lib/" LIBRARY, "../lib/ksync/" LIBRARY, LIBRARY
	};
	char self[PATH_MAX], joined[2 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return -1;
	self[n] = 0;
	dirname(self);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(joined, sizeof(joined), "%s/%s", self, places[i]);
		if (realpath(joined, path))
			return 0;
	}
	return -1;
}

static void preload(const char *path)
{
	const char *others = getenv("LD_PRELOAD");
	char *all;

	if (strchr(path, ' ') || strchr(path, ':')) {
		fprintf(stderr, "ksync-run: LD_PRELOAD takes no spaces and colons: %s\n",
			path);
		exit(CANNOT);
	}
	if (asprintf(&all, "%s%s%s", path, others && *others ? ":" : "", others ?: "") < 0) {
		fputs("ksync-run: no memory\n", stderr);
		exit(CANNOT);
	}
	setenv("LD_PRELOAD", all, 1);
}

/* In nobody's way, and kept over execve(2). */
static void share_domain(void)
{
	const char *backend = getenv("KSYNC_BACKEND");
	struct rlimit limit = { .rlim_cur = 1024 };
	struct ksync *d;
	char text[16];
	int ret, fd, low = 1000;

	unsetenv("KSYNC_BACKEND");	/* that is for users of libksync */
	ret = ksync_open(&d, 0);
	if (backend)
		setenv("KSYNC_BACKEND", backend, 1);
	if (ret) {
		fprintf(stderr, "%s\n", ksync_strerror_open(ret));
		exit(CANNOT);
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 1024)
		low = limit.rlim_cur / 2;
	fd = fcntl(ksync_fileno(d), F_DUPFD, low);
	if (fd < 0)
		fd = fcntl(ksync_fileno(d), F_DUPFD, 3);
	if (fd < 0) {
		perror("ksync-run: no file descriptor to pass on");
		exit(CANNOT);
	}
	snprintf(text, sizeof(text), "%d", fd);
	setenv("KSYNC_FD", text, 1);
}

static void set_trace(const char *file)
{
	char path[2 * PATH_MAX], cwd[PATH_MAX];

	if (!file) {
		setenv("KSYNC_TRACE", "stderr", 1);
		return;
	}
	if (*file != '/' && getcwd(cwd, sizeof(cwd)))
		snprintf(path, sizeof(path), "%s/%s", cwd, file);
	else
		snprintf(path, sizeof(path), "%s", file);
	setenv("KSYNC_TRACE", path, 1);
}

static void set_policy(const char *policy)
{
	if (strcmp(policy, "adaptive") && strcmp(policy, "strict")) {
		fprintf(stderr, "ksync-run: there is no policy '%s': say adaptive or strict\n",
			policy);
		exit(CANNOT);
	}
	setenv("KSYNC_POLICY", policy, 1);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "policy", required_argument, NULL, 'p' },
		{ "trace", optional_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			set_policy(optarg);
			break;
		case 't':
			set_trace(optarg);
			break;
		case 'h':
			print_help(stdout);
			exit(0);
		default:
			print_help(stderr);
			exit(CANNOT);
		}
	}
	if (optind == argc) {
		print_help(stderr);
		exit(CANNOT);
	}
}

int main(int argc, char **argv)
{
	char path[PATH_MAX];

	parse(argc, argv);
	if (find_library(path)) {
		fputs("ksync-run: " LIBRARY " is neither here nor in ../lib: build it again\n",
		      stderr);
		return CANNOT;
	}
	share_domain();
	preload(path);
	execvp(argv[optind], &argv[optind]);
	fprintf(stderr, "ksync-run: cannot run %s: %s\n", argv[optind], strerror(errno));
	return errno == ENOENT ? NOT_FOUND : NOT_STARTED;
}
