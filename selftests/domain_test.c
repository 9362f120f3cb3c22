// SPDX-License-Identifier: GPL-2.0
/*
 * Domains: making and ending objects, the arena, names, limits, and what a
 * domain says about itself.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/player.h"

FIXTURE(domain)
{
	int fd;
	unsigned int max_objects;
	unsigned int max_threads;
	unsigned int max_waiters;
};

FIXTURE_SETUP(domain)
{
	self->fd = raw_open();
	ASSERT_EQ(0, param_get("max_objects", &self->max_objects));
	ASSERT_EQ(0, param_get("max_threads", &self->max_threads));
	ASSERT_EQ(0, param_get("max_waiters", &self->max_waiters));
}

FIXTURE_TEARDOWN(domain)
{
	EXPECT_EQ(0, param_set("max_objects", self->max_objects));
	EXPECT_EQ(0, param_set("max_threads", self->max_threads));
	EXPECT_EQ(0, param_set("max_waiters", self->max_waiters));
	close(self->fd);
}

static uint32_t objects(int fd)
{
	struct ksync_info info;

	return raw_info(fd, &info) ? ~0U : info.objects;
}

static int compare_ids(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

TEST_F(domain, batch_has_different_ids_that_are_used_again)
{
	enum { N = 1000 };
	uint32_t first[N], second[N], done, i;

	ASSERT_EQ(0, raw_create_many(self->fd, KSYNC_KIND_MUTEX, 0, first, N));
	EXPECT_EQ(N, objects(self->fd));
	qsort(first, N, sizeof(*first), compare_ids);
	for (i = 1; i < N; i++)
		EXPECT_LT(first[i - 1], first[i]);
	EXPECT_EQ(0, raw_destroy_many(self->fd, first, N, &done));
	EXPECT_EQ(N, done);
	EXPECT_EQ(0, objects(self->fd));
	ASSERT_EQ(0, raw_create_many(self->fd, KSYNC_KIND_WAITQ, 0, second, N));
	qsort(second, N, sizeof(*second), compare_ids);
	EXPECT_EQ(0, memcmp(first, second, sizeof(first)));
}

TEST_F(domain, destroy_stops_at_the_first_error)
{
	uint32_t ids[4], done;

	ASSERT_EQ(0, raw_create_many(self->fd, KSYNC_KIND_MUTEX, 0, ids, 4));
	ASSERT_EQ(0, raw_destroy(self->fd, ids[2]));
	EXPECT_EQ(-EBADF, raw_destroy_many(self->fd, ids, 4, &done));
	EXPECT_EQ(2, done);
	EXPECT_EQ(1, objects(self->fd));
	EXPECT_EQ(0, raw_destroy(self->fd, ids[3]));
}

TEST_F(domain, count_is_1_to_batch_max)
{
	static uint32_t ids[KSYNC_BATCH_MAX + 1];
	uint32_t done;

	EXPECT_EQ(-EINVAL, raw_create_many(self->fd, KSYNC_KIND_MUTEX, 0, ids, 0));
	EXPECT_EQ(-EINVAL, raw_create_many(self->fd, KSYNC_KIND_MUTEX, 0, ids,
					   KSYNC_BATCH_MAX + 1));
	EXPECT_EQ(-EINVAL, raw_create_many(self->fd, KSYNC_KIND_MUTEX, 0, ids, ~0U));
	EXPECT_EQ(-EINVAL, raw_destroy_many(self->fd, ids, 0, &done));
	EXPECT_EQ(-EINVAL, raw_destroy_many(self->fd, ids, KSYNC_BATCH_MAX + 1, &done));
	ASSERT_EQ(0, raw_create_many(self->fd, KSYNC_KIND_MUTEX, 0, ids, KSYNC_BATCH_MAX));
	EXPECT_EQ(0, raw_destroy_many(self->fd, ids, KSYNC_BATCH_MAX, &done));
	EXPECT_EQ(KSYNC_BATCH_MAX, done);
}

TEST_F(domain, bad_array_of_ids_is_efault)
{
	const long page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t *ids = (uint32_t *)(p + page) - 2, done;

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, mprotect(p + page, page, PROT_NONE));
	EXPECT_EQ(-EFAULT, raw_create_many(self->fd, KSYNC_KIND_SPIN, 0, ids, 3));
	EXPECT_EQ(0, objects(self->fd));
	ASSERT_EQ(0, raw_create_many(self->fd, KSYNC_KIND_SPIN, 0, ids, 2));
	EXPECT_EQ(-EFAULT, raw_destroy_many(self->fd, ids, 3, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(2, objects(self->fd));
}

TEST_F(domain, kinds_are_those_of_the_features)
{
	static const uint32_t strange[] = { 16, 16 + KSYNC_KIND_MUTEX,
		256 + KSYNC_KIND_MUTEX, ~0U };
	struct ksync_info info;
	uint32_t kind, id;
	size_t i;

	ASSERT_EQ(0, raw_info(self->fd, &info));
	for (kind = 0; kind < 16; kind++)
		EXPECT_EQ(info.features & KSYNC_FEATURE_KIND(kind) ? 0 : -EOPNOTSUPP,
			  raw_create(self->fd, kind, 0, &id)) TH_LOG("kind %u", kind);
	for (i = 0; i < ARRAY_SIZE(strange); i++)
		EXPECT_EQ(-EOPNOTSUPP, raw_create(self->fd, strange[i], 0, &id));
	EXPECT_EQ(-EINVAL, raw_create(self->fd, KSYNC_KIND_SPIN, 1, &id));
	EXPECT_EQ(-EINVAL, raw_create(self->fd, KSYNC_KIND_WAITQ, 1, &id));
	EXPECT_EQ(-EINVAL, raw_create(self->fd, KSYNC_KIND_MUTEX, 8, &id));
}

TEST_F(domain, object_with_a_waiter_is_busy)
{
	struct ksync_cell *cells = raw_map(self->fd, 64);
	struct player *p = player_start(TASK_THREAD, self->fd, cells);
	uint32_t ids[3], done, me;

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, raw_create_many(self->fd, KSYNC_KIND_MUTEX, 0, ids, 3));
	ASSERT_EQ(0, raw_attach(self->fd, &me));
	ASSERT_EQ(0, raw_lock(self->fd, ids[1], me, 0, KSYNC_NO_DEADLINE));
	player_post(p, step_lock, ids[1]);
	ASSERT_EQ(0, await_waiters(self->fd, ids[1], 1));
	EXPECT_EQ(-EBUSY, raw_destroy_many(self->fd, ids, 3, &done));
	EXPECT_EQ(1, done);
	EXPECT_EQ(0, raw_unlock(self->fd, ids[1], me));
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, raw_destroy_many(self->fd, ids + 1, 2, &done));
	EXPECT_EQ(-EBADF, player_do(p, step_unlock, ids[1]));
	EXPECT_EQ(0, player_end(p));
}

TEST_F(domain, two_opens_are_strangers)
{
	struct ksync_cell *cells = raw_map(self->fd, 64), *others;
	int other = raw_open();
	uint32_t id, id2;

	others = raw_map(other, 64);
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &id));
	EXPECT_EQ(-EBADF, raw_destroy(other, id));
	ASSERT_EQ(0, raw_create(other, KSYNC_KIND_WAITQ, 0, &id2));
	ASSERT_EQ(id, id2);
	cells[id].word = 7;
	EXPECT_EQ(0, others[id].word);
	EXPECT_EQ(0, raw_destroy(other, id));
	EXPECT_EQ(7, cells[id].word);
	EXPECT_EQ(1, objects(self->fd));
	close(other);
}

TEST_F(domain, cells_begin_zeroed_but_for_attr)
{
	struct ksync_cell *cells = raw_map(self->fd, 256), *cell;
	const uint32_t attr = KSYNC_KIND_MUTEX | KSYNC_MUTEX_STRICT << 8;
	const struct ksync_cell fresh = { .attr = attr };
	const size_t size = 256 * sizeof(*cells);
	char zeros[sizeof(struct ksync_cell)] = "";
	size_t i;
	uint32_t id, again;

	for (i = 0; i < size; i += sizeof(zeros))
		ASSERT_EQ(0, memcmp((char *)cells + i, zeros, sizeof(zeros)));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_STRICT, &id));
	cell = &cells[id];
	EXPECT_EQ(0, memcmp(cell, &fresh, sizeof(fresh)));
	memset(cell, 0xff, sizeof(*cell));
	EXPECT_EQ(0, raw_destroy(self->fd, id));
	EXPECT_EQ(0, memcmp(cell, zeros, sizeof(zeros)));
	memset(cell, 0xff, sizeof(*cell));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_STRICT, &again));
	ASSERT_EQ(id, again);
	EXPECT_EQ(0, memcmp(cell, &fresh, sizeof(fresh)));
}

/* Both processes see the same arena, and the objects outlive the first. */
TEST_F(domain, descriptor_can_be_passed_to_a_process)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 'x';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	int pair[2], fd, status;
	uint32_t id;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		fd = raw_open();
		if (raw_create(fd, KSYNC_KIND_WAITQ, 0, &id))
			_exit(1);
		raw_map(fd, 64)[id].word = 42;
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
		_exit(sendmsg(pair[1], &msg, 0) != 1);
	}
	close(pair[1]);
	ASSERT_EQ(1, recvmsg(pair[0], &msg, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, objects(fd));
	EXPECT_EQ(42, raw_map(fd, 64)[0].word);
	EXPECT_EQ(0, raw_wake(fd, 0, 1, KSYNC_BITSET_ALL, &id));
	close(fd);
}

