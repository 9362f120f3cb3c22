// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that own locks fork, exit and execute programs while memory is short: a lock
 * stays with its owner while that lives, and is repaired once when it is dead.  What
 * fails here is the kernel's; the module has to be told, or not, all the same.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/ksft.h"
#include "lib/sys.h"

/* Fork: nothing of the parent's is the child's. */

static void a_mutex(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_MUTEX, 0, &s->id[0]));
}

/*
 * The kernel writes down where a thread runs (rseq(2)), and ends a process whose memory
 * cannot be written.  After a fork that is a page to be copied, which may be what fails.
 */
static void leave_rseq(struct fault_scene *s)
{
	const unsigned int registered = 32;
	void *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	if (__rseq_size)
		WANT(s, 0, sys(SYS_rseq, area, __rseq_size > registered ? __rseq_size :
			       registered, RSEQ_FLAG_UNREGISTER, RSEQ_SIG));
}

static void enter_owner(struct fault_scene *s)
{
	leave_rseq(s);
	WANT(s, 0, raw_attach(s->fd, &s->actor));
	WANT(s, 0, raw_lock(s->fd, s->id[0], s->actor, 0, KSYNC_NO_DEADLINE));
}

static int do_fork(struct fault_scene *s)
{
	long pid = sys(SYS_fork);

	if (!pid)
		sys(SYS_exit_group, raw_unlock(s->fd, s->id[0], s->actor) == -ESRCH);
	s->got = pid;
	return pid < 0 ? pid : 0;
}

static void forked(struct fault_scene *s, int ret)
{
	int status = 0;

	if (!ret) {
		WANT(s, s->got, waitpid(s->got, &status, __WALL));
		WANT(s, 1, WEXITSTATUS(status));
	}
	WANT(s, s->actor, s->cells[s->id[0]].word);
	WANT(s, 0, raw_unlock(s->fd, s->id[0], s->actor));
}

static void lock_works(struct fault_scene *s, int ret)
{
	(void)ret;
	WANT(s, 0, s->cells[s->id[0]].word);
	WANT(s, 0, raw_lock(s->fd, s->id[0], s->self, 0, KSYNC_NO_DEADLINE));
	WANT(s, 0, raw_unlock(s->fd, s->id[0], s->self));
}

FAULT_PATH(fork, .prepare = a_mutex, .enter = enter_owner, .act = do_fork,
	   .leave = forked, .check = lock_works, .errors = { -ENOMEM, -EAGAIN, -EFAULT },
	   .once = true);

/* The end of a task, whose faults are counted by the kernel alone. */

/* There are so many, none of them ours, that some are passed over. */
#define FAULTS_MAX	400

static void step_is_armed(struct player *p)
{
	struct fault f;

	if (fault_open(&f) || fault_arm(&f, FAULT_ONE, p->flags))
		sys(SYS_exit_group, 1);
}

static int step_exit(struct player *p)
{
	step_is_armed(p);
	return sys(SYS_exit_group, 0);
}

/* A program that cannot be executed leaves the lock to this task, which exits. */
static int step_exec(struct player *p)
{
	static char *const argv[] = { "true", NULL }, *const envp[] = { NULL };

	step_is_armed(p);
	sys(SYS_execve, "/bin/true", argv, envp);
	return sys(SYS_exit_group, 0);
}

/* @step ends a task that has a lock which another one waits for. Return: faults. */
static long end_owner(struct __test_metadata *_metadata, player_step step, uint32_t n)
{
	int fd = raw_open();
	struct ksync_cell *cells = raw_map(fd, 64);
	struct player *owner = player_start(TASK_PROCESS, fd, cells);
	uint32_t self, id;
	long before;

	ASSERT_NE(NULL, owner);
	ASSERT_EQ(0, raw_attach(fd, &self));
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &id));
	ASSERT_EQ(0, player_do(owner, step_lock_fast, id));
	before = fault_count();
	owner->flags = n;
	player_post(owner, step, id);
	EXPECT_EQ(-EOWNERDEAD, raw_lock(fd, id, self, 0, KSYNC_NO_DEADLINE));
	EXPECT_EQ(self | KSYNC_OWNER_DIED, cells[id].word);
	ASSERT_EQ(0, task_join(&owner->task, NULL));
	cells[id].word = self;
	EXPECT_EQ(0, raw_unlock(fd, id, self));
	EXPECT_EQ(0, cells[id].word);
	munmap(owner, sizeof(*owner));
	munmap(cells, 64 * sizeof(*cells));
	close(fd);
	return fault_count() - before;
}

static void end_owners(struct __test_metadata *_metadata, player_step step, const char *name)
{
	long faults = 0, more = 1;
	uint32_t n;

	if (fault_missing())
		SKIP(return, "%s", fault_missing());
	ASSERT_EQ(0, fault_setup());
	for (n = 1; more && n <= FAULTS_MAX; n += 1 + n / 8) {
		more = end_owner(_metadata, step, n);
		ASSERT_TRUE(_metadata->passed)
			TH_LOG("fault %u", n);
		faults += more;
	}
	dprintf(1, "# figure: faults injected in %s = %ld faults\n", name, faults);
}

TEST(exit_path)
{
	end_owners(_metadata, step_exit, "exit");
}

TEST(exec_path)
{
	end_owners(_metadata, step_exec, "exec");
}

FAULT_NO_LEAK();

KSFT_MAIN
