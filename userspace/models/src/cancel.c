// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Cancellation: a flag for good, that waits look at; park.c argues why none misses it. */
#include "internal.h"

EXPORT void ksync_task_cancel(struct ksync_task *t)
{
	__atomic_store_n(&t->cancelled, 1, __ATOMIC_SEQ_CST);
	ksync_wait_cancel(t);
}

EXPORT void ksync_task_cancel_disable(void)
{
	struct ksync_task *t = ksync_task_self();

	if (t)
		t->masked++;
}

EXPORT void ksync_task_cancel_enable(void)
{
	struct ksync_task *t = ksync_task_self();

	if (t && t->masked)
		t->masked--;
}

EXPORT bool ksync_task_cancelled(void)
{
	struct ksync_task *t = ksync_task_self();

	return t && !t->masked && load(&t->cancelled);
}
