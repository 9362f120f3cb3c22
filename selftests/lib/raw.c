// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <string.h>
#include <sys/mman.h>
#include "backend.h"
#include "clock.h"
#include "raw.h"
#include "sys.h"

int raw_open(void)
{
	int fd = backend_open();

	if (fd < 0)
		errx(1, "cannot open " KSYNC_DEVICE "; is it loaded, and are you root? (%s)",
		     strerror(-fd));
	return fd;
}

struct ksync_cell *raw_map(int fd, size_t cells)
{
	struct ksync_info info;
	size_t size = cells * sizeof(struct ksync_cell);
	void *arena;

	if (!cells) {
		if (raw_info(fd, &info))
			errx(1, "INFO fails, so the size of the arena is not known");
		size = info.arena_size;
	}
	arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (arena == MAP_FAILED)
		err(1, "cannot map %zu bytes of the arena", size);
	return arena;
}

uint64_t raw_deadline(clockid_t clock, int64_t ms)
{
	return now(clock) + ms * MSEC;
}

int raw_ioctl(int fd, unsigned long cmd, void *arg)
{
	if (backend_is_futex())
		return backend_call(fd, cmd, arg);
	return sys(SYS_ioctl, fd, cmd, arg);
}

int raw_info(int fd, struct ksync_info *out)
{
	memset(out, 0, sizeof(*out));
	out->size = sizeof(*out);
	return raw_ioctl(fd, KSYNC_IOC_INFO, out);
}

int raw_create_many(int fd, uint32_t kind, uint32_t flags, uint32_t *ids, uint32_t count)
{
	struct ksync_create arg = {
		.size = sizeof(arg),
		.kind = kind,
		.flags = flags,
		.count = count,
		.ids = (uintptr_t)ids,
	};

	return raw_ioctl(fd, KSYNC_IOC_CREATE, &arg);
}

int raw_create(int fd, uint32_t kind, uint32_t flags, uint32_t *id)
{
	return raw_create_many(fd, kind, flags, id, 1);
}

int raw_destroy_many(int fd, uint32_t *ids, uint32_t count, uint32_t *done)
{
	struct ksync_destroy arg = {
		.size = sizeof(arg),
		.count = count,
		.ids = (uintptr_t)ids,
	};
	int ret = raw_ioctl(fd, KSYNC_IOC_DESTROY, &arg);

	*done = arg.done;
	return ret;
}

int raw_destroy(int fd, uint32_t id)
{
	uint32_t done;

	return raw_destroy_many(fd, &id, 1, &done);
}

int raw_attach(int fd, uint32_t *handle)
{
	struct ksync_attach arg = { .size = sizeof(arg) };
	int ret = raw_ioctl(fd, KSYNC_IOC_ATTACH, &arg);

	*handle = arg.thread;
	return ret;
}

int raw_name(int fd, uint32_t id, const char *name)
{
	struct ksync_name arg = { .size = sizeof(arg), .id = id };
	size_t i;

	for (i = 0; i < sizeof(arg.name) && name[i]; i++)
		arg.name[i] = name[i];
	return raw_ioctl(fd, KSYNC_IOC_NAME, &arg);
}

int raw_query(int fd, uint32_t id, struct ksync_query *out)
{
	memset(out, 0, sizeof(*out));
	out->size = sizeof(*out);
	out->id = id;
	return raw_ioctl(fd, KSYNC_IOC_QUERY, out);
}

int raw_lock(int fd, uint32_t id, uint32_t handle, uint32_t flags, uint64_t deadline)
{
	struct ksync_lock arg = {
		.size = sizeof(arg),
		.id = id,
		.thread = handle,
		.flags = flags,
		.deadline = deadline,
	};

	return raw_ioctl(fd, KSYNC_IOC_LOCK, &arg);
}

int raw_unlock_as(int fd, uint32_t id, uint32_t handle, uint32_t flags)
{
	struct ksync_unlock arg = {
		.size = sizeof(arg),
		.id = id,
		.thread = handle,
		.flags = flags,
	};

	return raw_ioctl(fd, KSYNC_IOC_UNLOCK, &arg);
}

int raw_unlock(int fd, uint32_t id, uint32_t handle)
{
	return raw_unlock_as(fd, id, handle, 0);
}

int raw_wait(int fd, uint32_t id, uint32_t expected, uint32_t bitset, uint32_t flags,
	     uint64_t deadline)
{
	struct ksync_wait arg = {
		.size = sizeof(arg),
		.id = id,
		.flags = flags,
		.expected = expected,
		.bitset = bitset,
		.deadline = deadline,
	};

	return raw_ioctl(fd, KSYNC_IOC_WAIT, &arg);
}

int raw_wake(int fd, uint32_t id, uint32_t n, uint32_t bitset, uint32_t *woken)
{
	struct ksync_wake arg = {
		.size = sizeof(arg),
		.id = id,
		.count = n,
		.bitset = bitset,
		.woken = ~0U,
	};
	int ret = raw_ioctl(fd, KSYNC_IOC_WAKE, &arg);

	*woken = arg.woken;
	return ret;
}

int raw_requeue(int fd, struct ksync_requeue *arg)
{
	arg->size = sizeof(*arg);
	return raw_ioctl(fd, KSYNC_IOC_REQUEUE, arg);
}

int raw_acquire(int fd, uint32_t id, uint32_t flags, uint64_t deadline)
{
	struct ksync_acquire arg = {
		.size = sizeof(arg),
		.id = id,
		.flags = flags,
		.deadline = deadline,
	};

	return raw_ioctl(fd, KSYNC_IOC_ACQUIRE, &arg);
}

int raw_release(int fd, uint32_t id, uint32_t flags, uint32_t count, uint32_t *was)
{
	struct ksync_release arg = {
		.size = sizeof(arg),
		.id = id,
		.flags = flags,
		.count = count,
		.was = ~0U,
	};
	int ret = raw_ioctl(fd, KSYNC_IOC_RELEASE, &arg);

	*was = arg.was;
	return ret;
}

int raw_cond_wait(int fd, uint32_t id, uint32_t mutex, uint32_t handle, uint32_t flags,
		  uint64_t deadline)
{
	struct ksync_cond_wait arg = {
		.size = sizeof(arg),
		.id = id,
		.mutex = mutex,
		.thread = handle,
		.flags = flags,
		.deadline = deadline,
	};

	return raw_ioctl(fd, KSYNC_IOC_COND_WAIT, &arg);
}

int raw_cond_signal(int fd, uint32_t id, uint32_t n, uint32_t *woken)
{
	struct ksync_cond_signal arg = {
		.size = sizeof(arg),
		.id = id,
		.count = n,
		.woken = ~0U,
	};
	int ret = raw_ioctl(fd, KSYNC_IOC_COND_SIGNAL, &arg);

	*woken = arg.woken;
	return ret;
}

int raw_many(int fd, struct ksync_many *arg)
{
	arg->size = sizeof(*arg);
	return raw_ioctl(fd, KSYNC_IOC_MANY, arg);
}
