// SPDX-License-Identifier: GPL-2.0
/*
 * Attacks on the limits of a domain, by a user who may open the device and nothing
 * else: each limit answers as the header says, and another user's program in another
 * domain does not notice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/attacker.h"
#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/poller.h"
#include "lib/uring.h"
#include "lib/victim.h"

static void must_restore(const char *name, unsigned int value)
{
	if (param_set(name, value))
		fprintf(stderr, "# %s keeps the value of the test\n", name);
}

FIXTURE(limit)
{
	unsigned int max_objects;
	unsigned int max_threads;
	unsigned int max_waiters;
	unsigned int handle_max;
	struct victim *victim;
};

FIXTURE_SETUP(limit)
{
	ASSERT_EQ(0, device_share());
	ASSERT_EQ(0, param_get("max_objects", &self->max_objects));
	ASSERT_EQ(0, param_get("max_threads", &self->max_threads));
	ASSERT_EQ(0, param_get("max_waiters", &self->max_waiters));
	ASSERT_EQ(0, param_get("handle_max", &self->handle_max));
	self->victim = victim_start(VICTIM_CALLS);
	ASSERT_NE(NULL, self->victim);
}

FIXTURE_TEARDOWN(limit)
{
	EXPECT_EQ(0, victim_await(self->victim));
	EXPECT_EQ(0, victim_stop(self->victim));
	must_restore("max_objects", self->max_objects);
	must_restore("max_threads", self->max_threads);
	must_restore("max_waiters", self->max_waiters);
	must_restore("handle_max", self->handle_max);
	device_unshare();
}

static int create_to_the_limit(struct attacker *a)
{
	uint32_t ids[1 << 10], handle, i;
	int ret;

	a->fd = raw_open();
	ATTACK_EQ(0, raw_attach(a->fd, &handle));
	ATTACK_EQ(-ENOSPC, raw_create_many(a->fd, KSYNC_KIND_MUTEX, 0, ids, 1001));
	for (i = 0; i < 2000; i++) {
		ret = raw_create(a->fd, KSYNC_KIND_MUTEX, 0, &ids[0]);
		if (ret)
			break;
	}
	ATTACK_EQ(-ENOSPC, ret);
	a->n[0] = i;
	struct ksync_attach slot = { .size = sizeof(slot), .flags = KSYNC_ATTACH_SLOT };

	ATTACK_EQ(-ENOSPC, raw_ioctl(a->fd, KSYNC_IOC_ATTACH, &slot));
	slot.flags = KSYNC_ATTACH_CEILING;
	ATTACK_EQ(-ENOSPC, raw_ioctl(a->fd, KSYNC_IOC_ATTACH, &slot));
	return 0;
}

TEST_F(limit, objects)
{
	struct attacker *a = attacker_new(create_to_the_limit);

	ASSERT_EQ(0, param_set("max_objects", 1000));
	EXPECT_EQ(0, attacker_run(a));
	EXPECT_EQ(1000, a->n[0]);
}

/* Children that attach and stay: how many were let in. */
static int fork_bomb(struct attacker *a)
{
	uint32_t handle, i;
	int status, ret;

	a->fd = raw_open();
	for (i = 0; i < 40; i++) {
		if (fork())
			continue;
		ret = raw_attach(a->fd, &handle);
		if (ret && ret != -ENOSPC)
			a->failed = __LINE__;
		__atomic_add_fetch(&a->n[ret ? 1 : 0], 1, __ATOMIC_SEQ_CST);
		/* Until all have tried, nobody makes room. */
		await_value(&a->go, 1);
		_exit(0);
	}
	while (__atomic_load_n(&a->n[0], __ATOMIC_SEQ_CST) +
	       __atomic_load_n(&a->n[1], __ATOMIC_SEQ_CST) < 40)
		poll(NULL, 0, 1);
	a->go = 1;
	while (wait(&status) > 0)
		;
	return 0;
}

TEST_F(limit, threads)
{
	struct attacker *a = attacker_new(fork_bomb);

	ASSERT_EQ(0, param_set("max_threads", 8));
	EXPECT_EQ(0, attacker_run(a));
	EXPECT_EQ(8, a->n[0]);
	EXPECT_EQ(32, a->n[1]);
}

/* Numbers run out, are swept and used again, however often a thread comes and goes. */
static int churn(struct attacker *a)
{
	uint32_t handle;
	int i, status;
	pid_t pid;

	a->fd = raw_open();
	for (i = 0; i < 200; i++) {
		pid = fork();
		if (!pid)
			_exit(raw_attach(a->fd, &handle) || handle > 16);
		ATTACK_EQ(pid, waitpid(pid, &status, 0));
		ATTACK_EQ(0, status);
	}
	return 0;
}

TEST_F(limit, handles_by_churn)
{
	ASSERT_EQ(0, param_set("handle_max", 16));
	EXPECT_EQ(0, attacker_run(attacker_new(churn)));
}

TEST_F(limit, handles_by_fork_bomb)
{
	struct attacker *a = attacker_new(fork_bomb);

	ASSERT_EQ(0, param_set("handle_max", 8));
	EXPECT_EQ(0, attacker_run(a));
	EXPECT_EQ(8, a->n[0]);
	EXPECT_EQ(32, a->n[1]);
}

/* One call waits at many objects, and each counts. */
static int wait_at_many(struct attacker *a)
{
	struct ksync_item items[64] = {};
	struct ksync_many many = {
		.count = 64,
		.items = (uintptr_t)items,
		.deadline = raw_deadline(CLOCK_MONOTONIC, 1),
	};
	struct ksync_info info;
	uint32_t i;

	a->fd = raw_open();
	for (i = 0; i < 64; i++)
		ATTACK_EQ(0, raw_create(a->fd, KSYNC_KIND_EVENT, 0, &items[i].id));
	ATTACK_EQ(-ENOSPC, raw_many(a->fd, &many));
	many.count = 31;
	ATTACK_EQ(-ETIMEDOUT, raw_many(a->fd, &many));
	many.count = 32;
	ATTACK_EQ(-ENOSPC, raw_many(a->fd, &many));
	ATTACK_EQ(0, raw_info(a->fd, &info));
	ATTACK_EQ(0, info.waiters);
	return 0;
}

TEST_F(limit, waiters)
{
	ASSERT_EQ(0, param_set("max_waiters", 32));
	EXPECT_EQ(0, attacker_run(attacker_new(wait_at_many)));
}

static int queue_commands(struct attacker *a)
{
	struct io_uring ring;
	uint64_t tag = 0;
	uint32_t sem, i;

	a->fd = raw_open();
	ATTACK_EQ(0, raw_create(a->fd, KSYNC_KIND_SEM, 0, &sem));
	ATTACK_EQ(0, io_uring_queue_init(64, &ring, 0));
	for (i = 0; i < 33; i++)
		uring_acquire(&ring, a->fd, sem, i);
	ATTACK_EQ(33, io_uring_submit(&ring));
	ATTACK_EQ(-ENOSPC, uring_reap(&ring, &tag));
	ATTACK_EQ(32, tag);
	io_uring_queue_exit(&ring);
	return 0;
}

TEST_F(limit, waiters_by_io_uring)
{
	ASSERT_EQ(0, param_set("max_waiters", 32));
	EXPECT_EQ(0, attacker_run(attacker_new(queue_commands)));
}

KSFT_MAIN
