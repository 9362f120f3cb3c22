// SPDX-License-Identifier: GPL-2.0
/*
 * Hazard pointers: what a slot names is kept, all else is freed, soon enough, by whoever
 * looks; with membarrier(2) and with fences.
 */
#include <stdlib.h>

#include <ksync/hazard.h>
#include "lib/ksft.h"
#include "lib/models.h"

#define OBJECTS	1000

struct object {
	struct ksync_hazard_node node;
	struct ksync_hazard_rec *retires;	/* by whom another is, when this is freed */
	struct object *other;
	int freed;
};

static struct object objects[OBJECTS];

static int depth, deepest;

static void mark(void *object)
{
	struct object *o = object;

	if (++depth > deepest)
		deepest = depth;
	o->freed++;
	if (o->other)
		ksync_hazard_retire(o->retires, &o->other->node, o->other, mark);
	depth--;
}

static void retire(struct ksync_hazard_rec *rec, struct object *o)
{
	ksync_hazard_retire(rec, &o->node, o, mark);
}

static int freed(void)
{
	int i, n = 0;

	for (i = 0; i < OBJECTS; i++)
		n += objects[i].freed;
	return n;
}

FIXTURE(domain)
{
	struct ksync_hazard_domain *d;
	struct ksync_hazard_rec *rec;
};

FIXTURE_VARIANT(domain)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(domain, membarrier)
{
	.flags = 0,
};

FIXTURE_VARIANT_ADD(domain, fence)
{
	.flags = KSYNC_HAZARD_FENCE,
};

FIXTURE_SETUP(domain)
{
	ASSERT_EQ(0, ksync_hazard_create(&self->d, variant->flags));
	ASSERT_EQ(0, ksync_hazard_enter(self->d, &self->rec));
	if (variant->flags)
		EXPECT_FALSE(ksync_hazard_uses_membarrier(self->d));
}

FIXTURE_TEARDOWN(domain)
{
	ksync_hazard_leave(self->rec);
	EXPECT_EQ(0, ksync_hazard_destroy(self->d));
}

TEST(flags_are_checked)
{
	struct ksync_hazard_domain *d;

	EXPECT_EQ(-EINVAL, ksync_hazard_create(&d, 2));
}

TEST_F(domain, what_a_slot_names_is_kept)
{
	struct ksync_hazard_rec *other;
	void *link;
	int i;

	ASSERT_EQ(0, ksync_hazard_enter(self->d, &other));
	for (i = 0; i < KSYNC_HAZARD_SLOTS; i++) {
		link = &objects[i];
		EXPECT_EQ(link, ksync_hazard_protect(self->rec, i, &link));
		link = &objects[i + KSYNC_HAZARD_SLOTS];
		EXPECT_EQ(link, ksync_hazard_protect(other, i, &link));
	}
	link = NULL;
	for (i = 0; i < 3 * KSYNC_HAZARD_SLOTS; i++)
		retire(self->rec, &objects[i]);
	EXPECT_EQ(2 * KSYNC_HAZARD_SLOTS, ksync_hazard_flush(self->rec));
	for (i = 0; i < 3 * KSYNC_HAZARD_SLOTS; i++)
		EXPECT_EQ(i >= 2 * KSYNC_HAZARD_SLOTS, objects[i].freed);
	ksync_hazard_clear(other, 1);
	EXPECT_EQ(2 * KSYNC_HAZARD_SLOTS - 1, ksync_hazard_flush(self->rec));
	EXPECT_EQ(1, objects[KSYNC_HAZARD_SLOTS + 1].freed);
	/* To protect another ends the protection of the first. */
	EXPECT_EQ(NULL, ksync_hazard_protect(self->rec, 2, &link));
	EXPECT_EQ(2 * KSYNC_HAZARD_SLOTS - 2, ksync_hazard_flush(self->rec));
	EXPECT_EQ(1, objects[2].freed);
	ksync_hazard_leave(other);
	EXPECT_EQ(KSYNC_HAZARD_SLOTS - 1, ksync_hazard_flush(self->rec));
}

/* Without asking, no more than 2 H + 64 and those in use wait to be freed. */
TEST_F(domain, enough_is_freed_unasked)
{
	const int bound = 2 * KSYNC_HAZARD_SLOTS + 64;
	void *link = &objects[10];
	int i;

	ksync_hazard_protect(self->rec, 0, &link);
	for (i = 0; i < OBJECTS; i++) {
		retire(self->rec, &objects[i]);
		ASSERT_LE(i + 1 - freed(), bound + 1);
	}
	EXPECT_EQ(0, objects[10].freed);
	EXPECT_GE(freed(), OBJECTS - bound - 1);
}

/* Who leaves, leaves what still cannot be freed to others, once. */
TEST_F(domain, what_is_left_is_freed_by_others)
{
	struct ksync_hazard_rec *other;
	int i;

	ASSERT_EQ(0, ksync_hazard_enter(self->d, &other));
	ksync_hazard_set(self->rec, 3, &objects[3]);
	for (i = 0; i < 20; i++)
		retire(other, &objects[i]);
	EXPECT_EQ(-EBUSY, ksync_hazard_destroy(self->d));
	ksync_hazard_leave(other);
	EXPECT_EQ(0, freed());
	EXPECT_EQ(1, ksync_hazard_flush(self->rec));
	EXPECT_EQ(19, freed());
	EXPECT_EQ(-EBUSY, ksync_hazard_destroy(self->d));
	ksync_hazard_clear(self->rec, 3);
	EXPECT_EQ(0, ksync_hazard_flush(self->rec));
	EXPECT_EQ(20, freed());
}

