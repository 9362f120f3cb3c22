// SPDX-License-Identifier: GPL-2.0
/*
 * Locks with an owner, contended: how a waiter gets the word.
 *
 * A state has two rt_mutexes.  Waiters block on the queue, and the kernel keeps
 * them in order and boosts its owner:
 *
 *	held		the queue is owned by the owner of the word, made so by
 *			the first waiter, or being a waiter that took the word
 *	on the way	the owner has released the queue.  Whoever gets it, by
 *			the kernel's choice, is the leader and goes for the word
 *	overtaken	somebody else took the word meanwhile, without the kernel.
 *			The leader keeps the queue, makes that one the owner of
 *			the front and blocks there: all those behind the leader
 *			boost the new owner through it
 *
 * A leader that gets the word keeps the queue while others are in it.
 *
 * No wake-up is lost.  The word is left free, or being handed over, only with a
 * leader on its way; WOKEN says so, and where it is clear UNLOCK finds out:
 *
 *	CPU0 (leader, under the bucket lock)	CPU1 (overtaker, user space)
 *	----					----
 *	fetch_andnot: X|WAITERS|WOKEN ->	cmpxchg: X|WAITERS|WOKEN ->
 *		 X|WAITERS		[A]		 WAITERS|WOKEN	[B]
 *	owner of the front = X			fails: UNLOCK
 *	unlock(bucket)				lock(bucket)
 *	lock(front)				release the front
 *
 * Either [B] comes first, [A] returns a word without owner and the leader looks
 * again; or [A] does, and CPU1 has to come into the kernel, where the bucket
 * lock makes it see its ownership of the front.
 */
#include "busted.h"
#include "core.h"
#include "rwlock.h"
#include "trace.h"
#include "watch.h"

/** ksync_lock_got() - whether an answer of LOCK means that the caller has it */
bool ksync_lock_got(int ret)
{
	return !ret || ret == -EOWNERDEAD;
}

/* Nobody waits for the word any more; a writer may wait for readers, or others watch. */
static u32 idle_bits(const struct ksync_state *st)
{
	if (ksync_state_find_drain(st->bucket, st->obj.domain, st->obj.id) ||
	    ksync_word_idle(&st->obj))
		return KSYNC_WOKEN;
	return KSYNC_WAITERS | KSYNC_WOKEN;
}

/* So many for each CPU are handed the word in a row: each is two switches. */
#define BATCH	2

/*
 * A leader that was handed the word departs.  Those that wait behind it have been
 * overtaken for as long as it has, or nearly: they are handed it too, one after the
 * other, but no more than BATCH for each CPU; and then it is left to whoever comes
 * first again.  So nobody is overtaken for handoff_us more than once while there are
 * no more threads than that; and between two batches running threads have the lock for
 * that long, however many wait.
 */
static void pass_on_handoff(struct ksync_state *st)
{
	u32 left = 0;

	if (READ_ONCE(st->handoff) && !st->obj.ops->pass_queue)
		left = min(st->batch ? st->batch - 1 : BATCH * num_online_cpus() - 1, st->nr);
	st->batch = left;
	WRITE_ONCE(st->handoff, left);
}

/*
 * The wait is over, with @ret; the bucket lock is held and released here.  The
 * leader passes the queue on, unless it got the word and others are behind.  A
 * reader has left the word to them.
 */
static int depart(struct ksync_request *r, int ret)
{
	const bool reads = r->entry && ksync_lock_got(ret);
	struct ksync_waiter *w = &r->w;
	struct ksync_state *st = w->state;
	const bool led = st->leader == w;
	const bool last = ksync_waiter_dequeue(w);
	struct task_struct *next;
	bool release = led;

	if (last && st->owner)
		ksync_owner_clear(st);
	if (led) {
		WRITE_ONCE(st->leader, NULL);
		WRITE_ONCE(st->freed, 0);
		pass_on_handoff(st);
		if (reads && !last) {
			ksync_state_freed(st);
		} else if (ksync_lock_got(ret) && !last && !st->obj.ops->pass_queue) {
			ksync_owner_set_current(st, r->self, r->arg->thread);
			release = false;
		}
	}
	if (last && !ksync_lock_got(ret) && st->side != KSYNC_SIDE_GONE)
		ksync_word_clear(&st->obj, idle_bits(st));
	if (release)
		refcount_inc(&st->refs);
	next = ksync_unpark_top(st);
	raw_spin_unlock(&st->bucket->lock);

	preempt_disable(); /* see ksync_unlock_end() */
	if (release)
		ksync_rtm_unlock(&st->queue);
	ksync_unpark_wake(&r->obj, next);
	preempt_enable();
	if (release)
		ksync_state_put_kept(r->self, st);
	if (last)
		ksync_state_put_kept(r->self, st);
	if (reads || !ksync_lock_got(ret))
		ksync_watch_pass(&r->obj);
	return ret;
}

