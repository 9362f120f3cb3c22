// SPDX-License-Identifier: GPL-2.0
/*
 * What an attacker might learn: nothing of the kernel's memory, of what others left in
 * cells, or of other domains.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/abi.h"
#include "lib/attacker.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/poller.h"

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/ksync_attack_leak"

/* Leave this byte all over the kernel's stack: the longest argument, and the refusal. */
static void fill_kernel_stack(int fd, uint8_t byte)
{
	struct ksync_query q;

	memset(&q, byte, sizeof(q));
	q.size = sizeof(q);
	raw_ioctl(fd, KSYNC_IOC_QUERY, &q);
	raw_ioctl(fd, KSYNC_IOC_COND_WAIT, &q);
}

/* The answer of a command, after the stack was filled with @byte. */
static int answer(struct abi *abi, const struct command *c, uint8_t byte,
		  struct argument *out)
{
	int ret;

	abi_fill(abi, c);
	memset(abi->arg.bytes + c->size, 0x5a, sizeof(abi->arg) - c->size);
	fill_kernel_stack(abi->fd, byte);
	ret = raw_ioctl(abi->fd, c->cmd, &abi->arg);
	*out = abi->arg;
	return ret;
}

/* Every byte of an answer is either asked for, or said: none is left from before. */
TEST(answers_hold_nothing_of_the_stack)
{
	static const uint8_t poison[] = { 0x11, 0xee };
	struct argument out[2];
	const struct command *c = NULL;
	struct abi abi;
	size_t i;

	ASSERT_EQ(0, abi_open(&abi));
	while ((c = abi_next(c, WITH(size)))) {
		for (i = 0; i < 2; i++) {
			EXPECT_EQ(c->ok, answer(&abi, c, poison[i], &out[i]));
			if (c->cmd == KSYNC_IOC_FD)
				close(out[i].fd.fd);
		}
		/* What tells of times, and of objects that came and went, differs. */
		if (c->cmd == KSYNC_IOC_FD || c->cmd == KSYNC_IOC_INFO ||
		    c->cmd == KSYNC_IOC_CREATE || c->cmd == KSYNC_IOC_ATTACH)
			continue;
		for (i = 0; i < c->size; i++)
			EXPECT_FALSE(out[0].bytes[i] == poison[0] &&
				     out[1].bytes[i] == poison[1]);
		for (i = c->size; i < sizeof(abi.arg); i++)
			EXPECT_EQ(0x5a, out[0].bytes[i]);
	}
	close(abi.fd);
}

/* All of QUERY's texts are zero behind their end, whatever was there. */
TEST(texts_are_padded)
{
	struct ksync_query q;
	uint32_t id, handle;
	size_t i;
	int fd = raw_open();

	ASSERT_EQ(0, raw_attach(fd, &handle));
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &id));
	ASSERT_EQ(0, raw_lock(fd, id, handle, 0, KSYNC_NO_DEADLINE));
	ASSERT_EQ(0, raw_name(fd, id, "a long name that is changed"));
	ASSERT_EQ(0, raw_name(fd, id, "x"));
	ASSERT_EQ(0, raw_query(fd, id, &q));
	EXPECT_STREQ("x", q.name);
	for (i = strlen(q.name); i < sizeof(q.name); i++)
		EXPECT_EQ(0, q.name[i]);
	for (i = strlen(q.owner_comm); i < sizeof(q.owner_comm); i++)
		EXPECT_EQ(0, q.owner_comm[i]);
	EXPECT_EQ(0, q.pad | q.pad2);
	close(fd);
}

static bool is_zero(const void *memory, size_t size)
{
	const char *p = memory;

	return !*p && !memcmp(p, p + 1, size - 1);
}

#define SPREAD_BYTES	(32 << 20)

