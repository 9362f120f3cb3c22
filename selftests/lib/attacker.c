// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ksync.h>
#include "attacker.h"
#include "await.h"
#include "player.h"

#define CGROUPS "/sys/fs/cgroup/"

static int write_text(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const ssize_t len = strlen(text);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, len) == len ? 0 : -errno;
	close(fd);
	return ret;
}

struct attacker *attacker_new(int (*fn)(struct attacker *a))
{
	struct attacker *a = player_memory(sizeof(*a));

	a->fn = fn;
	a->uid = ATTACKER_UID;
	a->fd = -1;
	return a;
}

/* setuid() and unshare() leave nobody to kill us with the parent. */
static int drop_privileges(const struct attacker *a)
{
	const struct rlimit limit = { a->rtprio, a->rtprio };
	const struct rlimit files = { 1 << 16, 1 << 16 };
	const gid_t group = DEVICE_GID;
	char path[128];

	if (a->memcg) {
		snprintf(path, sizeof(path), CGROUPS "%s/cgroup.procs", a->memcg);
		if (write_text(path, "0"))
			return 1;
	}
	if (setrlimit(RLIMIT_NOFILE, &files) || setrlimit(RLIMIT_RTPRIO, &limit) ||
	    setgroups(!a->outsider, &group) ||
	    setgid(a->uid) || setuid(a->uid))
		return 1;
	prctl(PR_SET_DUMPABLE, 1);
	return prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int map_ids(unsigned int uid)
{
	char text[32];

	snprintf(text, sizeof(text), "0 %u 1", uid);
	if (write_text("/proc/self/uid_map", text) ||
	    write_text("/proc/self/setgroups", "deny"))
		return 1;
	return write_text("/proc/self/gid_map", text);
}

static int in_container(struct attacker *a)
{
	int status;
	pid_t pid;

	if (unshare(a->namespaces) || map_ids(a->uid))
		return 1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(a->fn(a));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int attacker_main(void *arg)
{
	struct attacker *a = arg;

	if (drop_privileges(a)) {
		a->failed = __LINE__;
		a->saw = errno;
		return 1;
	}
	return a->namespaces ? in_container(a) : a->fn(a);
}

int attacker_start(struct attacker *a)
{
	return task_start(&a->task, TASK_PROCESS, attacker_main, a);
}

int attacker_join(struct attacker *a)
{
	int status, ret = task_join(&a->task, &status);

	if (a->failed)
		fprintf(stderr, "# the attacker's line %u: sees %lld\n", a->failed,
			(long long)a->saw);
	return ret ? ret : status;
}

int attacker_run(struct attacker *a)
{
	int ret = attacker_start(a);

	return ret ? ret : attacker_join(a);
}

static struct stat device;

int device_share(void)
{
	if (stat(KSYNC_DEVICE, &device) || chown(KSYNC_DEVICE, 0, DEVICE_GID))
		return -errno;
	return 0;
}

void device_unshare(void)
{
	if (chown(KSYNC_DEVICE, device.st_uid, device.st_gid))
		perror("# " KSYNC_DEVICE " keeps the group of the test");
}

int memcg_make(const char *name, uint64_t max)
{
	char path[128], text[32];

	if (access(CGROUPS "cgroup.controllers", R_OK))
		return -ENOENT;
	write_text(CGROUPS "cgroup.subtree_control", "+memory");
	snprintf(path, sizeof(path), CGROUPS "%s", name);
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	if (!max)
		return 0;
	snprintf(path, sizeof(path), CGROUPS "%s/memory.max", name);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)max);
	return write_text(path, text);
}

static bool removed(const void *name)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUPS "%s", (const char *)name);
	return !rmdir(path) || errno == ENOENT;
}

/* Its processes may be on their way out. */
void memcg_remove(const char *name)
{
	await_true(removed, name);
}

static int64_t read_number(const char *name, const char *file, const char *format)
{
	char path[128], line[128];
	int64_t n = -ENODATA;
	long long value;
	FILE *f;

	snprintf(path, sizeof(path), CGROUPS "%s/%s", name, file);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (n < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, format, &value) == 1)
			n = value;
	fclose(f);
	return n;
}

int64_t memcg_current(const char *name)
{
	return read_number(name, "memory.current", "%lld");
}

int64_t memcg_peak(const char *name)
{
	return read_number(name, "memory.peak", "%lld");
}

int64_t memcg_oom_kills(const char *name)
{
	return read_number(name, "memory.events", "oom_kill %lld");
}

void memcg_oom_expected(bool begin)
{
	write_text("/dev/kmsg", begin ? "ksync-test: a kill for lack of memory follows\n" :
		   "ksync-test: it was killed\n");
}
