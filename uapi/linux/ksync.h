/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ksync: kernel-backed synchronization through /dev/ksync.
 *
 * This header is the whole contract between ksync.ko and its users.
 *
 * One open of /dev/ksync is a domain: an address space of objects, shared by
 * passing or inheriting the file descriptor.  mmap() at offset 0 gives the
 * arena, an array of cells; object N lives in cell N.  While nobody waits an
 * operation is one atomic instruction on the cell's word; the ioctls are for
 * when somebody does.
 *
 * Every structure starts with its own size, so that it can grow at its end:
 * an older module accepts a longer structure whose tail is zero.  Unknown
 * flags and non-zero pads are refused with EINVAL, unknown commands with
 * ENOTTY.  Pointers travel as __u64.  Fields that are called out are written when
 * a command succeeds; with an error they stay as they were, where nothing else is
 * said.
 *
 * Errors common to all commands that name an object or a thread:
 *	EBADF	no object has this id (never created, or destroyed)
 *	EFAULT	the argument cannot be read: nothing was done; or the answer cannot
 *		be written: it was done all the same, but for CREATE and FD, which
 *		are taken back
 *	E2BIG	the structure is longer than this module knows, tail not zero; or
 *		longer than a page
 *	EINVAL	too short a size, unknown flag, pad not zero, wrong kind for
 *		this command, deadline beyond what the clocks can count
 *	ESRCH	the thread handle is not the calling task's own in this domain:
 *		attach (after fork: attach again)
 *	ENOMEM	no memory, where some is needed, or not within the memory cgroup's
 *		limit: CREATE, DESTROY, ATTACH, NAME, CEILING, REQUEUE, FD, and
 *		all that wait
 */
#ifndef _UAPI_LINUX_KSYNC_H
#define _UAPI_LINUX_KSYNC_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define KSYNC_DEVICE		"/dev/ksync"
#define KSYNC_ABI		1
#define KSYNC_NAME_LEN		32	/* with the closing NUL */
#define KSYNC_COMM_LEN		16
#define KSYNC_BATCH_MAX		65536	/* objects in one CREATE or DESTROY */

/**
 * struct ksync_cell - one object, one cache line
 * @word: what the fast path changes; the layout depends on the kind
 * @waiters: waitq, sem, event, cond: how many tasks wait, and one more while
 *	somebody polls (kept by the module)
 * @attr: kind | flags << 8, as given to CREATE (a copy; the module keeps its own)
 * @depth: recursive mutex: how often the owner holds it beyond once; only the
 *	owner touches it
 * @limit: sem: its greatest value; 0 means KSYNC_SEM_MAX. Whoever creates it
 *	writes this and the initial value before others learn the id.
 *	protect mutex: its ceiling (a copy)
 * @near: sem, event: 1 if the last one that slept was served by a task on the CPU
 *	that it had slept on, so that spinning is in vain; 0 if by another, or if who
 *	came to sleep found it there; a hint (kept by the module)
 * @reserved: zero
 * @user: whoever made the object keeps there what it likes; zero at first
 */
struct ksync_cell {
	__u32 word;
	__u32 waiters;
	__u32 attr;
	__u32 depth;
	__u32 limit;
	__u32 near;
	__u32 reserved[2];
	__u32 user[8];
};

#define KSYNC_CELL_SIZE		64

/*
 * The word of a mutex, spin or rwlock: the owner of an rwlock is its writer.
 *
 * lock:   CAS 0 -> handle.  If that fails and the owner field is 0 and
 *	   OWNER_DIED is clear, CAS word -> word | handle takes it as well
 *	   (overtaking the waiters, which the module bounds).  Else LOCK.
 * unlock: CAS handle -> 0.  If that fails and the owner field is the caller's:
 *	   with WAITERS and WOKEN both set and OWNER_DIED clear, a waiter is on
 *	   its way already: CAS word -> word & ~OWNER.  Else UNLOCK.
 *
 * OWNER_DIED with an owner means: that owner got EOWNERDEAD and has not yet
 * made the state consistent.  It does so by clearing the bit (CAS); UNLOCK with
 * the bit set makes the object unrecoverable.
 */
#define KSYNC_WAITERS		0x80000000U	/* UNLOCK must be called */
#define KSYNC_OWNER_DIED	0x40000000U
#define KSYNC_WOKEN		0x20000000U	/* a waiter is on its way: it need not */
#define KSYNC_READ		0x10000000U	/* rwlock: readers may be in the slots */
#define KSYNC_OWNER		0x0fffffffU	/* a thread handle, 0, or: */
#define KSYNC_HANDOFF		0x0fffffffU	/* being handed to a waiter */
#define KSYNC_NOTRECOVERABLE	0x0ffffffeU	/* unlocked while inconsistent */
#define KSYNC_HANDLE_MAX	0x0ffffff0U

