// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What semaphores and events ask of the module. */
#include "internal.h"

/**
 * ksync_acquire() - wait for a semaphore or an event, and take it
 * @o: not stale
 * @flags: KSYNC_WAIT_*
 * @deadline: from ksync_deadline()
 *
 * Return: 0; -ETIMEDOUT, -EINTR, -ENOSPC, -ENOMEM, -EBADF.
 */
int ksync_acquire(struct ksync_object *o, uint32_t flags, uint64_t deadline)
{
	struct ksync_acquire arg = {
		.size = sizeof(arg),
		.id = o->id,
		.flags = flags,
		.deadline = deadline,
	};

	return ksync_call_(o->domain, KSYNC_IOC_ACQUIRE, &arg);
}

/**
 * ksync_release() - post a semaphore, set or pulse an event
 * @o: not stale
 * @flags: KSYNC_RELEASE_*
 * @count: 1 for an event
 *
 * Return: the value before; -EOVERFLOW, -EBADF.
 */
int ksync_release(struct ksync_object *o, uint32_t flags, uint32_t count)
{
	struct ksync_release arg = {
		.size = sizeof(arg),
		.id = o->id,
		.flags = flags,
		.count = count,
	};
	int ret = ksync_call_(o->domain, KSYNC_IOC_RELEASE, &arg);

	return ret ? ret : (int)arg.was;
}
