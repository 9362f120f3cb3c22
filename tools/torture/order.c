// SPDX-License-Identifier: GPL-2.0
/*
 * The row of order: tasks of known priorities wait for one thing, which is then made
 * available once for each of them.  They get it by priority; and what was given to one
 * that is killed before it could use it goes to the next.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include "await.h"
#include "player.h"
#include "sched.h"
#include "torture.h"

#define PLAYERS	5

static struct slot self; /* dice */
static struct player *player[PLAYERS];
static struct ksync_cell *cells;
static uint32_t handle;

static int step_waitq(struct player *p)
{
	return raw_wait(p->fd, p->id, 0, KSYNC_BITSET_ALL, 0, KSYNC_NO_DEADLINE);
}

/* Locks the mutex, and waits; has it again after that. */
static int step_cond(struct player *p)
{
	int ret = raw_lock(p->fd, p->mutex, p->handle, 0, KSYNC_NO_DEADLINE);

	return ret ? ret : raw_cond_wait(p->fd, p->id, p->mutex, p->handle, 0,
					 KSYNC_NO_DEADLINE);
}

/* One of two mutexes; the first is never free: what is waited for is watched. */
static int step_any(struct player *p)
{
	p->many = (struct ksync_many){ .count = 2, .deadline = KSYNC_NO_DEADLINE };
	p->items[0] = (struct ksync_item){ .id = p->mutex };
	p->items[1] = (struct ksync_item){ .id = p->id };
	return step_many(p);
}

/**
 * struct thing_to_order - what they wait for
 * @name: for people
 * @kind, @flags: of the object
 * @step: of the players
 * @owned: who gets it has to unlock
 */
struct thing_to_order {
	const char *name;
	uint32_t kind;
	uint32_t flags;
	player_step step;
	bool owned;
};

static const struct thing_to_order things[] = {
	{ "sem", KSYNC_KIND_SEM, 0, step_acquire, false },
	{ "event", KSYNC_KIND_EVENT, 0, step_acquire, false },
	{ "waitq", KSYNC_KIND_WAITQ, 0, step_waitq, false },
	{ "strict mutex", KSYNC_KIND_MUTEX, KSYNC_MUTEX_STRICT, step_lock, true },
	{ "adaptive mutex", KSYNC_KIND_MUTEX, 0, step_lock, true },
	{ "strict rwlock", KSYNC_KIND_RWLOCK, KSYNC_RWLOCK_STRICT, step_lock, true },
	{ "one of two mutexes", KSYNC_KIND_MUTEX, 0, step_any, true },
	{ "cond", KSYNC_KIND_COND, 0, step_cond, true },
};

#define THINGS	(sizeof(things) / sizeof(*things))

/* Distinct, in any order; player @i gets prio[i]. */
static void shuffle(int *prio)
{
	int i, k, x;

	for (i = 0; i < PLAYERS; i++)
		prio[i] = 10 + 5 * i;
	for (i = 0; i < PLAYERS; i++) {
		k = dice(&self) % PLAYERS;
		x = prio[i];
		prio[i] = prio[k];
		prio[k] = x;
	}
}

static bool is_done(int i)
{
	return __atomic_load_n(&player[i]->done, __ATOMIC_ACQUIRE) == player[i]->posted;
}

/* Who is the first to have it, of those in @waiting? -1: nobody. */
static int next_done(uint32_t waiting)
{
	const uint64_t end = in(10 * SEC * watch_slow());
	int i;

	while (!passed(end)) {
		for (i = 0; i < PLAYERS; i++)
			if (waiting >> i & 1 && is_done(i))
				return i;
		poll(NULL, 0, 1);
	}
	return -1;
}

static int highest(uint32_t waiting, const int *prio)
{
	int i, best = -1;

	for (i = 0; i < PLAYERS; i++)
		if (waiting >> i & 1 && (best < 0 || prio[i] > prio[best]))
			best = i;
	return best;
}

static void release(const struct thing_to_order *t, uint32_t id)
{
	uint32_t n;

	if (t->kind == KSYNC_KIND_WAITQ)
		raw_wake(ksync_fileno(kit.d), id, 1, KSYNC_BITSET_ALL, &n);
	else if (t->kind == KSYNC_KIND_COND)
		raw_cond_signal(ksync_fileno(kit.d), id, 1, &n);
	else if (t->owned)
		raw_unlock(ksync_fileno(kit.d), id, handle);
	else
		raw_release(ksync_fileno(kit.d), id, 0, 1, &n);
}

