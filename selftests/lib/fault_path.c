// SPDX-License-Identifier: GPL-2.0
/* All faults on one path, one after the other: see fault.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "await.h"
#include "fault.h"
#include "proc.h"
#include "slab.h"

/* More than any path has. */
#define FAULTS_MAX	3000

/**
 * struct going - along a path, once
 * @s: scene
 * @path: which
 * @mode: of the fault
 * @n: which one
 * @waiters: how many there are before it comes
 * @done: it has acted
 * @over: what happens meanwhile has happened
 * @ret: with this result
 * @hit: it had the fault
 */
struct going {
	struct fault_scene s;
	const struct fault_path *path;
	enum fault_mode mode;
	uint32_t n;
	uint32_t waiters;
	uint32_t done;
	uint32_t over;
	int ret;
	bool hit;
	struct task task;
};

void fault_want(struct fault_scene *s, int64_t want, int64_t got, const char *what, int line)
{
	if (want == got || s->wrong[0])
		return;
	snprintf(s->wrong, sizeof(s->wrong), "line %d: %s is %lld, not %lld", line, what,
		 (long long)got, (long long)want);
}

void fault_stranger(struct fault_scene *s)
{
	(void)s;
}

void fault_domain_works(struct fault_scene *s, int fd)
{
	uint32_t id, handle, was;

	WANT(s, 0, raw_attach(fd, &handle));
	WANT(s, 0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &id));
	WANT(s, 0, raw_name(fd, id, "it works"));
	WANT(s, 0, raw_lock(fd, id, handle, KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE));
	WANT(s, 0, raw_unlock(fd, id, handle));
	WANT(s, 0, raw_destroy(fd, id));
	WANT(s, 0, raw_create(fd, KSYNC_KIND_SEM, 0, &id));
	WANT(s, 0, raw_release(fd, id, 0, 1, &was));
	WANT(s, 0, raw_acquire(fd, id, 0, KSYNC_NO_DEADLINE));
	WANT(s, 0, raw_destroy(fd, id));
}

void fault_works(struct fault_scene *s, int ret)
{
	(void)ret;
	fault_domain_works(s, s->fd);
}

static void attach(struct fault_scene *s)
{
	WANT(s, 0, raw_attach(s->fd, &s->actor));
}

static void set(uint32_t *flag)
{
	__atomic_store_n(flag, 1, __ATOMIC_RELEASE);
}

static int actor_main(void *arg)
{
	struct going *g = arg;
	struct fault_scene *s = &g->s;
	struct fault f;

	WANT(s, 0, fault_open(&f));
	(g->path->enter ? g->path->enter : attach)(s);
	WANT(s, 0, fault_arm(&f, g->mode, g->n));
	if (!s->wrong[0]) {
		g->ret = g->path->act(s);
		g->hit = fault_disarm(&f);
		set(&g->done);
		WANT(s, 0, await_value(&g->over, 1));
		if (g->path->leave)
			g->path->leave(s, g->ret);
	}
	set(&g->done);
	fault_close(&f);
	return 0;
}

/* The task waits, or has acted. */
static bool is_there(const void *arg)
{
	const struct going *g = *(struct going *const *)arg;
	struct ksync_info info;
	struct proc_stat stat;

	if (__atomic_load_n(&g->done, __ATOMIC_ACQUIRE))
		return true;
	if (proc_stat(g->task.tid, &stat) || stat.state != 'S')
		return false;
	/* A waiter counts before it is in any queue; asleep it is. */
	return g->path->polls || (!raw_info(g->s.fd, &info) && info.waiters > g->waiters);
}

static bool allowed(const struct fault_path *path, int ret)
{
	const int *error = path->errors;

	while (*error && *error != ret)
		error++;
	return !ret || *error == ret;
}

static void act(struct going *g)
{
	struct fault_scene *s = &g->s;
	struct ksync_info info;

	WANT(s, 0, raw_info(s->fd, &info));
	g->waiters = info.waiters;
	WANT(s, 0, task_start(&g->task, TASK_THREAD, actor_main, g));
	if (s->wrong[0])
		return;
	if (g->path->meanwhile) {
		WANT(s, 0, await_true(is_there, &g));
		g->path->meanwhile(s);
	}
	set(&g->over);
	WANT(s, 0, await_value(&g->done, 1));
	/* Nobody can end a thread that does not come back; the test is over. */
	if (!g->done) {
		fprintf(stderr, "# it does not come back\n");
		_exit(EXIT_FAILURE);
	}
	WANT(s, 0, task_join(&g->task, NULL));
	if (!allowed(g->path, g->ret))
		WANT(s, 0, g->ret);
	if (!g->hit && !s->wrong[0])
		WANT(s, 0, g->ret);
}

