// SPDX-License-Identifier: GPL-2.0
/*
 * What the ioctls say to objects and threads that are not there, or not what is
 * asked for.  Each test goes through all commands.  compat_id_test is this file,
 * built for 32 bits.
 */
#include <unistd.h>

#include "lib/abi.h"
#include "lib/ksft.h"
#include "lib/player.h"

FIXTURE(abi)
{
	struct abi abi;
};

FIXTURE_SETUP(abi)
{
	ASSERT_EQ(0, abi_open(&self->abi));
}

FIXTURE_TEARDOWN(abi)
{
	close(self->abi.fd);
}

/* What command @c says to the argument as it is now. */
static void expect(struct __test_metadata *_metadata, struct _test_data_abi *self,
		   const struct command *c, int answer)
{
	EXPECT_EQ(answer, raw_ioctl(self->abi.fd, c->cmd, &self->abi.arg))
		TH_LOG("%s", c->name);
}

TEST_F(abi, unknown_id_is_ebadf)
{
	static const uint32_t unknown[] = { 63, 64, 1 << 20, 1U << 31, ~0U };
	const struct command *c = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		while ((c = abi_next(c, WITH(id)))) {
			abi_fill(&self->abi, c);
			abi_put(&self->abi, c->id, unknown[i]);
			expect(_metadata, self, c, -EBADF);
		}
		while ((c = abi_next(c, WITH(id2)))) {
			abi_fill(&self->abi, c);
			abi_put(&self->abi, c->id2, unknown[i]);
			expect(_metadata, self, c, -EBADF);
		}
		while ((c = abi_next(c, WITH(mutex)))) {
			abi_fill(&self->abi, c);
			abi_put(&self->abi, c->mutex, unknown[i]);
			expect(_metadata, self, c, -EBADF);
		}
	}
}

TEST_F(abi, destroyed_id_is_ebadf)
{
	const struct command *c = NULL;

	ASSERT_EQ(0, raw_destroy(self->abi.fd, self->abi.mutex));
	ASSERT_EQ(0, raw_destroy(self->abi.fd, self->abi.rwlock));
	ASSERT_EQ(0, raw_destroy(self->abi.fd, self->abi.waitq[0]));
	ASSERT_EQ(0, raw_destroy(self->abi.fd, self->abi.sem));
	ASSERT_EQ(0, raw_destroy(self->abi.fd, self->abi.event));
	ASSERT_EQ(0, raw_destroy(self->abi.fd, self->abi.cond));
	while ((c = abi_next(c, WITH(id)))) {
		abi_fill(&self->abi, c);
		expect(_metadata, self, c, -EBADF);
	}
}

/* Reading is for rwlocks. */
TEST_F(abi, read_flag_for_a_mutex_is_einval)
{
	const struct command *c = NULL;

	while ((c = abi_next(c, WITH(thread)))) {
		if (!c->flags)
			continue;
		abi_fill(&self->abi, c);
		abi_put(&self->abi, c->id, self->abi.mutex);
		abi_put(&self->abi, c->flags, KSYNC_LOCK_READ);
		expect(_metadata, self, c, -EINVAL);
	}
}

TEST_F(abi, wrong_kind_is_einval)
{
	const struct command *c = NULL;
	uint32_t wrong;

	while ((c = abi_next(c, WITH(kind)))) {
		wrong = c->kind == KSYNC_KIND_MUTEX || c->kind == KSYNC_KIND_RWLOCK ?
			self->abi.waitq[0] : self->abi.mutex;
		abi_fill(&self->abi, c);
		abi_put(&self->abi, c->id, wrong);
		expect(_metadata, self, c, -EINVAL);
	}
	while ((c = abi_next(c, WITH(id2)))) {
		abi_fill(&self->abi, c);
		abi_put(&self->abi, c->id2, self->abi.mutex);
		expect(_metadata, self, c, -EINVAL);
	}
	while ((c = abi_next(c, WITH(mutex)))) {
		abi_fill(&self->abi, c);
		abi_put(&self->abi, c->mutex, self->abi.waitq[0]);
		expect(_metadata, self, c, -EINVAL);
	}
}

TEST_F(abi, made_up_handle_is_esrch)
{
	const uint32_t made_up[] = { 0, self->abi.handle + 1, KSYNC_HANDLE_MAX,
		KSYNC_NOTRECOVERABLE, KSYNC_HANDOFF, KSYNC_OWNER + 1,
		self->abi.handle | KSYNC_WAITERS, ~0U };
	uint32_t *word, before;
	const struct command *c = NULL;
	size_t i;

	while ((c = abi_next(c, WITH(thread)))) {
		for (i = 0; i < ARRAY_SIZE(made_up); i++) {
			abi_fill(&self->abi, c);
			abi_put(&self->abi, c->thread, made_up[i]);
			word = &self->abi.cells[abi_object(&self->abi, c->kind)].word;
			before = *word;
			expect(_metadata, self, c, -ESRCH);
			EXPECT_EQ(before, *word);
		}
	}
}

TEST_F(abi, handle_of_another_task_is_esrch)
{
	struct player *other = player_start(TASK_PROCESS, self->abi.fd, self->abi.cells);
	uint32_t *word, before;
	const struct command *c = NULL;

	ASSERT_NE(NULL, other);
	EXPECT_NE(self->abi.handle, other->handle);
	while ((c = abi_next(c, WITH(thread)))) {
		abi_fill(&self->abi, c);
		abi_put(&self->abi, c->thread, other->handle);
		word = &self->abi.cells[abi_object(&self->abi, c->kind)].word;
		before = *word;
		expect(_metadata, self, c, -ESRCH);
		EXPECT_EQ(before, *word);
	}
	EXPECT_EQ(0, player_end(other));
}

/* The first handle of each domain is the same number. */
TEST_F(abi, handle_of_another_domain_is_esrch)
{
	const struct command *c = NULL;
	uint32_t id;
	int fd = raw_open();

	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &id));
	ASSERT_EQ(self->abi.mutex, id);
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_RWLOCK, 0, &id));
	ASSERT_EQ(self->abi.rwlock, id);
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_COND, 0, &id));
	ASSERT_EQ(self->abi.cond, id);
	while ((c = abi_next(c, WITH(thread)))) {
		abi_fill(&self->abi, c);
		EXPECT_EQ(-ESRCH, raw_ioctl(fd, c->cmd, &self->abi.arg));
	}
	close(fd);
}

KSFT_MAIN
