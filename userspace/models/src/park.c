// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Waits, of tasks and of threads: park.h says how they are used.
 *
 * All of a wait is in one word of who waits: flags below, what the claim said in bits
 * 16 to 31, and from bit 32 the number of the wait.
 *
 *	waiter				who ends the wait
 *	OPEN, n
 *	... publishes n
 *					[C] CAS: OPEN, n -> OPEN | CLAIMED, n, result
 *					... writes the value
 *	[S] fetch_or SAVED		[D] fetch_or DONE
 *	    DONE was set: go on		    SAVED was set: make it ready
 *
 * S and D are in one order: just one of the two finds the other's bit, and puts the
 * task where it runs.  D releases what was written before, and S, or the load of DONE
 * after the wait, acquires it.  S releases the saved context to who makes it ready.
 *
 * Cancellation: the waiter writes OPEN [A], then reads cancelled [B]; who cancels
 * writes cancelled, then reads the word.  These four are sequentially consistent, so
 * that one of both sees what the other has written.
 */
#include <sched.h>
#include "internal.h"

#define OPEN		1U
#define MASKED		2U
#define SAVED		4U
#define CLAIMED		8U
#define DONE		16U
#define RESULT_SHIFT	16
#define SEQ_SHIFT	32

/* What a thread's futex is. */
static uint32_t *low_half(struct ksync_task *t)
{
	uint32_t *word = (uint32_t *)&t->park;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word++;
#endif
	return word;
}

static uint64_t next_wait(const struct ksync_task *t)
{
	return ((load(&t->park) >> SEQ_SHIFT) + 1) << SEQ_SHIFT;
}

/**
 * ksync_wait_begin() - open a wait of the caller
 * @ticket: set: by it, others end the wait
 * @flags: 0 or KSYNC_PARK_MASKED
 *
 * Return: 0; -ECANCELED, -ENOMEM: no wait was opened.
 */
int ksync_wait_begin(struct ksync_ticket *ticket, unsigned int flags)
{
	struct ksync_task *t = ksync_self_waiter();
	bool masked;
	uint64_t word;

	if (unlikely(!t))
		return -ENOMEM;
	masked = flags & KSYNC_PARK_MASKED || t->masked;
	if (!masked && unlikely(load(&t->cancelled)))
		return -ECANCELED;
	word = next_wait(t);
	ticket->task = t;
	ticket->seq = word >> SEQ_SHIFT;
	if (masked) {
		store_release(&t->park, word | OPEN | MASKED);
		return 0;
	}
	__atomic_store_n(&t->park, word | OPEN, __ATOMIC_SEQ_CST); /* A */
	if (likely(!__atomic_load_n(&t->cancelled, __ATOMIC_SEQ_CST)) || /* B */
	    !ksync_claim(*ticket, -ECANCELED))
		return 0;
	store(&t->park, word);
	return -ECANCELED;
}

/**
 * ksync_claim() - decide that a wait ends, and how
 * @ticket: of the wait
 * @result: what it returns, -32768 to 32767
 *
 * Return: true: it is the caller who ends it, and calls ksync_wake().
 */
