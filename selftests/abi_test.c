// SPDX-License-Identifier: GPL-2.0
/*
 * What the ioctls say to arguments that are not as they should be: each test
 * goes through all commands.  compat_test is this file, built for 32 bits.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/reader.h"

#define SIZE_IS(verb, bytes)						\
	static_assert(sizeof(struct ksync_##verb) == (bytes),		\
		       "struct ksync_" #verb " has changed its size")

SIZE_IS(cell, 64);
SIZE_IS(info, 56);
SIZE_IS(create, 24);
SIZE_IS(destroy, 24);
SIZE_IS(attach, 16);
SIZE_IS(name, 40);
SIZE_IS(query, 104);
SIZE_IS(lock, 24);
SIZE_IS(unlock, 16);
SIZE_IS(wait, 32);
SIZE_IS(wake, 24);
SIZE_IS(requeue, 40);
SIZE_IS(acquire, 24);
SIZE_IS(release, 24);
SIZE_IS(cond_wait, 40);
SIZE_IS(cond_signal, 16);
SIZE_IS(ceiling, 16);
SIZE_IS(settle, 8);
SIZE_IS(ceiling_cell, 64);

/* Room behind the argument. */
#define TAIL 64

struct argument {
	union {
		uint32_t size;
		struct ksync_info info;
		struct ksync_create create;
		struct ksync_destroy destroy;
		struct ksync_attach attach;
		struct ksync_name name;
		struct ksync_query query;
		struct ksync_lock lock;
		struct ksync_unlock unlock;
		struct ksync_wait wait;
		struct ksync_wake wake;
		struct ksync_requeue requeue;
		struct ksync_ceiling ceiling;
		struct ksync_settle settle;
		struct ksync_acquire acquire;
		struct ksync_release release;
		struct ksync_cond_wait cond_wait;
		struct ksync_cond_signal cond_signal;
		uint8_t bytes[sizeof(struct ksync_query)];
	};
	uint8_t tail[TAIL];
};

FIXTURE(abi)
{
	int fd;
	uint32_t handle;
	uint32_t mutex;
	uint32_t rwlock;
	uint32_t cond;
	uint32_t waitq[2];
	uint32_t sem;
	uint32_t event;
	uint32_t slot;
	uint32_t ids[2];
	struct ksync_cell *cells;
	struct argument arg;
};

/**
 * struct command - an ioctl, @name by name
 * @cmd: its number
 * @size: of its argument
 * @ok: what it returns to the argument that fill() makes
 * @has_out: it writes to the argument
 * @flags, @pad, @id, @id2, @mutex, @thread, @deadline: where these are; 0 for none
 * @valid: the flags that there are
 * @kind: of the objects, if it wants a special one
 */
struct command {
	const char *name;
	unsigned long cmd;
	uint32_t size;
	int ok;
	bool has_out;
	uint32_t flags, pad, id, id2, mutex, thread, deadline, valid, kind;
};

