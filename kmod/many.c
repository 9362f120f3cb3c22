// SPDX-License-Identifier: GPL-2.0
/*
 * MANY: waiting for one of many objects; and what waiting for all shares with it.
 *
 * Nothing here waits in a way of its own.  A part that is a sem, an event, a waitq
 * or a cond has a waiter in that object's queue, and whoever serves it claims the
 * wait first: so it is given one thing only.  For locks there is one queue to sit
 * in, that of the first one that somebody has: lock.c waits there, and lends our
 * priority.  The others are watched.
 *
 *	CPU0 (waits)				CPU1 (serves part i)
 *	----					----
 *	sits in an rt_mutex, or sleeps		lock(bucket i)
 *						claim: 0 -> i + 1
 *						told = true
 *						TIF_NOTIFY_SIGNAL
 *						unlock(bucket i), wake up
 *	leaves all queues
 *	reads the claim: i is ours
 *
 * A lock that is got while another part claims the wait is given back: it was
 * ours for a moment, and nobody was harmed.  Nothing else is ever given back.
 *
 * A user may reset an event between the claim and the use of it.  Then those who
 * came to serve other parts meanwhile have passed us over: everything is looked
 * at again from the beginning.
 */
#include <linux/sched/signal.h>
#include <linux/task_work.h>

#include "many.h"
#include "queue.h"
#include "rwlock.h"
#include "trace.h"
#include "watch.h"

/*
 * Clear what got us out of an rt_mutex.  Task work uses the same flag, and whoever
 * adds some sets the flag afterwards: it is set again here, or there.
 *
 * Return: whether we may wait again.
 */
static bool notify_clear(void)
{
	clear_thread_flag(TIF_NOTIFY_SIGNAL);
	smp_mb__after_atomic(); /* the flag, then the work: see above */
	if (task_work_pending(current))
		set_thread_flag(TIF_NOTIFY_SIGNAL);
	return !signal_pending(current);
}

/* Is there anything for us to look at? */
static bool stirred(struct ksync_many_call *c)
{
	return smp_load_acquire(&c->told) || /* [A] in many.h */
	       atomic_read(&c->claim);
}

/** ksync_many_heard() - whether a part has been poked since this was asked last */
bool ksync_many_heard(struct ksync_many_call *c)
{
	return xchg(&c->told, false);
}

/**
 * ksync_many_go_on() - a wait was broken off: was it for something in here?
 * @c: call
 *
 * The flag goes first: whoever pokes sets it last.
 *
 * Return: true: look, and wait again. False: tell user space why.
 */
bool ksync_many_go_on(struct ksync_many_call *c)
{
	return notify_clear() || stirred(c);
}

/* Set the request up for lock @i. Return: as ksync_lock_begin(). */
static int begin(struct ksync_many_call *c, u32 i, u32 flags)
{
	struct ksync_part *p = c->parts[i];

	c->lock = (struct ksync_lock){
		.id = p->obj.id,
		.thread = c->arg->thread,
		.flags = flags | (p->item.flags & KSYNC_LOCK_READ),
		.deadline = c->arg->deadline,
	};
	memset(&c->r, 0, sizeof(c->r));
	c->r.obj = p->obj;
	c->r.arg = &c->lock;
	return ksync_lock_begin(&c->r);
}

static int note_death(struct ksync_part *p, int ret)
{
	p->item.result = ret == -EOWNERDEAD ? ret : 0;
	return ret;
}

/** ksync_many_try() - lock part @i, or an answer of LOCK with TRY */
int ksync_many_try(struct ksync_many_call *c, u32 i)
{
	int ret = begin(c, i, KSYNC_WAIT_TRY);

	return note_death(c->parts[i], ret > 0 ? ksync_lock_try(&c->r) : ret);
}

/** ksync_many_undo() - give part @i back, a lock, as it was */
void ksync_many_undo(struct ksync_many_call *c, u32 i)
{
	struct ksync_object obj = c->parts[i]->obj;
	const u32 handle = c->arg->thread;
	struct ksync_thread *self = ksync_thread_current(c->domain, handle);

	if (c->parts[i]->item.flags & KSYNC_LOCK_READ)
		ksync_rwlock_undo_read(&obj, self, handle);
	else
		ksync_unlock_unharmed(&obj, self, handle);
	c->parts[i]->item.result = 0;
}

/**
 * ksync_many_sit() - wait for lock @i in its queue
 * @c: call
 * @i: part
 *
 * What is poked meanwhile breaks it off.  Where there is something else to wait
 * for, a cycle through this wait is none: see graph.c.
 *
 * Return: an answer of LOCK, or why it was broken off.
 */
int ksync_many_sit(struct ksync_many_call *c, u32 i)
{
	const u32 mask = KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME;
	const bool soft = !(c->arg->flags & KSYNC_MANY_ALL) && ksync_many_parts(c) > 1;
	int ret = begin(c, i, c->arg->flags & mask);

	if (ret > 0) {
		if (soft)
			ksync_graph_soften(c->r.self, true);
		ret = ksync_lock_wait(&c->r);
		if (soft)
			ksync_graph_soften(c->r.self, false);
	}
	return note_death(c->parts[i], ret);
}

