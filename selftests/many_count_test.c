// SPDX-License-Identifier: GPL-2.0
/*
 * Waits on many objects by the library: what it counts (depths, entries of slots,
 * ceilings), and takes back if it has not got what it wanted.
 */
#include "lib/items.h"
#include "lib/ksft.h"

FIXTURE(count)
{
	struct ksync *d;
	struct ksync_sem s;
	struct ksync_event e;
	struct ksync_mutex m, m2, r;
};

FIXTURE_SETUP(count)
{
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_sem_init(&self->s, self->d, 0, 0));
	ASSERT_EQ(0, ksync_event_init(&self->e, self->d, 0));
	ASSERT_EQ(0, ksync_mutex_init(&self->m, self->d, 0));
	ASSERT_EQ(0, ksync_mutex_init(&self->m2, self->d, 0));
	ASSERT_EQ(0, ksync_mutex_init(&self->r, self->d, KSYNC_MUTEX_RECURSIVE));
}

FIXTURE_TEARDOWN(count)
{
	ksync_close(self->d);
}

TEST_F(count, a_recursive_mutex_is_counted)
{
	int i;

	NEEDS(MANY);
	ASSERT_EQ(0, ksync_mutex_lock(&self->r));
	EXPECT_ANY(0, 1, ITEM(self->s), ITEM(self->r));
	ASSERT_EQ(0, ksync_sem_post(&self->s));
	EXPECT_ALL(0, 0, ITEM(self->s), ITEM(self->r));
	EXPECT_ALL(0, 0, ITEM(self->r), ITEM(self->m));
	EXPECT_EQ(3, self->r.o.cell->depth);
	/* Not all: nothing is counted. */
	EXPECT_ALL(-EBUSY, 1, ITEM(self->r), ITEM(self->s));
	EXPECT_ALL(-EDEADLK, 1, ITEM(self->r), ITEM(self->m));
	EXPECT_ALL(-EINVAL, 2, ITEM(self->r), ITEM(self->m2), ITEM(self->r));
	EXPECT_EQ(3, self->r.o.cell->depth);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, ksync_mutex_unlock(&self->r));
	EXPECT_EQ(-EPERM, ksync_mutex_unlock(&self->r));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_ANY(0, 0, ITEM(self->m2));
}

static int lock_and_die(void *arg)
{
	struct ksync_mutex *r = arg;

	return ksync_mutex_lock(r) || ksync_mutex_lock(r) || ksync_mutex_lock(r);
}

TEST_F(count, a_dead_owner_is_told_and_its_depth_forgotten)
{
	struct ksync_wait_item w[] = { ITEM(self->s), ITEM(self->r), ITEM(self->m) };
	unsigned int index = 77;
	struct task t;
	int status;

	NEEDS(MANY);
	ASSERT_EQ(0, task_start(&t, TASK_PROCESS, lock_and_die, &self->r));
	ASSERT_EQ(0, task_join(&t, &status));
	ASSERT_EQ(0, status);
	EXPECT_EQ(2, self->r.o.cell->depth);
	EXPECT_EQ(-EOWNERDEAD, ksync_wait_any(w, 2, NULL, &index));
	EXPECT_EQ(1, index);
	EXPECT_EQ(0, w[0].result);
	EXPECT_EQ(-EOWNERDEAD, w[1].result);
	EXPECT_EQ(0, self->r.o.cell->depth);
	EXPECT_EQ(0, ksync_mutex_consistent(&self->r));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->r));

	ASSERT_EQ(0, task_start(&t, TASK_PROCESS, lock_and_die, &self->r));
	ASSERT_EQ(0, task_join(&t, &status));
	EXPECT_EQ(-EOWNERDEAD, ksync_wait_all(w + 1, 2, NULL, &index));
	EXPECT_EQ(-EOWNERDEAD, w[1].result);
	EXPECT_EQ(0, w[2].result);
	EXPECT_EQ(0, ksync_mutex_consistent(&self->r));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->r));
	EXPECT_EQ(-EPERM, ksync_mutex_unlock(&self->r));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
}

/* More than the entries of one slot cell. */
#define READS	40

TEST_F(count, what_is_read_is_counted)
{
	struct ksync_wait_item w[READS] = {};
	struct ksync_rwlock l[READS];
	unsigned int index;
	int i;

	NEEDS(MANY);
	for (i = 0; i < READS; i++) {
		ASSERT_EQ(0, ksync_rwlock_init(&l[i], self->d, 0));
		w[i] = (struct ksync_wait_item){ .o = &l[i].o, .flags = KSYNC_LOCK_READ };
	}
	/* One that it reads already: locked once more. */
	ASSERT_EQ(0, ksync_rwlock_read_lock(&l[3]));
	ASSERT_EQ(0, ksync_wait_all(w, READS, NULL, &index));
	EXPECT_EQ(READS, ksync_self_->held);
	w[READS - 1].flags = 0;
	EXPECT_EQ(-EDEADLK, ksync_wait_all(w, READS, NULL, &index));
	EXPECT_EQ(READS - 1, index);
	EXPECT_EQ(READS, ksync_self_->held);
	for (i = 0; i < READS; i++)
		EXPECT_EQ(0, ksync_rwlock_unlock(&l[i]));
	EXPECT_EQ(0, ksync_rwlock_unlock(&l[3]));
	EXPECT_EQ(-EPERM, ksync_rwlock_unlock(&l[3]));
	EXPECT_EQ(0, ksync_self_->held);
	for (i = 0; i < READS; i++)
		EXPECT_EQ(0, ksync_rwlock_write_lock_try(&l[i]));
}

static int lock_all(struct ksync_mutex *m, int n)
{
	int i, ret = 0;

	for (i = 0; i < n && !ret; i++)
		ret = ksync_mutex_lock(&m[i]);
	while (i--)
		ksync_mutex_unlock(&m[i]);
	return ret;
}

/* What was not got takes no entry of the ceiling cell. */
TEST_F(count, ceilings_are_taken_back)
{
	struct ksync_mutex m[KSYNC_CEILING_ENTRIES];
	struct ksync_wait_item w[] = {
		{ .o = &m[0].o }, { .o = &m[1].o }, { .o = &m[2].o }, ITEM(self->e),
	};
	unsigned int i, index;

	NEEDS(MANY);
	for (i = 0; i < KSYNC_CEILING_ENTRIES; i++)
		ASSERT_EQ(0, ksync_mutex_init_protect(&m[i], self->d, 0, 30));
	for (i = 0; i < 2 * KSYNC_CEILING_ENTRIES; i++) {
		ASSERT_EQ(0, ksync_event_set(&self->e));
		ASSERT_EQ(0, ksync_wait_all(w, 4, NULL, &index));
		EXPECT_EQ(-EPERM, ksync_mutex_unlock(&m[3]));
		EXPECT_EQ(-EDEADLK, ksync_wait_any_try(w, 3, &index));
		EXPECT_EQ(0, ksync_mutex_unlock(&m[0]));
		EXPECT_EQ(0, ksync_wait_any(w, 3, NULL, &index));
		EXPECT_EQ(0, index);
		EXPECT_EQ(0, ksync_mutex_unlock(&m[0]));
		EXPECT_EQ(0, ksync_mutex_unlock(&m[1]));
		EXPECT_EQ(0, ksync_mutex_unlock(&m[2]));
		EXPECT_EQ(-EBUSY, ksync_wait_all_try(w, 4, &index));
	}
	EXPECT_EQ(0, lock_all(m, KSYNC_CEILING_ENTRIES));
}

KSFT_MAIN
