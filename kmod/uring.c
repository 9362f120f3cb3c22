// SPDX-License-Identifier: GPL-2.0
/*
 * Waits by io_uring: ACQUIRE, WAIT and LOCK as commands.
 *
 * A command that has to wait is a waiter in its object's queue like others, or
 * watches its lock.  Whoever serves it takes it out, and where a task would be
 * woken, has the command completed by its submitter: in task work, for only there
 * may io_uring's own lock be taken (whoever serves may hold another ring's).
 *
 *	CPU0 (serves)				CPU1 (submitter)
 *	----					----
 *	lock(bucket)
 *	take out, woken = true
 *	unlock(bucket)
 *	ksync_uring_end: add task work
 *						finish: posts the CQE, frees
 *
 * Whoever takes a waiter out, or pokes a watcher, completes it: nobody else does.
 * So a unit is given, or the command is cancelled, and never both.
 *
 * Task work of a ring with IORING_SETUP_DEFER_TASKRUN is not to be trusted in Linux
 * 6.1.  Who adds it to a ring whose submitter is in exit or execve takes all of it out
 * again; meanwhile the submitter may have begun to run it, and have put an entry on its
 * stack into the list:
 *
 *	CPU0 (break_off)			CPU1 (submitter, in execve)
 *	----					----
 *	llist_add to the ring's work: the first
 *						__io_run_local_work: xchg(&fake)
 *						finish: waits for uring_lock
 *	io_move_task_work_from_local: takes
 *	&fake for a request
 *
 * There, and if it is not the submitter who serves, a worker completes the command,
 * as io_uring's own workers do.
 *
 * Not all that ends a command comes from io_uring.  Before 6.7 it has no way to
 * tell a driver that the submitter is in execve or that the ring is closed, and
 * waits for the command for ever; and to this day it does not tell of linked
 * timeouts, nor of the exit of a submitter whose ring others have as well.  These
 * are looked for from time to time, while there are commands that wait: that a
 * linked timeout has fired shows by its having left the chain of its request.
 */
#include <linux/fs.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "queue.h"
#include "trace.h"
#include "uring.h"
#include "uring_compat.h"
#include "watch.h"

/* How often to look, in jiffies: where all depends on it, and else. */
#define LOOK_OFTEN	(HZ / 20)
#define LOOK_SELDOM	HZ

/**
 * struct uring_wait - a command that waits
 * @w: in the queue of @obj, or watching it
 * @obj: for what
 * @node: in domain->uring_waits; uring_lock
 * @cmd: the command, as long as this exists
 * @ring: whose
 * @user_data: by which it is cancelled
 * @link: what its request was linked with
 * @timed: by a timeout
 * @watches: it does, rather than wait
 * @queued: it has begun to wait; uring_lock
 * @over: somebody here has decided how it ends; uring_lock
 * @ret: the result; uring_lock
 * @until: deadline
 * @deadline: ends it then
 * @work: takes a watcher that was told out; then completes it, where the submitter
 *	cannot
 */
struct uring_wait {
	struct ksync_waiter w;
	struct ksync_object obj;
	struct rb_node node;
	struct io_uring_cmd *cmd;
	struct io_ring_ctx *ring;
	u64 user_data;
	struct io_kiocb *link;
	bool timed;
	bool watches;
	bool queued;
	bool over;
	int ret;
	u64 until;
	struct delayed_work deadline;
	struct work_struct work;
};

/* What CANCEL looks for. */
struct wanted {
	struct io_ring_ctx *ring;
	u64 user_data;
};

/* Completions that may still be running code of this module. */
static atomic_t finishing;

static struct uring_wait **wait_of(struct io_uring_cmd *cmd)
{
	return (struct uring_wait **)cmd->pdu;
}

