/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * libksync: kernel-backed synchronization through /dev/ksync.
 *
 * Every function takes the object first and returns 0 (or a count) or a
 * negative errno; none changes errno.  Deadlines are absolute.  Names that end
 * in an underscore belong to the library.
 *
 * Everything may be called by any thread, unless its comment says otherwise;
 * nothing is a cancellation point.  Signal handlers may call ksync_sem_post(),
 * ksync_sem_post_n(), ksync_event_set(), ksync_event_reset(),
 * ksync_event_pulse(), ksync_latch_count_down(), ksync_waitq_wake() and
 * ksync_waitq_wake_bitset(), and nothing else.  Tasks that clone(2) made with
 * CLONE_VM but without a TLS of their own call the functions that end in _as,
 * and those that take no identity: sem, event, waitq, barrier, latch, name,
 * query, and those that signal a condition variable.  Children of vfork(2) call
 * nothing.
 *
 * This works as C11 and as C++11.
 */
#ifndef KSYNC_H
#define KSYNC_H

#include <ksync/annotations.h>
#include <ksync/domain.h>
#include <ksync/object.h>
#include <ksync/mutex.h>
#include <ksync/cond.h>
#include <ksync/spin.h>
#include <ksync/rwlock.h>
#include <ksync/sem.h>
#include <ksync/event.h>
#include <ksync/guard.h>
#include <ksync/waitq.h>
#include <ksync/many.h>
#include <ksync/array.h>
#include <ksync/barrier.h>
#include <ksync/latch.h>
#include <ksync/once.h>
#include <ksync/monitor.h>
#include <ksync/fd.h>

#endif /* KSYNC_H */
