// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A lock for this library's own short sections: a PI futex, as futex(2) has it, that
 * needs nothing to be set up.
 */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "dropin.h"

static __thread uint32_t tid __attribute__((tls_model("initial-exec")));

static uint32_t self(void)
{
	if (unlikely(!tid))
		tid = syscall(SYS_gettid);
	return tid;
}

/* In a child of fork(): its thread has another number. */
void guard_forked(void)
{
	tid = 0;
}

void guard_lock(uint32_t *guard)
{
	const int saved = errno;
	uint32_t seen = 0;

	while (!ksync_cas_(guard, &seen, self(), __ATOMIC_ACQUIRE)) {
		if (!syscall(SYS_futex, guard, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL))
			break;
		seen = 0;
	}
	errno = saved;
}

void guard_unlock(uint32_t *guard)
{
	const int saved = errno;
	uint32_t seen = self();

	if (!ksync_cas_(guard, &seen, 0, __ATOMIC_RELEASE))
		syscall(SYS_futex, guard, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL);
	errno = saved;
}
