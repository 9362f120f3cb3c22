// SPDX-License-Identifier: GPL-2.0
/*
 * Who may do what: each interface of the module, by a user outside of the group, one
 * in it, one in a container, and a root that has been left no capability.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/attacker.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

#define PROC	"/proc/ksync"
#define PARAMS	"/sys/module/ksync/parameters"
#define EVENTS	"/sys/kernel/tracing/events/ksync"

/* Called with each file of a directory; the first error is returned. */
static int for_files(const char *dir, int (*fn)(const char *path, const struct stat *st))
{
	char path[512];
	struct dirent *e;
	struct stat st;
	DIR *d = opendir(dir);
	int n = 0, ret = 0;

	if (!d)
		return -errno;
	while (!ret && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		ret = stat(path, &st) ? -errno : fn(path, &st);
		if (ret)
			fprintf(stderr, "# %s: mode %o, user %u\n", path, st.st_mode, st.st_uid);
		n++;
	}
	closedir(d);
	return ret ? ret : n ? 0 : -ENOENT;
}

static int mode_proc(const char *path, const struct stat *st)
{
	(void)path;
	return S_ISREG(st->st_mode) && (st->st_mode & 07777) == 0400 && !st->st_uid &&
	       !st->st_gid ? 0 : -EPERM;
}

static int mode_param(const char *path, const struct stat *st)
{
	(void)path;
	return !(st->st_mode & 0133) && !st->st_uid && !st->st_gid ? 0 : -EPERM;
}

static int open_errno(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Neither to read nor to write. */
static int is_closed(const char *path, const struct stat *st)
{
	(void)st;
	return open_errno(path, O_RDONLY) == -EACCES && open_errno(path, O_WRONLY) == -EACCES ?
		0 : -EPERM;
}

static int is_no_use(const char *path, const struct stat *st)
{
	(void)st;
	return open_errno(path, O_RDONLY) == -EPERM ? 0 : -EACCES;
}

static int is_read_only(const char *path, const struct stat *st)
{
	(void)st;
	return open_errno(path, O_WRONLY) == -EACCES ? 0 : -EPERM;
}

FIXTURE(perm)
{
	int fd;
};

FIXTURE_SETUP(perm)
{
	ASSERT_EQ(0, device_share());
	self->fd = raw_open();
}

FIXTURE_TEARDOWN(perm)
{
	close(self->fd);
	device_unshare();
}

TEST_F(perm, modes)
{
	struct stat st;

	ASSERT_EQ(0, stat(KSYNC_DEVICE, &st));
	EXPECT_EQ(0660, st.st_mode & 07777);
	EXPECT_EQ(0, for_files(PROC, mode_proc));
	EXPECT_EQ(0, for_files(PARAMS, mode_param));
	EXPECT_NE(0, access("/sys/kernel/debug/ksync", F_OK));
}

/* In the group or not: what is root's is closed. */
static int closed_to(struct attacker *a)
{
	ATTACK_EQ(0, for_files(PROC, is_closed));
	ATTACK_EQ(0, for_files(PARAMS, is_read_only));
	ATTACK(open_errno(EVENTS "/enable", O_RDONLY) == -EACCES ||
	       open_errno(EVENTS "/enable", O_RDONLY) == -ENOENT);
	ATTACK_EQ(a->outsider ? -EACCES : 0, open_errno(KSYNC_DEVICE, O_RDWR));
	return 0;
}

TEST_F(perm, user_outside_of_the_group)
{
	struct attacker *a = attacker_new(closed_to);

	a->outsider = true;
	EXPECT_EQ(0, attacker_run(a));
}

TEST_F(perm, user_in_the_group)
{
	EXPECT_EQ(0, attacker_run(attacker_new(closed_to)));
}

/* Root of a container without a user namespace is the same user, with less. */
static int without_capabilities(void *arg)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = {};

	(void)arg;
	if (syscall(SYS_capset, &head, none))
		return 1;
	return for_files(PROC, is_no_use) ? 2 : 0;
}