/*
 * Readers of an rwlock.
 *
 * A thread that reads says so in a cell of its own, a slot cell (see ATTACH):
 * an array of 16 entries, each KSYNC_SLOT(id of the rwlock, how often).  No two
 * entries of a thread name the same rwlock.
 *
 * read lock:	have the rwlock already: add 1 to the entry's depth.  Else write
 *		the entry with depth 1, full barrier, read the word.  If that has
 *		READ and neither owner nor OWNER_DIED, it is locked.  If it is 0,
 *		CAS 0 -> READ locks it.  Else take the entry back as in unlock,
 *		and LOCK with KSYNC_LOCK_READ, which writes the entry itself.
 * read unlock:	depth above 1: subtract 1.  Else clear the entry, full barrier,
 *		read the word: if it has WAITERS, and either an owner, who waits
 *		for readers to leave, or not WOKEN, when others watch for that,
 *		UNLOCK with KSYNC_LOCK_READ.
 * write lock:	as for a mutex, but only while READ is clear; else LOCK.
 */
#define KSYNC_SLOTS		16
#define KSYNC_SLOT(id, depth)	((id) | (depth) << 24)
#define KSYNC_SLOT_ID		0x00ffffffU
#define KSYNC_SLOT_DEPTH_MAX	255U

/*
 * The word of a waitq belongs to the program.  That of a cond counts its
 * signals: who signals adds 1 (full barrier) before it looks at cell->waiters.
 */

/*
 * The word of a sem: its value.  WAITERS is set while somebody waits; the word
 * is then changed by the module alone.
 *
 * wait:   CAS n -> n - 1 where n > 0 and WAITERS is clear.  Else ACQUIRE.
 * post:   CAS n -> n + k where WAITERS is clear and n + k <= limit.  Else RELEASE.
 */
#define KSYNC_SEM_MAX		0x7fffffffU

/*
 * The word of an event: SET, and WAITERS while somebody waits.
 *
 * set:    WAITERS clear: CAS word -> SET.  Else RELEASE.
 * reset:  clear SET.
 * pulse:  WAITERS clear: as reset. Else RELEASE with KSYNC_RELEASE_PULSE.
 * wait:   manual reset: SET is enough.  Auto reset: CAS SET -> 0.  Else ACQUIRE.
 */
#define KSYNC_EVENT_SET		0x1U

enum ksync_kind {
	KSYNC_KIND_NONE = 0,
	KSYNC_KIND_SPIN = 1,
	KSYNC_KIND_MUTEX = 2,
	KSYNC_KIND_RWLOCK = 3,
	KSYNC_KIND_SEM = 4,
	KSYNC_KIND_EVENT = 5,
	KSYNC_KIND_COND = 6,
	KSYNC_KIND_WAITQ = 7,
	KSYNC_KIND_SLOT = 14,	/* a thread's own cell: made by ATTACH alone */
	KSYNC_KIND_BUSTED = 15	/* a mutex that does not exclude: debug builds */
};

/*
 * INFO: what this module can do. Kinds are feature bits 0 to 15.  A library that
 * does without a module says by the same bits what it lacks.
 */
#define KSYNC_FEATURE_KIND(kind)	(1ULL << (kind))
#define KSYNC_FEATURE_PI		(1ULL << 16)	/* priority inheritance */
#define KSYNC_FEATURE_ROBUST		(1ULL << 17)	/* owner death is repaired */
#define KSYNC_FEATURE_DEADLOCK		(1ULL << 18)	/* cycles are refused */
#define KSYNC_FEATURE_NAMES		(1ULL << 19)
#define KSYNC_FEATURE_LAZY_CEILING	(1ULL << 20)	/* SETTLE is seldom needed */
#define KSYNC_FEATURE_MANY		(1ULL << 21)	/* waits on many objects */
#define KSYNC_FEATURE_POLL		(1ULL << 22)	/* objects in poll and epoll */
#define KSYNC_FEATURE_URING		(1ULL << 23)	/* KSYNC_URING_* by io_uring */
#define KSYNC_FEATURE_RWLOCK_PI		(1ULL << 24)	/* PI and DEADLOCK: rwlocks too */
#define KSYNC_FEATURE_ADAPTIVE		(1ULL << 25)	/* who runs may overtake waiters */
#define KSYNC_FEATURE_CEILING		(1ULL << 26)	/* protect mutexes */
#define KSYNC_FEATURE_COND_ORDER	(1ULL << 27)	/* a signal queues for the mutex */
#define KSYNC_FEATURE_PHASES		(1ULL << 28)	/* no side of an rwlock starves */
#define KSYNC_FEATURE_GUARDED		(1ULL << 29)	/* state and limits: no user's to change */
#define KSYNC_FEATURE_RESTART		(1ULL << 30)	/* SA_RESTART holds for all waits */
#define KSYNC_FEATURE_UNLOCK_ANY	(1ULL << 31)	/* UNLOCK with KSYNC_UNLOCK_ANY */

