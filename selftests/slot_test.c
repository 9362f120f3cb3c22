// SPDX-License-Identifier: GPL-2.0
/*
 * Slot cells, where threads say which rwlocks they read: how a thread gets them,
 * what can be done with them, and when they end.
 */
#include <string.h>
#include <unistd.h>
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/reader.h"

FIXTURE(slot)
{
	int fd;
	uint32_t id;
	uint32_t self;
	struct ksync_cell *cells;
	unsigned int max_objects;
};

FIXTURE_SETUP(slot)
{
	ASSERT_EQ(0, param_get("max_objects", &self->max_objects));
	self->fd = raw_open();
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_RWLOCK, 0, &self->id));
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
	self->cells = raw_map(self->fd, 256);
}

FIXTURE_TEARDOWN(slot)
{
	param_set("max_objects", self->max_objects);
	close(self->fd);
}

static uint32_t objects(int fd)
{
	struct ksync_info info;

	return raw_info(fd, &info) ? ~0U : info.objects;
}

TEST_F(slot, a_thread_gets_four)
{
	uint32_t slot[KSYNC_THREAD_SLOTS_MAX], none = 0, i, j;
	static const struct ksync_cell empty;

	for (i = 0; i < KSYNC_THREAD_SLOTS_MAX; i++) {
		ASSERT_EQ(0, raw_attach_slot(self->fd, &slot[i]));
		EXPECT_NE(self->id, slot[i]);
		EXPECT_EQ(0, memcmp(&empty, &self->cells[slot[i]], sizeof(empty)));
		for (j = 0; j < i; j++)
			EXPECT_NE(slot[i], slot[j]);
	}
	EXPECT_EQ(-EAGAIN, raw_attach_slot(self->fd, &none));
	/* Slot cells are no objects. */
	EXPECT_EQ(1, objects(self->fd));
}

TEST_F(slot, same_handle_as_without)
{
	struct ksync_attach arg = { .size = sizeof(arg), .flags = KSYNC_ATTACH_SLOT };

	EXPECT_EQ(0, raw_ioctl(self->fd, KSYNC_IOC_ATTACH, &arg));
	EXPECT_EQ(self->self, arg.thread);
	/* It asks for one more, not for this one. */
	EXPECT_EQ(-EINVAL, raw_ioctl(self->fd, KSYNC_IOC_ATTACH, &arg));
}

TEST_F(slot, no_command_works_on_it)
{
	struct ksync_query q;
	uint32_t slot, id, woken, done;

	ASSERT_EQ(0, raw_attach_slot(self->fd, &slot));
	EXPECT_EQ(-EBADF, raw_lock(self->fd, slot, self->self, 0, KSYNC_NO_DEADLINE));
	EXPECT_EQ(-EBADF, raw_lock(self->fd, slot, self->self, KSYNC_LOCK_READ,
				   KSYNC_NO_DEADLINE));
	EXPECT_EQ(-EBADF, raw_unlock(self->fd, slot, self->self));
	EXPECT_EQ(-EBADF, raw_unlock_read(self->fd, slot, self->self));
	EXPECT_EQ(-EBADF, raw_wake(self->fd, slot, 1, KSYNC_BITSET_ALL, &woken));
	EXPECT_EQ(-EBADF, raw_name(self->fd, slot, "slot"));
	EXPECT_EQ(-EBADF, raw_query(self->fd, slot, &q));
	EXPECT_EQ(-EBADF, raw_destroy_many(self->fd, &slot, 1, &done));
	EXPECT_EQ(-EOPNOTSUPP, raw_create(self->fd, KSYNC_KIND_SLOT, 0, &id));
}

TEST_F(slot, is_no_feature_but_rwlocks_are)
{
	struct ksync_info info;

	ASSERT_EQ(0, raw_info(self->fd, &info));
	EXPECT_TRUE(info.features & KSYNC_FEATURE_KIND(KSYNC_KIND_RWLOCK));
	EXPECT_FALSE(info.features & KSYNC_FEATURE_KIND(KSYNC_KIND_SLOT));
}

/* A limit of objects is one of cells. */
TEST_F(slot, counts_for_the_limit)
{
	uint32_t slot, id;

	ASSERT_EQ(0, param_set("max_objects", 2));
	EXPECT_EQ(0, raw_attach_slot(self->fd, &slot));
	EXPECT_EQ(-ENOSPC, raw_attach_slot(self->fd, &slot));
	EXPECT_EQ(-ENOSPC, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &id));
	EXPECT_EQ(1, objects(self->fd));
}

/* The cell of a dead thread is another's, empty, even at the limit. */
TEST_F(slot, ends_with_its_thread)
{
	static const enum task_kind kinds[] = { TASK_THREAD, TASK_BARE, TASK_PROCESS };
	struct player *p;
	uint32_t slot = 0;
	int i;

	ASSERT_EQ(0, param_set("max_objects", 2));
	for (i = 0; i < 12; i++) {
		p = player_start(kinds[i % 3], self->fd, self->cells);
		ASSERT_NE(NULL, p);
		ASSERT_EQ(0, player_do(p, step_read, self->id));
		if (slot)
			EXPECT_EQ(slot, p->slot);
		slot = p->slot;
		EXPECT_EQ(KSYNC_SLOT(self->id, 1), reader_entry(p, self->id));
		EXPECT_EQ(1, reader_count(self->fd, self->id));
		ASSERT_EQ(0, player_end(p));
		/* A thread can be joined before it has quite ended. */
		ASSERT_EQ(0, await_gone(task_tid(&p->task)));
		EXPECT_EQ(0, reader_count(self->fd, self->id));
	}
}

