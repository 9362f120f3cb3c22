/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What the files of libksync-models share, and no program sees.
 *
 * Three kinds of things, named as in the Go scheduler's design document (D. Vyukov,
 * "Scalable Go Scheduler Design", 2012), whose algorithm this is; the code is ours:
 * a task is what runs, a machine is a thread that runs tasks, a proc is the right to
 * run one, with a queue of those that are ready.
 *
 * Lock order: a scope's lock, timers.lock, executor.lock, sched.lock, a stack class's
 * lock.
 */
#ifndef KSYNC_MODELS_INTERNAL_H
#define KSYNC_MODELS_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <ksync/task.h>
#include "context.h"
#include "lock.h"
#include "park.h"
#include "stack.h"
#include "wait.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define EXPORT		__attribute__((visibility("default")))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

/*
 * What depends on the thread is looked up by a function that the compiler can neither
 * inline nor take for one that returns the same each time: a task calls it on one
 * thread, waits, and calls it on another.
 */
#ifdef __clang__
#define LOOKUP	__attribute__((noinline))
#else
#define LOOKUP	__attribute__((noinline, noclone, noipa))
#endif

#define load(p)			__atomic_load_n(p, __ATOMIC_RELAXED)
#define load_acquire(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define store(p, v)		__atomic_store_n(p, v, __ATOMIC_RELAXED)
#define store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define add(p, v)		__atomic_add_fetch(p, v, __ATOMIC_RELAXED)

#define RUNQ		256U

enum task_state {
	TASK_FREE,
	TASK_READY,
	TASK_RUNNING,
	TASK_WAITING,
	TASK_BLOCKING,	/* between block_enter and block_leave */
	TASK_ENDED,
};

/* Task.flags. */
#define TASK_THREAD	1U	/* a thread: it waits on a futex, and has no context */
#define TASK_GUARDED	2U	/* its stack has a guard page */

/* Task.join, in its low 4 bits; above, how often it has changed. */
enum join_state {
	JOIN_NOBODY,
	JOIN_COMING,	/* somebody is about to wait */
	JOIN_WAITED,	/* by joiner */
	JOIN_ENDED,
	JOIN_DETACHED,
};

#define JOIN_STATE(word)	((word) & 15U)

/**
 * struct ksync_task - a task, or a plain thread that waits
 * @context: where it goes on; NULL: it has not run yet, or has ended
 * @park: its wait: see park.c
 * @next: in a list of ready or free ones
 * @sched: whose; NULL: a plain thread that belongs to none
 * @machine: that it runs on or ran on last
 * @pinned: the only one that may run it
 * @pins: calls of ksync_task_pin()
 * @state: enum task_state, for those that look
 * @flags: TASK_*
 * @saved_errno: while it does not run
 * @masked: calls of ksync_task_cancel_disable()
 * @cancelled: for good
 * @join: enum join_state
 * @joiner: the ticket of who waits for its end
 * @fn: its function; @scope_fn in a scope
 * @timer: of its wait
 * @timer_seq: which wait
 * @where: it waits, for those that look
 * @locals: values of its local variables, or NULL
 * @scope: it ends within; linked there by @scope_next and @scope_prev
 * @low: end of its stack, @top its beginning
 * @class: of its stack
 * @id: number
 * @trampoline: see trampoline.c
 * @actor: that it is, or NULL
 * @held: locks of libksync that it has
 *
 * See pool.c for where it lives, and stack.c for its stack, which it has while @context
 * is set.
 */
struct ksync_task {
	void *context;
	uint64_t park;
	struct ksync_task *next;
	struct ksync_sched *sched;
	struct machine *machine;
	struct machine *pinned;
	uint32_t pins;
	uint32_t state;
	uint32_t flags;
	int saved_errno;
	uint32_t masked;
	uint32_t cancelled;
	uint32_t join;
	uint32_t class;
	struct ksync_ticket joiner;
	void *(*fn)(void *arg);
	int (*scope_fn)(void *arg);
	void *arg;
	void *result;
	struct ksync_timer timer;
	uint64_t timer_seq;
	const char *where;
	void *locals;
	struct ksync_scope *scope;
	struct ksync_task *scope_next;
	struct ksync_task **scope_prev;
	char *low;
	char *top;
	uint64_t id;
	void *fiber;
	struct ksync_task *all;	/* threads: see self.c */
	struct trampoline *trampoline;
	struct actor *actor;
	uint32_t held;
	char name[KSYNC_TASK_NAME_LEN];
};

