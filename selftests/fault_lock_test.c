// SPDX-License-Identifier: GPL-2.0
/*
 * Locking, unlocking and condition variables while memory is short and copies from
 * user memory fail: see fault_test.  Who is refused owns nothing, and waits for
 * nothing; the others never notice.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/ksft.h"
#include "lib/reader.h"

/* The task that acts, as a player: for steps. */
static struct player me;

static void enter(struct fault_scene *s)
{
	memset(&me, 0, sizeof(me));
	WANT(s, 0, raw_attach(s->fd, &s->actor));
	me.fd = s->fd;
	me.cells = s->cells;
	me.handle = s->actor;
	me.id = s->id[0];
}

static void add_partner(struct fault_scene *s, int i, enum task_kind kind)
{
	s->partner[i] = player_start(kind, s->fd, s->cells);
	WANT(s, false, !s->partner[i]);
}

static uint32_t owner(struct fault_scene *s, uint32_t id)
{
	return __atomic_load_n(&s->cells[id].word, __ATOMIC_ACQUIRE) & KSYNC_OWNER;
}

static uint32_t waiters(struct fault_scene *s, uint32_t id)
{
	struct ksync_query q;

	WANT(s, 0, raw_query(s->fd, id, &q));
	return q.waiters;
}

static void lock_works(struct fault_scene *s, uint32_t id)
{
	WANT(s, 0, owner(s, id));
	WANT(s, 0, waiters(s, id));
	WANT(s, 0, raw_lock(s->fd, id, s->self, KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE));
	WANT(s, s->self, owner(s, id));
	WANT(s, 0, raw_unlock(s->fd, id, s->self));
	WANT(s, 0, s->cells[id].word);
}

/* By the test, and by the partner, who may wait for it. */
static void works(struct fault_scene *s, int ret)
{
	(void)ret;
	lock_works(s, s->id[0]);
	if (!s->partner[0])
		return;
	WANT(s, 0, raw_lock(s->fd, s->id[0], s->self, 0, KSYNC_NO_DEADLINE));
	player_post(s->partner[0], step_lock, s->id[0]);
	WANT(s, 0, await_waiters(s->fd, s->id[0], 1));
	WANT(s, 0, raw_unlock(s->fd, s->id[0], s->self));
	WANT(s, 0, player_result(s->partner[0]));
	WANT(s, 0, player_do(s->partner[0], step_unlock, s->id[0]));
	lock_works(s, s->id[0]);
}

/* A lock that the partner has. */

static void owned(struct fault_scene *s, uint32_t kind, uint32_t flags)
{
	WANT(s, 0, raw_create(s->fd, kind, flags, &s->id[0]));
	add_partner(s, 0, TASK_THREAD);
	if (!s->wrong[0])
		WANT(s, 0, player_do(s->partner[0], step_lock_fast, s->id[0]));
}

static void owned_adaptive(struct fault_scene *s)
{
	owned(s, KSYNC_KIND_MUTEX, 0);
}

static void owned_strict(struct fault_scene *s)
{
	owned(s, KSYNC_KIND_MUTEX, KSYNC_MUTEX_STRICT);
}

static void owned_spin(struct fault_scene *s)
{
	owned(s, KSYNC_KIND_SPIN, 0);
}

static void owned_rwlock(struct fault_scene *s)
{
	owned(s, KSYNC_KIND_RWLOCK, 0);
}

static int do_lock(struct fault_scene *s)
{
	(void)s;
	return step_lock(&me);
}

static int do_lock_try(struct fault_scene *s)
{
	int ret = step_lock_try(&me);

	s->got = ret;
	return ret == -EBUSY ? 0 : ret;
}

/* Long ago. */
static int do_lock_late(struct fault_scene *s)
{
	int ret;

	me.deadline = 1;
	ret = step_lock_until(&me);
	s->got = ret;
	return ret == -ETIMEDOUT ? 0 : ret;
}

static void partner_unlocks(struct fault_scene *s)
{
	WANT(s, 0, player_do(s->partner[0], step_unlock, s->id[0]));
}

static void give_back(struct fault_scene *s, int ret)
{
	WANT(s, !ret, owner(s, s->id[0]) == s->actor);
	if (!ret)
		WANT(s, 0, step_unlock(&me));
}

