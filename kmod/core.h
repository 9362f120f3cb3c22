/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of ksync.ko share.
 *
 * Lock order, outermost first:
 *
 *	attach_lock, domain->lock	mutexes; never held over a wait
 *	domain->uring_lock		likewise; io_uring's own may be held outside
 *	domain->many_lock		raw; whoever locks more than two buckets
 *	bucket->lock			raw; one bucket, two in requeue and cond,
 *					all of a wait's in many; by address
 *	thread->lock, graph lock	raw; neither inside the other
 *	rt_mutex wait_lock		the kernel's, raw
 *
 * Nothing is allocated, freed, copied or woken under a raw lock.
 */
#ifndef KSYNC_CORE_H
#define KSYNC_CORE_H

#include <linux/hrtimer.h>
#include <linux/ksync.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/rtmutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#define KSYNC_CELLS_PER_PAGE	(PAGE_SIZE / KSYNC_CELL_SIZE)

/* The byte that the module keeps of an object: kind below, flags above. */
#define KSYNC_TAG(kind, flags)	((kind) | ((flags) << 4))
#define KSYNC_TAG_KIND(tag)	((tag) & 0xf)
#define KSYNC_TAG_FLAGS(tag)	((tag) >> 4)

/* States that a thread keeps, and need not be allocated. */
#define KSYNC_KEPT		2

/* So many CPUs of a domain have memory for MANY each; others share it with them. */
#define KSYNC_MANY_KEPT		4

struct ksync_group;
struct ksync_state;
struct ksync_booster;
struct ksync_held;
struct ksync_hub;
struct ksync_many_call;
struct ksync_many_memory;

/**
 * struct ksync_arena - the cells of a domain: see arena.c
 * @first: the first page of them, NULL until it is used
 * @first_tags: kind and flags of these; written under domain->lock and the
 *	object's bucket lock
 * @first_full: none of them is free; domain->lock
 * @opened: groups before this one are marked where a cell is free; domain->lock
 * @lowest: the first group with a free cell, NULL if not known; domain->lock
 * @groups: of the other pages: struct ksync_group; only ever grows
 */
struct ksync_arena {
	struct ksync_cell *first;
	u8 first_tags[KSYNC_CELLS_PER_PAGE];
	bool first_full;
	u32 opened;
	struct ksync_group *lowest;
	struct xarray groups;
};

/**
 * struct ksync_domain - one open of /dev/ksync
 * @serial: tells domains apart in traces and in /proc/ksync
 * @refs: one while open, one for each look at it by /proc/ksync
 * @opener: the process that opened it
 * @opener_comm: its name then
 * @lock: protects creation and destruction of objects
 * @arena: their cells
 * @names: object id to struct ksync_label
 * @ceilings: object id to the ceiling of a protect mutex
 * @objects: how many, threads' own cells included; @lock
 * @slot_cells: how many of them are threads' own; @lock
 * @waiters: how many tasks wait in this domain
 * @handles: handle to struct ksync_thread, or a value for a number that must
 *	not be given out again before the next sweep; attach_lock to write
 * @next_handle: where the next search for a number starts; attach_lock
 * @handle_high: no number above this was ever given out
 * @threads: how many are attached; attach_lock
 * @attaches: struct ksync_attach of this domain; attach_lock
 * @slots: struct ksync_slot, by their threads' handles; attach_lock to write
 * @many_lock: held by who locks many buckets
 * @watches: states of side WATCH; who has none need not look for them
 * @file: the open file that it is; no reference
 * @hubs: object id to struct ksync_hub; @lock to write
 * @polled: how many of them are armed
 * @many_kept: the memory of calls of MANY that are over, for the next ones: many_alloc.c
 * @many_shrink: frees it, when there are none
 * @uring_lock: protects @uring_waits and how each of them ends
 * @uring_waits: io_uring commands that wait, by ring and user_data
 * @uring_timed: how many of them have a linked timeout; @uring_lock
 * @uring_look: looks whether they are still wanted, as long as there are some
 * @release: frees it all once no walk of the wait-for graph can be in it
 */