/**
 * struct proc - the right to run a task, and tasks that are ready
 * @head: where to take from: by the owner and by thieves
 * @tail: where to put: by the owner
 * @next: to run before those of the queue; thieves may take it
 * @machine: that has it, changed under the scheduler's lock; NULL: idle
 * @tick: of tasks run; thieves look at it
 * @streak: tasks run from @next in a row
 * @preempt: the monitor asks the running task to yield
 * @look: the monitor asks to look at the timers
 * @free: tasks of the scheduler's own class, @nfree of them
 * @stacks: of the same class, @nstacks of them: see stack.c
 * @skip: how many wake-ups not to make any more
 * @link: in the list of idle ones
 *
 * All that is not said to be shared belongs to the machine that has it.
 */
struct proc {
	uint32_t head __attribute__((aligned(64)));
	uint32_t tail __attribute__((aligned(64)));
	uint32_t index;
	struct ksync_task *next;
	uint32_t tick;
	uint32_t streak;
	bool preempt;
	bool look;
	uint32_t skip;
	uint32_t nfree;
	struct ksync_task *free;
	uint64_t ids;
	int64_t tasks;
	uint64_t random;
	uint64_t steals;
	uint64_t stolen;
	uint64_t migrations;
	struct machine *machine __attribute__((aligned(64)));
	struct proc *link;
	uint32_t seen_tick;
	struct ksync_task *seen_next;
	uint32_t unchanged;
	struct ksync_task *queue[RUNQ] __attribute__((aligned(64)));
	uint32_t nstacks;
	char *stacks[CACHED_STACKS];
};

/* What a task asks of the scheduler when it leaves its stack. */
enum leave {
	LEAVE_YIELD,
	LEAVE_WAIT,
	LEAVE_PARK,
	LEAVE_END,
	LEAVE_DIE,	/* so does the thread: see death.c */
};

/* Machine.revoked, see block.c. */
enum revoked {
	REVOKED_NOT,
	REVOKED_ASKED,
	REVOKED_TAKEN,
};

/**
 * struct machine - a thread that runs tasks
 * @context: of its own stack, while a task runs
 * @task: that runs
 * @proc: that it has
 * @busy: with its proc: it must not be taken away
 * @revoked: enum revoked
 * @leave: what the task asks for, with @commit and @arg
 * @spinning: looks for work, and is counted
 * @loose: runs a task without a proc, and is counted
 * @dies: its thread ends
 * @wake: it sleeps while this is 0
 * @handed: to be run at once, with @handed_proc
 * @link: in the list of idle ones, @all in that of all
 */
struct machine {
	void *context;
	struct ksync_task *task;
	struct proc *proc;
	struct ksync_sched *sched;
	bool busy;
	uint32_t revoked;
	enum leave leave;
	bool (*commit)(struct ksync_task *t, void *arg);
	void *arg;
	bool spinning;
	bool loose;
	bool dies;
	uint32_t wake;
	struct ksync_task *handed;
	struct proc *handed_proc;
	struct ksync_task *pinned;	/* it runs this one only */
	struct machine *link;
	struct machine *all;
	pthread_t thread;
	pid_t tid;
	void *fiber;
	void *signal_stack;
};

struct timers {
	uint32_t lock;
	uint32_t n;
	uint32_t room;
	struct ksync_timer **heap;
	uint64_t next;
	uint64_t keeper_until;
	struct machine *keeper;
};

/**
 * struct executor - what a scheduler's tasks do for futures: see executor.c
 * @waiting: futures in @added and @queue
 * @spare: tasks that look after these, and run no function that may wait
 * @idle: one of these waits, with @ticket
 * @added: that are not ready
 * @queue: that are to be run
 */
struct executor {
	uint32_t lock;
	uint32_t waiting;
	uint32_t spare;
	bool idle;
	struct ksync_ticket ticket;
	struct ksync_executed *added;
	struct ksync_executed *queue;
	struct ksync_executed **tail;
};

/**
 * struct runner - somebody outside who waits for the scheduler to be quiet
 * @ticket: claimed then, with 0 if no task is left, or -EDEADLK
 */
struct runner {
	struct ksync_ticket ticket;
	struct runner *link;
	bool for_the_end;
};

