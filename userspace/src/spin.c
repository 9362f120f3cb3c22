// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A spinlock: made and ended here, locked in ksync/lock.h and lock.c. */
#include "internal.h"

KSYNC_EXPORT int ksync_spin_init(struct ksync_spin *s, struct ksync *d,
				 unsigned int flags)
{
	return ksync_object_create(&s->o, d, KSYNC_KIND_SPIN, flags);
}

KSYNC_EXPORT int ksync_spin_open(struct ksync_spin *s, struct ksync *d,
				 uint32_t id)
{
	return ksync_object_open(&s->o, d, KSYNC_KIND_SPIN, id);
}

KSYNC_EXPORT int ksync_spin_destroy(struct ksync_spin *s)
{
	return ksync_object_destroy(&s->o);
}
