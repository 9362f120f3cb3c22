// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/ksync: what its files say, and to whom.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/ctl.h"
#include "lib/ksft.h"
#include "lib/many.h"
#include "lib/player.h"
#include "lib/reader.h"
#include "lib/sys.h"

#define CELLS	64

static const char *const files[] = { "domains", "objects", "threads", "waiters" };

#define FILES	4

static const char *path_of(int i)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/ksync/%s", files[i]);
	return path;
}

FIXTURE(proc)
{
	int fd;
	struct ksync_cell *cells;
	unsigned long long domain;
	struct ctl *out;
};

FIXTURE_SETUP(proc)
{
	self->fd = raw_open();
	self->cells = raw_map(self->fd, CELLS);
	self->domain = ctl_domain(self->fd);
	ASSERT_NE(0, self->domain);
	self->out = player_memory(sizeof(*self->out));
}

FIXTURE_TEARDOWN(proc)
{
	close(self->fd);
}

/* Line @n of what was said; how many lines there are of a kind. */
#define EXPECT_LINE(n, ...)	EXPECT_TRUE(ctl_matches(self->out, n, __VA_ARGS__))
#define EXPECT_LINES(n, ...)	EXPECT_EQ(n, ctl_count(self->out, __VA_ARGS__))

#define NEW_PLAYER(kind)	new_player(_metadata, self, kind)

static struct player *new_player(struct __test_metadata *_metadata,
				 struct _test_data_proc *self, enum task_kind kind)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	return p;
}

static pid_t pid_of(const struct player *p)
{
	return task_tid(&p->task);
}

#define READ(name)	ASSERT_EQ(0, ctl_read(self->out, "/proc/ksync/" name))

/* The columns that there are: more may come, none may go or move. */
TEST_F(proc, first_lines)
{
	READ("domains");
	EXPECT_LINE(0, "ksync-domains 1 serial objects threads waiters slot_cells pid comm*");
	READ("objects");
	EXPECT_LINE(0,
		    "ksync-objects 1 domain id kind flags word owner pid comm waiters readers name*");
	READ("threads");
	EXPECT_LINE(0, "ksync-threads 1 domain handle pid tgid comm policy priority sched reads*");
	READ("waiters");
	EXPECT_LINE(0,
		    "ksync-waiters 1 domain object kind side for pid tgid comm handle prio sched queued since waited deadline clock owner owner_pid owner_comm*");
}

/* All columns of a small scene, in which all is known. */
TEST_F(proc, each_column)
{
	struct player *owner = NEW_PLAYER(TASK_THREAD), *waiter = NEW_PLAYER(TASK_PROCESS);
	struct player *reader = NEW_PLAYER(TASK_BARE);
	uint32_t mutex, rwlock;

	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_STRICT, &mutex));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_RWLOCK, 0, &rwlock));
	ASSERT_EQ(0, raw_name(self->fd, mutex, "a b"));
	ASSERT_EQ(0, player_do(owner, step_lock_fast, mutex));
	ASSERT_EQ(0, player_do(reader, step_read, rwlock));
	ASSERT_EQ(0, sched_fifo(pid_of(waiter), 7));
	waiter->deadline = raw_deadline(CLOCK_REALTIME, 3600 * 1000);
	waiter->flags = KSYNC_WAIT_REALTIME;
	player_post(waiter, step_lock_until, mutex);
	ASSERT_EQ(0, await_waiters(self->fd, mutex, 1));
	ASSERT_EQ(0, player_await_asleep(waiter));
	ASSERT_EQ(0, await_prio(pid_of(owner), FIFO_SHOWN(7)));

	READ("domains");
	EXPECT_LINES(1, "%llu 2 3 1 1 %d proc_test", self->domain, getpid());
	READ("objects");
	EXPECT_LINES(1, "%llu %u mutex 0x1 0x%08x %u %d proc_test 1 - a\\040b",
		     self->domain, mutex, self->cells[mutex].word, owner->handle,
		     pid_of(owner));
	EXPECT_LINES(1, "%llu %u rwlock 0x0 0x10000000 - - - 0 1 -", self->domain, rwlock);
	READ("threads");
	EXPECT_LINES(1, "%llu %u %d %d proc_test 0 -8 rt:7 -",
		     self->domain, owner->handle, pid_of(owner), getpid());
	EXPECT_LINES(1, "%llu %u %d %d proc_test 1 -8 rt:7 -",
		     self->domain, waiter->handle, pid_of(waiter), pid_of(waiter));
	EXPECT_LINES(1, "%llu %u %d %d proc_test 0 20 nice:0 %u",
		     self->domain, reader->handle, pid_of(reader), pid_of(reader), rwlock);
	READ("waiters");
	EXPECT_LINES(1,
		     "%llu %u mutex word lock %d %d proc_test %u 92 rt:7 92 * * %llu realtime %u %d proc_test",
		     self->domain, mutex, pid_of(waiter), pid_of(waiter), waiter->handle,
		     (unsigned long long)waiter->deadline, owner->handle, pid_of(owner));
}

