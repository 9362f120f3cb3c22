// SPDX-License-Identifier: GPL-2.0
/*
 * Named semaphores.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/px.h"

FIXTURE(named)
{
	char name[64];
};

FIXTURE_SETUP(named)
{
	snprintf(self->name, sizeof(self->name), "/posix-test-%d", getpid());
	sem_unlink(self->name);
}

FIXTURE_TEARDOWN(named)
{
	sem_unlink(self->name);
}

static int value(sem_t *sem)
{
	int v = -1000;

	return sem_getvalue(sem, &v) ? -2000 : v;
}

#define REFUSED(error, call)						\
do {									\
	errno = 0;							\
	EXPECT_EQ(SEM_FAILED, call);					\
	EXPECT_EQ(error, errno);					\
} while (0)

#define FAILS(error, call)						\
do {									\
	errno = 0;							\
	EXPECT_EQ(-1, call);						\
	EXPECT_EQ(error, errno);					\
} while (0)

/* sem_open, DESCRIPTION: O_CREAT makes one with the value; it can be used as others. */
TEST_F(named, create)
{
	sem_t *sem = sem_open(self->name, O_CREAT, 0600, 2);

	ASSERT_NE(SEM_FAILED, sem);
	EXPECT_EQ(2, value(sem));
	EXPECT_EQ(0, sem_wait(sem));
	EXPECT_EQ(0, sem_trywait(sem));
	FAILS(EAGAIN, sem_trywait(sem));
	EXPECT_EQ(0, sem_post(sem));
	EXPECT_EQ(1, value(sem));
	EXPECT_EQ(0, sem_close(sem));
}

/* The same: O_CREAT of one that is there opens that, whatever the value. */
TEST_F(named, create_again_opens)
{
	sem_t *sem = sem_open(self->name, O_CREAT, 0600, 2);
	sem_t *again = sem_open(self->name, O_CREAT, 0600, 7);

	ASSERT_NE(SEM_FAILED, again);
	EXPECT_EQ(2, value(again));
	EXPECT_EQ(0, sem_close(sem));
	EXPECT_EQ(0, sem_close(again));
}

/* The same: the same address for the same name, until it is closed as often. */
TEST_F(named, same_address_for_the_same_name)
{
	sem_t *sem = sem_open(self->name, O_CREAT, 0600, 2);
	sem_t *again = sem_open(self->name, 0);

	ASSERT_NE(SEM_FAILED, sem);
	EXPECT_EQ(sem, again);
	EXPECT_EQ(0, sem_close(again));
	EXPECT_EQ(0, sem_wait(sem));
	EXPECT_EQ(1, value(sem));
	EXPECT_EQ(0, sem_close(sem));
}

/* sem_open, ERRORS: [EEXIST] for O_CREAT and O_EXCL of one that is there. */
TEST_F(named, exclusive_is_eexist)
{
	sem_t *sem = sem_open(self->name, O_CREAT | O_EXCL, 0600, 1);

	ASSERT_NE(SEM_FAILED, sem);
	REFUSED(EEXIST, sem_open(self->name, O_CREAT | O_EXCL, 0600, 1));
	EXPECT_EQ(1, value(sem));
	EXPECT_EQ(0, sem_close(sem));
}

/* The same: [ENOENT] for one that is not there. */
TEST_F(named, open_of_none_is_enoent)
{
	REFUSED(ENOENT, sem_open(self->name, 0));
	REFUSED(ENOENT, sem_open(self->name, O_EXCL));
}

/* The same: [EINVAL] for a value beyond SEM_VALUE_MAX, and for names not supported. */
TEST_F(named, create_refuses_values_and_names)
{
	char longer[300];

	REFUSED(EINVAL, sem_open(self->name, O_CREAT, 0600, SEM_VALUE_MAX + 1U));
	REFUSED(ENOENT, sem_open(self->name, 0));
	REFUSED(EINVAL, sem_open("/", O_CREAT, 0600, 1));
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	errno = 0;
	EXPECT_EQ(SEM_FAILED, sem_open(longer, O_CREAT, 0600, 1));
	EXPECT_TRUE(errno == ENAMETOOLONG || errno == EINVAL);
}

/* The same: the largest value is one. */
TEST_F(named, create_with_the_maximum)
{
	sem_t *sem = sem_open(self->name, O_CREAT, 0600, SEM_VALUE_MAX);

	ASSERT_NE(SEM_FAILED, sem);
	EXPECT_EQ(SEM_VALUE_MAX, value(sem));
	FAILS(EOVERFLOW, sem_post(sem));
	EXPECT_EQ(0, sem_close(sem));
}

/* sem_unlink, DESCRIPTION: who has it open keeps it; the name is free for another. */
TEST_F(named, unlinked_while_open)
{
	sem_t *old = sem_open(self->name, O_CREAT, 0600, 5), *new;

	EXPECT_EQ(0, sem_unlink(self->name));
	REFUSED(ENOENT, sem_open(self->name, 0));
	EXPECT_EQ(5, value(old));
	new = sem_open(self->name, O_CREAT | O_EXCL, 0600, 1);
	ASSERT_NE(SEM_FAILED, new);
	EXPECT_NE(old, new);
	EXPECT_EQ(0, sem_wait(new));
	FAILS(EAGAIN, sem_trywait(new));
	EXPECT_EQ(5, value(old));
	EXPECT_EQ(0, sem_post(old));
	EXPECT_EQ(6, value(old));
	EXPECT_EQ(0, sem_close(old));
	EXPECT_EQ(0, sem_close(new));
}

