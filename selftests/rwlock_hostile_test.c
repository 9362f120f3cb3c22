// SPDX-License-Identifier: GPL-2.0
/*
 * Slots and words of reader-writer locks are overwritten, all the time, with
 * anything.  A writer may then wait for whoever is said to read, until its
 * deadline, a signal, or that task's death: never for more, and nothing is left.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/reader.h"

#define LOCKS	4	/* object numbers 0 to 3 */
#define VICTIMS	4
#define CELLS	64

/**
 * struct scene - what all tasks share
 * @fd: the domain that is overwritten
 * @cells: its arena
 * @id: its rwlocks
 * @stop: not zero: time is up
 * @strange: a result that the contract does not know, 0 if there was none
 * @calls: by victims
 * @writes: by those who overwrite
 * @slot: where the victims' slots are
 */
struct scene {
	int fd;
	struct ksync_cell *cells;
	uint32_t id[LOCKS];
	uint32_t stop;
	int strange;
	uint64_t calls;
	uint64_t writes;
	uint32_t slot[VICTIMS];
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

static uint32_t lie_of_word(uint32_t *state)
{
	static const uint32_t special[] = {
		0, KSYNC_READ, KSYNC_READ | KSYNC_WAITERS, KSYNC_OWNER_DIED,
		KSYNC_HANDOFF | KSYNC_READ, KSYNC_NOTRECOVERABLE,
		KSYNC_READ | KSYNC_WAITERS | KSYNC_WOKEN,
	};
	const uint32_t flags = dice(state) & ~KSYNC_OWNER;

	switch (dice(state) % 3) {
	case 0:
		return special[dice(state) % (sizeof(special) / sizeof(*special))];
	case 1:
		return flags | dice(state) % 16;
	default:
		return dice(state);
	}
}

/* An entry that names a lock more often than not. */
static uint32_t lie_of_entry(const struct scene *s, uint32_t *state)
{
	if (dice(state) % 4)
		return KSYNC_SLOT(s->id[dice(state) % LOCKS], dice(state) % 3);
	return dice(state);
}

static int scribble(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->scene;
	uint32_t state = 0x7654321 + p->index, i, *entries;

	while (!over(s)) {
		i = s->slot[dice(&state) % VICTIMS];
		entries = (uint32_t *)&s->cells[i];
		__atomic_store_n(&entries[dice(&state) % KSYNC_SLOTS],
				 lie_of_entry(s, &state), __ATOMIC_RELAXED);
		i = s->id[dice(&state) % LOCKS];
		if (!(dice(&state) % 4))
			__atomic_store_n(&s->cells[i].word, lie_of_word(&state),
					 __ATOMIC_RELAXED);
		s->writes++;
	}
	return 0;
}

/* Everything that the contract lets these calls answer. */
static bool known(int ret)
{
	static const int answers[] = {
		0, EBUSY, EDEADLK, ENOTRECOVERABLE, ETIMEDOUT, EUCLEAN,
		EOWNERDEAD, EPERM, EAGAIN,
	};
	size_t i;

	for (i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (ret == -answers[i])
			return true;
	return false;
}

static int victim_call(struct scene *s, uint32_t handle, uint32_t *state)
{
	const uint32_t id = s->id[dice(state) % LOCKS];
	const uint64_t soon = raw_deadline(CLOCK_MONOTONIC, 2);
	struct ksync_query q;

	switch (dice(state) % 8) {
	case 0:
		return raw_lock(s->fd, id, handle, KSYNC_WAIT_TRY, soon);
	case 1:
		return raw_lock(s->fd, id, handle, KSYNC_WAIT_TRY | KSYNC_LOCK_READ, soon);
	case 2:
	case 3:
		return raw_lock(s->fd, id, handle, KSYNC_LOCK_READ, soon);
	case 4:
		return raw_unlock_read(s->fd, id, handle);
	case 5:
		return raw_unlock(s->fd, id, handle);
	case 6:
		return raw_query(s->fd, id, &q);
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

	if (raw_attach(s->fd, &handle) || raw_attach_slot(s->fd, &s->slot[p->index]))
		return 1;
	while (!over(s)) {
		ret = victim_call(s, handle, &state);
		if (!known(ret))
			s->strange = ret;
		__atomic_add_fetch(&s->calls, 1, __ATOMIC_RELAXED);
	}
	return 0;
}

/* Readers come and die, with their slots. */
static int come_and_go(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->scene;
	struct player *reader;
	uint32_t state = 99;

	while (!over(s)) {
		reader = player_start(TASK_PROCESS, s->fd, s->cells);
		if (!reader)
			return 1;
		reader->flags = 0;
		reader->deadline = raw_deadline(CLOCK_MONOTONIC, 2);
		if (!known(player_do(reader, step_read_until, s->id[dice(&state) % LOCKS])))
			return 2;
		if (task_kill(&reader->task, SIGKILL) || task_join(&reader->task, NULL))
			return 3;
	}
	return 0;
}

FIXTURE(rwhostile)
{
	struct scene *s;
	struct part *part;
	int parts;
};

FIXTURE_SETUP(rwhostile)
{
	struct scene *s = player_memory(sizeof(*s));
	int i;

	self->s = s;
	self->part = player_memory(16 * sizeof(*self->part));
	s->fd = raw_open();
	s->cells = raw_map(s->fd, CELLS);
	for (i = 0; i < LOCKS; i++)
		ASSERT_EQ(0, raw_create(s->fd, KSYNC_KIND_RWLOCK,
					i % 2 ? KSYNC_RWLOCK_STRICT : 0, &s->id[i]));
}

FIXTURE_TEARDOWN(rwhostile)
{
	self->s->stop = 1;
}

static void add(struct __test_metadata *_metadata, struct _test_data_rwhostile *self,
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

/* All at once for a while; then all have to end, and everything works again. */
static void play(struct __test_metadata *_metadata, struct _test_data_rwhostile *self)
{
	const struct timespec while_ = { .tv_sec = 1, .tv_nsec = 500000000 };
	struct scene *s = self->s;
	struct ksync_info info;
	uint32_t handle;
	int i, status;

	nanosleep(&while_, NULL);
	__atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < self->parts; i++) {
		ASSERT_EQ(0, await_gone(task_tid(&self->part[i].task)));
		ASSERT_EQ(0, task_join(&self->part[i].task, &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, s->strange);
	EXPECT_GT(s->calls, 100);
	EXPECT_GT(s->writes, 100);
	ASSERT_EQ(0, raw_info(s->fd, &info));
	EXPECT_EQ(0, info.waiters);
	EXPECT_EQ(LOCKS, info.objects);
	ASSERT_EQ(0, raw_attach(s->fd, &handle));
	for (i = 0; i < LOCKS; i++) {
		__atomic_store_n(&s->cells[s->id[i]].word, KSYNC_READ, __ATOMIC_SEQ_CST);
		/* The dead read nothing, whatever their slots said. */
		EXPECT_EQ(0, reader_count(s->fd, s->id[i]));
		EXPECT_EQ(0, raw_lock(s->fd, s->id[i], handle, 0, KSYNC_NO_DEADLINE));
		EXPECT_EQ(0, raw_unlock(s->fd, s->id[i], handle));
		EXPECT_EQ(0, raw_destroy(s->fd, s->id[i]));
	}
}

TEST_F(rwhostile, costs_errors_only)
{
	add(_metadata, self, TASK_PROCESS, suffer, VICTIMS);
	add(_metadata, self, TASK_PROCESS, scribble, 1);
	play(_metadata, self);
}

TEST_F(rwhostile, threads_suffer_alike)
{
	add(_metadata, self, TASK_BARE, suffer, VICTIMS);
	add(_metadata, self, TASK_THREAD, scribble, 2);
	play(_metadata, self);
}

TEST_F(rwhostile, readers_come_and_go)
{
	add(_metadata, self, TASK_PROCESS, suffer, VICTIMS / 2);
	add(_metadata, self, TASK_PROCESS, come_and_go, 2);
	add(_metadata, self, TASK_PROCESS, scribble, 1);
	play(_metadata, self);
}

static int forge(struct scene *s, struct player *p)
{
	int ret = player_do(p, step_slot, s->id[0]);

	((uint32_t *)&s->cells[p->slot])[5] = KSYNC_SLOT(s->id[0], 7);
	s->cells[s->id[0]].word = KSYNC_READ;
	return ret;
}

/* A forged entry of a thread that does not read. */
TEST_F(rwhostile, forged_reader_holds_a_writer_up_until_it_dies)
{
	struct scene *s = self->s;
	struct player *forged = player_start(TASK_PROCESS, s->fd, s->cells);
	struct player *writer = player_start(TASK_PROCESS, s->fd, s->cells);

	ASSERT_TRUE(forged && writer);
	ASSERT_EQ(0, forge(s, forged));
	writer->flags = 0;
	writer->deadline = raw_deadline(CLOCK_MONOTONIC, 30);
	EXPECT_EQ(-ETIMEDOUT, player_do(writer, step_lock_until, s->id[0]));
	player_post(writer, step_lock, s->id[0]);
	ASSERT_EQ(0, await_waiters(s->fd, s->id[0], 1));
	ASSERT_EQ(0, player_await_asleep(writer));
	EXPECT_EQ(0, task_kill(&forged->task, SIGKILL));
	EXPECT_EQ(0, task_join(&forged->task, NULL));
	EXPECT_EQ(0, player_result(writer));
	EXPECT_EQ(0, player_do(writer, step_unlock, s->id[0]));
}

/* A forged entry of the writer itself, found once it has waited for another. */
TEST_F(rwhostile, forged_writer_does_not_wait_for_itself)
{
	struct scene *s = self->s;
	struct player *other = player_start(TASK_BARE, s->fd, s->cells);
	struct player *writer = player_start(TASK_THREAD, s->fd, s->cells);

	ASSERT_TRUE(other && writer);
	ASSERT_EQ(0, player_do(other, step_read_fast, s->id[0]));
	ASSERT_EQ(0, player_do(writer, step_slot, s->id[0]));
	player_post(writer, step_lock, s->id[0]);
	ASSERT_EQ(0, await_waiters(s->fd, s->id[0], 1));
	ASSERT_EQ(0, player_await_asleep(writer));
	((uint32_t *)&s->cells[writer->slot])[0] = KSYNC_SLOT(s->id[0], 1);
	EXPECT_EQ(0, player_do(other, step_unread, s->id[0]));
	EXPECT_EQ(-EDEADLK, player_result(writer));
	EXPECT_EQ(0, player_end(writer));
	EXPECT_EQ(0, player_end(other));
}

/* Entries that come and go faster than they are looked at: a kill ends it. */
static int blink(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->scene;
	uint32_t *entries = (uint32_t *)&s->cells[s->slot[0]];

	while (!over(s)) {
		__atomic_store_n(&entries[0], KSYNC_SLOT(s->id[0], 1), __ATOMIC_SEQ_CST);
		__atomic_store_n(&entries[0], 0, __ATOMIC_SEQ_CST);
	}
	return 0;
}

TEST_F(rwhostile, blinking_entry_cannot_keep_a_writer)
{
	struct scene *s = self->s;
	struct player *slot = player_start(TASK_PROCESS, s->fd, s->cells);
	struct player *writer;
	int i, status;

	ASSERT_NE(NULL, slot);
	ASSERT_EQ(0, player_do(slot, step_slot, s->id[0]));
	s->slot[0] = slot->slot;
	add(_metadata, self, TASK_PROCESS, blink, 1);
	for (i = 0; i < 20; i++) {
		writer = player_start(TASK_PROCESS, s->fd, s->cells);
		ASSERT_NE(NULL, writer);
		s->cells[s->id[0]].word = KSYNC_READ;
		player_post(writer, step_lock, s->id[0]);
		ASSERT_EQ(0, player_await_taken(writer));
		ASSERT_EQ(0, task_kill(&writer->task, SIGKILL));
		ASSERT_EQ(0, await_gone(task_tid(&writer->task)));
		ASSERT_EQ(0, task_join(&writer->task, &status));
	}
}

KSFT_MAIN