/* One wait is on the lists of all that it waits for, twice on that of the lock it sits at. */
TEST_F(proc, a_wait_on_many)
{
	const struct task_attr deadline = {
		.size = sizeof(deadline),
		.policy = POLICY_DEADLINE,
		.runtime = 50 * MSEC,
		.deadline = 100 * MSEC,
		.period = 100 * MSEC,
	};
	struct player *p = NEW_PLAYER(TASK_PROCESS);
	uint32_t ids[3], handle;

	ASSERT_EQ(0, raw_attach(self->fd, &handle));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &ids[0]));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &ids[1]));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &ids[2]));
	ASSERT_EQ(0, raw_lock(self->fd, ids[1], handle, 0, KSYNC_NO_DEADLINE));
	ASSERT_EQ(0, raw_lock(self->fd, ids[2], handle, 0, KSYNC_NO_DEADLINE));
	ASSERT_EQ(0, sched_attr(pid_of(p), &deadline));
	ASSERT_EQ(0, many_await(p, 0, 0, ids, 3));

	READ("waiters");
	EXPECT_LINES(4, "%llu *", self->domain);
	EXPECT_LINES(1, "%llu %u sem word wait %d %d proc_test %u * deadline *",
		     self->domain, ids[0], pid_of(p), pid_of(p), p->handle);
	EXPECT_LINES(1, "%llu %u mutex word lock %d %d proc_test %u * deadline *",
		     self->domain, ids[1], pid_of(p), pid_of(p), p->handle);
	EXPECT_LINES(1, "%llu %u mutex watch lock %d %d proc_test %u * deadline *",
		     self->domain, ids[1], pid_of(p), pid_of(p), p->handle);
	EXPECT_LINES(1, "%llu %u mutex watch lock %d %d proc_test %u * deadline *",
		     self->domain, ids[2], pid_of(p), pid_of(p), p->handle);

	/*
	 * The kernel keeps a task of SCHED_DEADLINE until its 0-lag time, which comes
	 * before its next period ends, and frees it in the timer's interrupt: where
	 * KASAN allocates now and then, and lockdep forbids it.
	 */
	ASSERT_EQ(0, sched_other(pid_of(p)));
	nanosleep(&(struct timespec){ .tv_nsec = 2 * deadline.period }, NULL);
}

#define CROWD	40	/* more than are copied in one go */

/* Everybody once, in the order in which they will be served. */
TEST_F(proc, many_waiters)
{
	struct player *owner = NEW_PLAYER(TASK_THREAD), *p;
	uint32_t id, mutex, i, n = 0;
	char last[32] = "";

	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &mutex));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &id));
	ASSERT_EQ(0, player_do(owner, step_lock_fast, mutex));
	for (i = 0; i < CROWD; i++) {
		p = NEW_PLAYER(TASK_BARE);
		if (i % 3)
			ASSERT_EQ(0, sched_fifo(pid_of(p), 1 + i));
		player_post(p, i % 2 ? step_acquire : step_lock, i % 2 ? id : mutex);
		ASSERT_EQ(0, await_waiters(self->fd, i % 2 ? id : mutex, i / 2 + 1));
	}
	READ("waiters");
	EXPECT_LINES(CROWD / 2, "%llu %u mutex *", self->domain, mutex);
	EXPECT_LINES(CROWD / 2, "%llu %u sem *", self->domain, id);
	EXPECT_LINES(CROWD / 2, "* %u %d proc_test", owner->handle, pid_of(owner));
	for (i = 1; i < self->out->lines; i++) {
		if (strtoull(self->out->line[i], NULL, 10) != self->domain ||
		    strcmp(ctl_word(self->out->line[i], 2), "sem"))
			continue;
		/* Kernel scale: lower is sooner. */
		EXPECT_LE(atoi(last), atoi(ctl_word(self->out->line[i], 11)));
		strcpy(last, ctl_word(self->out->line[i], 11));
		n++;
	}
	EXPECT_EQ(CROWD / 2, n);
}

