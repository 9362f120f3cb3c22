// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A mutex: made and ended here, locked in ksync/lock.h and lock.c. */
#include "internal.h"

KSYNC_EXPORT int ksync_mutex_init(struct ksync_mutex *m, struct ksync *d,
				  unsigned int flags)
{
	if (flags & KSYNC_MUTEX_PROTECT)
		return -EINVAL;
	return ksync_object_create(&m->o, d, KSYNC_KIND_MUTEX, flags);
}

KSYNC_EXPORT int ksync_mutex_open(struct ksync_mutex *m, struct ksync *d,
				  uint32_t id)
{
	return ksync_object_open(&m->o, d, KSYNC_KIND_MUTEX, id);
}

KSYNC_EXPORT int ksync_mutex_destroy(struct ksync_mutex *m)
{
	return ksync_object_destroy(&m->o);
}

static int change_ceiling(struct ksync_object *o, unsigned int ceiling, int *was)
{
	struct ksync_ceiling arg = {
		.size = sizeof(arg),
		.id = o->id,
		.ceiling = ceiling,
	};
	int ret = ksync_call_(o->domain, KSYNC_IOC_CEILING, &arg);

	if (!ret && was)
		*was = arg.was;
	return ret;
}

KSYNC_EXPORT int ksync_mutex_init_protect(struct ksync_mutex *m, struct ksync *d,
					  unsigned int flags, int ceiling)
{
	int ret;

	if (ceiling < 1 || ceiling > 99)
		return -EINVAL;
	ret = ksync_object_create(&m->o, d, KSYNC_KIND_MUTEX,
				  flags | KSYNC_MUTEX_PROTECT);
	if (ret)
		return ret;
	ret = change_ceiling(&m->o, ceiling, NULL);
	if (ret)
		ksync_object_destroy(&m->o);
	return ret;
}

KSYNC_EXPORT int ksync_mutex_ceiling(struct ksync_mutex *m)
{
	int was;
	int ret;

	if (ksync_object_stale(&m->o))
		return -EBADF;
	ret = change_ceiling(&m->o, 0, &was);
	return ret ? ret : was;
}

KSYNC_EXPORT int ksync_mutex_set_ceiling(struct ksync_mutex *m, int ceiling, int *was)
{
	if (ceiling < 1 || ceiling > 99)
		return -EINVAL;
	if (ksync_object_stale(&m->o))
		return -EBADF;
	return change_ceiling(&m->o, ceiling, was);
}
