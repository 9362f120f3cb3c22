// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Waiting for a value, or for room, of a bounded queue; the rest is in ksync/mpmc.h,
 * whose letters go on here.
 *
 *	CPU0: try_push			CPU1: pop
 *					[I] into the list, n = 1
 *	[C] seq = p + 1			[J] fence
 *	[G] fence			[K] seq == p + 1?
 *	[H] n?				no: sleeps
 *
 * G and J: one of H and K sees the other's write.  (A pop frees room for a push by F
 * instead of C.)  A membarrier(2) in place of J would spare each push its G, but cost
 * each wait more than a task's whole sleep and wake-up do: it does not pay here.
 *
 * A wake-up is for one waiter, and two things could leave another asleep with a value
 * before it:
 *
 * The waiter that is woken has got a value at K meanwhile: the wake-up was another's.
 * ksync_wait_abandon() tells, and it is passed on.
 *
 * A push that was held up between B and C hides full cells behind its own.  Those that
 * pushed these have woken somebody, who found nothing and sleeps again; at last one
 * wake-up comes, for many values.  So who was woken and got a value looks whether the
 * next one is there, and wakes the next waiter: whenever the cell at the head is full
 * and somebody waits, there is one who was woken and has not looked yet, or who has
 * written seq and not come to H, or who has taken a value and will look.
 */
#include <ksync/mpmc.h>
#include "internal.h"

struct ksync_mpmc_waiter_ {
	struct ksync_mpmc_waiter_ *next;
	struct ksync_ticket ticket;
	bool listed;
};

/* What one waits for: try() does it, or returns -EAGAIN. */
struct side {
	int (*try)(struct ksync_mpmc *q, void **value);
	bool (*ready)(struct ksync_mpmc *q);
	struct ksync_mpmc_waiters_ *waiters;
	const char *name;
};

EXPORT int ksync_mpmc_init(struct ksync_mpmc *q, struct ksync_mpmc_cell *cells, size_t n,
			   uint32_t flags)
{
	uint64_t i;

	if (n < 4 || n & (n - 1) || flags & ~KSYNC_MPMC_WAIT)
		return -EINVAL;
	*q = (struct ksync_mpmc){
		.cells_ = cells,
		.mask_ = n - 1,
		.shift_ = __builtin_ctzll(n) - 2,
		.flags_ = flags,
	};
	q->pushers_.last_ = &q->pushers_.first_;
	q->poppers_.last_ = &q->poppers_.first_;
	for (i = 0; i < n; i++)
		*ksync_mpmc_cell_(q, i) = (struct ksync_mpmc_cell){ .seq_ = i };
	return 0;
}

static void list_add(struct ksync_mpmc_waiters_ *l, struct ksync_mpmc_waiter_ *w)
{
	lock(&l->lock_);
	w->next = NULL;
	w->listed = true;
	*l->last_ = w;
	l->last_ = &w->next;
	store(&l->n_, l->n_ + 1);					/* I */
	unlock(&l->lock_);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);			/* J */
}

/* The lock is held; @at points to it. */
static void unlink_at(struct ksync_mpmc_waiters_ *l, struct ksync_mpmc_waiter_ **at)
{
	struct ksync_mpmc_waiter_ *w = *at;

	*at = w->next;
	if (l->last_ == &w->next)
		l->last_ = at;
	w->listed = false;
	store(&l->n_, l->n_ - 1);
}

static void list_del(struct ksync_mpmc_waiters_ *l, struct ksync_mpmc_waiter_ *w)
{
	struct ksync_mpmc_waiter_ **at = &l->first_;

	lock(&l->lock_);
	if (w->listed) {
		while (*at != w)
			at = &(*at)->next;
		unlink_at(l, at);
	}
	unlock(&l->lock_);
}

/* Whose wait is over already, by its deadline, is not the one to be woken. */
EXPORT void ksync_mpmc_wake_(struct ksync_mpmc_waiters_ *l)
{
	struct ksync_task *woken = NULL;
	struct ksync_ticket ticket;

	lock(&l->lock_);
	while (l->first_ && !woken) {
		ticket = l->first_->ticket;
		unlink_at(l, &l->first_);
		if (ksync_claim(ticket, 0))
			woken = ticket.task;
	}
	unlock(&l->lock_);
	if (woken)
		ksync_wake(woken);
}

static int try_push(struct ksync_mpmc *q, void **value)
{
	return ksync_mpmc_try_push(q, *value);
}

/*
 * Is it the turn of the number @turn beyond *@end?  Who finds a cell that has moved on
 * sees, by its acquire, that *@end has, too.
 */
static bool is_turn(struct ksync_mpmc *q, const uint64_t *end, uint64_t turn)
{
	int64_t ahead;
	uint64_t pos;

	do {
		pos = load(end);
		ahead = load_acquire(&ksync_mpmc_cell_(q, pos)->seq_) - (pos + turn);
	} while (ahead > 0);
	return !ahead;
}

static bool has_room(struct ksync_mpmc *q)
{
	return is_turn(q, &q->tail_, 0);
}

static bool has_value(struct ksync_mpmc *q)
{
	return is_turn(q, &q->head_, 1);
}

/*
 * It has waited, and got what it waited for: is there another, for another?  The fence:
 * who hands on a cell that is not seen here comes to its G later, and sees n at H.
 */
static void pass_on(struct ksync_mpmc *q, const struct side *side)
{
	if (!load(&side->waiters->n_))
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (side->ready(q))
		ksync_mpmc_wake_(side->waiters);
}

/* Return: 0, what was tried was done; -EAGAIN: it was woken; other errors. */
static int wait_once(struct ksync_mpmc *q, const struct side *side, void **value,
		     uint64_t deadline)
{
	struct ksync_mpmc_waiter_ w;
	int ret = ksync_wait_begin(&w.ticket, 0);
	int said;

	if (ret)
		return ret;
	list_add(side->waiters, &w);
	if (!side->try(q, value)) {					/* K */
		list_del(side->waiters, &w);
		ksync_wait_abandon(w.ticket, &said);
		return 0;
	}
	ret = ksync_wait(deadline, side->name);
	if (!ret)
		return -EAGAIN;
	list_del(side->waiters, &w);
	return ret;
}

static int wait_for(struct ksync_mpmc *q, const struct side *side, void **value,
		    const struct timespec *abs)
{
	uint64_t deadline;
	int ret = ksync_deadline_ns(abs, &deadline);

	if (ret || !(q->flags_ & KSYNC_MPMC_WAIT))
		return -EINVAL;
	if (!side->try(q, value))
		return 0;
	do {
		ret = wait_once(q, side, value, deadline);
	} while (ret == -EAGAIN && (ret = side->try(q, value)) == -EAGAIN);
	if (!ret)
		pass_on(q, side);
	return ret;
}

EXPORT int ksync_mpmc_push(struct ksync_mpmc *q, void *value, const struct timespec *abs)
{
	const struct side side = { try_push, has_room, &q->pushers_, "mpmc push" };

	return wait_for(q, &side, &value, abs);
}

EXPORT int ksync_mpmc_pop(struct ksync_mpmc *q, void **value, const struct timespec *abs)
{
	const struct side side = { ksync_mpmc_try_pop, has_value, &q->poppers_, "mpmc pop" };

	return wait_for(q, &side, value, abs);
}
