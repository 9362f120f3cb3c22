// SPDX-License-Identifier: GPL-2.0
/*
 * Threads: tasks that attached, and the handles that words hold for them.
 *
 * A word may go on naming a thread long after its death: a lock that nobody
 * contends is unknown here.  So a number is not given out again before a sweep
 * of the arena has replaced it.  Numbers are given out in rising order; when
 * they come to an end, the sweep runs and they start over.  A thread that dies
 * ahead of the running number leaves a mark that reserves it until then.
 */
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "ceiling.h"
#include "hub.h"
#include "rwlock.h"
#include "thread.h"
#include "watch.h"

/**
 * struct ksync_membership - a thread in a domain
 * @thread: with a reference
 * @domain: where
 * @handle: its number there
 * @held: its ceiling cell there, NULL if it did not ask for one; attach_lock
 * @in_thread: in thread->attaches; attach_lock
 * @in_domain: in domain->attaches; attach_lock
 */
struct ksync_membership {
	struct ksync_thread *thread;
	struct ksync_domain *domain;
	u32 handle;
	struct ksync_held *held;
	struct list_head in_thread;
	struct list_head in_domain;
};

/* Dead threads' numbers looked at in one go. */
#define SCAN_BATCH	64

static DEFINE_MUTEX(attach_lock);

/*
 * By task; a dead one until it is reaped or, after execve, replaced.  attach_lock to
 * write.  Every exit of any task looks here with preemption off: no hash chains.
 */
static DEFINE_XARRAY_FLAGS(threads, XA_FLAGS_ACCOUNT);

static LLIST_HEAD(dead_threads);
static LLIST_HEAD(dead_states);

/* Tasks begin at a cache line of their own. */
static unsigned long key_of(const struct task_struct *task)
{
	return (unsigned long)task / L1_CACHE_BYTES;
}

/** ksync_thread_of() - the thread of a task, under RCU; NULL if it has none alive */
struct ksync_thread *ksync_thread_of(const struct task_struct *task)
{
	struct ksync_thread *t = xa_load(&threads, key_of(task));

	return t && !READ_ONCE(t->dead) ? t : NULL;
}

/**
 * ksync_thread_alive() - whether a thread can own anything, under RCU
 * @t: thread
 *
 * A task on its way out of the kernel's do_exit() counts as dead before the
 * probe in death.c has run: who joined it may know already that it is gone.
 */
bool ksync_thread_alive(const struct ksync_thread *t)
{
	return !READ_ONCE(t->dead) && !(READ_ONCE(t->task->flags) & PF_EXITING);
}

/**
 * ksync_thread_find() - who has a handle, under RCU
 * @d: domain
 * @handle: from a word
 *
 * Return: the thread, or NULL if there is none alive.
 */
struct ksync_thread *ksync_thread_find(struct ksync_domain *d, u32 handle)
{
	struct ksync_thread *t = xa_load(&d->handles, handle);

	if (!t || xa_is_value(t) || !ksync_thread_alive(t))
		return NULL;
	return t;
}

/**
 * ksync_thread_next() - the first thread with a handle of at least *@handle, under RCU
 * @d: domain
 * @handle: where to begin; set to the thread's
 *
 * Return: the thread; NULL: there is none alive in the next so many numbers, or
 * none at all, and *@handle is then 0.
 */
struct ksync_thread *ksync_thread_next(struct ksync_domain *d, u32 *handle)
{
	unsigned long index = *handle;
	struct ksync_thread *t;
	u32 looks;

	t = xa_find(&d->handles, &index, KSYNC_HANDLE_MAX, XA_PRESENT);
	for (looks = 0; t && looks < SCAN_BATCH; looks++) {
		*handle = index;
		if (!xa_is_value(t) && ksync_thread_alive(t))
			return t;
		t = xa_find_after(&d->handles, &index, KSYNC_HANDLE_MAX, XA_PRESENT);
	}
	*handle = t ? index : 0;
	return NULL;
}

/** ksync_thread_current() - the calling task's thread, if @handle is its own */
struct ksync_thread *ksync_thread_current(struct ksync_domain *d, u32 handle)
{
	struct ksync_thread *t;

	rcu_read_lock();
	t = ksync_thread_find(d, handle);
	/* Only its own task ends a thread: this one stays. */
	if (t && t->task != current)
		t = NULL;
	rcu_read_unlock();
	return t;
}

static void thread_free(struct rcu_head *rcu)
{
	struct ksync_thread *t = container_of(rcu, struct ksync_thread, rcu);

	put_task_struct(t->task);
	kfree(t);
}

