// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen of tasks and of the module from outside: who sleeps, at which
 * priority they run, what is left where nobody is.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "proc.h"
#include "slow.h"
#include "torture.h"

/* On slow kernels be so much more patient. */
unsigned int watch_slow(void)
{
	return slow_factor();
}

/** watch_all_asleep() - does each worker that is not parked sleep, or is it gone? */
bool watch_all_asleep(void)
{
	struct proc_stat stat;
	const struct slot *s;
	int i;

	for (i = 0; i < WORKERS; i++) {
		s = &scene->slot[i];
		switch (__atomic_load_n(&s->state, __ATOMIC_SEQ_CST)) {
		case AT_WORK:
			if (proc_stat(s->tid, &stat) || stat.state != 'S')
				return false;
			break;
		case EXITED:
			return false;
		}
	}
	return true;
}

/* The first line of a file of a task's; without a newline. */
static const char *first_line(char *line, size_t size, uint32_t tid, const char *name)
{
	char path[48];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/%s", tid, name);
	line[0] = '\0';
	f = fopen(path, "re");
	if (f && fgets(line, size, f))
		line[strcspn(line, "\n")] = '\0';
	if (f)
		fclose(f);
	return line;
}

/** watch_describe() - for people, when nothing goes on: what each worker is at */
void watch_describe(void)
{
	static const char * const states[] = {
		[GONE] = "gone", [AT_WORK] = "at work", [PARKED] = "parked",
		[EXITED] = "exited", [BURIED] = "buried",
	};
	char wchan[128], stack[128];
	struct proc_stat stat;
	const struct slot *s;

	for (s = scene->slot; s < scene->slot + WORKERS; s++) {
		if (proc_stat(s->tid, &stat))
			stat.state = '-';
		printf("# worker %zu: %s, task %u %c in %s, %s, steps %llu, mark %u\n",
		       s - scene->slot, states[s->state], s->tid, stat.state,
		       first_line(wchan, sizeof(wchan), s->tid, "wchan"),
		       first_line(stack, sizeof(stack), s->tid, "stack"),
		       (unsigned long long)s->progress, s->mark);
	}
	for (unsigned int i = 0; i < kit.n; i++)
		printf("# object %u: %#x\n", i, kit.thing[i].o.cell->word);
	fflush(stdout);
}

/* From field 1 behind @p on, or from the end of the name, which is field 2. */
static char *field(char *p, int n)
{
	for (n -= *p == ')' ? 2 : 1; n > 0 && p; n--) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p;
}

/* /proc/TID/stat: priority, nice, rt_priority, policy. */
static bool read_priorities(uint32_t tid, long *prio, long *nice, long *rt, long *policy)
{
	char path[32], text[512], *p;
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	p = strrchr(text, ')');
	p = p ? field(p, 18) : NULL;
	if (!p || sscanf(p, "%ld %ld", prio, nice) != 2)
		return false;
	p = field(p, 40 - 18 + 1);
	return p && sscanf(p, "%ld %ld", rt, policy) == 2;
}

/* The ceiling of the row with one; no worker is ever given that priority. */
#define CEILING	77

static bool is_its_own(uint32_t tid)
{
	long prio, nice, rt, policy;

	if (!read_priorities(tid, &prio, &nice, &rt, &policy))
		return true;
	switch (policy) {
	case 1: /* FIFO */
	case 2: /* RR */
		return prio == -1 - rt && rt != CEILING;
	case 6: /* DEADLINE */
		return prio == -101;
	default:
		return prio == 20 + nice;
	}
}

/** watch_priorities() - nobody waits: does each worker run at what it was given? */
void watch_priorities(void)
{
	const uint64_t end = in(3 * SEC * slow_factor());
	const struct slot *s;
	int i;

	for (i = 0; i < WORKERS; i++) {
		s = &scene->slot[i];
		if (s->state != PARKED)
			continue;
		while (!is_its_own(s->tid)) {
			if (passed(end)) {
				violate(STILL_BOOSTED, "nobody waits, and this thread is raised",
					s->tid, 0);
				return;
			}
			poll(NULL, 0, 1);
		}
	}
}

/* Lines of /proc/ksync/waiters that are of our domain. */
static uint64_t listed_waiters(uint64_t domain)
{
	unsigned long long serial;
	char line[512];
	uint64_t n = 0;
	FILE *f = fopen("/proc/ksync/waiters", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llu ", &serial) == 1 && serial == domain)
			n++;
	if (f)
		fclose(f);
	return n;
}

static uint64_t domain_serial(void)
{
	unsigned long long serial = 0;
	char path[48], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ksync_fileno(kit.d));
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "ksync-domain: %llu", &serial) == 1)
			break;
	if (f)
		fclose(f);
	return serial;
}

static uint64_t counted_waiters(void)
{
	struct ksync_query q;
	struct ksync_info info;
	uint64_t n = 0;
	unsigned int i;

	if (!ksync_info(kit.d, &info))
		n = info.waiters;
	for (i = 0; i < kit.n; i++)
		if (!ksync_object_query(&kit.thing[i].o, &q))
			n += q.waiters;
	return n;
}

/** watch_nothing_left() - all are parked: no waiter is left, each object is free */
void watch_nothing_left(void)
{
	const uint64_t end = in(3 * SEC * slow_factor());
	const uint64_t domain = domain_serial();
	uint64_t a, b;
	unsigned int i;

	for (;;) {
		a = counted_waiters();
		b = listed_waiters(domain);
		if (!a && !b)
			break;
		if (passed(end)) {
			violate(LEFT_BEHIND, "all are parked, and so many wait, are listed",
				a, b);
			return;
		}
		poll(NULL, 0, 1);
	}
	for (i = 0; i < kit.n && scene->row->free; i++)
		scene->row->free(&kit.thing[i]);
}
