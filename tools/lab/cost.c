// SPDX-License-Identifier: GPL-2.0
/*
 * Threads against processes: what a child shares, by the flags of clone(2) and by what
 * it does, not by what the manual says; what making one costs, switching between two,
 * and memory.  The layout of thread-local storage is in tls.c.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cost.h"

#define STACK	(256 << 10)
#define TIMES	50
#define TOUCHED	(32 << 20)
#define FD	200	/* a number that nothing else has */

enum kind { FORK, VFORK, CLONE, PTHREAD, SPAWN };

static const struct maker {
	const char *name;
	enum kind kind;
	int flags;
} makers[] = {
	{ "fork", FORK, 0 },
	{ "clone FILES", CLONE, CLONE_FILES },
	{ "clone FS", CLONE, CLONE_FS },
	{ "clone VM", CLONE, CLONE_VM },
	{ "clone VM SIGHAND", CLONE, CLONE_VM | CLONE_SIGHAND },
	{ "clone VM FS FILES SIGHAND", CLONE, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND },
	{ "pthread_create", PTHREAD, 0 },
	{ "vfork", VFORK, 0 },
	{ "posix_spawn true", SPAWN, 0 },
};

#define SHARERS	7	/* the first ones: what they share is looked at */
#define MAKERS	(sizeof(makers) / sizeof(*makers))

/* What a child changes, each where another one would see it if it is shared. */
static int global;
static int *heap;
static __thread int local;
static pid_t child_process;
static uintptr_t child_stack;
static char *stack;

static void handler(int unused)
{
	(void)unused;
}

static int change_everything(void *unused)
{
	char here = 0;
	sigset_t set;

	(void)unused;
	global = 1;
	*heap = 1;
	local = 1;
	child_process = getpid();
	child_stack = (uintptr_t)&here;
	if (chdir("/proc"))
		return 1;
	signal(SIGUSR2, handler);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return dup2(STDERR_FILENO, FD) < 0;
}

static int return_at_once(void *unused)
{
	(void)unused;
	return 0;
}

static void *as_thread(void *fn)
{
	((int (*)(void *))fn)(NULL);
	return NULL;
}