struct ksync_domain {
	u64 serial;
	refcount_t refs;
	struct pid *opener;
	char opener_comm[TASK_COMM_LEN];
	struct mutex lock; /* objects: see above */
	struct ksync_arena arena;
	struct xarray names;
	struct xarray ceilings;
	u32 objects;
	u32 slot_cells;
	atomic_t waiters;
	struct xarray handles;
	u32 next_handle;
	u32 handle_high;
	u32 threads;
	struct list_head attaches;
	struct xarray slots;
	raw_spinlock_t many_lock; /* buckets: see above */
	atomic_t watches;
	struct ksync_many_memory *many_kept[KSYNC_MANY_KEPT];
	struct delayed_work many_shrink;
	struct file *file;
	struct xarray hubs;
	atomic_t polled;
	struct mutex uring_lock; /* io_uring: see above */
	struct rb_root uring_waits;
	u32 uring_timed;
	struct delayed_work uring_look;
	struct rcu_work release;
};

/**
 * struct ksync_thread - one task, attached to one domain or more
 * @task: with a reference
 * @lock: protects @dead and @owned
 * @dead: exited or in execve: owns nothing any more, and is given nothing
 * @owned: states whose rt_mutex the module made this task the owner of
 * @blocked: what this task waits for; set under the graph lock, cleared by the
 *	task itself
 * @stage: enum ksync_stage of its wait on a cond
 * @soft: it waits for something else as well, which may come; graph lock
 * @kept: states for its next waits; its own task's, until it is dead
 * @attaches: where; attach_lock
 * @booster: of a thread that uses priority ceilings
 * @refs: one for each attach
 * @reap: on the list of the dead
 * @rcu: looked up under RCU
 */
struct ksync_thread {
	struct task_struct *task;
	raw_spinlock_t lock;
	bool dead;
	struct list_head owned;
	struct ksync_state *blocked;
	int stage;
	bool soft;
	struct ksync_state *kept[KSYNC_KEPT];
	struct list_head attaches;
	struct ksync_booster *booster;
	refcount_t refs;
	struct llist_node reap;
	struct rcu_head rcu;
};

/**
 * struct ksync_object - an object, looked up for the time of one call
 * @domain: whose
 * @id: its number
 * @tag: what it was when looked up; compare again under the bucket lock
 * @tag_at: where it is
 * @cell: the user's memory, by the kernel's own mapping
 * @ops: of its kind
 */
struct ksync_object {
	struct ksync_domain *domain;
	u32 id;
	u8 tag;
	u8 *tag_at;
	struct ksync_cell *cell;
	const struct ksync_ops *ops;
};

/**
 * struct ksync_bucket - a slot of the hash of objects that somebody waits for
 * @lock: protects @states and, in each of them, what says so
 * @seq: the next arrival's number; not the state's: whoever counts on it may
 *	find another state of the object when it comes back
 * @states: struct ksync_state; a tree, since there is no bound to how many
 *	objects are waited for
 */
struct ksync_bucket {
	raw_spinlock_t lock;
	u64 seq;
	struct rb_root states;
} ____cacheline_aligned_in_smp;

/*
 * What a state's waiters wait for: the word; or, one writer having the word,
 * readers to leave; or to be told that the word is worth a look; or for nothing
 * any more: see unlock_any.c.
 */
enum ksync_side { KSYNC_SIDE_WORD, KSYNC_SIDE_DRAIN, KSYNC_SIDE_WATCH, KSYNC_SIDE_GONE };

/**
 * struct ksync_state - what exists of an object only while somebody waits
 * @node: in the bucket; bucket lock
 * @bucket: which
 * @obj: the object
 * @side: for what; set before it is published, GONE under the bucket lock
 * @refs: one while hashed, one for each unlock on its way
 * @waiters: by priority, then FIFO; bucket lock
 * @readers: those of them that want to read, in the same order; bucket lock
 * @phase: rwlock: counts the writers that got the word; bucket lock
 * @nr: how many; bucket lock
 * @queue: what waiters block on; owned by @leader, or else by @owner
 * @front: what the leader blocks on once it was overtaken; owned by @owner
 * @leader: owns @queue and wants the word; bucket lock
 * @owner: the task made owner of @front (if there is a leader) or of @queue;
 *	NULL from the moment that the owner is bound to release it; bucket lock,
 *	read by graph walks under RCU
 * @owner_handle: of @owner in this domain; 0: the word was taken from it
 * @owned: in @owner->owned; @owner->lock
 * @freed: since when the word was left to the leader, who has not got it yet;
 *	0: it was not; written under the bucket lock or by the leader
 * @left: the word, for @starve
 * @starve: fires when that is too long ago
 * @timed: that is set up
 * @handoff: it is: hand over; cleared under the bucket lock
 * @batch: to so many more, once this leader has it: see pass_on_handoff(); bucket lock
 * @spinners: waiters that spin, in FIFO order; bucket lock
 * @reap: to be freed by the reaper, where freeing at once is not possible
 */
