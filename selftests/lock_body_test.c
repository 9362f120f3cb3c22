// SPDX-License-Identifier: GPL-2.0
/*
 * One body for every lock: tasks add to a counter that is not atomic and look
 * whether they are alone.  It runs on each kind of lock, with each kind of
 * task; and on two locks that do not exclude, where it has to notice.
 */
#include <stdlib.h>
#include <string.h>
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

#define TASKS	4

struct body;

/**
 * struct lock_ops - what the body needs of a lock
 * @kind: enum ksync_kind; NONE lives in user space
 * @flags: for CREATE
 * @lock: 0 or a negative errno
 * @unlock: 0 or a negative errno
 */
struct lock_ops {
	uint32_t kind;
	uint32_t flags;
	int (*lock)(struct body *b, const struct ksync_thread *t);
	int (*unlock)(struct body *b, const struct ksync_thread *t);
};

/**
 * struct body - what the tasks share
 * @ops: the lock's
 * @domain: of the lock
 * @mutex: a mutex, or whatever else goes by the mutex's protocol
 * @spin: a spinlock
 * @rwlock: a reader-writer lock, of which all are writers
 * @stop: not zero: time is up
 * @inside: how many are in the critical section
 * @counter: changed in there, by two instructions
 * @violations: somebody else was in there
 * @errors: operations that failed
 * @done: how often each one was in there
 */
struct body {
	const struct lock_ops *ops;
	struct ksync *domain;
	struct ksync_mutex mutex;
	struct ksync_spin spin;
	struct ksync_rwlock rwlock;
	uint32_t stop;
	uint32_t inside;
	uint64_t counter;
	uint32_t violations;
	uint32_t errors;
	uint64_t done[TASKS];
};

/* Tasks without a TLS of their own say who they are; others need not. */
static int mutex_lock(struct body *b, const struct ksync_thread *t)
{
	return t ? ksync_mutex_lock_as(&b->mutex, t) : ksync_mutex_lock(&b->mutex);
}

static int mutex_unlock(struct body *b, const struct ksync_thread *t)
{
	return t ? ksync_mutex_unlock_as(&b->mutex, t) : ksync_mutex_unlock(&b->mutex);
}

static int recursive_lock(struct body *b, const struct ksync_thread *t)
{
	int ret = mutex_lock(b, t);

	return ret ? ret : mutex_lock(b, t);
}

static int recursive_unlock(struct body *b, const struct ksync_thread *t)
{
	int ret = mutex_unlock(b, t);

	return ret ? ret : mutex_unlock(b, t);
}

static int spin_lock(struct body *b, const struct ksync_thread *t)
{
	return t ? ksync_spin_lock_as(&b->spin, t) : ksync_spin_lock(&b->spin);
}

static int spin_unlock(struct body *b, const struct ksync_thread *t)
{
	return t ? ksync_spin_unlock_as(&b->spin, t) : ksync_spin_unlock(&b->spin);
}

static int write_lock(struct body *b, const struct ksync_thread *t)
{
	return t ? ksync_rwlock_write_lock_as(&b->rwlock, t) :
		ksync_rwlock_write_lock(&b->rwlock);
}

static int write_unlock(struct body *b, const struct ksync_thread *t)
{
	struct ksync_thread self;

	if (!t)
		return ksync_rwlock_unlock(&b->rwlock);
	self = *t;
	return ksync_rwlock_unlock_as(&b->rwlock, &self);
}

/* The fault of the two that do not exclude: they let everybody in. */
static int no_lock(struct body *b, const struct ksync_thread *t)
{
	(void)b;
	(void)t;
	return 0;
}

static int busted_lock(struct body *b, const struct ksync_thread *t)
{
	return raw_lock(ksync_fileno(b->domain), b->mutex.o.id, t->handle, 0,
			KSYNC_NO_DEADLINE);
}