TEST_F(domain, limit_of_objects)
{
	uint32_t ids[128], done;

	ASSERT_EQ(0, param_set("max_objects", 100));
	EXPECT_EQ(-ENOSPC, raw_create_many(self->fd, KSYNC_KIND_MUTEX, 0, ids, 101));
	EXPECT_EQ(0, objects(self->fd));
	ASSERT_EQ(0, raw_create_many(self->fd, KSYNC_KIND_MUTEX, 0, ids, 99));
	EXPECT_EQ(-ENOSPC, raw_create_many(self->fd, KSYNC_KIND_MUTEX, 0, ids + 99, 2));
	EXPECT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, ids + 99));
	EXPECT_EQ(-ENOSPC, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, ids + 100));
	EXPECT_EQ(0, raw_destroy_many(self->fd, ids + 50, 1, &done));
	EXPECT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, ids + 100));
	EXPECT_EQ(100, objects(self->fd));
}

/* The dead give their place back. */
TEST_F(domain, limit_of_threads)
{
	struct player *p = player_start(TASK_THREAD, self->fd, NULL);
	uint32_t me;
	int i;

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, param_set("max_threads", 1));
	EXPECT_EQ(-ENOSPC, raw_attach(self->fd, &me));
	EXPECT_EQ(0, player_end(p));
	ASSERT_EQ(0, await_gone(task_tid(&p->task)));
	EXPECT_EQ(0, raw_attach(self->fd, &me));
	EXPECT_EQ(0, raw_attach(self->fd, &me));
	ASSERT_EQ(0, param_set("max_threads", 2));
	for (i = 0; i < 50; i++) {
		p = player_start(i % 3, self->fd, NULL);
		ASSERT_NE(NULL, p) TH_LOG("task %d", i);
		EXPECT_EQ(0, player_end(p));
		EXPECT_EQ(0, await_gone(task_tid(&p->task)));
	}
}

