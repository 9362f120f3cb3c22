// SPDX-License-Identifier: GPL-2.0
/*
 * Lock-free structures under load, from tasks and from threads: nothing is lost or there
 * twice, order is kept, nothing is used after it was freed.  Each check is shown to
 * find a busted variant that lacks what it is about.
 */
#include <pthread.h>
#include <string.h>

#include <ksync/hazard.h>
#include <ksync/lifo.h>
#include <ksync/mpmc.h>
#include <ksync/seqlock.h>
#include "lib/ksft.h"
#include "lib/models.h"

#define CREW	4
#define NODES	16

static long rounds;
static bool busted;
static uint32_t found;	/* what a busted variant is to show */

/* Run fn(0) to fn(CREW - 1) as tasks; the first line that fails. */
static void *crew(void *fn)
{
	struct ksync_task *t[CREW];
	void *line, *first = NULL;
	long i;

	for (i = 0; i < CREW; i++)
		CHECK(!ksync_task_spawn(&t[i], (void *(*)(void *))fn, (void *)i, NULL));
	for (i = 0; i < CREW; i++) {
		CHECK(!ksync_task_join(t[i], &line));
		if (!first)
			first = line;
	}
	return first;
}

/* The same as plain threads. */
static void *thread_crew(void *(*fn)(void *))
{
	pthread_t t[CREW];
	void *line, *first = NULL;
	long i;

	for (i = 0; i < CREW; i++)
		CHECK(!pthread_create(&t[i], NULL, fn, (void *)i));
	for (i = 0; i < CREW; i++) {
		CHECK(!pthread_join(t[i], &line));
		if (!first)
			first = line;
	}
	return first;
}

static bool over(void)
{
	return busted && __atomic_load_n(&found, __ATOMIC_RELAXED);
}

static void find(void)
{
	__atomic_store_n(&found, 1, __ATOMIC_RELAXED);
}

/* Elements that are had by one at a time. */
static struct ksync_lifo lifo, other_lifo;
static uint32_t links[NODES];
static uint64_t had[NODES], data[NODES];

static void lifo_start(void)
{
	uint32_t i;

	ksync_lifo_init(&lifo, links);
	ksync_lifo_init(&other_lifo, links);
	for (i = 0; i < NODES; i++)
		ksync_lifo_push(&lifo, i);
}

/*
 * ksync_lifo_pop(), which may let others run between its load and its exchange; busted:
 * it leaves the tag as it was.
 */
static uint32_t held_pop(struct ksync_lifo *l, bool held)
{
	uint64_t top = __atomic_load_n(&l->top_, __ATOMIC_ACQUIRE), below;

	do {
		if (!(uint32_t)top)
			return KSYNC_LIFO_NONE;
		below = __atomic_load_n(&l->next_[(uint32_t)top - 1], __ATOMIC_RELAXED) + 1U;
		below = (uint32_t)below | ((top >> 32) + !busted) << 32;
		if (held)
			ksync_task_yield();
	} while (!__atomic_compare_exchange_n(&l->top_, &top, below, false, __ATOMIC_ACQUIRE,
					      __ATOMIC_ACQUIRE));
	return (uint32_t)top - 1;
}

/* Return: whether nobody else has it. */
static bool have(uint32_t i)
{
	if (__atomic_exchange_n(&had[i], 1, __ATOMIC_RELAXED))
		return false;
	data[i]++; /* not atomic: the stack is what orders it */
	return true;
}

static void put(struct ksync_lifo *l, uint32_t i)
{
	__atomic_store_n(&had[i], 0, __ATOMIC_RELAXED);
	ksync_lifo_push(l, i);
}

static void *lifo_held(void *arg)
{
	uint32_t a, b;
	long i;

	for (i = 0; i < rounds && !over(); i++) {
		a = held_pop(&lifo, i % 2);
		if (a == KSYNC_LIFO_NONE) {
			ksync_task_yield();
			continue;
		}
		if (__atomic_exchange_n(&had[a], 1, __ATOMIC_RELAXED)) {
			find();
			break;
		}
		b = busted ? held_pop(&lifo, false) : ksync_lifo_pop(&lifo);
		if (b != KSYNC_LIFO_NONE && __atomic_exchange_n(&had[b], 1, __ATOMIC_RELAXED)) {
			find();
			break;
		}
		put(&lifo, a);
		ksync_task_yield();
		if (b != KSYNC_LIFO_NONE)
			put(&lifo, b);
	}
	return (void *)((long)arg & 0);
}

TEST_F(models, untagged_stack_is_broken_by_aba)
{
	busted = true;
	rounds = 100000000;
	lifo_start();
	RUN(crew, lifo_held);
	EXPECT_TRUE(found);
}

TEST_F(models, tagged_stack_is_not)
{
	rounds = models_many(&variant->opts, 20000);
	if (variant->opts.flags & KSYNC_SCHED_MIGRATE)
		rounds /= 10;
	lifo_start();
	RUN(crew, lifo_held);
	EXPECT_FALSE(found);
}