/* Sixteen rwlocks at a time with a cell, and not one more. */
TEST_F(slot, full_is_eagain)
{
	struct player *p = player_start(TASK_THREAD, self->fd, self->cells);
	uint32_t ids[KSYNC_SLOTS], i;

	ASSERT_NE(NULL, p);
	EXPECT_EQ(-EAGAIN, raw_lock(self->fd, self->id, self->self, KSYNC_LOCK_READ,
				    KSYNC_NO_DEADLINE));
	ASSERT_EQ(0, raw_create_many(self->fd, KSYNC_KIND_RWLOCK, 0, ids, KSYNC_SLOTS));
	for (i = 0; i < KSYNC_SLOTS; i++)
		ASSERT_EQ(0, player_do(p, step_read, ids[i]));
	EXPECT_EQ(-EAGAIN, player_do(p, step_read, self->id));
	EXPECT_EQ(-EAGAIN, player_do(p, step_read_try, self->id));
	/* Those that it has may be had again. */
	EXPECT_EQ(0, player_do(p, step_read, ids[3]));
	EXPECT_EQ(0, player_do(p, step_unread, ids[3]));
	EXPECT_EQ(0, player_do(p, step_unread, ids[7]));
	EXPECT_EQ(0, player_do(p, step_read, self->id));
	EXPECT_EQ(1, reader_count(self->fd, self->id));
	EXPECT_EQ(0, reader_count(self->fd, ids[7]));
	EXPECT_EQ(0, player_end(p));
}

/* The library gets cells as it needs them: 64 rwlocks. */
TEST_F(slot, library_reads_sixty_four)
{
	const int most = KSYNC_SLOTS * KSYNC_THREAD_SLOTS_MAX;
	struct ksync_rwlock l[most + 1];
	struct ksync *d;
	int i;

	ASSERT_EQ(0, ksync_open(&d, 0));
	for (i = 0; i <= most; i++)
		ASSERT_EQ(0, ksync_rwlock_init(&l[i], d, 0));
	for (i = 0; i < most; i++)
		ASSERT_EQ(0, ksync_rwlock_read_lock(&l[i]));
	EXPECT_EQ(-EAGAIN, ksync_rwlock_read_lock(&l[most]));
	/* Again, and out of order. */
	for (i = 0; i < most; i++)
		EXPECT_EQ(0, ksync_rwlock_read_lock(&l[i]));
	for (i = 0; i < most; i += 3)
		EXPECT_EQ(0, ksync_rwlock_unlock(&l[i]));
	for (i = 0; i < most; i++)
		EXPECT_EQ(1, reader_count(ksync_fileno(d), ksync_rwlock_id(&l[i])));
	for (i = most - 1; i >= 0; i--) {
		EXPECT_EQ(0, ksync_rwlock_unlock(&l[i]));
		if (i % 3)
			EXPECT_EQ(0, ksync_rwlock_unlock(&l[i]));
		EXPECT_EQ(0, reader_count(ksync_fileno(d), ksync_rwlock_id(&l[i])));
		EXPECT_EQ(-EPERM, ksync_rwlock_unlock(&l[i]));
	}
	for (i = 0; i <= most; i++) {
		EXPECT_EQ(0, ksync_rwlock_write_lock_try(&l[i]));
		EXPECT_EQ(0, ksync_rwlock_unlock(&l[i]));
	}
	ksync_close(d);
}

/* A thread that reads in more domains than its page knows forgets none it holds. */
TEST_F(slot, library_remembers_what_is_held)
{
	enum { DOMAINS = 140 };
	struct ksync *d[DOMAINS];
	struct ksync_rwlock l[DOMAINS];
	struct ksync_mutex m;
	int i;

	for (i = 0; i < DOMAINS; i++) {
		ASSERT_EQ(0, ksync_open(&d[i], 0));
		ASSERT_EQ(0, ksync_rwlock_init(&l[i], d[i], 0));
	}
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, ksync_rwlock_read_lock(&l[i]));
	for (i = 5; i < DOMAINS; i++) {
		ASSERT_EQ(0, ksync_rwlock_read_lock(&l[i]));
		ASSERT_EQ(0, ksync_rwlock_unlock(&l[i]));
		ASSERT_EQ(0, ksync_mutex_init(&m, d[i], 0));
		ASSERT_EQ(0, ksync_mutex_lock(&m));
		ASSERT_EQ(0, ksync_mutex_unlock(&m));
	}
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(-EDEADLK, ksync_rwlock_write_lock(&l[i]));
		EXPECT_EQ(0, ksync_rwlock_unlock(&l[i]));
		EXPECT_EQ(0, reader_count(ksync_fileno(d[i]), ksync_rwlock_id(&l[i])));
	}
	for (i = 0; i < DOMAINS; i++)
		ksync_close(d[i]);
}

KSFT_MAIN