/* In the submitter's task work; or anywhere, once it is dead, or where that is not safe. */
static void finish(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct uring_wait *u = *wait_of(cmd);
	struct ksync_domain *d = u->obj.domain;

	atomic_inc(&finishing);
	mutex_lock(&d->uring_lock);
	rb_erase(&u->node, &d->uring_waits);
	d->uring_timed -= u->timed;
	mutex_unlock(&d->uring_lock);
	if (u->until != KSYNC_NO_DEADLINE)
		cancel_delayed_work_sync(&u->deadline);
	if (!u->watches)
		trace_contention_end(&u->obj, u->ret, u->w.since);
	/* The last that keeps the domain, and us, may go with this. */
	io_uring_cmd_done(cmd, u->ret, 0, issue_flags);
	kfree(u);
	atomic_dec(&finishing);
}

/*
 * The submitter holds the ring's lock while it issues the command, and looks at the
 * request once more when it has been told that it waits: to arm a linked timeout.  It
 * may hold that lock as long as it likes, in a page fault that it serves itself: to wait
 * for it here would use up the workers, which are for all domains.  And the ring has to stay
 * until io_uring has told who waits at it.
 */
static void finish_here(struct work_struct *work)
{
	struct uring_wait *u = container_of(work, struct uring_wait, work);
	struct io_ring_ctx *ring = u->ring;

	if (!mutex_trylock(&ring->uring_lock)) {
		schedule_timeout_uninterruptible(1);
		queue_work(ksync_wq, work);
		return;
	}
	percpu_ref_get(&ring->refs);
	finish(u->cmd, 0);
	mutex_unlock(&ring->uring_lock);
	percpu_ref_put(&ring->refs);
}

/* It is in no queue any more. The submitter may take its time: nothing waits for it. */
static void complete_command(struct uring_wait *u)
{
	ksync_waiter_fini(&u->w, u->obj.domain);
	if (!ksync_uring_task_work_races(u->cmd)) {
		io_uring_cmd_complete_in_task(u->cmd, finish);
		return;
	}
	INIT_WORK(&u->work, finish_here);
	queue_work(ksync_wq, &u->work);
}

/*
 * Whoever is told by a command owes nothing, and may not even look: the next one is
 * told at once, if the lock is still free.
 */
static void told(struct work_struct *work)
{
	struct uring_wait *u = container_of(work, struct uring_wait, work);

	ksync_watch_leave(&u->w);
	complete_command(u);
}

/** ksync_uring_end() - no lock held: a command was taken out, or told */
void ksync_uring_end(struct ksync_waiter *w)
{
	struct uring_wait *u = container_of(w, struct uring_wait, w);

	/* Not here: telling all that watch would take the one who unlocks long. */
	if (u->watches)
		queue_work(ksync_wq, &u->work);
	else
		complete_command(u);
}

/* Be the one who completes it. Return: whether we are. */
static bool claim(struct uring_wait *u)
{
	struct ksync_bucket *b = u->w.bucket;
	bool ours;

	if (!u->watches) {
		ksync_queue_quit(&u->w);
		return !u->w.woken;
	}
	raw_spin_lock(&b->lock);
	ours = !u->w.poked;
	u->w.poked = true;
	raw_spin_unlock(&b->lock);
	return ours;
}

/* End a wait, unless it has ended. Return: whether it was that. */
static bool break_off(struct uring_wait *u, int ret)
{
	lockdep_assert_held(&u->obj.domain->uring_lock);
	if (u->over)
		return false;
	/* The one that begins it finds out. */
	u->over = !u->queued || claim(u);
	if (!u->over)
		return false;
	u->ret = ret;
	if (!u->queued)
		return true;
	if (u->watches)
		ksync_watch_leave(&u->w);
	complete_command(u);
	return true;
}

static void start_deadline(struct uring_wait *u)
{
	const u64 now = ktime_get_ns();
	u64 delay = 0;

	if (u->until == KSYNC_NO_DEADLINE)
		return;
	/* One more: a jiffy that has begun is not a whole one. */
	if (u->until > now)
		delay = min_t(u64, nsecs_to_jiffies64(u->until - now), MAX_JIFFY_OFFSET - 1) + 1;
	queue_delayed_work(ksync_wq, &u->deadline, delay);
}

