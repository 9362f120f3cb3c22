// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * sem_open(), sem_close(), sem_unlink().
 *
 * A semaphore with a name is a file, named as glibc names its own, that holds what a
 * sem_t shared by processes holds.  The file appears complete, by link(2).
 */
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "dropin.h"
#include "real.h"

#define DIRECTORY	"/dev/shm/"

struct opened {
	sem_t *sem;
	dev_t dev;
	ino_t ino;
	uint32_t users;
};

static struct opened opened[1024];
static uint32_t guard;

static sem_t *fail(int error)
{
	errno = error;
	return SEM_FAILED;
}

/* Return: 0; EINVAL, ENAMETOOLONG. */
static int path_of(const char *name, char path[PATH_MAX])
{
	while (*name == '/')
		name++;
	if (!*name || strchr(name, '/'))
		return EINVAL;
	if (strlen(name) > NAME_MAX - strlen("sem."))
		return ENAMETOOLONG;
	snprintf(path, PATH_MAX, DIRECTORY "sem.%s", name);
	return 0;
}

static struct opened *find(dev_t dev, ino_t ino)
{
	struct opened *o;

	for (o = opened; o < opened + ARRAY_SIZE(opened); o++)
		if (o->sem && o->dev == dev && o->ino == ino)
			return o;
	return NULL;
}

static struct opened *find_free(void)
{
	struct opened *o;

	for (o = opened; o < opened + ARRAY_SIZE(opened); o++)
		if (!o->sem)
			return o;
	return NULL;
}

static bool is_valid(sem_t *sem)
{
	struct pt_sem *s = (struct pt_sem *)sem;
	struct ksync_object o;

	return s->ref & SHARED && !object_share(&s->ref, &o) &&
	       (o.attr & 0xff) == KSYNC_KIND_SEM;
}

/* The same address for the same semaphore, as often as it is opened. */
static sem_t *map(int fd, const struct stat *st)
{
	struct opened *o = find(st->st_dev, st->st_ino);
	sem_t *sem;

	if (o) {
		o->users++;
		return o->sem;
	}
	o = find_free();
	if (!o)
		return fail(EMFILE);
	if (st->st_size < (off_t)sizeof(sem_t))
		return fail(EINVAL);
	sem = mmap(NULL, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (sem == MAP_FAILED)
		return SEM_FAILED;
	if (!is_valid(sem)) {
		munmap(sem, sizeof(sem_t));
		tell("a semaphore in %s is not of this tree of processes: see ksync-run(1)",
		     DIRECTORY);
		return fail(EINVAL);
	}
	*o = (struct opened) { sem, st->st_dev, st->st_ino, 1 };
	return sem;
}

static sem_t *open_file(const char *path)
{
	struct stat st;
	sem_t *sem = SEM_FAILED;
	int fd, saved;

	fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return SEM_FAILED;
	if (!fstat(fd, &st)) {
		guard_lock(&guard);
		sem = map(fd, &st);
		guard_unlock(&guard);
	}
	saved = errno;
	REAL(close)(fd);
	errno = saved;
	return sem;
}

/* A file of its own, under a name that nobody asks for.  Return: -1, or fd. */
static int new_file(char *path, mode_t mode)
{
	int fd, tries;

	for (tries = 0; tries < 100; tries++) {
		snprintf(path, PATH_MAX, DIRECTORY "sem.ksync-%lx", random_odd());
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

/* Return: 0, or an errno; EEXIST: somebody was faster. */
static int create_file(const char *path, mode_t mode, unsigned int value)
{
	char other[PATH_MAX];
	sem_t sem;
	int fd, ret;

	memset(&sem, 0, sizeof(sem));
	fd = new_file(other, mode);
	if (fd < 0)
		return errno;
	ret = sem_init(&sem, 1, value) ? errno : 0;
	if (!ret && write(fd, &sem, sizeof(sem)) != sizeof(sem))
		ret = errno;
	REAL(close)(fd);
	if (!ret && link(other, path))
		ret = errno;
	if (ret && ((struct pt_sem *)&sem)->ref)
		sem_destroy(&sem);
	unlink(other);
	return ret;
}

static sem_t *open_or_create(const char *path, int flags, mode_t mode, unsigned int value)
{
	sem_t *sem;
	int ret;

	if (flags & O_CREAT && value > SEM_VALUE_MAX)
		return fail(EINVAL);
	for (;;) {
		if (!(flags & O_CREAT) || !(flags & O_EXCL)) {
			sem = open_file(path);
			if (sem != SEM_FAILED || errno != ENOENT || !(flags & O_CREAT))
				return sem;
		}
		ret = create_file(path, mode, value);
		if (!ret)
			return open_file(path);
		if (ret != EEXIST || flags & O_EXCL)
			return fail(ret);
	}
}

KSYNC_EXPORT sem_t *sem_open(const char *name, int flags, ...)
{
	char path[PATH_MAX];
	unsigned int value = 0;
	mode_t mode = 0;
	va_list args;
	int ret;

	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		value = va_arg(args, unsigned int);
		va_end(args);
	}
	if (!ready())
		return REAL(sem_open)(name, flags, mode, value);
	ret = path_of(name, path);
	if (!ret)
		ret = process_share();
	return ret ? fail(ret) : open_or_create(path, flags, mode, value);
}

KSYNC_EXPORT int sem_close(sem_t *sem)
{
	struct opened *o;
	int ret = -1;

	if (!ready())
		return REAL(sem_close)(sem);
	guard_lock(&guard);
	for (o = opened; o < opened + ARRAY_SIZE(opened); o++) {
		if (o->sem != sem)
			continue;
		ret = 0;
		if (!--o->users) {
			munmap(sem, sizeof(sem_t));
			o->sem = NULL;
		}
	}
	guard_unlock(&guard);
	if (ret)
		errno = EINVAL;
	return ret;
}

KSYNC_EXPORT int sem_unlink(const char *name)
{
	return REAL(sem_unlink)(name);
}
