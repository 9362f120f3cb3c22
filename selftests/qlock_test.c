// SPDX-License-Identifier: GPL-2.0
/*
 * The module's own queued spinlock, tortured by kernel threads; and the same
 * without the lock, which the torture must notice.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/ksft.h"

#define TORTURE "/sys/module/ksync/parameters/torture_qlock"

static int torture(const char *what)
{
	int fd = open(TORTURE, O_WRONLY);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, what, strlen(what)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

TEST(excludes)
{
	if (access(TORTURE, F_OK))
		SKIP(return, "the torture of the queued lock is in debug kernels' modules only");
	ASSERT_EQ(0, torture("1"));
}

TEST(torture_notices_a_missing_lock)
{
	if (access(TORTURE, F_OK))
		SKIP(return, "the torture of the queued lock is in debug kernels' modules only");
	ASSERT_EQ(-EIO, torture("2"));
}

KSFT_MAIN
