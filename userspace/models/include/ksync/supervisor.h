/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Supervisors: actors that start other actors, and start them again when they fail.  What
 * they do is what the supervisors of Erlang/OTP do (J. Armstrong, "Making reliable
 * distributed systems in the presence of software errors", 2003; the reference manual of
 * stdlib's supervisor); of that, auto_shutdown and simple_one_for_one are not here.
 *
 * A supervisor is linked to who started it, its parent, and ends with it.  Children are
 * linked to their supervisor, and end with it, whatever ends it.
 *
 * Functions return 0 or a negative errno, and do not change errno.  They are called by
 * actors of the supervisor's node, wait for its answer, and return -ECANCELED if the
 * caller is cancelled meanwhile, -ESRCH if it has ended, -EDEADLK if it is the caller,
 * -EINVAL if the caller is no actor, -EOPNOTSUPP if it is on another node, -ENOMEM.
 * While a supervisor stops or starts a child it answers nobody.
 */
#ifndef KSYNC_SUPERVISOR_H
#define KSYNC_SUPERVISOR_H

#include <ksync/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Names of children have less bytes than this. */
#define KSYNC_CHILD_ID_LEN	32

/* So many restarts may be allowed in a period. */
#define KSYNC_INTENSITY_MAX	65536U

/**
 * enum ksync_strategy - who is started again when a child fails
 * @KSYNC_ONE_FOR_ONE: it
 * @KSYNC_ONE_FOR_ALL: all: the others are stopped first
 * @KSYNC_REST_FOR_ONE: it, and those that were started after it, which are stopped first
 *
 * Those that are stopped are so in the reverse order of their start.  Temporary ones
 * among them are forgotten.  One_for_all starts all others, those too that did not run.
 */
enum ksync_strategy {
	KSYNC_ONE_FOR_ONE,
	KSYNC_ONE_FOR_ALL,
	KSYNC_REST_FOR_ONE,
};

/**
 * enum ksync_restart - when a child has failed
 * @KSYNC_PERMANENT: when it ends
 * @KSYNC_TRANSIENT: when it ends with a reason that is neither KSYNC_EXIT_NORMAL nor
 *	KSYNC_EXIT_SHUTDOWN; else it stays known, and does not run
 * @KSYNC_TEMPORARY: never: when it ends it is forgotten
 */
enum ksync_restart {
	KSYNC_PERMANENT,
	KSYNC_TRANSIENT,
	KSYNC_TEMPORARY,
};

enum ksync_child_type {
	KSYNC_WORKER,
	KSYNC_SUPERVISOR,
};

/* Struct ksync_child.shutdown: 5 s; of a supervisor, without end. */
#define KSYNC_SHUTDOWN_DEFAULT	0
/* KSYNC_EXIT_KILL at once. */
#define KSYNC_SHUTDOWN_KILL	(UINT64_MAX - 1)
#define KSYNC_SHUTDOWN_INFINITY	UINT64_MAX

/* From struct ksync_child.start: there is nothing to run now. */
#define KSYNC_CHILD_IGNORE	1

/**
 * struct ksync_child - how a child is started, and stopped
 * @id: its name within the supervisor, copied
 * @start: starts it; NULL: an actor that runs @fn.  Called by the supervisor.  Sets @pid
 *	and returns 0; or a negative errno, or KSYNC_CHILD_IGNORE.  What it starts is
 *	linked to the supervisor then.  ksync_supervisor_child() starts a supervisor
 * @fn: its function, see ksync_actor_spawn()
 * @arg: argument of either
 * @attr: with @fn: what the actor is like, but for KSYNC_ACTOR_MONITOR; or NULL
 * @shutdown: how long it may take to end, in ns, after it has got an exit signal of
 *	KSYNC_EXIT_SHUTDOWN; then it gets KSYNC_EXIT_KILL.  Or KSYNC_SHUTDOWN_*
 * @restart: enum ksync_restart
 * @type: enum ksync_child_type
 *
 * What @arg and @attr point to lives as long as the supervisor, or until the child is
 * forgotten.
 *
 * KSYNC_EXIT_KILL ends who waits, or looks: a child that does neither holds its
 * supervisor up for ever.
 */
struct ksync_child {
	const char *id;
	int (*start)(struct ksync_pid *pid, void *arg);
	int (*fn)(void *arg);
	void *arg;
	const struct ksync_actor_attr *attr;
	uint64_t shutdown;
	uint32_t restart;
	uint32_t type;
	uint64_t reserved[2];
};

enum ksync_report_what {
	KSYNC_REPORT_STARTED,		/* pid: the child */
	KSYNC_REPORT_FAILED,		/* to start; reason: what start returned */
	KSYNC_REPORT_ENDED,		/* by itself */
	KSYNC_REPORT_STOPPED,		/* by the supervisor */
	KSYNC_REPORT_KILLED,		/* by the supervisor, for it was too slow */
	KSYNC_REPORT_GAVE_UP,		/* too many restarts, of this one at last */
};

/**
 * struct ksync_report - something that a supervisor has done, or seen
 * @what: enum ksync_report_what
 * @reason: why the child has ended
 * @id: of the child, valid until the function returns
 * @pid: of the child; its id is 0 if it was not started
 */
struct ksync_report {
	uint32_t what;
	int reason;
	const char *id;
	struct ksync_pid pid;
};

/**
 * struct ksync_supervisor_attr - how to start a supervisor
 * @children: started one after the other, in this order
 * @n: how many
 * @strategy: enum ksync_strategy
 * @intensity: so many restarts, in @period, it makes; at one more it stops all children
 *	and ends with KSYNC_EXIT_SHUTDOWN
 * @period: in ns; 0: 5 s
 * @registered: its name, see ksync_actor_register(); or NULL
 * @report: is called by the supervisor, and must not wait; or NULL
 * @report_arg: its second argument
 *
 * A restart that is tried again, because the child could not be started, is another
 * restart; one that concerns several children is one.
 */
struct ksync_supervisor_attr {
	const struct ksync_child *children;
	size_t n;
	uint32_t strategy;
	uint32_t intensity;
	uint64_t period;
	const char *registered;
	void (*report)(const struct ksync_report *report, void *arg);
	void *report_arg;
	uint64_t reserved[2];
};

/**
 * ksync_supervisor_start() - start a supervisor, and its children
 * @pid: set to its address
 * @attr: how
 *
 * The caller, an actor that is a task, is its parent.  If a child cannot be started those
 * that were are stopped, and the supervisor ends; the caller gets no exit signal then.
 *
 * Return: 0; -EINVAL (@attr), -ENOTUNIQ (two children with one id), -EEXIST (@registered
 * is taken), -EAGAIN (no thread; too many actors), or what the start of a child failed
 * with.
 */
int ksync_supervisor_start(struct ksync_pid *pid, const struct ksync_supervisor_attr *attr);

/** ksync_supervisor_child() - struct ksync_child.start; @arg: struct ksync_supervisor_attr */
int ksync_supervisor_child(struct ksync_pid *pid, void *arg);

/**
 * ksync_supervisor_stop() - stop all children, in reverse order, and the supervisor
 * @supervisor: its address
 * @reason: that it ends with.  A parent that is not to end with it takes
 *	KSYNC_EXIT_NORMAL
 *
 * Returns when it has ended.  One that is a child may be started again.
 *
 * Return: 0 or an error, see above.
 */
int ksync_supervisor_stop(struct ksync_pid supervisor, int reason);

/**
 * ksync_supervisor_start_child() - add a child, and start it
 * @supervisor: its address
 * @child: copied
 * @pid: set to the child's address, id 0 if it does not run; may be NULL
 *
 * The child is the last one then, in the order of starts.  One that cannot be started is
 * not added.
 *
 * Return: 0; -ENOTUNIQ: there is one with that id, *@pid, which may not run; -EINVAL
 * (@child); or what its start failed with.
 */
int ksync_supervisor_start_child(struct ksync_pid supervisor,
				 const struct ksync_child *child, struct ksync_pid *pid);

/**
 * ksync_supervisor_terminate_child() - stop a child
 * @supervisor: its address
 * @id: the child's
 *
 * It stays known, unless it is temporary, and may be started again.  One that does not
 * run is no error.
 *
 * Return: 0; -ENOENT.
 */
int ksync_supervisor_terminate_child(struct ksync_pid supervisor, const char *id);

/**
 * ksync_supervisor_restart_child() - start a child that does not run
 * @supervisor: its address
 * @id: the child's
 * @pid: set to the child's address; may be NULL
 *
 * Return: 0; -ENOENT; -EBUSY: it runs; -EINPROGRESS: it is about to be started again; or
 * what its start failed with.
 */
int ksync_supervisor_restart_child(struct ksync_pid supervisor, const char *id,
				   struct ksync_pid *pid);

/**
 * ksync_supervisor_delete_child() - forget a child that does not run
 * @supervisor: its address
 * @id: the child's
 *
 * Return: 0; -ENOENT; -EBUSY: it runs; -EINPROGRESS: it is about to be started again.
 */
int ksync_supervisor_delete_child(struct ksync_pid supervisor, const char *id);

/**
 * struct ksync_child_info - what a supervisor knows of a child
 * @id: its name
 * @pid: its address; id 0: it does not run
 * @restarting: it is about to be started again
 * @restart: enum ksync_restart
 * @type: enum ksync_child_type
 * @reserved: 0
 */
struct ksync_child_info {
	char id[KSYNC_CHILD_ID_LEN];
	struct ksync_pid pid;
	uint32_t restarting;
	uint32_t restart;
	uint32_t type;
	uint32_t reserved;
};

/**
 * ksync_supervisor_which_children() - list the children, in the order of their start
 * @supervisor: its address
 * @list: set, as far as there is room
 * @room: how many have room there
 *
 * Return: how many there are, may be more than @room; or an error; -EMSGSIZE: more than
 * a message can tell.
 */
int ksync_supervisor_which_children(struct ksync_pid supervisor,
				    struct ksync_child_info *list, size_t room);

/**
 * struct ksync_child_counts - how many children there are
 * @specs: that are known
 * @active: of these, that run
 * @supervisors: of those known
 * @workers: of those known
 */
struct ksync_child_counts {
	uint32_t specs;
	uint32_t active;
	uint32_t supervisors;
	uint32_t workers;
};

/** ksync_supervisor_count_children() - count them. Return: 0 or an error, see above */
int ksync_supervisor_count_children(struct ksync_pid supervisor,
				    struct ksync_child_counts *counts);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_SUPERVISOR_H */
