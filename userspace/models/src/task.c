// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The life of a task: spawned, run, ended; joined, detached or cancelled.
 *
 * Its end is published from the machine's stack, when the task is off its own: who
 * joins it may give the stack to another at once.
 */
#include <string.h>
#include "death.h"
#include "internal.h"

#define ID_BATCH	256

static uint64_t next_id(struct ksync_sched *s, struct proc *p)
{
	if (!p)
		return add(&s->ids, 1);
	if (p->ids % ID_BATCH == 0)
		p->ids = add(&s->ids, ID_BATCH) - ID_BATCH + 1;
	return p->ids++;
}

static void count(struct ksync_sched *s, struct proc *p, int n)
{
	if (likely(p))
		store(&p->tasks, p->tasks + n);
	else
		add(&s->tasks, n);
}

/** ksync_tasks() - how many there are; exact when nothing runs */
uint64_t ksync_tasks(const struct ksync_sched *s)
{
	int64_t n = load(&s->tasks);
	uint32_t i;

	for (i = 0; i < s->nprocs; i++)
		n += load(&s->procs[i].tasks);
	return n > 0 ? n : 0;
}

static void fill(struct ksync_task *t, struct ksync_sched *s, const char *name)
{
	t->context = NULL;
	t->sched = s;
	t->machine = NULL;
	t->pinned = NULL;
	t->pins = 0;
	t->masked = 0;
	store(&t->where, NULL);
	t->locals = NULL;
	t->scope = NULL;
	t->timer.index = 0;
	t->trampoline = NULL;
	t->actor = NULL;
	t->held = 0;
	store(&t->cancelled, load(&s->ending));
	store(&t->join, JOIN_NOBODY);
	t->name[0] = 0;
	if (name) {
		strncpy(t->name, name, sizeof(t->name) - 1);
		t->name[sizeof(t->name) - 1] = 0;
	}
}

static struct ksync_task *get(struct ksync_sched *s, struct proc *p,
			      const struct ksync_task_attr *attr)
{
	struct ksync_task *t;

	if (s->model == KSYNC_MODEL_11)
		t = ksync_thread_task_get();
	else
		t = ksync_pool_get(s, p, attr ? attr->stack_size : 0);
	if (t)
		fill(t, s, attr ? attr->name : NULL);
	return t;
}

static int check(const struct ksync_task_attr *attr)
{
	if (!attr)
		return 0;
	if (attr->reserved[0] || attr->reserved[1])
		return -EINVAL;
	return ksync_stack_class(attr->stack_size) < 0 ? -EINVAL : 0;
}

/* Put it where it runs. */
static int launch(struct ksync_sched *s, struct proc *p, struct ksync_task *t,
		  const struct ksync_task_attr *attr)
{
	int ret;

	t->id = next_id(s, p);
	count(s, p, 1);
	if (s->model == KSYNC_MODEL_11) {
		ret = ksync_thread_spawn(s, t, attr ? attr->stack_size : 0);
		if (ret) {
			count(s, p, -1);
			if (t->actor)
				ksync_actor_stillborn(t);
			ksync_thread_task_put(t);
		}
		return ret;
	}
	ksync_make_ready(t);
	return 0;
}

/**
 * ksync_spawn() - what all that spawn tasks have in common
 * @s: scheduler
 * @how: fn, or scope_fn and scope, and arg
 * @out: set; NULL: detached
 * @attr: or NULL
 */
