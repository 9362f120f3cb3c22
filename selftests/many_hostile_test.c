// SPDX-License-Identifier: GPL-2.0
/*
 * Waits on many objects by who has read nothing of how to use them: arguments of
 * all sorts, memory that is not there, objects that are ended, words overwritten;
 * and tasks that are stopped, traced, killed, or begin another program meanwhile.
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/many.h"
#include "lib/sys.h"

#define ALL	KSYNC_MANY_ALL
#define ALERT	KSYNC_MANY_ALERT
#define KINDS	7
#define VICTIMS	5

/* One of each kind that can be listed. */
static const uint32_t kinds[KINDS] = {
	KSYNC_KIND_SEM, KSYNC_KIND_EVENT, KSYNC_KIND_WAITQ, KSYNC_KIND_COND, KSYNC_KIND_MUTEX,
	KSYNC_KIND_SPIN, KSYNC_KIND_RWLOCK,
};

FIXTURE(hostile)
{
	int fd;
	struct ksync_cell *cells;
	uint32_t self;
	unsigned int max_waiters;
	uint32_t ids[KSYNC_MANY_MAX + 1];
	struct ksync_item *items;
	uint32_t at;
};

FIXTURE_SETUP(hostile)
{
	int i;

	ASSERT_EQ(0, param_get("max_waiters", &self->max_waiters));
	self->fd = raw_open();
	self->cells = raw_map(self->fd, 256);
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
	self->items = player_memory(4096);
	for (i = 0; i <= KSYNC_MANY_MAX; i++) {
		ASSERT_EQ(0, raw_create(self->fd, kinds[i % KINDS], 0, &self->ids[i]));
		if (i < KSYNC_MANY_MAX)
			self->items[i].id = self->ids[i];
	}
}

FIXTURE_TEARDOWN(hostile)
{
	EXPECT_EQ(0, param_set("max_waiters", self->max_waiters));
	close(self->fd);
}

#define CALL_AS(handle, ...)							\
	({									\
		struct ksync_many arg_ = {					\
			.items = (uintptr_t)self->items,			\
			.thread = handle,					\
			.index = ~0U,						\
			__VA_ARGS__						\
		};								\
		int ret_ = raw_many(self->fd, &arg_);				\
										\
		self->at = arg_.index;						\
		ret_;								\
	})

#define CALL(...)	CALL_AS(self->self, __VA_ARGS__)

/* Nobody waits, whatever there was. */
static void nothing_left(struct __test_metadata *_metadata, struct _test_data_hostile *self)
{
	struct ksync_info info;
	int i;

	ASSERT_EQ(0, raw_info(self->fd, &info));
	EXPECT_EQ(0, info.waiters);
	for (i = 0; i <= KSYNC_MANY_MAX; i++)
		EXPECT_EQ(0, raw_destroy(self->fd, self->ids[i])) TH_LOG("object %d", i);
}

#define NOTHING_LEFT()	nothing_left(_metadata, self)

