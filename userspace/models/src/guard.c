// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Overflows of stacks.
 *
 * A page that cannot be touched ends each stack, while there are not too many: it makes
 * two mappings of one, and a process may have vm.max_map_count of them (65,530).  A
 * quarter of that number is the number of guard pages that this library makes in a
 * process, so half of the mappings; tasks beyond run on stacks without.  For these,
 * and only these, the scheduler looks when they leave: whether they are below their
 * stack's end at that moment, and whether the seal at their top is intact, which the
 * next stack overwrites first when it overflows.  Both end the program, with a message.
 *
 * The message about a guard page that was touched comes from a handler of SIGSEGV, for
 * which the program has to ask: KSYNC_SCHED_REPORT_OVERFLOW.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "internal.h"

#define SEAL		0x6b73796e63000000ULL
#define SIGNAL_STACK	16384

static uint32_t guards, guards_max;
static bool reports;
static struct sigaction previous;

/* What vm.max_map_count allows: read once. */
static uint32_t limit(void)
{
	uint32_t max = load(&guards_max);
	FILE *f;

	if (max)
		return max;
	f = fopen("/proc/sys/vm/max_map_count", "re");
	if (!f || fscanf(f, "%u", &max) != 1)
		max = 65530;
	if (f)
		fclose(f);
	max = max / 4 + 1;
	store(&guards_max, max);
	return max;
}

/** ksync_guard_set() - protect the page at @low, if there may be another one */
bool ksync_guard_set(char *low)
{
	if (add(&guards, 1) < limit() && !mprotect(low, GUARD_SIZE, PROT_NONE))
		return true;
	add(&guards, -1);
	return false;
}

/** ksync_guard_forget() - these stacks are going to be unmapped */
void ksync_guard_forget(uint32_t n)
{
	add(&guards, -n);
}

static uint64_t *seal_of(const struct ksync_task *t)
{
	return (uint64_t *)t->top;
}

/** ksync_stack_seal() - above the stack is what the one above it would overwrite */
void ksync_stack_seal(struct ksync_task *t)
{
	int i;

	for (i = 0; i < 8; i++)
		seal_of(t)[i] = SEAL + i;
}

static void die(const struct ksync_task *t, const char *what)
{
	char text[160];
	int n;

	n = snprintf(text, sizeof(text), "ksync: task %llu \"%s\" %s\n",
		     (unsigned long long)t->id, t->name, what);
	if (write(STDERR_FILENO, text, n) < 0)
		abort();
	abort();
}

/** ksync_stack_check() - @t, without guard page, was saved at @sp */
void ksync_stack_check(const struct ksync_task *t, const void *sp)
{
	int i;

	if ((const char *)sp < t->low)
		die(t, "has overflowed its stack");
	for (i = 0; i < 8; i++)
		if (seal_of(t)[i] != SEAL + i)
			die(t, "was overwritten by the stack above its own, which has overflowed");
}

static void say_overflow(const struct ksync_task *t)
{
	char text[128];
	int n;

	n = snprintf(text, sizeof(text),
		     "ksync: task %llu \"%s\" has overflowed its stack of %lu bytes\n",
		     (unsigned long long)t->id, t->name,
		     (unsigned long)(1UL << (STACK_MIN_SHIFT + t->class)));
	if (write(STDERR_FILENO, text, n) < 0)
		return;
}

/* Not in its guard page, or not a task: the fault is somebody else's to handle. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	struct machine *m = ksync_machine_self();
	struct ksync_task *t = m ? m->task : NULL;
	char *at = info->si_addr;

	if (t && at >= t->low - GUARD_SIZE && at < t->low) {
		say_overflow(t);
		signal(SIGSEGV, SIG_DFL);
		return; /* and fault again */
	}
	if (previous.sa_flags & SA_SIGINFO)
		previous.sa_sigaction(sig, info, context);
	else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN)
		previous.sa_handler(sig);
	else
		signal(SIGSEGV, SIG_DFL);
}

/** ksync_overflow_report() - install the handler, once */
int ksync_overflow_report(void)
{
	struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	static uint32_t once;

	lock(&once);
	if (!reports && !sigaction(SIGSEGV, &action, &previous))
		store_release(&reports, true);
	unlock(&once);
	return reports ? 0 : -EINVAL;
}

/** ksync_overflow_thread() - the handler needs a stack of its own on each machine */
void ksync_overflow_thread(struct machine *m)
{
	stack_t stack = { .ss_size = SIGNAL_STACK };

	if (!load_acquire(&reports))
		return;
	stack.ss_sp = malloc(SIGNAL_STACK);
	if (!stack.ss_sp || sigaltstack(&stack, NULL))
		free(stack.ss_sp);
	else
		m->signal_stack = stack.ss_sp;
}