/* Two lines of one record would be a forgery, and so would two columns. */
TEST_F(proc, names_forge_nothing)
{
	static const char *const names[] = { "x\n9 9 mutex", "a b c", "-", "\033[1m", "\\" };
	uint32_t id;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_EVENT, 0, &id));
		ASSERT_EQ(0, raw_name(self->fd, id, names[i]));
	}
	ASSERT_EQ(0, prctl(PR_SET_NAME, "a b\n1 2\\\""));
	ASSERT_GE(raw_open(), 0);
	READ("objects");
	EXPECT_LINES(5, "%llu *", self->domain);
	EXPECT_LINES(1, "* 0 - x\\0129\\0409\\040mutex");
	EXPECT_LINES(1, "* 0 - a\\040b\\040c");
	EXPECT_LINES(1, "* 0 - \\055");
	EXPECT_LINES(1, "* 0 - \\033?1m");
	EXPECT_LINES(1, "* 0 - \\134");
	READ("domains");
	EXPECT_LINES(1, "* %d a\\040b\\0121\\0402\\134\\042", getpid());
}

TEST_F(proc, root_alone)
{
	int i, status;
	pid_t pid = fork();

	if (!pid) {
		if (sys(SYS_setresgid, 65534, 65534, 65534) ||
		    sys(SYS_setresuid, 65534, 65534, 65534))
			_exit(100);
		for (i = 0; i < FILES; i++) {
			if (open(path_of(i), O_RDONLY) >= 0 || errno != EACCES)
				_exit(1 + i);
		}
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* In a pid namespace of its own: 0 stands for who is not in it. */
static int count_in_namespace(const struct _test_data_proc *self, struct ctl *out)
{
	uint32_t handle;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, NULL))
		return 100;
	if (raw_attach(self->fd, &handle) || ctl_read(out, "/proc/ksync/threads"))
		return 101;
	if (ctl_count(out, "%llu %u 1 1 *", self->domain, handle) != 1)
		return 102;
	return ctl_count(out, "%llu * 0 0 *", self->domain);
}

TEST_F(proc, pid_namespace)
{
	int status;
	pid_t pid;

	NEW_PLAYER(TASK_PROCESS);
	NEW_PLAYER(TASK_THREAD);
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWPID))
			_exit(110);
		pid = fork();
		if (!pid)
			_exit(count_in_namespace(self, self->out));
		waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(2, WEXITSTATUS(status));
}

/* In pages, with the domain closed after the first one. */
TEST_F(proc, domain_closes_under_its_reader)
{
	char text[512];
	int fd[FILES], domain = raw_open(), i;
	uint32_t ids[1000], handle;
	size_t all = 0;
	ssize_t n;

	ASSERT_EQ(0, raw_attach(domain, &handle));
	ASSERT_EQ(0, raw_create_many(domain, KSYNC_KIND_MUTEX, 0, ids, 1000));
	for (i = 0; i < FILES; i++) {
		fd[i] = open(path_of(i), O_RDONLY);
		ASSERT_GE(fd[i], 0);
		ASSERT_GT(read(fd[i], text, 100), 0);
	}
	ASSERT_EQ(0, close(domain));
	for (i = 0; i < FILES; i++) {
		while ((n = read(fd[i], text, sizeof(text))) > 0)
			all += n;
		EXPECT_EQ(0, n);
		/* From the start, all is as it is now. */
		EXPECT_EQ(0, lseek(fd[i], 0, SEEK_SET));
		EXPECT_GT(read(fd[i], text, sizeof(text)), 0);
		close(fd[i]);
	}
	EXPECT_GT(all, 0);
}

KSFT_MAIN