TEST_F(hostile, arguments_are_checked)
{
	EXPECT_EQ(-EINVAL, CALL(.count = 0));
	EXPECT_EQ(-EINVAL, CALL(.count = KSYNC_MANY_MAX + 1));
	EXPECT_EQ(-EINVAL, CALL(.count = ~0U));
	EXPECT_EQ(-EINVAL, CALL(.count = 1, .flags = KSYNC_WAIT_TRY));
	EXPECT_EQ(-EINVAL, CALL(.count = 1, .flags = 1U << 31));
	EXPECT_EQ(-EINVAL, CALL(.count = 1, .alert = self->ids[1]));
	EXPECT_EQ(-EINVAL, CALL(.count = 1, .alert = self->ids[0], .flags = ALERT));
	EXPECT_EQ(1, self->at);
	EXPECT_EQ(-EINVAL, CALL(.count = 2, .alert = self->ids[1], .flags = ALERT));
	EXPECT_EQ(2, self->at);
	EXPECT_EQ(-EBADF, CALL(.count = 1, .alert = 0xffffff, .flags = ALERT));
	EXPECT_EQ(1, self->at);
	EXPECT_EQ(-EINVAL, CALL(.count = 1, .deadline = 1ULL << 63));
	EXPECT_EQ(-ETIMEDOUT, CALL(.count = 1, .alert = self->ids[1], .flags = ALERT));
	EXPECT_EQ(~0U, self->at);
	EXPECT_EQ(-ESRCH, CALL_AS(self->self + 1, .count = 5));
	EXPECT_EQ(-ESRCH, CALL_AS(0, .count = 5));
	EXPECT_EQ(-ETIMEDOUT, CALL_AS(0, .count = 4));
	self->items[3].flags = KSYNC_LOCK_READ;
	EXPECT_EQ(-EINVAL, CALL(.count = 7));
	EXPECT_EQ(3, self->at);
	self->items[3].flags = 0;
	self->items[6].flags = 1U << 31;
	EXPECT_EQ(-EINVAL, CALL(.count = 7));
	EXPECT_EQ(6, self->at);
	self->items[6].flags = 0;
	self->items[2].id = 0xffffff;
	EXPECT_EQ(-EBADF, CALL(.count = 7, .flags = ALL));
	EXPECT_EQ(2, self->at);
	NOTHING_LEFT();
}

/* The mutexes, conds and so on that are there are taken, whatever else is listed. */
TEST_F(hostile, as_many_as_there_may_be)
{
	uint32_t i;

	/* Nothing of the first four kinds is there. */
	EXPECT_EQ(0, CALL(.count = KSYNC_MANY_MAX));
	EXPECT_EQ(4, self->at);
	ASSERT_EQ(0, raw_unlock(self->fd, self->ids[4], self->self));
	EXPECT_EQ(-ETIMEDOUT, CALL(.count = KSYNC_MANY_MAX, .flags = ALL));
	for (i = 0; i < KSYNC_MANY_MAX; i++)
		EXPECT_EQ(0, self->cells[self->ids[i]].word & ~KSYNC_READ) TH_LOG("%u", i);
	for (i = 0; i < KSYNC_MANY_MAX; i++)
		if (i % KINDS < 4)
			self->cells[self->ids[i]].word = 1;
	EXPECT_EQ(0, CALL(.count = KSYNC_MANY_MAX, .flags = ALL));
	for (i = 0; i < KSYNC_MANY_MAX; i++) {
		if (i % KINDS < 2)
			EXPECT_EQ(0, self->cells[self->ids[i]].word) TH_LOG("%u", i);
		if (i % KINDS >= 4)
			EXPECT_EQ(0, raw_unlock(self->fd, self->ids[i], self->self));
	}
	/* The same one, all over again. */
	for (i = 0; i < KSYNC_MANY_MAX; i++)
		self->items[i].id = self->ids[0];
	EXPECT_EQ(-ETIMEDOUT, CALL(.count = KSYNC_MANY_MAX));
	EXPECT_EQ(-EINVAL, CALL(.count = KSYNC_MANY_MAX, .flags = ALL));
	self->cells[self->ids[0]].word = 3;
	EXPECT_EQ(0, CALL(.count = KSYNC_MANY_MAX));
	EXPECT_EQ(2, self->cells[self->ids[0]].word);
	NOTHING_LEFT();
}

TEST_F(hostile, memory_that_is_not_there)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	char *p = player_memory(2 * page);

	ASSERT_EQ(0, munmap(p + page, page));
	self->items = (struct ksync_item *)(p + page) - 2;
	self->items[0].id = self->ids[0];
	self->items[1].id = self->ids[1];
	EXPECT_EQ(-ETIMEDOUT, CALL(.count = 2));
	EXPECT_EQ(-EFAULT, CALL(.count = 3));
	EXPECT_EQ(-EFAULT, CALL(.count = 3, .flags = ALL));
	ASSERT_EQ(0, mprotect(p, page, PROT_READ));
	EXPECT_EQ(-EFAULT, CALL(.count = 2));
	self->items = NULL;
	EXPECT_EQ(-EFAULT, CALL(.count = 1));
	self->items = (void *)~0xfffULL;
	EXPECT_EQ(-EFAULT, CALL(.count = 1));
	NOTHING_LEFT();
}