TEST_F(perm, root_without_capabilities)
{
	struct task t;
	int status;

	ASSERT_EQ(0, task_start(&t, TASK_PROCESS, without_capabilities, NULL));
	ASSERT_EQ(0, task_join(&t, &status));
	EXPECT_EQ(0, status);
}

/* A container with a proc of its own, whose root is nobody outside. */
static int contained(struct attacker *a)
{
	struct ksync_ceiling ceiling = { .size = sizeof(ceiling), .ceiling = 1 };
	struct ksync_query q;
	uint32_t handle, own;

	ATTACK_EQ(0, geteuid());
	ATTACK_EQ(1, getpid());
	if (!mount("proc", "/proc", "proc", 0, NULL))
		ATTACK_EQ(0, for_files(PROC, is_closed));
	else
		a->n[1] = errno;
	ATTACK_EQ(0, for_files(PARAMS, is_read_only));

	/* In a domain that comes from outside: numbers are this namespace's. */
	ATTACK_EQ(0, raw_query(a->fd, a->n[0], &q));
	ATTACK(q.owner);
	ATTACK_EQ(0, q.owner_pid);
	/* The right of outside is not that of its root: no ceiling without a limit. */
	ATTACK_EQ(0, raw_attach(a->fd, &handle));
	ATTACK_EQ(0, raw_create(a->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_PROTECT, &ceiling.id));
	ATTACK_EQ(-EPERM, raw_ioctl(a->fd, KSYNC_IOC_CEILING, &ceiling));
	/* Its own pid. */
	ATTACK_EQ(0, raw_create(a->fd, KSYNC_KIND_MUTEX, 0, &own));
	ATTACK_EQ(0, raw_lock(a->fd, own, handle, KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE));
	ATTACK_EQ(0, raw_query(a->fd, own, &q));
	ATTACK_EQ(1, q.owner_pid);
	/* And the device, as outside. */
	ATTACK_EQ(0, open_errno(KSYNC_DEVICE, O_RDWR));
	return 0;
}

TEST_F(perm, container)
{
	struct attacker *a = attacker_new(contained);
	uint32_t id, handle;

	ASSERT_EQ(0, raw_attach(self->fd, &handle));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &id));
	ASSERT_EQ(0, raw_lock(self->fd, id, handle, KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE));
	a->fd = self->fd;
	a->n[0] = id;
	a->namespaces = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS;
	EXPECT_EQ(0, attacker_run(a));
	EXPECT_EQ(0, a->n[1]);
}

/* A ceiling is a priority that one can have anyway, and reaches who locks alone. */
static int raise_ceiling(struct attacker *a)
{
	struct ksync_ceiling ceiling = { .size = sizeof(ceiling) };

	a->fd = raw_open();
	ATTACK_EQ(0, raw_create(a->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_PROTECT, &ceiling.id));
	ceiling.ceiling = a->rtprio + 1;
	ATTACK_EQ(-EPERM, raw_ioctl(a->fd, KSYNC_IOC_CEILING, &ceiling));
	ceiling.ceiling = a->rtprio;
	ATTACK_EQ(0, raw_ioctl(a->fd, KSYNC_IOC_CEILING, &ceiling));
	return 0;
}

TEST_F(perm, ceiling_by_the_callers_limit)
{
	struct attacker *a = attacker_new(raise_ceiling);

	a->rtprio = 10;
	EXPECT_EQ(0, attacker_run(a));
	a->rtprio = 0;
	EXPECT_EQ(0, attacker_run(a));
}