/* It got nothing, whatever it was told. */
static void partner_has_it(struct fault_scene *s, int ret)
{
	WANT(s, ret ? ret : s->got, s->got);
	WANT(s, s->partner[0]->handle, owner(s, s->id[0]));
	partner_unlocks(s);
	works(s, ret);
}

#define LOCK_PATH(name, owned_by_partner)					\
	FAULT_PATH(name, .prepare = owned_by_partner, .enter = enter,		\
		   .act = do_lock, .meanwhile = partner_unlocks,		\
		   .leave = give_back, .check = works,				\
		   .errors = { -ENOMEM, -EFAULT })

LOCK_PATH(lock_adaptive, owned_adaptive);
LOCK_PATH(lock_strict, owned_strict);
LOCK_PATH(lock_spin, owned_spin);
LOCK_PATH(lock_rwlock, owned_rwlock);
FAULT_PATH(lock_try, .prepare = owned_adaptive, .enter = enter, .act = do_lock_try,
	   .check = partner_has_it, .errors = { -EFAULT });
FAULT_PATH(lock_late, .prepare = owned_adaptive, .enter = enter, .act = do_lock_late,
	   .check = partner_has_it, .errors = { -ENOMEM, -EFAULT });

/* Nobody has it. */

static void free_mutex(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_MUTEX, 0, &s->id[0]));
}

FAULT_PATH(lock_free, .prepare = free_mutex, .enter = enter, .act = do_lock,
	   .leave = give_back, .check = works, .errors = { -ENOMEM, -EFAULT });

/* Its owner is dead. */

static void orphan(struct fault_scene *s)
{
	free_mutex(s);
	add_partner(s, 0, TASK_PROCESS);
	if (s->wrong[0])
		return;
	WANT(s, 0, player_do(s->partner[0], step_lock_fast, s->id[0]));
	WANT(s, 0, player_end(s->partner[0]));
	s->partner[0] = NULL;
}

static int do_lock_orphan(struct fault_scene *s)
{
	int ret = step_lock(&me);

	s->got = ret;
	return ret == -EOWNERDEAD ? 0 : ret;
}

/* Who is refused has not been told: the next one is. */
static void repair(struct fault_scene *s, int ret)
{
	if (ret)
		WANT(s, 0, do_lock_orphan(s));
	WANT(s, -EOWNERDEAD, s->got);
	WANT(s, 0, step_consistent(&me));
	give_back(s, 0);
}

FAULT_PATH(lock_orphan, .prepare = orphan, .enter = enter, .act = do_lock_orphan,
	   .leave = repair, .check = works, .errors = { -ENOMEM, -EFAULT });

/* It would close a cycle: the partner waits for what the task has. */

static void enter_cycle(struct fault_scene *s)
{
	enter(s);
	me.id = s->id[1];
	WANT(s, 0, step_lock(&me));
	player_post(s->partner[0], step_lock, s->id[1]);
	WANT(s, 0, await_waiters(s->fd, s->id[1], 1));
	/* It counts before it has looked for a cycle, and may be the one to find it. */
	WANT(s, 0, player_await_asleep(s->partner[0]));
	me.id = s->id[0];
}

static void two_mutexes(struct fault_scene *s)
{
	owned_adaptive(s);
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_MUTEX, 0, &s->id[1]));
}

static int do_lock_cycle(struct fault_scene *s)
{
	int ret = step_lock(&me);

	s->got = ret;
	return ret == -EDEADLK ? 0 : ret;
}

static void undo_cycle(struct fault_scene *s, int ret)
{
	if (ret)
		WANT(s, 0, do_lock_cycle(s));
	me.id = s->id[1];
	WANT(s, 0, step_unlock(&me));
	WANT(s, 0, player_result(s->partner[0]));
	WANT(s, 0, player_do(s->partner[0], step_unlock, s->id[1]));
	partner_unlocks(s);
}

FAULT_PATH(lock_cycle, .prepare = two_mutexes, .enter = enter_cycle, .act = do_lock_cycle,
	   .leave = undo_cycle, .check = works, .errors = { -ENOMEM, -EFAULT });

/* Unlocking, for a waiter. */

static void enter_owner(struct fault_scene *s)
{
	enter(s);
	WANT(s, 0, step_lock(&me));
	player_post(s->partner[0], step_lock, s->id[0]);
	WANT(s, 0, await_waiters(s->fd, s->id[0], 1));
}

