// SPDX-License-Identifier: GPL-2.0
/*
 * Many: a million objects and what they take, arrays of objects by the library,
 * a thousand waiters on one object, and ten thousand objects with a waiter each.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/memory.h"

#define MILLION		1048576U

FIXTURE(scale)
{
	struct ksync *d;
	int fd;
	unsigned int max_objects;
	uint32_t *ids;
};

FIXTURE_SETUP(scale)
{
	const size_t size = MILLION * sizeof(*self->ids);

	ASSERT_EQ(0, param_get("max_objects", &self->max_objects));
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	self->fd = ksync_fileno(self->d);
	self->ids = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->ids);
	memset(self->ids, 0xff, size);
}

FIXTURE_TEARDOWN(scale)
{
	EXPECT_EQ(0, param_set("max_objects", self->max_objects));
	ksync_close(self->d);
}

/* Less on slow kernels; whole batches. */
static uint32_t objects_here(void)
{
	return slow_factor() > 1 ? MILLION / 8 : MILLION;
}

static int create(int fd, uint32_t kind, uint32_t *ids, uint32_t n)
{
	int ret = 0;

	for (uint32_t i = 0; i < n && !ret; i += KSYNC_BATCH_MAX)
		ret = raw_create_many(fd, kind, 0, ids + i, KSYNC_BATCH_MAX);
	return ret;
}

static uint32_t count(int fd)
{
	struct ksync_info info;

	return raw_info(fd, &info) ? ~0U : info.objects;
}

/* How many different ids below @limit there are. */
static uint32_t different(const uint32_t *ids, uint32_t n, uint32_t limit)
{
	char *seen = calloc(limit, 1);
	uint32_t i, found = 0;

	for (i = 0; seen && i < n; i++)
		if (ids[i] < limit && !seen[ids[i]]++)
			found++;
	free(seen);
	return found;
}

/*
 * Others take and free memory meanwhile, and a kernel with KASAN keeps what was
 * freed for a while: the median of so many measurements.
 */
#define ROUNDS	5

static int ascending(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t median(int64_t v[ROUNDS])
{
	qsort(v, ROUNDS, sizeof(*v), ascending);
	return v[ROUNDS / 2];
}

/*
 * A cell of 64 bytes and a tag of one, by what /proc/zoneinfo says; an eighth of
 * a byte is for finding them, and the rest is for what else happens.
 */
TEST_F(scale, idle_object_takes_65_bytes_of_memory)
{
	const uint32_t n = objects_here();
	/* A debug kernel remembers where each page was taken. */
	const int64_t noise = slow_factor() > 1 ? 16 * (int64_t)n : n / 2;
	int64_t before, taken[ROUNDS], kept[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		before = memory_free();
		ASSERT_LT(0, before);
		ASSERT_EQ(0, create(self->fd, KSYNC_KIND_MUTEX, self->ids, n));
		taken[i] = before - memory_free();
		ksync_close(self->d);
		kept[i] = before - memory_free();
		TH_LOG("%u objects: %.3f bytes each; closed: %.3f", n,
		       (double)taken[i] / n, (double)kept[i] / n);
		ASSERT_EQ(0, ksync_open(&self->d, 0));
		self->fd = ksync_fileno(self->d);
	}
	EXPECT_LE(64 * (int64_t)n, median(taken));
	EXPECT_GE(65 * (int64_t)n + noise, median(taken));
	EXPECT_GE(noise, median(kept));
}

/* Its page of cells, and no page of tags. */
TEST_F(scale, domain_with_one_object_is_small)
{
	enum { N = 1000 };
	int fds[N], i;
	uint32_t id;
	int64_t before, taken[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		for (i = 0; i < N; i++)
			fds[i] = raw_open();
		before = memory_free();
		ASSERT_LT(0, before);
		for (i = 0; i < N; i++)
			ASSERT_EQ(0, raw_create(fds[i], KSYNC_KIND_MUTEX, 0, &id));
		taken[round] = before - memory_free();
		TH_LOG("one object: %.0f bytes", (double)taken[round] / N);
		for (i = 0; i < N; i++)
			close(fds[i]);
	}
	EXPECT_GE(N * 4096 * 5 / 4, median(taken));
}

TEST_F(scale, million_objects_have_different_ids_and_are_used_again)
{
	const uint32_t n = objects_here();
	uint32_t i, done;

	ASSERT_EQ(0, param_set("max_objects", n));
	for (int again = 0; again < 2; again++) {
		memset(self->ids, 0xff, n * sizeof(*self->ids));
		ASSERT_EQ(0, create(self->fd, KSYNC_KIND_WAITQ, self->ids, n));
		EXPECT_EQ(n, count(self->fd));
		EXPECT_EQ(n, different(self->ids, n, n));
		EXPECT_EQ(-ENOSPC, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &i));
		for (i = 0; i < n; i += KSYNC_BATCH_MAX)
			ASSERT_EQ(0, raw_destroy_many(self->fd, self->ids + i,
						      KSYNC_BATCH_MAX, &done));
		EXPECT_EQ(0, count(self->fd));
		EXPECT_EQ(-EBADF, raw_destroy(self->fd, self->ids[n - 1]));
	}
}