/** ksync_thread_put() - attach_lock is held */
void ksync_thread_put(struct ksync_thread *t)
{
	lockdep_assert_held(&attach_lock);
	if (!refcount_dec_and_test(&t->refs))
		return;
	/* After execve the task may have a new one there. */
	xa_cmpxchg(&threads, key_of(t->task), t, NULL, 0);
	ksync_state_drop_kept(t);
	call_rcu(&t->rcu, thread_free);
}

/* The current task's thread with a reference for one more membership. */
static struct ksync_thread *thread_get_current(void)
{
	struct ksync_thread *t;

	lockdep_assert_held(&attach_lock);
	rcu_read_lock();
	t = ksync_thread_of(current);
	rcu_read_unlock();
	if (t) {
		refcount_inc(&t->refs);
		return t;
	}

	t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return NULL;
	t->task = get_task_struct(current);
	raw_spin_lock_init(&t->lock);
	INIT_LIST_HEAD(&t->owned);
	INIT_LIST_HEAD(&t->attaches);
	refcount_set(&t->refs, 1);
	if (xa_err(xa_store(&threads, key_of(current), t, GFP_KERNEL_ACCOUNT))) {
		put_task_struct(t->task);
		kfree(t);
		return NULL;
	}
	return t;
}

/* All numbers have been given out once: make those of the dead fit for use. */
static void handles_start_over(struct ksync_domain *d)
{
	unsigned long handle;
	void *entry;

	lockdep_assert_held(&attach_lock);
	ksync_domain_sweep(d);
	xa_for_each(&d->handles, handle, entry)
		if (xa_is_value(entry))
			xa_erase(&d->handles, handle);
	d->next_handle = 1;
}

static int handle_alloc(struct ksync_domain *d, struct ksync_thread *t, u32 *handle)
{
	const u32 max = READ_ONCE(ksync_handle_max);
	int ret = -EBUSY;

	lockdep_assert_held(&attach_lock);
	if (!d->next_handle)
		d->next_handle = 1;
	if (d->next_handle <= max)
		ret = xa_alloc(&d->handles, handle, t,
			       XA_LIMIT(d->next_handle, max), GFP_KERNEL_ACCOUNT);
	if (ret == -EBUSY) {
		handles_start_over(d);
		ret = xa_alloc(&d->handles, handle, t, XA_LIMIT(1, max),
			       GFP_KERNEL_ACCOUNT);
	}
	if (ret)
		return ret == -EBUSY ? -ENOSPC : ret;
	d->next_handle = *handle + 1;
	if (*handle > d->handle_high)
		WRITE_ONCE(d->handle_high, *handle);
	return 0;
}

static void membership_end(struct ksync_membership *m)
{
	struct ksync_domain *d = m->domain;

	lockdep_assert_held(&attach_lock);
	if (m->held)
		ksync_booster_detach(m->held);
	ksync_slot_drop_all(d, m->handle);
	ksync_watch_owner_died(d, m->handle);
	ksync_hub_thread_died(d, m->handle);
	if (m->handle >= d->next_handle)
		xa_store(&d->handles, m->handle, xa_mk_value(0), GFP_KERNEL);
	else
		xa_erase(&d->handles, m->handle);
	d->threads--;
	list_del(&m->in_thread);
	list_del(&m->in_domain);
	ksync_thread_put(m->thread);
	kfree(m);
}

/*
 * End one membership and let others have the lock, which is everybody's: whoever
 * ends many at a time must not keep the rest of the machine from attaching.
 */
static void membership_end_one(struct ksync_membership *m)
{
	membership_end(m);
	mutex_unlock(&attach_lock);
	cond_resched();
	mutex_lock(&attach_lock);
}

/* It is dead, and joins no domain any more. */
static void thread_end(struct ksync_thread *t)
{
	struct ksync_membership *m;

	mutex_lock(&attach_lock);
	ksync_booster_quiesce(t);
	while ((m = list_first_entry_or_null(&t->attaches, struct ksync_membership, in_thread)))
		membership_end_one(m);
	ksync_booster_free(t);
	ksync_thread_put(t);
	mutex_unlock(&attach_lock);
}

static void reap(struct work_struct *work)
{
	struct ksync_thread *t, *next_t;
	struct ksync_state *st, *next_st;

	llist_for_each_entry_safe(t, next_t, llist_del_all(&dead_threads), reap)
		thread_end(t);
	llist_for_each_entry_safe(st, next_st, llist_del_all(&dead_states), reap)
		ksync_state_free(st);
}

static DECLARE_WORK(reap_work, reap);

/** ksync_thread_reap() - the current task's thread has died; any context */
void ksync_thread_reap(struct ksync_thread *t)
{
	llist_add(&t->reap, &dead_threads);
	queue_work(ksync_wq, &reap_work);
}