/**
 * struct ksync_info - KSYNC_IOC_INFO
 * @size: in: sizeof(struct ksync_info)
 * @abi: out: KSYNC_ABI of the module
 * @features: out: KSYNC_FEATURE_*
 * @arena_size: out: bytes that can be mapped
 * @max_objects: out: limit per domain
 * @max_threads: out: limit per domain
 * @max_waiters: out: limit per domain
 * @cell_size: out: KSYNC_CELL_SIZE
 * @objects: out: objects in this domain now
 * @threads: out: threads attached to this domain now
 * @waiters: out: tasks waiting in this domain now
 * @max_chain: out: longest chain of owners that a wait may join
 */
struct ksync_info {
	__u32 size;
	__u32 abi;
	__u64 features;
	__u64 arena_size;
	__u32 max_objects;
	__u32 max_threads;
	__u32 max_waiters;
	__u32 cell_size;
	__u32 objects;
	__u32 threads;
	__u32 waiters;
	__u32 max_chain;
};

/* CREATE flags, per kind. */
#define KSYNC_MUTEX_STRICT	0x1	/* unlock hands over to the top waiter */
#define KSYNC_MUTEX_RECURSIVE	0x2	/* the library counts in cell->depth */
#define KSYNC_MUTEX_PROTECT	0x4	/* has a ceiling: see CEILING */
#define KSYNC_RWLOCK_STRICT	0x1	/* the same as for a mutex */
#define KSYNC_EVENT_MANUAL	0x1	/* stays set until reset; else one wait takes it */

/**
 * struct ksync_create - KSYNC_IOC_CREATE: all of a batch or nothing
 * @size: sizeof(struct ksync_create)
 * @kind: enum ksync_kind; EOPNOTSUPP if this module lacks it
 * @flags: per kind
 * @count: how many, 1 to KSYNC_BATCH_MAX
 * @ids: address of __u32[count], filled with the new ids
 *
 * ENOSPC: the domain's limit is reached. ENOMEM: no memory, or memcg limit.
 */
struct ksync_create {
	__u32 size;
	__u32 kind;
	__u32 flags;
	__u32 count;
	__u64 ids;
};

/**
 * struct ksync_destroy - KSYNC_IOC_DESTROY: stops at the first error
 * @size: sizeof(struct ksync_destroy)
 * @count: how many, 1 to KSYNC_BATCH_MAX
 * @ids: address of __u32[count]
 * @done: out: how many were destroyed, also when an error is returned
 * @pad: zero
 *
 * EBUSY: somebody waits on it.
 */
struct ksync_destroy {
	__u32 size;
	__u32 count;
	__u64 ids;
	__u32 done;
	__u32 pad;
};

#define KSYNC_ATTACH_SLOT	0x1	/* give the task one more slot cell */
#define KSYNC_ATTACH_CEILING	0x2	/* give the task its ceiling cell */
#define KSYNC_THREAD_SLOTS_MAX	3	/* slot cells a task can have in a domain */
#define KSYNC_THREAD_CEILINGS_MAX 16	/* domains where a task can have a ceiling cell */

/**
 * struct ksync_attach - KSYNC_IOC_ATTACH: give the calling task a handle
 * @size: sizeof(struct ksync_attach)
 * @flags: zero or one of KSYNC_ATTACH_SLOT, KSYNC_ATTACH_CEILING
 * @thread: out: the handle; the same one when already attached; also with an
 *	error, if it was the cell that could not be given
 * @slot: in: zero; out: with SLOT, the number of a new slot cell; with CEILING,
 *	that of the task's one ceiling cell
 *
 * Handle and cells die with the task, at exit or exec; they are not
 * inherited over fork. ENOSPC: the domain's limit of threads or, with a flag, of
 * objects is reached. EAGAIN: the task has KSYNC_THREAD_SLOTS_MAX slot cells; or
 * ceiling cells in KSYNC_THREAD_CEILINGS_MAX other domains.
 */
struct ksync_attach {
	__u32 size;
	__u32 flags;
	__u32 thread;
	__u32 slot;
};

/*
 * Priority ceilings: the mutex made with KSYNC_MUTEX_PROTECT.
 *
 * Who has one runs at no less than its ceiling, a SCHED_FIFO priority.  A thread
 * writes which ones it has into its ceiling cell, and costs no system call in
 * most cases: with LAZY_CEILING the module raises its priority when somebody
 * preempts it, which is when it first matters.
 *
 * lock:   @prio above the ceiling (cell->limit): SETTLE, for it may be old; still
 *	   above: EINVAL.  Else write the id, with KSYNC_HELD, into a free entry,
 *	   then lock as any mutex.  Without LAZY_CEILING, SETTLE.
 * unlock: as any mutex; then exchange the entry for 0.  If it had KSYNC_BOOSTED,
 *	   SETTLE.
 */
