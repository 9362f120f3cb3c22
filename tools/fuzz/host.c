// SPDX-License-Identifier: GPL-2.0
/*
 * A host: a process whose threads run programs, until it is killed.
 *
 * Its main thread is the watcher.  It writes into the shared domains whatever it
 * likes, has a page change under its users, and gets executors out of calls that
 * may take for ever: a signal, whose handler jumps.  A call that must end is left
 * alone, and is a finding if it does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "fuzz.h"

#define TICK_NS		10000000
#define FREE_TICKS	1	/* patience with a call that may take for ever */
#define OVERDUE_TICKS	100	/* that others look long, and are not to be killed yet */
#define ENDING_TICKS	2000	/* and with others: 20 s */
#define ZEROS		(4UL << 30)

/* For the handler of signals. */
static __thread struct exec *current_exec;

/* A thread, and what its watcher knows of it. */
struct worker {
	struct exec x;
	pthread_t thread;
	atomic_bool ended;
	uint64_t seq;
	unsigned int ticks;
	bool reported;
};

static struct worker workers[THREADS];

/* Where the host itself goes on, should it write where nothing is. */
static sigjmp_buf host_out;

/* Now and then it returns: then the kernel goes on with the call, or says EINTR. */
static void on_signal(int sig)
{
	struct exec *x = current_exec;

	if (!x && sig != SIGUSR1)
		siglongjmp(host_out, 1);
	if (!x || !x->armed)
		return;
	if (sig != SIGUSR1 || ++x->signals % 4)
		siglongjmp(x->out, 1);
}

static void *map(size_t size, int prot, int flags, int fd)
{
	void *p = mmap(NULL, size, prot, flags, fd, 0);

	if (p == MAP_FAILED) {
		perror("fuzz: mmap");
		exit(2);
	}
	return p;
}

/* See arg_place(). */
static void memory_open(struct memory *m, const int *domains)
{
	const int rw = PROT_READ | PROT_WRITE, private = MAP_PRIVATE | MAP_ANONYMOUS;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	unsigned int i;

	m->pages = map(3 * 4096, rw, private, -1);
	mprotect(m->pages + 2 * 4096, 4096, PROT_NONE);
	m->array = map(ARRAY_SIZE_MAX + 4096, rw, private | MAP_NORESERVE, -1);
	mprotect(m->array + ARRAY_SIZE_MAX, 4096, PROT_NONE);
	m->zeros = map(ZEROS, rw, private | MAP_NORESERVE, -1);
	if (fd < 0 || ftruncate(fd, 4096))
		exit(2);
	m->alias = map(4096, rw, MAP_SHARED, fd);
	m->readonly = map(4096, PROT_READ, MAP_SHARED, fd);
	m->changing = map(4096, rw, MAP_SHARED, fd);
	for (i = 0; i < SHARED_DOMAINS; i++)
		m->cells[i] = map(ARENA_CELLS * KSYNC_CELL_SIZE, rw, MAP_SHARED, domains[i]);
	close(fd);
}

/* Every other host has no right to real-time priorities. */
static void drop_rights(const struct exec *x)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	const struct rlimit none = { 10, 10 };

	if (x->who / THREADS % 2 == 0 || syscall(SYS_capget, &head, data))
		return;
	data[0].effective &= ~(1U << CAP_SYS_NICE);
	syscall(SYS_capset, &head, data);
	setrlimit(RLIMIT_RTPRIO, &none);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct program p;
	uint64_t n;

	current_exec = &w->x;
	w->x.leave = false;
	memset(w->x.handle, 0, sizeof(w->x.handle));
	memset(w->x.cell, 0, sizeof(w->x.cell));
	atomic_store(&w->x.seat->tid, gettid());
	drop_rights(&w->x);
	while (!sh->stop && !w->x.leave) {
		n = atomic_fetch_add(&sh->next, 1);
		if (n >= sh->max_programs || sh->total >= sh->max_ops) {
			atomic_store(&sh->stop, true);
			break;
		}
		program_next(&p, n);
		exec_program(&w->x, &p);
	}
	ring_free(&w->x, 0);
	ring_free(&w->x, 1);
	atomic_store(&w->ended, true);
	return NULL;
}

static void start(struct worker *w)
{
	w->ended = false;
	if (pthread_create(&w->thread, NULL, work, w))
		exit(2);
}

/* The page is what it was again, from time to time. */
static void change_page(struct worker *w, uint64_t *rng)
{
	unsigned char *p = w->x.mem.changing;
	const int fixed = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;

	switch (dice(rng) % 6) {
	case 0:
		mprotect(p, 4096, PROT_NONE);
		break;
	case 1:
		mprotect(p, 4096, PROT_READ);
		break;
	case 2:
		mmap(p, 4096, PROT_NONE, fixed | MAP_NORESERVE, -1, 0);
		break;
	case 3:
		mremap(w->x.mem.alias, 0, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, p);
		break;
	default:
		mprotect(p, 4096, PROT_READ | PROT_WRITE);
	}
}