static void mutex_and_partner(struct fault_scene *s)
{
	free_mutex(s);
	add_partner(s, 0, TASK_THREAD);
}

static void strict_and_partner(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_STRICT, &s->id[0]));
	add_partner(s, 0, TASK_THREAD);
}

static int do_unlock(struct fault_scene *s)
{
	(void)s;
	return step_unlock(&me);
}

static void unlocked(struct fault_scene *s, int ret)
{
	WANT(s, true, !ret || owner(s, s->id[0]) == s->actor);
	if (ret)
		WANT(s, 0, step_unlock(&me));
	WANT(s, 0, player_result(s->partner[0]));
	partner_unlocks(s);
}

FAULT_PATH(unlock_adaptive, .prepare = mutex_and_partner, .enter = enter_owner,
	   .act = do_unlock, .leave = unlocked, .check = works, .errors = { -EFAULT });
FAULT_PATH(unlock_strict, .prepare = strict_and_partner, .enter = enter_owner,
	   .act = do_unlock, .leave = unlocked, .check = works, .errors = { -EFAULT });

/* Readers. */

static void rwlock_and_partner(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_RWLOCK, 0, &s->id[0]));
	add_partner(s, 0, TASK_THREAD);
}

static void read_rwlock(struct fault_scene *s)
{
	rwlock_and_partner(s);
	if (!s->wrong[0])
		WANT(s, 0, player_do(s->partner[0], step_read, s->id[0]));
}

static void partner_reads_no_more(struct fault_scene *s)
{
	WANT(s, 0, player_do(s->partner[0], step_unread, s->id[0]));
}

static void rwlock_works(struct fault_scene *s, int ret)
{
	WANT(s, 0, reader_count(s->fd, s->id[0]));
	WANT(s, 0, raw_lock(s->fd, s->id[0], s->self, 0, KSYNC_NO_DEADLINE));
	player_post(s->partner[0], step_read, s->id[0]);
	WANT(s, 0, await_waiters(s->fd, s->id[0], 1));
	WANT(s, 0, raw_unlock(s->fd, s->id[0], s->self));
	WANT(s, 0, player_result(s->partner[0]));
	partner_reads_no_more(s);
	works(s, ret);
}

/* A writer waits until readers have left. */
FAULT_PATH(write_lock, .prepare = read_rwlock, .enter = enter, .act = do_lock,
	   .meanwhile = partner_reads_no_more, .leave = give_back,
	   .check = rwlock_works, .errors = { -ENOMEM, -EFAULT });

static void enter_reader(struct fault_scene *s)
{
	enter(s);
	WANT(s, 0, step_slot(&me));
}

static int do_read_lock(struct fault_scene *s)
{
	(void)s;
	return step_read(&me);
}

static void read_no_more(struct fault_scene *s, int ret)
{
	WANT(s, !ret, !!reader_entry(&me, s->id[0]));
	if (!ret)
		WANT(s, 0, step_unread(&me));
}

FAULT_PATH(read_lock, .prepare = owned_rwlock, .enter = enter_reader, .act = do_read_lock,
	   .meanwhile = partner_unlocks, .leave = read_no_more,
	   .check = rwlock_works, .errors = { -ENOMEM, -EFAULT });

/* The last reader leaves, and a writer waits for that. */
static void enter_last_reader(struct fault_scene *s)
{
	enter_reader(s);
	WANT(s, 0, step_read(&me));
	player_post(s->partner[0], step_lock, s->id[0]);
	WANT(s, 0, await_waiters(s->fd, s->id[0], 1));
}

static int do_read_unlock(struct fault_scene *s)
{
	(void)s;
	return step_unread(&me);
}

static void read_unlocked(struct fault_scene *s, int ret)
{
	if (ret)
		WANT(s, 0, raw_unlock_read(s->fd, s->id[0], s->actor));
	WANT(s, 0, player_result(s->partner[0]));
	partner_unlocks(s);
}

FAULT_PATH(read_unlock, .prepare = rwlock_and_partner, .enter = enter_last_reader,
	   .act = do_read_unlock, .leave = read_unlocked, .check = rwlock_works,
	   .errors = { -EFAULT });

FAULT_NO_LEAK();

KSFT_MAIN