#define AT(verb, member) offsetof(struct ksync_##verb, member)
#define COMMAND(NAME, verb)						\
	.name = #NAME,							\
	.cmd = KSYNC_IOC_##NAME,					\
	.size = sizeof(struct ksync_##verb)

static const struct command commands[] = {
	{ COMMAND(INFO, info), .has_out = true },
	{ COMMAND(CREATE, create),
	  .flags = AT(create, flags),
	  .valid = KSYNC_MUTEX_STRICT | KSYNC_MUTEX_RECURSIVE |
		KSYNC_MUTEX_PROTECT },
	{ COMMAND(DESTROY, destroy),
	  .has_out = true, .pad = AT(destroy, pad) },
	{ COMMAND(ATTACH, attach),
	  .has_out = true, .flags = AT(attach, flags),
	  .valid = KSYNC_ATTACH_SLOT | KSYNC_ATTACH_CEILING,
	  .pad = AT(attach, slot) },
	{ COMMAND(NAME, name), .id = AT(name, id) },
	{ COMMAND(QUERY, query),
	  .has_out = true, .pad = AT(query, pad), .id = AT(query, id) },
	{ COMMAND(LOCK, lock),
	  .flags = AT(lock, flags),
	  .valid = KSYNC_WAIT_TRY | KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME,
	  .id = AT(lock, id), .kind = KSYNC_KIND_MUTEX,
	  .thread = AT(lock, thread), .deadline = AT(lock, deadline) },
	{ COMMAND(UNLOCK, unlock),
	  .flags = AT(unlock, flags),
	  .id = AT(unlock, id), .kind = KSYNC_KIND_MUTEX,
	  .thread = AT(unlock, thread) },
	{ COMMAND(LOCK, lock),
	  .flags = AT(lock, flags),
	  .valid = KSYNC_WAIT_TRY | KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME |
		   KSYNC_LOCK_READ,
	  .id = AT(lock, id), .kind = KSYNC_KIND_RWLOCK,
	  .thread = AT(lock, thread), .deadline = AT(lock, deadline) },
	{ COMMAND(UNLOCK, unlock),
	  .flags = AT(unlock, flags), .valid = KSYNC_LOCK_READ,
	  .id = AT(unlock, id), .kind = KSYNC_KIND_RWLOCK,
	  .thread = AT(unlock, thread) },
	{ COMMAND(WAIT, wait),
	  .ok = -EAGAIN, .flags = AT(wait, flags),
	  .valid = KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME,
	  .pad = AT(wait, pad), .id = AT(wait, id), .kind = KSYNC_KIND_WAITQ,
	  .deadline = AT(wait, deadline) },
	{ COMMAND(WAKE, wake),
	  .has_out = true, .pad = AT(wake, pad), .id = AT(wake, id),
	  .kind = KSYNC_KIND_WAITQ },
	{ COMMAND(REQUEUE, requeue),
	  .has_out = true, .flags = AT(requeue, flags), .valid = KSYNC_REQUEUE_CMP,
	  .pad = AT(requeue, pad), .id = AT(requeue, from),
	  .id2 = AT(requeue, to), .kind = KSYNC_KIND_WAITQ },
	{ COMMAND(CEILING, ceiling),
	  .has_out = true, .id = AT(ceiling, id), .kind = KSYNC_KIND_MUTEX },
	{ COMMAND(SETTLE, settle), .thread = AT(settle, thread) },
	{ COMMAND(ACQUIRE, acquire),
	  .flags = AT(acquire, flags),
	  .valid = KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME,
	  .pad = AT(acquire, pad), .id = AT(acquire, id), .kind = KSYNC_KIND_SEM,
	  .deadline = AT(acquire, deadline) },
	{ COMMAND(RELEASE, release),
	  .has_out = true, .flags = AT(release, flags), .valid = KSYNC_RELEASE_PULSE,
	  .pad = AT(release, pad), .id = AT(release, id), .kind = KSYNC_KIND_EVENT },
	{ COMMAND(COND_WAIT, cond_wait),
	  .has_out = true, .flags = AT(cond_wait, flags),
	  .valid = KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME,
	  .pad = AT(cond_wait, pad), .id = AT(cond_wait, id),
	  .kind = KSYNC_KIND_COND, .mutex = AT(cond_wait, mutex),
	  .thread = AT(cond_wait, thread), .deadline = AT(cond_wait, deadline) },
	{ COMMAND(COND_SIGNAL, cond_signal),
	  .has_out = true, .id = AT(cond_signal, id), .kind = KSYNC_KIND_COND },
};

#define WITH(member) offsetof(struct command, member)

/* The command after @c, or the first, where the field at @member is not 0. */
static const struct command *next(const struct command *c, size_t member)
{
	for (c = c ? c + 1 : commands; c < commands + ARRAY_SIZE(commands); c++)
		if (*(const uint32_t *)((const char *)c + member))
			return c;
	return NULL;
}

/* What command @c says to the argument as it is now. */
static void expect(struct __test_metadata *_metadata, struct _test_data_abi *self,
		   const struct command *c, int answer)
{
	EXPECT_EQ(answer, raw_ioctl(self->fd, c->cmd, &self->arg))
		TH_LOG("%s", c->name);
}

static void put(struct _test_data_abi *self, size_t offset, uint32_t value)
{
	memcpy(self->arg.bytes + offset, &value, sizeof(value));
}

static uint32_t object(const struct _test_data_abi *self, uint32_t kind)
{
	switch (kind) {
	case KSYNC_KIND_SEM:
		return self->sem;
	case KSYNC_KIND_EVENT:
		return self->event;
	case KSYNC_KIND_WAITQ:
		return self->waitq[0];
	case KSYNC_KIND_RWLOCK:
		return self->rwlock;
	case KSYNC_KIND_COND:
		return self->cond;
	default:
		return self->mutex;
	}
}

/* What c->ok is the answer to; what all tests deviate from in one point. */
static void fill(struct _test_data_abi *self, const struct command *c)
{
	struct argument *arg = &self->arg;

	memset(arg, 0, sizeof(*arg));
	arg->size = c->size;
	if (c->id)
		put(self, c->id, object(self, c->kind));
	if (c->id2)
		put(self, c->id2, self->waitq[1]);
	if (c->mutex)
		put(self, c->mutex, self->mutex);
	if (c->thread)
		put(self, c->thread, self->handle);
	switch (c->cmd) {
	case KSYNC_IOC_CREATE:
		arg->create.kind = KSYNC_KIND_MUTEX;
		arg->create.count = 1;
		arg->create.ids = (uintptr_t)self->ids;
		break;
	case KSYNC_IOC_DESTROY:
		raw_create(self->fd, KSYNC_KIND_MUTEX, 0, self->ids);
		arg->destroy.count = 1;
		arg->destroy.ids = (uintptr_t)self->ids;
		break;
	case KSYNC_IOC_LOCK:
		self->cells[object(self, c->kind)].word = 0;
		memset(&self->cells[self->slot], 0, sizeof(*self->cells));
		break;
	case KSYNC_IOC_UNLOCK:
		self->cells[object(self, c->kind)].word = self->handle;
		memset(&self->cells[self->slot], 0, sizeof(*self->cells));
		break;
	case KSYNC_IOC_WAIT:
		arg->wait.expected = 1;
		arg->wait.bitset = KSYNC_BITSET_ALL;
		break;
	case KSYNC_IOC_WAKE:
		arg->wake.bitset = KSYNC_BITSET_ALL;
		break;
	case KSYNC_IOC_ACQUIRE:
		self->cells[self->sem].word = 1;
		break;
	case KSYNC_IOC_RELEASE:
		arg->release.count = 1;
		break;
	case KSYNC_IOC_COND_WAIT:
		arg->cond_wait.phase = KSYNC_COND_RELOCK;
		self->cells[self->mutex].word = 0;
		break;
	}
}

/* Its mutex has a ceiling, and it has a ceiling cell: all commands work. */
FIXTURE_SETUP(abi)
{
	struct ksync_attach attach = {
		.size = sizeof(attach),
		.flags = KSYNC_ATTACH_CEILING,
	};

	self->fd = raw_open();
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_PROTECT,
				&self->mutex));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_RWLOCK, 0, &self->rwlock));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_COND, 0, &self->cond));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &self->waitq[0]));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &self->waitq[1]));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &self->sem));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_EVENT, 0, &self->event));
	ASSERT_EQ(0, raw_ioctl(self->fd, KSYNC_IOC_ATTACH, &attach));
	self->handle = attach.thread;
	ASSERT_EQ(0, raw_attach_slot(self->fd, &self->slot));
	self->cells = raw_map(self->fd, 64);
	ASSERT_NE(NULL, self->cells);
}

