/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ioctls, for ops.c: of each its structure, field by field, what it fills in, and
 * what the uapi header lets it answer, beside what it says of all commands.
 */
#ifndef KSYNC_FUZZ_COMMANDS_H
#define KSYNC_FUZZ_COMMANDS_H

#include <errno.h>
#include "fuzz.h"

#define K(kind)		(1U << KSYNC_KIND_##kind)
#define LOCKS		(K(SPIN) | K(MUTEX) | K(RWLOCK))
#define COUNTED		(K(SEM) | K(EVENT))
#define ALL		(LOCKS | COUNTED | K(COND) | K(WAITQ))
#define WAIT_FLAGS	(KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME)
#define OBJECTS		0x1000000

#define FIELD(verb, field, type, par) \
	{ #field, ARG_##type, par, offsetof(struct ksync_##verb, field) }
#define FILE(kind)	{ "fd", ARG_FD, kind, NOWHERE }
#define PLACE		{ "place", ARG_PLACE, 0, NOWHERE }
#define SIZE		{ "size", ARG_SIZE, 0, NOWHERE }
#define OUT(verb, field, bytes, rule, also, bound) \
	{ offsetof(struct ksync_##verb, field), bytes, rule, also, bound }
#define END		{ 0, 0 }
#define NR(array)	(sizeof(array) / sizeof((array)[0]))

static const struct arg info_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
};

static const struct out info_outs[] = {
	OUT(info, abi, 4, OUT_BOUND, false, KSYNC_ABI + 1),
	OUT(info, features, 8, OUT_BOUND, false, 2 * KSYNC_FEATURE_UNLOCK_ANY),
	OUT(info, arena_size, 8, OUT_ANY, false, 0),
	OUT(info, max_objects, 4, OUT_ANY, false, 0),
	OUT(info, max_threads, 4, OUT_ANY, false, 0),
	OUT(info, max_waiters, 4, OUT_ANY, false, 0),
	OUT(info, cell_size, 4, OUT_BOUND, false, 65),
	OUT(info, objects, 4, OUT_BOUND, false, OBJECTS + 1),
	OUT(info, threads, 4, OUT_BOUND, false, 0x400000),
	OUT(info, waiters, 4, OUT_BOUND, false, 0x400000),
	OUT(info, max_chain, 4, OUT_BOUND, false, 501),
};

static const struct answer info_answers[] = {
	END,
};

static const struct arg create_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(create, kind, SMALL, 9),
	FIELD(create, flags, FLAGS, 7),
	FIELD(create, count, COUNT, 0),
	FIELD(create, ids, IDS_OUT, 0),
};

static const struct answer create_answers[] = {
	{ EOPNOTSUPP, 0 }, { ENOSPC, 0 }, { ENOMEM, 0 }, END,
};

static const struct arg destroy_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(destroy, count, COUNT, 0),
	FIELD(destroy, ids, IDS_IN, 0),
	FIELD(destroy, pad, PAD, 0),
};

static const struct out destroy_outs[] = {
	OUT(destroy, done, 4, OUT_ANY, true, 0),
};

static const struct answer destroy_answers[] = {
	{ EBADF, 0 }, { EBUSY, 0 }, { ENOMEM, 0 }, END,
};

static const struct arg attach_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(attach, flags, FLAGS, 3),
	FIELD(attach, slot, PAD, 0),
};

static const struct out attach_outs[] = {
	OUT(attach, thread, 4, OUT_BOUND, true, KSYNC_HANDLE_MAX + 1ULL),
	OUT(attach, slot, 4, OUT_BOUND, false, OBJECTS),
};

static const struct answer attach_answers[] = {
	{ ENOSPC, 0 }, { EAGAIN, KSYNC_ATTACH_SLOT }, { ENOMEM, 0 }, END,
};

static const struct arg ceiling_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(ceiling, id, ID, K(MUTEX)),
	FIELD(ceiling, ceiling, PRIO, 0),
};

static const struct out ceiling_outs[] = {
	OUT(ceiling, was, 4, OUT_BOUND, false, 100),
};

static const struct answer ceiling_answers[] = {
	{ EBADF, 0 }, { EPERM, 0 }, { ENOMEM, 0 }, END,
};

static const struct arg settle_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(settle, thread, THREAD, 0),
};

static const struct answer settle_answers[] = {
	{ ESRCH, 0 }, END,
};

static const struct arg name_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(name, id, ID, ALL),
	FIELD(name, name, NAME, 0),
};

static const struct answer name_answers[] = {
	{ EBADF, 0 }, { ENOMEM, 0 }, END,
};

