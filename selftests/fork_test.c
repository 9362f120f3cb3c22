// SPDX-License-Identifier: GPL-2.0
/*
 * Identity over fork: a child is somebody else.  The library notices by itself,
 * however the child was made; what the parent holds stays the parent's.
 */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

FIXTURE(fork)
{
	struct ksync *d;
	struct ksync_mutex m;
	struct ksync_mutex held;
};

FIXTURE_VARIANT(fork)
{
	bool raw_clone;
};

/* By libc, whose handlers and caches know of it. */
FIXTURE_VARIANT_ADD(fork, by_fork)
{
	.raw_clone = false,
};

/* By a system call that libc knows nothing of. */
FIXTURE_VARIANT_ADD(fork, by_clone)
{
	.raw_clone = true,
};

/* The parent has an identity, used a lock, and holds another one. */
FIXTURE_SETUP(fork)
{
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_mutex_init(&self->m, self->d, 0));
	ASSERT_EQ(0, ksync_mutex_init(&self->held, self->d, 0));
	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	ASSERT_EQ(0, ksync_mutex_unlock(&self->m));
	ASSERT_EQ(0, ksync_mutex_lock(&self->held));
}

FIXTURE_TEARDOWN(fork)
{
	ksync_close(self->d);
}

static uint32_t owner_of(const struct ksync_mutex *m)
{
	return m->o.cell->word & KSYNC_OWNER;
}

/* What the child found, in shared memory. */
struct found {
	uint32_t handle;
	int ret[6];
};

typedef void (*child_fn)(struct _test_data_fork *self, struct found *f);

static void in_child(struct __test_metadata *_metadata, struct _test_data_fork *self,
		     bool raw_clone, child_fn fn, struct found *f)
{
	int status;
	pid_t pid;

	pid = raw_clone ? sys(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		fn(self, f);
		sys(SYS_exit_group, 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
}

static void lock_in_child(struct _test_data_fork *self, struct found *f)
{
	f->ret[0] = ksync_mutex_lock(&self->m);
	f->handle = owner_of(&self->m);
	f->ret[1] = ksync_mutex_unlock(&self->m);
	/* Both again: by the fast path now. */
	f->ret[2] = ksync_mutex_lock(&self->m);
	f->ret[3] = owner_of(&self->m) == f->handle;
	f->ret[4] = ksync_mutex_unlock(&self->m);
}

TEST_F(fork, child_attaches_by_itself)
{
	struct found *f = player_memory(sizeof(*f));
	const uint32_t parent = owner_of(&self->held);

	in_child(_metadata, self, variant->raw_clone, lock_in_child, f);
	EXPECT_EQ(0, f->ret[0]);
	EXPECT_EQ(0, f->ret[1]);
	EXPECT_EQ(0, f->ret[2]);
	EXPECT_EQ(1, f->ret[3]);
	EXPECT_EQ(0, f->ret[4]);
	EXPECT_NE(0, f->handle);
	EXPECT_NE(parent, f->handle);
	EXPECT_EQ(0, self->m.o.cell->word);
	/* The parent is who it was. */
	EXPECT_EQ(0, ksync_mutex_lock(&self->m));
	EXPECT_EQ(parent, owner_of(&self->m));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
}

static void use_parents_handle(struct _test_data_fork *self, struct found *f)
{
	const int fd = ksync_fileno(self->d);
	const uint32_t parent = owner_of(&self->held);

	f->ret[0] = raw_lock(fd, ksync_mutex_id(&self->m), parent, 0,
			     KSYNC_NO_DEADLINE);
	f->ret[1] = raw_lock(fd, ksync_mutex_id(&self->m), parent,
			     KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE);
	f->ret[2] = raw_unlock(fd, ksync_mutex_id(&self->held), parent);
}

TEST_F(fork, parents_handle_is_refused_in_child)
{
	struct found *f = player_memory(sizeof(*f));

	in_child(_metadata, self, variant->raw_clone, use_parents_handle, f);
	EXPECT_EQ(-ESRCH, f->ret[0]);
	EXPECT_EQ(-ESRCH, f->ret[1]);
	EXPECT_EQ(-ESRCH, f->ret[2]);
	EXPECT_EQ(0, self->m.o.cell->word);
}

static void want_parents_lock(struct _test_data_fork *self, struct found *f)
{
	struct timespec past = { .tv_sec = 0 };

	f->ret[0] = ksync_mutex_unlock(&self->held);
	f->ret[1] = ksync_mutex_lock_try(&self->held);
	f->ret[2] = ksync_mutex_lock_timed(&self->held, CLOCK_MONOTONIC, &past);
	f->ret[3] = ksync_mutex_consistent(&self->held);
}

TEST_F(fork, held_lock_stays_the_parents)
{
	struct found *f = player_memory(sizeof(*f));
	const uint32_t parent = owner_of(&self->held);

	in_child(_metadata, self, variant->raw_clone, want_parents_lock, f);
	EXPECT_EQ(-EPERM, f->ret[0]);
	EXPECT_EQ(-EBUSY, f->ret[1]);
	EXPECT_EQ(-ETIMEDOUT, f->ret[2]);
	EXPECT_EQ(-EPERM, f->ret[3]);
	EXPECT_EQ(parent, owner_of(&self->held));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->held));
	EXPECT_EQ(0, self->held.o.cell->word);
}

static void exit_with_lock(struct _test_data_fork *self, struct found *f)
{
	f->ret[0] = ksync_mutex_lock(&self->m);
}

/* The death of a child is that of an owner, and the parent's own is not. */
TEST_F(fork, child_dies_as_itself)
{
	struct found *f = player_memory(sizeof(*f));

	in_child(_metadata, self, variant->raw_clone, exit_with_lock, f);
	EXPECT_EQ(0, f->ret[0]);
	EXPECT_EQ(-EOWNERDEAD, ksync_mutex_lock(&self->m));
	EXPECT_EQ(0, ksync_mutex_consistent(&self->m));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->held));
}

static void attach_again(struct _test_data_fork *self, struct found *f)
{
	struct ksync_thread *copy = player_memory(sizeof(*copy));

	f->ret[0] = ksync_thread_attach(self->d, copy);
	f->handle = copy->handle;
	f->ret[1] = ksync_mutex_lock_as(&self->m, copy);
	f->ret[2] = ksync_mutex_unlock_as(&self->m, copy);
}

TEST_F(fork, child_attaches_on_request)
{
	struct found *f = player_memory(sizeof(*f));

	in_child(_metadata, self, variant->raw_clone, attach_again, f);
	EXPECT_EQ(0, f->ret[0]);
	EXPECT_EQ(0, f->ret[1]);
	EXPECT_EQ(0, f->ret[2]);
	EXPECT_NE(owner_of(&self->held), f->handle);
}

static void fork_once_more(struct _test_data_fork *self, struct found *f)
{
	int status = -1;
	pid_t pid;

	f->ret[5] = ksync_mutex_lock(&self->m);
	f->ret[5] |= ksync_mutex_unlock(&self->m);
	pid = sys(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!pid) {
		lock_in_child(self, f);
		sys(SYS_exit_group, 0);
	}
	sys(SYS_wait4, pid, &status, 0, NULL);
	f->ret[5] |= status;
}

TEST_F(fork, grandchild_attaches_by_itself)
{
	struct found *f = player_memory(sizeof(*f));
	int i;

	in_child(_metadata, self, variant->raw_clone, fork_once_more, f);
	for (i = 0; i < 6; i++)
		EXPECT_EQ(i == 3, f->ret[i]);
	EXPECT_EQ(0, self->m.o.cell->word);
}

KSFT_MAIN