static struct player *start(struct __test_metadata *_metadata, struct _test_data_hostile *self,
			    enum task_kind kind)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	return p;
}

static int step_raw_many(struct player *p)
{
	p->many.thread = p->handle;
	return raw_many(p->fd, &p->many);
}

/* It sees its results nowhere, and is told of the death all the same. */
TEST_F(hostile, memory_goes_while_it_waits)
{
	struct player *owner = start(_metadata, self, TASK_PROCESS);
	struct player *p = start(_metadata, self, TASK_BARE);
	struct ksync_item *item = player_memory(4096);

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->ids[4]));
	item->id = self->ids[4];
	p->many = (struct ksync_many){
		.count = 1,
		.items = (uintptr_t)item,
		.deadline = KSYNC_NO_DEADLINE,
	};
	player_post(p, step_raw_many, 0);
	ASSERT_EQ(0, player_await_asleep(p));
	ASSERT_EQ(0, munmap(item, 4096));
	ASSERT_EQ(0, player_end(owner));
	EXPECT_EQ(-EOWNERDEAD, player_result(p));
	EXPECT_EQ(0, player_do(p, step_consistent, self->ids[4]));
	EXPECT_EQ(0, player_do(p, step_unlock, self->ids[4]));
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

TEST_F(hostile, what_is_waited_for_cannot_be_ended)
{
	struct player *p = start(_metadata, self, TASK_PROCESS);
	uint32_t was, id;
	int i;

	for (i = 4; i < KINDS; i++)
		ASSERT_EQ(0, raw_lock(self->fd, self->ids[i], self->self, 0, 0));
	ASSERT_EQ(0, many_await(p, 0, 0, self->ids, KINDS));
	for (i = 0; i < KINDS; i++)
		EXPECT_EQ(-EBUSY, raw_destroy(self->fd, self->ids[i])) TH_LOG("kind %d", i);
	ASSERT_EQ(0, raw_release(self->fd, self->ids[0], 0, 1, &was));
	EXPECT_EQ(0, player_result(p));
	for (i = 4; i < KINDS; i++)
		ASSERT_EQ(0, raw_unlock(self->fd, self->ids[i], self->self));

	/* For all, it stands in one queue; what it finds ended it says. */
	ASSERT_EQ(0, many_await(p, ALL, 0, self->ids, 2));
	ASSERT_EQ(0, raw_destroy(self->fd, self->ids[1]));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &id));
	EXPECT_EQ(self->ids[1], id);
	self->cells[id].word = KSYNC_EVENT_SET;
	ASSERT_EQ(0, raw_release(self->fd, self->ids[0], 0, 1, &was));
	EXPECT_EQ(-EBADF, player_result(p));
	EXPECT_EQ(1, p->many.index);
	EXPECT_EQ(1, self->cells[self->ids[0]].word);
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

TEST_F(hostile, waiters_are_limited)
{
	int i;

	ASSERT_EQ(0, param_set("max_waiters", 5));
	for (i = 4; i < KINDS; i++)
		ASSERT_EQ(0, raw_lock(self->fd, self->ids[i], self->self, 0, 0));
	EXPECT_EQ(-ENOSPC, CALL(.count = KINDS));
	EXPECT_EQ(-ETIMEDOUT, CALL(.count = 3));
	/* What is there needs no more room than what is not. */
	self->cells[self->ids[0]].word = 1;
	EXPECT_EQ(0, CALL(.count = KINDS));
	for (i = 4; i < KINDS; i++)
		ASSERT_EQ(0, raw_unlock(self->fd, self->ids[i], self->self));
	NOTHING_LEFT();
}

static int step_exec(struct player *p)
{
	static const char *const argv[] = { "sleep", "1000", NULL };

	(void)p;
	return sys(SYS_execve, "/bin/sleep", argv, NULL);
}

