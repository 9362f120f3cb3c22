// SPDX-License-Identifier: GPL-2.0
/*
 * Very many objects, of short life, and the end of an object's life: memory that
 * goes as soon as the standard lets it.
 */
#include <stdio.h>
#include <unistd.h>

#include "lib/px.h"

#define MANY		1000000
#define SOME		100000
#define AT_ONCE		1000

/* What so many may leave behind: a trace of 16 bytes each, and what comes with any run. */
#define MAY_GROW_KB(lives)	((lives) / 1000 * 16 + 1024)

static long resident_kb(void)
{
	long pages = 0, dummy;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f || fscanf(f, "%ld %ld", &dummy, &pages) != 2)
		pages = -1;
	if (f)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

union any {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	pthread_rwlock_t rwlock;
	sem_t sem;
	pthread_barrier_t barrier;
	pthread_spinlock_t spin;
	pthread_once_t once;
};

static int live_mutex(union any *u)
{
	return pthread_mutex_init(&u->mutex, NULL) || pthread_mutex_lock(&u->mutex) ||
		pthread_mutex_unlock(&u->mutex) || pthread_mutex_destroy(&u->mutex);
}

/* Never destroyed: as programs do that know glibc's need no destroying. */
static int live_zeroed_mutex(union any *u)
{
	memset(u, 0, sizeof(*u));
	return pthread_mutex_lock(&u->mutex) || pthread_mutex_unlock(&u->mutex);
}

static int live_robust(union any *u)
{
	static pthread_mutexattr_t attr;
	static int made;

	if (!made++) {
		pthread_mutexattr_init(&attr);
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
		pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	}
	return pthread_mutex_init(&u->mutex, &attr) || pthread_mutex_lock(&u->mutex) ||
		pthread_mutex_unlock(&u->mutex) || pthread_mutex_destroy(&u->mutex);
}

static int live_cond(union any *u)
{
	return pthread_cond_init(&u->cond, NULL) || pthread_cond_signal(&u->cond) ||
		pthread_cond_broadcast(&u->cond) || pthread_cond_destroy(&u->cond);
}

static int live_rwlock(union any *u)
{
	return pthread_rwlock_init(&u->rwlock, NULL) || pthread_rwlock_rdlock(&u->rwlock) ||
		pthread_rwlock_unlock(&u->rwlock) || pthread_rwlock_wrlock(&u->rwlock) ||
		pthread_rwlock_unlock(&u->rwlock) || pthread_rwlock_destroy(&u->rwlock);
}

static int live_zeroed_rwlock(union any *u)
{
	memset(u, 0, sizeof(*u));
	return pthread_rwlock_rdlock(&u->rwlock) || pthread_rwlock_unlock(&u->rwlock);
}

static int live_sem(union any *u)
{
	return sem_init(&u->sem, 0, 1) || sem_wait(&u->sem) || sem_post(&u->sem) ||
		sem_destroy(&u->sem);
}

static int live_spin(union any *u)
{
	return pthread_spin_init(&u->spin, PTHREAD_PROCESS_PRIVATE) ||
		pthread_spin_lock(&u->spin) || pthread_spin_unlock(&u->spin) ||
		pthread_spin_destroy(&u->spin);
}

static int live_barrier(union any *u)
{
	return pthread_barrier_init(&u->barrier, NULL, 1) ||
		pthread_barrier_wait(&u->barrier) != PTHREAD_BARRIER_SERIAL_THREAD ||
		pthread_barrier_destroy(&u->barrier);
}

static void nothing(void)
{
}

static int live_once(union any *u)
{
	u->once = PTHREAD_ONCE_INIT;
	return pthread_once(&u->once, nothing);
}

FIXTURE(many)
{
	union any *u;
};

/* All that differ in what they leave behind live as often as it takes to see it. */
FIXTURE_VARIANT(many)
{
	int (*live)(union any *u);
	int lives;
};

FIXTURE_VARIANT_ADD(many, mutex)
{
	.live = live_mutex,
	.lives = MANY,
};

FIXTURE_VARIANT_ADD(many, zeroed_mutex)
{
	.live = live_zeroed_mutex,
	.lives = MANY,
};