#define KSYNC_CEILING_ENTRIES	14
#define KSYNC_HELD		0x40000000U
#define KSYNC_BOOSTED		0x80000000U	/* written by the module */

/**
 * struct ksync_ceiling_cell - a thread's ceiling cell
 * @held: KSYNC_HELD | id, or 0
 * @prio: the thread's own SCHED_FIFO or RR priority, 0 for none, 100 for DEADLINE,
 *	as of when it last came to a CPU, or of SETTLE (kept by the module)
 * @reserved: zero
 */
struct ksync_ceiling_cell {
	__u32 held[KSYNC_CEILING_ENTRIES];
	__u32 prio;
	__u32 reserved;
};

/**
 * struct ksync_ceiling - KSYNC_IOC_CEILING: look at and change a mutex's ceiling
 * @size: sizeof(struct ksync_ceiling)
 * @id: a mutex made with KSYNC_MUTEX_PROTECT
 * @ceiling: 1 to 99; 0 leaves it as it is
 * @was: out: the ceiling before; 0 where none was set yet
 *
 * EPERM: above the caller's RLIMIT_RTPRIO, without CAP_SYS_NICE. It is the
 * creator's right that counts: whoever locks the mutex gets the priority.
 */
struct ksync_ceiling {
	__u32 size;
	__u32 id;
	__u32 ceiling;
	__u32 was;
};

/**
 * struct ksync_settle - KSYNC_IOC_SETTLE: run at what the ceiling cell says
 * @size: sizeof(struct ksync_settle)
 * @thread: the caller's handle
 *
 * EINVAL: it has no ceiling cell.
 */
struct ksync_settle {
	__u32 size;
	__u32 thread;
};

/**
 * struct ksync_name - KSYNC_IOC_NAME: name an object for traces and reports
 * @size: sizeof(struct ksync_name)
 * @id: object
 * @name: NUL-terminated; empty removes the name. EINVAL if not terminated
 */
struct ksync_name {
	__u32 size;
	__u32 id;
	char name[KSYNC_NAME_LEN];
};

/* Flags of LOCK, WAIT, ACQUIRE and COND_WAIT. */
#define KSYNC_WAIT_TRY		 0x1	/* LOCK only: EBUSY rather than wait */
#define KSYNC_WAIT_INTERRUPTIBLE 0x2	/* EINTR after a signal handler ran, */
					/* unless with SA_RESTART; without */
					/* this flag the call always goes on */
#define KSYNC_WAIT_REALTIME	 0x4	/* deadline on CLOCK_REALTIME, else MONOTONIC */

#define KSYNC_LOCK_READ		 0x8	/* LOCK, UNLOCK: an rwlock, for reading */
#define KSYNC_UNLOCK_ANY	 0x10	/* UNLOCK: a mutex or spin, whoever has it */

#define KSYNC_NO_DEADLINE	0xffffffffffffffffULL

/**
 * struct ksync_lock - KSYNC_IOC_LOCK: take a mutex, spin or rwlock, waiting for it
 * @size: sizeof(struct ksync_lock)
 * @id: object
 * @thread: the caller's handle
 * @flags: KSYNC_WAIT_*, KSYNC_LOCK_READ
 * @deadline: absolute, in ns; KSYNC_NO_DEADLINE waits for ever
 *
 * Granted wins over a deadline and over a signal.
 *
 * 0		taken
 * EOWNERDEAD	taken, and the previous owner died: make it consistent
 * EBUSY	TRY: somebody has it
 * EDEADLK	the caller has it (for reading it may have it often), or waiting
 *		would close a cycle, or the chain of owners is longer than max_chain
 * EAGAIN	READ: no entry is free in the caller's slot cells, or it has the
 *		rwlock KSYNC_SLOT_DEPTH_MAX times
 * EINTR	a signal handler without SA_RESTART ran (INTERRUPTIBLE)
 * ENOTRECOVERABLE  an owner unlocked it without making it consistent
 * ETIMEDOUT	the deadline passed
 * EUCLEAN	the word names no thread of this domain: it was overwritten
 * ENOSPC	the domain's limit of waiters is reached
 * ENOMEM	no memory to wait with
 */
struct ksync_lock {
	__u32 size;
	__u32 id;
	__u32 thread;
	__u32 flags;
	__u64 deadline;
};

/**
 * struct ksync_unlock - KSYNC_IOC_UNLOCK: release a mutex, spin or rwlock
 * @size: sizeof(struct ksync_unlock)
 * @id: object
 * @thread: the caller's handle
 * @flags: KSYNC_LOCK_READ: the caller has cleared its entry, let a writer know;
 *	KSYNC_UNLOCK_ANY: a mutex without a ceiling, or a spin, is released for
 *	another thread
 *
 * EPERM: the caller does not own it; ANY: nobody does; READ: its entry is still
 * there. EUCLEAN: the word was overwritten while the caller owned the object; it
 * is released all the same.
 *
 * ANY is for programs that were written for locks without owners: the previous
 * owner is not told, and those that wait may be overtaken, whatever the policy.
 */