static void reap(pid_t pid)
{
	if (pid < 0)
		err(1, "cannot make a child");
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static pid_t fork_and_do(int (*fn)(void *))
{
	pid_t pid = fork();

	if (!pid)
		_exit(fn(NULL));
	return pid;
}

static pid_t vfork_and_end(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	return pid;
}

/* Make one that does @fn, and wait for its end. */
static void make(const struct maker *m, int (*fn)(void *))
{
	static char *const argv[] = { (char *)"true", NULL };
	pthread_t thread;
	pid_t pid = 0;

	switch (m->kind) {
	case FORK:
		reap(fork_and_do(fn));
		break;
	case VFORK:
		reap(vfork_and_end());
		break;
	case CLONE:
		reap(clone(fn, stack + STACK, m->flags | SIGCHLD, NULL));
		break;
	case PTHREAD:
		must(-pthread_create(&thread, NULL, as_thread, fn), "thread");
		pthread_join(thread, NULL);
		break;
	case SPAWN:
		must(-posix_spawnp(&pid, "true", NULL, NULL, argv, environ), "true");
		reap(pid);
		break;
	}
}

/**
 * struct shared - what of a child its parent sees
 * @memory: variable and heap
 * @files: a descriptor
 * @fs: the working directory
 * @handlers: of signals
 * @mask: of signals
 * @tls: a thread-local variable
 * @pid: getpid() is the same
 */
struct shared {
	bool memory;
	bool files;
	bool fs;
	bool handlers;
	bool mask;
	bool tls;
	bool pid;
};

/* In a process of its own, for what a child changes here stays so. */
static void look(const struct maker *m, struct shared *s)
{
	struct sigaction action;
	char directory[256];
	sigset_t mask;

	heap = calloc(1, sizeof(*heap));
	if (chdir("/") || !heap)
		err(1, "cannot begin in /");
	make(m, change_everything);
	s->memory = global && *heap;
	s->files = fcntl(FD, F_GETFD) >= 0;
	s->fs = getcwd(directory, sizeof(directory)) && !strcmp(directory, "/proc");
	sigaction(SIGUSR2, NULL, &action);
	s->handlers = action.sa_handler == handler;
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	s->mask = sigismember(&mask, SIGUSR2);
	s->tls = local;
	s->pid = child_process == getpid();
}

static const char *mark(bool shared)
{
	return shared ? "shared" : "-";
}

static void show_shared(void)
{
	struct shared *s = lab_shared(sizeof(*s));

	say("What a child does that its parent sees:");
	show("%-26s %-6s %-6s %-6s %-8s %-5s %-6s", "", "memory", "files", "cwd", "handlers",
	     "mask", "TLS");
	for (unsigned int i = 0; i < SHARERS; i++) {
		pid_t pid;

		memset(s, 0, sizeof(*s));
		pid = lab_fork();
		if (!pid) {
			look(&makers[i], s);
			_exit(0);
		}
		reap(pid);
		show("%-26s %-6s %-6s %-6s %-8s %-5s %-6s", makers[i].name, mark(s->memory),
		     mark(s->files), mark(s->fs), mark(s->handlers), mark(s->mask), mark(s->tls));
		if (makers[i].kind == FORK)
			fact("fork_memory", s->memory);
		if (makers[i].kind != PTHREAD)
			continue;
		fact("thread_memory", s->memory);
		fact("thread_files", s->files);
		fact("thread_fs", s->fs);
		fact("thread_handlers", s->handlers);
		fact("thread_mask", s->mask);
		fact("thread_tls", s->tls);
		fact("thread_pid", s->pid);
	}
	say("TLS is shared where a task has its parent's memory and no TLS of its own: clone(2)\n"
	    "without SETTLS, which pthread_create() gives.");
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Microseconds for making one and waiting for its end, the median. */
static double creation(const struct maker *m)
{
	double t[TIMES];

	for (int i = 0; i < TIMES; i++) {
		const double begin = now();

		make(m, return_at_once);
		t[i] = (now() - begin) * 1e6;
	}
	qsort(t, TIMES, sizeof(*t), by_value);
	return t[TIMES / 2];
}

static void show_creation(const char *key)
{
	double us[MAKERS], most = 0;
	char name[48];

	for (unsigned int i = 0; i < MAKERS; i++) {
		us[i] = creation(&makers[i]);
		most = us[i] > most ? us[i] : most;
		snprintf(name, sizeof(name), "us_%s_%s", key, makers[i].name);
		for (char *c = name; *c; c++)
			*c = *c == ' ' ? '_' : *c;
		fact(name, us[i]);
	}
	for (unsigned int i = 0; i < MAKERS; i++)
		bar(makers[i].name, us[i], most, "us");
}

static void show_creations(void)
{
	char *memory;

	say("Made, and waited for (medians of %d):", TIMES);
	show_creation("small");
	memory = mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "cannot have %d MiB", TOUCHED >> 20);
	memset(memory, 1, TOUCHED);
	say("The same in a process that has %d MiB more:", TOUCHED >> 20);
	show_creation("large");
	munmap(memory, TOUCHED);
}

/* What a process has of its own, and its part of what it shares, in KiB. */
static double pss_of(pid_t pid)
{
	char path[64], line[256];
	double kib = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "r");
	if (!f)
		return -1;
	while (kib < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Pss:", 4))
			kib = strtod(line + 4, NULL);
	fclose(f);
	return kib;
}

#define IDLE	32

static pthread_barrier_t all_there;

static void *idle(void *unused)
{
	pthread_barrier_wait(&all_there);
	pthread_barrier_wait(&all_there);
	return unused;
}

static double memory_of_threads(void)
{
	const double before = pss_of(getpid());
	pthread_t thread[IDLE];
	double after;

	pthread_barrier_init(&all_there, NULL, IDLE + 1);
	for (int i = 0; i < IDLE; i++)
		must(-pthread_create(&thread[i], NULL, idle, NULL), "thread");
	pthread_barrier_wait(&all_there);
	after = pss_of(getpid());
	pthread_barrier_wait(&all_there);
	for (int i = 0; i < IDLE; i++)
		pthread_join(thread[i], NULL);
	return (after - before) / IDLE;
}

static double memory_of_processes(void)
{
	const double before = pss_of(getpid());
	double after = 0;
	pid_t pid[IDLE];

	for (int i = 0; i < IDLE; i++) {
		pid[i] = lab_fork();
		if (!pid[i])
			for (;;)
				pause();
	}
	for (int i = 0; i < IDLE; i++)
		after += pss_of(pid[i]);
	after += pss_of(getpid());
	for (int i = 0; i < IDLE; i++)
		lab_end(pid[i]);
	return (after - before) / IDLE;
}

static void show_memory(void)
{
	double threads, processes;

	if (pss_of(getpid()) < 0) {
		say("This kernel has no smaps_rollup: how much memory each takes is not shown.");
		return;
	}
	threads = memory_of_threads();
	processes = memory_of_processes();
	fact("kib_thread", threads);
	fact("kib_process", processes);
	say("Memory for one more that does nothing (PSS; page tables and the kernel's own come on\n"
	    "top):");
	bar("thread", threads, processes, "KiB");
	bar("process", processes, processes, "KiB");
}

void lab_cost(void)
{
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED)
		err(1, "cannot have a stack");
	show_shared();
	show_creations();
	show_switches();
	show_memory();
	show_tls();
}