struct ksync_state {
	struct rb_node node;
	struct ksync_bucket *bucket;
	struct ksync_object obj;
	enum ksync_side side;
	refcount_t refs;
	struct rb_root_cached waiters;
	struct rb_root_cached readers;
	u64 phase;
	u32 nr;
	struct rt_mutex queue;
	struct rt_mutex front;
	struct ksync_waiter *leader;
	struct ksync_thread *owner;
	u32 owner_handle;
	struct list_head owned;
	u64 freed;
	atomic_t *left;
	struct hrtimer starve;
	bool timed;
	bool handoff;
	u32 batch;
	struct list_head spinners;
	struct llist_node reap;
};

/**
 * struct ksync_timer - a deadline for the current task
 * @timer: not set up if the deadline is KSYNC_NO_DEADLINE
 * @task: who waits
 * @notify: break a wait on an rt_mutex, which a wake-up alone does not
 * @armed: @timer is set up
 * @fired: the deadline has passed
 * @realtime: for people: @deadline is one of CLOCK_REALTIME
 * @deadline: the same: in ns; 0: none was set yet
 */
struct ksync_timer {
	struct hrtimer timer;
	struct task_struct *task;
	bool notify;
	bool armed;
	bool fired;
	bool realtime;
	u64 deadline;
};

/**
 * struct ksync_waiter - one task's wait, on its stack
 * @rb: in state->waiters
 * @state: what it waits on; bucket lock
 * @bucket: where @state is; changed by requeue, under both buckets' locks
 * @task: who
 * @thread: who, for kinds with owners
 * @prio: at arrival: task->prio, all of normal policy alike
 * @seq: orders equal priorities
 * @since: when it arrived, CLOCK_MONOTONIC
 * @bitset: which wake-ups it hears
 * @expected: waitq, cond: what the word is compared with
 * @woken: has been taken out of the queue it sleeps in; release/acquire
 * @aside: has passed the leadership to somebody of higher priority once
 * @reader: in state->readers as @rb_reader
 * @deferred: a writer: the phase in which it has let waiting readers go first
 * @apart: waits outside of @queue: the chain ahead leaves ksync
 * @spin: in state->spinners
 * @at_head: is the first of the spinners
 * @timer: its deadline
 * @mutex: cond: released for the wait, to be locked again
 * @spare: cond: a state for @mutex, for who moves the waiter there; bucket lock
 * @many: the wait on many that it is part of; NULL: it stands for itself
 * @index: which part
 * @look: it is not given anything, it is told to look
 * @poked: it was, and is on its way; bucket lock to set
 * @uring: no task sleeps here: it is an io_uring command, see uring.c
 */
struct ksync_waiter {
	struct rb_node rb;
	struct ksync_state *state;
	struct ksync_bucket *bucket;
	struct task_struct *task;
	struct ksync_thread *thread;
	int prio;
	u64 seq;
	u64 since;
	u32 bitset;
	u32 expected;
	bool woken;
	bool aside;
	bool reader;
	struct rb_node rb_reader;
	u64 deferred;
	bool apart;
	struct list_head spin;
	bool at_head;
	struct ksync_timer timer;
	const struct ksync_object *mutex;
	struct ksync_state *spare;
	struct ksync_many_call *many;
	u32 index;
	bool look;
	bool poked;
	bool uring;
};

/**
 * struct ksync_tell - who is to be told of an object, once the lock is released
 * @task: a task that waits or watches, with a reference; NULL
 * @uring: or else a command that does, to be completed; NULL
 * @hub: where others poll, with a reference; NULL
 */
struct ksync_tell {
	struct task_struct *task;
	struct ksync_waiter *uring;
	struct ksync_hub *hub;
};

/**
 * struct ksync_unlocking - a release, from the bucket lock to its end
 * @obj: what was released; NULL if nothing was
 * @self: by whom
 * @nr: how many wait for it
 * @st: its state, with a reference if there is an @rtm
 * @rtm: still to be released by the current task; NULL if there is none
 * @next: to be woken; see ksync_unpark_top()
 * @tell: who watches
 */
