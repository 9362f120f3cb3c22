// SPDX-License-Identifier: GPL-2.0
/*
 * A mutex used as a binary semaphore: whoever has locked it passes a ticket on, and
 * another task, which takes the ticket, unlocks it.  Nobody is in at the same time as
 * somebody else, and no unlock is lost, whatever the lockers do meanwhile: wait in
 * the queue, time out, are interrupted, overtake, or watch what they have themselves.
 * A program that has lost one comes to a halt.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/player.h"

#define LOCKERS	5
#define GIVERS	2

/**
 * struct scene - what all tasks share
 * @fd: domain
 * @cells: its arena
 * @mutex: id
 * @alert: an event that nobody sets
 * @tickets: one byte for each time that it was locked
 * @inside: how many are
 * @rounds: how often each of them locks it
 * @locked: how often it was locked
 * @wrong: what nobody expects
 * @error: the first of them
 */
struct scene {
	int fd;
	struct ksync_cell *cells;
	uint32_t mutex;
	uint32_t alert;
	int tickets[2];
	uint32_t inside;
	uint32_t rounds;
	uint32_t locked;
	uint32_t wrong;
	int error;
};

/**
 * struct part - of one task
 * @task: who
 * @s: where
 * @rng: its own
 * @handle: its own
 */
struct part {
	struct task task;
	struct scene *s;
	unsigned int rng;
	uint32_t handle;
};

FIXTURE(stress)
{
	struct scene *s;
	struct part *part;
};

FIXTURE_VARIANT(stress)
{
	uint32_t flags;
	enum task_kind task;
};

FIXTURE_VARIANT_ADD(stress, adaptive_threads) {
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(stress, adaptive_processes) {
	.task = TASK_PROCESS,
};

FIXTURE_VARIANT_ADD(stress, strict_bare) {
	.flags = KSYNC_MUTEX_STRICT,
	.task = TASK_BARE,
};

static void on_signal(int sig)
{
	(void)sig;
}

FIXTURE_SETUP(stress)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct scene *s = player_memory(sizeof(*s));

	self->s = s;
	self->part = player_memory((LOCKERS + GIVERS) * sizeof(*self->part));
	s->fd = raw_open();
	s->cells = raw_map(s->fd, 64);
	ASSERT_NE(NULL, s->cells);
	ASSERT_EQ(0, raw_create(s->fd, KSYNC_KIND_MUTEX, variant->flags, &s->mutex));
	ASSERT_EQ(0, raw_create(s->fd, KSYNC_KIND_EVENT, 0, &s->alert));
	ASSERT_EQ(0, pipe(s->tickets));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	s->rounds = slow_factor() > 1 ? 300 : 2000;
}

FIXTURE_TEARDOWN(stress)
{
	close(self->s->fd);
}

static void wrong(struct scene *s, int ret)
{
	if (!__atomic_fetch_add(&s->wrong, 1, __ATOMIC_RELAXED))
		s->error = ret;
}