TEST_F(domain, a_record_is_used_again)
{
	struct ksync_hazard_rec *one, *two, *again;

	ASSERT_EQ(0, ksync_hazard_enter(self->d, &one));
	ASSERT_EQ(0, ksync_hazard_enter(self->d, &two));
	EXPECT_NE(one, two);
	EXPECT_NE(one, self->rec);
	ksync_hazard_set(one, 0, &objects[0]);
	ksync_hazard_leave(one);
	ASSERT_EQ(0, ksync_hazard_enter(self->d, &again));
	EXPECT_EQ(one, again);
	retire(two, &objects[0]); /* its slots are empty */
	EXPECT_EQ(0, ksync_hazard_flush(two));
	ksync_hazard_leave(two);
	ksync_hazard_leave(again);
}

TEST(destroy_frees_all)
{
	struct ksync_hazard_domain *d;
	struct ksync_hazard_rec *rec;

	ASSERT_EQ(0, ksync_hazard_create(&d, 0));
	ASSERT_EQ(0, ksync_hazard_enter(d, &rec));
	retire(rec, &objects[0]);
	retire(rec, &objects[1]);
	ksync_hazard_leave(rec);
	EXPECT_EQ(0, ksync_hazard_destroy(d));
	EXPECT_EQ(2, freed());
}

/* A list, each of which retires the next when it is freed: no recursion, all freed. */
TEST_F(domain, freeing_may_retire)
{
	int i;

	for (i = 0; i + 1 < OBJECTS; i++) {
		objects[i].retires = self->rec;
		objects[i].other = &objects[i + 1];
	}
	retire(self->rec, &objects[0]);
	for (i = 0; i < OBJECTS; i++) {
		ASSERT_EQ(i, freed());
		ksync_hazard_flush(self->rec);
	}
	EXPECT_EQ(OBJECTS, freed());
}

/* Enough of them to look again, which is not done in the middle of looking. */
TEST_F(domain, freeing_does_not_recurse)
{
	int i;

	for (i = 0; i < OBJECTS / 2; i++) {
		objects[i].retires = self->rec;
		objects[i].other = &objects[i + OBJECTS / 2];
	}
	ksync_hazard_flush(self->rec);
	for (i = 0; i < OBJECTS / 2; i++)
		retire(self->rec, &objects[i]);
	while (ksync_hazard_flush(self->rec))
		;
	EXPECT_EQ(OBJECTS, freed());
	EXPECT_EQ(1, deepest);
}

/* More slots than a table has room for at first; addresses that are close together. */
TEST_F(domain, many_records)
{
	struct ksync_hazard_rec *rec[OBJECTS / KSYNC_HAZARD_SLOTS];
	const int n = OBJECTS / KSYNC_HAZARD_SLOTS;
	int i;

	for (i = 0; i < n; i++)
		ASSERT_EQ(0, ksync_hazard_enter(self->d, &rec[i]));
	for (i = 0; i < OBJECTS; i += 2)
		ksync_hazard_set(rec[i % n], i / n, &objects[i]);
	for (i = 0; i < OBJECTS; i++)
		retire(self->rec, &objects[i]);
	EXPECT_EQ(OBJECTS / 2, ksync_hazard_flush(self->rec));
	for (i = 0; i < OBJECTS; i++)
		ASSERT_EQ(i % 2, objects[i].freed);
	for (i = 0; i < n; i++)
		ksync_hazard_leave(rec[i]);
	EXPECT_EQ(0, ksync_hazard_flush(self->rec));
}

static uint32_t stage;	/* 1: the slot is set; 2: it may be cleared */

/* A slot that is set stays so wherever its task goes on. */
static void *holds(void *d)
{
	struct ksync_hazard_rec *rec;
	void *link = &objects[0];

	CHECK(!ksync_hazard_enter(d, &rec));
	CHECK(ksync_hazard_protect(rec, 0, &link) == &objects[0]);
	__atomic_store_n(&stage, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) == 1)
		ksync_task_yield();
	CHECK(!objects[0].freed);
	ksync_hazard_clear(rec, 0);
	ksync_hazard_leave(rec);
	return NULL;
}

static void *migrates(void *d)
{
	struct ksync_hazard_rec *rec;
	struct ksync_task *t;
	void *line;
	int i;

	CHECK(!ksync_hazard_enter(d, &rec));
	CHECK(!ksync_task_spawn(&t, holds, d, NULL));
	while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) != 1)
		ksync_task_yield();
	retire(rec, &objects[0]);
	for (i = 0; i < 100; i++) {
		CHECK(ksync_hazard_flush(rec) == 1);
		ksync_task_yield();
	}
	__atomic_store_n(&stage, 2, __ATOMIC_RELEASE);
	CHECK(!ksync_task_join(t, &line) && !line);
	CHECK(!ksync_hazard_flush(rec));
	ksync_hazard_leave(rec);
	return NULL;
}

TEST_F(models, slots_go_along_with_a_task)
{
	struct ksync_hazard_domain *d;

	ASSERT_EQ(0, ksync_hazard_create(&d, 0));
	RUN(migrates, d);
	EXPECT_EQ(1, objects[0].freed);
	EXPECT_EQ(0, ksync_hazard_destroy(d));
}

KSFT_MAIN
