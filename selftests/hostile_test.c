// SPDX-License-Identifier: GPL-2.0
/*
 * A process overwrites the arena of its domain, all the time, with anything.
 * That costs those who share the domain errors, and nobody anything else:
 * everything ends, nothing is left over, other domains do not notice.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

#define LOCKS	6	/* of the victims; then comes a waitq */
#define COUNTED	3	/* and besides a semaphore and two events */
#define VICTIMS	4
#define HONEST	2
#define CELLS	64

/**
 * struct scene - what all tasks share
 * @fd: the domain that is overwritten
 * @cells: its arena
 * @id: LOCKS locks and a waitq
 * @counted: a semaphore, an auto-reset and a manual-reset event
 * @stop: not zero: time is up
 * @strange: results that the contract does not know
 * @strangest: one of them
 * @calls: by victims
 * @writes: by the one who overwrites
 * @fine: another domain
 * @fine_cells: its arena
 * @fine_id: its lock
 * @counter: guarded by that lock
 * @count: how often each was in there
 * @failed: operations on that lock that failed
 */
struct scene {
	int fd;
	struct ksync_cell *cells;
	uint32_t id[LOCKS + 1];
	uint32_t counted[COUNTED];
	uint32_t stop;
	uint32_t strange;
	int strangest;
	uint64_t calls;
	uint64_t writes;
	int fine;
	struct ksync_cell *fine_cells;
	uint32_t fine_id;
	uint64_t counter;
	uint64_t count[HONEST];
	uint32_t failed;
};

/**
 * struct part - of one task in the scene
 * @task: who
 * @scene: where
 * @index: which of its sort
 */
struct part {
	struct task task;
	struct scene *scene;
	uint32_t index;
};