/* What to do about somebody else having the word. */
enum next_step { LOOK_AGAIN, SPIN, BLOCK };

/*
 * Overtaken; the bucket lock is held.  Spin, with WOKEN set, unless that was
 * tried in vain, or it is time to be handed the word.  Before it blocks, the
 * leader makes the owner of the word that of the front.
 */
static enum next_step prepare_front(struct ksync_request *r, bool spin)
{
	struct ksync_waiter *w = &r->w;
	u32 holder;

	if (ksync_state_starves(w->state))
		WRITE_ONCE(w->state->handoff, true);
	if (spin && !READ_ONCE(w->state->handoff))
		return ksync_word_set(&r->obj, KSYNC_WAITERS | KSYNC_WOKEN) ? SPIN : LOOK_AGAIN;
	holder = ksync_word_clear(&r->obj, ksync_busted(KSYNC_FAULT_LOCK_LEADER) ? 0 : KSYNC_WOKEN);
	if (holder && ksync_owner_set(w->state, &w->state->front, holder))
		return BLOCK;
	return LOOK_AGAIN;
}

/**
 * ksync_lock_await() - wait until the registered owner has released an rt_mutex
 * @r: request; its waiter is in the state, nobody else waits for @rtm
 * @rtm: the state's front, or the queue if it has no leader
 *
 * Return: 0; or why the wait was broken off, the owner being no owner any more.
 */
int ksync_lock_await(struct ksync_request *r, struct rt_mutex *rtm)
{
	struct ksync_state *st = r->w.state;
	int ret = ksync_block(r, rtm, NULL);
	bool bound;

	if (!ret) {
		ksync_rtm_unlock(rtm);
		return 0;
	}

	raw_spin_lock(&st->bucket->lock);
	bound = !st->owner;
	if (!bound)
		ksync_owner_clear(st);
	raw_spin_unlock(&st->bucket->lock);
	if (!bound)
		return ret;
	/*
	 * The owner is bound to release it, and what we want is left to us.  It
	 * is running in UNLOCK, or dying: this ends without anybody's help.
	 */
	ksync_rtm_lock_short(rtm);
	ksync_rtm_unlock(rtm);
	return 0;
}

/* Return: 1: the word is worth a look; 0: block; -EDEADLK. */
static int spin_front(struct ksync_request *r)
{
	int ret = ksync_graph_block(&r->w);

	if (ret == -EDEADLK)
		return ret;
	ret = !ret && r->obj.ops->spin_front(&r->w);
	ksync_graph_unblock(r->self);
	return ret;
}

/*
 * Somebody of higher priority came while the leader was on its way: let it lead.
 * Once a wait is enough: should the kernel see the order otherwise, it is right.
 */
static bool outranked(const struct ksync_waiter *w)
{
	const struct ksync_waiter *top = ksync_waiter_top(w->state);

	return !w->aside && top->prio < w->prio && !READ_ONCE(top->apart);
}

static u32 keep_bits(const struct ksync_state *st)
{
	if (st->nr == 1)
		return ksync_word_idle(&st->obj);
	return KSYNC_WAITERS | (st->obj.ops->pass_queue ? KSYNC_WOKEN : 0);
}

/* Let others lead: somebody more important, or readers whose turn it is. */
static bool step_aside(struct ksync_waiter *w)
{
	if (!outranked(w))
		return ksync_rwlock_defers(w);
	w->aside = true;
	return true;
}

/* The word is free or left to us: take it, or read. Return: a verdict. */
static int get_word(struct ksync_request *r)
{
	struct ksync_state *st = r->w.state;
	int ret;

	if (r->entry)
		return ksync_rwlock_lead(r, st);
	ret = ksync_word_lead(&st->obj, r->arg->thread, keep_bits(st));
	if (ksync_lock_got(ret))
		st->phase++;
	return ret;
}