static const struct arg query_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(query, id, ID, ALL),
	FIELD(query, pad, PAD, 0),
	FIELD(query, pad2, PAD, 0),
};

static const struct out query_outs[] = {
	OUT(query, kind, 4, OUT_BOUND, false, 16),
	OUT(query, flags, 4, OUT_BOUND, false, 16),
	OUT(query, word, 4, OUT_ANY, false, 0),
	OUT(query, waiters, 4, OUT_BOUND, false, 0x400000),
	OUT(query, owner, 4, OUT_BOUND, false, KSYNC_HANDLE_MAX + 1ULL),
	OUT(query, owner_pid, 4, OUT_BOUND, false, 0x400000),
	OUT(query, top_prio, 4, OUT_ANY, false, 0),
	OUT(query, longest_ns, 8, OUT_BOUND, false, 0x4000000000000),
	OUT(query, owner_comm, 16, OUT_TEXT, false, 0),
	OUT(query, name, 32, OUT_TEXT, false, 0),
	OUT(query, readers, 4, OUT_BOUND, false, 0x400000),
	OUT(query, pad, 4, OUT_PAD, true, 0),
	OUT(query, pad2, 4, OUT_PAD, true, 0),
};

static const struct answer query_answers[] = {
	{ EBADF, 0 }, END,
};

static const struct arg lock_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(lock, id, ID, LOCKS),
	FIELD(lock, thread, THREAD, 0),
	FIELD(lock, flags, FLAGS, WAIT_FLAGS | KSYNC_WAIT_TRY | KSYNC_LOCK_READ),
	FIELD(lock, deadline, DEADLINE, 0),
};

static const struct answer lock_answers[] = {
	{ EBADF, 0 }, { ESRCH, 0 }, { EOWNERDEAD, 0 }, { EBUSY, KSYNC_WAIT_TRY }, { EDEADLK, 0 },
	{ EAGAIN, KSYNC_LOCK_READ }, { EINTR, KSYNC_WAIT_INTERRUPTIBLE }, { ENOTRECOVERABLE, 0 },
	{ ETIMEDOUT, 0 }, { EUCLEAN, 0 }, { ENOSPC, 0 }, { ENOMEM, 0 }, END,
};

static const struct arg unlock_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(unlock, id, ID, LOCKS),
	FIELD(unlock, thread, THREAD, 0),
	FIELD(unlock, flags, FLAGS, KSYNC_LOCK_READ | KSYNC_UNLOCK_ANY),
};

static const struct answer unlock_answers[] = {
	{ EBADF, 0 }, { ESRCH, 0 }, { EPERM, 0 }, { EUCLEAN, 0 }, END,
};

static const struct arg wait_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(wait, id, ID, K(WAITQ)),
	FIELD(wait, flags, FLAGS, WAIT_FLAGS),
	FIELD(wait, expected, SMALL, 3),
	FIELD(wait, bitset, U32, 0),
	FIELD(wait, pad, PAD, 0),
	FIELD(wait, deadline, DEADLINE, 0),
};

static const struct answer wait_answers[] = {
	{ EBADF, 0 }, { EAGAIN, 0 }, { ETIMEDOUT, 0 }, { EINTR, KSYNC_WAIT_INTERRUPTIBLE },
	{ ENOSPC, 0 }, { ENOMEM, 0 }, END,
};

static const struct arg wake_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(wake, id, ID, K(WAITQ)),
	FIELD(wake, count, COUNT, 0),
	FIELD(wake, bitset, U32, 0),
	FIELD(wake, pad, PAD, 0),
};

static const struct out wake_outs[] = {
	OUT(wake, woken, 4, OUT_ANY, false, 0),
	OUT(wake, pad, 4, OUT_PAD, true, 0),
};

static const struct answer wake_answers[] = {
	{ EBADF, 0 }, END,
};

static const struct arg requeue_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(requeue, from, ID, K(WAITQ)),
	FIELD(requeue, to, ID, K(WAITQ)),
	FIELD(requeue, flags, FLAGS, KSYNC_REQUEUE_CMP),
	FIELD(requeue, expected, SMALL, 3),
	FIELD(requeue, wake, COUNT, 0),
	FIELD(requeue, move, COUNT, 0),
	FIELD(requeue, pad, PAD, 0),
};

static const struct out requeue_outs[] = {
	OUT(requeue, woken, 4, OUT_ANY, true, 0),
	OUT(requeue, moved, 4, OUT_ANY, true, 0),
};

static const struct answer requeue_answers[] = {
	{ EBADF, 0 }, { EAGAIN, KSYNC_REQUEUE_CMP }, { ENOMEM, 0 }, END,
};