static uint32_t lie(unsigned int domain, uint64_t *rng)
{
	const uint64_t r = dice(rng);
	const uint32_t flags = (r >> 32) & 0xf0000000;

	switch (r % 8) {
	case 0:
		return r >> 16;
	case 1:
		return flags;
	case 2:
		return KSYNC_HANDOFF | flags;
	case 3:
		return KSYNC_NOTRECOVERABLE | flags;
	case 4:
		return (r >> 16) % 4;
	default:
		return sh->handle[domain][(r >> 8) % (MAX_HOSTS * THREADS)] | flags;
	}
}

/* Into objects that are in use; and anywhere. */
static void scribble(struct memory *m, uint64_t *rng)
{
	const unsigned int domain = dice(rng) % SCRIBBLED;
	const uint64_t r = dice(rng);
	uint32_t id = sh->pool[domain].id[1 + r % (KINDS - 1)][(r >> 8) % POOL];
	uint32_t *cell;

	if (r >> 60 == 0)
		id = (r >> 16) % 256;
	if (id >= ARENA_CELLS)
		return;
	cell = (uint32_t *)(m->cells[domain] + id);
	cell[(r >> 56) % 4 ? 0 : (r >> 48) % 16] = lie(domain, rng);
	atomic_fetch_add_explicit(&sh->writes, 1, memory_order_relaxed);
}

static void lie_often(struct memory *m, uint64_t *rng)
{
	unsigned int n;

	if (sigsetjmp(host_out, 0))
		return;
	for (n = 0; n < 60; n++)
		scribble(m, rng);
}

/* The functions of the kernel that task @tid sleeps in, innermost first. */
static void stack_of(int tid, char *text, size_t size)
{
	char path[64], line[128], *name, *end;
	size_t n = 0;
	FILE *f;

	*text = '\0';
	snprintf(path, sizeof(path), "/proc/self/task/%d/stack", tid);
	f = fopen(path, "re");
	while (f && n < size && fgets(line, sizeof(line), f)) {
		name = strchr(line, ' ');
		end = name ? strchr(name, '+') : NULL;
		if (!end)
			continue;
		*end = '\0';
		n += snprintf(text + n, size - n, "%s", name);
	}
	if (f)
		fclose(f);
}

static void hang(struct worker *w)
{
	const struct seat *s = w->x.seat;
	char stack[300];

	w->reported = true;
	stack_of(s->tid, stack, sizeof(stack));
	finding(PROPERTY_HANG, s->op, w->x.program,
		"%s does not end, in %s, though it has a deadline or needs none; it sleeps in%s",
		ops[s->op].name, s->program, stack);
}

/* One that runs, or would if it were let, is late and not stuck: see STUCK for loops. */
static bool asleep(int tid)
{
	char path[64], text[256] = "", *end;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		*text = '\0';
	close(fd);
	end = strrchr(text, ')');
	return end && (end[2] == 'S' || end[2] == 'D');
}

static void watch(struct worker *w)
{
	struct seat *s = w->x.seat;

	if (w->ended) {
		pthread_join(w->thread, NULL);
		if (!sh->stop)
			start(w);
		return;
	}
	if (!s->in_call || s->seq != w->seq) {
		w->seq = s->seq;
		w->ticks = 0;
		w->reported = false;
		atomic_store(&s->overdue, 0);
		return;
	}
	w->ticks++;
	if (!s->free && !w->reported && w->ticks > ENDING_TICKS * (unsigned int)sh->slow) {
		if (asleep(s->tid))
			hang(w);
		else
			w->ticks = 0;
	}
	atomic_store(&s->overdue, !s->free && !w->reported && w->ticks > OVERDUE_TICKS);
	if (w->reported || (s->free && w->ticks > FREE_TICKS))
		syscall(SYS_tgkill, getpid(), s->tid, SIGUSR1);
}

static void handle_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_NODEFER };

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	signal(SIGURG, SIG_IGN);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

static void open_worker(unsigned int host, unsigned int i, const int *domains)
{
	struct exec *x = &workers[i].x;
	unsigned int s;

	x->seat = &sh->seat[host][i];
	atomic_store(&x->seat->in_call, 0);
	atomic_store(&x->seat->overdue, 0);
	x->who = host * THREADS + i;
	for (s = 0; s < SLOTS; s++)
		x->fd[s] = s < SHARED_DOMAINS ? domains[s] : -1;
	memory_open(&x->mem, domains);
}

void host_run(unsigned int host, const int *domains)
{
	const struct timespec tick = { 0, TICK_NS };
	const struct sched_param above = { .sched_priority = 60 };
	uint64_t rng = sh->seed ^ now_ns();
	struct memory memory; /* that no program changes the protection of */
	unsigned int i;

	/* Should we be unkillable, nobody is to wait for the end of our output. */
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	handle_signals();
	memory_open(&memory, domains);
	for (i = 0; i < THREADS; i++)
		open_worker(host, i, domains);
	for (i = 0; i < THREADS; i++)
		start(&workers[i]);
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &above);
	/* The keeper kills us. */
	for (;;) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &tick, NULL);
		for (i = 0; i < THREADS; i++)
			watch(&workers[i]);
		lie_often(&memory, &rng);
		change_page(&workers[rng % THREADS], &rng);
	}
}