/* Whoever waits is gone, and nobody is waited for. */
TEST_F(hostile, who_waits_ends)
{
	struct player *bare = start(_metadata, self, TASK_BARE);
	struct player *process = start(_metadata, self, TASK_PROCESS);
	int i, status;

	for (i = 4; i < KINDS; i++)
		ASSERT_EQ(0, raw_lock(self->fd, self->ids[i], self->self, 0, 0));
	ASSERT_EQ(0, many_await(bare, 0, 0, self->ids, KSYNC_MANY_MAX));
	ASSERT_EQ(0, many_await(process, ALL, 0, self->ids, KINDS));
	ASSERT_EQ(0, task_kill(&bare->task, SIGKILL));
	ASSERT_EQ(0, task_kill(&process->task, SIGKILL));
	ASSERT_EQ(0, task_join(&bare->task, &status));
	EXPECT_EQ(-SIGKILL, status);
	ASSERT_EQ(0, task_join(&process->task, &status));
	EXPECT_EQ(-SIGKILL, status);
	for (i = 4; i < KINDS; i++)
		EXPECT_EQ(0, raw_unlock(self->fd, self->ids[i], self->self));
	for (i = 0; i < KINDS; i++)
		EXPECT_EQ(0, self->cells[self->ids[i]].word & ~KSYNC_READ);
	NOTHING_LEFT();
}

/* Who has what is watched begins another program. */
TEST_F(hostile, an_owner_begins_another_program)
{
	struct player *owner = start(_metadata, self, TASK_PROCESS);
	struct player *p = start(_metadata, self, TASK_PROCESS);
	const uint32_t ids[] = { self->ids[0], self->ids[4], self->ids[11] };

	ASSERT_EQ(0, raw_lock(self->fd, ids[1], self->self, 0, 0));
	ASSERT_EQ(0, player_do(owner, step_lock_fast, ids[2]));
	ASSERT_EQ(0, many_await(p, 0, 0, ids, 3));
	player_post(owner, step_exec, 0);
	EXPECT_EQ(-EOWNERDEAD, player_result(p));
	EXPECT_EQ(2, p->many.index);
	EXPECT_EQ(0, player_do(p, step_consistent, ids[2]));
	EXPECT_EQ(0, player_do(p, step_unlock, ids[2]));
	ASSERT_EQ(0, raw_unlock(self->fd, ids[1], self->self));
	ASSERT_EQ(0, task_kill(&owner->task, SIGKILL));
	ASSERT_EQ(0, task_join(&owner->task, NULL));
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

TEST_F(hostile, who_waits_is_stopped_and_traced)
{
	struct player *p = start(_metadata, self, TASK_PROCESS);
	const uint32_t ids[] = { self->ids[0], self->ids[4], self->ids[1] };
	const pid_t pid = task_tid(&p->task);
	uint32_t was;
	int all, status;

	for (all = 0; all < 2; all++) {
		ASSERT_EQ(0, raw_lock(self->fd, ids[1], self->self, 0, 0));
		ASSERT_EQ(0, many_await(p, all ? ALL : 0, 0, ids, 3));
		ASSERT_EQ(0, kill(pid, SIGSTOP));
		ASSERT_EQ(0, await_stopped(pid));
		ASSERT_EQ(0, kill(pid, SIGCONT));
		ASSERT_EQ(0, await_asleep(pid));
		ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, 0, 0));
		ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, pid, 0, 0));
		ASSERT_EQ(pid, waitpid(pid, &status, __WALL));
		/* It comes to be while nobody is in the queue. */
		ASSERT_EQ(0, raw_release(self->fd, ids[2], 0, 1, &was));
		if (all)
			ASSERT_EQ(0, raw_release(self->fd, ids[0], 0, 1, &was));
		ASSERT_EQ(0, raw_unlock(self->fd, ids[1], self->self));
		ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, 0, 0));
		EXPECT_EQ(0, player_result(p));
		EXPECT_EQ(all ? 0 : 1, p->many.index);
		EXPECT_EQ(0, player_do(p, step_unlock, ids[1]));
	}
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

