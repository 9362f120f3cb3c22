// SPDX-License-Identifier: GPL-2.0
/*
 * Attacks on the machine's memory and on the limits of a domain, by a user who may
 * open the device and nothing else: each limit answers as the header says, all that
 * a user can make grow is charged to that user's memory cgroup, and another user's
 * program in another domain does not notice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/attacker.h"
#include "lib/clock.h"
#include "lib/figure.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/poller.h"
#include "lib/uring.h"
#include "lib/victim.h"

#define MEMCG	"ksync-attack-limit"
#define KIB	1024LL
#define MIB	(1024 * KIB)

/* One name, ceiling or descriptor in each node of an xarray. */
#define SPARSE	64

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
	ASSERT_EQ(0, memcg_make(MEMCG, 0));
	self->victim = victim_start(VICTIM_CALLS);
	ASSERT_NE(NULL, self->victim);
}

FIXTURE_TEARDOWN(limit)
{
	const uint64_t done = victim_done(self->victim);
	const uint64_t deadline = await_deadline();

	/* It works still. */
	while (victim_done(self->victim) == done && !passed(deadline))
		poll(NULL, 0, 1);
	EXPECT_NE(done, victim_done(self->victim));
	EXPECT_EQ(0, victim_stop(self->victim));
	must_restore("max_objects", self->max_objects);
	must_restore("max_threads", self->max_threads);
	must_restore("max_waiters", self->max_waiters);
	must_restore("handle_max", self->handle_max);
	memcg_remove(MEMCG);
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

/*
 * What is charged while a hog does one thing: @n[0] times; before it and after it.
 */
static int64_t charged(void)
{
	/* What was charged on other processors' account arrives in steps of this. */
	return memcg_current(MEMCG);
}

static int begin_objects(struct attacker *a)
{
	uint32_t *ids = malloc(KSYNC_BATCH_MAX * sizeof(*ids));
	uint32_t i;

	for (i = 0; i < a->n[0]; i += KSYNC_BATCH_MAX)
		ATTACK_EQ(0, raw_create_many(a->fd, a->n[1], a->n[2], ids, KSYNC_BATCH_MAX));
	free(ids);
	return 0;
}

static int hog_cells(struct attacker *a)
{
	const size_t size = a->n[0] * KSYNC_CELL_SIZE;
	char *arena = (void *)raw_map(a->fd, a->n[0]);
	size_t i;

	for (i = 0; i < size; i += 4096)
		__atomic_store_n(&arena[i], 1, __ATOMIC_RELAXED);
	return 0;
}

static int hog_names(struct attacker *a)
{
	uint32_t id;

	for (id = 0; id < a->n[0]; id += SPARSE)
		ATTACK_EQ(0, raw_name(a->fd, id, "x"));
	return 0;
}

static int hog_ceilings(struct attacker *a)
{
	struct ksync_ceiling arg = { .size = sizeof(arg), .ceiling = 1 };

	for (arg.id = 0; arg.id < a->n[0]; arg.id += SPARSE)
		ATTACK_EQ(0, raw_ioctl(a->fd, KSYNC_IOC_CEILING, &arg));
	return 0;
}

static int hog_descriptors(struct attacker *a)
{
	uint32_t id;

	for (id = 0; id < a->n[0]; id += SPARSE)
		ATTACK(raw_fd(a->fd, id, 0) >= 0);
	return 0;
}

static int hog_domains(struct attacker *a)
{
	int64_t i;

	for (i = 0; i < a->n[0]; i++)
		ATTACK(raw_open() >= 0);
	return 0;
}

/* What is in a domain of which there are many already. */
static int many_domains(struct attacker *a)
{
	uint32_t id;
	int64_t i;
	int fd;

	for (i = 0; i < a->n[0]; i++) {
		fd = raw_open();
		if (!i)
			a->n[3] = fd;
		ATTACK_EQ(0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &id));
	}
	return 0;
}

static int hog_handles(struct attacker *a)
{
	uint32_t handle;
	int64_t i;

	for (i = 0; i < a->n[0]; i++)
		ATTACK_EQ(0, raw_attach(a->n[3] + i, &handle));
	return 0;
}

