// SPDX-License-Identifier: GPL-2.0
/*
 * Actors that end with locks of libksync: the next one is told that the owner died, by
 * the time that others are told of the actor's end; whoever waits gets it; and what
 * others have is not touched.
 */
#include "lib/ksft.h"
#include "lib/actor.h"
#include "lib/models_sync.h"

KSYNC_SIGNAL(ready, 1)
KSYNC_SIGNAL(stop, 2)

static struct ksync_mutex mutex, second, others;
static struct ksync_spin spin;
static struct ksync_rwlock rwlock, shared;

#define MAKE_LOCKS() do {						\
	OPEN_DOMAIN();							\
	ASSERT_EQ(0, ksync_mutex_init(&mutex, domain, 0));		\
	ASSERT_EQ(0, ksync_mutex_init(&second, domain, KSYNC_MUTEX_RECURSIVE)); \
	ASSERT_EQ(0, ksync_mutex_init(&others, domain, 0));		\
	ASSERT_EQ(0, ksync_spin_init(&spin, domain, 0));		\
	ASSERT_EQ(0, ksync_rwlock_init(&rwlock, domain, 0));		\
	ASSERT_EQ(0, ksync_rwlock_init(&shared, domain, 0));		\
} while (0)

enum how {
	RETURNS,
	EXITS,
	KILLED,
	HOWS,
};

static int lock_all(void)
{
	ACT(!ksync_task_mutex_lock(&mutex));
	ACT(!ksync_task_mutex_lock_try(&second) && !ksync_task_mutex_lock(&second));
	ACT(!ksync_task_spin_lock(&spin));
	ACT(!ksync_task_rwlock_write_lock(&rwlock));
	ACT(!ksync_task_rwlock_read_lock(&shared));
	/* And one that is unlocked again. */
	ACT(!ksync_task_mutex_lock(&others) && !ksync_task_mutex_unlock(&others));
	return 0;
}

struct dies {
	struct ksync_pid parent;
	enum how how;
};

static int dies_with_locks(void *arg)
{
	struct dies *d = arg;
	struct ksync_message *m;
	int line = lock_all();

	if (line)
		return line;
	ACT(!ready_send(d->parent));
	if (ksync_actor_receive(&m) == -ECANCELED && d->how == KILLED)
		return 0;
	if (d->how == EXITS)
		ksync_actor_exit(0);
	return 0;
}

static int repair_all(void)
{
	ACT(ksync_task_mutex_lock_try(&mutex) == -EOWNERDEAD);
	ACT(ksync_task_mutex_lock(&second) == -EOWNERDEAD);
	ACT(ksync_task_spin_lock_try(&spin) == -EOWNERDEAD);
	ACT(ksync_task_rwlock_write_lock(&rwlock) == -EOWNERDEAD);
	ACT(!ksync_task_mutex_consistent(&mutex) && !ksync_task_mutex_unlock(&mutex));
	ACT(!ksync_task_mutex_consistent(&second) && !ksync_task_mutex_unlock(&second));
	ACT(!ksync_task_spin_consistent(&spin) && !ksync_task_spin_unlock(&spin));
	ACT(!ksync_task_rwlock_consistent(&rwlock) && !ksync_task_rwlock_unlock(&rwlock));
	/* A reader that died has left. */
	ACT(!ksync_task_rwlock_write_lock(&shared) && !ksync_task_rwlock_unlock(&shared));
	return 0;
}

static int owners_die(void *arg)
{
	struct dies d = { .parent = ksync_actor_self() };
	struct ksync_message *m;
	struct ksync_pid pid;
	uint64_t ref;
	int line;

	(void)arg;
	ACT(!ksync_task_mutex_lock(&others));
	for (d.how = 0; d.how < HOWS; d.how++) {
		ACT(!ksync_task_mutex_unlock(&others));
		ACT(!spawn_monitor(&pid, &ref, dies_with_locks, &d));
		ACT(!ksync_actor_receive(&m) && ready_is(m));
		ksync_message_free(m);
		ACT(!ksync_task_mutex_lock(&others)); /* this one's own */
		ACT(ksync_task_mutex_lock_try(&mutex) == -EBUSY);
		if (d.how == KILLED)
			ACT(!ksync_actor_signal(pid, KSYNC_EXIT_KILL));
		else
			ACT(!stop_send(pid));
		ACT(down(ref, pid) == (d.how == KILLED ? KSYNC_EXIT_KILLED : 0));
		line = repair_all();
		if (line)
			return line;
	}
	return ksync_task_mutex_unlock(&others);
}

