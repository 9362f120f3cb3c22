// SPDX-License-Identifier: GPL-2.0
/*
 * Models of threading: many tasks of libksync-models, and on how many of the kernel's
 * threads they ran.  Its M:N is the algorithm of Go's scheduler.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <ksync/task.h>
#include "lab.h"

#define TASKS	200
#define PARTS	50

/* Thread ids, each once. */
static _Atomic pid_t threads[TASKS + 64];
static atomic_uint used;

static void note_thread(void)
{
	const pid_t self = syscall(SYS_gettid);
	const unsigned int n = sizeof(threads) / sizeof(*threads);

	for (unsigned int i = 0; i < n; i++) {
		pid_t empty = 0;

		if (threads[i] == self)
			return;
		if (atomic_compare_exchange_strong(&threads[i], &empty, self)) {
			used++;
			return;
		}
		if (empty == self)
			return;
	}
}

static int work(void *arg)
{
	(void)arg;
	for (int i = 0; i < PARTS; i++) {
		note_thread();
		for (int j = 0; j < 2000; j++)
			atomic_signal_fence(memory_order_seq_cst);
		ksync_task_yield();
	}
	return 0;
}

static void *all(void *arg)
{
	struct ksync_scope scope;

	must(ksync_scope_begin(&scope, 0), "scope");
	for (int i = 0; i < TASKS; i++)
		must(ksync_scope_spawn(&scope, work, NULL, NULL), "task");
	must(ksync_scope_end(&scope), "scope");
	return arg;
}

static void show_model(const char *name, const char *key, enum ksync_model model)
{
	const struct ksync_sched_opts opts = { .model = model, .procs = 2 };
	struct ksync_sched_stats stats;
	struct ksync_sched *s;

	memset((void *)threads, 0, sizeof(threads));
	used = 0;
	must(ksync_sched_start(&s, &opts), "scheduler");
	must(ksync_sched_run(s, all, NULL, NULL), "run");
	ksync_sched_stats(s, &stats);
	must(ksync_sched_stop(s), "stop");
	fact(key, used);
	bar(name, used, TASKS, "kernel threads");
	if (model == KSYNC_MODEL_MN) {
		fact("stolen", stats.stolen);
		show("%lu tasks were taken by a thread without work; %lu moves of tasks",
		     (unsigned long)stats.stolen, (unsigned long)stats.migrations);
	}
}

void lab_threading(void)
{
	say("%d tasks each, of which at most 2 run at a time with M:N:", TASKS);
	fact("tasks", TASKS);
	show_model("1:1, a thread each", "threads_11", KSYNC_MODEL_11);
	show_model("N:1, all on one", "threads_n1", KSYNC_MODEL_N1);
	show_model("M:N", "threads_mn", KSYNC_MODEL_MN);
}
