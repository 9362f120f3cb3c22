// SPDX-License-Identifier: GPL-2.0
/*
 * Reader-writer locks, instruction by instruction: a reader is stopped after
 * each single instruction of its fast path, and a writer comes just then.
 */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/reader.h"

#define MOST	1000	/* instructions */

/**
 * struct stepped - what the reader, a process of its own, reports
 * @ret: what the call returned
 * @done: the call is over
 */
struct stepped {
	int ret;
	uint32_t done;
};

FIXTURE(step)
{
	struct ksync *d;
	struct ksync_rwlock l;
	struct stepped *s;
	struct player *writer;
	pid_t reader;
};

FIXTURE_VARIANT(step)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(step, adaptive) {
};

FIXTURE_VARIANT_ADD(step, strict) {
	.flags = KSYNC_RWLOCK_STRICT,
};

FIXTURE_SETUP(step)
{
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_rwlock_init(&self->l, self->d, variant->flags));
	self->s = player_memory(sizeof(*self->s));
	self->writer = player_start(TASK_THREAD, ksync_fileno(self->d),
				    raw_map(ksync_fileno(self->d), 64));
	ASSERT_NE(NULL, self->writer);
}

FIXTURE_TEARDOWN(step)
{
	ksync_close(self->d);
}

typedef int (*stepped_call)(struct ksync_rwlock *l);

/* Once before, so that there is a slot, and READ in the word. */
static void reader(struct _test_data_step *self, stepped_call call, bool held)
{
	struct stepped *s = self->s;

	if (ksync_rwlock_read_lock(&self->l) || ksync_rwlock_unlock(&self->l))
		_exit(1);
	if (held && ksync_rwlock_read_lock(&self->l))
		_exit(2);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	s->ret = call(&self->l);
	__atomic_store_n(&s->done, 1, __ATOMIC_SEQ_CST);
	raise(SIGSTOP);
	if (!held && !s->ret)
		s->ret = ksync_rwlock_unlock(&self->l);
	_exit(0);
}

static void await_stop(struct __test_metadata *_metadata, struct _test_data_step *self)
{
	int status;

	ASSERT_EQ(self->reader, waitpid(self->reader, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
}

/* A reader, @n instructions into @call. Return: whether @call is not over yet. */
static bool begin(struct __test_metadata *_metadata, struct _test_data_step *self,
		  stepped_call call, bool held, int n)
{
	self->s->done = 0;
	self->reader = fork();
	EXPECT_GE(self->reader, 0);
	if (!self->reader)
		reader(self, call, held);
	await_stop(_metadata, self);
	while (n-- && !__atomic_load_n(&self->s->done, __ATOMIC_SEQ_CST)) {
		EXPECT_EQ(0, ptrace(PTRACE_SINGLESTEP, self->reader, NULL, NULL));
		await_stop(_metadata, self);
	}
	return !self->s->done;
}

/* Let it run to where it stops by itself, behind the call. */
static void run_on(struct __test_metadata *_metadata, struct _test_data_step *self)
{
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->reader, NULL, NULL));
	await_stop(_metadata, self);
}

static void end(struct __test_metadata *_metadata, struct _test_data_step *self)
{
	int status;

	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->reader, NULL, NULL));
	ASSERT_EQ(self->reader, waitpid(self->reader, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(step, read_lock_against_a_writer)
{
	bool inside = true;
	int n, write, got = 0, refused = 0;

	for (n = 0; inside && n < MOST; n++) {
		inside = begin(_metadata, self, ksync_rwlock_read_lock_try, false, n);
		write = ksync_rwlock_write_lock_try(&self->l);
		run_on(_metadata, self);
		EXPECT_EQ(write ? 0 : -EBUSY, self->s->ret) TH_LOG("instruction %d", n);
		EXPECT_EQ(self->s->ret ? 0 : -EBUSY, write) TH_LOG("instruction %d", n);
		got += !write;
		refused += !!write;
		if (!write)
			EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
		end(_metadata, self);
	}
	EXPECT_LT(n, MOST);
	EXPECT_GT(got, 10);
	EXPECT_GT(refused, 1);
}

/* The writer waits already, or comes late: it gets the lock. */
TEST_F(step, read_unlock_against_a_writer)
{
	const uint32_t id = ksync_rwlock_id(&self->l);
	bool inside = true;
	int n;

	for (n = 0; inside && n < MOST; n++) {
		inside = begin(_metadata, self, ksync_rwlock_unlock, true, n);
		player_post(self->writer, step_lock, id);
		ASSERT_EQ(0, player_await_asleep(self->writer));
		run_on(_metadata, self);
		EXPECT_EQ(0, self->s->ret);
		ASSERT_EQ(0, player_result(self->writer)) TH_LOG("instruction %d", n);
		EXPECT_EQ(0, player_do(self->writer, step_unlock, id));
		end(_metadata, self);
	}
	EXPECT_LT(n, MOST);
	EXPECT_GT(n, 10);
}

KSFT_MAIN