/* Holes anywhere in a full domain are found again, each once. */
TEST_F(scale, holes_are_filled)
{
	const uint32_t n = KSYNC_BATCH_MAX;
	uint32_t *again, holes = 0, done, i, id;
	unsigned int seed = 1;

	ASSERT_EQ(0, param_set("max_objects", n));
	ASSERT_EQ(0, create(self->fd, KSYNC_KIND_WAITQ, self->ids, n));
	again = self->ids + n;
	for (i = 0; i < n; i += 1 + rand_r(&seed) % 200)
		again[holes++] = self->ids[i];
	ASSERT_EQ(0, raw_destroy_many(self->fd, again, holes, &done));
	memset(again, 0xff, holes * sizeof(*again));
	for (i = 0; i < holes / 2; i++)
		ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &again[i]));
	ASSERT_EQ(-ENOSPC, raw_create_many(self->fd, KSYNC_KIND_MUTEX, 0, again + i, holes));
	ASSERT_EQ(0, raw_create_many(self->fd, KSYNC_KIND_MUTEX, 0, again + i, holes - i));
	EXPECT_EQ(holes, different(again, holes, n));
	/* At both ends, and in between. */
	for (i = 0; i < 3000; i++) {
		id = i % 3 == 0 ? 0 : i % 3 == 1 ? n - 1 : rand_r(&seed) % n;
		ASSERT_EQ(0, raw_destroy(self->fd, id));
		ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &done));
		ASSERT_EQ(id, done);
	}
}

/* Pages that were touched far ahead are in the way of nothing. */
TEST_F(scale, arena_may_be_touched_before_there_are_objects)
{
	struct ksync_cell *cells = raw_map(self->fd, 0);
	const uint32_t n = KSYNC_BATCH_MAX;
	uint32_t i;

	for (i = 0; i < MILLION; i += 5000)
		cells[i].user[0] = i;
	ASSERT_EQ(0, create(self->fd, KSYNC_KIND_WAITQ, self->ids, 2 * n));
	EXPECT_EQ(2 * n, different(self->ids, 2 * n, 2 * n));
	for (i = 0; i < 2 * n; i += 5000)
		EXPECT_EQ(0, cells[i].user[0]);
	for (; i < MILLION; i += 5000)
		ASSERT_EQ(i, cells[i].user[0]);
	EXPECT_EQ(-EBADF, raw_destroy(self->fd, i - 5000));
}

/* The library's arrays. */
#define MANY	70000

static struct ksync_mutex mutexes[MANY];

TEST_F(scale, arrays_of_mutexes)
{
	size_t done;

	ASSERT_EQ(0, ksync_mutex_init_many(mutexes, MANY, self->d, KSYNC_MUTEX_RECURSIVE));
	for (uint32_t i = 0; i < MANY; i++)
		self->ids[i] = ksync_mutex_id(&mutexes[i]);
	EXPECT_EQ(MANY, different(self->ids, MANY, MILLION));
	for (uint32_t i = 0; i < MANY; i += 999) {
		ASSERT_EQ(0, ksync_mutex_lock(&mutexes[i]));
		ASSERT_EQ(0, ksync_mutex_lock(&mutexes[i]));
		ASSERT_EQ(0, ksync_mutex_unlock(&mutexes[i]));
		ASSERT_EQ(0, ksync_mutex_unlock(&mutexes[i]));
	}
	ASSERT_EQ(0, ksync_mutex_destroy(&mutexes[1000]));
	EXPECT_EQ(-EBADF, ksync_mutex_destroy_many(mutexes, MANY, &done));
	EXPECT_EQ(1000, done);
	EXPECT_EQ(-EBADF, ksync_mutex_lock(&mutexes[999]));
	EXPECT_EQ(-EBADF, ksync_mutex_lock(&mutexes[1000]));
	EXPECT_EQ(MANY - 1001, count(self->fd));
	EXPECT_EQ(0, ksync_mutex_destroy_many(mutexes + 1001, MANY - 1001, &done));
	EXPECT_EQ(MANY - 1001, done);
	EXPECT_EQ(0, count(self->fd));
}