/* A ceiling cell full of lies: entries for mutexes of others, and without a ceiling. */
static int lie_in_cell(struct attacker *a)
{
	struct ksync_attach attach = { .size = sizeof(attach), .flags = KSYNC_ATTACH_CEILING };
	struct ksync_ceiling_cell *cell;
	struct ksync_cell *cells;
	uint32_t handle, i;

	cells = raw_map(a->fd, 64);
	ATTACK_EQ(0, raw_attach(a->fd, &handle));
	ATTACK_EQ(0, raw_ioctl(a->fd, KSYNC_IOC_ATTACH, &attach));
	cell = (void *)&cells[attach.slot];
	for (i = 0; i < KSYNC_CEILING_ENTRIES; i++)
		cell->held[i] = KSYNC_HELD | KSYNC_BOOSTED | i;
	struct ksync_settle settle = { .size = sizeof(settle), .thread = handle };

	/* In the word of another mutex is another owner. */
	ATTACK_EQ(0, raw_ioctl(a->fd, KSYNC_IOC_SETTLE, &settle));
	ATTACK_EQ(NORMAL_PRIO, effective_prio(sys_gettid()));
	/* Who can write the word gets what the one who set the ceiling gave away. */
	cells[a->n[0]].word = handle;
	ATTACK_EQ(0, raw_ioctl(a->fd, KSYNC_IOC_SETTLE, &settle));
	ATTACK_EQ(FIFO_SHOWN(20), effective_prio(sys_gettid()));
	/* Its child is a normal task; and no more than that: 20. */
	if (!fork())
		_exit(effective_prio(getpid()) != NORMAL_PRIO);
	int status;

	ATTACK(wait(&status) > 0);
	ATTACK_EQ(0, status);
	cells[a->n[0]].word = 0;
	ATTACK_EQ(0, raw_ioctl(a->fd, KSYNC_IOC_SETTLE, &settle));
	ATTACK_EQ(NORMAL_PRIO, effective_prio(sys_gettid()));
	return 0;
}

TEST_F(perm, ceiling_is_for_who_is_in_the_domain)
{
	struct ksync_ceiling ceiling = { .size = sizeof(ceiling), .ceiling = 20 };
	struct attacker *a = attacker_new(lie_in_cell);

	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_PROTECT, &ceiling.id));
	ASSERT_EQ(0, raw_ioctl(self->fd, KSYNC_IOC_CEILING, &ceiling));
	a->fd = self->fd;
	a->n[0] = ceiling.id;
	EXPECT_EQ(0, attacker_run(a));
}

/* The descriptor is the right; the handle is its own task's. */
static int use_given(struct attacker *a)
{
	uint32_t own;

	ATTACK_EQ(-ESRCH, raw_lock(a->fd, a->n[0], a->n[1], 0, KSYNC_NO_DEADLINE));
	ATTACK_EQ(-ESRCH, raw_unlock(a->fd, a->n[0], a->n[1]));
	ATTACK_EQ(0, raw_attach(a->fd, &own));
	ATTACK(own != a->n[1]);
	ATTACK_EQ(-EPERM, raw_unlock(a->fd, a->n[0], own));
	ATTACK_EQ(-EBUSY, raw_lock(a->fd, a->n[0], own, KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE));
	return 0;
}

TEST_F(perm, handle_of_another_task)
{
	struct attacker *a = attacker_new(use_given);
	uint32_t id, handle;

	ASSERT_EQ(0, raw_attach(self->fd, &handle));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &id));
	ASSERT_EQ(0, raw_lock(self->fd, id, handle, 0, KSYNC_NO_DEADLINE));
	a->fd = self->fd;
	a->n[0] = id;
	a->n[1] = handle;
	a->outsider = true;
	EXPECT_EQ(0, attacker_run(a));
	EXPECT_EQ(0, raw_unlock(self->fd, id, handle));
}

/* The arena is memory to share, and never code. */
static int map_errno(int fd, int prot, int flags)
{
	void *p = mmap(NULL, 4096, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	prot = mprotect(p, 4096, PROT_READ | PROT_EXEC) ? -errno : 0;
	munmap(p, 4096);
	return prot;
}

TEST_F(perm, mappings)
{
	EXPECT_EQ(-EPERM, map_errno(self->fd, PROT_READ | PROT_EXEC, MAP_SHARED));
	EXPECT_EQ(-EACCES, map_errno(self->fd, PROT_READ | PROT_WRITE, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_errno(self->fd, PROT_READ | PROT_WRITE, MAP_PRIVATE));
}

KSFT_MAIN
