// SPDX-License-Identifier: GPL-2.0
/*
 * Commands by io_uring end with whoever submitted them, and are not given what comes
 * later.
 */
#include <signal.h>

#include "lib/uring.h"
#include "lib/player.h"

#define FD		(self->s.fd)
#define SEM		(self->s.sem)
#define WORD(id)	__atomic_load_n(&self->s.cells[id].word, __ATOMIC_ACQUIRE)
#define POST(id, n)	ASSERT_EQ(0, raw_release(FD, id, 0, n, &was))

/* Ways to leave. */
enum way { EXIT, EXIT_GROUP, KILLED, EXEC, EXEC_THREAD, CLOSE, SHARED, THREAD_EXIT };

FIXTURE(leave)
{
	struct uring_scene s;
	uint32_t *go;
};

FIXTURE_VARIANT(leave)
{
	unsigned int setup;
};

FIXTURE_VARIANT_ADD(leave, plain) { .setup = 0 };
FIXTURE_VARIANT_ADD(leave, sqpoll) { .setup = IORING_SETUP_SQPOLL };
FIXTURE_VARIANT_ADD(leave, defer) {
	.setup = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };

FIXTURE_SETUP(leave)
{
	ASSERT_TRUE(uring_scene_open(&self->s));
	if (!uring_there(&self->s))
		SKIP(_exit(255), "the module was built without io_uring");
	self->go = player_memory(4096);
}

FIXTURE_TEARDOWN(leave)
{
	close(self->s.fd);
}

struct leaver {
	struct uring_scene *s;
	uint32_t *go;
	unsigned int setup;
	enum way way;
	uint32_t handle;
};

static int submit_all(void *arg)
{
	struct leaver *l = arg;
	struct uring_scene *s = l->s;

	if (io_uring_queue_init(16, &s->ring, l->setup) || raw_attach(s->fd, &l->handle))
		return 1;
	uring_acquire(&s->ring, s->fd, s->sem, 1);
	uring_acquire(&s->ring, s->fd, s->event, 2);
	uring_command(&s->ring, s->fd, KSYNC_URING_WAIT, s->waitq, 0, 1, 3);
	uring_command(&s->ring, s->fd, KSYNC_URING_LOCK, s->mutex, l->handle, 0, 4);
	if (io_uring_submit(&s->ring) < 0)
		return 2;
	return await_value(l->go, 1) ? 3 : 0;
}

static int pause_for_ever(void)
{
	for (;;)
		pause();
	return 0;
}

static int do_exec(void *arg)
{
	(void)arg;
	execl("/bin/sleep", "sleep", "1000", NULL);
	return errno;
}

static int do_exit_group(void *arg)
{
	(void)arg;
	_exit(0);
}

static int leave(void *arg)
{
	struct leaver *l = arg;
	struct task t;
	int ret = 0;

	if (l->way == THREAD_EXIT)
		ret = task_start(&t, TASK_THREAD, submit_all, l);
	else
		ret = submit_all(l);
	if (ret)
		return ret;
	switch (l->way) {
	case EXIT:
		return 0;
	case EXIT_GROUP:
		task_start(&t, TASK_THREAD, do_exit_group, l);
		break;
	case EXEC:
		return do_exec(NULL);
	case EXEC_THREAD:
		task_start(&t, TASK_THREAD, do_exec, l);
		break;
	case CLOSE:
		/* Unmaps it too: a ring is not closed before. */
		io_uring_queue_exit(&l->s->ring);
		break;
	case SHARED:
		/* Known before this process ends: the test kills the child by it. */
		ret = fork();
		if (!ret)
			break;
		l->go[1] = ret;
		return ret < 0;
	case KILLED:
	case THREAD_EXIT:
		break;
	}
	return pause_for_ever();
}

static bool nobody_waits(const void *arg)
{
	struct ksync_info info;

	return !raw_info(*(const int *)arg, &info) && !info.waiters;
}

/* The new program runs: execve has not waited for anything. */
static bool runs_sleep(const void *arg)
{
	char path[64], comm[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", *(const pid_t *)arg);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(comm, sizeof(comm), f))
		comm[0] = 0;
	fclose(f);
	return !strcmp(comm, "sleep\n");
}

/* All that a process waits for by a ring ends when it leaves in this way. */
static void leaves(struct __test_metadata *_metadata, struct _test_data_leave *self,
		   unsigned int setup, enum way way)
{
	struct leaver l = { &self->s, self->go, setup, way, 0 };
	uint32_t was;
	struct task t;

	*self->go = 0;
	ASSERT_EQ(0, raw_lock(FD, self->s.mutex, self->s.self, 0, 0));
	ASSERT_EQ(0, task_start(&t, TASK_PROCESS, leave, &l));
	ASSERT_EQ(0, await_waiters(FD, SEM, 1));
	ASSERT_EQ(0, await_waiters(FD, self->s.event, 1));
	ASSERT_EQ(0, await_waiters(FD, self->s.waitq, 1));
	if (!(setup & IORING_SETUP_SQPOLL))
		ASSERT_EQ(0, await_waiters(FD, self->s.mutex, 1));
	__atomic_store_n(self->go, 1, __ATOMIC_RELEASE);
	if (way == KILLED)
		ASSERT_EQ(0, task_kill(&t, SIGKILL));
	EXPECT_EQ(0, await_waiters(FD, SEM, 0));
	EXPECT_EQ(0, await_true(nobody_waits, &FD)) TH_LOG("way %d", way);
	if (way == EXEC || way == EXEC_THREAD) {
		const pid_t pid = task_tid(&t);

		/* A kill in the middle of execve might go to a thread that dies anyway. */
		EXPECT_EQ(0, await_true(runs_sleep, &pid));
	}
	if (way == EXIT || way == EXIT_GROUP || way == KILLED || way == SHARED)
		EXPECT_EQ(0, await_gone(task_tid(&t))) TH_LOG("way %d", way);
	if (way == SHARED)
		EXPECT_EQ(0, kill(self->go[1], SIGKILL));
	task_kill(&t, SIGKILL);
	ASSERT_EQ(0, task_join(&t, NULL));
	POST(SEM, 1);
	EXPECT_EQ(1, WORD(SEM)) TH_LOG("way %d", way);
	__atomic_store_n(&self->s.cells[SEM].word, 0, __ATOMIC_RELEASE);
	EXPECT_EQ(0, raw_unlock(FD, self->s.mutex, self->s.self));
	EXPECT_EQ(0, WORD(self->s.mutex)) TH_LOG("way %d", way);
}

TEST_F(leave, by_exit)
{
	leaves(_metadata, self, variant->setup, EXIT);
	leaves(_metadata, self, variant->setup, EXIT_GROUP);
	leaves(_metadata, self, variant->setup, KILLED);
}

TEST_F(leave, by_execve)
{
	leaves(_metadata, self, variant->setup, EXEC);
	leaves(_metadata, self, variant->setup, EXEC_THREAD);
}

TEST_F(leave, by_close)
{
	leaves(_metadata, self, variant->setup, CLOSE);
}

TEST_F(leave, a_shared_ring)
{
	/* The polling thread goes with the process that made the ring. */
	leaves(_metadata, self, variant->setup, SHARED);
}

TEST_F(leave, by_exit_of_the_thread)
{
	/* The polling thread lives on, and nobody but it has submitted these. */
	if (variant->setup & IORING_SETUP_SQPOLL)
		SKIP(return, "a ring that does not end with the thread");
	leaves(_metadata, self, variant->setup, THREAD_EXIT);
}

KSFT_MAIN