/* Whether the word still names the caller is as luck has it. */
static int busted_unlock(struct body *b, const struct ksync_thread *t)
{
	raw_unlock(ksync_fileno(b->domain), b->mutex.o.id, t->handle);
	return 0;
}

static const struct lock_ops adaptive_ops = {
	.kind = KSYNC_KIND_MUTEX,
	.lock = mutex_lock,
	.unlock = mutex_unlock,
};

static const struct lock_ops strict_ops = {
	.kind = KSYNC_KIND_MUTEX,
	.flags = KSYNC_MUTEX_STRICT,
	.lock = mutex_lock,
	.unlock = mutex_unlock,
};

static const struct lock_ops recursive_ops = {
	.kind = KSYNC_KIND_MUTEX,
	.flags = KSYNC_MUTEX_RECURSIVE,
	.lock = recursive_lock,
	.unlock = recursive_unlock,
};

static const struct lock_ops spin_ops = {
	.kind = KSYNC_KIND_SPIN,
	.lock = spin_lock,
	.unlock = spin_unlock,
};

static const struct lock_ops rwlock_ops = {
	.kind = KSYNC_KIND_RWLOCK,
	.lock = write_lock,
	.unlock = write_unlock,
};

static const struct lock_ops strict_rwlock_ops = {
	.kind = KSYNC_KIND_RWLOCK,
	.flags = KSYNC_RWLOCK_STRICT,
	.lock = write_lock,
	.unlock = write_unlock,
};

static const struct lock_ops user_broken_ops = {
	.kind = KSYNC_KIND_NONE,
	.lock = no_lock,
	.unlock = no_lock,
};

static const struct lock_ops busted_ops = {
	.kind = KSYNC_KIND_BUSTED,
	.lock = busted_lock,
	.unlock = busted_unlock,
};

/* Now and then others are asked in: whoever is not kept out comes. */
static void critical(struct body *b)
{
	uint64_t seen;

	if (__atomic_add_fetch(&b->inside, 1, __ATOMIC_RELAXED) != 1)
		__atomic_add_fetch(&b->violations, 1, __ATOMIC_RELAXED);
	seen = b->counter;
	asm volatile("" ::: "memory");
	if (!(seen % 16))
		sys(SYS_sched_yield);
	b->counter = seen + 1;
	__atomic_sub_fetch(&b->inside, 1, __ATOMIC_RELAXED);
}

/**
 * struct worker - one task's part
 * @body: shared
 * @index: in body->done
 * @identity: whether it says who it is
 */
struct worker {
	struct body *body;
	int index;
	bool identity;
};

static int work(void *arg)
{
	const struct worker *w = arg;
	struct body *b = w->body;
	struct ksync_thread self;
	int ret;

	ret = w->identity ? ksync_thread_attach(b->domain, &self) : 0;
	while (!ret && !__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		ret = b->ops->lock(b, w->identity ? &self : NULL);
		if (ret)
			break;
		critical(b);
		b->done[w->index]++;
		ret = b->ops->unlock(b, w->identity ? &self : NULL);
	}
	if (ret)
		__atomic_add_fetch(&b->errors, 1, __ATOMIC_RELAXED);
	return ret ? 1 : 0;
}

static int create(struct body *b)
{
	uint32_t id;
	int ret;

	switch (b->ops->kind) {
	case KSYNC_KIND_MUTEX:
		return ksync_mutex_init(&b->mutex, b->domain, b->ops->flags);
	case KSYNC_KIND_SPIN:
		return ksync_spin_init(&b->spin, b->domain, b->ops->flags);
	case KSYNC_KIND_RWLOCK:
		return ksync_rwlock_init(&b->rwlock, b->domain, b->ops->flags);
	case KSYNC_KIND_BUSTED:
		ret = raw_create(ksync_fileno(b->domain), b->ops->kind, 0, &id);
		b->mutex.o.id = id;
		return ret;
	}
	return 0;
}