static int line_up(const struct thing_to_order *t, uint32_t id, uint32_t mutex, const int *prio)
{
	const int fd = ksync_fileno(kit.d);
	int i, ret = 0;

	if (t->owned && t->kind != KSYNC_KIND_COND)
		ret = raw_lock(fd, id, handle, 0, KSYNC_NO_DEADLINE);
	if (!ret && t->step == step_any)
		ret = raw_lock(fd, mutex, handle, 0, KSYNC_NO_DEADLINE);
	for (i = 0; i < PLAYERS && !ret; i++) {
		sched_fifo(task_tid(&player[i]->task), prio[i]);
		player[i]->mutex = mutex;
		player_post(player[i], t->step, id);
		/* In the queue of the first they also watch it, and are counted twice. */
		ret = t->step == step_any ? await_waiters(fd, mutex, 2 * (i + 1)) :
			await_waiters(fd, id, i + 1);
	}
	/* Counted is not asleep yet: on its rt_mutex, say. */
	for (i = 0; i < PLAYERS && !ret; i++)
		ret = await_asleep(task_tid(&player[i]->task));
	return ret;
}

/* Somebody is told, and killed before the mutex is free: the next one is told. */
static uint32_t kill_first(uint32_t id, uint32_t mutex, uint32_t waiting, const int *prio)
{
	const int fd = ksync_fileno(kit.d), i = highest(waiting, prio);
	const enum task_kind kind = player[i]->task.kind;
	uint32_t n;

	if (kind == TASK_THREAD)
		return waiting;
	if (raw_lock(fd, mutex, handle, 0, KSYNC_NO_DEADLINE))
		violate(WRONG_ANSWER, "the stage cannot lock the mutex of a cond", 0, 0);
	raw_cond_signal(fd, id, 1, &n);
	task_kill(&player[i]->task, SIGKILL);
	task_join(&player[i]->task, NULL);
	figure_add(F_KILLS, 1);
	raw_unlock(fd, mutex, handle);
	player[i] = player_start(kind, fd, cells);
	if (!player[i])
		violate(WRONG_ANSWER, "a player cannot be started", i, 0);
	return waiting & ~(1U << i);
}

static void play(const struct thing_to_order *t)
{
	const int fd = ksync_fileno(kit.d);
	const bool is_cond = t->kind == KSYNC_KIND_COND;
	uint32_t id, mutex = 0, waiting = (1U << PLAYERS) - 1;
	int prio[PLAYERS], first, ret;

	shuffle(prio);
	ret = raw_create(fd, t->kind, t->flags, &id);
	if (!ret && (is_cond || t->step == step_any))
		ret = raw_create(fd, KSYNC_KIND_MUTEX, 0, &mutex);
	if (!ret)
		ret = line_up(t, id, mutex, prio);
	if (ret) {
		violate(WRONG_ANSWER, t->name, ret, 0);
		return;
	}
	if (is_cond && chance(&self, 2)) {
		first = waiting;
		waiting = kill_first(id, mutex, waiting, prio);
		if (first == (int)waiting)
			release(t, id);
	} else {
		release(t, id);
	}
	while (waiting && !scene->violation) {
		first = next_done(waiting);
		if (first < 0) {
			violate(LOST_WAKEUP, t->name, waiting, 0);
			return;
		}
		if (first != highest(waiting, prio)) {
			violate(WRONG_ORDER, t->name, prio[first],
				prio[highest(waiting, prio)]);
			return;
		}
		waiting &= ~(1U << first);
		figure_add(F_OPERATIONS, 1);
		if (t->owned)
			player_do(player[first], step_unlock, is_cond ? mutex : id);
		if (waiting && (!t->owned || is_cond))
			release(t, id);
	}
	raw_destroy(fd, id);
	if (t->step == step_any)
		raw_unlock(fd, mutex, handle);
	if (is_cond || t->step == step_any)
		raw_destroy(fd, mutex);
}

/** order_script() - until @end, one thing after the other */
void order_script(uint64_t end)
{
	static const enum task_kind kinds[] = { TASK_THREAD, TASK_PROCESS, TASK_BARE };
	const int fd = ksync_fileno(kit.d);
	unsigned int i, n = 0;

	self.seed = opt_seed | 1;
	cells = raw_map(fd, 0);
	if (raw_attach(fd, &handle))
		violate(WRONG_ANSWER, "the stage cannot attach", 0, 0);
	for (i = 0; i < PLAYERS; i++) {
		player[i] = player_start(kinds[i % 3], fd, cells);
		if (!player[i]) {
			violate(WRONG_ANSWER, "a player cannot be started", i, 0);
			return;
		}
	}
	while (!scene->violation && (n < THINGS || !passed(end))) {
		play(&things[n++ % THINGS]);
		figure_add(F_ROUNDS, 1);
	}
}