/**
 * struct ksync_sched - a scheduler
 * @lock: protects what follows, up to the empty line
 * @head: the queue of ready tasks that belong to no proc, @queued of them
 * @idle_procs: without a machine, @nidle of them, which is read without the lock
 * @idle_machines: asleep
 * @machines: all
 * @loose: tasks that run without a proc
 * @pending: ksync_sched_hold()
 * @runners: who waits in ksync_sched_run() or _stop()
 * @sleeper: a loop that sleeps on the only thread, woken by @poke: see loop_nap.c
 *
 * @spinning: machines that look for work
 * @tasks: made or ended without a proc: to be added to those of procs
 * @threads_running: KSYNC_MODEL_11: tasks that do not wait
 */
struct ksync_sched {
	uint32_t lock __attribute__((aligned(64)));
	struct ksync_task *head;
	struct ksync_task **tail;
	uint32_t queued;
	struct proc *idle_procs;
	uint32_t nidle;
	struct machine *idle_machines;
	struct machine *machines;
	uint32_t nmachines;
	uint32_t loose;
	uint32_t pending;
	struct runner *runners;
	uint64_t handoffs;
	uint64_t retaken;
	bool deadlocked;
	struct ksync_loop *sleeper;
	void (*poke)(struct ksync_loop *loop);

	uint32_t spinning __attribute__((aligned(64)));
	bool stopping;
	uint32_t nprocs;
	struct proc *procs;
	enum ksync_model model;
	uint32_t flags;
	uint32_t class;
	int64_t tasks;
	uint64_t ids;
	uint64_t now;		/* seeded: the virtual time */
	uint64_t random;
	uint64_t trace;
	struct ksync_task **ready;	/* seeded: instead of queues */
	uint32_t nready;
	uint32_t ready_room;
	uint32_t threads_running;
	uint32_t threads_timed;
	uint32_t futile;	/* how often a machine woke up for nothing */
	pthread_t monitor;
	uint32_t monitor_wake;
	bool monitor_asleep;
	bool has_monitor;
	bool can_retake;
	bool ending;		/* new tasks are cancelled */
	struct waits waits __attribute__((aligned(64)));
	struct timers timers __attribute__((aligned(64)));
	struct executor executor;
	struct stack_class classes[STACK_CLASSES];
};

static inline bool seeded(const struct ksync_sched *s)
{
	return s->flags & KSYNC_SCHED_SEEDED;
}

/* Machines hand their procs to others. */
static inline bool hands_off(const struct ksync_sched *s)
{
	return s->model == KSYNC_MODEL_MN && !seeded(s);
}

/* self.c */
struct machine *ksync_machine_self(void);
void ksync_machine_set_self(struct machine *m);
struct ksync_task *ksync_thread_task(void);
void ksync_thread_set_task(struct ksync_task *t);
struct ksync_task *ksync_thread_task_get(void);
void ksync_thread_task_put(struct ksync_task *t);
void ksync_thread_tasks_each(struct ksync_sched *s,
			     void (*fn)(struct ksync_task *t, void *arg), void *arg);

/* switch.c */
void ksync_task_leave(struct machine *m, enum leave leave);
struct ksync_task *ksync_machine_run(struct machine *m, struct ksync_task *t);

/* park.c */
bool ksync_wait_saved(struct ksync_task *t);
void ksync_wait_cancel(struct ksync_task *t);

/* ready.c */
void ksync_make_ready(struct ksync_task *t);

/* machine.c */
void *ksync_machine_main(void *machine);

/* idle.c */
void ksync_proc_release(struct machine *m);
bool ksync_machine_sleep(struct machine *m);
void ksync_wake_one(struct ksync_sched *s);
void ksync_wake_proc(struct ksync_sched *s, struct proc *p, bool spins);
int ksync_machine_start(struct ksync_sched *s, struct machine **out);
int ksync_machines_begin(struct ksync_sched *s);
void ksync_machine_poke(struct machine *m);
void ksync_proc_handoff(struct ksync_sched *s, struct proc *p);
void ksync_hand_over(struct machine *m, struct ksync_task *t, struct machine *to);
struct proc *ksync_idle_proc(struct ksync_sched *s, struct machine *m);
void ksync_check_quiet(struct ksync_sched *s);
bool ksync_any_work(struct ksync_sched *s);
void ksync_machines_stop(struct ksync_sched *s);

