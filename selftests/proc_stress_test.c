// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/ksync is read while objects, waiters and domains come and go: what stays
 * is there each time, and nothing that has gone is touched.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/ctl.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

#define CELLS	4096

static const char *const files[] = { "domains", "objects", "threads", "waiters" };

#define FILES	4

static const char *path_of(int i)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/ksync/%s", files[i]);
	return path;
}

FIXTURE(stress)
{
	int fd;
	struct ksync_cell *cells;
	unsigned long long domain;
	struct ctl *out;
	uint32_t *stop;
};

FIXTURE_SETUP(stress)
{
	self->fd = raw_open();
	self->cells = raw_map(self->fd, CELLS);
	self->domain = ctl_domain(self->fd);
	ASSERT_NE(0, self->domain);
	self->out = player_memory(sizeof(*self->out));
	self->stop = player_memory(sizeof(*self->stop));
}

FIXTURE_TEARDOWN(stress)
{
	close(self->fd);
}

/* How many lines there are of a kind. */
#define EXPECT_LINES(n, ...)	EXPECT_EQ(n, ctl_count(self->out, __VA_ARGS__))

#define NEW_PLAYER(kind)	new_player(_metadata, self, kind)

static struct player *new_player(struct __test_metadata *_metadata,
				 struct _test_data_stress *self, enum task_kind kind)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	return p;
}

static pid_t pid_of(const struct player *p)
{
	return task_tid(&p->task);
}

/* What comes and goes: 1000 objects at a time, until *@p->futex. */
static int step_churn(struct player *p)
{
	static uint32_t ids[1000];
	uint32_t done, rounds = 0;
	int ret = 0;

	while (!ret && !__atomic_load_n(p->futex, __ATOMIC_ACQUIRE)) {
		ret = raw_create_many(p->fd, KSYNC_KIND_RWLOCK, 0, ids, 1000);
		if (!ret)
			ret = raw_name(p->fd, ids[500], "passing");
		if (!ret)
			ret = raw_destroy_many(p->fd, ids, 1000, &done);
		rounds++;
	}
	return ret ? ret : rounds > 1 ? 0 : -EAGAIN;
}

/* Every fourth object stays, and is there each time, once and in order. */
static int read_objects(unsigned long long domain, const uint32_t *stays, int n)
{
	unsigned long long serial;
	long id, last = -1;
	char line[512], kind[16];
	int found = 0;
	FILE *f = fopen("/proc/ksync/objects", "re");

	if (!f || !fgets(line, sizeof(line), f))
		return -EIO;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llu %ld %15s 0x%*x 0x%*x %*s %*s %*s %*u %*s %*s", &serial,
			   &id, kind) != 3)
			return -EPROTO;
		if (serial != domain)
			continue;
		if (id <= last)
			return -EILSEQ;
		last = id;
		if (found < n && stays[found] == id)
			found += !strcmp(kind, "mutex");
	}
	fclose(f);
	return found;
}

#define STAY	200

TEST_F(stress, objects_come_and_go)
{
	struct player *p[2] = { NEW_PLAYER(TASK_PROCESS), NEW_PLAYER(TASK_BARE) };
	uint32_t stays[STAY], other, i;
	uint64_t end;

	for (i = 0; i < STAY; i++) {
		ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &stays[i]));
		ASSERT_EQ(0, raw_create_many(self->fd, KSYNC_KIND_SEM, 0, &other, 1));
	}
	for (i = 0; i < 2; i++) {
		p[i]->futex = self->stop;
		player_post(p[i], step_churn, 0);
	}
	end = raw_deadline(CLOCK_MONOTONIC, 2000);
	for (i = 0; i < 10 || !passed(end); i++)
		ASSERT_EQ(STAY, read_objects(self->domain, stays, STAY));
	__atomic_store_n(self->stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, player_result(p[i]));
}

#define MANY	262144
#define BATCH	65536

/* Read to the end in one go: what was read is never looked for again. */
TEST_F(stress, very_many_objects)
{
	const uint32_t many = slow_factor() > 1 ? MANY / 4 : MANY;
	uint32_t *ids = player_memory(BATCH * sizeof(*ids)), n;

	for (n = 0; n < many; n += BATCH)
		ASSERT_EQ(0, raw_create_many(self->fd, KSYNC_KIND_EVENT, 0, ids, BATCH));
	ASSERT_EQ(0, ctl_run(self->out, "grep -c '^%llu ' /proc/ksync/objects", self->domain));
	EXPECT_EQ(many, strtoul(self->out->line[0], NULL, 10));
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl list --domain %llu", self->domain));
	EXPECT_EQ(1, self->out->lines);
}