/**
 * struct part - of one task where words are overwritten
 * @task: who
 * @self: the test
 * @seed: of its dice
 * @stop: time is up, for all
 * @calls: made
 * @strangest: a result that the contract does not know
 */
struct part {
	struct task task;
	struct _test_data_hostile *self;
	uint32_t seed;
	uint32_t *stop;
	uint32_t calls;
	int strangest;
};

static uint32_t dice(struct part *p)
{
	p->seed ^= p->seed << 13;
	p->seed ^= p->seed >> 17;
	p->seed ^= p->seed << 5;
	return p->seed;
}

/* Nonsense, or flags and the handle of some victim; of the test itself never. */
static int scribble(void *arg)
{
	struct part *p = arg;
	struct ksync_cell *cell;

	while (!__atomic_load_n(p->stop, __ATOMIC_RELAXED)) {
		cell = &p->self->cells[p->self->ids[dice(p) % (2 * KINDS)]];
		__atomic_store_n(&cell->word, dice(p) % 2 ? dice(p) : (2 + dice(p) % VICTIMS) |
				 (dice(p) & (KSYNC_WAITERS | KSYNC_WOKEN | KSYNC_OWNER_DIED)),
				 __ATOMIC_RELAXED);
		if (!(dice(p) % 2))
			__atomic_store_n(&cell->word, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&cell->waiters, dice(p) % 3, __ATOMIC_RELAXED);
		if (!(dice(p) % 4))
			usleep(dice(p) % 200);
	}
	return 0;
}

static bool known(int ret)
{
	static const int answers[] = {
		0, EDEADLK, ENOTRECOVERABLE, ETIMEDOUT, EUCLEAN, EOWNERDEAD, EAGAIN,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(answers); i++)
		if (ret == -answers[i])
			return true;
	return false;
}

static int suffer(void *arg)
{
	struct part *p = arg;
	struct _test_data_hostile *self = p->self;
	struct ksync_item items[6];
	struct ksync_many many = { .items = (uintptr_t)items };
	uint32_t i, was;
	int ret;

	if (raw_attach(self->fd, &many.thread))
		return 1;
	while (!__atomic_load_n(p->stop, __ATOMIC_RELAXED)) {
		many.count = 1 + dice(p) % 6;
		many.flags = dice(p) % 2 ? ALL : 0;
		many.deadline = in(dice(p) % (2 * MSEC));
		for (i = 0; i < many.count; i++) {
			/* Two of each kind; each may be listed once. */
			was = (i * 2 + dice(p) % 2) % (2 * KINDS);
			items[i] = (struct ksync_item){ .id = self->ids[was] };
		}
		ret = raw_many(self->fd, &many);
		if (!known(ret))
			p->strangest = ret;
		for (i = 0; i < many.count; i++)
			raw_unlock(self->fd, items[i].id, many.thread);
		raw_release(self->fd, self->ids[dice(p) % 2], 0, 1, &was);
		p->calls++;
	}
	return 0;
}

TEST_F(hostile, words_are_overwritten)
{
	const struct timespec while_ = { .tv_sec = 3 };
	struct part *part = player_memory((VICTIMS + 1) * sizeof(*part));
	uint32_t *stop = player_memory(sizeof(*stop));
	int i, status;

	for (i = 0; i <= VICTIMS; i++) {
		part[i].self = self;
		part[i].seed = 0x9e3779b9 + i;
		part[i].stop = stop;
		ASSERT_EQ(0, task_start(&part[i].task, i % 3, i ? suffer : scribble, &part[i]));
	}
	nanosleep(&while_, NULL);
	__atomic_store_n(stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i <= VICTIMS; i++) {
		ASSERT_EQ(0, await_gone(task_tid(&part[i].task))) TH_LOG("task %d", i);
		ASSERT_EQ(0, task_join(&part[i].task, &status));
		EXPECT_EQ(0, status);
		EXPECT_EQ(0, part[i].strangest) TH_LOG("task %d", i);
		if (i)
			EXPECT_GT(part[i].calls, 20);
	}
	NOTHING_LEFT();
}

KSFT_MAIN
