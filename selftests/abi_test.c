// SPDX-License-Identifier: GPL-2.0
/*
 * What the ioctls say to arguments that are not as they should be, whatever
 * they name: size, flags, deadline, memory.  Each test goes through all
 * commands.  compat_test is this file, built for 32 bits.
 */
#include <assert.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/abi.h"
#include "lib/ksft.h"

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
SIZE_IS(item, 16);
SIZE_IS(many, 40);
SIZE_IS(fd, 24);
SIZE_IS(expect, 8);
SIZE_IS(ceiling, 16);
SIZE_IS(settle, 8);
SIZE_IS(ceiling_cell, 64);

FIXTURE(abi)
{
	struct abi abi;
};

FIXTURE_SETUP(abi)
{
	ASSERT_EQ(0, abi_open(&self->abi));
}

FIXTURE_TEARDOWN(abi)
{
	close(self->abi.fd);
}

/* What command @c says to the argument as it is now. */
static void expect(struct __test_metadata *_metadata, struct _test_data_abi *self,
		   const struct command *c, int answer)
{
	EXPECT_EQ(answer, raw_ioctl(self->abi.fd, c->cmd, &self->abi.arg))
		TH_LOG("%s", c->name);
}

TEST_F(abi, argument_is_accepted)
{
	const struct command *c = NULL;

	while ((c = abi_next(c, WITH(size)))) {
		abi_fill(&self->abi, c);
		expect(_metadata, self, c, c->ok);
	}
}

TEST_F(abi, too_short_is_einval)
{
	const struct command *c = NULL;
	uint32_t size;

	while ((c = abi_next(c, WITH(size)))) {
		for (size = 0; size < c->size; size++) {
			abi_fill(&self->abi, c);
			self->abi.arg.size = size;
			expect(_metadata, self, c, -EINVAL);
		}
	}
}

TEST_F(abi, longer_with_zero_tail_is_accepted)
{
	static const uint8_t zeros[sizeof(struct argument)];
	const struct command *c = NULL;
	uint32_t more;

	while ((c = abi_next(c, WITH(size)))) {
		for (more = 1; more <= TAIL; more++) {
			abi_fill(&self->abi, c);
			self->abi.arg.size = c->size + more;
			expect(_metadata, self, c, c->ok);
			EXPECT_EQ(0, memcmp(self->abi.arg.bytes + c->size, zeros, more));
		}
	}
}

TEST_F(abi, longer_with_other_tail_is_e2big)
{
	const struct command *c = NULL;
	uint32_t at;

	while ((c = abi_next(c, WITH(size)))) {
		for (at = 0; at < TAIL; at++) {
			abi_fill(&self->abi, c);
			self->abi.arg.size = c->size + TAIL;
			self->abi.arg.bytes[c->size + at] = 1;
			expect(_metadata, self, c, -E2BIG);
		}
	}
}