static int attached_domains(struct attacker *a)
{
	return many_domains(a) || hog_handles(a);
}

static int hog_slots(struct attacker *a)
{
	int64_t i;

	for (i = 0; i < a->n[0]; i++) {
		struct ksync_attach arg = { .size = sizeof(arg), .flags = KSYNC_ATTACH_SLOT };

		ATTACK_EQ(0, raw_ioctl(a->n[3] + i, KSYNC_IOC_ATTACH, &arg));
	}
	return 0;
}

static struct io_uring ring;

static int begin_ring(struct attacker *a)
{
	a->n[1] = KSYNC_KIND_SEM;
	ATTACK_EQ(0, io_uring_queue_init(1024, &ring, 0));
	return begin_objects(a);
}

static int hog_commands(struct attacker *a)
{
	uint32_t i;

	for (i = 0; i < a->n[0] / 16; i++) {
		uring_acquire(&ring, a->fd, i, i);
		if (i % 1024 == 1023)
			ATTACK_EQ(1024, io_uring_submit(&ring));
	}
	return 0;
}

FIXTURE(hog)
{
	struct victim *victim;
};

/*
 * @begin is done before, @hog is measured: @n[0] to @n[2] in the attacker.  At least
 * @bytes are charged for it, which is more than without any part of it.
 */
FIXTURE_VARIANT(hog)
{
	const char *name;
	int (*begin)(struct attacker *a);
	int (*hog)(struct attacker *a);
	int64_t n;
	uint32_t kind;
	uint32_t flags;
	int64_t bytes;
};

/* A cell, and its tag. */
FIXTURE_VARIANT_ADD(hog, objects)
{
	.name = "objects",
	.hog = begin_objects,
	.n = 1 << 18,
	.kind = KSYNC_KIND_MUTEX,
	.bytes = (1 << 18) * 64LL,
};

/* Cells in pages that are touched and not used. */
FIXTURE_VARIANT_ADD(hog, cells)
{
	.name = "cells",
	.hog = hog_cells,
	.n = 1 << 18,
	.bytes = (1 << 18) * 64LL,
};

/* The node of an xarray, and 56 bytes or more for the name. */
FIXTURE_VARIANT_ADD(hog, names)
{
	.name = "names",
	.begin = begin_objects,
	.hog = hog_names,
	.n = 1 << 19,
	.kind = KSYNC_KIND_MUTEX,
	.bytes = (1 << 13) * (500 + 56),
};

FIXTURE_VARIANT_ADD(hog, ceilings)
{
	.name = "ceilings",
	.begin = begin_objects,
	.hog = hog_ceilings,
	.n = 1 << 19,
	.kind = KSYNC_KIND_MUTEX,
	.flags = KSYNC_MUTEX_PROTECT,
	.bytes = (1 << 13) * 500,
};

/* A node, the hub, the file and what hangs on it. */
FIXTURE_VARIANT_ADD(hog, descriptors)
{
	.name = "descriptors",
	.begin = begin_objects,
	.hog = hog_descriptors,
	.n = 1 << 17,
	.kind = KSYNC_KIND_MUTEX,
	.bytes = (1 << 11) * (500 + 128 + 32 + 192 + 192),
};

FIXTURE_VARIANT_ADD(hog, domains)
{
	.name = "domains",
	.hog = hog_domains,
	.n = 4000,
	.bytes = 4000 * 1024,
};

/* A node, the membership. */
FIXTURE_VARIANT_ADD(hog, handles)
{
	.name = "handles",
	.begin = many_domains,
	.hog = hog_handles,
	.n = 4000,
	.bytes = 4000 * (500 + 56),
};

/* A node and the slot; the cell is in a page that is there. */
FIXTURE_VARIANT_ADD(hog, slots)
{
	.name = "slots",
	.begin = attached_domains,
	.hog = hog_slots,
	.n = 4000,
	.bytes = 4000 * (500 + 32),
};

/* The wait, its state, the request. */
FIXTURE_VARIANT_ADD(hog, commands)
{
	.name = "commands",
	.begin = begin_ring,
	.hog = hog_commands,
	.n = 1 << 18,
	.bytes = (1 << 14) * (384 + 384 + 192),
};

