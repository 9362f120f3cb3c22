// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Domains: opening, adopting and closing them. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "internal.h"

/* Enough for a short critical section to end on another CPU. */
#define SPINS	100

static uint64_t last_serial;

/* What this library cannot work with is another ABI to it. */
static int check_abi(const struct ksync_info *info)
{
	if (info->abi != KSYNC_ABI || info->cell_size != KSYNC_CELL_SIZE ||
	    !info->arena_size || info->arena_size > SIZE_MAX)
		return -EPROTO;
	return 0;
}

static int map_arena(struct ksync *d)
{
	void *arena;

	if (d->shadow)
		return 0;
	arena = mmap(NULL, d->arena_size, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_NORESERVE, d->fd, 0);
	if (arena == MAP_FAILED)
		return -errno;
	d->cells = arena;
	return 0;
}

/* What is not the module's may be a futex domain: then it is mapped now. */
static int recognise(struct ksync *d, struct ksync_info *info)
{
	int ret = ksync_info(d, info);

	if (ret == -ENOTTY) {
		ret = ksync_futex_map(d);
		if (!ret)
			ret = ksync_info(d, info);
	}
	return ret == -EINVAL || ret == -E2BIG ? -EPROTO : ret;
}

/**
 * ksync_setup() - let a domain be that of a file descriptor
 * @d: zero
 * @fd: stays the caller's if this fails
 *
 * Return: as ksync_adopt().
 */
int ksync_setup(struct ksync *d, int fd)
{
	struct ksync_info info;
	long cpus;
	int ret;

	d->fd = fd;
	ret = recognise(d, &info);
	if (ret)
		return ret;
	ret = check_abi(&info);
	if (ret)
		return ret;
	ret = ksync_thread_prepare();
	if (ret)
		return ret;

	d->arena_size = info.arena_size;
	d->lazy_ceiling = info.features & KSYNC_FEATURE_LAZY_CEILING;
	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	d->cpus = cpus > 0 ? cpus : 1;
	d->spins = d->cpus > 1 ? SPINS : 0;
	d->serial = __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED);
	return map_arena(d);
}

static int adopt(struct ksync **out, int fd)
{
	struct ksync *d;
	int ret;

	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	ret = ksync_setup(d, fd);
	if (ret) {
		if (d->shadow)
			ksync_futex_unmap(d);
		free(d);
		return ret;
	}
	*out = d;
	return 0;
}

KSYNC_EXPORT int ksync_adopt(struct ksync **d, int fd)
{
	int saved = errno;
	int ret = adopt(d, fd);

	errno = saved;
	return ret;
}

static int open_device(void)
{
	int saved = errno;
	int fd = open(KSYNC_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		fd = -errno;
		errno = saved;
	}
	return fd;
}

/*
 * What a program that asks for nothing gets, the environment may say: a value
 * that is misspelt is an error.  Flags that a program gives are its own.
 */
static int flags_of_environment(unsigned int *flags)
{
	static const struct {
		const char *name;
		unsigned int flags;
	} backends[] = {
		{ "module", 0 },
		{ "any", KSYNC_OPEN_FALLBACK },
		{ "futex", KSYNC_OPEN_FUTEX },
	};
	const char *value = secure_getenv("KSYNC_BACKEND");
	size_t i;

	if (!value || !*value)
		return 0;
	for (i = 0; i < ARRAY_SIZE(backends); i++) {
		if (!strcmp(value, backends[i].name)) {
			*flags = backends[i].flags;
			return 0;
		}
	}
	return -EINVAL;
}

/* There is a device, but one is not let in, or it is another's: that is no reason. */
static bool no_module(int err)
{
	return err == -ENOENT || err == -ENXIO || err == -ENODEV;
}

static int open_backend(unsigned int flags)
{
	int fd;

	if (flags & KSYNC_OPEN_FUTEX)
		return ksync_futex_open();
	fd = open_device();
	if (flags & KSYNC_OPEN_FALLBACK && no_module(fd))
		fd = ksync_futex_open();
	return fd;
}

KSYNC_EXPORT int ksync_open(struct ksync **d, unsigned int flags)
{
	int fd, ret = 0;

	if (!flags)
		ret = flags_of_environment(&flags);
	if (ret || flags & (flags - 1) || flags & ~(KSYNC_OPEN_FALLBACK | KSYNC_OPEN_FUTEX))
		return -EINVAL;
	fd = open_backend(flags);
	if (fd < 0)
		return fd;
	ret = ksync_adopt(d, fd);
	if (ret)
		close(fd);
	return ret;
}

KSYNC_EXPORT void ksync_close(struct ksync *d)
{
	if (!d)
		return;
	if (d->shadow)
		ksync_futex_unmap(d);
	else
		munmap(d->cells, d->arena_size);
	close(d->fd);
	free(d);
}

KSYNC_EXPORT int ksync_fileno(const struct ksync *d)
{
	return d->fd;
}

KSYNC_EXPORT int ksync_info_sized_(struct ksync *d, struct ksync_info *out)
{
	return ksync_call_(d, KSYNC_IOC_INFO, out);
}