/* Without the module, past whoever waits. Strict ones are not free then. */
static bool overtake(struct part *p)
{
	uint32_t *word = &p->s->cells[p->s->mutex].word;
	uint32_t v = __atomic_load_n(word, __ATOMIC_RELAXED);

	return !(v & (KSYNC_OWNER | KSYNC_OWNER_DIED)) &&
	       __atomic_compare_exchange_n(word, &v, v | p->handle, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Until it is released by somebody else: we have it. */
static int watch(struct part *p)
{
	struct ksync_item item = { .id = p->s->mutex, .flags = KSYNC_ITEM_WATCH };
	struct ksync_many arg = {
		.count = 1,
		.items = (uintptr_t)&item,
		.deadline = KSYNC_NO_DEADLINE,
		.flags = KSYNC_MANY_ALERT,
		.thread = p->handle,
		.alert = p->s->alert,
	};

	return raw_many(p->s->fd, &arg);
}

static int lock_somehow(struct part *p)
{
	const int us = rand_r(&p->rng) % 200;
	int ret;

	switch (rand_r(&p->rng) % 4) {
	case 0:
		return overtake(p) ? 0 : -EBUSY;
	case 1:
		ret = raw_lock(p->s->fd, p->s->mutex, p->handle, 0,
			       raw_deadline(CLOCK_MONOTONIC, 0) + us * 1000);
		break;
	case 2:
		ret = raw_lock(p->s->fd, p->s->mutex, p->handle, KSYNC_WAIT_INTERRUPTIBLE,
			       KSYNC_NO_DEADLINE);
		break;
	default:
		ret = raw_lock(p->s->fd, p->s->mutex, p->handle, 0, KSYNC_NO_DEADLINE);
	}
	return ret == -EDEADLK ? watch(p) : ret;
}

static bool has_it(const struct part *p)
{
	return (__atomic_load_n(&p->s->cells[p->s->mutex].word, __ATOMIC_RELAXED) &
		KSYNC_OWNER) == p->handle;
}

static int locker(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->s;
	uint32_t done = 0;
	int ret = raw_attach(s->fd, &p->handle);

	if (ret)
		wrong(s, ret);
	while (done < s->rounds && !__atomic_load_n(&s->wrong, __ATOMIC_RELAXED)) {
		ret = lock_somehow(p);
		if (ret == -EBUSY || ret == -ETIMEDOUT || ret == -EINTR)
			continue;
		if (ret)
			wrong(s, ret);
		if (__atomic_fetch_add(&s->inside, 1, __ATOMIC_SEQ_CST))
			wrong(s, -EBUSY);
		done++;
		__atomic_fetch_add(&s->locked, 1, __ATOMIC_RELAXED);
		if (write(s->tickets[1], "", 1) != 1)
			wrong(s, -errno);
	}
	/* Who ends with it has died with it. */
	while (has_it(p) && !__atomic_load_n(&s->wrong, __ATOMIC_RELAXED))
		sched_yield();
	return 0;
}

/* Until there will be no ticket any more: a byte that is none. */
static int giver(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->s;
	int ret = raw_attach(s->fd, &p->handle);
	char ticket;

	if (ret)
		wrong(s, ret);
	while (read(s->tickets[0], &ticket, 1) == 1 && !ticket) {
		__atomic_fetch_sub(&s->inside, 1, __ATOMIC_SEQ_CST);
		ret = raw_unlock_as(s->fd, s->mutex, p->handle, KSYNC_UNLOCK_ANY);
		if (ret)
			wrong(s, ret);
	}
	return 0;
}

/* A thread gets its signal by its process, which has others as well. */
static void interrupt(const struct part *p)
{
	if (p->task.kind == TASK_THREAD)
		pthread_kill(p->task.thread, SIGUSR1);
	else
		task_kill(&p->task, SIGUSR1);
}

TEST_F(stress, no_unlock_is_lost)
{
	struct scene *s = self->s;
	const uint32_t all = LOCKERS * s->rounds;
	unsigned int rng = 1;
	int i;

	for (i = 0; i < LOCKERS + GIVERS; i++) {
		self->part[i].s = s;
		self->part[i].rng = i;
		ASSERT_EQ(0, task_start(&self->part[i].task, variant->task,
					i < LOCKERS ? locker : giver, &self->part[i]));
	}
	/* Each of them is interrupted as long as it has rounds to go. */
	while (__atomic_load_n(&s->locked, __ATOMIC_RELAXED) < all - s->rounds &&
	       !__atomic_load_n(&s->wrong, __ATOMIC_RELAXED)) {
		interrupt(&self->part[rand_r(&rng) % LOCKERS]);
		usleep(500);
	}
	for (i = 0; i < LOCKERS; i++)
		EXPECT_EQ(0, task_join(&self->part[i].task, NULL));
	ASSERT_EQ(GIVERS, write(s->tickets[1], "XX", GIVERS));
	for (; i < LOCKERS + GIVERS; i++)
		EXPECT_EQ(0, task_join(&self->part[i].task, NULL));
	EXPECT_EQ(0, s->wrong);
	EXPECT_EQ(0, s->error);
	EXPECT_EQ(all, s->locked);
	EXPECT_EQ(0, s->inside);
	EXPECT_EQ(0, __atomic_load_n(&s->cells[s->mutex].word, __ATOMIC_RELAXED));
}

KSFT_MAIN
