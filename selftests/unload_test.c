// SPDX-License-Identifier: GPL-2.0
/*
 * Unloading: refused while somebody has a domain, possible when nobody has,
 * whatever was done before; and the module can be loaded again.
 *
 * The path of the module's file is in the environment: KSYNC_KO=.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib/ksft.h"
#include "lib/module.h"
#include "lib/player.h"
#include "lib/poller.h"
#include "lib/sys.h"
#include "lib/uring.h"

static bool is_refused(int err)
{
	return err == -EAGAIN || err == -EBUSY;
}

TEST(refused_while_open)
{
	int fd = raw_open();

	EXPECT_TRUE(is_refused(module_delete()));
	close(fd);
}

TEST(refused_while_mapped)
{
	int fd = raw_open();
	struct ksync_cell *cells = raw_map(fd, 64);
	struct ksync_info info;

	ASSERT_NE(NULL, cells);
	close(fd);
	EXPECT_TRUE(is_refused(module_delete()));
	EXPECT_EQ(0, cells[0].word);
	fd = raw_open();
	EXPECT_EQ(0, raw_info(fd, &info));
	close(fd);
}

TEST(refused_while_an_object_can_be_polled)
{
	int fd = raw_open(), polled;
	uint32_t id;

	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_SEM, 0, &id));
	polled = raw_fd(fd, id, 0);
	ASSERT_LE(0, polled);
	close(fd);
	EXPECT_TRUE(is_refused(module_delete()));
	EXPECT_EQ(0, poll_now(polled));
	close(polled);
}

TEST(refused_while_waited_for)
{
	int fd = raw_open();
	struct ksync_cell *cells = raw_map(fd, 64);
	struct player *owner = player_start(TASK_THREAD, fd, cells);
	struct player *waiter = player_start(TASK_PROCESS, fd, cells);
	uint32_t id;

	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &id));
	ASSERT_NE(NULL, owner);
	ASSERT_NE(NULL, waiter);
	ASSERT_EQ(0, player_do(owner, step_lock_fast, id));
	player_post(waiter, step_lock, id);
	ASSERT_EQ(0, await_waiters(fd, id, 1));
	EXPECT_TRUE(is_refused(module_delete()));
	EXPECT_EQ(0, player_do(owner, step_unlock, id));
	EXPECT_EQ(0, player_result(waiter));
}

/* A command that waits by io_uring keeps it, until its ring is closed. */
TEST(refused_while_a_command_waits)
{
	struct uring_scene s;

	if (!getenv("KSYNC_KO"))
		SKIP(return, "KSYNC_KO= does not name the module to load again");
	ASSERT_TRUE(uring_scene_open(&s));
	if (!uring_there(&s))
		SKIP(return, "the module was built without io_uring");
	ASSERT_EQ(0, io_uring_queue_init(4, &s.ring, 0));
	uring_acquire(&s.ring, s.fd, s.sem, 1);
	ASSERT_EQ(1, io_uring_submit(&s.ring));
	munmap(s.cells, 64 * KSYNC_CELL_SIZE);
	close(s.fd);
	EXPECT_TRUE(is_refused(module_delete()));
	io_uring_queue_exit(&s.ring);
	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load(""));
}

/* The module is told whenever this task is preempted. */
static int step_ceiling(struct player *p)
{
	struct ksync_attach a = { .size = sizeof(a), .flags = KSYNC_ATTACH_CEILING };

	return raw_ioctl(p->fd, KSYNC_IOC_ATTACH, &a);
}

/* Owners that died, waiters that were killed, names, a mapping, one live task. */
static void leave_traces(struct __test_metadata *_metadata, struct player **alive)
{
	int fd = raw_open();
	struct ksync_cell *cells = raw_map(fd, 64);
	struct player *owner = player_start(TASK_PROCESS, fd, cells);
	struct player *waiter = player_start(TASK_PROCESS, fd, cells);
	struct ksync_name name = { .size = sizeof(name), .name = "left behind" };
	uint32_t handle;

	*alive = player_start(TASK_PROCESS, fd, cells);
	ASSERT_NE(NULL, owner);
	ASSERT_NE(NULL, waiter);
	ASSERT_NE(NULL, *alive);
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &name.id));
	ASSERT_EQ(0, raw_ioctl(fd, KSYNC_IOC_NAME, &name));
	ASSERT_EQ(0, raw_attach(fd, &handle));
	ASSERT_EQ(0, player_do(*alive, step_ceiling, 0));
	ASSERT_EQ(0, player_do(owner, step_lock_fast, name.id));
	player_post(waiter, step_lock, name.id);
	ASSERT_EQ(0, await_waiters(fd, name.id, 1));
	ASSERT_EQ(0, task_kill(&waiter->task, SIGKILL));
	ASSERT_EQ(0, task_kill(&owner->task, SIGKILL));
	ASSERT_EQ(0, task_join(&waiter->task, NULL));
	ASSERT_EQ(0, task_join(&owner->task, NULL));
	munmap(cells, 64 * KSYNC_CELL_SIZE);
	close(fd);
}