FIXTURE_SETUP(hog)
{
	ASSERT_EQ(0, device_share());
	ASSERT_EQ(0, memcg_make(MEMCG, 0));
	self->victim = victim_start(VICTIM_CALLS);
	ASSERT_NE(NULL, self->victim);
}

FIXTURE_TEARDOWN(hog)
{
	EXPECT_EQ(0, victim_stop(self->victim));
	memcg_remove(MEMCG);
	device_unshare();
}

static int (*hog_begin)(struct attacker *a);
static int (*hog_main)(struct attacker *a);

static int hog(struct attacker *a)
{
	a->fd = raw_open();
	if (hog_begin && hog_begin(a))
		return 1;
	a->n[8] = charged();
	if (hog_main(a))
		return 1;
	a->n[9] = charged();
	return 0;
}

TEST_F(hog, is_charged)
{
	struct attacker *a = attacker_new(hog);
	int64_t grown;

	a->n[0] = variant->n;
	a->n[1] = variant->kind;
	a->n[2] = variant->flags;
	a->rtprio = 1;
	a->memcg = MEMCG;
	hog_begin = variant->begin;
	hog_main = variant->hog;
	ASSERT_EQ(0, attacker_run(a));
	grown = a->n[9] - a->n[8];
	/* On small kernels nodes of an xarray have 16 slots instead of 64. */
	EXPECT_GT(grown, variant->bytes * 3 / 5);
	figure(grown / KIB, "KiB", "limit.charged.%s", variant->name);
}

/* As much as it can get of everything, until somebody stops it. */
static int take_all(struct attacker *a)
{
	uint32_t *ids = malloc(KSYNC_BATCH_MAX * sizeof(*ids));
	int i, ret = 0;

	for (i = 0; i < 1000 && !ret; i++) {
		a->fd = raw_open();
		while (!ret) {
			ret = raw_create_many(a->fd, KSYNC_KIND_MUTEX, 0, ids, 4096);
			a->n[0] += ret ? 0 : 4096;
		}
		/* Full: on with the next. */
		if (ret == -ENOSPC)
			ret = 0;
	}
	a->n[1] = ret;
	return 0;
}

static int touch_all(struct attacker *a)
{
	char *arena;
	size_t k, size = 64 * MIB;
	int i;

	for (i = 0; i < 1000; i++) {
		arena = (void *)raw_map(raw_open(), size / KSYNC_CELL_SIZE);
		for (k = 0; k < size; k += 4096, a->n[0]++)
			__atomic_store_n(&arena[k], 1, __ATOMIC_RELAXED);
	}
	return 0;
}

#define MAX_BYTES	(48 * MIB)

static void stop_by_memory(struct __test_metadata *_metadata, const char *name,
			   int (*fn)(struct attacker *a))
{
	struct attacker *a = attacker_new(fn);
	int ret;

	memcg_remove(MEMCG);
	ASSERT_EQ(0, memcg_make(MEMCG, MAX_BYTES));
	a->memcg = MEMCG;
	memcg_oom_expected(true);
	ret = attacker_run(a);
	memcg_oom_expected(false);
	/* The kernel kills it, or a call says that there is no memory. */
	EXPECT_TRUE(ret == -SIGKILL || (!ret && a->n[1] == -ENOMEM));
	EXPECT_GT(a->n[0], 0);
	EXPECT_GE(MAX_BYTES, memcg_peak(MEMCG));
	EXPECT_LT(MAX_BYTES / 2, memcg_peak(MEMCG));
	figure(memcg_oom_kills(MEMCG), "processes", "limit.%s.killed", name);
	figure(memcg_peak(MEMCG) / KIB, "KiB", "limit.%s.peak", name);
}

TEST_F(limit, memory_max_stops_who_creates)
{
	stop_by_memory(_metadata, "create", take_all);
}

TEST_F(limit, memory_max_stops_who_touches)
{
	stop_by_memory(_metadata, "touch", touch_all);
}

KSFT_MAIN