static void open_scene(struct fault_scene *s)
{
	uint32_t *where = s->where;

	memset(s, 0, sizeof(*s));
	s->fd = raw_open();
	s->cells = raw_map(s->fd, FAULT_CELLS);
	s->where = where;
	memset(s->where, 0, FAULT_WHERE_SIZE);
	WANT(s, 0, raw_attach(s->fd, &s->self));
}

static void close_scene(struct fault_scene *s)
{
	size_t i;

	/* Who knows what the others do: they end with the test. */
	if (s->wrong[0])
		return;
	for (i = 0; i < 2; i++) {
		if (!s->partner[i])
			continue;
		WANT(s, 0, player_end(s->partner[i]));
		munmap(s->partner[i], sizeof(*s->partner[i]));
	}
	munmap(s->cells, FAULT_CELLS * sizeof(*s->cells));
	close(s->fd);
}

/* Once. */
static void go(struct going *g)
{
	struct fault_scene *s = &g->s;
	struct ksync_info info;

	g->done = 0;
	g->over = 0;
	g->ret = 0;
	g->hit = false;
	open_scene(s);
	if (g->path->prepare)
		g->path->prepare(s);
	if (!s->wrong[0])
		act(g);
	if (!s->wrong[0] && g->path->check)
		g->path->check(s, g->ret);
	WANT(s, 0, raw_info(s->fd, &info));
	WANT(s, 0, info.waiters);
	close_scene(s);
}

static long read_number(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long n = -1;

	if (fd < 0)
		return n;
	if (read(fd, text, sizeof(text) - 1) > 0)
		n = strtol(text, NULL, 10);
	close(fd);
	return n;
}

static long count_domains(void)
{
	FILE *f = fopen("/proc/ksync/domains", "re");
	char text[256];
	long n = -1;

	if (!f)
		return n;
	while (fgets(text, sizeof(text), f))
		n++;
	fclose(f);
	return n;
}

/**
 * struct rest - what there is of the module besides memory
 * @domains: that are open
 * @users: of the module
 * @states: of objects that somebody waits for
 * @tasks: that are dead, but not forgotten
 */
struct rest {
	long domains;
	long users;
	long states;
	long tasks;
};

static struct rest look(void)
{
	return (struct rest){
		.domains = count_domains(),
		.users = read_number("/sys/module/ksync/refcnt"),
		.states = slab_count("ksync_state"),
		.tasks = slab_count_dead("task_struct"),
	};
}

static bool as_before(const void *arg)
{
	const struct rest *before = arg, now = look();

	return now.domains == before->domains && now.users == before->users &&
	       now.states == before->states && now.tasks <= before->tasks;
}

static const char *name_of(enum fault_mode mode)
{
	return mode == FAULT_ONE ? "it alone" : "and the next one";
}

static uint32_t sweep(struct going *g)
{
	uint32_t faults = 0;

	for (g->n = 1; g->n <= FAULTS_MAX; g->n++) {
		go(g);
		if (g->s.wrong[0] || !g->hit)
			return faults;
		faults++;
	}
	snprintf(g->s.wrong, sizeof(g->s.wrong), "there is no end to it");
	return faults;
}

uint32_t fault_sweep(const struct fault_path *path, char *wrong, size_t size)
{
	struct going *g = player_memory(sizeof(*g));
	const struct rest before = look();
	uint32_t faults = 0;

	g->path = path;
	g->s.where = player_memory(FAULT_WHERE_SIZE);
	/* Without a fault: memory that is touched for the first time, lazy loading. */
	g->n = FAULTS_MAX;
	go(g);
	if (g->hit)
		WANT(&g->s, 0, g->hit);
	if (!g->s.wrong[0])
		faults = sweep(g);
	if (!g->s.wrong[0] && !path->once) {
		g->mode = FAULT_TWO;
		faults += sweep(g);
	}
	if (g->s.wrong[0])
		snprintf(wrong, size, "fault %u (%s), result %d: %s", g->n,
			 name_of(g->mode), g->ret, g->s.wrong);
	else if (await_true(as_before, &before))
		snprintf(wrong, size,
			 "something is left: %ld domains, %ld users, %ld states, %ld tasks",
			 look().domains - before.domains, look().users - before.users,
			 look().states - before.states, look().tasks - before.tasks);
	return faults;
}