/* sem_unlink, ERRORS: [ENOENT] when there is none. */
TEST_F(named, unlink_of_none_is_enoent)
{
	sem_t *sem = sem_open(self->name, O_CREAT, 0600, 0);

	ASSERT_NE(SEM_FAILED, sem);
	EXPECT_EQ(0, sem_unlink(self->name));
	FAILS(ENOENT, sem_unlink(self->name));
	EXPECT_EQ(0, sem_close(sem));
}

/* sem_close, DESCRIPTION: closing keeps the semaphore and its value under the name. */
TEST_F(named, value_outlives_close)
{
	sem_t *sem = sem_open(self->name, O_CREAT, 0600, 1);

	EXPECT_EQ(0, sem_post(sem));
	EXPECT_EQ(0, sem_post(sem));
	EXPECT_EQ(0, sem_close(sem));
	sem = sem_open(self->name, 0);
	ASSERT_NE(SEM_FAILED, sem);
	EXPECT_EQ(3, value(sem));
	EXPECT_EQ(0, sem_close(sem));
}

/* sem_close, ERRORS: [EINVAL] (may) for what is no open semaphore. */
TEST_F(named, close_of_none_is_einval)
{
	sem_t none;

	ASSERT_EQ(0, sem_init(&none, 0, 0));
	FAILS(EINVAL, sem_close(&none));
}

/* sem_open, ERRORS: [EACCES] without the right to the one that is there. */
static int open_as_nobody(void *name)
{
	if (setgid(65534) || setuid(65534))
		return 1;
	return sem_open(name, 0) == SEM_FAILED ? errno : 0;
}

static int unlink_as_nobody(void *name)
{
	if (setgid(65534) || setuid(65534))
		return 1;
	return sem_unlink(name) ? errno : 0;
}

TEST_F(named, open_and_unlink_by_others_are_eacces)
{
	sem_t *sem = sem_open(self->name, O_CREAT, 0600, 1);
	int ret;

	ASSERT_NE(SEM_FAILED, sem);
	if (getuid())
		SKIP(return, "needs root");
	EXPECT_EQ(EACCES, child_do(open_as_nobody, self->name));
	ret = child_do(unlink_as_nobody, self->name);
	EXPECT_TRUE(ret == EACCES || ret == EPERM);
	EXPECT_EQ(0, sem_unlink(self->name));
}

/* sem_open, DESCRIPTION: processes that open the name have the same semaphore. */
static int open_and_post(void *name)
{
	sem_t *sem = sem_open(name, 0);

	return sem == SEM_FAILED || sem_post(sem) || sem_close(sem);
}

TEST_F(named, processes_meet_by_name)
{
	sem_t *sem = sem_open(self->name, O_CREAT, 0600, 0);
	pid_t pid;

	ASSERT_NE(SEM_FAILED, sem);
	pid = child_start(open_and_post, self->name);
	EXPECT_EQ(0, sem_wait(sem));
	EXPECT_EQ(0, child_result(pid));
	EXPECT_EQ(0, value(sem));
}

/* The same, when the process that made it waits already. */
static int create_and_wait(void *name)
{
	sem_t *sem = sem_open(name, O_CREAT, 0600, 0);

	return sem == SEM_FAILED ? 1 : sem_wait(sem);
}

TEST_F(named, waiter_in_another_process)
{
	struct actor *a = actor_start(PROCESS);
	sem_t *sem;

	BLOCKS(a, create_and_wait, self->name);
	sem = sem_open(self->name, 0);
	ASSERT_NE(SEM_FAILED, sem);
	EXPECT_EQ(0, sem_post(sem));
	ENDS(0, a);
	EXPECT_EQ(0, value(sem));
}

/* fork, DESCRIPTION: what the parent has open is open in the child. */
static sem_t *inherited;

static int post_inherited(void *unused)
{
	(void)unused;
	return sem_post(inherited) || sem_close(inherited);
}

TEST_F(named, child_has_it_open)
{
	inherited = sem_open(self->name, O_CREAT, 0600, 0);
	ASSERT_NE(SEM_FAILED, inherited);
	EXPECT_EQ(0, child_do(post_inherited, NULL));
	EXPECT_EQ(0, sem_trywait(inherited));
	EXPECT_EQ(0, sem_close(inherited));
}

/* Two names are two semaphores. */
TEST_F(named, names_are_apart)
{
	char other[80];
	sem_t *a, *b;

	snprintf(other, sizeof(other), "%s-other", self->name);
	a = sem_open(self->name, O_CREAT, 0600, 0);
	b = sem_open(other, O_CREAT, 0600, 0);
	ASSERT_NE(SEM_FAILED, b);
	EXPECT_EQ(0, sem_unlink(other));
	EXPECT_NE(a, b);
	EXPECT_EQ(0, sem_post(a));
	FAILS(EAGAIN, sem_trywait(b));
	EXPECT_EQ(0, sem_trywait(a));
}

PX_MAIN