FIXTURE_TEARDOWN(abi)
{
	close(self->fd);
}

TEST_F(abi, argument_is_accepted)
{
	const struct command *c = NULL;

	while ((c = next(c, WITH(size)))) {
		fill(self, c);
		expect(_metadata, self, c, c->ok);
	}
}

TEST_F(abi, too_short_is_einval)
{
	const struct command *c = NULL;
	uint32_t size;

	while ((c = next(c, WITH(size)))) {
		for (size = 0; size < c->size; size++) {
			fill(self, c);
			self->arg.size = size;
			expect(_metadata, self, c, -EINVAL);
		}
	}
}

TEST_F(abi, longer_with_zero_tail_is_accepted)
{
	static const uint8_t zeros[sizeof(struct argument)];
	const struct command *c = NULL;
	uint32_t more;

	while ((c = next(c, WITH(size)))) {
		for (more = 1; more <= TAIL; more++) {
			fill(self, c);
			self->arg.size = c->size + more;
			expect(_metadata, self, c, c->ok);
			EXPECT_EQ(0, memcmp(self->arg.bytes + c->size, zeros, more));
		}
	}
}

TEST_F(abi, longer_with_other_tail_is_e2big)
{
	const struct command *c = NULL;
	uint32_t at;

	while ((c = next(c, WITH(size)))) {
		for (at = 0; at < TAIL; at++) {
			fill(self, c);
			self->arg.size = c->size + TAIL;
			self->arg.bytes[c->size + at] = 1;
			expect(_metadata, self, c, -E2BIG);
		}
	}
}

TEST_F(abi, unknown_flag_is_einval)
{
	const struct command *c = NULL;
	unsigned int bit;

	while ((c = next(c, WITH(flags)))) {
		for (bit = 0; bit < 32; bit++) {
			if (c->valid & 1U << bit)
				continue;
			fill(self, c);
			put(self, c->flags, 1U << bit);
			expect(_metadata, self, c, -EINVAL);
		}
	}
}

