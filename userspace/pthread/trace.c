// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Counting what the program does (KSYNC_TRACE, 'ksync-run --trace'): a line for each
 * process that exits, and one for each of the objects that were waited for longest.
 *
 * Counts are trace_output in as many places as threads are likely to be, so that they are not
 * what is waited for.  All calls take the slow paths while it is on.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "dropin.h"
#include "real.h"

#define STRIPES		64
#define TOP		8
#define KEPT_ABOVE	900
#define NSEC_PER_SEC	1000000000ULL
#define NSEC_PER_MSEC	1000000ULL

static struct stripe {
	uint64_t taken;
	uint64_t contended;
	uint64_t waited;
	uint64_t made;
} __attribute__((aligned(64))) stripes[STRIPES];

bool tracing;

/* Threads differ in the page that their identity is in. */
static struct stripe *mine(void)
{
	return &stripes[(uintptr_t)ksync_self_ / 4096 % STRIPES];
}

static void add(uint64_t *count, uint64_t n)
{
	__atomic_fetch_add(count, n, __ATOMIC_RELAXED);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

/* An operation that may have to wait. */
void trace_taken(void)
{
	if (unlikely(tracing))
		add(&mine()->taken, 1);
}

void trace_made(void)
{
	if (unlikely(tracing))
		add(&mine()->made, 1);
}

/* Return: what to give to trace_wait_end(). */
uint64_t trace_wait_begin(void)
{
	return unlikely(tracing) ? now() : 0;
}

void trace_wait_end(struct ksync_object *o, uint64_t since)
{
	uint64_t waited;

	if (likely(!since))
		return;
	waited = now() - since;
	add(&mine()->contended, 1);
	add(&mine()->waited, waited);
	__atomic_fetch_add(&own_cell(o)->contended, 1, __ATOMIC_RELAXED);
	add(&own_cell(o)->waited, waited);
}

void trace_forked(void)
{
	memset(stripes, 0, sizeof(stripes));
}

static struct stripe sum(void)
{
	struct stripe all = { 0 };

	for (size_t i = 0; i < STRIPES; i++) {
		all.taken += stripes[i].taken;
		all.contended += stripes[i].contended;
		all.waited += stripes[i].waited;
		all.made += stripes[i].made;
	}
	return all;
}

struct top {
	const struct own_cell *cell[TOP];
};

/* Sorted by how long they were waited for. */
static void rank(uint32_t id, struct own_cell *cell, void *arg)
{
	struct top *top = arg;
	const struct own_cell *c = cell, *next;

	(void)id;
	if ((c->attr & 0xff) == KSYNC_KIND_WAITQ || !c->contended)
		return;
	for (size_t i = 0; i < TOP && c; i++) {
		if (top->cell[i] && top->cell[i]->waited >= c->waited)
			continue;
		next = top->cell[i];
		top->cell[i] = c;
		c = next;
	}
}

static const char *kind_of(const struct own_cell *cell)
{
	static const char * const names[] = {
		[KSYNC_KIND_SPIN] = "spin",
		[KSYNC_KIND_MUTEX] = "mutex",
		[KSYNC_KIND_RWLOCK] = "rwlock",
		[KSYNC_KIND_SEM] = "sem",
		[KSYNC_KIND_COND] = "cond",
	};
	const uint32_t kind = cell->attr & 0xff;

	return kind < ARRAY_SIZE(names) && names[kind] ? names[kind] : "object";
}

/* Where an object is, in words: a variable of the program, or an address. */
static void place(const void *obj, char *text, size_t size)
{
	Dl_info info;

	if (!dladdr(obj, &info) || !info.dli_fname)
		snprintf(text, size, "%p", obj);
	else if (info.dli_sname && info.dli_saddr == obj)
		snprintf(text, size, "%s", info.dli_sname);
	else
		snprintf(text, size, "%s+0x%zx", info.dli_fname,
			 (size_t)((const char *)obj - (const char *)info.dli_fbase));
}

static void print_top(int fd)
{
	struct top top = { 0 };
	const struct own_cell *c;
	char text[256];

	objects_each(rank, &top);
	for (size_t i = 0; i < TOP && top.cell[i]; i++) {
		c = top.cell[i];
		place((void *)(uintptr_t)(c->tag ^ here.nonce), text, sizeof(text));
		dprintf(fd, "ksync: %d   %-6s %-40s contended=%u waited_ms=%llu\n",
			getpid(), kind_of(c), text, c->contended,
			(unsigned long long)(c->waited / NSEC_PER_MSEC));
	}
}

/* Programs close standard error before they end: this stays open. */
int trace_output = -1;

static void keep_output(const char *path)
{
	if (!strcmp(path, "stderr"))
		trace_output = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, KEPT_ABOVE);
	else
		trace_output = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (trace_output >= 0 && trace_output < KEPT_ABOVE)
		trace_output = fd_hide(trace_output, false);
}

void trace_start(void)
{
	const char *path = secure_getenv("KSYNC_TRACE");

	if (!path)
		return;
	keep_output(path);
	tracing = trace_output >= 0;
	if (!tracing)
		tell("cannot write to %s: nothing is counted", path);
}

/* After the program's own: destructors run in the order opposite to constructors'. */
static void __attribute__((destructor)) report(void)
{
	static bool reported;
	const struct stripe all = sum();
	const int fd = trace_output;

	if (!tracing || !all.taken ||
	    __atomic_exchange_n(&reported, true, __ATOMIC_RELAXED))
		return;
	dprintf(fd, "ksync: %d %s taken=%llu contended=%llu waited_ms=%llu objects=%llu\n",
		getpid(), program_invocation_short_name, (unsigned long long)all.taken,
		(unsigned long long)all.contended,
		(unsigned long long)(all.waited / NSEC_PER_MSEC),
		(unsigned long long)all.made);
	print_top(fd);
}

/* Children of fork() leave by these, without destructors. */

KSYNC_EXPORT void _exit(int status)
{
	report();
	REAL(_exit)(status);
	__builtin_unreachable();
}

ALIAS(_Exit, _exit);
