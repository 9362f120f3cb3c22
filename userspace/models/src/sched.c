// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Schedulers: started, run, stopped, counted. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "internal.h"

#define FLAGS	(KSYNC_SCHED_SEEDED | KSYNC_SCHED_MIGRATE | \
		 KSYNC_SCHED_REPORT_OVERFLOW | KSYNC_SCHED_QUIET)
#define PROCS_MAX	1024
#define DEFAULT_STACK	(64UL << 10)

static int check(const struct ksync_sched_opts *o)
{
	if (o->flags & ~FLAGS || o->reserved || o->model > KSYNC_MODEL_11 ||
	    o->procs > PROCS_MAX || ksync_stack_class(o->stack_size) < 0)
		return -EINVAL;
	if (o->flags & KSYNC_SCHED_SEEDED &&
	    (o->model == KSYNC_MODEL_11 || o->flags & KSYNC_SCHED_MIGRATE))
		return -EINVAL;
	if (o->flags & KSYNC_SCHED_MIGRATE && o->model != KSYNC_MODEL_MN)
		return -EINVAL;
	return 0;
}

static uint32_t cpus(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);

	return n < PROCS_MAX ? n : PROCS_MAX;
}

static uint32_t count_procs(const struct ksync_sched_opts *o)
{
	if (o->model == KSYNC_MODEL_11)
		return 0;
	if (o->model == KSYNC_MODEL_N1 || o->flags & KSYNC_SCHED_SEEDED)
		return 1;
	return o->procs ? o->procs : cpus();
}

static int make_procs(struct ksync_sched *s, uint32_t n)
{
	uint32_t i;

	s->nprocs = n;
	if (!n)
		return 0;
	s->procs = aligned_alloc(64, n * sizeof(*s->procs));
	if (!s->procs)
		return -ENOMEM;
	memset(s->procs, 0, n * sizeof(*s->procs));
	for (i = n; i-- > 0;) {
		s->procs[i].index = i;
		s->procs[i].random = i;
		s->procs[i].link = s->idle_procs;
		s->idle_procs = &s->procs[i];
	}
	s->nidle = n;
	return 0;
}

static void free_all(struct ksync_sched *s)
{
	ksync_stack_end(s);
	ksync_pool_end(s);
	free(s->timers.heap);
	free(s->ready);
	free(s->procs);
	free(s);
}

static int set_up(struct ksync_sched *s, const struct ksync_sched_opts *o)
{
	int ret;

	s->model = o->model;
	s->flags = o->flags;
	s->tail = &s->head;
	s->timers.next = NEVER;
	s->timers.keeper_until = NEVER;
	s->class = ksync_stack_class(o->stack_size ? o->stack_size : DEFAULT_STACK);
	ksync_stack_begin(s);
	s->can_retake = !ksync_membarrier_prepare();
	ret = make_procs(s, count_procs(o));
	if (!ret && seeded(s))
		ret = ksync_seeded_start(s, o->seed);
	if (!ret && o->flags & KSYNC_SCHED_REPORT_OVERFLOW)
		ret = ksync_overflow_report();
	return ret;
}

/* Its threads: the monitor, and the first one that runs tasks. */
static int start_threads(struct ksync_sched *s)
{
	int ret = ksync_monitor_start(s);

	if (ret || !s->nprocs)
		return ret;
	ret = ksync_machines_begin(s);
	if (ret) {
		store(&s->stopping, true);
		ksync_monitor_stop(s);
	}
	return ret;
}

EXPORT int ksync_sched_start(struct ksync_sched **out, const struct ksync_sched_opts *opts)
{
	const struct ksync_sched_opts none = { .model = KSYNC_MODEL_MN };
	struct ksync_sched *s;
	int ret = check(opts ? opts : &none);

	if (ret)
		return ret;
	s = aligned_alloc(64, (sizeof(*s) + 63) & ~63UL);
	if (!s)
		return -ENOMEM;
	memset(s, 0, sizeof(*s));
	ret = set_up(s, opts ? opts : &none);
	if (!ret)
		ret = start_threads(s);
	if (ret) {
		free_all(s);
		return ret;
	}
	*out = s;
	return 0;
}

static void add_runner(struct ksync_sched *s, struct runner *r)
{
	lock(&s->lock);
	r->link = s->runners;
	s->runners = r;
	unlock(&s->lock);
}