/** ksync_many_sleep() - until something was claimed or poked: -EBUSY; or why not */
int ksync_many_sleep(struct ksync_many_call *c)
{
	int ret = -EBUSY;

	if (!c->clock.timer.armed)
		ksync_waiter_start(&c->clock, c->arg->flags, c->arg->deadline);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (stirred(c))
			break;
		if (READ_ONCE(c->clock.timer.fired) || signal_pending(current)) {
			ret = ksync_waiter_broken(&c->clock, c->arg->flags);
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return ret;
}

/* The lock is ours; is it what the wait gets? */
static int keep(struct ksync_many_call *c, u32 i)
{
	if (!ksync_many_claim(c->parts[i]->w) && !ksync_busted(KSYNC_FAULT_MANY_KEEP))
		ksync_many_undo(c, i);
	return 0;
}

/* Look at lock @i. Return: -EBUSY: it is not to be had. */
static int look_at_lock(struct ksync_many_call *c, u32 i)
{
	int ret = ksync_many_try(c, i);

	if (ksync_lock_got(ret))
		return keep(c, i);
	c->parts[i]->hopeless = ret == -EDEADLK;
	if (ret == -EDEADLK)
		ret = -EBUSY;
	else if (ret != -EBUSY)
		c->arg->index = i;
	return ret;
}

/* What else there is of a waiter is as it was set up. */
static inline void prepare(struct ksync_many_call *c, u32 i)
{
	struct ksync_part *p = c->parts[i];
	struct ksync_waiter *w = p->w;

	w->task = c->clock.task;
	w->timer.task = c->clock.task;
	w->timer.notify = c->locks;
	w->prio = c->clock.prio;
	w->since = c->clock.since;
	w->woken = false;
	w->poked = false;
	w->many = c;
	w->index = i;
	w->expected = p->item.expected;
	w->look = c->arg->flags & KSYNC_MANY_ALL && i < c->arg->count;
}

static inline int enter(struct ksync_many_call *c, u32 i)
{
	struct ksync_part *p = c->parts[i];
	int ret;

	prepare(c, i);
	if (ksync_part_owned(p)) {
		ret = ksync_watch_enter(p->w, &p->obj);
		p->in = !ret;
		ret = ret ? ret : look_at_lock(c, i);
	} else {
		ret = ksync_queue_join(p->w, &p->obj);
		p->in = ret == -EBUSY;
		if (ret == -EAGAIN)
			ret = 0;
	}
	if (ret == -EBADF)
		c->arg->index = i;
	return ret;
}

/**
 * ksync_many_enter() - be where part @i is served
 * @c: call
 * @i: part, not entered yet; counted as a waiter
 *
 * Return: -EBUSY: it is to be waited for; 0, -ECANCELED: c->claim says what the
 * wait was given, or, where all are waited for, it is there. Or an error that is
 * about this part.
 */
int ksync_many_enter(struct ksync_many_call *c, u32 i)
{
	return enter(c, i);
}

static noinline void trace_left(const struct ksync_many_call *c, const struct ksync_part *p)
{
	const bool given = (u32)atomic_read(&c->claim) == p->w->index + 1;

	trace_contention_end(&p->obj, given ? 0 : -ECANCELED, p->w->since);
}

static inline void leave(struct ksync_many_call *c, u32 i)
{
	struct ksync_part *p = c->parts[i];

	if (!p->in)
		return;
	p->in = false;
	if (ksync_part_owned(p)) {
		ksync_watch_leave(p->w);
		return;
	}
	ksync_queue_quit(p->w);
	if (trace_contention_end_enabled())
		trace_left(c, p);
}

/** ksync_many_leave() - undoes ksync_many_enter() */
void ksync_many_leave(struct ksync_many_call *c, u32 i)
{
	leave(c, i);
}

/* Try the locks that we were told of. Return: as look_at_lock(). */
static int try_told(struct ksync_many_call *c)
{
	struct ksync_part *p;
	int ret = -EBUSY;
	u32 i;

	if (!ksync_many_heard(c) || !c->locks)
		return -EBUSY;
	for (i = 0; i < ksync_many_parts(c) && ret == -EBUSY; i++) {
		p = c->parts[i];
		if (!ksync_part_owned(p) || !READ_ONCE(p->w->poked))
			continue;
		ksync_watch_clear(p->w);
		ret = look_at_lock(c, i);
		if (ret == -EBUSY)
			ksync_watch_next(p->w);
	}
	return ret;
}

/* The lock to sit at; ksync_many_parts() if there is none. */
static u32 find_seat(const struct ksync_many_call *c)
{
	const u32 n = ksync_many_parts(c);
	u32 i;

	if (!c->locks)
		return n;
	for (i = 0; i < n; i++)
		if (ksync_part_owned(c->parts[i]) && !c->parts[i]->hopeless &&
		    !(c->parts[i]->item.flags & KSYNC_ITEM_WATCH))
			break;
	return i;
}

/* Nothing but locks that will never be free as long as we wait. */
static bool deadlock(const struct ksync_many_call *c)
{
	u32 i;

	for (i = 0; i < ksync_many_parts(c); i++)
		if (!c->parts[i]->hopeless)
			return false;
	return true;
}

/* Return: -EBUSY: look again; 0: see c->claim; or why the wait is over. */
static int wait(struct ksync_many_call *c)
{
	const u32 seat = find_seat(c);
	int ret;

	if (seat == ksync_many_parts(c))
		return deadlock(c) ? -EDEADLK : ksync_many_sleep(c);
	ret = ksync_many_sit(c, seat);
	if (ksync_lock_got(ret))
		return keep(c, seat);
	if (ret == -EDEADLK) {
		c->parts[seat]->hopeless = true;
		return -EBUSY;
	}
	if (ret == -ENOTRECOVERABLE || ret == -EUCLEAN || ret == -EBADF)
		c->arg->index = seat;
	return ret;
}

/* All parts are entered, and none is to be had. */
static int wait_for_one(struct ksync_many_call *c)
{
	int ret;

	do {
		ret = try_told(c);
		if (ret == -EBUSY && !atomic_read(&c->claim) && !READ_ONCE(c->again))
			ret = wait(c);
		else if (ret == -EBUSY)
			return 0;
		if (ksync_many_broken(ret) && ksync_many_go_on(c))
			ret = -EBUSY;
	} while (ret == -EBUSY);
	return ret;
}

/* No answer, but an order. */
#define ONCE_MORE	1

/* What was claimed is ours, whatever else happened. */
static int conclude(struct ksync_many_call *c, int ret)
{
	const u32 claim = atomic_read(&c->claim);
	struct ksync_part *p;

	if (!claim)
		return ret ? ret : ONCE_MORE;
	p = c->parts[claim - 1];
	c->arg->index = claim - 1;
	if (!ksync_part_owned(p))
		return 0;
	if (p->item.flags & KSYNC_LOCK_READ)
		ksync_watch_pass(&p->obj);
	return p->item.result;
}

/* Near the limit of waiters: what is there needs no more room than what is not. */
static int enter_counted(struct ksync_many_call *c, u32 i)
{
	int ret = 0;

	if (i >= c->counted) {
		ret = ksync_waiter_count(c->domain, 1);
		if (!ret)
			c->counted = i + 1;
	}
	return ret ? ret : enter(c, i);
}

static int any_once(struct ksync_many_call *c)
{
	const u32 n = ksync_many_parts(c);
	int ret = -EBUSY;
	u32 i;

	c->again = false;
	c->told = false;
	c->clock.prio = ksync_waiter_prio();
	for (i = 0; i < n && ret == -EBUSY; i++)
		ret = enter_counted(c, i);
	if (ret == -EBUSY)
		ret = wait_for_one(c);
	while (i--)
		leave(c, i);
	return conclude(c, ret == -ECANCELED ? 0 : ret);
}

/*
 * All parts are to be waiters, and are counted at once if there is room for all: also
 * those behind one that is there, until the call returns.  Close to max_waiters others
 * are refused for them, which could be let in one by one.
 */
static int any(struct ksync_many_call *c)
{
	const int n = ksync_many_parts(c);
	int ret;

	c->counted = ksync_waiter_count(c->domain, n) ? 0 : n;
	do {
		ret = any_once(c);
	} while (ret == ONCE_MORE && !signal_pending(current));
	ksync_waiter_count(c->domain, -(int)c->counted);
	return ret == ONCE_MORE ? -ERESTARTNOINTR : ret;
}

#define MANY_FLAGS (KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME | \
		    KSYNC_MANY_ALL | KSYNC_MANY_ALERT)

