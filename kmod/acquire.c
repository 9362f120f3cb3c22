// SPDX-License-Identifier: GPL-2.0
/*
 * ACQUIRE and RELEASE: what sem and event have in common.
 */
#include "queue.h"

#define ACQUIRE_FLAGS (KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME)

static int find(struct ksync_domain *d, u32 id, struct ksync_object *obj)
{
	int ret = ksync_object_find(d, id, obj);

	if (!ret && !obj->ops->release)
		ret = -EINVAL;
	return ret;
}

/** ksync_acquire() - KSYNC_IOC_ACQUIRE */
int ksync_acquire(struct ksync_domain *d, struct ksync_acquire *arg)
{
	struct ksync_object obj;
	struct ksync_waiter w;
	int ret;

	if (arg->flags & ~ACQUIRE_FLAGS || arg->pad ||
	    !ksync_deadline_valid(arg->deadline))
		return -EINVAL;
	ret = find(d, arg->id, &obj);
	if (ret)
		return ret;
	ret = ksync_waiter_init(&w, d);
	if (ret)
		return ret;
	ret = ksync_queue_wait(&w, &obj, arg->flags, arg->deadline);
	ksync_waiter_fini(&w, d);
	return ret;
}

/** ksync_release() - KSYNC_IOC_RELEASE */
int ksync_release(struct ksync_domain *d, struct ksync_release *arg)
{
	struct ksync_object obj;
	int ret;

	if (!arg->count || arg->pad)
		return -EINVAL;
	ret = find(d, arg->id, &obj);
	if (ret)
		return ret;
	return obj.ops->release(&obj, arg);
}