TEST_F(abi, known_flags_are_accepted)
{
	const struct command *c = NULL;
	uint32_t bit;

	while ((c = next(c, WITH(valid)))) {
		for (bit = 1; bit; bit <<= 1) {
			if (!(c->valid & bit))
				continue;
			fill(self, c);
			put(self, c->flags, bit);
			expect(_metadata, self, c, c->ok);
		}
	}
}

TEST_F(abi, pad_is_einval)
{
	const struct command *c = NULL;
	unsigned int bit;

	while ((c = next(c, WITH(pad)))) {
		for (bit = 0; bit < 32; bit++) {
			fill(self, c);
			put(self, c->pad, 1U << bit);
			expect(_metadata, self, c, -EINVAL);
		}
	}
}

TEST_F(abi, unknown_id_is_ebadf)
{
	static const uint32_t unknown[] = { 63, 64, 1 << 20, 1U << 31, ~0U };
	const struct command *c = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		while ((c = next(c, WITH(id)))) {
			fill(self, c);
			put(self, c->id, unknown[i]);
			expect(_metadata, self, c, -EBADF);
		}
		while ((c = next(c, WITH(id2)))) {
			fill(self, c);
			put(self, c->id2, unknown[i]);
			expect(_metadata, self, c, -EBADF);
		}
		while ((c = next(c, WITH(mutex)))) {
			fill(self, c);
			put(self, c->mutex, unknown[i]);
			expect(_metadata, self, c, -EBADF);
		}
	}
}

TEST_F(abi, destroyed_id_is_ebadf)
{
	const struct command *c = NULL;

	ASSERT_EQ(0, raw_destroy(self->fd, self->mutex));
	ASSERT_EQ(0, raw_destroy(self->fd, self->rwlock));
	ASSERT_EQ(0, raw_destroy(self->fd, self->waitq[0]));
	ASSERT_EQ(0, raw_destroy(self->fd, self->sem));
	ASSERT_EQ(0, raw_destroy(self->fd, self->event));
	ASSERT_EQ(0, raw_destroy(self->fd, self->cond));
	while ((c = next(c, WITH(id)))) {
		fill(self, c);
		expect(_metadata, self, c, -EBADF);
	}
}

/* Reading is for rwlocks. */
TEST_F(abi, read_flag_for_a_mutex_is_einval)
{
	const struct command *c = NULL;

	while ((c = next(c, WITH(thread)))) {
		if (!c->flags)
			continue;
		fill(self, c);
		put(self, c->id, self->mutex);
		put(self, c->flags, KSYNC_LOCK_READ);
		expect(_metadata, self, c, -EINVAL);
	}
}

TEST_F(abi, wrong_kind_is_einval)
{
	const struct command *c = NULL;
	uint32_t wrong;

	while ((c = next(c, WITH(kind)))) {
		wrong = c->kind == KSYNC_KIND_MUTEX || c->kind == KSYNC_KIND_RWLOCK ?
			self->waitq[0] : self->mutex;
		fill(self, c);
		put(self, c->id, wrong);
		expect(_metadata, self, c, -EINVAL);
	}
	while ((c = next(c, WITH(id2)))) {
		fill(self, c);
		put(self, c->id2, self->mutex);
		expect(_metadata, self, c, -EINVAL);
	}
	while ((c = next(c, WITH(mutex)))) {
		fill(self, c);
		put(self, c->mutex, self->waitq[0]);
		expect(_metadata, self, c, -EINVAL);
	}
}

TEST_F(abi, made_up_handle_is_esrch)
{
	const uint32_t made_up[] = { 0, self->handle + 1, KSYNC_HANDLE_MAX,
		KSYNC_NOTRECOVERABLE, KSYNC_HANDOFF, KSYNC_OWNER + 1,
		self->handle | KSYNC_WAITERS, ~0U };
	uint32_t *word, before;
	const struct command *c = NULL;
	size_t i;

	while ((c = next(c, WITH(thread)))) {
		for (i = 0; i < ARRAY_SIZE(made_up); i++) {
			fill(self, c);
			put(self, c->thread, made_up[i]);
			word = &self->cells[object(self, c->kind)].word;
			before = *word;
			expect(_metadata, self, c, -ESRCH);
			EXPECT_EQ(before, *word);
		}
	}
}

TEST_F(abi, handle_of_another_task_is_esrch)
{
	struct player *other = player_start(TASK_PROCESS, self->fd, self->cells);
	uint32_t *word, before;
	const struct command *c = NULL;

	ASSERT_NE(NULL, other);
	EXPECT_NE(self->handle, other->handle);
	while ((c = next(c, WITH(thread)))) {
		fill(self, c);
		put(self, c->thread, other->handle);
		word = &self->cells[object(self, c->kind)].word;
		before = *word;
		expect(_metadata, self, c, -ESRCH);
		EXPECT_EQ(before, *word);
	}
	EXPECT_EQ(0, player_end(other));
}