static int many(struct ksync_many_call *c)
{
	int ret = ksync_many_read(c);

	if (!ret && c->locks && !ksync_thread_current(c->domain, c->arg->thread))
		ret = -ESRCH;
	if (!ret)
		ret = ksync_waiter_init(&c->clock, c->domain);
	if (ret)
		return ret;
	c->clock.many = c;
	ret = c->arg->flags & KSYNC_MANY_ALL ? ksync_many_all(c) : any(c);
	ksync_waiter_fini(&c->clock, c->domain);
	if (ret == -EOWNERDEAD)
		ksync_many_write(c);
	return ret;
}

/* What is not set here is so before it is looked at: it is long. */
static void call_init(struct ksync_many_call *c, struct ksync_domain *d, struct ksync_many *arg)
{
	c->domain = d;
	c->arg = arg;
	c->nr_buckets = 0;
	atomic_set(&c->claim, 0);
	c->told = false;
	c->again = false;
	c->locks = false;
}

/** ksync_many() - KSYNC_IOC_MANY */
int ksync_many(struct ksync_domain *d, struct ksync_many *arg)
{
	struct ksync_many_call c __uninitialized;
	int ret;

	if (arg->flags & ~MANY_FLAGS || !arg->count || arg->count > KSYNC_MANY_MAX ||
	    !ksync_deadline_valid(arg->deadline))
		return -EINVAL;
	call_init(&c, d, arg);
	ret = ksync_many_alloc(&c);
	if (ret)
		return ret;
	ret = many(&c);
	ksync_many_free(&c);
	return ret;
}