/* From one stack to another, singly, as chains, and all at once. */
static void *lifo_moves(void *arg)
{
	struct ksync_lifo *from, *to;
	uint32_t a, b;
	long i;

	for (i = (long)arg; i < rounds; i++) {
		from = i & 1 ? &lifo : &other_lifo;
		to = i & 2 ? &lifo : &other_lifo;
		a = i % 16 ? ksync_lifo_pop(from) : ksync_lifo_pop_all(from);
		if (a == KSYNC_LIFO_NONE) {
			ksync_task_yield();
			continue;
		}
		for (b = a; !(i % 16) && b != KSYNC_LIFO_NONE; b = ksync_lifo_next(from, b)) {
			CHECK(have(b));
			__atomic_store_n(&had[b], 0, __ATOMIC_RELAXED);
			if (ksync_lifo_next(from, b) == KSYNC_LIFO_NONE)
				break;
		}
		if (!(i % 16)) {
			ksync_lifo_push_chain(to, a, b);
			continue;
		}
		CHECK(have(a));
		if (i % 64 == 1)
			ksync_task_yield();
		put(to, a);
	}
	return NULL;
}

static int lifo_count(void)
{
	int n = 0;

	while (ksync_lifo_pop(&lifo) != KSYNC_LIFO_NONE ||
	       ksync_lifo_pop(&other_lifo) != KSYNC_LIFO_NONE)
		n++;
	return n;
}

TEST_F(models, stack_keeps_all)
{
	rounds = models_many(&variant->opts, 100000);
	if (variant->opts.flags & KSYNC_SCHED_MIGRATE)
		rounds /= 20;
	lifo_start();
	RUN(crew, lifo_moves);
	EXPECT_EQ(NODES, lifo_count());
}

TEST(stack_keeps_all_of_threads)
{
	rounds = slow_factor() > 1 ? 2000 : 40000;
	lifo_start();
	EXPECT_EQ(NULL, thread_crew(lifo_moves));
	EXPECT_EQ(NODES, lifo_count());
}

/* Two produce, two consume: a value is its producer, and from bit 8 its number. */
static struct ksync_mpmc queue;
static struct ksync_mpmc_cell ring[8];
static uint64_t popped[2];	/* how many of each producer's */
static bool timed;

static void *produce(long id)
{
	struct timespec soon;
	void *value;
	long i;
	int ret;

	for (i = 1; i <= rounds; i++) {
		value = (void *)(i << 8 | id);
		do {
			soon = models_in(i % 7 * 3000);
			if (timed && i % 3)
				ret = ksync_mpmc_try_push(&queue, value);
			else
				ret = ksync_mpmc_push(&queue, value, timed ? &soon : NULL);
			if (ret == -EAGAIN)
				ksync_task_yield();
		} while (ret == -EAGAIN || ret == -ETIMEDOUT);
		CHECK(!ret);
	}
	return NULL;
}

/* Ends with a value that a consumer whose share is done puts back: 0. */
static void *consume(void)
{
	long last[2] = { 0 }, v;
	struct timespec soon;
	void *value;
	int ret;

	for (;;) {
		soon = models_in(5000);
		ret = ksync_mpmc_pop(&queue, &value, timed ? &soon : NULL);
		if (ret == -ETIMEDOUT)
			continue;
		CHECK(!ret);
		v = (long)value;
		if (!v)
			return NULL;
		CHECK((v & 255) < 2 && v >> 8 > last[v & 255]);
		last[v & 255] = v >> 8;
		if (__atomic_add_fetch(&popped[v & 255], 1, __ATOMIC_RELAXED) == (uint64_t)rounds &&
		    __atomic_load_n(&popped[!(v & 255)], __ATOMIC_RELAXED) == (uint64_t)rounds)
			find();
	}
}

static uint32_t producers;

static void *mpmc_part(void *arg)
{
	long id = (long)arg;
	void *line;
	int i;

	if (id >= 2)
		return consume();
	line = produce(id);
	if (__atomic_sub_fetch(&producers, 1, __ATOMIC_ACQ_REL) == 0)
		for (i = 0; i < 2; i++)
			CHECK(!ksync_mpmc_push(&queue, NULL, NULL));
	return line;
}

static void mpmc_start(void)
{
	producers = 2;
	ksync_mpmc_init(&queue, ring, 8, KSYNC_MPMC_WAIT);
}

TEST_F(models, queue_keeps_all_in_order)
{
	rounds = models_many(&variant->opts, 50000);
	if (variant->opts.flags & KSYNC_SCHED_MIGRATE)
		rounds /= 20;
	mpmc_start();
	RUN(crew, mpmc_part);
	EXPECT_EQ(rounds, popped[0]);
	EXPECT_EQ(rounds, popped[1]);
	EXPECT_EQ(0, ksync_mpmc_count(&queue));
}

TEST_F(models, queue_loses_nothing_to_deadlines)
{
	rounds = models_many(&variant->opts, 20000);
	if (variant->opts.flags & KSYNC_SCHED_MIGRATE)
		rounds /= 10;
	timed = true;
	mpmc_start();
	RUN(crew, mpmc_part);
	EXPECT_EQ(rounds, popped[0]);
	EXPECT_EQ(rounds, popped[1]);
}

TEST(queue_of_threads)
{
	rounds = slow_factor() > 1 ? 1000 : 20000;
	mpmc_start();
	EXPECT_EQ(NULL, thread_crew(mpmc_part));
	EXPECT_EQ(rounds, popped[0]);
	EXPECT_EQ(rounds, popped[1]);
	EXPECT_TRUE(found);
}

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