FIXTURE_VARIANT_ADD(many, robust)
{
	.live = live_robust,
	.lives = SOME,
};

FIXTURE_VARIANT_ADD(many, cond)
{
	.live = live_cond,
	.lives = SOME,
};

FIXTURE_VARIANT_ADD(many, rwlock)
{
	.live = live_rwlock,
	.lives = SOME,
};

FIXTURE_VARIANT_ADD(many, zeroed_rwlock)
{
	.live = live_zeroed_rwlock,
	.lives = SOME,
};

FIXTURE_VARIANT_ADD(many, sem)
{
	.live = live_sem,
	.lives = SOME,
};

FIXTURE_VARIANT_ADD(many, spin)
{
	.live = live_spin,
	.lives = SOME,
};

FIXTURE_VARIANT_ADD(many, barrier)
{
	.live = live_barrier,
	.lives = SOME,
};

FIXTURE_VARIANT_ADD(many, once)
{
	.live = live_once,
	.lives = SOME,
};

FIXTURE_SETUP(many)
{
	self->u = calloc(AT_ONCE, sizeof(*self->u));
}

FIXTURE_TEARDOWN(many)
{
	free(self->u);
}

/* In a thousand places, over and over. */
TEST_F_TIMEOUT(many, short_lives, 200)
{
	long before = 0, after;
	int i, bad = 0;

	for (i = 0; i < variant->lives && !bad; i++) {
		bad = variant->live(&self->u[i % AT_ONCE]);
		if (i == 2 * AT_ONCE)
			before = resident_kb();
	}
	EXPECT_EQ(0, bad);
	after = resident_kb();
	EXPECT_LT(after - before, MAY_GROW_KB(variant->lives));
}

/* In memory that comes and goes. */
TEST_F_TIMEOUT(many, in_new_memory, 200)
{
	const size_t size = 64 * sizeof(union any);
	long before = 0, after;
	int i, k, bad = 0;

	for (i = 0; i < 1000 && !bad; i++) {
		union any *u = px_shared(size);

		for (k = 0; k < 64; k++)
			bad |= variant->live(&u[k]);
		munmap(u, size);
		if (i == 100)
			before = resident_kb();
	}
	EXPECT_EQ(0, bad);
	after = resident_kb();
	EXPECT_LT(after - before, MAY_GROW_KB(64 * (1000 - 100)));
}

/*
 * pthread_mutex_destroy, APPLICATION USAGE and EXAMPLES: who finds under the mutex that
 * it is the last user may destroy it, and its memory, right after the unlock; the
 * other one is on its way out of its unlock still, and must not touch it any more.
 */
struct counted {
	pthread_mutex_t mutex;
	int users;
};

static int put(void *arg)
{
	struct counted *c = arg;
	int last, ret = pthread_mutex_lock(&c->mutex);

	last = --c->users == 0;
	ret = ret ? : pthread_mutex_unlock(&c->mutex);
	if (last) {
		ret = ret ? : pthread_mutex_destroy(&c->mutex);
		munmap(c, sizeof(*c));
	}
	return ret;
}

static void freed_by_the_last(struct __test_metadata *_metadata, struct mutex_sort sort)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);
	struct counted *c;
	int i;

	for (i = 0; i < 500; i++) {
		c = px_shared(sizeof(*c));
		ASSERT_EQ(0, mutex_make(&c->mutex, sort));
		c->users = 3;
		actor_post(a, put, c);
		actor_post(b, put, c);
		EXPECT_EQ(0, put(c));
		ENDS(0, a);
		ENDS(0, b);
	}
}

TEST(mutex_freed_by_the_last)
{
	freed_by_the_last(_metadata, (struct mutex_sort){ 0 });
}

TEST(mutex_pi_freed_by_the_last)
{
	freed_by_the_last(_metadata, (struct mutex_sort){ .protocol = PTHREAD_PRIO_INHERIT });
}

TEST(mutex_recursive_freed_by_the_last)
{
	freed_by_the_last(_metadata, (struct mutex_sort){ .type = PTHREAD_MUTEX_RECURSIVE });
}

TEST(mutex_robust_freed_by_the_last)
{
	freed_by_the_last(_metadata, (struct mutex_sort){ .robust = PTHREAD_MUTEX_ROBUST });
}

