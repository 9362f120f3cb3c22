// SPDX-License-Identifier: GPL-2.0
/*
 * How objects come to life: static initializers, zeroed memory, the stack, memory
 * that moves.
 */
#include <stdlib.h>

#include "lib/px.h"

static pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t errorcheck = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t writers = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

/* No initializer at all, as C's static storage is 0 and the initializers are, too. */
static struct queue zeroed_queue;
static pthread_rwlock_t zeroed_rwlock;

/* PTHREAD_MUTEX_INITIALIZER: as by pthread_mutex_init() with no attributes. */
TEST(mutex_initializer)
{
	struct actor *a = actor_start(THREAD);

	EXPECT_EQ(EBUSY, (pthread_mutex_lock(&normal), DO(a, step_trylock, &normal)));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&normal));
	BLOCKS(a, step_lock, &normal);
	EXPECT_EQ(0, pthread_mutex_unlock(&normal));
	ENDS(0, a);
	EXPECT_EQ(0, DO(a, step_unlock, &normal));
	EXPECT_EQ(0, pthread_mutex_destroy(&normal));
}

TEST(recursive_initializer)
{
	struct actor *a = actor_start(THREAD);

	EXPECT_EQ(0, pthread_mutex_lock(&recursive));
	EXPECT_EQ(0, pthread_mutex_lock(&recursive));
	EXPECT_EQ(0, pthread_mutex_unlock(&recursive));
	EXPECT_EQ(EBUSY, DO(a, step_trylock, &recursive));
	EXPECT_EQ(EPERM, DO(a, step_unlock, &recursive));
	BLOCKS(a, step_lock, &recursive);
	EXPECT_EQ(0, pthread_mutex_unlock(&recursive));
	ENDS(0, a);
}

TEST(errorcheck_initializer)
{
	struct actor *a = actor_start(THREAD);

	EXPECT_EQ(EPERM, pthread_mutex_unlock(&errorcheck));
	EXPECT_EQ(0, pthread_mutex_lock(&errorcheck));
	EXPECT_EQ(EDEADLK, pthread_mutex_lock(&errorcheck));
	EXPECT_EQ(EPERM, DO(a, step_unlock, &errorcheck));
	BLOCKS(a, step_lock, &errorcheck);
	EXPECT_EQ(0, pthread_mutex_unlock(&errorcheck));
	ENDS(0, a);
}

TEST(adaptive_initializer)
{
	struct actor *a = actor_start(THREAD);

	EXPECT_EQ(0, pthread_mutex_lock(&adaptive));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&adaptive));
	BLOCKS(a, step_lock, &adaptive);
	EXPECT_EQ(0, pthread_mutex_unlock(&adaptive));
	ENDS(0, a);
}

TEST(rwlock_initializer)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);

	EXPECT_EQ(0, pthread_rwlock_rdlock(&rwlock));
	BLOCKS(a, step_wrlock, &rwlock);
	EXPECT_EQ(0, DO(b, step_tryrdlock, &rwlock));
	EXPECT_EQ(0, DO(b, step_rwunlock, &rwlock));
	EXPECT_EQ(0, pthread_rwlock_unlock(&rwlock));
	ENDS(0, a);
}

/* PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP: readers wait behind a writer. */
TEST(rwlock_writer_initializer)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);

	EXPECT_EQ(0, pthread_rwlock_rdlock(&writers));
	BLOCKS(a, step_wrlock, &writers);
	BLOCKS(b, step_rdlock, &writers);
	EXPECT_EQ(0, pthread_rwlock_unlock(&writers));
	ENDS(0, a);
	EXPECT_EQ(0, actor_sleeps(b));
	EXPECT_EQ(0, DO(a, step_rwunlock, &writers));
	ENDS(0, b);
}

static void queue_works(struct __test_metadata *_metadata, struct queue *q)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);

	BLOCKS(a, step_queue_wait, q);
	BLOCKS(b, step_queue_timedwait_late, q);
	EXPECT_EQ(0, step_queue_signal(q));
	EXPECT_EQ(0, px_value(&q->taken, 1));
	EXPECT_EQ(0, step_queue_broadcast(q));
	ENDS(0, a);
	ENDS(0, b);
}

TEST(cond_initializer)
{
	static struct queue q = {
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER,
	};

	queue_works(_metadata, &q);
	EXPECT_EQ(0, pthread_cond_destroy(&q.cond));
}

