// SPDX-License-Identifier: GPL-2.0
/*
 * The row of boosts: while somebody of higher priority waits, the owner runs at that
 * priority, through chains of locks; and not any more when it has unlocked, or when
 * nobody waits because of a deadline, a signal or a death.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include "await.h"
#include "player.h"
#include "reader.h"
#include "sched.h"
#include "torture.h"

#define PLAYERS	3

static struct slot self; /* dice */
static struct player *player[PLAYERS];
static struct ksync_cell *cells;

/**
 * struct lock_to_boost - what one owns and another wants
 * @name: for people
 * @kind, @flags: of the object
 * @own: how it is owned
 * @disown: how it is given back
 */
struct lock_to_boost {
	const char *name;
	uint32_t kind;
	uint32_t flags;
	player_step own;
	player_step disown;
};

static const struct lock_to_boost locks[] = {
	{ "adaptive mutex", KSYNC_KIND_MUTEX, 0, step_lock_fast, step_unlock },
	{ "strict mutex", KSYNC_KIND_MUTEX, KSYNC_MUTEX_STRICT, step_lock_fast, step_unlock },
	{ "spin", KSYNC_KIND_SPIN, 0, step_lock_fast, step_unlock },
	{ "rwlock, written", KSYNC_KIND_RWLOCK, 0, step_lock_fast, step_unlock },
	{ "rwlock, read", KSYNC_KIND_RWLOCK, 0, step_read, step_unread },
};

#define LOCKS	(sizeof(locks) / sizeof(*locks))

static bool comes_to(const struct player *p, int prio)
{
	const uint64_t end = in(5 * SEC * watch_slow());

	while (effective_prio(task_tid(&p->task)) != prio) {
		if (passed(end))
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

static void must_be_boosted(const struct player *p, int prio, const char *what)
{
	if (!comes_to(p, FIFO_SHOWN(prio)))
		violate(NO_BOOST, what, prio, -1 - effective_prio(task_tid(&p->task)));
}

static void must_not_be(const struct player *p, const char *what)
{
	if (!comes_to(p, NORMAL_PRIO))
		violate(STILL_BOOSTED, what, -1 - effective_prio(task_tid(&p->task)), 0);
}

static struct player *new_player(enum task_kind kind)
{
	struct player *p = player_start(kind, ksync_fileno(kit.d), cells);

	if (!p)
		violate(WRONG_ANSWER, "a player cannot be started", kind, 0);
	return p;
}

/* The owner gives it back, and the waiter has it. */
static void end_by_unlock(const struct lock_to_boost *l, uint32_t id)
{
	player_do(player[0], l->disown, id);
	must_not_be(player[0], l->name);
	if (player_result(player[1]))
		violate(LOST_WAKEUP, l->name, id, 0);
	player_do(player[1], step_unlock, id);
}

/* The waiter is not there any more. */
static void end_by_death(const struct lock_to_boost *l, uint32_t id)
{
	task_kill(&player[1]->task, SIGKILL);
	task_join(&player[1]->task, NULL);
	must_not_be(player[0], l->name);
	player_do(player[0], l->disown, id);
	player[1] = new_player(TASK_BARE);
}

static void end_by_deadline(const struct lock_to_boost *l, uint32_t id)
{
	if (player_result(player[1]) != -ETIMEDOUT)
		violate(WRONG_ANSWER, l->name, player[1]->result, id);
	must_not_be(player[0], l->name);
	player_do(player[0], l->disown, id);
}

/* One owns, one waits, for as long as it takes to see that. */
static void play_pair(const struct lock_to_boost *l)
{
	const int fd = ksync_fileno(kit.d), prio = 10 + dice(&self) % 40;
	const uint32_t how = dice(&self) % 3;
	uint32_t id;

	if (raw_create(fd, l->kind, l->flags, &id) || player_do(player[0], l->own, id)) {
		violate(WRONG_ANSWER, l->name, player[0]->result, 0);
		return;
	}
	sched_fifo(task_tid(&player[1]->task), prio);
	player[1]->flags = 0;
	player[1]->deadline = how == 2 ? in(SEC / 4 * watch_slow()) : KSYNC_NO_DEADLINE;
	player_post(player[1], step_lock_until, id);
	if (how != 2)
		must_be_boosted(player[0], prio, l->name);
	if (how == 0)
		end_by_unlock(l, id);
	else if (how == 1)
		end_by_death(l, id);
	else
		end_by_deadline(l, id);
	raw_destroy(fd, id);
}

/* The third waits for the second, which waits for the first. */
static void play_chain(const struct lock_to_boost *l)
{
	const int fd = ksync_fileno(kit.d), prio = 10 + dice(&self) % 40;
	uint32_t first, second;

	if (raw_create(fd, l->kind, l->flags, &first) ||
	    raw_create(fd, KSYNC_KIND_MUTEX, 0, &second) ||
	    player_do(player[0], l->own, first) ||
	    player_do(player[1], step_lock_fast, second)) {
		violate(WRONG_ANSWER, l->name, player[0]->result, player[1]->result);
		return;
	}
	sched_other(task_tid(&player[1]->task));
	sched_fifo(task_tid(&player[2]->task), prio);
	player_post(player[1], step_lock, first);
	player_post(player[2], step_lock, second);
	must_be_boosted(player[1], prio, l->name);
	must_be_boosted(player[0], prio, l->name);
	player_do(player[0], l->disown, first);
	must_not_be(player[0], l->name);
	player_result(player[1]);
	player_do(player[1], step_unlock, first);
	player_do(player[1], step_unlock, second);
	must_not_be(player[1], l->name);
	player_result(player[2]);
	player_do(player[2], step_unlock, second);
	raw_destroy(fd, first);
	raw_destroy(fd, second);
}

/** boost_script() - until @end, one lock after the other */
void boost_script(uint64_t end)
{
	unsigned int i, n = 0;

	self.seed = opt_seed | 1;
	cells = raw_map(ksync_fileno(kit.d), 0);
	player[0] = new_player(TASK_PROCESS);
	player[1] = new_player(TASK_BARE);
	player[2] = new_player(TASK_THREAD);
	while (!scene->violation && (n < 2 * LOCKS || !passed(end))) {
		i = n++ % LOCKS;
		if (chance(&self, 3))
			play_chain(&locks[i]);
		else
			play_pair(&locks[i]);
		figure_add(F_ROUNDS, 1);
		figure_add(F_OPERATIONS, 2);
	}
}
