// SPDX-License-Identifier: GPL-2.0
/* One task's own faults: see fault.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "sys.h"

#define DEBUG "/sys/kernel/debug/"

const char *fault_missing(void)
{
	if (access("/proc/thread-self/fail-nth", W_OK))
		return "this kernel injects no faults (FAULT_INJECTION)";
	if (access(DEBUG "failslab", X_OK) || access(DEBUG "fail_page_alloc", X_OK) ||
	    access(DEBUG "fail_usercopy", X_OK))
		return "no FAILSLAB, FAIL_PAGE_ALLOC and FAULT_INJECTION_USERCOPY in " DEBUG;
	return NULL;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static long read_number(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return strtol(text, NULL, 10);
}

/* Each fault takes one away. */
#define MANY	1000000
#define TIMES	"1000000"

long fault_count(void)
{
	return 3 * (long)MANY - read_number(DEBUG "failslab/times") -
	       read_number(DEBUG "fail_page_alloc/times") -
	       read_number(DEBUG "fail_usercopy/times");
}

/* What may fail in FAULT_TWO, the nth counted; which fails whatever is left. */
static int limit(void)
{
	int ret = write_file(DEBUG "failslab/times", "2");

	return ret ? ret : write_file(DEBUG "fail_page_alloc/times", "0");
}

/*
 * Only tasks that ask for it have faults; those of one task at a time.  Nothing is
 * said of a fault: its backtrace would look like a bug.
 */
int fault_setup(void)
{
	static const char *const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/cache-filter", "N" },
		{ "failslab/verbose", "0" },
		{ "failslab/space", "0" },
		{ "failslab/interval", "1" },
		{ "failslab/task-filter", "Y" },
		{ "failslab/probability", "100" },
		{ "failslab/times", TIMES },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_page_alloc/space", "0" },
		{ "fail_page_alloc/interval", "1" },
		{ "fail_page_alloc/task-filter", "Y" },
		{ "fail_page_alloc/probability", "100" },
		{ "fail_page_alloc/times", TIMES },
		{ "fail_usercopy/verbose", "0" },
		{ "fail_usercopy/task-filter", "Y" },
		{ "fail_usercopy/probability", "0" },
		{ "fail_usercopy/times", TIMES },
		{ NULL, NULL },
	};
	const char *const (*setting)[2];
	char path[128];
	int ret;

	for (setting = settings; (*setting)[0]; setting++) {
		snprintf(path, sizeof(path), DEBUG "%s", (*setting)[0]);
		ret = write_file(path, (*setting)[1]);
		if (ret) {
			fprintf(stderr, "# cannot write %s\n", path);
			return ret;
		}
	}
	return 0;
}

int fault_open(struct fault *f)
{
	f->nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	f->more = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC);
	return f->nth < 0 || f->more < 0 ? -ENOENT : 0;
}

void fault_close(struct fault *f)
{
	close(f->nth);
	close(f->more);
}

int fault_arm(struct fault *f, enum fault_mode mode, uint32_t n)
{
	char text[16];
	int ret = mode == FAULT_TWO ? limit() : 0;
	int len = snprintf(text, sizeof(text), "%u", n);

	if (ret)
		return ret;
	if (mode == FAULT_TWO && sys(SYS_pwrite64, f->more, "1", 1, 0) != 1)
		return -EIO;
	/* The last system call before what is to fail. */
	return sys(SYS_pwrite64, f->nth, text, len, 0) == len ? 0 : -EIO;
}

long fault_left(const struct fault *f)
{
	char text[16] = "";
	long n = sys(SYS_pread64, f->nth, text, sizeof(text) - 1, 0);

	return n > 0 ? strtol(text, NULL, 10) : -EFAULT;
}

/*
 * Reading copies to user memory, writing copies from it: if the fault is still to
 * come, either may have it.
 */
bool fault_disarm(struct fault *f)
{
	const long left = fault_left(f);

	while (sys(SYS_pwrite64, f->nth, "0", 1, 0) != 1)
		;
	while (sys(SYS_pwrite64, f->more, "0", 1, 0) != 1)
		;
	return !left;
}