bool ksync_claim(struct ksync_ticket ticket, int result)
{
	const uint64_t said = CLAIMED | (uint64_t)(uint16_t)result << RESULT_SHIFT;
	uint64_t word = load(&ticket.task->park);

	do {
		if (word >> SEQ_SHIFT != ticket.seq || !(word & OPEN) ||
		    word & CLAIMED)
			return false;
	} while (!__atomic_compare_exchange_n(&ticket.task->park, &word, word | said,
					      false, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return true;
}

/*
 * A thread that sees DONE may run, end, and have its structure used for another, before
 * this returns: it is counted as one that runs before, and only its futex is touched
 * after, which is never given back.
 */
static void wake_thread(struct ksync_task *t)
{
	struct ksync_sched *s = t->sched;

	ksync_thread_woken(s);
	if (__atomic_fetch_or(&t->park, DONE, __ATOMIC_ACQ_REL) & SAVED)
		ksync_thread_wake(low_half(t), 1);
	else
		ksync_thread_rests(s);
}

/** ksync_wake() - end the wait of who was claimed */
void ksync_wake(struct ksync_task *t)
{
	if (unlikely(t->flags & TASK_THREAD))
		wake_thread(t);
	else if (__atomic_fetch_or(&t->park, DONE, __ATOMIC_ACQ_REL) & SAVED)
		ksync_make_ready(t);
}

/** ksync_wait_saved() - the task is off its stack: S. false: it goes on */
bool ksync_wait_saved(struct ksync_task *t)
{
	return !(__atomic_fetch_or(&t->park, SAVED, __ATOMIC_ACQ_REL) & DONE);
}

/** ksync_wait_cancel() - end a wait of @t, if one is open that can be */
void ksync_wait_cancel(struct ksync_task *t)
{
	uint64_t word = __atomic_load_n(&t->park, __ATOMIC_SEQ_CST);
	const struct ksync_ticket ticket = { t, word >> SEQ_SHIFT };

	if (word & OPEN && !(word & MASKED) && ksync_claim(ticket, -ECANCELED))
		ksync_wake(t);
}

/* A thread sleeps by itself, and is its own timer. */
static void thread_sleep(struct ksync_task *t, uint64_t deadline)
{
	const struct ksync_ticket ticket = { t, load(&t->park) >> SEQ_SHIFT };
	const bool timed = deadline != NEVER;
	uint32_t seen;

	store(&t->state, TASK_WAITING);
	if (!ksync_wait_saved(t))
		goto out;
	ksync_thread_waits(t->sched, timed);
	while (seen = load_acquire(low_half(t)), !(seen & DONE)) {
		if (ksync_thread_wait(low_half(t), seen, deadline) != -ETIMEDOUT)
			continue;
		if (ksync_claim(ticket, -ETIMEDOUT)) {
			ksync_thread_woken(t->sched);
			break;
		}
		deadline = NEVER;
	}
	ksync_thread_resumed(t->sched, timed);
out:
	store(&t->state, TASK_RUNNING);
}

static void timer_fires(struct ksync_timer *timer)
{
	struct ksync_task *t = (void *)((char *)timer - offsetof(struct ksync_task, timer));
	const struct ksync_ticket ticket = { t, t->timer_seq };

	if (ksync_claim(ticket, -ETIMEDOUT))
		ksync_wake(t);
}

/* The deadline is over, or there is no memory for a timer: nobody else ends it. */
static void end_early(struct ksync_task *t, int result)
{
	const struct ksync_ticket ticket = { t, load(&t->park) >> SEQ_SHIFT };

	if (ksync_claim(ticket, result))
		ksync_wake(t);
}

static void task_sleep(struct ksync_task *t, uint64_t deadline)
{
	bool armed = false;
	int ret = 0;

	if (deadline != NEVER) {
		if (deadline <= ksync_clock(t->sched))
			ret = -ETIMEDOUT;
		t->timer_seq = load(&t->park) >> SEQ_SHIFT;
		t->timer.fire = timer_fires;
		if (!ret)
			ret = ksync_timer_arm(t->sched, &t->timer, deadline);
		armed = !ret;
	}
	if (ret) {
		/* Whoever asks again and again lets others run, too. */
		end_early(t, ret);
		ksync_task_leave(ksync_machine_self(), LEAVE_YIELD);
		if (load_acquire(&t->park) & DONE)
			return;
	}
	ksync_task_leave(ksync_machine_self(), LEAVE_WAIT);
	if (armed)
		ksync_timer_disarm(&t->timer);
}

/**
 * ksync_wait() - sleep until the wait is ended
 * @deadline: on the caller's clock, or NEVER
 * @where: for ksync_sched_dump()
 *
 * Return: what ksync_claim() was given; -ETIMEDOUT, -ECANCELED; -ENOMEM (no memory
 * for a timer).
 */
int ksync_wait(uint64_t deadline, const char *where)
{
	struct ksync_task *t = ksync_self_waiter();
	uint64_t word = load_acquire(&t->park);

	if (!(word & DONE)) {
		store(&t->where, where);
		if (unlikely(t->flags & TASK_THREAD))
			thread_sleep(t, deadline);
		else
			task_sleep(t, deadline);
		word = load_acquire(&t->park);
	}
	store(&t->park, word >> SEQ_SHIFT << SEQ_SHIFT);
	return (int16_t)(word >> RESULT_SHIFT);
}

/**
 * ksync_wait_abandon() - the caller need not wait after all
 *
 * Return: 0: the wait is over as if it had not been; 1: somebody has claimed it, and
 * @result is set to what they said.
 */
int ksync_wait_abandon(struct ksync_ticket ticket, int *result)
{
	if (ksync_claim(ticket, 0)) {
		store(&ticket.task->park, ticket.seq << SEQ_SHIFT);
		return 0;
	}
	*result = ksync_wait(NEVER, "abandoned");
	return 1;
}

/**
 * ksync_park() - wait for ksync_ready(), and nothing else
 * @commit: is called when the caller is saved; returns false to let it go on
 * @arg: its second argument
 * @where: for ksync_sched_dump()
 */
void ksync_park(bool (*commit)(struct ksync_task *t, void *arg), void *arg,
		const char *where)
{
	struct machine *m = ksync_machine_self();
	struct ksync_task *t = ksync_self_waiter();

	store(&t->where, where);
	if (likely(m)) {
		store(&t->park, next_wait(t) | OPEN | MASKED | CLAIMED | SAVED);
		m->commit = commit;
		m->arg = arg;
		ksync_task_leave(m, LEAVE_PARK);
	} else {
		store(&t->park, next_wait(t) | OPEN | MASKED | CLAIMED);
		if (commit(t, arg))
			thread_sleep(t, NEVER);
	}
	store(&t->park, load(&t->park) >> SEQ_SHIFT << SEQ_SHIFT);
}

/** ksync_ready() - end a ksync_park() */
void ksync_ready(struct ksync_task *t)
{
	ksync_wake(t);
}

/** ksync_task_yield() - see ksync/task.h */
EXPORT void ksync_task_yield(void)
{
	struct machine *m = ksync_machine_self();

	if (likely(m))
		ksync_task_leave(m, LEAVE_YIELD);
	else
		sched_yield();
}
