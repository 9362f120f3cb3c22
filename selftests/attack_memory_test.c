// SPDX-License-Identifier: GPL-2.0
/*
 * Attacks on the machine's memory, by a user who may open the device and nothing
 * else: all that a user can make grow is charged to that user's memory cgroup, and
 * another user's program in another domain does not notice.
 */
#include <stdlib.h>
#include <unistd.h>

#include "lib/attacker.h"
#include "lib/clock.h"
#include "lib/figure.h"
#include "lib/ksft.h"
#include "lib/poller.h"
#include "lib/uring.h"
#include "lib/victim.h"

#define MEMCG	"ksync-attack-memory"
#define KIB	1024LL
#define MIB	(1024 * KIB)

/* One name, ceiling or descriptor in each node of an xarray. */
#define SPARSE	64

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

static struct victim *begin(void)
{
	return device_share() || memcg_make(MEMCG, 0) ? NULL : victim_start(VICTIM_CALLS);
}

static void end(struct __test_metadata *_metadata, struct victim *v)
{
	EXPECT_EQ(0, victim_await(v));
	EXPECT_EQ(0, victim_stop(v));
	memcg_remove(MEMCG);
	device_unshare();
}

FIXTURE_SETUP(hog)
{
	self->victim = begin();
	ASSERT_NE(NULL, self->victim);
}

FIXTURE_TEARDOWN(hog)
{
	end(_metadata, self->victim);
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
	/* Nodes of an xarray have 16 slots on kernels of our own, elsewhere 64. */
	EXPECT_GT(grown, variant->bytes * (slow_factor() > 1 ? 2 : 3) / 5);
	figure(grown / KIB, "KiB", "memory.charged.%s", variant->name);
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

FIXTURE(maximum)
{
	struct victim *victim;
};

FIXTURE_SETUP(maximum)
{
	self->victim = begin();
	ASSERT_NE(NULL, self->victim);
}

FIXTURE_TEARDOWN(maximum)
{
	end(_metadata, self->victim);
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
	figure(memcg_oom_kills(MEMCG), "processes", "memory.%s.killed", name);
	figure(memcg_peak(MEMCG) / KIB, "KiB", "memory.%s.peak", name);
}

TEST_F(maximum, stops_who_creates)
{
	stop_by_memory(_metadata, "create", take_all);
}

TEST_F(maximum, stops_who_touches)
{
	stop_by_memory(_metadata, "touch", touch_all);
}

KSFT_MAIN
