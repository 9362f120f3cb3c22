// SPDX-License-Identifier: GPL-2.0
/* The parameter that makes a debug kernel's module do something wrong. */
#include <string.h>
#include <unistd.h>

#include "lib/ksft.h"

FIXTURE(busted)
{
	char was[64];
	bool there;
};

FIXTURE_SETUP(busted)
{
	self->there = !param_read("fault", self->was, sizeof(self->was));
}

FIXTURE_TEARDOWN(busted)
{
	if (self->there)
		EXPECT_EQ(0, param_write("fault", "none"));
}

#define NEED_FAULTS()							\
	do {								\
		if (!self->there)					\
			SKIP(return, "only modules of debug kernels have faults"); \
	} while (0)

TEST_F(busted, is_none_at_first)
{
	NEED_FAULTS();
	EXPECT_STREQ("none:1 0", self->was);
}

TEST_F(busted, unknown_ones_are_refused)
{
	static const char *const wrong[] = {
		"no-such-fault", "sem-twice:0", "sem-twice:x", "sem-twice:",
		"a-name-that-is-longer-than-any-name-of-a-fault",
	};
	char text[64];
	size_t i;

	NEED_FAULTS();
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		EXPECT_EQ(-EINVAL, param_write("fault", wrong[i])) TH_LOG("name %zu", i);
	ASSERT_EQ(0, param_read("fault", text, sizeof(text)));
	EXPECT_STREQ("none:1 0", text);
}

/* A unit is taken and stays: the second time of two. */
TEST_F(busted, is_made_each_nth_time)
{
	struct ksync_cell *cells;
	uint32_t id, was;
	char text[64];
	int fd = raw_open(), i;

	NEED_FAULTS();
	cells = raw_map(fd, 64);
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_SEM, 0, &id));
	ASSERT_EQ(0, raw_release(fd, id, 0, 4, &was));
	ASSERT_EQ(0, param_write("fault", "sem-twice:2"));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, raw_acquire(fd, id, 0, KSYNC_NO_DEADLINE));
	EXPECT_EQ(2, cells[id].word);
	ASSERT_EQ(0, param_read("fault", text, sizeof(text)));
	EXPECT_STREQ("sem-twice:2 2", text);
	close(fd);
}

KSFT_MAIN
