// SPDX-License-Identifier: GPL-2.0
/*
 * Guards: locked from the declaration to the end of the scope, whichever way
 * that is left; and not unlocked when somebody else's.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/reader.h"

FIXTURE(guard)
{
	struct ksync *d;
	struct ksync_mutex m;
	struct ksync_spin s;
	struct ksync_rwlock l;
	int fd;
	uint32_t self;
	struct ksync_cell *cells;
};

FIXTURE_SETUP(guard)
{
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_mutex_init(&self->m, self->d, 0));
	ASSERT_EQ(0, ksync_spin_init(&self->s, self->d, 0));
	ASSERT_EQ(0, ksync_rwlock_init(&self->l, self->d, 0));
	self->fd = ksync_fileno(self->d);
	self->cells = raw_map(self->fd, 64);
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
}

FIXTURE_TEARDOWN(guard)
{
	ksync_close(self->d);
}

#define EXPECT_OWNER(o, handle) \
	EXPECT_EQ((handle), (o)->cell->word & KSYNC_OWNER)

TEST_F(guard, holds_to_the_end_of_the_scope)
{
	{
		KSYNC_GUARD(guard, mutex, &self->m);

		EXPECT_EQ(0, guard.err);
		EXPECT_OWNER(&self->m.o, self->self);
		{
			KSYNC_GUARD(inner, spin, &self->s);

			EXPECT_EQ(0, inner.err);
			EXPECT_OWNER(&self->s.o, self->self);
		}
		EXPECT_OWNER(&self->s.o, 0);
		EXPECT_OWNER(&self->m.o, self->self);
	}
	EXPECT_EQ(0, self->m.o.cell->word);
	EXPECT_EQ(0, self->s.o.cell->word);
}

#define EXPECT_READERS(n) \
	EXPECT_EQ((n), reader_count(self->fd, ksync_rwlock_id(&self->l)))

TEST_F(guard, reads_to_the_end_of_the_scope)
{
	{
		KSYNC_GUARD(guard, rwlock_read, &self->l);

		EXPECT_EQ(0, guard.err);
		EXPECT_READERS(1);
		{
			KSYNC_GUARD(again, rwlock_read, &self->l);

			EXPECT_EQ(0, again.err);
		}
		EXPECT_READERS(1);
	}
	EXPECT_READERS(0);
}

TEST_F(guard, writes_to_the_end_of_the_scope)
{
	{
		KSYNC_GUARD(guard, rwlock_write, &self->l);

		EXPECT_EQ(0, guard.err);
		EXPECT_OWNER(&self->l.o, self->self);
	}
	EXPECT_EQ(0, self->l.o.cell->word);
}

/* What it returns is computed while it is locked. */
static uint32_t return_owner(struct ksync_mutex *m)
{
	KSYNC_GUARD(guard, mutex, m);

	if (guard.err)
		return UINT32_MAX;
	return m->o.cell->word;
}

TEST_F(guard, return_unlocks_last)
{
	EXPECT_EQ(self->self, return_owner(&self->m));
	EXPECT_EQ(0, self->m.o.cell->word);
}

TEST_F(guard, break_continue_and_goto_unlock)
{
	int i, locked = 0;

again:
	for (i = 0; i < 4; i++) {
		KSYNC_GUARD(guard, mutex, &self->m);

		ASSERT_EQ(0, guard.err);
		locked++;
		if (i == 0)
			continue;
		if (i == 1 && locked == 2)
			goto again;
		if (i == 2)
			break;
	}
	EXPECT_EQ(2, i);
	EXPECT_EQ(5, locked);
	EXPECT_EQ(0, self->m.o.cell->word);
}

TEST_F(guard, refused_is_not_unlocked)
{
	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	{
		KSYNC_GUARD(guard, mutex, &self->m);

		EXPECT_EQ(-EDEADLK, guard.err);
	}
	EXPECT_OWNER(&self->m.o, self->self);
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
}

TEST_F(guard, refused_to_write_is_not_unread)
{
	ASSERT_EQ(0, ksync_rwlock_read_lock(&self->l));
	{
		KSYNC_GUARD(guard, rwlock_write, &self->l);

		EXPECT_EQ(-EDEADLK, guard.err);
	}
	EXPECT_READERS(1);
	EXPECT_EQ(0, ksync_rwlock_unlock(&self->l));
}

static void die_owning(struct __test_metadata *_metadata, struct _test_data_guard *self,
		       enum task_kind kind, uint32_t id)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, player_do(p, step_lock_fast, id));
	ASSERT_EQ(0, player_end(p));
}

