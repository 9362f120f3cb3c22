// SPDX-License-Identifier: GPL-2.0
/*
 * A process overwrites a cond, its mutex and another one while tasks wait and
 * signal there.  That costs them errors, and nobody anything else.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/cond.h"
#include "lib/ksft.h"

#define VICTIMS	5

/**
 * struct scene - what all tasks share
 * @s: the cond and its mutex
 * @lock: another mutex
 * @stop: not zero: time is up
 * @calls: by victims
 * @moved: signals that reached somebody
 * @strangest: a result that the contract does not know
 */
struct scene {
	struct cond_scene s;
	uint32_t lock;
	uint32_t stop;
	uint32_t calls;
	uint32_t moved;
	int strangest;
};

/**
 * struct part - of one task in the scene
 * @task: who
 * @scene: where
 * @seed: of its dice
 */
struct part {
	struct task task;
	struct scene *scene;
	uint32_t seed;
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

/*
 * Nonsense half of the time, else what looks like the truth. But never that the
 * test itself, number 1, has the mutex: that would be waited for until it ends.
 */
static uint32_t lie(uint32_t *state)
{
	static const uint32_t special[] = {
		0, KSYNC_HANDOFF, KSYNC_NOTRECOVERABLE, KSYNC_OWNER_DIED, KSYNC_WAITERS,
		KSYNC_WOKEN | KSYNC_WAITERS,
	};
	const uint32_t flags = KSYNC_WAITERS | KSYNC_WOKEN | KSYNC_OWNER_DIED;
	uint32_t r = dice(state);

	switch (r & 3) {
	case 0:
		return dice(state);
	case 1:
		return special[dice(state) % ARRAY_SIZE(special)];
	default:
		return (2 + dice(state) % 7) | (dice(state) & flags);
	}
}

/* With pauses: a wait has to begin now and then. */
static int scribble(void *arg)
{
	struct part *p = arg;
	struct cond_scene *s = &p->scene->s;
	struct ksync_cell *cell;
	uint32_t state = p->seed;

	while (!over(p->scene)) {
		cell = &s->cells[dice(&state) % 3 ? s->mutex : s->cond];
		__atomic_store_n(&cell->word, lie(&state), __ATOMIC_RELAXED);
		cell = &s->cells[dice(&state) % 3 ? s->cond : p->scene->lock];
		__atomic_store_n(&cell->waiters, dice(&state) % 4, __ATOMIC_RELAXED);
		if (!(dice(&state) % 8))
			usleep(dice(&state) % 200);
	}
	return 0;
}

static bool known(int ret)
{
	static const int answers[] = {
		0, EBUSY, EDEADLK, ENOTRECOVERABLE, ETIMEDOUT, EUCLEAN, EOWNERDEAD, EPERM,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(answers); i++)
		if (ret == -answers[i])
			return true;
	return false;
}

static int victim_call(struct scene *s, uint32_t handle, uint32_t *state)
{
	const uint64_t soon = in(dice(state) % (2 * MSEC));
	uint32_t moved = 0;
	int ret;

	switch (dice(state) % 8) {
	case 0:
		return raw_lock(s->s.fd, s->lock, handle, 0, soon);
	case 1:
		return raw_unlock(s->s.fd, s->lock, handle);
	case 2:
		return raw_unlock(s->s.fd, s->s.mutex, handle);
	case 3:
		return raw_lock(s->s.fd, s->s.mutex, handle, 0, soon);
	case 4:
		ret = raw_cond_signal(s->s.fd, s->s.cond, dice(state) % 3, &moved);
		__atomic_fetch_add(&s->moved, moved, __ATOMIC_RELAXED);
		return ret;
	default:
		/* What nobody would do: the word is made to name the caller. */
		if (dice(state) % 2)
			s->s.cells[s->s.mutex].word = handle;
		return raw_cond_wait(s->s.fd, s->s.cond, s->s.mutex, handle, 0, soon);
	}
}

static int suffer(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->scene;
	uint32_t state = p->seed, handle;
	int ret;

	if (raw_attach(s->s.fd, &handle))
		return 1;
	while (!over(s)) {
		ret = victim_call(s, handle, &state);
		if (!known(ret))
			s->strangest = ret;
		__atomic_add_fetch(&s->calls, 1, __ATOMIC_RELAXED);
	}
	return 0;
}

static void play(struct __test_metadata *_metadata, int kind)
{
	const struct timespec while_ = { .tv_sec = 2 };
	struct scene *s = player_memory(sizeof(*s));
	struct part *part = player_memory((VICTIMS + 1) * sizeof(*part));
	struct ksync_info info;
	int i, status;

	ASSERT_EQ(0, cond_scene_open(&s->s, 0));
	ASSERT_EQ(0, raw_create(s->s.fd, KSYNC_KIND_MUTEX, 0, &s->lock));
	for (i = 0; i <= VICTIMS; i++) {
		part[i].scene = s;
		part[i].seed = 0x9e3779b9 + i;
		ASSERT_EQ(0, task_start(&part[i].task, kind < 0 ? i % 3 : kind,
					i ? suffer : scribble, &part[i]));
	}
	nanosleep(&while_, NULL);
	__atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i <= VICTIMS; i++) {
		ASSERT_EQ(0, await_gone(task_tid(&part[i].task))) TH_LOG("task %d", i);
		ASSERT_EQ(0, task_join(&part[i].task, &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, s->strangest);
	EXPECT_GT(s->calls, 100);
	EXPECT_GT(s->moved, 0);
	ASSERT_EQ(0, raw_info(s->s.fd, &info));
	EXPECT_EQ(0, info.waiters);
	EXPECT_EQ(0, raw_destroy(s->s.fd, s->s.cond));
	EXPECT_EQ(0, raw_destroy(s->s.fd, s->s.mutex));
	EXPECT_EQ(0, raw_destroy(s->s.fd, s->lock));
	cond_scene_close(&s->s);
}

TEST(costs_processes_errors_only)
{
	play(_metadata, TASK_PROCESS);
}

TEST(costs_all_kinds_of_tasks_errors_only)
{
	play(_metadata, -1);
}

KSFT_MAIN