/* Let the kernel have pages that are full of something. */
static int dirty_pages(struct attacker *a)
{
	char *p = mmap(NULL, SPREAD_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ksync_cell *cells;

	a->fd = raw_open();
	cells = raw_map(a->fd, SPREAD_BYTES / KSYNC_CELL_SIZE);
	ATTACK(p != MAP_FAILED);
	memset(p, 0xa5, SPREAD_BYTES);
	memset(cells, 0xa5, SPREAD_BYTES);
	return 0;
}

static int look_at_pages(struct attacker *a)
{
	a->fd = raw_open();
	ATTACK(is_zero(raw_map(a->fd, SPREAD_BYTES / KSYNC_CELL_SIZE), SPREAD_BYTES));
	return 0;
}

static int step_rename(struct player *p)
{
	uint32_t *go_on = &p->cells[p->id].user[0];

	while (__atomic_load_n(go_on, __ATOMIC_RELAXED)) {
		prctl(PR_SET_NAME, "fourteenletter");
		prctl(PR_SET_NAME, "x");
	}
	return 0;
}

/* Nothing follows the end of a name, whatever the task was called before. */
TEST(a_name_that_changes_has_no_tail)
{
	struct ksync_query q = { .size = sizeof(q) };
	struct ksync_cell *cells;
	struct player *owner;
	uint32_t id, tails = 0;
	int fd = raw_open();
	size_t n;

	cells = raw_map(fd, 64);
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &id));
	owner = player_start(TASK_PROCESS, fd, cells);
	ASSERT_NE(NULL, owner);
	ASSERT_EQ(0, player_do(owner, step_lock, id));
	cells[id].user[0] = 1;
	player_post(owner, step_rename, id);
	for (int i = 0; i < 100000; i++) {
		q.id = id;
		ASSERT_EQ(0, raw_ioctl(fd, KSYNC_IOC_QUERY, &q));
		n = strnlen(q.owner_comm, sizeof(q.owner_comm));
		ASSERT_GT(sizeof(q.owner_comm), n);
		while (n < sizeof(q.owner_comm))
			tails += !!q.owner_comm[n++];
	}
	cells[id].user[0] = 0;
	EXPECT_EQ(0, player_result(owner));
	EXPECT_EQ(0, tails);
	EXPECT_EQ(0, player_end(owner));
	close(fd);
}

TEST(arena_is_zero)
{
	struct attacker *a = attacker_new(dirty_pages);

	ASSERT_EQ(0, device_share());
	EXPECT_EQ(0, attacker_run(a));
	EXPECT_EQ(0, attacker_run(attacker_new(look_at_pages)));
	device_unshare();
}

/* Between two who share a domain: a number that is used again shows nothing either. */
TEST(cells_are_zero_when_used_again)
{
	struct ksync_attach attach = { .size = sizeof(attach), .flags = KSYNC_ATTACH_SLOT };
	struct ksync_cell *cells;
	uint32_t id, again;
	int fd = raw_open();

	cells = raw_map(fd, 256);
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_WAITQ, 0, &id));
	memset(&cells[id], 0xa5, sizeof(*cells));
	ASSERT_EQ(0, raw_destroy(fd, id));
	EXPECT_TRUE(is_zero(&cells[id], sizeof(*cells)));
	/* A free cell can be written too. */
	memset(&cells[id], 0xa5, sizeof(*cells));
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_WAITQ, 0, &again));
	ASSERT_EQ(id, again);
	cells[id].attr = 0;
	EXPECT_TRUE(is_zero(&cells[id], sizeof(*cells)));
	ASSERT_EQ(0, raw_destroy(fd, id));
	/* A thread's own cell: its entries are nobody else's. */
	memset(&cells[id], 0xa5, sizeof(*cells));
	ASSERT_EQ(0, raw_ioctl(fd, KSYNC_IOC_ATTACH, &attach));
	EXPECT_EQ(id, attach.slot);
	EXPECT_TRUE(is_zero(&cells[attach.slot], sizeof(*cells)));
	close(fd);
}

/* A number that looks like an address of the kernel: 16 digits, ff first with 5 levels of pages. */
static bool shows_address(const char *text)
{
	const char *p = text;
	size_t n;

	for (p = text; *p; p += n ? n : 1) {
		n = strspn(p, "0123456789abcdefABCDEF");
		if (n == 16 && !strncasecmp(p, "ff", 2) && strncasecmp(p, "ffffffffffffffff", 16))
			return true;
	}
	return false;
}

/* Return: how many bytes; -ELOOP if there is an address among them. */
static int64_t look_for_addresses(const char *path)
{
	static char text[1 << 16];
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	int64_t all = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	/* Whole lines, as all of these files give them. */
	while ((n = read(fd, text, sizeof(text) - 1)) > 0) {
		text[n] = '\0';
		if (shows_address(text)) {
			fprintf(stderr, "# %s:\n%s\n", path, text);
			all = -ELOOP;
			break;
		}
		all += n;
	}
	close(fd);
	return all;
}

static int write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	const ssize_t n = strlen(text);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, n) == n ? 0 : -errno;
	close(fd);
	return ret;
}

