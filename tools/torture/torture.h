/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The torture: random operations on every kind of object, by threads and
 * processes that are disturbed and killed meanwhile, and what must hold all the
 * same.  In the way of the kernel's locktorture: one body, a row for each kind.
 *
 *	torture.c	options; the rows, one after the other, as TAP
 *	stage.c		one row: rounds of work, each with a judgement
 *	crew.c		its tasks: how they come to life, die, and are replaced
 *	worker.c	what each of them does between two steps of its row
 *	disturb.c	what is done to them
 *	forgotten.c	who is runnable and never runs, by a fault of the kernel's
 *	watch.c		do they sleep, at which priority, is anything left behind
 *	guard.c		sections that must exclude; tokens that must not get lost
 *	locks.c readers.c tokens.c gate.c conds.c waitqs.c polls.c meet.c  the rows
 *	order.c boost.c	rows of another sort: known waiters, an observed order
 *	busted.c	all of this with a fault, which has to be found
 *
 * A stage is a process; a crew is a process, a bare task of the stage's, or a
 * process of two threads.  All of them share one struct scene.  References to
 * objects are each process's own: those that get the domain over a socket map it
 * themselves.
 */
#ifndef KSYNC_TORTURE_H
#define KSYNC_TORTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <ksync.h>
#include "clock.h"

#define WORKERS		12
#define OBJECTS		6
#define MARKS		64

/**
 * enum violation - what did not hold
 *
 * What a fault is expected to cause is one of these: the names are in torture.c.
 */
enum violation {
	NOTHING_WRONG,
	EXCLUSION,	/* two were in a section that excludes */
	COUNT,		/* a unit, an increment or a wake-up too many or too few */
	LOST_WAKEUP,	/* all sleep though somebody could go on */
	STUCK,		/* no progress for very long */
	UNTOLD_DEATH,	/* an owner died in its section and the next was not told */
	WRONG_ORDER,	/* not by priority */
	NO_BOOST,	/* an owner did not run at the priority of a waiter */
	STILL_BOOSTED,	/* a task runs at a priority that is not its own */
	LEFT_BEHIND,	/* an owner or waiter that is none */
	UNUSABLE,	/* an object cannot be used any more */
	WRONG_ANSWER,	/* a result that the contract does not know */
	UNLOADED,	/* the module could be unloaded while in use */
	CRASHED,	/* the stage died */
	VIOLATIONS
};

enum figure {
	F_OPERATIONS, F_CONTENDED, F_ROUNDS, F_TIMEOUTS, F_INTERRUPTED, F_REFUSED,
	F_DEADLOCKS, F_OWNERS_DIED, F_DEATHS, F_KILLS, F_EXITS, F_EXECS, F_FORKS,
	F_PASSED, F_SIGNALS, F_STOPS, F_POLICIES, F_AFFINITIES, F_UNLOADS,
	F_OFFLINE, F_FORGOTTEN, F_MENDED, FIGURES
};

/* What a worker is about; its reaper asks. */
enum slot_state { GONE, AT_WORK, PARKED, EXITED, BURIED };

/* Who is ending: the task, by its exit; or its process, by a kill or an execve. */
enum doom { NOT_DOOMED, TASK_DOOMED, PROCESS_DOOMED };

/**
 * struct slot - the place of one worker
 * @tid: who has it now
 * @pid: its process
 * @state: enum slot_state
 * @life: counts those who had it
 * @doomed: enum doom
 * @progress: steps
 * @mark: free for its row
 * @seed: of its dice
 * @done: sections it has left, of each object
 * @taking, @held, @giving: tokens that it may be getting, has, may have given back
 * @has: conds: it has a token; changed under the mutex
 * @expected: waitqs: what it waits with
 * @may_fork: it has a TLS of its own
 * @self: its identity
 */
struct slot {
	uint32_t tid;
	uint32_t pid;
	uint32_t state;
	uint32_t life;
	uint32_t doomed;
	uint64_t progress;
	uint32_t mark;
	uint32_t seed;
	uint64_t done[OBJECTS];
	uint32_t taking;
	uint32_t held;
	uint32_t giving;
	uint32_t has;
	uint32_t expected;
	bool may_fork;
	struct ksync_thread self;
} __attribute__((aligned(64)));

/**
 * struct guard - what a lock protects, changed without atomics
 * @owner: who is inside: guard_mark() of a slot
 * @counter: sections so far
 * @mirror: the same, a moment later
 */
struct guard {
	uint32_t owner;
	uint64_t counter;
	uint64_t mirror;
};

/**
 * struct scene - what all tasks of a stage share
 * @row: which
 * @verbs: how its objects are used; another one where a fault is wanted
 * @pause: workers park
 * @active: those that work in this round
 * @round: counts; a futex
 * @over: workers end
 * @calm: nothing is done to the workers
 * @still: the disturber has seen @calm
 * @uncertain: tokens that may have gone with a dead task
 * @mended: how many of these were replaced
 * @guard: of each object
 * @count: for rows
 * @violation: the first; @detail says more
 * @value: numbers for people
 * @figure: enum figure
 * @slot: workers
 */
struct scene {
	const struct row *row;
	const struct verbs *verbs;
	uint32_t pause;
	uint32_t active;
	uint32_t round;
	uint32_t over;
	uint32_t calm;
	uint32_t still;
	uint32_t uncertain[OBJECTS];
	uint32_t mended[OBJECTS];
	struct guard guard[OBJECTS];
	uint64_t count[8];
	uint32_t violation;
	char detail[160];
	uint64_t value[2];
	uint64_t figure[FIGURES];
	struct slot slot[WORKERS];
};

