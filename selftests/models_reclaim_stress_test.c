// SPDX-License-Identifier: GPL-2.0
/*
 * Hazard pointers and seqlocks under load, from tasks and from threads: nothing is used
 * after it was freed, and what is read is whole.  Each check is shown to find a busted
 * variant that lacks what it is about.
 */
#include <sched.h>

#include <ksync/hazard.h>
#include <ksync/seqlock.h>
#include "lib/crew.h"
#include "lib/ksft.h"

/* One object is current, and replaced all the time; who frees one poisons it. */
#define OBJECTS	4096
#define POISON	0xdeadbeefdeadbeefULL

struct object {
	struct ksync_hazard_node node;
	uint64_t value[2];
	uint32_t free;
};

static struct object objects[OBJECTS];
static void *current;
static struct ksync_hazard_domain *domain;
static uint32_t replaced;

static void poison(void *object)
{
	struct object *o = object;

	__atomic_store_n(&o->value[0], POISON, __ATOMIC_RELAXED);
	__atomic_store_n(&o->value[1], POISON, __ATOMIC_RELAXED);
	__atomic_store_n(&o->free, 1, __ATOMIC_RELEASE);
}

static struct object *make(long *at, uint64_t value)
{
	struct object *o;

	do {
		*at = (*at + 1) % OBJECTS;
		o = &objects[*at];
	} while (!__atomic_load_n(&o->free, __ATOMIC_RELAXED) ||
		 !__atomic_exchange_n(&o->free, 0, __ATOMIC_ACQUIRE));
	__atomic_store_n(&o->value[0], value, __ATOMIC_RELAXED);
	__atomic_store_n(&o->value[1], value, __ATOMIC_RELAXED);
	return o;
}

static bool good(const struct object *o, bool yield)
{
	uint64_t v = __atomic_load_n(&o->value[0], __ATOMIC_RELAXED);

	if (yield)
		ksync_task_yield();
	return v != POISON && __atomic_load_n(&o->value[1], __ATOMIC_RELAXED) == v;
}

static void *replace(struct ksync_hazard_rec *rec, long id)
{
	struct object *old;
	long i, at = id * 7;

	for (i = 1; i < rounds && !over(); i++) {
		old = __atomic_exchange_n(&current, make(&at, i * CREW + id), __ATOMIC_ACQ_REL);
		ksync_hazard_retire(rec, &old->node, old, poison);
		if (i % 64 == 0)
			ksync_task_yield();
	}
	__atomic_store_n(&replaced, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void *read_current(struct ksync_hazard_rec *rec)
{
	struct object *o;
	long i;

	for (i = 0; !__atomic_load_n(&replaced, __ATOMIC_RELAXED); i++) {
		if (busted)
			o = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
		else
			o = ksync_hazard_protect(rec, i % KSYNC_HAZARD_SLOTS, &current);
		if (!good(o, busted || i % 256 == 0)) {
			find();
			break;
		}
		if (i % 16 == 0)
			ksync_hazard_clear(rec, i % KSYNC_HAZARD_SLOTS);
		ksync_task_checkpoint();
	}
	return NULL;
}

/* Who comes and goes all the time leaves things to the others. */
static void *hazard_part(void *arg)
{
	struct ksync_hazard_rec *rec;
	long id = (long)arg;
	void *line;

	CHECK(!ksync_hazard_enter(domain, &rec));
	line = id ? read_current(rec) : replace(rec, id);
	ksync_hazard_leave(rec);
	return line;
}

static int hazard_start(uint32_t flags)
{
	int i;

	for (i = 0; i < OBJECTS; i++)
		objects[i].free = 1;
	current = make(&(long){ 0 }, 1);
	return ksync_hazard_create(&domain, flags);
}

static int objects_free(void)
{
	int i, n = 0;

	for (i = 0; i < OBJECTS; i++)
		n += objects[i].free;
	return n;
}

TEST_F(models, nothing_is_used_after_free)
{
	rounds = models_many(&variant->opts, 50000);
	if (variant->opts.flags & KSYNC_SCHED_MIGRATE)
		rounds /= 10;
	ASSERT_EQ(0, hazard_start(0));
	RUN(crew, hazard_part);
	EXPECT_FALSE(found);
	EXPECT_EQ(0, ksync_hazard_destroy(domain));
	EXPECT_EQ(OBJECTS - 1, objects_free());
}

TEST(nothing_is_used_after_free_by_threads)
{
	uint32_t flags;

	for (flags = 0; flags <= KSYNC_HAZARD_FENCE; flags++) {
		rounds = slow_factor() > 1 ? 2000 : 50000;
		replaced = 0;
		ASSERT_EQ(0, hazard_start(flags));
		EXPECT_EQ(NULL, thread_crew(hazard_part));
		EXPECT_FALSE(found);
		EXPECT_EQ(0, ksync_hazard_destroy(domain));
		EXPECT_EQ(OBJECTS - 1, objects_free());
	}
}

TEST_F(models, readers_without_hazards_are_found_out)
{
	busted = true;
	rounds = 1000000000;
	ASSERT_EQ(0, hazard_start(0));
	RUN(crew, hazard_part);
	EXPECT_TRUE(found);
	EXPECT_EQ(0, ksync_hazard_destroy(domain));
}

/* All words of the data are the same multiple of their index plus one. */
#define WORDS	16

static struct ksync_seqlock seqlock;
static uint64_t words[WORDS];
static uint64_t writes;

static void write_words(uint64_t n)
{
	uint64_t v;
	int i;

	ksync_seqlock_write_begin(&seqlock);
	writes++; /* not atomic: writers exclude each other */
	for (i = 0; i < WORDS; i++) {
		v = n * (i + 1);
		ksync_seq_store(&words[i], &v, sizeof(v));
		if (busted && i == WORDS / 2)
			sched_yield();
	}
	ksync_seqlock_write_end(&seqlock);
}

static void *seq_part(void *arg)
{
	uint64_t copy[WORDS];
	long i;
	int j;

	for (i = 0; i < rounds && !over(); i++) {
		if ((long)arg < 2) {
			write_words(i * 2 + (long)arg);
			continue;
		}
		if (busted)
			ksync_seq_load(copy, words, sizeof(copy));
		else
			ksync_seqlock_read(&seqlock, copy, words, sizeof(copy));
		for (j = 0; j < WORDS; j++)
			if (copy[j] != copy[0] * (j + 1))
				find();
		if (i % 64 == 0)
			ksync_task_yield();
	}
	return NULL;
}

TEST_F(models, seqlock_reads_are_whole)
{
	rounds = models_many(&variant->opts, 50000);
	if (variant->opts.flags & KSYNC_SCHED_MIGRATE)
		rounds /= 5;
	RUN(crew, seq_part);
	EXPECT_FALSE(found);
	EXPECT_EQ(2 * rounds, writes);
}

TEST(seqlock_reads_of_threads_are_whole)
{
	rounds = slow_factor() > 1 ? 2000 : 40000;
	EXPECT_EQ(NULL, thread_crew(seq_part));
	EXPECT_FALSE(found);
	EXPECT_EQ(2 * rounds, writes);
}

TEST(reads_without_the_count_are_torn)
{
	busted = true;
	rounds = 100000000;
	EXPECT_EQ(NULL, thread_crew(seq_part));
	EXPECT_TRUE(found);
}

KSFT_MAIN
