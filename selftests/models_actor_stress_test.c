// SPDX-License-Identifier: GPL-2.0
/*
 * Actors that race: ends with monitors and links of others being made and undone, senders
 * with a receiver that gives up all the time, and with one that ends.  What is counted
 * comes out exactly.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ksft.h"
#include "lib/actor.h"

#define POOL	8	/* victims at a time */
#define WATCHERS 4

KSYNC_MESSAGE(number, 1, long)
KSYNC_SIGNAL(done, 2)

static struct ksync_pid pool[POOL];
static uint32_t pool_lock;
static long rounds;

static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static struct ksync_pid pick(uint64_t random)
{
	struct ksync_pid pid;

	lock(&pool_lock);
	pid = pool[random % POOL];
	unlock(&pool_lock);
	return pid;
}

/* Waits for its end, or returns at once. */
static int victim(void *arg)
{
	struct ksync_message *m;

	if (arg)
		ksync_actor_receive(&m);
	return 1;
}

/* Ends one after another, and puts new ones in their place. */
static int executioner(void *arg)
{
	uint64_t state = 88172645463325252ULL;
	struct ksync_pid pid, old;
	long i;

	(void)arg;
	for (i = 0; i < rounds; i++) {
		ACT(!ksync_actor_spawn(&pid, victim, (void *)(draw(&state) % 4), NULL));
		lock(&pool_lock);
		old = pool[i % POOL];
		pool[i % POOL] = pid;
		unlock(&pool_lock);
		if (draw(&state) % 2)
			ksync_task_yield();
		ksync_actor_signal(old, KSYNC_EXIT_KILL);
		ksync_actor_signal(pick(draw(&state)), KSYNC_EXIT_KILL);
	}
	for (i = 0; i < POOL; i++)
		ksync_actor_signal(pool[i], KSYNC_EXIT_KILL);
	return 0;
}

static bool of_kind(const struct ksync_message *m, void *arg)
{
	return m->tag == *(uint32_t *)arg;
}

/* Exactly one message, or none if the call says so; and never one of another monitor. */
static int watcher(void *arg)
{
	uint64_t state = (uintptr_t)arg * 0x9e3779b97f4a7c15ULL + 1, ref;
	uint32_t tag = KSYNC_TAG_DOWN;
	struct ksync_message *m;
	struct ksync_pid pid;
	int ret, how;
	long i;

	for (i = 0; i < rounds; i++) {
		pid = pick(draw(&state));
		ACT(!ksync_actor_monitor(pid, &ref));
		if (draw(&state) % 2)
			ksync_task_yield();
		how = draw(&state) % 3;
		ret = -ENOENT;
		if (how)
			ret = ksync_actor_demonitor(ref, how == 1 ? KSYNC_DEMONITOR_FLUSH : 0);
		ACT(!ret || ret == -ENOENT);
		if (ret && how != 1) {
			ACT(!ksync_actor_receive(&m) && m->ref == ref);
			ACT(ksync_pid_equal(m->from, pid) && m->tag == tag);
			ksync_message_free(m);
			ACT(ksync_actor_demonitor(ref, 0) == -ENOENT);
		}
		ACT(ksync_actor_receive_if(&m, of_kind, &tag, &over) == -ETIMEDOUT);
	}
	return 0;
}

static int monitors_race(void *arg)
{
	struct ksync_pid pid[WATCHERS], killer;
	uint64_t ref[WATCHERS], killer_ref;
	long i;

	(void)arg;
	memset(pool, 0, sizeof(pool));
	for (i = 0; i < POOL; i++)
		ACT(!ksync_actor_spawn(&pool[i], victim, (void *)1, NULL));
	for (i = 0; i < WATCHERS; i++)
		ACT(!spawn_monitor(&pid[i], &ref[i], watcher, (void *)(i + 1)));
	ACT(!spawn_monitor(&killer, &killer_ref, executioner, NULL));
	ACT(!down(killer_ref, killer));
	for (i = 0; i < WATCHERS; i++)
		ACT(!down(ref[i], pid[i]));
	return 0;
}

TEST_F(models, each_monitor_tells_exactly_once)
{
	rounds = models_many(&variant->opts, 5000);
	ACTOR(monitors_race, NULL);
}

/* Links that are undone may have told; those that are not do. */
static int linker(void *arg)
{
	uint64_t state = (uintptr_t)arg * 0x9e3779b97f4a7c15ULL + 1;
	struct ksync_message *m;
	struct ksync_actor_info info;
	struct ksync_pid pid;
	long i;

	ACT(!ksync_actor_trap());
	for (i = 0; i < rounds; i++) {
		pid = pick(draw(&state));
		ACT(!ksync_actor_link(pid));
		if (draw(&state) % 2)
			ksync_task_yield();
		if (draw(&state) % 2) {
			ACT(!ksync_actor_unlink(pid));
			if (!ksync_actor_receive_try(&m)) {
				ACT(ksync_pid_equal(m->from, pid));
				ksync_message_free(m);
			}
		} else {
			ACT(!ksync_actor_receive(&m) && m->tag == KSYNC_TAG_EXIT);
			ACT(ksync_pid_equal(m->from, pid));
			ksync_message_free(m);
		}
		ACT(ksync_actor_receive_try(&m) == -EAGAIN);
		ACT(!ksync_actor_info(ksync_actor_self(), &info) && !info.links);
	}
	return 0;
}

