// SPDX-License-Identifier: GPL-2.0
/*
 * The keeper of the run: opens the domains that hosts share, starts hosts, kills one
 * every now and then, changes the module's limits, and after a while ends them all,
 * to see that nothing is left, and begins anew.
 *
 * Patience is counted in ticks that it has slept, not in time: a guest that stood
 * still for a minute has not been given one.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "fuzz.h"

#define TICK_NS		50000000
#define GENERATION	30.0	/* s */
#define CALLS_A_KILL	3000	/* or more: a new host costs as much as hundreds */
#define PATIENCE	1200	/* ticks, 60 s, until what was killed is gone */

static pid_t pids[MAX_HOSTS];
static int domains[SHARED_DOMAINS];

static void tick(void)
{
	const struct timespec ts = { 0, TICK_NS };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

/* Limits, and values they take; the first one is the usual one. */
static const struct limit {
	const char *name;
	unsigned int value[3];
} limits[] = {
	{ "max_objects", { 1 << 20, 2000, 400 } },
	{ "max_threads", { 1 << 16, 24, 1 << 16 } },
	{ "max_waiters", { 1 << 16, 10, 1 << 16 } },
	{ "max_chain", { 500, 2, 500 } },
	{ "handle_max", { KSYNC_HANDLE_MAX, 60, 200 } },
	{ "handoff_us", { 1000, 0, 50 } },
};

#define LIMITS (sizeof(limits) / sizeof(*limits))

static void set_limit(const struct limit *l, unsigned int i)
{
	char path[96], text[16];
	int fd, n;

	snprintf(path, sizeof(path), "/sys/module/ksync/parameters/%s", l->name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = snprintf(text, sizeof(text), "%u", l->value[i]);
	if (write(fd, text, n) != n)
		perror(path);
	close(fd);
}

static void reset_limits(void)
{
	size_t i;

	for (i = 0; i < LIMITS; i++)
		set_limit(&limits[i], 0);
}

static void open_domains(void)
{
	unsigned int i;

	memset(sh->pool, 0, sizeof(sh->pool));
	for (i = 0; i < SHARED_DOMAINS; i++) {
		domains[i] = open(KSYNC_DEVICE, O_RDWR | O_CLOEXEC);
		if (domains[i] < 0) {
			perror("fuzz: " KSYNC_DEVICE);
			exit(2);
		}
		exec_fill(domains[i], &sh->pool[i], i);
	}
}

static void start_host(unsigned int host)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		host_run(host, domains);
	}
	setpgid(pid, pid);
	pids[host] = pid;
}

static void print_file(const char *what, const char *dir, const char *name)
{
	char path[300], text[2048];
	int fd, n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	printf("# %s of %s:", what, dir);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		printf("%s\n# ", line);
	putchar('\n');
}

/* What the tasks of a process do, and what runs now: that is in the kernel's log. */
static void say_stuck(pid_t pid)
{
	char pattern[64];
	glob_t found;
	size_t i;
	int fd;

	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*", pid);
	if (!glob(pattern, 0, NULL, &found)) {
		for (i = 0; i < found.gl_pathc; i++) {
			print_file("state", found.gl_pathv[i], "stat");
			print_file("stack", found.gl_pathv[i], "stack");
		}
		globfree(&found);
	}
	fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "l", 1) != 1)
		perror("fuzz: sysrq-trigger");
	if (fd >= 0)
		close(fd);
	finding(PROPERTY_STUCK, 1, NULL, "process group %d was killed and does not end", pid);
}

/*
 * A host and the children of its executors, which are ours once it is dead, and are
 * a process group.  Return: whether all are gone.
 */
static bool kill_host(unsigned int host)
{
	const pid_t group = pids[host];
	int ticks = 0;
	pid_t pid;

	kill(-group, SIGKILL);
	atomic_fetch_add(&sh->kills, 1);
	while ((pid = waitpid(-group, NULL, WNOHANG)) >= 0) {
		if (pid)
			continue;
		if (++ticks > PATIENCE * sh->slow) {
			say_stuck(group);
			return false;
		}
		tick();
	}
	return true;
}

/* How many domains there are: lines but the first. -1: that cannot be told. */
static int count_domains(void)
{
	FILE *f = fopen("/proc/ksync/domains", "re");
	int c, n = -1;

	if (!f)
		return -1;
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

/* All hosts are gone, and the domains closed: only the canary has one. */
static void check_domains(void)
{
	int ticks = 0;

	while (count_domains() > 1) {
		if (++ticks > PATIENCE * sh->slow) {
			finding(PROPERTY_DOMAINS, 1, NULL,
				"%d domains are left though nobody has them",
				count_domains() - 1);
			return;
		}
		tick();
	}
}

/* A call of its executors takes long that must not: its watcher is to find out. */
static bool overdue(unsigned int host)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		if (sh->seat[host][i].overdue)
			return true;
	return false;
}

static void kill_one(unsigned int hosts, uint64_t *rng, bool *good)
{
	const unsigned int i = dice(rng) % hosts;

	if (overdue(i))
		return;
	*good = kill_host(i);
	start_host(i);
	set_limit(&limits[dice(rng) % LIMITS], dice(rng) % 3);
}

static bool generation(unsigned int hosts, double end, uint64_t *said,
		       const char *findings)
{
	const uint64_t start = now_ns();
	unsigned int ticks = 0, i;
	int n;
	uint64_t rng = start, before = sh->total;
	bool good = true;

	open_domains();
	for (i = 0; i < hosts; i++)
		start_host(i);
	while (!sh->stop && good && seconds_since(start) < GENERATION) {
		tick();
		if (seconds_since(sh->start) >= end)
			atomic_store(&sh->stop, true);
		corpus_say();
		if (++ticks >= 16 && sh->total - before >= CALLS_A_KILL) {
			ticks = 0;
			before = sh->total;
			kill_one(hosts, &rng, &good);
		}
		report_findings(findings);
		if (seconds_since(*said) >= 5) {
			report_progress(seconds_since(sh->start));
			*said = now_ns();
		}
	}
	for (i = 0; i < hosts; i++) {
		for (n = 0; overdue(i) && n < PATIENCE * sh->slow; n++)
			tick();
		good = kill_host(i) && good;
	}
	for (i = 0; i < SHARED_DOMAINS; i++)
		close(domains[i]);
	if (good)
		check_domains();
	return good;
}

/* Return: false: it makes no sense to go on. */
bool keeper_run(unsigned int hosts, double seconds, const char *findings)
{
	const struct sched_param above = { .sched_priority = 61 };
	pid_t canary = canary_start();
	uint64_t said = now_ns();
	bool good = true;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &above);
	while (!sh->stop && good)
		good = generation(hosts, seconds, &said, findings);
	atomic_store(&sh->stop, true);
	reset_limits();
	canary_end(canary);
	report_findings(findings);
	return good;
}
