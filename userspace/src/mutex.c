// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A mutex: made and ended here, locked in ksync/lock.h and lock.c. */
#include "internal.h"

KSYNC_EXPORT int ksync_mutex_init(struct ksync_mutex *m, struct ksync *d,
				  unsigned int flags)
{
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