/* Waiters of all kinds that come and go, among them some that are killed. */
static int step_storm(struct player *p)
{
	uint32_t rounds, woken;

	for (rounds = 0; !__atomic_load_n(p->futex, __ATOMIC_ACQUIRE); rounds++) {
		p->deadline = raw_deadline(CLOCK_MONOTONIC, 1);
		switch (rounds % 4) {
		case 0:
		case 1:
			if (!raw_lock(p->fd, p->id, p->handle, 0, KSYNC_NO_DEADLINE))
				raw_unlock(p->fd, p->id, p->handle);
			break;
		case 2:
			raw_acquire(p->fd, p->mutex, 0, p->deadline);
			break;
		default:
			raw_wait(p->fd, p->mutex + 1, 0, 1, 0, p->deadline);
			raw_wake(p->fd, p->mutex + 1, 1, 1, &woken);
		}
	}
	return 0;
}

#define WAITER_FORM \
	"%llu %d %15s %*s %*s %d %*d %*s %*s %*d %*s %*d %*u %*u %*s %*s %*s %15s %*s"

/* Return: 0: the waiter that stays is there, with its owner; and all is in form. */
static int read_waiters(unsigned long long domain, uint32_t id, pid_t waiter, pid_t owner)
{
	unsigned long long serial;
	char line[1024], by[16], kind[16];
	int found = 0, object, pid;
	FILE *f = fopen("/proc/ksync/waiters", "re");

	if (!f || !fgets(line, sizeof(line), f))
		return -EIO;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, WAITER_FORM, &serial, &object, kind, &pid, by) != 5)
			return -EPROTO;
		if (serial != domain || object != (int)id)
			continue;
		if (pid != waiter || atoi(by) != owner)
			return -EILSEQ;
		found++;
	}
	fclose(f);
	return found == 1 ? 0 : -ENOENT;
}

#define STORM	6

TEST_F(stress, waiters_come_and_go)
{
	struct player *p[STORM], *owner = NEW_PLAYER(TASK_PROCESS);
	struct player *waiter = NEW_PLAYER(TASK_PROCESS);
	uint32_t lock, storm, sem, waitq, i;
	uint64_t end;

	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &storm));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &sem));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &waitq));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &lock));
	ASSERT_EQ(sem + 1, waitq);
	ASSERT_EQ(0, player_do(owner, step_lock_fast, lock));
	player_post(waiter, step_lock, lock);
	ASSERT_EQ(0, await_waiters(self->fd, lock, 1));
	ASSERT_EQ(0, player_await_asleep(waiter));
	for (i = 0; i < STORM; i++) {
		p[i] = NEW_PLAYER(i % 3);
		p[i]->futex = self->stop;
		p[i]->mutex = sem;
		player_post(p[i], step_storm, storm);
	}
	end = raw_deadline(CLOCK_MONOTONIC, 2000);
	for (i = 0; i < 50 || !passed(end); i++) {
		ASSERT_EQ(0, read_waiters(self->domain, lock, pid_of(waiter), pid_of(owner)));
		ASSERT_EQ(0, ctl_read(self->out, "/proc/ksync/threads"));
	}
	__atomic_store_n(self->stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < STORM; i++)
		EXPECT_EQ(0, player_result(p[i]));
}

#define PAGES		2048
#define PAGE_CELLS	64

/* Pages without an object, for a reader to be among when the domain is closed. */
static void touch_pages(int fd)
{
	struct ksync_cell *cells = raw_map(fd, PAGES * PAGE_CELLS);
	int i;

	for (i = 1; i < PAGES; i++)
		cells[i * PAGE_CELLS].user[0] = 1;
	munmap(cells, PAGES * PAGE_CELLS * KSYNC_CELL_SIZE);
}

/* Domains, their threads and objects; all of it opened and closed. */
static int step_domains(struct player *p)
{
	uint32_t id, handle, rounds;
	int fd, ret = 0;

	for (rounds = 0; !ret && !__atomic_load_n(p->futex, __ATOMIC_ACQUIRE); rounds++) {
		fd = sys(SYS_openat, -100, KSYNC_DEVICE, O_RDWR);
		if (fd < 0)
			return fd;
		ret = raw_attach(fd, &handle);
		if (!ret)
			ret = raw_create(fd, KSYNC_KIND_MUTEX, 0, &id);
		if (!ret)
			ret = raw_name(fd, id, "short");
		if (!ret)
			ret = raw_lock(fd, id, handle, 0, KSYNC_NO_DEADLINE);
		touch_pages(fd);
		sys(SYS_close, fd);
	}
	return ret;
}

TEST_F(stress, domains_come_and_go)
{
	struct player *p[2] = { NEW_PLAYER(TASK_PROCESS), NEW_PLAYER(TASK_PROCESS) };
	uint64_t end;
	int i, n;

	for (i = 0; i < 2; i++) {
		p[i]->futex = self->stop;
		player_post(p[i], step_domains, 0);
	}
	end = raw_deadline(CLOCK_MONOTONIC, 2000);
	for (n = 0; !n || !passed(end); n++)
		for (i = 0; i < FILES; i++) {
			ASSERT_EQ(0, ctl_read(self->out, path_of(i)));
			ASSERT_GT(self->out->lines, 0);
		}
	ASSERT_EQ(0, ctl_read(self->out, "/proc/ksync/domains"));
	EXPECT_LINES(1, "%llu *", self->domain);
	__atomic_store_n(self->stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, player_result(p[i]));
}

KSFT_MAIN