/* A task goes on living whose handle's domain, and module, are gone. */
static int step_leave(struct player *p)
{
	munmap(p->cells, 64 * KSYNC_CELL_SIZE);
	return close(p->fd) ? -EBADF : 0;
}

TEST(unload_and_load)
{
	struct player *alive = NULL;
	struct ksync_info info;
	uint32_t handle;
	int fd, round;

	if (!getenv("KSYNC_KO"))
		SKIP(return, "KSYNC_KO= does not name the module to load again");
	ASSERT_EQ(0, access(getenv("KSYNC_KO"), R_OK));
	for (round = 0; round < 3; round++) {
		leave_traces(_metadata, &alive);
		EXPECT_TRUE(is_refused(module_delete()));
		ASSERT_EQ(0, player_do(alive, step_leave, 0));
		ASSERT_EQ(0, module_unload());
		EXPECT_EQ(-1, access("/sys/module/ksync", F_OK));
		/* It dies without the module. */
		if (round == 1)
			EXPECT_EQ(0, player_end(alive));
		ASSERT_EQ(0, module_load(""));
		if (round != 1)
			EXPECT_EQ(0, player_end(alive));

		fd = raw_open();
		ASSERT_EQ(0, raw_info(fd, &info));
		EXPECT_EQ(0, info.objects);
		EXPECT_EQ(0, info.threads);
		ASSERT_EQ(0, raw_attach(fd, &handle));
		close(fd);
	}
}

/* Files that are open do not keep the module, and read no more when it is gone. */
TEST(unload_while_proc_is_open)
{
	static const char *const files[] = { "domains", "objects", "threads", "waiters" };
	char path[64], text[4096];
	int fd[4], domain, i;
	uint32_t ids[100];

	if (!getenv("KSYNC_KO"))
		SKIP(return, "KSYNC_KO= does not name the module to load again");
	domain = raw_open();
	ASSERT_EQ(0, raw_create_many(domain, KSYNC_KIND_MUTEX, 0, ids, 100));
	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/proc/ksync/%s", files[i]);
		fd[i] = open(path, O_RDONLY | O_CLOEXEC);
		ASSERT_GE(fd[i], 0);
		EXPECT_GT(read(fd[i], text, 100), 0);
	}
	EXPECT_TRUE(is_refused(module_delete()));
	close(domain);
	ASSERT_EQ(0, module_unload());
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(-1, read(fd[i], text, sizeof(text)));
		EXPECT_EQ(EIO, errno);
		EXPECT_EQ(0, close(fd[i]));
	}
	ASSERT_EQ(0, module_load(""));
	EXPECT_EQ(0, access("/proc/ksync/waiters", R_OK));
}

/* Priority ceilings without a look at preemptions: raised at once. */
static int step_be_raised(struct player *p)
{
	struct ksync_mutex m;
	struct ksync *d;
	int ret, inside;

	ret = sched_fifo(0, 5);
	if (!ret)
		ret = ksync_open(&d, 0);
	if (ret)
		return ret;
	ret = ksync_mutex_init_protect(&m, d, 0, 40);
	if (!ret)
		ret = ksync_mutex_lock(&m);
	inside = effective_prio(sys_gettid());
	ret |= ksync_mutex_unlock(&m);
	p->flags = inside == FIFO_SHOWN(40) && effective_prio(sys_gettid()) == FIFO_SHOWN(5);
	ksync_close(d);
	return ret;
}

TEST(eager_ceilings)
{
	struct player *p;
	int fd;

	if (!getenv("KSYNC_KO"))
		SKIP(return, "KSYNC_KO= does not name the module to load again");
	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load("lazy_ceiling=0"));
	fd = raw_open();
	p = player_start(TASK_PROCESS, fd, raw_map(fd, 64));
	ASSERT_NE(NULL, p);
	EXPECT_EQ(0, player_do(p, step_be_raised, 0));
	EXPECT_EQ(1, p->flags);
	EXPECT_EQ(0, player_end(p));
	close(fd);
	munmap(p->cells, 64 * KSYNC_CELL_SIZE);
	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load(""));
}

KSFT_MAIN
