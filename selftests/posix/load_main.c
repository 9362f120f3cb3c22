// SPDX-License-Identifier: GPL-2.0
/*
 * Constructors that lock, wait and make threads before main(): the program's, and
 * those of a library that it is linked to.
 */
#include "lib/px.h"
#include "load_lib.h"

static struct queue queue = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.cond = PTHREAD_COND_INITIALIZER,
};

static pthread_mutex_t kept = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int waited = -1, runs;

static void *wait_for_one(void *q)
{
	return step_queue_wait(q) ? q : NULL;
}

static void run(void)
{
	runs++;
}

static void __attribute__((constructor)) before_main(void)
{
	pthread_t thread;
	void *ret;

	pthread_create(&thread, NULL, wait_for_one, &queue);
	step_queue_signal(&queue);
	pthread_join(thread, &ret);
	waited = ret != NULL;
	pthread_once(&once, run);
	/* Held until main() and beyond, across the harness's fork(). */
	pthread_mutex_lock(&kept);
	pthread_mutex_lock(&recursive);
	pthread_mutex_unlock(&recursive);
}

TEST(constructor_of_the_program)
{
	EXPECT_EQ(0, waited);
	EXPECT_EQ(1, runs);
	EXPECT_EQ(0, pthread_once(&once, run));
	EXPECT_EQ(1, runs);
}

TEST(constructor_of_the_library)
{
	EXPECT_EQ(0, lib_constructed());
}

TEST(lock_of_the_constructor_is_held)
{
	struct actor *a = actor_start(THREAD);

	EXPECT_EQ(EBUSY, DO(a, step_trylock, &kept));
	BLOCKS(a, step_lock, &kept);
	EXPECT_EQ(0, pthread_mutex_unlock(&kept));
	ENDS(0, a);
}

TEST(lock_of_the_constructor_is_free)
{
	struct actor *a = actor_start(THREAD);

	EXPECT_EQ(0, DO(a, step_trylock, &recursive));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&recursive));
}

/* The library's lock, between program and library. */
TEST(lock_of_the_library)
{
	struct actor *a = actor_start(THREAD);

	EXPECT_EQ(0, lib_lock(NULL));
	BLOCKS(a, lib_lock, NULL);
	EXPECT_EQ(0, lib_unlock(NULL));
	ENDS(0, a);
	EXPECT_EQ(EBUSY, lib_trylock(NULL));
}

/* What atexit() runs may lock, too. */
static void at_the_end(void)
{
	if (lib_trylock(NULL) || lib_unlock(NULL) || step_queue_signal(&queue))
		_exit(3);
	_exit(5);
}

static int exit_with_handlers(void *unused)
{
	(void)unused;
	atexit(at_the_end);
	exit(0);
}

TEST(exit_handlers_lock)
{
	EXPECT_EQ(5, child_do(exit_with_handlers, NULL));
}

PX_MAIN
