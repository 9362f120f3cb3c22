/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kinds of object, one line each.
 */
#ifndef KSYNC_KINDS_H
#define KSYNC_KINDS_H

#include "core.h"

static const struct ksync_ops *const ksync_kinds[] = {
	[KSYNC_KIND_SPIN] = &ksync_spin_ops,
	[KSYNC_KIND_MUTEX] = &ksync_mutex_ops,
	[KSYNC_KIND_RWLOCK] = &ksync_rwlock_ops,
	[KSYNC_KIND_SEM] = &ksync_sem_ops,
	[KSYNC_KIND_EVENT] = &ksync_event_ops,
	[KSYNC_KIND_COND] = &ksync_cond_ops,
	[KSYNC_KIND_WAITQ] = &ksync_waitq_ops,
#ifdef KSYNC_BUSTED
	[KSYNC_KIND_BUSTED] = &ksync_busted_ops,
#endif
};

#endif /* KSYNC_KINDS_H */