static uint32_t dice(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static bool over(const struct scene *s)
{
	return __atomic_load_n(&s->stop, __ATOMIC_RELAXED);
}

/* Nonsense half of the time, else what looks like the truth. */
static uint32_t lie(uint32_t *state)
{
	static const uint32_t special[] = {
		0, KSYNC_HANDOFF, KSYNC_NOTRECOVERABLE, KSYNC_HANDLE_MAX,
		KSYNC_OWNER_DIED, KSYNC_WAITERS, KSYNC_WOKEN | KSYNC_WAITERS,
	};
	const uint32_t flags = KSYNC_WAITERS | KSYNC_WOKEN | KSYNC_OWNER_DIED;
	uint32_t r = dice(state);

	switch (r & 3) {
	case 0:
		return dice(state);
	case 1:
		return special[dice(state) % (sizeof(special) / sizeof(*special))];
	default:
		return (dice(state) % 12) | (dice(state) & flags);
	}
}

static int scribble(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->scene;
	uint32_t state = 0x9e3779b9 + p->index;
	uint32_t *memory, i;

	while (!over(s)) {
		if (dice(&state) % 16) {
			i = dice(&state) % (LOCKS + 1 + COUNTED);
			i = i <= LOCKS ? s->id[i] : s->counted[i - LOCKS - 1];
			__atomic_store_n(&s->cells[i].word, lie(&state),
					 __ATOMIC_RELAXED);
		} else {
			memory = (uint32_t *)s->cells;
			i = dice(&state) % (CELLS * KSYNC_CELL_SIZE / 4);
			__atomic_store_n(&memory[i], dice(&state), __ATOMIC_RELAXED);
		}
		s->writes++;
	}
	return 0;
}

/* Everything that the contract lets these calls answer. */
static bool known(int ret)
{
	static const int answers[] = {
		0, EBUSY, EDEADLK, ENOTRECOVERABLE, ETIMEDOUT, EUCLEAN,
		EOWNERDEAD, EPERM, EAGAIN, EOVERFLOW,
	};
	size_t i;

	for (i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (ret == -answers[i])
			return true;
	return false;
}

static int victim_call(struct scene *s, uint32_t handle, uint32_t *state)
{
	const uint32_t id = s->id[dice(state) % LOCKS], waitq = s->id[LOCKS];
	const uint32_t counted = s->counted[dice(state) % COUNTED];
	const uint64_t soon = raw_deadline(CLOCK_MONOTONIC, 2);
	uint32_t woken, was;

	switch (dice(state) % 12) {
	case 0:
		return raw_lock(s->fd, id, handle, KSYNC_WAIT_TRY, soon);
	case 1:
		return raw_wait(s->fd, waitq, s->cells[waitq].word,
				KSYNC_BITSET_ALL, 0, soon);
	case 2:
		return raw_wake(s->fd, waitq, 2, KSYNC_BITSET_ALL, &woken);
	case 3:
	case 4:
	case 5:
		return raw_unlock(s->fd, id, handle);
	case 6:
	case 7:
		return raw_acquire(s->fd, counted, 0, soon);
	case 8:
		return raw_release(s->fd, s->counted[0], 0, dice(state), &was);
	case 9:
		return raw_release(s->fd, s->counted[1 + dice(state) % 2],
				   dice(state) & KSYNC_RELEASE_PULSE, 1, &was);
	default:
		return raw_lock(s->fd, id, handle, 0, soon);
	}
}

static int suffer(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->scene;
	uint32_t state = 0x1234567 + p->index, handle;
	int ret;

	if (raw_attach(s->fd, &handle))
		return 1;
	while (!over(s)) {
		ret = victim_call(s, handle, &state);
		if (!known(ret)) {
			s->strangest = ret;
			__atomic_add_fetch(&s->strange, 1, __ATOMIC_RELAXED);
		}
		__atomic_add_fetch(&s->calls, 1, __ATOMIC_RELAXED);
	}
	return 0;
}

/* Objects come and go all the while. */
static int create_and_destroy(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->scene;
	uint32_t id, handle;
	int ret;

	if (raw_attach(s->fd, &handle))
		return 1;
	while (!over(s)) {
		if (raw_create(s->fd, KSYNC_KIND_MUTEX, 0, &id))
			return 2;
		ret = raw_lock(s->fd, id, handle, 0, raw_deadline(CLOCK_MONOTONIC, 2));
		if (!known(ret))
			return 3;
		raw_unlock(s->fd, id, handle);
		if (raw_destroy(s->fd, id))
			return 4;
	}
	return 0;
}

/* Next door all is well. */
static int count(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->scene;
	uint32_t handle;

	if (raw_attach(s->fine, &handle))
		return 1;
	while (!over(s)) {
		if (raw_lock(s->fine, s->fine_id, handle, 0, KSYNC_NO_DEADLINE)) {
			__atomic_add_fetch(&s->failed, 1, __ATOMIC_RELAXED);
			return 2;
		}
		s->counter++;
		s->count[p->index]++;
		if (raw_unlock(s->fine, s->fine_id, handle)) {
			__atomic_add_fetch(&s->failed, 1, __ATOMIC_RELAXED);
			return 3;
		}
	}
	return 0;
}

FIXTURE(hostile)
{
	struct scene *s;
	struct part *part;
	int parts;
};

FIXTURE_SETUP(hostile)
{
	static const struct {
		uint32_t kind;
		uint32_t flags;
	} made[LOCKS + 1] = {
		{ KSYNC_KIND_MUTEX, 0 }, { KSYNC_KIND_MUTEX, 0 },
		{ KSYNC_KIND_MUTEX, KSYNC_MUTEX_STRICT },
		{ KSYNC_KIND_MUTEX, KSYNC_MUTEX_STRICT },
		{ KSYNC_KIND_SPIN, 0 }, { KSYNC_KIND_SPIN, 0 },
		{ KSYNC_KIND_WAITQ, 0 },
	};
	static const uint32_t counted[COUNTED] = {
		KSYNC_KIND_SEM, KSYNC_KIND_EVENT, KSYNC_KIND_EVENT,
	};
	struct scene *s = player_memory(sizeof(*s));
	int i;

	self->s = s;
	self->part = player_memory(16 * sizeof(*self->part));
	s->fd = raw_open();
	s->cells = raw_map(s->fd, CELLS);
	s->fine = raw_open();
	s->fine_cells = raw_map(s->fine, CELLS);
	for (i = 0; i <= LOCKS; i++)
		ASSERT_EQ(0, raw_create(s->fd, made[i].kind, made[i].flags, &s->id[i]));
	for (i = 0; i < COUNTED; i++)
		ASSERT_EQ(0, raw_create(s->fd, counted[i],
					i == 2 ? KSYNC_EVENT_MANUAL : 0, &s->counted[i]));
	ASSERT_EQ(0, raw_create(s->fine, KSYNC_KIND_MUTEX, 0, &s->fine_id));
}

FIXTURE_TEARDOWN(hostile)
{
	self->s->stop = 1;
}

static void add(struct __test_metadata *_metadata, struct _test_data_hostile *self,
		enum task_kind kind, int (*fn)(void *arg), int n)
{
	struct part *p;
	int i;

	for (i = 0; i < n; i++) {
		p = &self->part[self->parts++];
		p->scene = self->s;
		p->index = i;
		ASSERT_EQ(0, task_start(&p->task, kind, fn, p));
	}
}

/* All at once for a while; then all have to end, well. */
static void play(struct __test_metadata *_metadata, struct _test_data_hostile *self)
{
	const struct timespec while_ = { .tv_sec = 1, .tv_nsec = 500000000 };
	int i, status;

	nanosleep(&while_, NULL);
	__atomic_store_n(&self->s->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < self->parts; i++) {
		ASSERT_EQ(0, await_gone(task_tid(&self->part[i].task)));
		ASSERT_EQ(0, task_join(&self->part[i].task, &status));
		EXPECT_EQ(0, status);
	}
}

/* Nothing is left, and with the words put right everything works again. */
static void check_after(struct __test_metadata *_metadata, struct scene *s)
{
	struct ksync_info info;
	uint32_t handle, was;
	int i;

	ASSERT_EQ(0, raw_info(s->fd, &info));
	EXPECT_EQ(0, info.waiters);
	EXPECT_EQ(LOCKS + 1 + COUNTED, info.objects);
	ASSERT_EQ(0, raw_attach(s->fd, &handle));
	for (i = 0; i < LOCKS; i++) {
		__atomic_store_n(&s->cells[s->id[i]].word, 0, __ATOMIC_SEQ_CST);
		EXPECT_EQ(0, raw_lock(s->fd, s->id[i], handle, 0, KSYNC_NO_DEADLINE));
		EXPECT_EQ(0, raw_unlock(s->fd, s->id[i], handle));
	}
	for (i = 0; i <= LOCKS; i++)
		EXPECT_EQ(0, raw_destroy(s->fd, s->id[i]));
	for (i = 0; i < COUNTED; i++) {
		__atomic_store_n(&s->cells[s->counted[i]].word, 0, __ATOMIC_SEQ_CST);
		s->cells[s->counted[i]].limit = 0;
		EXPECT_EQ(0, raw_release(s->fd, s->counted[i], 0, 1, &was));
		EXPECT_EQ(0, raw_acquire(s->fd, s->counted[i], 0, KSYNC_NO_DEADLINE));
		EXPECT_EQ(0, raw_destroy(s->fd, s->counted[i]));
	}
}

TEST_F(hostile, costs_errors_only)
{
	struct scene *s = self->s;

	add(_metadata, self, TASK_PROCESS, suffer, VICTIMS);
	add(_metadata, self, TASK_PROCESS, scribble, 1);
	play(_metadata, self);
	EXPECT_EQ(0, s->strange);
	EXPECT_EQ(0, s->strangest);
	EXPECT_GT(s->calls, 100);
	EXPECT_GT(s->writes, 100);
	check_after(_metadata, s);
}

TEST_F(hostile, threads_suffer_alike)
{
	struct scene *s = self->s;

	add(_metadata, self, TASK_BARE, suffer, VICTIMS);
	add(_metadata, self, TASK_THREAD, scribble, 2);
	play(_metadata, self);
	EXPECT_EQ(0, s->strangest);
	EXPECT_GT(s->calls, 100);
	EXPECT_GT(s->writes, 100);
	check_after(_metadata, s);
}

TEST_F(hostile, objects_come_and_go)
{
	struct scene *s = self->s;

	add(_metadata, self, TASK_PROCESS, suffer, VICTIMS / 2);
	add(_metadata, self, TASK_PROCESS, create_and_destroy, 2);
	add(_metadata, self, TASK_PROCESS, scribble, 1);
	play(_metadata, self);
	EXPECT_EQ(0, s->strangest);
	check_after(_metadata, s);
}

TEST_F(hostile, other_domain_does_not_notice)
{
	struct scene *s = self->s;
	uint64_t total = 0;
	int i;

	add(_metadata, self, TASK_PROCESS, count, HONEST);
	add(_metadata, self, TASK_PROCESS, suffer, VICTIMS);
	add(_metadata, self, TASK_PROCESS, scribble, 1);
	play(_metadata, self);
	EXPECT_EQ(0, s->failed);
	for (i = 0; i < HONEST; i++) {
		EXPECT_GT(s->count[i], 0);
		total += s->count[i];
	}
	EXPECT_EQ(total, s->counter);
	EXPECT_EQ(0, s->fine_cells[s->fine_id].word);
	check_after(_metadata, s);
}

KSFT_MAIN
