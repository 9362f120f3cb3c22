// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: waitqs, which are futexes.
 *
 * cell->waiters tells the waker whether a system call is worth it:
 *
 *	CPU0 (waits)				CPU1 (wakes)
 *	----					----
 *	waiters++			[A]	change the word
 *	FUTEX_WAIT, if word == expected	[B]	barrier			[C]
 *						waiters != 0: FUTEX_WAKE
 *
 * A is sequentially consistent, and B locks the kernel's bucket before it reads
 * the word.  If CPU1 reads waiters == 0 behind C, then A comes later, and B reads
 * the word that was changed before C: CPU0 does not sleep.
 *
 * So the count may never be too low.  It may be too high, which costs a system
 * call and no wake-up.  Whoever wakes n takes n off; who was not woken takes
 * itself off; who was killed stays counted; and who may have been moved (@moves
 * has changed since it came) does not know where it counts, and leaves that.
 * Who moves waiters counts them in the other waitq first:
 *
 *	CPU1 (moves)				CPU2 (wakes those there)
 *	----					----
 *	to->waiters += what may move	[D]	change the word, barrier
 *	FUTEX_REQUEUE			[E]	waiters != 0: FUTEX_WAKE
 *	to->waiters -= what did not
 *	from->waiters -= what did
 *
 * Whom E moved before CPU2 looks is counted there since D.  How many wait, exactly,
 * the kernel says (inspect.c).
 */
#include <limits.h>
#include "futex.h"

static void count(const struct object *o, uint32_t n)
{
	__atomic_fetch_add(&o->c->waiters, n, __ATOMIC_SEQ_CST);
}

/** ksync_futex_waitq_begin() - be counted. Return: for ksync_futex_waitq_end() */
uint32_t ksync_futex_waitq_begin(const struct object *o)
{
	const uint32_t moves = load(&o->s->moves);

	count(o, 1);	/* [A] */
	return moves;
}

/** ksync_futex_waitq_end() - nobody woke it: be counted no more, if it is known where */
void ksync_futex_waitq_end(const struct object *o, uint32_t moves)
{
	if (load(&o->s->moves) == moves)
		count(o, -1U);
}

static int wait_once(const struct object *o, const struct ksync_wait *arg)
{
	const uint32_t moves = ksync_futex_waitq_begin(o);
	int ret;

	ret = ksync_futex_wait(&o->c->word, arg->expected, arg->bitset, arg->flags,
			       arg->deadline);	/* [B] */
	if (ret)
		ksync_futex_waitq_end(o, moves);
	return ret;
}

/** ksync_futex_waitq_wait() - KSYNC_IOC_WAIT */
int ksync_futex_waitq_wait(struct ksync *d, struct ksync_wait *arg)
{
	struct object o;
	uint32_t attr;
	int ret;

	if (arg->flags & ~WAIT_FLAGS || arg->pad || !arg->bitset ||
	    !deadline_valid(arg->deadline))
		return -EINVAL;
	ret = ksync_futex_object_of_kind(d, arg->id, KSYNC_KIND_WAITQ, &o);
	if (ret)
		return ret;
	attr = load(&o.s->attr);
	do {
		ret = wait_once(&o, arg);
	} while (ret == -EINTR && !(arg->flags & KSYNC_WAIT_INTERRUPTIBLE) &&
		 !ksync_futex_object_gone(&o, attr));
	return ret;
}

/** ksync_futex_waitq_wake() - KSYNC_IOC_WAKE */
int ksync_futex_waitq_wake(struct ksync *d, struct ksync_wake *arg)
{
	struct object o;
	int ret;

	if (arg->pad || !arg->bitset)
		return -EINVAL;
	ret = ksync_futex_object_of_kind(d, arg->id, KSYNC_KIND_WAITQ, &o);
	if (ret)
		return ret;
	ret = ksync_futex_wake(&o.c->word, arg->count, arg->bitset);
	if (ret < 0)
		return ret;
	arg->woken = ret;
	if (ret)
		count(&o, -(uint32_t)ret);
	return 0;
}

static int move(const struct object *from, const struct object *to,
		struct ksync_requeue *arg)
{
	const uint32_t all = load(&from->c->waiters);
	const uint32_t most = arg->move < all ? arg->move : all;
	int ret, woken, moved;

	if (arg->move)
		__atomic_fetch_add(&from->s->moves, 1, __ATOMIC_SEQ_CST);
	arg->move = most;
	count(to, most);	/* [D] */
	ret = ksync_futex_requeue(arg, &from->c->word, &to->c->word);	/* [E] */
	woken = ret < 0 ? 0 : ret;
	if ((uint32_t)woken > arg->wake)
		woken = arg->wake;
	moved = ret < 0 ? 0 : ret - woken;
	count(to, moved - most);
	count(from, -(uint32_t)(moved + woken));
	arg->woken = woken;
	arg->moved = moved;
	return ret < 0 ? ret : 0;
}

/** ksync_futex_waitq_requeue() - KSYNC_IOC_REQUEUE */
int ksync_futex_waitq_requeue(struct ksync *d, struct ksync_requeue *arg)
{
	struct ksync_requeue call = *arg;
	struct object from, to;
	int ret;

	if (arg->flags & ~KSYNC_REQUEUE_CMP || arg->pad || arg->from == arg->to)
		return -EINVAL;
	ret = ksync_futex_object_of_kind(d, arg->from, KSYNC_KIND_WAITQ, &from);
	if (!ret)
		ret = ksync_futex_object_of_kind(d, arg->to, KSYNC_KIND_WAITQ, &to);
	if (ret)
		return ret;
	ret = move(&from, &to, &call);
	arg->woken = call.woken;
	arg->moved = call.moved;
	return ret;
}