struct ksync_unlocking {
	const struct ksync_object *obj;
	struct ksync_thread *self;
	u32 nr;
	struct ksync_state *st;
	struct rt_mutex *rtm;
	struct task_struct *next;
	struct ksync_tell tell;
};

/**
 * struct ksync_request - one call of LOCK
 * @obj: what is wanted
 * @self: by whom
 * @arg: the call
 * @entry: to read: the caller's slot entry to say so in; to write: NULL
 * @w: the wait
 */
struct ksync_request {
	struct ksync_object obj;
	struct ksync_thread *self;
	const struct ksync_lock *arg;
	u32 *entry;
	struct ksync_waiter w;
};

/**
 * struct ksync_ops - one kind of object
 * @name: for people
 * @kind: enum ksync_kind
 * @flags: what CREATE accepts
 * @owned: it has an owner: LOCK and UNLOCK work on it
 * @take: under the bucket lock: take the word if it may be had (see
 *	ksync_word_arrive())
 * @give: under the bucket lock, somebody waits: what UNLOCK leaves in the word
 * @spin: before blocking behind others (or, as the leader, behind the owner),
 *	wait by spinning; true when what was waited for may be there
 * @pass_queue: whoever takes the word lets the next one lead at once
 * @sticky: bits of the word that stay when its owner changes
 * @begin: LOCK, first of all: 1 to go on, or else the answer
 * @settle: LOCK, last of all, with the word taken and the answer so far: the
 *	answer; gives the word back if that is a failure
 * @arm: under the bucket lock: somebody waits, have users come here
 * @idle: under the bucket lock: nobody waits any more
 * @ready: is there what waiters wait for? @expected: for kinds that compare
 * @shared: what one takes is there for others as well
 * @use: under the bucket lock, armed and ready: take it. 0, or another answer
 *	that ends the wait; -EBUSY: a user was faster
 * @release: RELEASE; with this, ACQUIRE works on it too
 * @serve: give to waiters what is there
 */
struct ksync_ops {
	const char *name;
	u8 kind;
	u8 flags;
	bool owned;
	bool pass_queue;
	u32 sticky;
	int (*begin)(struct ksync_request *r);
	int (*settle)(struct ksync_request *r, int ret);
	int (*take)(const struct ksync_object *obj, u32 handle,
		    const struct ksync_state *st);
	u32 (*give)(const struct ksync_state *st);
	bool (*spin_queue)(struct ksync_waiter *w);
	bool (*spin_front)(struct ksync_waiter *w);
	void (*arm)(const struct ksync_object *obj);
	void (*idle)(const struct ksync_object *obj);
	bool (*ready)(const struct ksync_object *obj, u32 expected);
	bool (*shared)(const struct ksync_object *obj);
	int (*use)(const struct ksync_object *obj);
	int (*release)(const struct ksync_object *obj, struct ksync_release *arg);
	void (*serve)(const struct ksync_object *obj);
};

extern const struct ksync_ops ksync_spin_ops;
extern const struct ksync_ops ksync_mutex_ops;
extern const struct ksync_ops ksync_rwlock_ops;
extern const struct ksync_ops ksync_sem_ops;
extern const struct ksync_ops ksync_event_ops;
extern const struct ksync_ops ksync_cond_ops;
extern const struct ksync_ops ksync_waitq_ops;
extern const struct ksync_ops ksync_busted_ops;

/* main.c: limits, as module parameters */
extern unsigned int ksync_max_objects;
extern unsigned int ksync_max_threads;
extern unsigned int ksync_max_waiters;
extern unsigned int ksync_max_chain;
extern unsigned int ksync_handle_max;
extern unsigned int ksync_handoff_us;
extern bool ksync_lend_rt;
extern bool ksync_lazy_ceiling;

extern struct workqueue_struct *ksync_wq;

/* domain.c */
extern const struct file_operations ksync_fops;
struct ksync_domain *ksync_domain_get(u64 serial);
void ksync_domain_put(struct ksync_domain *d);
int ksync_object_find(struct ksync_domain *d, u32 id, struct ksync_object *obj);
bool ksync_object_next(struct ksync_domain *d, u32 id, struct ksync_object *obj);
int ksync_domain_create(struct ksync_domain *d, struct ksync_create *arg);
int ksync_domain_destroy(struct ksync_domain *d, struct ksync_destroy *arg);
void ksync_domain_sweep(struct ksync_domain *d);
u32 ksync_domain_objects(struct ksync_domain *d);
int ksync_domain_slot_create(struct ksync_domain *d, u32 *id,
			     struct ksync_cell **cell);