TEST_F(scale, arrays_are_made_whole_or_not_at_all)
{
	ASSERT_EQ(0, param_set("max_objects", MANY - 1));
	EXPECT_EQ(-ENOSPC, ksync_mutex_init_many(mutexes, MANY, self->d, 0));
	EXPECT_EQ(0, count(self->fd));
	EXPECT_EQ(-EINVAL, ksync_mutex_init_many(mutexes, 2, self->d, KSYNC_MUTEX_PROTECT));
	EXPECT_EQ(-EINVAL, ksync_mutex_init_many(mutexes, 2, self->d, 1U << 20));
	EXPECT_EQ(0, ksync_mutex_init_many(mutexes, 0, self->d, 0));
	EXPECT_EQ(0, ksync_mutex_destroy_many(mutexes, 0, NULL));
	EXPECT_EQ(0, count(self->fd));
}

TEST_F(scale, arrays_of_other_kinds)
{
	struct ksync_sem sem[300];
	struct ksync_spin spin[3];
	struct ksync_rwlock rwlock[3];
	struct ksync_event event[3];
	struct ksync_cond cond[3];
	struct ksync_waitq waitq[3];

	EXPECT_EQ(-EINVAL, ksync_sem_init_many(sem, 300, self->d, 3, 2));
	ASSERT_EQ(0, ksync_sem_init_many(sem, 300, self->d, 2, 3));
	for (int i = 0; i < 300; i++)
		ASSERT_EQ(2, ksync_sem_value(&sem[i]));
	EXPECT_EQ(0, ksync_sem_post(&sem[299]));
	EXPECT_EQ(-EOVERFLOW, ksync_sem_post(&sem[299]));
	ASSERT_EQ(0, ksync_spin_init_many(spin, 3, self->d, 0));
	EXPECT_EQ(0, ksync_spin_lock(&spin[2]));
	EXPECT_EQ(0, ksync_spin_unlock(&spin[2]));
	ASSERT_EQ(0, ksync_rwlock_init_many(rwlock, 3, self->d, 0));
	EXPECT_EQ(0, ksync_rwlock_write_lock(&rwlock[2]));
	EXPECT_EQ(0, ksync_rwlock_unlock(&rwlock[2]));
	ASSERT_EQ(0, ksync_event_init_many(event, 3, self->d, KSYNC_EVENT_MANUAL));
	EXPECT_EQ(0, ksync_event_set(&event[2]));
	EXPECT_EQ(0, ksync_event_wait(&event[2]));
	EXPECT_EQ(0, ksync_event_wait(&event[2]));
	ASSERT_EQ(0, ksync_cond_init_many(cond, 3, self->d, 0));
	EXPECT_EQ(0, ksync_cond_signal(&cond[2]));
	ASSERT_EQ(0, ksync_waitq_init_many(waitq, 3, self->d, 0));
	EXPECT_EQ(-EAGAIN, ksync_waitq_wait(&waitq[2], 1));
	EXPECT_EQ(0, ksync_sem_destroy_many(sem, 300, NULL));
	EXPECT_EQ(0, ksync_spin_destroy_many(spin, 3, NULL));
	EXPECT_EQ(0, ksync_rwlock_destroy_many(rwlock, 3, NULL));
	EXPECT_EQ(0, ksync_event_destroy_many(event, 3, NULL));
	EXPECT_EQ(0, ksync_cond_destroy_many(cond, 3, NULL));
	EXPECT_EQ(0, ksync_waitq_destroy_many(waitq, 3, NULL));
	EXPECT_EQ(0, count(self->fd));
}