/* Jiffies may lag behind when the delay begins. */
static void deadline_passed(struct work_struct *work)
{
	struct uring_wait *u = container_of(to_delayed_work(work), struct uring_wait, deadline);
	struct ksync_domain *d = u->obj.domain;

	mutex_lock(&d->uring_lock);
	if (u->until > ktime_get_ns())
		start_deadline(u);
	else
		break_off(u, -ETIMEDOUT);
	mutex_unlock(&d->uring_lock);
}

/*
 * The link of a request changes when its timeout has fired, or with the request
 * itself.  It is compared and never followed.
 */
static bool unwanted(struct uring_wait *u)
{
	struct task_struct *task = u->w.task;

	return READ_ONCE(task->flags) & PF_EXITING || ksync_uring_task_leaves(task) ||
	       ksync_uring_closed(u->cmd) ||
	       (u->timed && READ_ONCE(cmd_to_io_kiocb(u->cmd)->link) != u->link);
}

static unsigned long look_interval(const struct ksync_domain *d)
{
	return KSYNC_URING_API < 4 || d->uring_timed ? LOOK_OFTEN : LOOK_SELDOM;
}

static void look(struct work_struct *work)
{
	struct ksync_domain *d = container_of(to_delayed_work(work), struct ksync_domain,
					      uring_look);
	struct uring_wait *u;
	struct rb_node *node;

	mutex_lock(&d->uring_lock);
	for (node = rb_first(&d->uring_waits); node; node = rb_next(node)) {
		u = rb_entry(node, struct uring_wait, node);
		if (unwanted(u))
			break_off(u, -ECANCELED);
		cond_resched();
	}
	if (!RB_EMPTY_ROOT(&d->uring_waits))
		queue_delayed_work(ksync_wq, &d->uring_look, look_interval(d));
	mutex_unlock(&d->uring_lock);
}

static int compare(const void *key, const struct rb_node *node)
{
	const struct uring_wait *u = rb_entry(node, struct uring_wait, node);
	const struct wanted *k = key;

	if (k->ring != u->ring)
		return k->ring < u->ring ? -1 : 1;
	if (k->user_data != u->user_data)
		return k->user_data < u->user_data ? -1 : 1;
	return 0;
}

static bool wait_before(struct rb_node *a, const struct rb_node *b)
{
	const struct uring_wait *u = rb_entry(a, struct uring_wait, node);
	const struct wanted k = { u->ring, u->user_data };

	return compare(&k, b) < 0;
}

/* It waits. From the end of uring_lock on, it may be gone. */
static void keep(struct uring_wait *u)
{
	struct ksync_domain *d = u->obj.domain;

	u->queued = true;
	rb_add(&u->node, &d->uring_waits, wait_before);
	start_deadline(u);
	d->uring_timed += u->timed;
	if (u->timed && d->uring_timed == 1)
		mod_delayed_work(ksync_wq, &d->uring_look, LOOK_OFTEN);
	else
		queue_delayed_work(ksync_wq, &d->uring_look, look_interval(d));
}

/* Never waits: @r says TRY. An rwlock that others read is left to them from the start. */
static int try_lock(struct ksync_request *r)
{
	int ret = ksync_lock_begin(r);

	return ret > 0 ? ksync_lock_try(r) : ret;
}

/* A lock: be told of it, unless it is free now. As ksync_queue_join(). */
static int watch(struct uring_wait *u, struct ksync_request *r)
{
	int ret = ksync_watch_enter(&u->w, &u->obj);

	if (ret)
		return ret;
	ret = try_lock(r);
	if (ret == -EBUSY)
		return ret;
	if (claim(u)) {
		ksync_watch_leave(&u->w);
		return ret;
	}
	/* Told already: the answer goes that way. */
	u->ret = ret;
	u->over = true;
	return -EBUSY;
}

/* Return: -EIOCBQUEUED: it waits. Anything else: the answer, and nobody else gives one. */
static int begin(struct uring_wait *u, struct ksync_request *r)
{
	struct ksync_domain *d = u->obj.domain;
	int ret;

	mutex_lock(&d->uring_lock);
	if (u->over)
		ret = u->ret;
	else
		ret = u->watches ? watch(u, r) : ksync_queue_join(&u->w, &u->obj);
	if (ret == -EBUSY) {
		keep(u);
		ret = -EIOCBQUEUED;
	}
	if (ret != -EIOCBQUEUED)
		u->over = true;
	mutex_unlock(&d->uring_lock);
	return ret;
}