struct ksync_unlock {
	__u32 size;
	__u32 id;
	__u32 thread;
	__u32 flags;
};

#define KSYNC_BITSET_ALL	0xffffffffU

/**
 * struct ksync_wait - KSYNC_IOC_WAIT: sleep on a waitq while word == expected
 * @size: sizeof(struct ksync_wait)
 * @id: waitq
 * @flags: KSYNC_WAIT_INTERRUPTIBLE, KSYNC_WAIT_REALTIME
 * @expected: compared with the word, atomically against WAKE
 * @bitset: which wake-ups to hear; not zero
 * @pad: zero
 * @deadline: as in LOCK
 *
 * 0 woken, EAGAIN the word differs, ETIMEDOUT, EINTR, ENOSPC the domain's limit
 * of waiters is reached, ENOMEM. No thread handle is needed.
 */
struct ksync_wait {
	__u32 size;
	__u32 id;
	__u32 flags;
	__u32 expected;
	__u32 bitset;
	__u32 pad;
	__u64 deadline;
};

/**
 * struct ksync_wake - KSYNC_IOC_WAKE: wake waiters by priority, then FIFO
 * @size: sizeof(struct ksync_wake)
 * @id: waitq
 * @count: at most so many
 * @bitset: waiters whose bitset has a bit of this one; not zero
 * @woken: out: how many
 * @pad: zero
 */
struct ksync_wake {
	__u32 size;
	__u32 id;
	__u32 count;
	__u32 bitset;
	__u32 woken;
	__u32 pad;
};

#define KSYNC_REQUEUE_CMP	0x1	/* EAGAIN unless from's word == expected */

/**
 * struct ksync_requeue - KSYNC_IOC_REQUEUE: wake some, move others
 * @size: sizeof(struct ksync_requeue)
 * @from: waitq
 * @to: another waitq of the same domain; EINVAL if the same
 * @flags: KSYNC_REQUEUE_CMP
 * @expected: with CMP
 * @wake: wake at most so many, by priority, then FIFO
 * @move: move at most so many of the rest, in the same order
 * @pad: zero
 * @woken: out; also with EAGAIN, EBADF: from or to was destroyed meanwhile
 * @moved: out; likewise
 */
struct ksync_requeue {
	__u32 size;
	__u32 from;
	__u32 to;
	__u32 flags;
	__u32 expected;
	__u32 wake;
	__u32 move;
	__u32 pad;
	__u32 woken;
	__u32 moved;
};

/**
 * struct ksync_acquire - KSYNC_IOC_ACQUIRE: wait for a sem or an event and take it
 * @size: sizeof(struct ksync_acquire)
 * @id: sem or event
 * @flags: KSYNC_WAIT_INTERRUPTIBLE, KSYNC_WAIT_REALTIME
 * @pad: zero
 * @deadline: as in LOCK
 *
 * Granted wins over a deadline and over a signal. 0 taken (a manual-reset event
 * stays set), ETIMEDOUT, EINTR, ENOSPC the domain's limit of waiters is reached,
 * ENOMEM. No thread handle is needed.
 */
struct ksync_acquire {
	__u32 size;
	__u32 id;
	__u32 flags;
	__u32 pad;
	__u64 deadline;
};

#define KSYNC_RELEASE_PULSE	0x1	/* event: release who waits now, leave it unset */

/**
 * struct ksync_release - KSYNC_IOC_RELEASE: post a sem, set or pulse an event
 * @size: sizeof(struct ksync_release)
 * @id: sem or event
 * @flags: KSYNC_RELEASE_*
 * @count: sem: how much to add, 1 or more; event: 1
 * @was: out: the value before
 * @pad: zero
 *
 * Waiters are served by priority, then FIFO. A manual-reset event releases all
 * that wait when this is called, even if it is reset at once.
 *
 * EOVERFLOW: sem: the value would exceed its limit; nothing was added.
 */
struct ksync_release {
	__u32 size;
	__u32 id;
	__u32 flags;
	__u32 count;
	__u32 was;
	__u32 pad;
};

/*
 * A cond: whoever signals may leave it at that if cell->waiters is 0, having
 * had the mutex after it changed what is waited for.
 *
 * Phases of COND_WAIT.
 */
#define KSYNC_COND_SLEEP	0	/* release the mutex and wait for a signal */
#define KSYNC_COND_RELOCK	1	/* lock the mutex again, return @result */

