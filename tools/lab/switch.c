// SPDX-License-Identifier: GPL-2.0
/*
 * What a switch costs: two on one CPU wake each other in turn, by pipes and by futex(2);
 * as threads, which have one address space, and as processes.
 */
#include <err.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "cost.h"

#define TURNS	5000

/* Two futexes, each raised by one side; and two pipes, one in each direction. */
struct table {
	_Atomic uint32_t word[2];
	int pipe[2][2];
};

static struct table *table;

static void pipe_turns(int me)
{
	char c = 0;

	for (int i = 0; i < TURNS; i++) {
		if (me == 0 && write(table->pipe[0][1], &c, 1) != 1)
			err(1, "pipe");
		if (read(table->pipe[!me][0], &c, 1) != 1)
			err(1, "pipe");
		if (me == 1 && write(table->pipe[1][1], &c, 1) != 1)
			err(1, "pipe");
	}
}

static void raise_word(int which, uint32_t value)
{
	table->word[which] = value;
	syscall(SYS_futex, &table->word[which], FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void await_word(int which, uint32_t value)
{
	uint32_t seen;

	while ((seen = table->word[which]) != value)
		syscall(SYS_futex, &table->word[which], FUTEX_WAIT, seen, NULL, NULL, 0);
}

static void futex_turns(int me)
{
	for (uint32_t i = 1; i <= TURNS; i++) {
		if (me == 0)
			raise_word(0, i);
		await_word(!me, i);
		if (me == 1)
			raise_word(1, i);
	}
}

static void *second(void *turns)
{
	((void (*)(int))turns)(1);
	return NULL;
}

/* Microseconds for one switch, and the wake-up that leads to it. */
static double with_thread(void (*turns)(int me))
{
	pthread_t thread;
	double begin;

	memset(table->word, 0, sizeof(table->word));
	must(-pthread_create(&thread, NULL, second, turns), "thread");
	begin = now();
	turns(0);
	pthread_join(thread, NULL);
	return (now() - begin) / TURNS / 2 * 1e6;
}

static double with_process(void (*turns)(int me))
{
	double begin, us;
	pid_t pid;

	memset(table->word, 0, sizeof(table->word));
	pid = lab_fork();
	if (!pid) {
		turns(1);
		_exit(0);
	}
	begin = now();
	turns(0);
	us = (now() - begin) / TURNS / 2 * 1e6;
	lab_end(pid);
	return us;
}

void show_switches(void)
{
	static const struct {
		const char *name;
		double (*with)(void (*turns)(int me));
		void (*turns)(int me);
		const char *key;
	} ways[] = {
		{ "pipe, threads", with_thread, pipe_turns, "us_switch_pipe_thread" },
		{ "pipe, processes", with_process, pipe_turns, "us_switch_pipe_process" },
		{ "futex, threads", with_thread, futex_turns, "us_switch_futex_thread" },
		{ "futex, processes", with_process, futex_turns, "us_switch_futex_process" },
	};
	const unsigned int n = sizeof(ways) / sizeof(*ways);
	double us[sizeof(ways) / sizeof(*ways)], most = 0;
	cpu_set_t before;

	table = lab_shared(sizeof(*table));
	if (pipe(table->pipe[0]) || pipe(table->pipe[1]))
		err(1, "pipe");
	sched_getaffinity(0, sizeof(before), &before);
	on_cpu(0);
	for (unsigned int i = 0; i < n; i++) {
		us[i] = ways[i].with(ways[i].turns);
		most = us[i] > most ? us[i] : most;
		fact(ways[i].key, us[i]);
	}
	sched_setaffinity(0, sizeof(before), &before);
	say("Woken, and switched to, on one CPU (the mean of %d):", 2 * TURNS);
	for (unsigned int i = 0; i < n; i++)
		bar(ways[i].name, us[i], most, "us");
}