static void setup(struct uring_wait *u, struct io_uring_cmd *cmd,
		  const struct ksync_object *obj, const struct ksync_uring *arg)
{
	const unsigned int timed = REQ_F_ARM_LTIMEOUT | REQ_F_LINK_TIMEOUT;
	struct io_kiocb *req = cmd_to_io_kiocb(cmd);

	u->w.uring = true;
	u->w.task = ksync_uring_task(cmd);
	u->w.prio = min(ksync_prio(u->w.task), MAX_RT_PRIO);
	u->w.expected = arg->value;
	if (arg->bitset)
		u->w.bitset = arg->bitset;
	u->obj = *obj;
	u->cmd = cmd;
	u->ring = req->ctx;
	u->user_data = req->cqe.user_data;
	u->link = req->link;
	u->timed = req->flags & timed;
	u->watches = obj->ops->owned;
	u->ret = u->watches ? -EAGAIN : 0;
	u->until = arg->deadline;
	INIT_DELAYED_WORK(&u->deadline, deadline_passed);
	INIT_WORK(&u->work, told);
	*wait_of(cmd) = u;
}

/*
 * io_uring takes EAGAIN for a wish to be called again, and what was marked leaves by
 * io_uring_cmd_done() alone.  When that returns, it calls us for this command no
 * more.
 */
static int wait(struct io_uring_cmd *cmd, unsigned int issue_flags,
		const struct ksync_object *obj, const struct ksync_uring *arg,
		struct ksync_request *r)
{
	struct uring_wait *u = kzalloc(sizeof(*u), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!u)
		return -ENOMEM;
	ret = ksync_waiter_init(&u->w, obj->domain);
	if (ret) {
		kfree(u);
		return ret;
	}
	setup(u, cmd, obj, arg);
	ksync_uring_mark(cmd, issue_flags);
	ret = begin(u, r);
	if (ret == -EIOCBQUEUED)
		return ret;
	ksync_waiter_fini(&u->w, obj->domain);
	io_uring_cmd_done(cmd, ret, 0, issue_flags);
	kfree(u);
	return -EIOCBQUEUED;
}

static int acquire(struct io_uring_cmd *cmd, unsigned int issue_flags,
		   const struct ksync_object *obj, const struct ksync_uring *arg)
{
	if (!obj->ops->release || arg->value || arg->bitset)
		return -EINVAL;
	return wait(cmd, issue_flags, obj, arg, NULL);
}

static int wait_word(struct io_uring_cmd *cmd, unsigned int issue_flags,
		     const struct ksync_object *obj, const struct ksync_uring *arg)
{
	if (obj->ops->kind != KSYNC_KIND_WAITQ || !arg->bitset)
		return -EINVAL;
	return wait(cmd, issue_flags, obj, arg, NULL);
}

/* The current task locks for itself, or is not who it says. */
static int lock(struct io_uring_cmd *cmd, unsigned int issue_flags,
		const struct ksync_object *obj, const struct ksync_uring *arg)
{
	const struct ksync_lock call = {
		.id = obj->id, .thread = arg->value, .flags = KSYNC_WAIT_TRY,
	};
	struct ksync_request r = { .obj = *obj, .arg = &call };
	int ret;

	if (!obj->ops->owned || arg->bitset)
		return -EINVAL;
	ret = try_lock(&r);
	if (ret != -EBUSY)
		return ret;
	return wait(cmd, issue_flags, obj, arg, &r);
}

static int release(struct ksync_domain *d, const struct ksync_uring *arg)
{
	struct ksync_release call = {
		.id = arg->id,
		.flags = arg->flags,
		.count = arg->value,
	};

	return arg->bitset ? -EINVAL : ksync_release(d, &call);
}