/**
 * struct sleeper - a thread that waits once
 * @fd: the domain
 * @id: a waitq
 * @prio: SCHED_FIFO, or 0
 * @ret: what the wait returned, once it has; 1 before
 * @thread: itself
 */
struct sleeper {
	int fd;
	uint32_t id;
	int prio;
	int ret;
	pthread_t thread;
};

static void *sleep_once(void *arg)
{
	struct sleeper *s = arg;
	int ret = s->prio ? sched_fifo(0, s->prio) : 0;

	if (!ret)
		ret = raw_wait(s->fd, s->id, 0, KSYNC_BITSET_ALL, 0, KSYNC_NO_DEADLINE);
	__atomic_store_n(&s->ret, ret, __ATOMIC_RELEASE);
	return NULL;
}

static int start(struct sleeper *s, int fd, uint32_t id, int prio)
{
	pthread_attr_t attr;
	int ret;

	*s = (struct sleeper){ .fd = fd, .id = id, .prio = prio, .ret = 1 };
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32 * 1024);
	pthread_attr_setguardsize(&attr, 0);
	ret = pthread_create(&s->thread, &attr, sleep_once, s);
	pthread_attr_destroy(&attr);
	return -ret;
}

static bool is_awake(const void *arg)
{
	const struct sleeper *s = arg;

	return __atomic_load_n(&s->ret, __ATOMIC_ACQUIRE) != 1;
}

/* Four priorities, come in turn: the more important go first, then who came first. */
TEST_F(scale, thousand_waiters_are_woken_in_order)
{
	enum { PRIOS = 4 };
	const int n = slow_factor() > 1 ? 200 : 1000;
	struct sleeper *s = calloc(n, sizeof(*s));
	uint32_t id, woken;
	int i, k = 0;

	ASSERT_NE(NULL, s);
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &id));
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, start(&s[i], self->fd, id, i % PRIOS));
		ASSERT_EQ(0, await_waiters(self->fd, id, i + 1));
	}
	for (int prio = PRIOS - 1; prio >= 0; prio--) {
		for (i = prio; i < n; i += PRIOS) {
			ASSERT_EQ(0, raw_wake(self->fd, id, 1, KSYNC_BITSET_ALL, &woken));
			ASSERT_EQ(1, woken);
			ASSERT_EQ(0, await_true(is_awake, &s[i])) TH_LOG("waiter %d", i);
			ASSERT_EQ(0, s[i].ret);
			ASSERT_EQ(0, await_waiters(self->fd, id, n - ++k));
			pthread_join(s[i].thread, NULL);
		}
	}
	free(s);
}

TEST_F(scale, each_of_many_objects_wakes_its_own_waiter)
{
	const uint32_t n = slow_factor() > 1 ? 200 : 10000;
	struct sleeper *s = calloc(n, sizeof(*s));
	struct ksync_info info;
	uint32_t woken, i, at, k;

	ASSERT_NE(NULL, s);
	ASSERT_EQ(0, raw_create_many(self->fd, KSYNC_KIND_WAITQ, 0, self->ids, n));
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, start(&s[i], self->fd, self->ids[i], 0)) TH_LOG("thread %u", i);
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, await_waiters(self->fd, self->ids[i], 1));
	ASSERT_EQ(0, raw_info(self->fd, &info));
	EXPECT_EQ(n, info.waiters);
	/* In another order: 7919 is prime to n. Whom nobody woke sleeps on. */
	for (k = 0; k < n; k++) {
		at = (uint64_t)k * 7919 % n;
		ASSERT_EQ(1, s[at].ret) TH_LOG("object %u", at);
		ASSERT_EQ(0, raw_wake(self->fd, self->ids[at], 2, KSYNC_BITSET_ALL, &woken));
		ASSERT_EQ(1, woken);
		if ((k + 1) % 200)
			continue;
		for (i = k - 199; i <= k; i++) {
			at = (uint64_t)i * 7919 % n;
			ASSERT_EQ(0, await_true(is_awake, &s[at])) TH_LOG("object %u", at);
			ASSERT_EQ(0, s[at].ret);
			pthread_join(s[at].thread, NULL);
		}
		ASSERT_EQ(0, raw_info(self->fd, &info));
		ASSERT_EQ(n - k - 1, info.waiters);
	}
	free(s);
}

KSFT_MAIN