int ksync_spawn(struct ksync_sched *s, const struct spawn *how, struct ksync_task **out,
		const struct ksync_task_attr *attr)
{
	struct machine *m = ksync_machine_self();
	struct proc *p = NULL;
	struct ksync_task *t;
	bool held = false;
	int ret = check(attr);

	if (ret)
		return ret;
	if (seeded(s) && ksync_seeded_room(s))
		return -ENOMEM;
	if (likely(m && m->sched == s))
		p = ksync_proc_hold(m, &held);
	t = get(s, p, attr);
	ret = -ENOMEM;
	if (likely(t)) {
		t->fn = how->fn;
		t->scope_fn = how->scope_fn;
		t->arg = how->arg;
		if (!out)
			store(&t->join, JOIN_DETACHED);
		else
			*out = t;
		if (how->scope)
			ksync_scope_enter(how->scope, t);
		if (how->actor)
			ksync_actor_started(how->actor, t);
		ret = launch(s, p, t, attr);
		if (ret && how->scope)
			ksync_scope_leave(t, 0);
	}
	if (m && m->sched == s)
		ksync_proc_unhold(m, held);
	return ret;
}

EXPORT int ksync_sched_spawn(struct ksync_sched *s, struct ksync_task **t,
			     void *(*fn)(void *arg), void *arg,
			     const struct ksync_task_attr *attr)
{
	const struct spawn how = { .fn = fn, .arg = arg };
	int ret;

	/* Until it is queued, it would be one that waits while all are idle. */
	ksync_sched_hold(s);
	ret = ksync_spawn(s, &how, t, attr);
	ksync_sched_release(s);
	return ret;
}

EXPORT int ksync_task_spawn(struct ksync_task **t, void *(*fn)(void *arg), void *arg,
			    const struct ksync_task_attr *attr)
{
	const struct spawn how = { .fn = fn, .arg = arg };
	struct ksync_task *self = ksync_task_self();

	return self ? ksync_spawn(self->sched, &how, t, attr) : -EINVAL;
}

/* Its function is through. */
static void finish(struct ksync_task *t, int error)
{
	if (t->locals)
		ksync_locals_destroy(t);
	if (t->actor) {
		if (unlikely(t->held))
			ksync_die_with_locks(t, error);
		ksync_actor_ended(t, error);
	}
	while (unlikely(t->pins))
		ksync_task_unpin();
	if (t->scope)
		ksync_scope_leave(t, error);
}

/** ksync_task_run() - what a task does, on its own stack */
void ksync_task_run(struct ksync_task *t)
{
	int error = 0;

	if (t->scope_fn)
		error = t->scope_fn(t->arg);
	else
		t->result = t->fn(t->arg);
	finish(t, error);
}

/** ksync_task_exit() - end the caller, a task or a plain thread, where it is */
void ksync_task_exit(struct ksync_task *t, int error)
{
	finish(t, error);
	if (!(t->flags & TASK_THREAD))
		ksync_task_leave(ksync_machine_self(), LEAVE_END);
	else if (t->sched)
		ksync_thread_end(t);
	pthread_exit(NULL);
}

static void give_back(struct ksync_sched *s, struct proc *p, struct ksync_task *t)
{
	if (t->flags & TASK_THREAD)
		ksync_thread_task_put(t);
	else
		ksync_pool_put(s, p, t);
}