TEST(static_storage_is_enough)
{
	struct actor *a = actor_start(THREAD);

	queue_works(_metadata, &zeroed_queue);
	EXPECT_EQ(0, pthread_rwlock_wrlock(&zeroed_rwlock));
	EXPECT_EQ(EBUSY, DO(a, step_tryrdlock, &zeroed_rwlock));
	EXPECT_EQ(0, pthread_rwlock_unlock(&zeroed_rwlock));
}

TEST(calloc_is_enough)
{
	struct queue *q = calloc(1, sizeof(*q));

	queue_works(_metadata, q);
	free(q);
}

static int on_my_stack(void *unused)
{
	struct queue q = {
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER,
	};
	pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
	const struct timespec t = px_in(CLOCK_REALTIME, 1);
	int ret;

	(void)unused;
	ret = pthread_mutex_lock(&q.mutex) ? : pthread_rwlock_rdlock(&rw);
	while (!ret)
		ret = pthread_cond_timedwait(&q.cond, &q.mutex, &t);
	return ret == ETIMEDOUT ? pthread_mutex_unlock(&q.mutex) ? :
		pthread_rwlock_unlock(&rw) : ret;
}

/* Objects on the stack, in the same place again and again, never destroyed. */
TEST(on_the_stack)
{
	struct actor *a = actor_start(THREAD);
	int i;

	for (i = 0; i < 30; i++) {
		EXPECT_EQ(0, on_my_stack(NULL));
		EXPECT_EQ(0, DO(a, on_my_stack, NULL));
	}
}

/* Memory that is reused for objects of another sort, without a destroy between. */
union any {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	pthread_rwlock_t rwlock;
	sem_t sem;
	pthread_barrier_t barrier;
	pthread_spinlock_t spin;
};

static int use_mutex(union any *u, int type, struct actor *a)
{
	if (mutex_make(&u->mutex, (struct mutex_sort){ .type = type }))
		return 1;
	if (pthread_mutex_lock(&u->mutex) || DO(a, step_trylock, &u->mutex) != EBUSY)
		return 2;
	actor_post(a, step_lock, &u->mutex);
	if (actor_sleeps(a) || pthread_mutex_unlock(&u->mutex) || actor_result(a))
		return 3;
	return DO(a, step_unlock, &u->mutex);
}

static int use_rwlock(union any *u, struct actor *a)
{
	if (pthread_rwlock_init(&u->rwlock, NULL) || pthread_rwlock_wrlock(&u->rwlock))
		return 1;
	actor_post(a, step_rdlock, &u->rwlock);
	if (actor_sleeps(a) || pthread_rwlock_unlock(&u->rwlock) || actor_result(a))
		return 2;
	return DO(a, step_rwunlock, &u->rwlock);
}

static int use_sem(union any *u, struct actor *a)
{
	if (sem_init(&u->sem, 0, 0))
		return 1;
	actor_post(a, step_sem_wait, &u->sem);
	return actor_sleeps(a) || sem_post(&u->sem) || actor_result(a);
}

static int use_barrier(union any *u, struct actor *a)
{
	int ret;

	if (pthread_barrier_init(&u->barrier, NULL, 2))
		return 1;
	actor_post(a, step_barrier, &u->barrier);
	ret = pthread_barrier_wait(&u->barrier);
	return ret + actor_result(a) != PTHREAD_BARRIER_SERIAL_THREAD;
}

TEST(reused_without_destroy)
{
	union any *u = malloc(sizeof(*u));
	struct actor *a = actor_start(THREAD);
	int i;

	for (i = 0; i < 10; i++) {
		EXPECT_EQ(0, use_mutex(u, PTHREAD_MUTEX_NORMAL, a));
		EXPECT_EQ(0, use_rwlock(u, a));
		EXPECT_EQ(0, use_mutex(u, PTHREAD_MUTEX_RECURSIVE, a));
		EXPECT_EQ(0, use_sem(u, a));
		EXPECT_EQ(0, use_barrier(u, a));
		EXPECT_EQ(0, use_mutex(u, PTHREAD_MUTEX_ERRORCHECK, a));
	}
	free(u);
}