TEST_F(guard, of_a_dead_owner_is_locked)
{
	die_owning(_metadata, self, TASK_BARE, ksync_mutex_id(&self->m));
	die_owning(_metadata, self, TASK_PROCESS, ksync_spin_id(&self->s));
	{
		KSYNC_GUARD(guard, mutex, &self->m);
		KSYNC_GUARD(other, spin, &self->s);

		EXPECT_EQ(-EOWNERDEAD, guard.err);
		EXPECT_EQ(-EOWNERDEAD, other.err);
		EXPECT_EQ(0, ksync_mutex_consistent(&self->m));
		EXPECT_EQ(0, ksync_spin_consistent(&self->s));
	}
	EXPECT_EQ(0, self->m.o.cell->word);
	EXPECT_EQ(0, self->s.o.cell->word);
}

TEST_F(guard, left_inconsistent_is_not_recoverable)
{
	die_owning(_metadata, self, TASK_THREAD, ksync_mutex_id(&self->m));
	{
		KSYNC_GUARD(guard, mutex, &self->m);

		EXPECT_EQ(-EOWNERDEAD, guard.err);
	}
	EXPECT_OWNER(&self->m.o, KSYNC_NOTRECOVERABLE);
	{
		KSYNC_GUARD(guard, mutex, &self->m);

		EXPECT_EQ(-ENOTRECOVERABLE, guard.err);
	}
	EXPECT_OWNER(&self->m.o, KSYNC_NOTRECOVERABLE);
}

TEST_F(guard, of_a_dead_writer_is_read)
{
	die_owning(_metadata, self, TASK_PROCESS, ksync_rwlock_id(&self->l));
	{
		KSYNC_GUARD(guard, rwlock_read, &self->l);

		EXPECT_EQ(-EOWNERDEAD, guard.err);
		EXPECT_READERS(1);
	}
	EXPECT_READERS(0);
	{
		KSYNC_GUARD(guard, rwlock_write, &self->l);

		EXPECT_EQ(-EOWNERDEAD, guard.err);
		EXPECT_EQ(0, ksync_rwlock_consistent(&self->l));
	}
	EXPECT_EQ(0, self->l.o.cell->word);
}

static int rwlock_guarded_as(struct _test_data_guard *self, struct ksync_thread *t)
{
	uint32_t id = ksync_rwlock_id(&self->l);

	{
		KSYNC_GUARD_AS(guard, rwlock_read, &self->l, t);

		if (guard.err || reader_count(self->fd, id) != 1)
			return 5;
	}
	if (reader_count(self->fd, id) != 0)
		return 6;
	{
		KSYNC_GUARD_AS(guard, rwlock_write, &self->l, t);

		if (guard.err || (self->l.o.cell->word & KSYNC_OWNER) != t->handle)
			return 7;
	}
	return self->l.o.cell->word & KSYNC_OWNER ? 8 : 0;
}

/* Says who it is: bare tasks have to, others may. */
static int guarded_as(void *arg)
{
	struct _test_data_guard *self = arg;
	struct ksync_thread t;

	if (ksync_thread_attach(self->d, &t))
		return 1;
	{
		KSYNC_GUARD_AS(guard, mutex, &self->m, &t);
		KSYNC_GUARD_AS(other, spin, &self->s, &t);

		if (guard.err || other.err)
			return 2;
		if ((self->m.o.cell->word & KSYNC_OWNER) != t.handle ||
		    (self->s.o.cell->word & KSYNC_OWNER) != t.handle)
			return 3;
	}
	if ((self->m.o.cell->word & KSYNC_OWNER) == t.handle ||
	    (self->s.o.cell->word & KSYNC_OWNER) == t.handle)
		return 4;
	return rwlock_guarded_as(self, &t);
}

/* It waits first, and is then somebody else than the one that waits for it. */
static void as(struct __test_metadata *_metadata, struct _test_data_guard *self,
	       enum task_kind kind)
{
	struct task t;
	int status;

	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	ASSERT_EQ(0, task_start(&t, kind, guarded_as, self));
	ASSERT_EQ(0, await_waiters(self->fd, ksync_mutex_id(&self->m), 1));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	ASSERT_EQ(0, task_join(&t, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, self->m.o.cell->word);
	EXPECT_EQ(0, self->s.o.cell->word);
}

TEST_F(guard, as_thread)
{
	as(_metadata, self, TASK_THREAD);
}

TEST_F(guard, as_bare_task)
{
	as(_metadata, self, TASK_BARE);
}

TEST_F(guard, as_process)
{
	as(_metadata, self, TASK_PROCESS);
}

KSFT_MAIN