static const struct arg acquire_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(acquire, id, ID, COUNTED),
	FIELD(acquire, flags, FLAGS, WAIT_FLAGS),
	FIELD(acquire, pad, PAD, 0),
	FIELD(acquire, deadline, DEADLINE, 0),
};

static const struct answer acquire_answers[] = {
	{ EBADF, 0 }, { ETIMEDOUT, 0 }, { EINTR, KSYNC_WAIT_INTERRUPTIBLE }, { ENOSPC, 0 },
	{ ENOMEM, 0 }, END,
};

static const struct arg release_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(release, id, ID, COUNTED),
	FIELD(release, flags, FLAGS, KSYNC_RELEASE_PULSE),
	FIELD(release, count, COUNT, 0),
	FIELD(release, pad, PAD, 0),
};

static const struct out release_outs[] = {
	OUT(release, was, 4, OUT_BOUND, false, 0x80000000),
	OUT(release, pad, 4, OUT_PAD, true, 0),
};

static const struct answer release_answers[] = {
	{ EBADF, 0 }, { EOVERFLOW, 0 }, END,
};

static const struct arg cond_wait_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(cond_wait, id, ID, K(COND)),
	FIELD(cond_wait, mutex, ID, K(MUTEX)),
	FIELD(cond_wait, thread, THREAD, 0),
	FIELD(cond_wait, flags, FLAGS, WAIT_FLAGS),
	FIELD(cond_wait, phase, PAD, 0),
	FIELD(cond_wait, result, PAD, 0),
	FIELD(cond_wait, pad, PAD, 0),
	FIELD(cond_wait, deadline, DEADLINE, 0),
};

static const struct out cond_wait_outs[] = {
	OUT(cond_wait, phase, 4, OUT_BOUND, true, 0x100000000),
	OUT(cond_wait, result, 4, OUT_ANY, true, 0),
};

static const struct answer cond_wait_answers[] = {
	{ EBADF, 0 }, { ESRCH, 0 }, { EOWNERDEAD, 0 }, { ETIMEDOUT, 0 },
	{ EINTR, KSYNC_WAIT_INTERRUPTIBLE }, { EPERM, 0 }, { ENOSPC, 0 }, { ENOMEM, 0 },
	{ EDEADLK, 0 }, { ENOTRECOVERABLE, 0 }, { EUCLEAN, 0 }, END,
};

static const struct arg cond_signal_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(cond_signal, id, ID, K(COND)),
	FIELD(cond_signal, count, COUNT, 0),
};

static const struct out cond_signal_outs[] = {
	OUT(cond_signal, woken, 4, OUT_ANY, false, 0),
};

static const struct answer cond_signal_answers[] = {
	{ EBADF, 0 }, END,
};

static const struct arg many_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(many, count, COUNT, 0),
	FIELD(many, items, ITEMS, 0),
	FIELD(many, deadline, DEADLINE, 0),
	FIELD(many, flags, FLAGS, WAIT_FLAGS | KSYNC_MANY_ALL | KSYNC_MANY_ALERT),
	FIELD(many, thread, THREAD, 0),
	FIELD(many, alert, ID, K(EVENT)),
};

static const struct out many_outs[] = {
	OUT(many, index, 4, OUT_ANY, true, 0),
};

static const struct answer many_answers[] = {
	{ EBADF, 0 }, { ESRCH, 0 }, { EOWNERDEAD, 0 }, { EDEADLK, 0 }, { EAGAIN, 0 },
	{ ENOTRECOVERABLE, 0 }, { EUCLEAN, 0 }, { ETIMEDOUT, 0 },
	{ EINTR, KSYNC_WAIT_INTERRUPTIBLE }, { ENOSPC, 0 }, { ENOMEM, 0 }, END,
};

static const struct arg fd_args[] = {
	FILE(DOMAIN_FD),
	PLACE,
	SIZE,
	FIELD(fd, id, ID, ALL),
	FIELD(fd, flags, PAD, 0),
	FIELD(fd, expected, PAD, 0),
	FIELD(fd, pad, PAD, 0),
};

static const struct out fd_outs[] = {
	OUT(fd, fd, 4, OUT_BOUND, false, 0x10000),
	OUT(fd, pad, 4, OUT_PAD, true, 0),
};

static const struct answer fd_answers[] = {
	{ EBADF, 0 }, { EMFILE, 0 }, { ENFILE, 0 }, { ENOMEM, 0 }, END,
};

static const struct arg expect_args[] = {
	FILE(POLLED_FD),
	PLACE,
	SIZE,
	FIELD(expect, expected, SMALL, 3),
};

static const struct answer expect_answers[] = {
	END,
};

#endif /* KSYNC_FUZZ_COMMANDS_H */