union thing {
	struct ksync_object o;
	struct ksync_mutex mutex;
	struct ksync_spin spin;
	struct ksync_rwlock rwlock;
	struct ksync_sem sem;
	struct ksync_event event;
	struct ksync_cond cond;
	struct ksync_waitq waitq;
	struct ksync_barrier barrier;
};

/**
 * struct kit - this process's references
 * @d: domain
 * @thing: objects
 * @n: how many
 */
struct kit {
	struct ksync *d;
	union thing thing[OBJECTS];
	unsigned int n;
};

/**
 * struct verbs - the operations that a fault in user space replaces; NULL: the library's
 */
struct verbs {
	int (*lock)(union thing *t, struct slot *me);
	int (*unlock)(union thing *t, struct slot *me);
	int (*read)(union thing *t, struct slot *me);
	int (*take)(union thing *t, struct slot *me);
	int (*give)(union thing *t, struct slot *me);
	int (*wake)(union thing *t, struct slot *me);
	int (*signal)(union thing *cond, union thing *mutex, struct slot *me);
};

/**
 * struct row - a kind of object under torture
 * @name: for --kinds and TAP
 * @what: the test, as a sentence
 * @flags: for CREATE, and whatever the row wants to know
 * @deathless: nobody is killed, nor leaves
 * @create: fill the kit
 * @step: one operation by a worker
 * @bury: a worker has died: what it had goes back
 * @mend: all sleep: is that as it should be, or does a death explain it? Then they
 *	are set going again
 * @judge: all are parked: do the counts agree?
 * @free: of an object: the stage, alone, can use it
 * @script: instead of all that: a test of its own
 */
struct row {
	const char *name;
	const char *what;
	uint32_t flags;
	bool deathless;
	int (*create)(const struct row *row);
	void (*step)(struct slot *me);
	void (*bury)(struct slot *dead);
	bool (*mend)(void);
	void (*judge)(void);
	void (*free)(union thing *t);
	void (*script)(uint64_t end);
};

/* Options. */
extern unsigned int opt_seconds, opt_seed;
extern bool opt_hotplug;
extern bool opt_deadline;
extern bool opt_busted; /* a fault is looked for */

/* The stage's; workers have them by inheritance. */
extern struct scene *scene;
extern struct kit kit;

extern const struct row rows[];
extern const struct verbs library_verbs;

/* torture.c */
const char *violation_name(uint32_t v);
void violate(enum violation v, const char *detail, uint64_t a, uint64_t b);
void figure_add(enum figure f, uint64_t n);
const struct row *row_find(const char *name);

/* stage.c: run a row for a time; the scene tells how it went. */
struct scene *stage_run(const struct row *row, const struct verbs *verbs, uint64_t ns);
void stage_print_figures(const char *name, const struct scene *s);

/* crew.c */
void crew_begin(unsigned int seed);
void crew_tend(bool replace);
void crew_doom(const struct slot *s);
void crew_end(void);

/* worker.c */
uint32_t dice(struct slot *me);
bool chance(struct slot *me, uint32_t in);
void linger(struct slot *me);
void misfortune(struct slot *me, bool inside);
void work(struct slot *me);
bool tolerable(struct slot *me, int ret);
const struct timespec *pick_deadline(struct slot *me, struct timespec *ts);
int take_event(struct ksync_event *e, struct slot *me);

/* disturb.c */
pid_t disturb_start(unsigned int seed);
void disturb_pause(void);
void disturb_resume(void);
void disturb_rarely(void);
void disturb_end(void);

/* forgotten.c */
void forgotten_look(void);

/* watch.c */
bool watch_all_asleep(void);
void watch_priorities(void);
void watch_nothing_left(void);
void watch_describe(void);
unsigned int watch_slow(void);

/* guard.c */
uint32_t guard_mark(const struct slot *s);
void guard_enter(struct slot *me, unsigned int i, int ret);
void guard_leave(struct slot *me, unsigned int i);
void guard_judge(unsigned int i);
void token_bury(struct slot *dead);
bool token_mend(void);
void token_judge(unsigned int i, uint64_t initial, uint64_t now);

/* order.c, boost.c */
void order_script(uint64_t end);
void boost_script(uint64_t end);

/* The rows' own. */
int locks_create(const struct row *row);
void locks_step(struct slot *me);
void pairs_step(struct slot *me);
void locks_judge(void);
void locks_free(union thing *t);
int readers_create(const struct row *row);
void readers_step(struct slot *me);
int sem_create(const struct row *row);
int auto_create(const struct row *row);
void tokens_step(struct slot *me);
void tokens_judge(void);
void tokens_free(union thing *t);
int gate_create(const struct row *row);
void gate_step(struct slot *me);
bool gate_mend(void);
void gate_judge(void);
int conds_create(const struct row *row);
void conds_step(struct slot *me);
void conds_bury(struct slot *dead);
bool conds_mend(void);
void conds_judge(void);
int waitqs_create(const struct row *row);
void waitqs_step(struct slot *me);
void waitqs_bury(struct slot *dead);
void waitqs_judge(void);
bool waitqs_mend(void);
int mix_create(const struct row *row);
void any_step(struct slot *me);
void all_step(struct slot *me);
int polls_create(const struct row *row);
void polls_judge(void);
void polls_step(struct slot *me);
int meet_create(const struct row *row);
void meet_step(struct slot *me);
bool meet_mend(void);
void meet_judge(void);

/* busted.c */
int busted_all(unsigned int seconds);
int busted_one(const char *name, unsigned int seconds);

#endif /* KSYNC_TORTURE_H */