TEST_F(domain, limit_of_waiters)
{
	struct ksync_cell *cells = raw_map(self->fd, 64);
	struct player *p = player_start(TASK_THREAD, self->fd, cells);
	struct player *late = player_start(TASK_BARE, self->fd, cells);
	uint32_t id[2], me;

	ASSERT_NE(NULL, p);
	ASSERT_NE(NULL, late);
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &id[0]));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &id[1]));
	ASSERT_EQ(0, raw_attach(self->fd, &me));
	ASSERT_EQ(0, raw_lock(self->fd, id[0], me, 0, KSYNC_NO_DEADLINE));
	ASSERT_EQ(0, param_set("max_waiters", 1));
	player_post(p, step_lock, id[0]);
	ASSERT_EQ(0, await_waiters(self->fd, id[0], 1));
	EXPECT_EQ(-ENOSPC, raw_wait(self->fd, id[1], 0, KSYNC_BITSET_ALL, 0, 0));
	EXPECT_EQ(-ENOSPC, player_do(late, step_lock, id[0]));
	EXPECT_EQ(-EBUSY, player_do(late, step_lock_try, id[0]));
	ASSERT_EQ(0, param_set("max_waiters", 2));
	EXPECT_EQ(-ETIMEDOUT, raw_wait(self->fd, id[1], 0, KSYNC_BITSET_ALL, 0, 0));
	EXPECT_EQ(0, raw_unlock(self->fd, id[0], me));
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, player_do(p, step_unlock, id[0]));
	EXPECT_EQ(0, player_end(p));
	EXPECT_EQ(0, player_end(late));
}

TEST_F(domain, names)
{
	char longest[KSYNC_NAME_LEN], unterminated[KSYNC_NAME_LEN + 1];
	struct ksync_query query;
	uint32_t id, again;

	memset(longest, 'n', sizeof(longest));
	longest[KSYNC_NAME_LEN - 1] = 0;
	memset(unterminated, 'u', sizeof(unterminated));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &id));
	ASSERT_EQ(0, raw_query(self->fd, id, &query));
	EXPECT_STREQ("mutex:0", query.name);
	EXPECT_EQ(0, raw_name(self->fd, id, "journal"));
	ASSERT_EQ(0, raw_query(self->fd, id, &query));
	EXPECT_STREQ("journal", query.name);
	EXPECT_EQ(0, raw_name(self->fd, id, longest));
	EXPECT_EQ(-EINVAL, raw_name(self->fd, id, unterminated));
	ASSERT_EQ(0, raw_query(self->fd, id, &query));
	EXPECT_STREQ(longest, query.name);
	EXPECT_EQ(0, raw_name(self->fd, id, ""));
	ASSERT_EQ(0, raw_query(self->fd, id, &query));
	EXPECT_STREQ("mutex:0", query.name);
	EXPECT_EQ(0, raw_name(self->fd, id, "gone"));
	ASSERT_EQ(0, raw_destroy(self->fd, id));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &again));
	ASSERT_EQ(id, again);
	ASSERT_EQ(0, raw_query(self->fd, id, &query));
	EXPECT_STREQ("waitq:0", query.name);
}

