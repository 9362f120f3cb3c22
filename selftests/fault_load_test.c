// SPDX-License-Identifier: GPL-2.0
/*
 * Loading the module while memory is short: it is loaded and works, or it is not
 * there and has left nothing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/ksft.h"
#include "lib/module.h"
#include "lib/sys.h"

#define FAULTS_MAX	5000

static int load(struct fault *f, enum fault_mode mode, uint32_t n, bool *hit)
{
	int fd = open(module_file(), O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = fault_arm(f, mode, n);
	if (!ret) {
		ret = sys(SYS_finit_module, fd, "", 0);
		*hit = fault_disarm(f);
	}
	close(fd);
	return ret;
}

static bool is_there(const char *path)
{
	return !access(path, F_OK);
}

/* The kernel makes and removes the node of the device in a thread of its own. */
static bool device_is_gone(const void *arg)
{
	(void)arg;
	return !is_there(KSYNC_DEVICE);
}

static void check_gone(struct __test_metadata *_metadata)
{
	EXPECT_EQ(0, await_true(device_is_gone, NULL));
	EXPECT_FALSE(is_there("/sys/module/ksync"));
	EXPECT_FALSE(is_there("/proc/ksync"));
	EXPECT_FALSE(is_there("/sys/class/misc/ksync"));
	EXPECT_FALSE(is_there("/sys/kernel/slab/ksync_state"));
}

static bool device_is_there(const void *arg)
{
	(void)arg;
	return is_there(KSYNC_DEVICE);
}

/* Reports alone may be missing. */
static void check_works(struct __test_metadata *_metadata)
{
	uint32_t id, handle;
	int fd;

	ASSERT_EQ(0, await_true(device_is_there, NULL));
	fd = open(KSYNC_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, raw_attach(fd, &handle));
	EXPECT_EQ(0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &id));
	EXPECT_EQ(0, raw_lock(fd, id, handle, 0, KSYNC_NO_DEADLINE));
	EXPECT_EQ(0, raw_unlock(fd, id, handle));
	close(fd);
}

static long uevents(void)
{
	FILE *f = fopen("/sys/kernel/uevent_seqnum", "re");
	long n = -1;

	if (f) {
		if (fscanf(f, "%ld", &n) != 1)
			n = -1;
		fclose(f);
	}
	return n;
}

/* The kernel announces a module just before it has it initialize itself. */
static bool is_after_announcement(struct __test_metadata *_metadata, struct fault *f,
				  uint32_t n)
{
	const long before = uevents();
	bool hit;

	if (!load(f, FAULT_ONE, n, &hit))
		EXPECT_EQ(0, module_unload());
	return uevents() != before;
}

/* The first fault that may be the module's own: those before are the kernel's. */
static uint32_t first_fault(struct __test_metadata *_metadata, struct fault *f)
{
	uint32_t low = 1, high = FAULTS_MAX, n;

	while (low < high) {
		n = (low + high) / 2;
		if (is_after_announcement(_metadata, f, n))
			high = n;
		else
			low = n + 1;
	}
	return low;
}

/* Return: how many faults there are from @first on. */
static uint32_t sweep(struct __test_metadata *_metadata, struct fault *f, uint32_t first)
{
	uint32_t n, loaded = 0;
	bool hit = true;
	int ret;

	for (n = first; hit && n < FAULTS_MAX; n++) {
		ret = load(f, FAULT_ONE, n, &hit);
		if (!ret) {
			loaded++;
			check_works(_metadata);
			ASSERT_EQ(0, module_unload());
		} else {
			EXPECT_TRUE(hit && (ret == -ENOMEM || ret == -EFAULT))
				TH_LOG("fault %u: %d", n, ret);
		}
		check_gone(_metadata);
		ASSERT_TRUE(_metadata->passed)
			TH_LOG("fault %u", n);
	}
	ASSERT_LT(n, FAULTS_MAX);
	TH_LOG("faults %u to %u, loaded in spite of %u", first, n - 2, loaded - 1);
	return n - first - 1;
}

TEST(loading)
{
	struct fault f;
	uint32_t faults;

	if (fault_missing())
		SKIP(return, "%s", fault_missing());
	if (!getenv("KSYNC_FAULT_LOAD"))
		SKIP(return, "KSYNC_FAULT_LOAD=1 asks for it: it takes long");
	if (!module_file())
		SKIP(return, "KSYNC_KO= does not name the module to load again");
	ASSERT_EQ(0, fault_setup());
	ASSERT_EQ(0, fault_open(&f));
	ASSERT_EQ(0, module_unload());
	faults = sweep(_metadata, &f, first_fault(_metadata, &f));
	ASSERT_EQ(0, module_load(""));
	EXPECT_LT(0, faults);
	dprintf(1, "# figure: faults injected in loading = %u faults\n", faults);
}

FAULT_NO_LEAK();

KSFT_MAIN
