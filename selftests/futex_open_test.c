// SPDX-License-Identifier: GPL-2.0
/*
 * How a program gets the library's futex backend: by flags, the environment, or a
 * descriptor; with or without the module.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib/ksft.h"

static bool is_futex(struct ksync *d)
{
	struct ksync_info info;

	return !ksync_info(d, &info) && !(info.features & KSYNC_FEATURE_MANY);
}

static bool has_module(void)
{
	return !access(KSYNC_DEVICE, F_OK);
}

/* What ksync_open(@flags) gives with this environment: 'm', 'f', or an error. */
static int opened(const char *backend, unsigned int flags)
{
	struct ksync *d;
	int ret;

	if (backend)
		setenv("KSYNC_BACKEND", backend, 1);
	else
		unsetenv("KSYNC_BACKEND");
	ret = ksync_open(&d, flags);
	if (ret)
		return ret;
	ret = is_futex(d) ? 'f' : 'm';
	ksync_close(d);
	return ret;
}

TEST(flags_and_environment)
{
	const int strict = has_module() ? 'm' : -ENOENT, any = has_module() ? 'm' : 'f';

	EXPECT_EQ(strict, opened(NULL, 0));
	EXPECT_EQ(any, opened(NULL, KSYNC_OPEN_FALLBACK));
	EXPECT_EQ('f', opened(NULL, KSYNC_OPEN_FUTEX));
	EXPECT_EQ(strict, opened("module", 0));
	EXPECT_EQ(any, opened("any", 0));
	EXPECT_EQ('f', opened("futex", 0));
	EXPECT_EQ(strict, opened("", 0));
	/* Flags are the program's own. */
	EXPECT_EQ(any, opened("futex", KSYNC_OPEN_FALLBACK));
	EXPECT_EQ('f', opened("module", KSYNC_OPEN_FUTEX));
	EXPECT_EQ(-EINVAL, opened("futexes", 0));
	EXPECT_EQ(-EINVAL, opened(NULL, KSYNC_OPEN_FALLBACK | KSYNC_OPEN_FUTEX));
	EXPECT_EQ(-EINVAL, opened(NULL, 4));
}

/* No permission is not the same as no module. */
TEST(fallback_is_for_no_module_alone)
{
	if (!has_module())
		SKIP(return, "needs the module");
	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, setegid(65534));
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(-EACCES, opened(NULL, KSYNC_OPEN_FALLBACK));
	EXPECT_EQ('f', opened(NULL, KSYNC_OPEN_FUTEX));
}

TEST(other_files_are_no_domains)
{
	struct ksync *d;
	int fd[2], memfd;

	ASSERT_EQ(0, pipe(fd));
	EXPECT_EQ(-ENOTTY, ksync_adopt(&d, fd[0]));
	memfd = memfd_create("other", MFD_ALLOW_SEALING);
	EXPECT_EQ(-ENOTTY, ksync_adopt(&d, memfd));
	ASSERT_EQ(0, ftruncate(memfd, 128 << 20));
	ASSERT_EQ(0, fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
	EXPECT_EQ(-ENOTTY, ksync_adopt(&d, memfd));
	EXPECT_EQ(-EBADF, ksync_adopt(&d, 999));
}

KSFT_MAIN