/* A number from /proc/self/fdinfo; -1 if the line is not there. */
static int fd_info(int fd, const char *key)
{
	char path[48], line[128];
	int value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			sscanf(line + strlen(key), ":\t%d", &value);
	if (f)
		fclose(f);
	return value;
}

TEST_F(domain, info_and_fdinfo_say_what_is_there)
{
	struct ksync_cell *cells = raw_map(self->fd, 64);
	struct player *p = player_start(TASK_THREAD, self->fd, cells);
	const uint64_t features = KSYNC_FEATURE_PI | KSYNC_FEATURE_ROBUST |
		KSYNC_FEATURE_DEADLOCK | KSYNC_FEATURE_NAMES |
		KSYNC_FEATURE_KIND(KSYNC_KIND_MUTEX) |
		KSYNC_FEATURE_KIND(KSYNC_KIND_SPIN) |
		KSYNC_FEATURE_KIND(KSYNC_KIND_WAITQ);
	struct ksync_info info;
	uint32_t ids[3], me;

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, raw_create_many(self->fd, KSYNC_KIND_MUTEX, 0, ids, 3));
	ASSERT_EQ(0, raw_attach(self->fd, &me));
	ASSERT_EQ(0, raw_lock(self->fd, ids[0], me, 0, KSYNC_NO_DEADLINE));
	player_post(p, step_lock, ids[0]);
	ASSERT_EQ(0, await_waiters(self->fd, ids[0], 1));
	ASSERT_EQ(0, raw_info(self->fd, &info));
	EXPECT_EQ(KSYNC_ABI, info.abi);
	EXPECT_EQ(features, info.features & features);
	EXPECT_EQ(self->max_objects, info.max_objects);
	EXPECT_EQ(self->max_threads, info.max_threads);
	EXPECT_EQ(self->max_waiters, info.max_waiters);
	EXPECT_EQ(KSYNC_CELL_SIZE, info.cell_size);
	EXPECT_LE((uint64_t)info.max_objects * KSYNC_CELL_SIZE, info.arena_size);
	EXPECT_EQ(3, info.objects);
	EXPECT_EQ(2, info.threads);
	EXPECT_EQ(1, info.waiters);
	EXPECT_EQ(3, fd_info(self->fd, "ksync-objects"));
	EXPECT_EQ(2, fd_info(self->fd, "ksync-threads"));
	EXPECT_EQ(1, fd_info(self->fd, "ksync-waiters"));
	EXPECT_EQ(0, raw_unlock(self->fd, ids[0], me));
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, fd_info(self->fd, "ksync-waiters"));
	EXPECT_EQ(0, player_end(p));
}

static void *map(int fd, size_t size, off_t offset, int prot, int flags)
{
	void *p = mmap(NULL, size, prot, flags, fd, offset);

	return p == MAP_FAILED ? NULL : p;
}

TEST_F(domain, arena_is_mapped_shared_and_not_executable)
{
	const long page = sysconf(_SC_PAGESIZE);
	const int rw = PROT_READ | PROT_WRITE;
	void *p;

	EXPECT_EQ(NULL, map(self->fd, page, 0, rw, MAP_PRIVATE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(NULL, map(self->fd, page, 0, rw | PROT_EXEC, MAP_SHARED));
	EXPECT_EQ(EPERM, errno);
	p = map(self->fd, page, 0, rw, MAP_SHARED);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(-1, mprotect(p, page, rw | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(MAP_FAILED, mremap(p, page, 2 * page, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F_SIGNAL(domain, arena_ends_with_sigbus, SIGBUS)
{
	const long page = sysconf(_SC_PAGESIZE);
	struct ksync_info info;
	char *p;

	ASSERT_EQ(0, raw_info(self->fd, &info));
	p = map(self->fd, 2 * page, info.arena_size - page, PROT_READ | PROT_WRITE, MAP_SHARED);
	ASSERT_NE(NULL, p);
	memset(p, 1, page);
	EXPECT_EQ(1, p[page - 1]);
	memset(p + page, 1, 1);
	EXPECT_EQ(1, p[page]);
}

KSFT_MAIN