/**
 * struct ksync_cond_wait - KSYNC_IOC_COND_WAIT: release a mutex and wait on a cond
 * @size: sizeof(struct ksync_cond_wait)
 * @id: cond
 * @mutex: owned by the caller, of the same domain; EINVAL if others wait on the
 *	cond with another one
 * @thread: the caller's handle
 * @flags: KSYNC_WAIT_INTERRUPTIBLE, KSYNC_WAIT_REALTIME
 * @phase: in and out: KSYNC_COND_SLEEP; the module changes it when a signal
 *	handler is to run, after which the call goes on by itself
 * @result: in and out: 0; with RELOCK, what to return: 0, -EINTR or -ETIMEDOUT
 * @pad: zero
 * @deadline: as in LOCK
 *
 * The mutex is released and the caller is a waiter in one step: no signal that
 * is sent by whoever locks it afterwards is missed. A signal given wins over a
 * deadline and a signal handler. The mutex is locked again before the call
 * returns, whatever it returns, unless it says otherwise:
 *
 * 0		signalled; or the wait was broken off by a signal handler, with or
 *		without SA_RESTART, a stop, or other work for the task
 * EOWNERDEAD	the mutex's previous owner died with it; in the place of any
 *		other answer
 * ETIMEDOUT	the deadline passed
 * EINTR	INTERRUPTIBLE: broken off by a signal handler or a stop
 * EPERM	the caller does not own the mutex; nothing was done
 * EINVAL	see @mutex, @phase, @result; nothing was done
 * EBADF	there is no such cond or mutex: nothing was done; or the mutex was
 *		destroyed during the wait
 * ENOSPC, ENOMEM  nothing was done
 * EDEADLK, ENOTRECOVERABLE, EUCLEAN  the mutex was released, and not locked
 *		again
 * EFAULT	the argument cannot be read: nothing was done; or it cannot be written:
 *		whether the mutex is owned is in its word
 */
struct ksync_cond_wait {
	__u32 size;
	__u32 id;
	__u32 mutex;
	__u32 thread;
	__u32 flags;
	__u32 phase;
	__s32 result;
	__u32 pad;
	__u64 deadline;
};

/**
 * struct ksync_cond_signal - KSYNC_IOC_COND_SIGNAL: let waiters have the mutex
 * @size: sizeof(struct ksync_cond_signal)
 * @id: cond
 * @count: at most so many of those that wait now, by priority, then FIFO
 * @woken: out: how many
 *
 * They move to the mutex and get it one after the other; the caller need not
 * own it. Who is killed before it has the mutex passes the signal on. Those that
 * wait for it with MANY are told of any signal, and do not count.
 */
struct ksync_cond_signal {
	__u32 size;
	__u32 id;
	__u32 count;
	__u32 woken;
};

/**
 * struct ksync_query - KSYNC_IOC_QUERY: look at one object
 * @size: sizeof(struct ksync_query)
 * @id: object
 * @kind: out: enum ksync_kind
 * @flags: out: as created
 * @word: out: the word now
 * @waiters: out: how many tasks wait on it now
 * @owner: out: handle of the owner that the word names, 0 if none
 * @owner_pid: out: its pid in the caller's pid namespace, 0 if dead or foreign
 * @top_prio: out: highest priority among the waiters, as in /proc/PID/stat's
 *	internal scale: 0..98 real time (lower is higher), -1 deadline, 100 normal
 * @pad: zero
 * @longest_ns: out: since when the top waiter waits, in ns before now
 * @owner_comm: out
 * @name: out
 * @readers: out: rwlock: how many threads read
 * @pad2: zero
 */
struct ksync_query {
	__u32 size;
	__u32 id;
	__u32 kind;
	__u32 flags;
	__u32 word;
	__u32 waiters;
	__u32 owner;
	__u32 owner_pid;
	__s32 top_prio;
	__u32 pad;
	__u64 longest_ns;
	char owner_comm[KSYNC_COMM_LEN];
	char name[KSYNC_NAME_LEN];
	__u32 readers;
	__u32 pad2;
};

#define KSYNC_MANY_MAX		128	/* objects in one wait */

#define KSYNC_ITEM_WATCH	0x10	/* any: a lock that is not to be waited for in turn */

/**
 * struct ksync_item - one object of a wait on many
 * @id: object
 * @flags: locks: KSYNC_ITEM_WATCH or zero; rwlock: also KSYNC_LOCK_READ
 * @expected: waitq, cond: it is waited for until the word differs from this
 * @result: out: 0; EOWNERDEAD, negative, of a lock that was taken: its previous
 *	owner died
 */
struct ksync_item {
	__u32 id;
	__u32 flags;
	__u32 expected;
	__s32 result;
};

/* Flags of MANY, beside INTERRUPTIBLE and REALTIME. */
#define KSYNC_MANY_ALL		0x10	/* wait for all, else for any one */
#define KSYNC_MANY_ALERT	0x20	/* @alert ends the wait */

