// SPDX-License-Identifier: GPL-2.0
/*
 * fork() and its kin while others lock: handlers of pthread_atfork(), many at once,
 * system(), posix_spawn() and vfork().
 */
#include <spawn.h>
#include <unistd.h>

#include "lib/px.h"

extern char **environ;

/* pthread_atfork, DESCRIPTION: handlers take the locks and release them on both sides. */
static pthread_mutex_t atfork_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t atfork_rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int atfork_bad, atfork_writes;

static void prepare(void)
{
	atfork_bad |= pthread_mutex_lock(&atfork_mutex);
	atfork_bad |= atfork_writes ? pthread_rwlock_wrlock(&atfork_rwlock) :
		pthread_rwlock_rdlock(&atfork_rwlock);
}

static void release(void)
{
	atfork_bad |= pthread_rwlock_unlock(&atfork_rwlock);
	atfork_bad |= pthread_mutex_unlock(&atfork_mutex);
}

static int after_atfork(void *unused)
{
	(void)unused;
	/* Read locks of the others are there in the child, too: not its own to release. */
	return atfork_bad || pthread_mutex_trylock(&atfork_mutex) ||
		(atfork_writes ? pthread_rwlock_trywrlock(&atfork_rwlock) :
		 pthread_rwlock_tryrdlock(&atfork_rwlock));
}

static uint32_t stop;

static int lock_until_stopped(void *unused)
{
	int bad = 0;

	(void)unused;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		bad |= pthread_mutex_lock(&atfork_mutex);
		bad |= pthread_mutex_unlock(&atfork_mutex);
		bad |= pthread_rwlock_rdlock(&atfork_rwlock);
		bad |= pthread_rwlock_unlock(&atfork_rwlock);
	}
	return bad;
}

static void forks_with_handlers(struct __test_metadata *_metadata)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);
	int i, bad = 0;

	ASSERT_EQ(0, pthread_atfork(prepare, release, release));
	actor_post(a, lock_until_stopped, NULL);
	actor_post(b, lock_until_stopped, NULL);
	for (i = 0; i < 30 && !bad; i++)
		bad = child_do(after_atfork, NULL);
	EXPECT_EQ(0, bad);
	stop = 1;
	ENDS(0, a);
	ENDS(0, b);
	EXPECT_EQ(0, atfork_bad);
}

TEST(atfork_handlers)
{
	forks_with_handlers(_metadata);
}

/* The same with a read-write lock that is taken for writing. */
TEST(atfork_handlers_that_write)
{
	atfork_writes = 1;
	forks_with_handlers(_metadata);
}

/* pthread_atfork, DESCRIPTION: the last one prepares first; afterwards the first is first. */
static char order[16];

static void note(char c)
{
	order[strlen(order)] = c;
}

#define HANDLER(name, c)	\
static void name(void)		\
{				\
	note(c);		\
}

HANDLER(before_1, '1')
HANDLER(before_2, '2')
HANDLER(before_3, '3')
HANDLER(in_parent_1, 'a')
HANDLER(in_parent_2, 'b')
HANDLER(in_parent_3, 'c')
HANDLER(in_child_1, 'A')
HANDLER(in_child_2, 'B')
HANDLER(in_child_3, 'C')

static int order_in_child(void *unused)
{
	(void)unused;
	return strcmp(order, "321ABC") ? 1 : 0;
}

TEST(atfork_handlers_in_order)
{
	int i;

	ASSERT_EQ(0, pthread_atfork(before_1, in_parent_1, in_child_1));
	ASSERT_EQ(0, pthread_atfork(before_2, in_parent_2, in_child_2));
	ASSERT_EQ(0, pthread_atfork(before_3, in_parent_3, in_child_3));
	for (i = 0; i < 2; i++) {
		memset(order, 0, sizeof(order));
		EXPECT_EQ(0, child_do(order_in_child, NULL));
		EXPECT_STREQ("321abc", order);
	}
}

/* system(), posix_spawn() and vfork() while locks are held and waited for. */
TEST(spawn_system_and_vfork)
{
	char * const argv[] = { "true", NULL };
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	struct actor *a = actor_start(THREAD);
	pid_t pid;
	int i;

	EXPECT_EQ(0, pthread_mutex_lock(&m));
	BLOCKS(a, step_lock, &m);
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, system("exit 0"));
		ASSERT_EQ(0, posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ));
		EXPECT_EQ(0, child_result(pid));
		pid = vfork();
		if (!pid)
			_exit(0);
		EXPECT_EQ(0, child_result(pid));
	}
	EXPECT_EQ(0, actor_sleeps(a));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&m));
	EXPECT_EQ(0, pthread_mutex_unlock(&m));
	ENDS(0, a);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&m));
}

/* Many threads fork at once while others lock; each child locks and makes a thread. */
static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER;

static int lock_busy(void *unused)
{
	int bad = 0;

	(void)unused;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		bad |= pthread_mutex_lock(&busy);
		bad |= pthread_mutex_unlock(&busy);
	}
	return bad;
}

static int fork_often(void *unused)
{
	pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
	int i, bad = 0;

	(void)unused;
	for (i = 0; i < 15; i++) {
		bad |= pthread_mutex_lock(&own);
		bad |= child_do(step_with_a_thread, &own);
		bad |= pthread_mutex_unlock(&own);
	}
	return bad;
}

TEST(forks_at_once)
{
	struct actor *f[4], *l[2];
	int i;

	for (i = 0; i < 2; i++) {
		l[i] = actor_start(THREAD);
		actor_post(l[i], lock_busy, NULL);
	}
	for (i = 0; i < 4; i++) {
		f[i] = actor_start(THREAD);
		actor_post(f[i], fork_often, NULL);
	}
	for (i = 0; i < 4; i++)
		ENDS(0, f[i]);
	stop = 1;
	for (i = 0; i < 2; i++)
		ENDS(0, l[i]);
}

PX_MAIN
