// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A mutex or spinlock that is unlocked by a thread which has not locked it.  POSIX
 * leaves that undefined; with glibc it works, and there are programs that do so.
 */
#include "dropin.h"

/**
 * foreign_unlock() - unlock what another thread has, or nobody
 * @lock: as the program knows it
 * @o: the ksync mutex or spin
 *
 * Return: 0; EPERM: it is waited for, and the module is too old to do this.
 */
int foreign_unlock(const void *lock, struct ksync_object *o)
{
	static bool reported;
	struct ksync_unlock arg = {
		.size = sizeof(arg),
		.id = o->id,
		.thread = mutex_self(o)->handle,
		.flags = KSYNC_UNLOCK_ANY,
	};
	uint32_t v = __atomic_load_n(&o->cell->word, __ATOMIC_RELAXED);
	int ret;

	while (!(v & KSYNC_WAITERS) && (v & KSYNC_OWNER) <= KSYNC_HANDLE_MAX)
		if (ksync_cas_(&o->cell->word, &v, 0, __ATOMIC_RELEASE))
			return 0;
	ret = -ksync_ioctl(o->domain->fd, KSYNC_IOC_UNLOCK, &arg);
	if (!ret || ret == EPERM)	/* that is: nobody has it any more */
		return 0;
	if (!__atomic_exchange_n(&reported, true, __ATOMIC_RELAXED))
		tell("the lock at %p is another thread's, and is waited for: it stays locked",
		     lock);
	return EPERM;
}