/**
 * struct ksync_many - KSYNC_IOC_MANY: wait for one of many objects, or for all
 * @size: sizeof(struct ksync_many)
 * @count: how many, 1 to KSYNC_MANY_MAX
 * @items: address of struct ksync_item[count]
 * @deadline: as in LOCK
 * @flags: KSYNC_WAIT_INTERRUPTIBLE, KSYNC_WAIT_REALTIME, KSYNC_MANY_*
 * @thread: the caller's handle; zero if no item is a lock
 * @alert: with ALERT: an event; it is looked at after the items
 * @index: out: any: the item that was taken; count: the alert; with an error,
 *	the item that it is about, if it is about one
 *
 * Locks are locked, a unit of a sem is taken, and an auto-reset event is reset.
 * For one waitq or cond to be waited for, its word has to differ from what was
 * expected, or, waiting for any, a wake-up was given to it.
 *
 * Any: the first one in the order of the items that can be had, or else the
 * first that comes to be.  The caller stands in the queue of each sem, event and
 * waitq, and in that of the first lock that somebody has, whose owner it
 * boosts; other locks, and those with WATCH, it takes when it finds them free.
 * Who watches an rwlock to write is in no reader's way.
 *
 * All: they are taken in one step, while each can be had.  Until then nothing is
 * taken while the caller sleeps, and nothing is kept from others: they may
 * use up what the caller waits for.  The caller stands in the queue of one of
 * those that are missing, a lock if there is one.
 *
 * 0		see @index
 * EOWNERDEAD	as 0, and a previous owner died: see the items' results
 * EINVAL	an item is listed twice (all); it is listed as the alert too;
 *		@alert is no event
 * EDEADLK	all: the caller has this lock, or waiting for it would close a
 *		cycle; any: that is so for each item
 * EAGAIN	READ: see LOCK
 * ENOTRECOVERABLE, EUCLEAN  this lock cannot be had: see LOCK
 * ETIMEDOUT, EINTR, ENOSPC, ENOMEM  as in LOCK
 */
struct ksync_many {
	__u32 size;
	__u32 count;
	__u64 items;
	__u64 deadline;
	__u32 flags;
	__u32 thread;
	__u32 alert;
	__u32 index;
};

/**
 * struct ksync_fd - KSYNC_IOC_FD: a descriptor of an object, to be polled
 * @size: sizeof(struct ksync_fd)
 * @id: object
 * @flags: zero
 * @expected: waitq, cond: it is ready when the word differs from this; else zero
 * @fd: out: close-on-exec
 * @pad: zero
 *
 * It can be inherited and passed on; select, poll, epoll and io_uring take it.  It
 * keeps the domain, and is of this object even if another one gets the number.
 * That an object is ready means that a try would have succeeded just then; nothing
 * is taken or kept for who polls.  Wake-ups that edge-triggered epoll counts on
 * come whenever an object is made available, also if it was so before.
 *
 * EPOLLIN	sem: it has units, and nobody waits for them; event: it is set, and
 *		with auto reset nobody waits (a pulse is not seen); waitq, cond:
 *		the word differs; mutex, spin: it is free, or its owner died;
 *		rwlock: it can be locked for reading
 * EPOLLOUT	rwlock: it can be locked for writing
 * EPOLLERR	with EPOLLIN: the lock is not recoverable, or its word was
 *		overwritten
 * EPOLLHUP	the object was destroyed
 *
 * While somebody polls, WAITERS is set, or cell->waiters is not 0: all that makes
 * the object available comes to the module.
 *
 * EMFILE, ENFILE  too many descriptors. EINVAL: see @expected. ENOMEM.
 */
struct ksync_fd {
	__u32 size;
	__u32 id;
	__u32 flags;
	__u32 expected;
	__u32 fd;
	__u32 pad;
};

/**
 * struct ksync_expect - KSYNC_IOC_EXPECT: what the word is compared with from now on
 * @size: sizeof(struct ksync_expect)
 * @expected: for all who share this open descriptor
 *
 * On a descriptor that FD gave. EINVAL: it is of no waitq or cond.
 */
struct ksync_expect {
	__u32 size;
	__u32 expected;
};