static int cancel(struct ksync_domain *d, struct io_uring_cmd *cmd,
		  const struct ksync_uring_cancel *arg)
{
	const struct wanted key = { cmd_to_io_kiocb(cmd)->ctx, arg->user_data };
	struct rb_node *node;
	int ret = -ENOENT;

	if (arg->pad || arg->flags)
		return -EINVAL;
	mutex_lock(&d->uring_lock);
	for (node = rb_find_first(&key, &d->uring_waits, compare); node && ret;
	     node = rb_next_match(&key, node, compare)) {
		ret = -EALREADY;
		if (break_off(rb_entry(node, struct uring_wait, node), -ECANCELED))
			ret = 0;
	}
	mutex_unlock(&d->uring_lock);
	return ret;
}

/* io_uring says so, with its lock held: the command is there until it is released. */
static int cancelled(struct io_uring_cmd *cmd)
{
	struct uring_wait *u = *wait_of(cmd);
	struct ksync_domain *d = u->obj.domain;

	mutex_lock(&d->uring_lock);
	break_off(u, -ECANCELED);
	mutex_unlock(&d->uring_lock);
	return 0;
}

/* The argument, once: it is in memory that users write. */
static int read_arg(struct io_uring_cmd *cmd, unsigned int issue_flags,
		    struct ksync_uring *arg)
{
	const u32 ok = cmd->cmd_op == KSYNC_URING_RELEASE ? KSYNC_RELEASE_PULSE :
		       KSYNC_URING_DEADLINE;
	const bool big = issue_flags & IO_URING_F_SQE128;

	memcpy(arg, ksync_uring_arg(cmd),
	       big ? sizeof(*arg) : offsetof(struct ksync_uring, deadline));
	barrier();
	if (arg->flags & ~ok)
		return -EINVAL;
	if (!(arg->flags & KSYNC_URING_DEADLINE))
		arg->deadline = KSYNC_NO_DEADLINE;
	else if (!big || !ksync_deadline_valid(arg->deadline))
		return -EINVAL;
	return 0;
}

/** ksync_uring_cmd() - called by io_uring for one command */
int ksync_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	int (*fn)(struct io_uring_cmd *cmd, unsigned int issue_flags,
		  const struct ksync_object *obj, const struct ksync_uring *arg);
	struct ksync_domain *d = cmd->file->private_data;
	struct ksync_uring_cancel target;
	struct ksync_uring arg;
	struct ksync_object obj;
	int ret;

	if (ksync_uring_cancels(issue_flags))
		return cancelled(cmd);
	switch (cmd->cmd_op) {
	case KSYNC_URING_ACQUIRE:
		fn = acquire;
		break;
	case KSYNC_URING_WAIT:
		fn = wait_word;
		break;
	case KSYNC_URING_LOCK:
		fn = lock;
		break;
	case KSYNC_URING_RELEASE:
		ret = read_arg(cmd, issue_flags, &arg);
		return ret ? ret : release(d, &arg);
	case KSYNC_URING_CANCEL:
		memcpy(&target, ksync_uring_arg(cmd), sizeof(target));
		barrier();
		return cancel(d, cmd, &target);
	default:
		return -ENOTTY;
	}
	ret = read_arg(cmd, issue_flags, &arg);
	if (!ret)
		ret = ksync_object_find(d, arg.id, &obj);
	return ret ? ret : fn(cmd, issue_flags, &obj, &arg);
}

void ksync_uring_open(struct ksync_domain *d)
{
	BUILD_BUG_ON(sizeof(struct uring_wait *) > sizeof_field(struct io_uring_cmd, pdu));
	mutex_init(&d->uring_lock);
	d->uring_waits = RB_ROOT;
	INIT_DELAYED_WORK(&d->uring_look, look);
}

/** ksync_uring_release() - nothing waits in the domain: each command has the file */
void ksync_uring_release(struct ksync_domain *d)
{
	cancel_delayed_work_sync(&d->uring_look);
}

/**
 * ksync_uring_exit() - no domain is left
 *
 * Whoever completed the last command may not have left finish() yet.  Once it has
 * counted itself out, it still has to return: from task work, which this waits for, or
 * from a work item, which destroying the workqueue waits for.
 */
void ksync_uring_exit(void)
{
	while (atomic_read(&finishing))
		schedule_timeout_uninterruptible(1);
	synchronize_rcu_tasks();
}
