// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that do with their descriptors, rights and limits what they like: daemons
 * close all they find, shells dup2() over any number, servers drop their privileges.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/px.h"

static struct queue queue = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.cond = PTHREAD_COND_INITIALIZER,
};

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, pi;
static sem_t sem;

/* Contention on everything, by new threads, with nothing asked of /proc. */
#define ROUNDS 300

struct count {
	long n;
	int go, back;
};

static int use_all(void *arg)
{
	struct count *c = arg;
	int i, bad = 0;

	for (i = 0; i < ROUNDS; i++) {
		bad |= pthread_mutex_lock(&mutex);
		bad |= pthread_mutex_lock(&pi);
		c->n = c->n + 1;
		sched_yield();
		bad |= pthread_mutex_unlock(&pi);
		bad |= pthread_mutex_unlock(&mutex);
		bad |= pthread_rwlock_wrlock(&rwlock);
		sched_yield();
		bad |= pthread_rwlock_unlock(&rwlock);
		bad |= pthread_rwlock_rdlock(&rwlock);
		bad |= pthread_rwlock_unlock(&rwlock);
		bad |= sem_wait(&sem);
		bad |= sem_post(&sem);
	}
	return bad;
}

static int contention(void *unused)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);
	struct count c = { 0 };
	int bad;

	(void)unused;
	actor_post(a, use_all, &c);
	actor_post(b, use_all, &c);
	bad = use_all(&c);
	bad |= actor_result(a) | actor_result(b);
	if (c.n != 3 * ROUNDS)
		return 2;
	actor_post(a, step_queue_wait, &queue);
	bad |= step_queue_signal(&queue);
	bad |= actor_result(a);
	return bad ? 1 : 0;
}

/* All of it before as well, so that whatever is opened late is open. */
FIXTURE(fds)
{
	int before;
};

FIXTURE_VARIANT(fds)
{
	int before;
};

FIXTURE_VARIANT_ADD(fds, first_use)
{
};

FIXTURE_VARIANT_ADD(fds, used_before)
{
	.before = 1,
};

FIXTURE_SETUP(fds)
{
	ASSERT_EQ(0, sem_init(&sem, 0, 1));
	MUTEX(&pi, .protocol = PTHREAD_PRIO_INHERIT);
	if (variant->before)
		ASSERT_EQ(0, contention(NULL));
}

FIXTURE_TEARDOWN(fds)
{
}

#define CONTENTION()							\
do {									\
	EXPECT_EQ(0, contention(NULL));					\
	EXPECT_EQ(0, child_do(contention, NULL));			\
	EXPECT_EQ(0, contention(NULL));					\
} while (0)

TEST_F(fds, nothing_done)
{
	CONTENTION();
}

TEST_F(fds, all_closed_one_by_one)
{
	int fd;

	for (fd = 3; fd < 1024; fd++)
		close(fd);
	CONTENTION();
}

TEST_F(fds, all_closed_by_close_range)
{
	if (syscall(SYS_close_range, 3, ~0U, 0))
		SKIP(return, "no close_range()");
	CONTENTION();
}

TEST_F(fds, all_marked_close_on_exec)
{
	if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC))
		SKIP(return, "no CLOSE_RANGE_CLOEXEC");
	CONTENTION();
}

/* A table of its own, with only the three in it. */
TEST_F(fds, table_unshared)
{
	if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_UNSHARE))
		SKIP(return, "no CLOSE_RANGE_UNSHARE");
	CONTENTION();
}

/* Closed while threads are in the middle of it. */
TEST_F(fds, closed_while_threads_wait)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);
	int fd;

	EXPECT_EQ(0, pthread_mutex_lock(&mutex));
	BLOCKS(a, step_lock, &mutex);
	BLOCKS(b, step_queue_wait, &queue);
	for (fd = 3; fd < 1024; fd++)
		close(fd);
	EXPECT_EQ(0, pthread_mutex_unlock(&mutex));
	ENDS(0, a);
	EXPECT_EQ(0, DO(a, step_unlock, &mutex));
	EXPECT_EQ(0, step_queue_signal(&queue));
	ENDS(0, b);
	CONTENTION();
}