/* runq.c */
void ksync_runq_put(struct proc *p, struct ksync_task *t, struct ksync_sched *s);
void ksync_runq_next(struct proc *p, struct ksync_task *t, struct ksync_sched *s);
struct ksync_task *ksync_runq_get(struct proc *p);
struct ksync_task *ksync_runq_steal(struct proc *p, struct proc *from, bool even_next);
bool ksync_runq_empty(const struct proc *p);
void ksync_global_put(struct ksync_sched *s, struct ksync_task *first,
		      struct ksync_task *last, uint32_t n);
struct ksync_task *ksync_global_get(struct ksync_sched *s, struct proc *p, uint32_t max);

/* timer.c */
void ksync_timers_run(struct ksync_sched *s);
bool ksync_timers_due(struct ksync_sched *s);
uint64_t ksync_timers_keep(struct ksync_sched *s, struct machine *m);
void ksync_timers_leave(struct ksync_sched *s, struct machine *m);
uint64_t ksync_clock(const struct ksync_sched *s);

/**
 * struct spawn - what a task is to do
 * @fn: its function, or @scope_fn that of a task of @scope, or of an actor
 * @actor: that it is; or NULL
 */
struct spawn {
	void *(*fn)(void *arg);
	int (*scope_fn)(void *arg);
	void *arg;
	struct ksync_scope *scope;
	struct actor *actor;
};

/* task.c */
int ksync_spawn(struct ksync_sched *s, const struct spawn *how, struct ksync_task **out,
		const struct ksync_task_attr *attr);
int ksync_join(struct ksync_task *t, void **result, uint64_t deadline,
	       struct ksync_ticket ticket);
void ksync_task_run(struct ksync_task *t);
void ksync_task_exit(struct ksync_task *t, int error) __attribute__((noreturn));
void ksync_task_ended(struct ksync_sched *s, struct proc *p, struct ksync_task *t);
uint64_t ksync_tasks(const struct ksync_sched *s);

/* sched.c */
int ksync_sched_run_spawn(struct ksync_sched *s, const struct spawn *how,
			  const struct ksync_task_attr *attr, void **result);

/* local.c */
void ksync_locals_destroy(struct ksync_task *t);

/* scope.c */
void ksync_scope_enter(struct ksync_scope *scope, struct ksync_task *t);
void ksync_scope_leave(struct ksync_task *t, int error);

/* block.c */
struct proc *ksync_proc_hold_slow(struct machine *m);
bool ksync_proc_revoke(struct ksync_sched *s, struct proc *p);
int ksync_membarrier_prepare(void);

/* monitor.c */
int ksync_monitor_start(struct ksync_sched *s);
void ksync_monitor_wake(struct ksync_sched *s);
void ksync_monitor_stop(struct ksync_sched *s);

/* seeded.c */
int ksync_seeded_start(struct ksync_sched *s, uint64_t seed);
int ksync_seeded_room(struct ksync_sched *s);
void ksync_seeded_put(struct ksync_sched *s, struct ksync_task *t);
struct ksync_task *ksync_seeded_get(struct ksync_sched *s);
bool ksync_seeded_coin(struct ksync_sched *s);
uint64_t ksync_random(uint64_t *state);

/* thread.c */
int ksync_thread_spawn(struct ksync_sched *s, struct ksync_task *t, size_t stack);
void ksync_thread_end(struct ksync_task *t);
void ksync_thread_waits(struct ksync_sched *s, bool timed);
void ksync_thread_woken(struct ksync_sched *s);
void ksync_thread_resumed(struct ksync_sched *s, bool timed);
void ksync_thread_rests(struct ksync_sched *s);

/*
 * The proc of the machine that a task runs on, which cannot be taken away now; NULL:
 * it was.  Undone by ksync_proc_unhold() with what @held was set to.  On the
 * scheduler's own stack it is held anyway.
 */
static inline struct proc *ksync_proc_hold(struct machine *m, bool *held)
{
	*held = m->busy;
	store(&m->busy, true);
	/* The other side has membarrier(2): see ksync_proc_revoke(). */
	asm volatile("" ::: "memory");
	if (unlikely(load_acquire(&m->revoked) != REVOKED_NOT))
		return ksync_proc_hold_slow(m);
	return m->proc;
}

static inline void ksync_proc_unhold(struct machine *m, bool held)
{
	store_release(&m->busy, held);
}

#endif /* KSYNC_MODELS_INTERNAL_H */