/* A wait of each sort, and a deadlock. */
static void make_events(struct __test_metadata *_metadata, int fd)
{
	const uint64_t soon = raw_deadline(CLOCK_MONOTONIC, 20);
	struct ksync_cell *cells = raw_map(fd, 64);
	struct player *p = player_start(TASK_PROCESS, fd, cells);
	uint32_t mutex, other, sem, handle, was;

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, raw_attach(fd, &handle));
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &mutex));
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &other));
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_SEM, 0, &sem));
	ASSERT_EQ(-ETIMEDOUT, raw_acquire(fd, sem, 0, soon));
	ASSERT_EQ(0, raw_release(fd, sem, 0, 1, &was));
	ASSERT_EQ(0, raw_lock(fd, mutex, handle, 0, KSYNC_NO_DEADLINE));
	ASSERT_EQ(0, player_do(p, step_lock, other));
	player_post(p, step_lock, mutex);
	ASSERT_EQ(0, await_waiters(fd, mutex, 1));
	ASSERT_EQ(0, player_await_asleep(p));
	ASSERT_EQ(-EDEADLK, raw_lock(fd, other, handle, 0, KSYNC_NO_DEADLINE));
	/* While somebody waits. */
	EXPECT_LT(0, look_for_addresses("/proc/ksync/domains"));
	EXPECT_LT(0, look_for_addresses("/proc/ksync/objects"));
	EXPECT_LT(0, look_for_addresses("/proc/ksync/threads"));
	EXPECT_LT(0, look_for_addresses("/proc/ksync/waiters"));
	ASSERT_EQ(0, raw_unlock(fd, mutex, handle));
	ASSERT_EQ(0, player_result(p));
	EXPECT_EQ(0, player_end(p));
}

TEST(nothing_prints_an_address)
{
	int fd = raw_open(), polled;
	char path[64];
	uint32_t id;

	EXPECT_TRUE(shows_address("x=ffff888003a1c000,"));
	EXPECT_TRUE(shows_address("id:\tff240181418acc00\n"));
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_EVENT, 0, &id));
	polled = raw_fd(fd, id, 0);
	ASSERT_LE(0, polled);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	EXPECT_LT(0, look_for_addresses(path));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", polled);
	EXPECT_LT(0, look_for_addresses(path));
	make_events(_metadata, fd);
	close(polled);
	close(fd);
}

TEST(no_event_prints_an_address)
{
	int fd = raw_open();

	if (access(TRACEFS "/instances", F_OK))
		SKIP(return, "there is no tracefs");
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		SKIP(return, "there are no instances of tracefs");
	ASSERT_EQ(0, write_file(INSTANCE "/trace", ""));
	ASSERT_EQ(0, write_file(INSTANCE "/events/ksync/enable", "1"));
	make_events(_metadata, fd);
	EXPECT_EQ(0, write_file(INSTANCE "/events/ksync/enable", "0"));
	EXPECT_LT(1000, look_for_addresses(INSTANCE "/trace"));
	rmdir(INSTANCE);
	close(fd);
}

/* What is in another domain cannot be named, counted, or waited for. */
static int look_around(struct attacker *a)
{
	struct ksync_info info;
	struct ksync_query q;
	uint32_t handle, id;

	a->fd = raw_open();
	ATTACK_EQ(0, raw_attach(a->fd, &handle));
	ATTACK_EQ(0, raw_info(a->fd, &info));
	ATTACK_EQ(0, info.objects);
	ATTACK_EQ(1, info.threads);
	ATTACK_EQ(0, info.waiters);
	for (id = 0; id < 1024; id++) {
		ATTACK_EQ(-EBADF, raw_query(a->fd, id, &q));
		ATTACK_EQ(-EBADF, raw_lock(a->fd, id, handle, 0, KSYNC_NO_DEADLINE));
		ATTACK_EQ(-EBADF, raw_name(a->fd, id, "mine"));
		ATTACK_EQ(-EBADF, raw_destroy(a->fd, id));
		ATTACK_EQ(-EBADF, raw_fd(a->fd, id, 0));
	}
	return 0;
}

TEST(other_domains_are_not_seen)
{
	uint32_t ids[1024], handle;
	int fd = raw_open();

	ASSERT_EQ(0, device_share());
	ASSERT_EQ(0, raw_attach(fd, &handle));
	ASSERT_EQ(0, raw_create_many(fd, KSYNC_KIND_MUTEX, 0, ids, 1024));
	EXPECT_EQ(0, attacker_run(attacker_new(look_around)));
	device_unshare();
	close(fd);
}

KSFT_MAIN