/* The size travels in the structure, not in the command: structures can grow. */
#define KSYNC_IOC_MAGIC		'K'
#define KSYNC_IOC_INFO		_IO(KSYNC_IOC_MAGIC, 0x80)
#define KSYNC_IOC_CREATE	_IO(KSYNC_IOC_MAGIC, 0x81)
#define KSYNC_IOC_DESTROY	_IO(KSYNC_IOC_MAGIC, 0x82)
#define KSYNC_IOC_ATTACH	_IO(KSYNC_IOC_MAGIC, 0x83)
#define KSYNC_IOC_NAME		_IO(KSYNC_IOC_MAGIC, 0x84)
#define KSYNC_IOC_QUERY		_IO(KSYNC_IOC_MAGIC, 0x85)
#define KSYNC_IOC_LOCK		_IO(KSYNC_IOC_MAGIC, 0x86)
#define KSYNC_IOC_UNLOCK	_IO(KSYNC_IOC_MAGIC, 0x87)
#define KSYNC_IOC_WAIT		_IO(KSYNC_IOC_MAGIC, 0x88)
#define KSYNC_IOC_WAKE		_IO(KSYNC_IOC_MAGIC, 0x89)
#define KSYNC_IOC_REQUEUE	_IO(KSYNC_IOC_MAGIC, 0x8a)
#define KSYNC_IOC_ACQUIRE	_IO(KSYNC_IOC_MAGIC, 0x8b)
#define KSYNC_IOC_RELEASE	_IO(KSYNC_IOC_MAGIC, 0x8c)
#define KSYNC_IOC_COND_WAIT	_IO(KSYNC_IOC_MAGIC, 0x8d)
#define KSYNC_IOC_COND_SIGNAL	_IO(KSYNC_IOC_MAGIC, 0x8e)
#define KSYNC_IOC_CEILING	_IO(KSYNC_IOC_MAGIC, 0x8f)
#define KSYNC_IOC_SETTLE	_IO(KSYNC_IOC_MAGIC, 0x90)
#define KSYNC_IOC_MANY		_IO(KSYNC_IOC_MAGIC, 0x91)
#define KSYNC_IOC_FD		_IO(KSYNC_IOC_MAGIC, 0x92)
#define KSYNC_IOC_EXPECT	_IO(KSYNC_IOC_MAGIC, 0x93)	/* on what FD gives */

/*
 * io_uring: an SQE of IORING_OP_URING_CMD on the domain's descriptor, one of these
 * in its cmd_op, and a struct ksync_uring, or ksync_uring_cancel, in its cmd.
 * Who waits so stands in the queue of the object with those that wait by ioctl, at
 * the priority that the submitting task has when the command is issued.  With
 * SQPOLL that is the kernel's polling thread.
 */
#define KSYNC_URING_ACQUIRE	_IO(KSYNC_IOC_MAGIC, 0x94)
#define KSYNC_URING_WAIT	_IO(KSYNC_IOC_MAGIC, 0x95)
#define KSYNC_URING_LOCK	_IO(KSYNC_IOC_MAGIC, 0x96)
#define KSYNC_URING_RELEASE	_IO(KSYNC_IOC_MAGIC, 0x97)
#define KSYNC_URING_CANCEL	_IO(KSYNC_IOC_MAGIC, 0x98)

#define KSYNC_URING_DEADLINE	0x100	/* @deadline counts: rings with SQE128 only */

/**
 * struct ksync_uring - what an io_uring command is about
 * @id: object
 * @flags: KSYNC_URING_DEADLINE; RELEASE: KSYNC_RELEASE_*
 * @value: WAIT: the expected word; LOCK: the thread's handle; RELEASE: how much to
 *	add; ACQUIRE: zero
 * @bitset: WAIT: which wake-ups to hear, not zero; else zero
 * @deadline: with DEADLINE: absolute, in ns, on CLOCK_MONOTONIC; read with a jiffy's
 *	precision. SQEs of 64 bytes end before it
 *
 * The result is in the CQE, errors negative:
 *
 * ACQUIRE, WAIT, RELEASE  as the ioctls
 * LOCK		0, EOWNERDEAD: taken, by the thread.  EAGAIN: somebody had it, and it
 *		is worth another try now: nothing is owned, and no priority was lent
 *		meanwhile.  EDEADLK: the thread has it.  ESRCH also if anything but
 *		the thread itself issues the command: with SQPOLL, or IOSQE_ASYNC
 * ECANCELED	by CANCEL; its linked timeout has passed; or the ring is closed, or
 *		its submitter exits or calls execve
 * ETIMEDOUT	the deadline passed
 * ENOTTY	there is no such command
 *
 * CQEs of what is given in one go may be in another order than it is given in.
 * A linked timeout, and what else io_uring cannot tell a driver, is noticed within
 * 50 ms; that the submitter of a ring that others have too has exited, within 1 s.
 * A ring that is mapped is not closed yet.  IORING_OP_ASYNC_CANCEL does not reach
 * these commands (it says ENOENT).
 */
struct ksync_uring {
	__u32 id;
	__u32 flags;
	__u32 value;
	__u32 bitset;
	__u64 deadline;
};

/**
 * struct ksync_uring_cancel - KSYNC_URING_CANCEL: end a command that waits
 * @pad: zero
 * @flags: zero
 * @user_data: of the command, submitted by the same ring for the same domain
 *
 * It ends with ECANCELED.  ENOENT: there is none.  EALREADY: it has ended
 * otherwise, its CQE is on its way.
 */
struct ksync_uring_cancel {
	__u32 pad;
	__u32 flags;
	__u64 user_data;
};

#endif /* _UAPI_LINUX_KSYNC_H */