/*
 * One look at the word by the owner of the queue.
 * Return: -EBUSY: overtaken, go on with *@step. -EAGAIN: the queue was passed to
 * somebody else. Else the wait is over.
 */
static int look(struct ksync_request *r, bool spin, enum next_step *step)
{
	struct ksync_waiter *w = &r->w;
	struct ksync_state *st = w->state;
	int ret = -EAGAIN;

	raw_spin_lock(&st->bucket->lock);
	WRITE_ONCE(st->leader, w);
	if (st->side == KSYNC_SIDE_GONE) {
		set_thread_flag(TIF_NOTIFY_SIGNAL); /* the call is made again */
		return depart(r, -ERESTARTNOINTR);
	}
	if (step_aside(w)) {
		WRITE_ONCE(st->leader, NULL);
		raw_spin_unlock(&st->bucket->lock);
		ksync_rtm_unlock(&st->queue);
		return ret;
	}
	ret = get_word(r);
	if (ret != -EBUSY)
		return depart(r, ret);
	*step = prepare_front(r, spin);
	raw_spin_unlock(&st->bucket->lock);
	return ret;
}

/*
 * The wait was broken off.  The word may have been left to us all the same: to the
 * last waiter by an owner bound to release the queue, to the leader by one that it
 * had ceased to wait for:
 *
 *	CPU0 (leader)				CPU1 (owner)
 *	----					----
 *	lock(bucket)
 *	take the ownership of the front back
 *	unlock(bucket)
 *						lock(bucket)
 *						word = HANDOFF
 *						unlock(bucket)
 *	lock(bucket): it is ours
 */
static int give_up(struct ksync_request *r, int ret)
{
	struct ksync_state *st = r->w.state;
	int verdict = -EBUSY;

	raw_spin_lock(&st->bucket->lock);
	if ((st->nr == 1 || st->leader == &r->w) && st->side != KSYNC_SIDE_GONE &&
	    !ksync_busted(KSYNC_FAULT_LOCK_GIVE_UP))
		verdict = get_word(r);
	return depart(r, verdict == -EBUSY ? ret : verdict);
}

/* The queue is ours: get the word. Return: as look(), but -EBUSY. */
static int lead(struct ksync_request *r)
{
	bool spin = r->obj.ops->spin_front;
	enum next_step step;
	int ret;

	for (;;) {
		ret = look(r, spin, &step);
		if (ret != -EBUSY)
			return ret;
		ret = 0;
		if (step == SPIN) {
			ret = spin_front(r);
			spin = ret > 0;
		} else if (step == BLOCK) {
			ret = ksync_lock_await(r, &r->w.state->front);
			spin = r->obj.ops->spin_front;
		}
		if (ret < 0)
			return give_up(r, ret);
	}
}

/* Who stepped aside waits where the kernel keeps the order: it spins no more. */
static int wait_turn(struct ksync_request *r)
{
	struct ksync_state *st = r->w.state;
	bool (*spin)(struct ksync_waiter *w) = st->obj.ops->spin_queue;
	int ret;

	for (;;) {
		ret = ksync_block(r, &st->queue, spin);
		ret = ret ? give_up(r, ret) : lead(r);
		if (ret != -EAGAIN)
			return ret;
		spin = NULL;
	}
}

/* The first to wait: the owner of the word becomes that of the queue. */
static bool state_begin(struct ksync_request *r, struct ksync_state *st,
			struct ksync_bucket *b, u32 holder)
{
	st->bucket = b;
	st->obj = r->obj;
	if (!r->obj.ops->pass_queue && !ksync_owner_set(st, &st->queue, holder))
		return false;
	ksync_state_publish(st, b);
	return true;
}

static int take(struct ksync_request *r, struct ksync_state *st)
{
	int ret;

	if (r->entry)
		return ksync_rwlock_arrive(r, st);
	ret = r->obj.ops->take(&r->obj, r->arg->thread, st);
	if (st && ksync_lock_got(ret))
		st->phase++;
	return ret;
}

/*
 * Take the word, or queue up for it with @spare, if no state is there.
 * Return: -EBUSY: wait_turn() follows. Anything else: the answer.
 */