static bool excludes(const struct body *b)
{
	uint64_t total = 0;
	int i;

	for (i = 0; i < TASKS; i++)
		total += b->done[i];
	return !b->violations && b->counter == total;
}

/* Half a second of all tasks at work. */
static struct body *run(struct __test_metadata *_metadata,
			const struct lock_ops *ops, enum task_kind kind)
{
	const struct timespec half = { .tv_nsec = 500000000 };
	struct body *b = player_memory(sizeof(*b));
	struct worker *w = player_memory(TASKS * sizeof(*w));
	struct task *t = player_memory(TASKS * sizeof(*t));
	int i, status;

	b->ops = ops;
	ASSERT_EQ(0, ksync_open(&b->domain, 0));
	ASSERT_EQ(0, create(b));
	for (i = 0; i < TASKS; i++) {
		w[i].body = b;
		w[i].index = i;
		w[i].identity = kind == TASK_BARE;
		ASSERT_EQ(0, task_start(&t[i], kind, work, &w[i]));
	}
	nanosleep(&half, NULL);
	__atomic_store_n(&b->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < TASKS; i++) {
		ASSERT_EQ(0, task_join(&t[i], &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, b->errors);
	return b;
}

FIXTURE(body)
{
	int unused;
};

FIXTURE_VARIANT(body)
{
	enum task_kind task;
};

FIXTURE_VARIANT_ADD(body, thread)
{
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(body, bare)
{
	.task = TASK_BARE,
};

FIXTURE_VARIANT_ADD(body, process)
{
	.task = TASK_PROCESS,
};

FIXTURE_SETUP(body)
{
}

FIXTURE_TEARDOWN(body)
{
}

static struct ksync_object *object_of(struct body *b)
{
	switch (b->ops->kind) {
	case KSYNC_KIND_SPIN:
		return &b->spin.o;
	case KSYNC_KIND_RWLOCK:
		return &b->rwlock.o;
	default:
		return &b->mutex.o;
	}
}

/* Everybody was in, nobody met anybody, and nothing that was counted is lost. */
static void check(struct __test_metadata *_metadata, const struct lock_ops *ops,
		  enum task_kind kind)
{
	struct body *b = run(_metadata, ops, kind);
	struct ksync_query query;
	int i;

	EXPECT_EQ(0, b->violations);
	EXPECT_TRUE(excludes(b));
	for (i = 0; i < TASKS; i++)
		EXPECT_GT(b->done[i], 0);
	ASSERT_EQ(0, ksync_object_query(object_of(b), &query));
	EXPECT_EQ(0, query.word);
	EXPECT_EQ(0, query.waiters);
	ksync_close(b->domain);
}

TEST_F(body, adaptive)
{
	check(_metadata, &adaptive_ops, variant->task);
}

TEST_F(body, strict)
{
	check(_metadata, &strict_ops, variant->task);
}

TEST_F(body, recursive)
{
	check(_metadata, &recursive_ops, variant->task);
}

TEST_F(body, spin)
{
	check(_metadata, &spin_ops, variant->task);
}

TEST_F(body, writers)
{
	check(_metadata, &rwlock_ops, variant->task);
}

TEST_F(body, strict_writers)
{
	check(_metadata, &strict_rwlock_ops, variant->task);
}

/* The body finds a lock that is none. */
TEST_F(body, finds_broken_lock)
{
	EXPECT_FALSE(excludes(run(_metadata, &user_broken_ops, variant->task)));
}

/* And one whose fault is in the module. */
TEST(finds_busted_kind)
{
	struct ksync_info info;
	int fd = raw_open();

	ASSERT_EQ(0, raw_info(fd, &info));
	if (!(info.features & KSYNC_FEATURE_KIND(KSYNC_KIND_BUSTED)))
		SKIP(return, "only debug builds of the module have a busted lock");
	EXPECT_FALSE(excludes(run(_metadata, &busted_ops, TASK_BARE)));
}

KSFT_MAIN