static int links_race(void *arg)
{
	struct ksync_pid pid[WATCHERS], killer;
	uint64_t ref[WATCHERS], killer_ref;
	long i;

	(void)arg;
	for (i = 0; i < POOL; i++)
		ACT(!ksync_actor_spawn(&pool[i], victim, (void *)1, NULL));
	for (i = 0; i < WATCHERS; i++)
		ACT(!spawn_monitor(&pid[i], &ref[i], linker, (void *)(i + 1)));
	ACT(!spawn_monitor(&killer, &killer_ref, executioner, NULL));
	ACT(!down(killer_ref, killer));
	for (i = 0; i < WATCHERS; i++)
		ACT(!down(ref[i], pid[i]));
	return 0;
}

TEST_F(models, each_link_tells_exactly_once)
{
	rounds = models_many(&variant->opts, 5000);
	ACTOR(links_race, NULL);
}

/* Started again under the same name as soon as the end is known. */
static int started_again(void *arg)
{
	const struct ksync_actor_attr attr = {
		.registered = "again",
		.flags = KSYNC_ACTOR_MONITOR,
	};
	struct ksync_message *m;
	long i;

	(void)arg;
	for (i = 0; i < rounds; i++) {
		ACT(!ksync_actor_spawn(NULL, victim, NULL, &attr));
		ACT(!ksync_actor_receive(&m) && m->tag == KSYNC_TAG_DOWN);
		ksync_message_free(m);
	}
	return 0;
}

TEST_F(models, a_name_is_free_when_the_end_is_known)
{
	rounds = models_many(&variant->opts, 20000);
	ACTOR(started_again, NULL);
}

/* Linked ones that end at the same time: each of both with a reason of its own. */
static int crasher(void *arg)
{
	if (ksync_actor_link(*(struct ksync_pid *)arg))
		return -1;
	return 2;
}

static int ends_together(void *arg)
{
	struct ksync_pid a, b;
	uint64_t ref_a, ref_b;
	long i;
	int ra, rb;

	(void)arg;
	for (i = 0; i < rounds; i++) {
		ACT(!spawn_monitor(&a, &ref_a, victim, (void *)(i % 2)));
		ACT(!spawn_monitor(&b, &ref_b, crasher, &a));
		if (i % 3)
			ksync_actor_signal(a, 3);
		rb = down(ref_b, b);
		ra = down(ref_a, a);
		ACT(ra == 1 || ra == 2 || ra == 3);
		ACT(rb == 1 || rb == 2 || rb == 3 || rb == KSYNC_EXIT_NOPROC);
	}
	return 0;
}

TEST_F(models, linked_actors_end_together)
{
	rounds = models_many(&variant->opts, 5000);
	ACTOR(ends_together, NULL);
}

struct flood {
	struct ksync_pid to;
	long who;
	long n;
	bool timed;
};

/* Numbers of sender @who: who * 2^32 + 0, 1, ... */
static int floods(void *arg)
{
	struct flood *f = arg;
	struct timespec soon;
	long i = 0, value;
	int ret;

	while (i < f->n) {
		value = f->who << 32 | i;
		soon = models_in(i % 5 * 1000 + 1);
		ret = f->timed && i % 2 ?
			ksync_actor_send_timed(f->to, number_tag, &value, sizeof(value), &soon) :
			number_send(f->to, &value);
		if (!ret)
			i++;
		else if (ret != -ETIMEDOUT)
			return ret;
		if (i % 16 == 0)
			ksync_task_yield();
	}
	return 0;
}

static bool of_sender(const struct ksync_message *m, void *arg)
{
	return number_of(m) && *number_of(m) >> 32 == *(long *)arg;
}

/* Takes from any, or from one in turn; waits for ever, or hardly. */
static int collect(long *next, long n)
{
	struct ksync_message *m;
	struct timespec soon;
	long i, who, got = 0;
	int ret;

	for (i = 0; got < WATCHERS * n; i++) {
		who = i % WATCHERS;
		soon = models_in(i % 7 * 500);
		if (i % 3 == 0)
			ret = ksync_actor_receive_timed(&m, &soon);
		else if (i % 3 == 1 && next[who] < n)
			ret = ksync_actor_receive_if(&m, of_sender, &who, &soon);
		else
			ret = ksync_actor_receive(&m);
		if (ret == -ETIMEDOUT)
			continue;
		ACT(!ret);
		who = *number_of(m) >> 32;
		ACT((*number_of(m) & UINT32_MAX) == next[who]);
		next[who]++;
		got++;
		ksync_message_free(m);
	}
	ACT(ksync_actor_receive_try(&m) == -EAGAIN);
	return 0;
}