/* What lies behind the structure is looked through, for no longer than a page. */
TEST_F(abi, longer_than_a_page_is_e2big)
{
	const size_t page = sysconf(_SC_PAGESIZE), big = 64 * page;
	struct argument *p = mmap(NULL, big, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct command *c = NULL;

	ASSERT_NE(MAP_FAILED, p);
	while ((c = abi_next(c, WITH(size)))) {
		memset(p, 0, sizeof(*p));
		abi_fill(&self->abi, c);
		memcpy(p, &self->abi.arg, c->size);
		p->size = page;
		EXPECT_EQ(c->ok, raw_ioctl(self->abi.fd, c->cmd, p)) TH_LOG("%s", c->name);
		p->size = page + 1;
		EXPECT_EQ(-E2BIG, raw_ioctl(self->abi.fd, c->cmd, p)) TH_LOG("%s", c->name);
		p->size = big;
		EXPECT_EQ(-E2BIG, raw_ioctl(self->abi.fd, c->cmd, p)) TH_LOG("%s", c->name);
	}
}

TEST_F(abi, unknown_flag_is_einval)
{
	const struct command *c = NULL;
	unsigned int bit;

	while ((c = abi_next(c, WITH(flags)))) {
		for (bit = 0; bit < 32; bit++) {
			if (c->valid & 1U << bit)
				continue;
			abi_fill(&self->abi, c);
			abi_put(&self->abi, c->flags, 1U << bit);
			expect(_metadata, self, c, -EINVAL);
		}
	}
}

TEST_F(abi, known_flags_are_accepted)
{
	const struct command *c = NULL;
	uint32_t bit;

	while ((c = abi_next(c, WITH(valid)))) {
		for (bit = 1; bit; bit <<= 1) {
			if (!(c->valid & bit))
				continue;
			abi_fill(&self->abi, c);
			abi_put(&self->abi, c->flags, bit);
			expect(_metadata, self, c, c->ok);
		}
	}
}

TEST_F(abi, pad_is_einval)
{
	const struct command *c = NULL;
	unsigned int bit;

	while ((c = abi_next(c, WITH(pad)))) {
		for (bit = 0; bit < 32; bit++) {
			abi_fill(&self->abi, c);
			abi_put(&self->abi, c->pad, 1U << bit);
			expect(_metadata, self, c, -EINVAL);
		}
	}
}

TEST_F(abi, deadline_beyond_the_clocks_is_einval)
{
	const uint64_t beyond[] = { 1ULL << 63, KSYNC_NO_DEADLINE - 1 };
	const uint64_t within[] = { 0, (1ULL << 63) - 1, KSYNC_NO_DEADLINE };
	const struct command *c = NULL;
	size_t i;

	while ((c = abi_next(c, WITH(deadline)))) {
		for (i = 0; i < 2; i++) {
			abi_fill(&self->abi, c);
			memcpy(self->abi.arg.bytes + c->deadline, &beyond[i], 8);
			expect(_metadata, self, c, -EINVAL);
		}
		for (i = 0; i < 3; i++) {
			abi_fill(&self->abi, c);
			memcpy(self->abi.arg.bytes + c->deadline, &within[i], 8);
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
	while ((c = abi_next(c, WITH(size)))) {
		EXPECT_EQ(-EFAULT, raw_ioctl(self->abi.fd, c->cmd, NULL));
		EXPECT_EQ(-EFAULT, raw_ioctl(self->abi.fd, c->cmd, end));
		EXPECT_EQ(-EFAULT, raw_ioctl(self->abi.fd, c->cmd, (void *)-4096L));
		abi_fill(&self->abi, c);
		p = end - c->size;
		memcpy(p, &self->abi.arg, c->size);
		EXPECT_EQ(c->ok, raw_ioctl(self->abi.fd, c->cmd, p));
		abi_fill(&self->abi, c);
		memcpy(p + 1, &self->abi.arg, c->size - 1);
		EXPECT_EQ(-EFAULT, raw_ioctl(self->abi.fd, c->cmd, p + 1));
	}
}

TEST_F(abi, unwritable_is_efault_where_there_is_an_answer)
{
	const long page = sysconf(_SC_PAGESIZE);
	const struct command *c = NULL;
	uint8_t *p = page_end();

	ASSERT_NE(NULL, p);
	p -= page;
	while ((c = abi_next(c, WITH(size)))) {
		ASSERT_EQ(0, mprotect(p, page, PROT_READ | PROT_WRITE));
		abi_fill(&self->abi, c);
		memcpy(p, &self->abi.arg, c->size);
		ASSERT_EQ(0, mprotect(p, page, PROT_READ));
		EXPECT_EQ(c->has_out ? -EFAULT : c->ok,
			  raw_ioctl(self->abi.fd, c->cmd, p)) TH_LOG("%s", c->name);
	}
}

TEST_F(abi, unknown_command_is_enotty)
{
	const struct command *c = NULL;
	unsigned int nr;

	while ((c = abi_next(c, WITH(size)))) {
		abi_fill(&self->abi, c);
		nr = _IOC_NR(c->cmd);
		EXPECT_EQ(-ENOTTY, raw_ioctl(self->abi.fd, _IOR(KSYNC_IOC_MAGIC, nr, int),
					     &self->abi.arg));
		EXPECT_EQ(-ENOTTY, raw_ioctl(self->abi.fd, _IOW(KSYNC_IOC_MAGIC, nr, int),
					     &self->abi.arg));
		EXPECT_EQ(-ENOTTY, raw_ioctl(self->abi.fd, _IO('L', nr), &self->abi.arg));
	}
	for (nr = 0; nr < 256; nr++) {
		c = NULL;
		while ((c = abi_next(c, WITH(size))) && _IOC_NR(c->cmd) != nr)
			;
		if (c)
			continue;
		EXPECT_EQ(-ENOTTY, raw_ioctl(self->abi.fd, _IO(KSYNC_IOC_MAGIC, nr),
					     &self->abi.arg));
	}
}

KSFT_MAIN