static int join(struct ksync_request *r, struct ksync_state **spare)
{
	struct ksync_bucket *b = ksync_bucket(r->obj.domain, r->obj.id);
	struct ksync_state *st;
	u32 holder;
	int ret;

	raw_spin_lock(&b->lock);
	if (ksync_object_stale(&r->obj)) {
		ret = -EBADF;
		goto unlock;
	}
	st = ksync_state_find(b, r->obj.domain, r->obj.id);
	for (;;) {
		ret = take(r, st);
		if (ret != -EBUSY || !spare)
			goto unlock;
		holder = ksync_word_set(&r->obj, ksync_busted(KSYNC_FAULT_LOCK_ARRIVAL) ? 0 :
					KSYNC_WAITERS);
		if (st)
			break;
		if (holder && state_begin(r, *spare, b, holder)) {
			st = *spare;
			*spare = NULL;
			break;
		}
	}
	ksync_waiter_enqueue(&r->w, st);
	trace_contention_begin(&r->obj, st->nr);
unlock:
	raw_spin_unlock(&b->lock);
	return ret;
}

/**
 * ksync_lock_turn() - wait for the word, having queued up for it
 * @r: request; r->w is in the state of r->obj
 *
 * Return: an answer of LOCK, or why the wait was broken off.
 */
int ksync_lock_turn(struct ksync_request *r)
{
	int ret = wait_turn(r);

	trace_contention_end(&r->obj, ret, r->w.since);
	return ret;
}

/** ksync_lock_wait() - take the word, or wait for it; r->w is set up here */
int ksync_lock_wait(struct ksync_request *r)
{
	const struct ksync_lock *arg = r->arg;
	struct ksync_domain *d = r->obj.domain;
	struct ksync_state *spare;
	int ret;

	ret = ksync_waiter_init(&r->w, d);
	if (ret)
		return ret;
	r->w.thread = r->self;
	r->w.reader = r->entry;
	r->w.timer.notify = true;
	spare = ksync_state_take(r->self);
	ret = spare ? join(r, &spare) : -ENOMEM;
	ksync_state_keep(r->self, spare);
	if (ret == -EBUSY) {
		ksync_waiter_start(&r->w, arg->flags, arg->deadline);
		ret = ksync_lock_turn(r);
	}
	if (r->obj.ops->settle && ksync_lock_got(ret))
		ret = r->obj.ops->settle(r, ret);
	if (r->w.state && ksync_lock_got(ret))
		trace_acquired(&r->obj, r->w.since);
	else if (ret == -ETIMEDOUT)
		trace_timeout(&r->obj);
	ksync_waiter_fini(&r->w, d);
	return ret;
}

/** ksync_lock_try() - take the word, or -EBUSY */
int ksync_lock_try(struct ksync_request *r)
{
	int ret = join(r, NULL);

	if (r->obj.ops->settle && ksync_lock_got(ret))
		ret = r->obj.ops->settle(r, ret);
	return ret;
}

/**
 * ksync_lock_begin() - what comes before ksync_lock_wait() or ksync_lock_try()
 * @r: request; its obj is of a kind that has owners
 *
 * Return: 1: go on; 0: the caller has it already; or an error of LOCK.
 */
int ksync_lock_begin(struct ksync_request *r)
{
	if (r->arg->flags & KSYNC_LOCK_READ && !r->obj.ops->begin)
		return -EINVAL;
	r->self = ksync_thread_current(r->obj.domain, r->arg->thread);
	if (!r->self)
		return -ESRCH;
	return r->obj.ops->begin ? r->obj.ops->begin(r) : 1;
}

#define LOCK_FLAGS (KSYNC_WAIT_TRY | KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME)

/** ksync_lock() - KSYNC_IOC_LOCK */
int ksync_lock(struct ksync_domain *d, struct ksync_lock *arg)
{
	struct ksync_request r = { .arg = arg };
	int ret;

	if (arg->flags & ~(LOCK_FLAGS | KSYNC_LOCK_READ) ||
	    !ksync_deadline_valid(arg->deadline))
		return -EINVAL;
	ret = ksync_object_find(d, arg->id, &r.obj);
	if (ret)
		return ret;
	if (!r.obj.ops->owned)
		return -EINVAL;
	ret = ksync_lock_begin(&r);
	if (ret <= 0)
		return ret;
	return arg->flags & KSYNC_WAIT_TRY ? ksync_lock_try(&r) : ksync_lock_wait(&r);
}