static void remove_runner(struct ksync_sched *s, struct runner *r)
{
	struct runner **at;

	lock(&s->lock);
	for (at = &s->runners; *at != r; at = &(*at)->link)
		;
	*at = r->link;
	unlock(&s->lock);
}

/**
 * ksync_sched_run_spawn() - run a task of any kind, and wait for its end
 * @s: scheduler
 * @how: what the task is
 * @attr: or NULL
 * @result: set to its result; may be NULL
 */
int ksync_sched_run_spawn(struct ksync_sched *s, const struct spawn *how,
			  const struct ksync_task_attr *attr, void **result)
{
	struct runner r = { .for_the_end = false };
	struct ksync_task *t;
	int ret, said;

	ret = ksync_wait_begin(&r.ticket, 0);
	if (ret)
		return ret;
	add_runner(s, &r);
	ksync_sched_hold(s);
	ret = ksync_spawn(s, how, &t, attr);
	ksync_sched_release(s);
	if (ret)
		ksync_wait_abandon(r.ticket, &said);
	else
		ret = ksync_join(t, result, NEVER, r.ticket);
	remove_runner(s, &r);
	if (ret != -EDEADLK)
		return ret;
	if (!(s->flags & KSYNC_SCHED_QUIET)) {
		fprintf(stderr, "ksync: all tasks wait, and nothing will wake one\n");
		ksync_sched_dump(s, stderr);
	}
	ksync_task_detach(t);
	return ret;
}

EXPORT int ksync_sched_run(struct ksync_sched *s, void *(*fn)(void *arg), void *arg,
			   void **result)
{
	const struct ksync_task_attr attr = { .name = "main" };
	const struct spawn how = { .fn = fn, .arg = arg };

	return ksync_task_self() ? -EINVAL : ksync_sched_run_spawn(s, &how, &attr, result);
}

EXPORT void ksync_sched_hold(struct ksync_sched *s)
{
	lock(&s->lock);
	s->pending++;
	unlock(&s->lock);
}

EXPORT void ksync_sched_release(struct ksync_sched *s)
{
	lock(&s->lock);
	if (s->pending && !--s->pending)
		ksync_check_quiet(s);
	unlock(&s->lock);
}

static void cancel(struct ksync_task *t, void *arg)
{
	(void)arg;
	ksync_task_cancel(t);
}

/* Wait until the last one has ended. */
static int drain(struct ksync_sched *s)
{
	struct runner r = { .for_the_end = true };
	int ret = ksync_wait_begin(&r.ticket, 0);

	if (ret)
		return ret;
	store(&s->ending, true);
	ksync_pool_each(s, cancel, NULL);
	ksync_thread_tasks_each(s, cancel, NULL);
	add_runner(s, &r);
	lock(&s->lock);
	ksync_check_quiet(s);
	unlock(&s->lock);
	ret = ksync_wait(NEVER, "stop");
	remove_runner(s, &r);
	return ret;
}

EXPORT int ksync_sched_stop(struct ksync_sched *s)
{
	struct machine *m;
	int ret;

	if (ksync_task_self())
		return -EINVAL;
	ret = drain(s);
	if (ret && (ret != -EDEADLK || s->model == KSYNC_MODEL_11))
		return ret;
	ksync_machines_stop(s);
	ksync_monitor_stop(s);
	ksync_waits_stop(s);
	while ((m = s->machines)) {
		s->machines = m->all;
		pthread_join(m->thread, NULL);
		free(m->signal_stack);
		free(m);
	}
	free_all(s);
	return ret;
}

EXPORT void ksync_sched_stats(struct ksync_sched *s, struct ksync_sched_stats *out)
{
	uint32_t i;

	memset(out, 0, sizeof(*out));
	lock(&s->lock);
	out->procs = s->nprocs;
	out->threads = s->nmachines;
	out->tasks = ksync_tasks(s);
	out->handoffs = s->handoffs;
	out->retaken = s->retaken;
	out->trace = s->trace;
	out->ring_waits = load(&s->waits.ring_waits);
	out->carried = load(&s->waits.carried);
	for (i = 0; i < s->nprocs; i++) {
		out->steals += load(&s->procs[i].steals);
		out->stolen += load(&s->procs[i].stolen);
		out->migrations += load(&s->procs[i].migrations);
	}
	unlock(&s->lock);
}