static int collects(void *arg)
{
	struct flood f[WATCHERS];
	long next[WATCHERS] = { 0 }, i;
	struct ksync_pid pid[WATCHERS];
	uint64_t ref[WATCHERS];
	int ret;

	for (i = 0; i < WATCHERS; i++) {
		f[i] = (struct flood){ ksync_actor_self(), i, rounds, arg };
		ACT(!ksync_actor_spawn(&pid[i], floods, &f[i], NULL));
	}
	ret = collect(next, rounds);
	for (i = 0; i < WATCHERS; i++)
		ACT(!ksync_actor_monitor(pid[i], &ref[i]));
	for (i = 0; i < WATCHERS; i++)
		down(ref[i], pid[i]);
	return ret;
}

TEST_F(models, nothing_sent_is_lost_and_nobody_sleeps_on)
{
	rounds = models_many(&variant->opts, 10000);
	ACTOR(collects, NULL);
}

TEST_F(models, nor_with_a_bounded_mailbox)
{
	const struct ksync_actor_attr attr = { .mailbox = 5 };
	int reason;

	rounds = models_many(&variant->opts, 5000);
	ASSERT_EQ(0, ksync_actor_run(self->s, collects, (void *)1, &attr, &reason));
	EXPECT_EQ(0, reason);
}

/* Senders to one that ends all the time: sent, or -ESRCH; and nobody waits on. */
static int short_lived(void *arg)
{
	struct ksync_message *m;
	long i;

	for (i = 0; i < (long)arg; i++)
		if (ksync_actor_receive(&m))
			break;
	return 0;
}

static int sends_to_pool(void *arg)
{
	uint64_t state = (uintptr_t)arg * 0x9e3779b97f4a7c15ULL + 1;
	long i, value;
	int ret;

	for (i = 0; i < rounds; i++) {
		value = draw(&state);
		ret = number_send(pick(value), &value);
		ACT(!ret || ret == -ESRCH);
		if (i % 16 == 0)
			ksync_task_yield();
	}
	return 0;
}

static int ends_with_senders(void *arg)
{
	const struct ksync_actor_attr attr = { .mailbox = 2 };
	struct ksync_pid pid[WATCHERS], new;
	uint64_t ref[WATCHERS];
	long i;

	(void)arg;
	memset(pool, 0, sizeof(pool));
	for (i = 0; i < WATCHERS; i++)
		ACT(!spawn_monitor(&pid[i], &ref[i], sends_to_pool, (void *)(i + 1)));
	for (i = 0; i < rounds; i++) {
		ACT(!ksync_actor_spawn(&new, short_lived, (void *)(i % 4), i % 2 ? &attr : NULL));
		ksync_actor_signal(pool[i % POOL], KSYNC_EXIT_KILL);
		lock(&pool_lock);
		pool[i % POOL] = new;
		unlock(&pool_lock);
		ksync_task_yield();
	}
	for (i = 0; i < POOL; i++)
		ksync_actor_signal(pool[i], KSYNC_EXIT_KILL);
	for (i = 0; i < WATCHERS; i++)
		ACT(!down(ref[i], pid[i]));
	return 0;
}

TEST_F(models, senders_race_with_ends)
{
	rounds = models_many(&variant->opts, 3000);
	ACTOR(ends_with_senders, NULL);
}

/* A thread outside sends to an actor that gives up at once, again and again. */
static void *outside(void *arg)
{
	struct flood *f = arg;
	long i;

	for (i = 0; i < f->n; i++)
		CHECK(!number_send(f->to, &i));
	return NULL;
}

static int impatient(void *arg)
{
	struct flood f = { .to = ksync_actor_self(), .n = rounds };
	struct ksync_message *m;
	struct timespec soon;
	pthread_t thread;
	void *line;
	long i = 0;
	int ret;

	(void)arg;
	ACT(!pthread_create(&thread, NULL, outside, &f));
	while (i < rounds) {
		soon = models_in(i % 3 * 100 + 1);
		ret = ksync_actor_receive_timed(&m, &soon);
		if (ret == -ETIMEDOUT)
			continue;
		ACT(!ret && *number_of(m) == i++);
		ksync_message_free(m);
	}
	ACT(!pthread_join(thread, &line) && !line);
	return 0;
}

TEST_F(models, deadlines_race_with_a_thread_that_sends)
{
	rounds = models_many(&variant->opts, 20000);
	ksync_sched_hold(self->s);
	ACTOR(impatient, NULL);
	ksync_sched_release(self->s);
}

KSFT_MAIN