void ksync_domain_slot_destroy(struct ksync_domain *d, u32 id);
const struct ksync_ops *ksync_ops_of(u32 kind);

/* name.c */
int ksync_name_set(struct ksync_domain *d, struct ksync_name *arg);
void ksync_name_drop(struct ksync_domain *d, u32 id);
void ksync_name_drop_all(struct ksync_domain *d);
bool ksync_name_find(const struct ksync_object *obj, char *name);
void ksync_name_get(const struct ksync_object *obj, char *name);

/* At any time others change it: by sched_setattr(), and by waiting for the task. */
static inline int ksync_prio(const struct task_struct *task)
{
	return READ_ONCE(task->prio);
}

/* thread.c */
void ksync_thread_exit(void);
int ksync_thread_attach(struct ksync_domain *d, struct ksync_attach *arg);
void ksync_thread_detach_all(struct ksync_domain *d);
struct ksync_thread *ksync_thread_current(struct ksync_domain *d, u32 handle);
struct ksync_thread *ksync_thread_find(struct ksync_domain *d, u32 handle);
struct ksync_thread *ksync_thread_next(struct ksync_domain *d, u32 *handle);
u32 ksync_thread_handle(struct ksync_domain *d, const struct task_struct *task);
void ksync_thread_reap_state(struct ksync_state *st);
bool ksync_thread_alive(const struct ksync_thread *t);
void ksync_thread_put(struct ksync_thread *t);

/* death.c */
int ksync_death_init(void);
void ksync_death_exit(void);
void ksync_death_pause(void);

/* state.c */
int ksync_state_init(void);
void ksync_state_exit(void);
struct ksync_state *ksync_state_alloc(void);
bool ksync_state_alloc_bulk(struct ksync_state **st, u32 n);
void ksync_state_free_bulk(struct ksync_state **st, u32 n);
void ksync_state_free(struct ksync_state *st);
void ksync_state_put(struct ksync_state *st);
struct ksync_state *ksync_state_take(struct ksync_thread *self);
void ksync_state_keep(struct ksync_thread *self, struct ksync_state *st);
void ksync_state_put_kept(struct ksync_thread *self, struct ksync_state *st);
void ksync_state_drop_kept(struct ksync_thread *t);
void ksync_state_freed(struct ksync_state *st);
bool ksync_state_starves(const struct ksync_state *st);

/* wait.c */
int ksync_wait_init(void);
void ksync_wait_exit(void);
struct ksync_bucket *ksync_bucket_at(u32 i);
void ksync_bucket_lock_both(struct ksync_bucket *a, struct ksync_bucket *b);
void ksync_bucket_unlock_both(struct ksync_bucket *a, struct ksync_bucket *b);
struct ksync_state *ksync_state_next_watched(struct ksync_bucket *b,
					     const struct ksync_domain *d, u32 id);
bool ksync_state_published(const struct ksync_state *st);
bool ksync_deadline_valid(u64 deadline);
int ksync_waiter_init(struct ksync_waiter *w, struct ksync_domain *d);
int ksync_waiter_count(struct ksync_domain *d, int n);
void ksync_waiter_setup(struct ksync_waiter *w);
int ksync_waiter_prio(void);
void ksync_timer_break(struct ksync_timer *t);
void ksync_waiter_start(struct ksync_waiter *w, u32 flags, u64 deadline);
void ksync_waiter_stop(struct ksync_waiter *w);
void ksync_waiter_fini(struct ksync_waiter *w, struct ksync_domain *d);
struct ksync_waiter *ksync_waiter_top_reader(const struct ksync_state *st);
int ksync_waiter_broken(const struct ksync_waiter *w, u32 flags);

/* owner.c */
bool ksync_owner_set(struct ksync_state *st, struct rt_mutex *rtm, u32 handle);
void ksync_owner_set_current(struct ksync_state *st, struct ksync_thread *self,
			     u32 handle);