/* The same with a waiter that is woken by that unlock. */
TEST(mutex_freed_by_who_waited)
{
	struct actor *a = actor_start(THREAD);
	struct counted *c;
	int i;

	for (i = 0; i < 200; i++) {
		c = px_shared(sizeof(*c));
		MUTEX(&c->mutex, 0);
		c->users = 1;
		EXPECT_EQ(0, pthread_mutex_lock(&c->mutex));
		BLOCKS(a, put, c);
		EXPECT_EQ(0, pthread_mutex_unlock(&c->mutex));
		ENDS(0, a);
	}
}

/* sem_post, RATIONALE of Issue 8: who was woken may free it though post is not over. */
static int wait_and_free(void *sem)
{
	int ret = step_sem_wait(sem);

	sem_destroy(sem);
	munmap(sem, sizeof(sem_t));
	return ret;
}

TEST(sem_freed_by_who_waited)
{
	struct actor *a = actor_start(THREAD);
	sem_t *sem;
	int i;

	for (i = 0; i < 500; i++) {
		sem = px_shared(sizeof(*sem));
		ASSERT_EQ(0, sem_init(sem, 0, 0));
		if (i % 2)
			BLOCKS(a, wait_and_free, sem);
		else
			actor_post(a, wait_and_free, sem);
		EXPECT_EQ(0, sem_post(sem));
		ENDS(0, a);
	}
}

/* pthread_cond_destroy, EXAMPLES: all are woken, so it and its memory may go. */

TEST(cond_freed_after_broadcast)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);
	static struct queue q = { .mutex = PTHREAD_MUTEX_INITIALIZER };
	int i;

	for (i = 0; i < 100; i++) {
		q.tickets = 0;
		ASSERT_EQ(0, pthread_cond_init(&q.cond, NULL));
		BLOCKS(a, step_queue_wait, &q);
		BLOCKS(b, step_queue_wait, &q);
		EXPECT_EQ(0, pthread_mutex_lock(&q.mutex));
		q.tickets = 2;
		EXPECT_EQ(0, pthread_cond_broadcast(&q.cond));
		EXPECT_EQ(0, pthread_mutex_unlock(&q.mutex));
		EXPECT_EQ(0, pthread_cond_destroy(&q.cond));
		memset(&q.cond, 0xa5, sizeof(q.cond));
		ENDS(0, a);
		ENDS(0, b);
	}
}

/* pthread_barrier_destroy: SERIAL destroys it, and its memory goes. */
static int wait_and_unmap(void *b)
{
	const int ret = pthread_barrier_wait(b);

	if (ret == PTHREAD_BARRIER_SERIAL_THREAD) {
		if (pthread_barrier_destroy(b))
			return 1000;
		munmap(b, sizeof(pthread_barrier_t));
	}
	return ret;
}

TEST(barrier_freed_by_the_serial)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);
	pthread_barrier_t *barrier;
	int i;

	for (i = 0; i < 300; i++) {
		barrier = px_shared(sizeof(*barrier));
		ASSERT_EQ(0, pthread_barrier_init(barrier, NULL, 2));
		actor_post(a, wait_and_unmap, barrier);
		actor_post(b, wait_and_unmap, barrier);
		EXPECT_EQ(PTHREAD_BARRIER_SERIAL_THREAD, actor_result(a) + actor_result(b));
	}
}

/* What one may cost beside its memory, where another place says who owns it. */
#define EACH_MAY_COST	80

/* A million at once cost little more than their memory. */
TEST(million_at_once)
{
	pthread_mutex_t *m = calloc(MANY, sizeof(*m));
	long before, after;
	int i, bad = 0;

	ASSERT_NE(NULL, m);
	memset(m, 0, MANY * sizeof(*m));
	before = resident_kb();
	for (i = 0; i < MANY; i++)
		bad |= pthread_mutex_lock(&m[i]) | pthread_mutex_unlock(&m[i]);
	EXPECT_EQ(0, bad);
	after = resident_kb();
	EXPECT_LT(after - before,
		  (long)MANY * (sizeof(*m) + EACH_MAY_COST) / 1024 + MAY_GROW_KB(MANY));
	free(m);
}

PX_MAIN