/* Zeroed in place, and by that new, without init: what calloc() after free() gives. */
TEST(zeroed_in_place)
{
	struct queue *q = calloc(1, sizeof(*q));
	struct actor *a = actor_start(THREAD);
	int i;

	for (i = 0; i < 10; i++) {
		memset(q, 0, sizeof(*q));
		BLOCKS(a, step_queue_wait, q);
		EXPECT_EQ(0, step_queue_signal(q));
		ENDS(0, a);
	}
	/* Even a locked one. */
	EXPECT_EQ(0, pthread_mutex_lock(&q->mutex));
	memset(q, 0, sizeof(*q));
	EXPECT_EQ(0, DO(a, step_trylock, &q->mutex));
	free(q);
}

/* pthread_mutex_init: made again in place while it was locked. */
TEST(init_in_place)
{
	struct actor *a = actor_start(THREAD);
	pthread_mutex_t m;
	int i;

	for (i = 0; i < 10; i++) {
		MUTEX(&m, .type = i % 3);
		EXPECT_EQ(0, pthread_mutex_lock(&m));
		EXPECT_EQ(EBUSY, DO(a, step_trylock, &m));
	}
}

/* An unlocked mutex that is moved, as realloc() does: undefined, but glibc's works. */
TEST(moved_while_unlocked)
{
	struct queue *from = calloc(1, sizeof(*from)), *to = malloc(sizeof(*to));
	struct actor *a = actor_start(THREAD);
	int i;

	for (i = 0; i < 5; i++) {
		struct queue *old = from;

		/* With a past: it was waited for. */
		EXPECT_EQ(0, pthread_mutex_lock(&from->mutex));
		BLOCKS(a, step_lock, &from->mutex);
		EXPECT_EQ(0, pthread_mutex_unlock(&from->mutex));
		ENDS(0, a);
		EXPECT_EQ(0, DO(a, step_unlock, &from->mutex));
		memcpy(to, from, sizeof(*to));
		memset(from, 0xa5, sizeof(*from));
		EXPECT_EQ(0, pthread_mutex_lock(&to->mutex));
		EXPECT_EQ(EBUSY, DO(a, step_trylock, &to->mutex));
		BLOCKS(a, step_lock, &to->mutex);
		EXPECT_EQ(0, pthread_mutex_unlock(&to->mutex));
		ENDS(0, a);
		EXPECT_EQ(0, DO(a, step_unlock, &to->mutex));
		from = to;
		to = old;
	}
}

/* A copy of an unlocked one is another mutex. */
TEST(copy_is_another)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER, copy;
	struct actor *a = actor_start(THREAD);

	EXPECT_EQ(0, pthread_mutex_lock(&m));
	BLOCKS(a, step_lock, &m);
	EXPECT_EQ(0, pthread_mutex_unlock(&m));
	ENDS(0, a);
	EXPECT_EQ(0, DO(a, step_unlock, &m));
	memcpy(&copy, &m, sizeof(m));
	EXPECT_EQ(0, pthread_mutex_lock(&m));
	EXPECT_EQ(0, pthread_mutex_trylock(&copy));
	EXPECT_EQ(EBUSY, DO(a, step_trylock, &copy));
	EXPECT_EQ(0, pthread_mutex_unlock(&m));
	EXPECT_EQ(EBUSY, DO(a, step_trylock, &copy));
	EXPECT_EQ(0, DO(a, step_trylock, &m));
}

/* The sizes are glibc's: what lies behind an object is not touched. */
TEST(nothing_beyond_is_touched)
{
	struct {
		union {
			pthread_mutex_t mutex;
			char bytes[sizeof(pthread_mutex_t)];
		} m;
		char guard[64];
	} x;
	struct actor *a = actor_start(THREAD);
	int i;

	memset(&x, 0x5a, sizeof(x));
	EXPECT_EQ(0, pthread_mutex_init(&x.m.mutex, NULL));
	EXPECT_EQ(0, pthread_mutex_lock(&x.m.mutex));
	BLOCKS(a, step_lock, &x.m.mutex);
	EXPECT_EQ(0, pthread_mutex_unlock(&x.m.mutex));
	ENDS(0, a);
	EXPECT_EQ(0, DO(a, step_unlock, &x.m.mutex));
	EXPECT_EQ(0, pthread_mutex_destroy(&x.m.mutex));
	for (i = 0; i < 64; i++)
		EXPECT_EQ(0x5a, x.guard[i]);
}

PX_MAIN