/* The first handle of each domain is the same number. */
TEST_F(abi, handle_of_another_domain_is_esrch)
{
	const struct command *c = NULL;
	uint32_t id;
	int fd = raw_open();

	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &id));
	ASSERT_EQ(self->mutex, id);
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_RWLOCK, 0, &id));
	ASSERT_EQ(self->rwlock, id);
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_COND, 0, &id));
	ASSERT_EQ(self->cond, id);
	while ((c = next(c, WITH(thread)))) {
		fill(self, c);
		EXPECT_EQ(-ESRCH, raw_ioctl(fd, c->cmd, &self->arg));
	}
	close(fd);
}

TEST_F(abi, deadline_beyond_the_clocks_is_einval)
{
	const uint64_t beyond[] = { 1ULL << 63, KSYNC_NO_DEADLINE - 1 };
	const uint64_t within[] = { 0, (1ULL << 63) - 1, KSYNC_NO_DEADLINE };
	const struct command *c = NULL;
	size_t i;

	while ((c = next(c, WITH(deadline)))) {
		for (i = 0; i < 2; i++) {
			fill(self, c);
			memcpy(self->arg.bytes + c->deadline, &beyond[i], 8);
			expect(_metadata, self, c, -EINVAL);
		}
		for (i = 0; i < 3; i++) {
			fill(self, c);
			memcpy(self->arg.bytes + c->deadline, &within[i], 8);
			expect(_metadata, self, c, c->ok);
		}
	}
}

/* The end of a page behind which nothing can be read. */
static uint8_t *page_end(void)
{
	const long page = sysconf(_SC_PAGESIZE);
	uint8_t *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + page, page, PROT_NONE))
		return NULL;
	return p + page;
}

TEST_F(abi, unreadable_is_efault)
{
	uint8_t *end = page_end(), *p;
	const struct command *c = NULL;

	ASSERT_NE(NULL, end);
	while ((c = next(c, WITH(size)))) {
		EXPECT_EQ(-EFAULT, raw_ioctl(self->fd, c->cmd, NULL));
		EXPECT_EQ(-EFAULT, raw_ioctl(self->fd, c->cmd, end));
		EXPECT_EQ(-EFAULT, raw_ioctl(self->fd, c->cmd, (void *)-4096L));
		fill(self, c);
		p = end - c->size;
		memcpy(p, &self->arg, c->size);
		EXPECT_EQ(c->ok, raw_ioctl(self->fd, c->cmd, p));
		fill(self, c);
		memcpy(p + 1, &self->arg, c->size - 1);
		EXPECT_EQ(-EFAULT, raw_ioctl(self->fd, c->cmd, p + 1));
	}
}

TEST_F(abi, unwritable_is_efault_where_there_is_an_answer)
{
	const long page = sysconf(_SC_PAGESIZE);
	const struct command *c = NULL;
	uint8_t *p = page_end();

	ASSERT_NE(NULL, p);
	p -= page;
	while ((c = next(c, WITH(size)))) {
		ASSERT_EQ(0, mprotect(p, page, PROT_READ | PROT_WRITE));
		fill(self, c);
		memcpy(p, &self->arg, c->size);
		ASSERT_EQ(0, mprotect(p, page, PROT_READ));
		EXPECT_EQ(c->has_out ? -EFAULT : c->ok,
			  raw_ioctl(self->fd, c->cmd, p)) TH_LOG("%s", c->name);
	}
}

TEST_F(abi, unknown_command_is_enotty)
{
	const struct command *c = NULL;
	unsigned int nr;

	while ((c = next(c, WITH(size)))) {
		fill(self, c);
		nr = _IOC_NR(c->cmd);
		EXPECT_EQ(-ENOTTY, raw_ioctl(self->fd, _IOR(KSYNC_IOC_MAGIC, nr, int),
					     &self->arg));
		EXPECT_EQ(-ENOTTY, raw_ioctl(self->fd, _IOW(KSYNC_IOC_MAGIC, nr, int),
					     &self->arg));
		EXPECT_EQ(-ENOTTY, raw_ioctl(self->fd, _IO('L', nr), &self->arg));
	}
	for (nr = 0; nr < 256; nr++) {
		c = NULL;
		while ((c = next(c, WITH(size))) && _IOC_NR(c->cmd) != nr)
			;
		if (c)
			continue;
		EXPECT_EQ(-ENOTTY, raw_ioctl(self->fd, _IO(KSYNC_IOC_MAGIC, nr),
					     &self->arg));
	}
}

KSFT_MAIN