/* dup2() over every number: what lands there is the program's own, and stays so. */
TEST_F(fds, every_number_taken)
{
	struct stat zero, now;
	int fd, null = open("/dev/zero", O_RDWR);

	ASSERT_EQ(0, fstat(null, &zero));
	for (fd = 3; fd < 200; fd++)
		if (fd != null)
			ASSERT_EQ(fd, dup2(null, fd));
	CONTENTION();
	for (fd = 3; fd < 200; fd++) {
		ASSERT_EQ(0, fstat(fd, &now));
		ASSERT_EQ(zero.st_rdev, now.st_rdev);
	}
	for (fd = 3; fd < 200; fd++)
		ASSERT_EQ(0, close(fd));
	CONTENTION();
}

/* What the program opens gets the lowest numbers, as without any library. */
TEST_F(fds, lowest_numbers_are_the_programs)
{
	int fd;

	for (fd = 3; fd < 10; fd++)
		close(fd);
	EXPECT_EQ(3, open("/dev/null", O_RDONLY));
	CONTENTION();
	EXPECT_EQ(4, open("/dev/null", O_RDONLY));
	EXPECT_EQ(0, close(3));
	CONTENTION();
	EXPECT_EQ(3, open("/dev/null", O_RDONLY));
}

/* With no number left for anybody. */
TEST_F(fds, no_number_left)
{
	const struct rlimit limit = { 4, 4 };
	int fd;

	for (fd = 3; fd < 1024; fd++)
		close(fd);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_EQ(3, open("/dev/null", O_RDONLY));
	EXPECT_EQ(-1, open("/dev/null", O_RDONLY));
	CONTENTION();
	EXPECT_EQ(0, close(3));
	EXPECT_EQ(3, open("/dev/null", O_RDONLY));
}

/* The limit lowered below what is open. */
TEST_F(fds, limit_lowered)
{
	const struct rlimit limit = { 3, 3 };

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	CONTENTION();
}

static int drop(void)
{
	return setgroups(0, NULL) || setgid(65534) || setuid(65534);
}

/* Privileges dropped, then threads and children that lock. */
TEST_F(fds, privileges_dropped)
{
	if (getuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, drop());
	CONTENTION();
}

TEST_F(fds, privileges_dropped_while_held)
{
	struct actor *a = actor_start(THREAD);

	if (getuid())
		SKIP(return, "needs root");
	EXPECT_EQ(0, pthread_mutex_lock(&mutex));
	BLOCKS(a, step_lock, &mutex);
	ASSERT_EQ(0, drop());
	EXPECT_EQ(0, pthread_mutex_unlock(&mutex));
	ENDS(0, a);
	EXPECT_EQ(0, DO(a, step_unlock, &mutex));
	CONTENTION();
}

/* In a root directory that has nothing: no /dev, no /proc. */
TEST_F(fds, root_changed)
{
	char dir[] = "/tmp/posix-root-XXXXXX";

	if (getuid())
		SKIP(return, "needs root");
	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, chroot(dir));
	/* It is empty: gone with the last process in it. */
	ASSERT_EQ(0, chdir("/"));
	CONTENTION();
	ASSERT_EQ(0, drop());
	CONTENTION();
}

/* A daemon: forks, leaves its session, closes all. */
static int daemonize(void *unused)
{
	(void)unused;
	if (setsid() < 0 || chdir("/"))
		return 11;
	close_range(0, ~0U, 0);
	if (open("/dev/null", O_RDWR) != 0 || dup(0) != 1 || dup(0) != 2)
		return 12;
	return contention(NULL) ? : child_do(contention, NULL);
}

TEST_F(fds, daemon)
{
	EXPECT_EQ(0, child_do(daemonize, NULL));
}

PX_MAIN