TEST_F(models, locks_of_an_actor_that_ends_are_left_to_the_next)
{
	MAKE_LOCKS();
	ACTOR(owners_die, NULL);
	ksync_close(domain);
}

/* Waits for the lock when its owner dies. */
static void *waits(void *arg)
{
	CHECK(ksync_task_mutex_lock(&mutex) == -EOWNERDEAD);
	CHECK(!ksync_task_mutex_consistent(&mutex));
	CHECK(!ksync_task_mutex_unlock(&mutex));
	return arg;
}

static int dies_while_others_wait(void *arg)
{
	struct dies d = { .parent = ksync_actor_self(), .how = RETURNS };
	struct ksync_message *m;
	struct ksync_task *task;
	struct ksync_pid pid;
	pthread_t thread;
	uint64_t ref;
	void *line;

	ACT(!spawn_monitor(&pid, &ref, dies_with_locks, &d));
	ACT(!ksync_actor_receive(&m) && ready_is(m));
	if (arg) {
		ACT(!pthread_create(&thread, NULL, waits, NULL));
		AWAIT(&mutex, 1);
	} else {
		ACT(!ksync_task_spawn(&task, waits, NULL, NULL));
	}
	ACT(!stop_send(pid) && !down(ref, pid));
	if (arg)
		ACT(!pthread_join(thread, &line) && !line);
	else
		ACT(!JOINED(task));
	ACT(!ksync_task_mutex_lock(&mutex) && !ksync_task_mutex_unlock(&mutex));
	return 0;
}

TEST_F(models, who_waits_gets_the_lock_of_an_actor_that_ends)
{
	MAKE_LOCKS();
	ACTOR(dies_while_others_wait, NULL);
	ksync_close(domain);
	MAKE_LOCKS();
	ksync_sched_hold(self->s);
	ACTOR(dies_while_others_wait, (void *)1);
	ksync_sched_release(self->s);
	ksync_close(domain);
}

/* Two actors with a lock each: the end of one is not the other's. */
static int holds_other(void *arg)
{
	struct ksync_message *m;

	ACT(!ksync_task_mutex_lock(&others));
	ACT(!ready_send(*(struct ksync_pid *)arg));
	ACT(!ksync_actor_receive(&m) && stop_is(m));
	ACT(!ksync_task_mutex_unlock(&others));
	return 0;
}

static int one_of_two(void *arg)
{
	struct dies d = { .parent = ksync_actor_self(), .how = RETURNS };
	struct ksync_pid pid, other;
	struct ksync_message *m;
	uint64_t ref, other_ref;
	int i;

	(void)arg;
	ACT(!spawn_monitor(&pid, &ref, dies_with_locks, &d));
	ACT(!ksync_actor_receive(&m) && ready_is(m));
	ACT(!spawn_monitor(&other, &other_ref, holds_other, &d.parent));
	ACT(!ksync_actor_receive(&m) && ready_is(m));
	ACT(!stop_send(pid) && !down(ref, pid));
	ACT(ksync_task_mutex_lock_try(&others) == -EBUSY);
	ACT(!repair_all());
	ACT(!stop_send(other) && !down(other_ref, other));
	for (i = 0; i < 2; i++)
		ACT(!ksync_task_mutex_lock(&others) && !ksync_task_mutex_unlock(&others));
	return 0;
}

TEST_F(models, locks_of_others_are_not_touched)
{
	MAKE_LOCKS();
	ACTOR(one_of_two, NULL);
	ksync_close(domain);
}

/* Who has unlocked ends no thread. */
static int locks_and_unlocks(void *arg)
{
	(void)arg;
	ACT(!ksync_task_mutex_lock(&mutex) && !ksync_task_mutex_unlock(&mutex));
	return 0;
}

#define MANY	40

static int many_unlock(void *arg)
{
	struct ksync_pid pid;
	uint64_t ref;
	int i;

	(void)arg;
	for (i = 0; i < MANY; i++)
		ACT(!spawn_monitor(&pid, &ref, locks_and_unlocks, NULL) && !down(ref, pid));
	return 0;
}

TEST_F(models, who_has_unlocked_ends_no_thread)
{
	struct ksync_sched_stats before, after;

	MAKE_LOCKS();
	ksync_sched_stats(self->s, &before);
	ACTOR(many_unlock, NULL);
	ksync_sched_stats(self->s, &after);
	EXPECT_GT(MANY / 2, after.threads - before.threads);
	ksync_close(domain);
}

KSFT_MAIN