void ksync_owner_clear(struct ksync_state *st);
struct rt_mutex *ksync_owner_commit(struct ksync_state *st);
void ksync_owner_died(struct ksync_thread *self);
int ksync_rtm_lock(struct rt_mutex *rtm);
void ksync_rtm_lock_short(struct rt_mutex *rtm);
bool ksync_rtm_trylock(struct rt_mutex *rtm);
void ksync_rtm_unlock(struct rt_mutex *rtm);

/* graph.c */
int ksync_graph_block(struct ksync_waiter *w);
int ksync_graph_park(struct ksync_waiter *w);
void ksync_graph_soften(struct ksync_thread *self, bool soft);
void ksync_graph_unblock(struct ksync_thread *self);
struct ksync_thread *ksync_graph_holder(const struct ksync_state *st);

/* word.c */
int ksync_word_arrive(const struct ksync_object *obj, u32 handle,
		      const struct ksync_state *st);
int ksync_word_lead(const struct ksync_object *obj, u32 handle, u32 keep);
int ksync_word_arrive_read(const struct ksync_object *obj, u32 handle,
			   const struct ksync_state *st);
int ksync_word_lead_read(const struct ksync_object *obj, u32 handle, u32 rest);
int ksync_word_verdict(const struct ksync_object *obj, u32 handle);
bool ksync_word_shared(const struct ksync_object *obj);
u32 ksync_word_set(const struct ksync_object *obj, u32 bits);
u32 ksync_word_clear(const struct ksync_object *obj, u32 bits);
u32 ksync_word_give(const struct ksync_state *st);
u32 ksync_word_thread(u32 word);
u32 ksync_word_idle(const struct ksync_object *obj);

/* block.c, lock.c, unlock.c, unlock_any.c */
int ksync_block(struct ksync_request *r, struct rt_mutex *rtm,
		bool (*spin)(struct ksync_waiter *w));
bool ksync_lock_got(int ret);
int ksync_lock_begin(struct ksync_request *r);
int ksync_lock_try(struct ksync_request *r);
int ksync_lock_turn(struct ksync_request *r);
int ksync_lock_wait(struct ksync_request *r);
int ksync_unlock_begin(const struct ksync_object *obj, struct ksync_thread *self,
		       u32 handle, struct ksync_unlocking *rel);
void ksync_unlock_end(struct ksync_unlocking *rel);
u32 ksync_unlock_leave(const struct ksync_object *obj, const struct ksync_state *st,
		       u32 word);
int ksync_unlock_any(const struct ksync_object *obj, struct ksync_thread *self, u32 handle);
struct task_struct *ksync_leave_next(const struct ksync_state *st);
int ksync_lock(struct ksync_domain *d, struct ksync_lock *arg);
int ksync_unlock(struct ksync_domain *d, struct ksync_unlock *arg);
int ksync_lock_await(struct ksync_request *r, struct rt_mutex *rtm);
int ksync_unlock_unharmed(struct ksync_object *obj, struct ksync_thread *self,
			  u32 handle);

/* spin.c */
bool ksync_spin_front(struct ksync_waiter *w);

/* cond.c, requeue.c, park.c; see park.h too */
int ksync_cond_wait(struct ksync_domain *d, struct ksync_cond_wait *arg);
int ksync_cond_signal(struct ksync_domain *d, struct ksync_cond_signal *arg);
struct task_struct *ksync_unpark_top(const struct ksync_state *st);
void ksync_unpark_wake(const struct ksync_object *obj, struct task_struct *task);

/* waitq.c */
int ksync_waitq_wait(struct ksync_domain *d, struct ksync_wait *arg);
int ksync_waitq_wake(struct ksync_domain *d, struct ksync_wake *arg);
int ksync_waitq_requeue(struct ksync_domain *d, struct ksync_requeue *arg);

/* acquire.c */
int ksync_acquire(struct ksync_domain *d, struct ksync_acquire *arg);
int ksync_release(struct ksync_domain *d, struct ksync_release *arg);

/* many.c */
int ksync_many(struct ksync_domain *d, struct ksync_many *arg);

/* inspect.c */
int ksync_inspect_info(struct ksync_domain *d, struct ksync_info *arg);
int ksync_inspect_query(struct ksync_domain *d, struct ksync_query *arg);
void ksync_inspect_fdinfo(struct seq_file *m, struct file *file);

/* door.c */
long ksync_door_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long ksync_door_polled_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#include "bucket.h"

#endif /* KSYNC_CORE_H */