/** ksync_thread_reap_state() - put a state where freeing is not possible */
void ksync_thread_reap_state(struct ksync_state *st)
{
	if (!refcount_dec_and_test(&st->refs))
		return;
	llist_add(&st->reap, &dead_states);
	queue_work(ksync_wq, &reap_work);
}

/* Memberships of a thread that is found by its task end under attach_lock alone. */
static struct ksync_membership *membership_find(struct ksync_domain *d,
						const struct task_struct *task)
{
	struct ksync_membership *m, *found = NULL;
	struct ksync_thread *t;

	lockdep_assert_held(&attach_lock);
	rcu_read_lock();
	t = ksync_thread_of(task);
	if (t)
		list_for_each_entry(m, &t->attaches, in_thread)
			if (m->domain == d)
				found = m;
	rcu_read_unlock();
	return found;
}

/** ksync_thread_handle() - the number of a task in a domain; 0: it has none */
u32 ksync_thread_handle(struct ksync_domain *d, const struct task_struct *task)
{
	struct ksync_membership *m;
	u32 handle;

	mutex_lock(&attach_lock);
	m = membership_find(d, task);
	handle = m ? m->handle : 0;
	mutex_unlock(&attach_lock);
	return handle;
}

static struct ksync_membership *membership_begin(struct ksync_domain *d)
{
	struct ksync_membership *m;
	int ret;

	if (d->threads >= READ_ONCE(ksync_max_threads))
		return ERR_PTR(-ENOSPC);
	m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m)
		return ERR_PTR(-ENOMEM);
	m->domain = d;
	m->thread = thread_get_current();
	ret = m->thread ? handle_alloc(d, m->thread, &m->handle) : -ENOMEM;
	if (ret) {
		if (m->thread)
			ksync_thread_put(m->thread);
		kfree(m);
		return ERR_PTR(ret);
	}
	list_add(&m->in_thread, &m->thread->attaches);
	list_add(&m->in_domain, &d->attaches);
	d->threads++;
	return m;
}

static int give_ceiling_cell(struct ksync_membership *m, u32 *id)
{
	struct ksync_held *h = m->held;

	if (!h)
		h = ksync_booster_attach(m->domain, m->thread, m->handle);
	if (IS_ERR(h))
		return PTR_ERR(h);
	m->held = h;
	*id = ksync_booster_cell(h);
	return 0;
}

static int attach(struct ksync_domain *d, struct ksync_attach *arg)
{
	struct ksync_membership *m;
	int ret = 0;

	mutex_lock(&attach_lock);
	m = membership_find(d, current);
	if (!m) {
		m = membership_begin(d);
		ret = PTR_ERR_OR_ZERO(m);
	}
	if (!ret) {
		arg->thread = m->handle;
		if (arg->flags & KSYNC_ATTACH_CEILING)
			ret = give_ceiling_cell(m, &arg->slot);
		if (arg->flags & KSYNC_ATTACH_SLOT)
			ret = ksync_slot_add(d, m->thread, m->handle, &arg->slot);
	}
	mutex_unlock(&attach_lock);
	return ret;
}

/** ksync_thread_attach() - KSYNC_IOC_ATTACH */
int ksync_thread_attach(struct ksync_domain *d, struct ksync_attach *arg)
{
	int ret;

	if (arg->flags == (KSYNC_ATTACH_SLOT | KSYNC_ATTACH_CEILING))
		return -EINVAL;
	if (arg->flags & ~(KSYNC_ATTACH_SLOT | KSYNC_ATTACH_CEILING) || arg->slot)
		return -EINVAL;
	ret = attach(d, arg);
	if (ret == -ENOSPC) {
		/* The dead still count until they are reaped. */
		flush_work(&reap_work);
		ret = attach(d, arg);
	}
	return ret;
}

/** ksync_thread_detach_all() - the domain goes; nobody is in it */
void ksync_thread_detach_all(struct ksync_domain *d)
{
	struct ksync_membership *m;

	mutex_lock(&attach_lock);
	d->next_handle = KSYNC_HANDLE_MAX + 1;
	while ((m = list_first_entry_or_null(&d->attaches, struct ksync_membership, in_domain)))
		membership_end_one(m);
	mutex_unlock(&attach_lock);
	xa_destroy(&d->handles);
}

/** ksync_thread_exit() - no domain is left, and no task dies here any more */
void ksync_thread_exit(void)
{
	/* Domains on their way out enter the queue by way of RCU ... */
	rcu_barrier();
	flush_workqueue(ksync_wq);
	mutex_lock(&attach_lock);
	ksync_booster_free_all();
	mutex_unlock(&attach_lock);
	/* ... and the queue hands threads to it. */
	rcu_barrier();
	xa_destroy(&threads);
}