static bool join_cas(struct ksync_task *t, uint32_t *seen, enum join_state to)
{
	const uint32_t changes = (*seen | 15) + 1;

	return __atomic_compare_exchange_n(&t->join, seen, changes | to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* From one state to another. Return: the state that it had, @from if it has changed. */
static enum join_state join_move(struct ksync_task *t, enum join_state from,
				 enum join_state to)
{
	uint32_t seen = load_acquire(&t->join);

	while (JOIN_STATE(seen) == from)
		if (join_cas(t, &seen, to))
			return from;
	return JOIN_STATE(seen);
}

/**
 * ksync_task_ended() - a task is off its stack for good
 * @s: scheduler
 * @p: the caller's proc; or NULL
 * @t: task
 *
 * A joiner that gives up may see the end, and free the task, as soon as that is
 * written: who joins is read before; and the CAS fails if that was another meanwhile.
 */
void ksync_task_ended(struct ksync_sched *s, struct proc *p, struct ksync_task *t)
{
	struct ksync_ticket joiner = { NULL, 0 };
	uint32_t seen = load_acquire(&t->join);

	store(&t->state, TASK_ENDED);
	count(s, p, -1);
	do {
		if (JOIN_STATE(seen) != JOIN_WAITED)
			continue;
		joiner.task = load(&t->joiner.task);
		joiner.seq = load(&t->joiner.seq);
	} while (!join_cas(t, &seen, JOIN_ENDED));
	if (JOIN_STATE(seen) == JOIN_DETACHED)
		give_back(s, p, t);
	else if (JOIN_STATE(seen) == JOIN_WAITED && ksync_claim(joiner, 0))
		ksync_wake(joiner.task);
}

/* It has ended, and the caller is the only one who knows of it. */
static int take_result(struct ksync_task *t, void **result)
{
	struct machine *m = ksync_machine_self();
	struct ksync_sched *s = t->sched;
	struct proc *p = NULL;
	bool held = false;

	if (result)
		*result = t->result;
	if (m && m->sched == s)
		p = ksync_proc_hold(m, &held);
	give_back(s, p, t);
	if (m && m->sched == s)
		ksync_proc_unhold(m, held);
	return 0;
}

/* Become the joiner. Return: 0; 1: it has ended; -EBUSY. */
static int announce(struct ksync_task *t, struct ksync_ticket ticket)
{
	enum join_state was = join_move(t, JOIN_NOBODY, JOIN_COMING);

	if (was != JOIN_NOBODY)
		return was == JOIN_ENDED ? 1 : -EBUSY;
	store(&t->joiner.task, ticket.task);
	store(&t->joiner.seq, ticket.seq);
	return join_move(t, JOIN_COMING, JOIN_WAITED) != JOIN_COMING;
}

/**
 * ksync_join() - wait for a task's end
 * @t: task
 * @result: set; may be NULL
 * @deadline: in ns
 * @ticket: of the wait, which was begun
 */
int ksync_join(struct ksync_task *t, void **result, uint64_t deadline,
	       struct ksync_ticket ticket)
{
	int ret = announce(t, ticket), said;

	if (ret) {
		ksync_wait_abandon(ticket, &said);
		return ret < 0 ? ret : take_result(t, result);
	}
	ret = ksync_wait(deadline, "join");
	if (ret < 0 && join_move(t, JOIN_WAITED, JOIN_NOBODY) == JOIN_WAITED)
		return ret;
	return take_result(t, result);
}

EXPORT int ksync_task_join_timed(struct ksync_task *t, void **result,
				 const struct timespec *abs)
{
	struct ksync_ticket ticket;
	uint64_t deadline;
	int ret = ksync_deadline_ns(abs, &deadline);

	if (ret)
		return ret;
	if (t == ksync_task_self())
		return -EDEADLK;
	if (JOIN_STATE(load_acquire(&t->join)) == JOIN_ENDED)
		return take_result(t, result);
	ret = ksync_wait_begin(&ticket, 0);
	if (ret)
		return ret;
	return ksync_join(t, result, deadline, ticket);
}

EXPORT int ksync_task_join(struct ksync_task *t, void **result)
{
	return ksync_task_join_timed(t, result, NULL);
}

EXPORT int ksync_task_detach(struct ksync_task *t)
{
	enum join_state was = join_move(t, JOIN_NOBODY, JOIN_DETACHED);

	if (was == JOIN_NOBODY)
		return 0;
	return was == JOIN_ENDED ? take_result(t, NULL) : -EBUSY;
}

EXPORT const char *ksync_task_name(const struct ksync_task *t)
{
	return t->name;
}

EXPORT uint64_t ksync_task_id(const struct ksync_task *t)
{
	return t->id;
}

EXPORT int ksync_task_sleep_until(const struct timespec *abs)
{
	struct ksync_ticket ticket;
	uint64_t deadline;
	int ret = ksync_deadline_ns(abs, &deadline);

	if (!ret)
		ret = ksync_wait_begin(&ticket, 0);
	if (ret)
		return ret;
	ret = ksync_wait(deadline, "sleep");
	return ret == -ETIMEDOUT ? 0 : ret;
}
