/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Actors: tasks that have an address, and share nothing but messages (C. Hewitt, P.
 * Bishop and R. Steiger, 1973; links, monitors and exit signals as in Erlang: J.
 * Armstrong, "Making reliable distributed systems in the presence of software errors",
 * 2003).
 *
 * An actor is a task of any scheduler, and may do whatever tasks do.  A task that was
 * not spawned as one, and a plain thread, can become one: ksync_actor_attach().  What an
 * address names may be dead, or never have been: it never dangles, and is not used again.
 *
 * Functions return 0 or a negative errno, and do not change errno.  Deadlines are
 * absolute, on the clock of ksync_task_now(); NULL waits for ever.  Messages, and
 * exit signals, from one actor to another come in the order in which they were sent.
 *
 * How an actor ends.  Its function returns, or it calls ksync_actor_exit(): with a
 * reason.  Or an exit signal ends it: then its task is cancelled, so that what would make
 * it wait returns -ECANCELED, and its function is to return; the reason is that of the
 * signal, whatever it returns.  An actor that does not wait does not notice; nor while
 * ksync_task_cancel_disable() says so.  At its end, in this order: ksync locks that it
 * holds are left to the next owner as OWNER_DIED, names are given back, those that
 * monitor it or are linked to it are told, and messages that it has not received, or has
 * and did not free, are freed.
 */
#ifndef KSYNC_ACTOR_H
#define KSYNC_ACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ksync/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* So many bytes may a message have. */
#define KSYNC_MESSAGE_MAX	(16U << 20)

/* Tags from here on are the library's: -EINVAL to who sends with one. */
#define KSYNC_TAG_RESERVED	0xffff0000U
/* Somebody that is monitored has ended: struct ksync_ended; from: it; ref: the monitor. */
#define KSYNC_TAG_DOWN		0xffff0001U
/* An exit signal, to an actor that traps them: struct ksync_ended; from: who sent it. */
#define KSYNC_TAG_EXIT		0xffff0002U

/*
 * Reasons why an actor ends: 0, negative errnos, any positive number that the program
 * gives a meaning, and those here.
 */
#define KSYNC_EXIT_NORMAL	0
/* An exit signal that cannot be trapped.  Others are told KSYNC_EXIT_KILLED then. */
#define KSYNC_EXIT_KILL		(-5001)
#define KSYNC_EXIT_KILLED	(-5002)
/* Asked to end by its supervisor. */
#define KSYNC_EXIT_SHUTDOWN	(-5003)
/* There is none at that address any more, or never was. */
#define KSYNC_EXIT_NOPROC	(-5004)
/* The node that it is on cannot be reached. */
#define KSYNC_EXIT_NOCONNECTION	(-5005)

/**
 * struct ksync_pid - the address of an actor: a value, to be copied and sent
 * @id: of it on its node, never used again; 0: nobody
 * @node: which process; 0: this one
 * @incarnation: which life of that node; 0 on this one
 */
struct ksync_pid {
	uint64_t id;
	uint32_t node;
	uint32_t incarnation;
};

/** ksync_pid_equal() - do two addresses name the same actor? */
static inline bool ksync_pid_equal(struct ksync_pid a, struct ksync_pid b)
{
	return a.id == b.id && a.node == b.node && a.incarnation == b.incarnation;
}

/**
 * struct ksync_message - a message that was received
 * @from: who sent it; its id is 0 if that is no actor
 * @ref: by which an answer is recognised, see ksync_actor_call(); of
 *	KSYNC_TAG_DOWN: by which the monitor is; else 0
 * @tag: what it is
 * @size: of @data, in bytes
 * @data: aligned for any type
 */
struct ksync_message {
	struct ksync_pid from;
	uint64_t ref;
	uint32_t tag;
	uint32_t size;
#ifdef __cplusplus
	char data[1] __attribute__((aligned(16)));	/* it has no arrays without size */
#else
	char data[] __attribute__((aligned(16)));
#endif
};

/**
 * struct ksync_ended - what KSYNC_TAG_DOWN and KSYNC_TAG_EXIT say
 * @reason: why it has ended
 * @linked: KSYNC_TAG_EXIT: 1: it has ended, and was linked; 0: it has called
 *	ksync_actor_signal()
 */
struct ksync_ended {
	int reason;
	uint32_t linked;
};

/* Struct ksync_actor_attr.flags. */
#define KSYNC_ACTOR_LINK	1U	/* ksync_actor_link(), before it runs */
#define KSYNC_ACTOR_MONITOR	2U	/* ksync_actor_monitor(), before it runs */
#define KSYNC_ACTOR_TRAP	4U	/* ksync_actor_trap(), before it runs */

/**
 * struct ksync_actor_attr - how to start an actor; all zero is a good choice
 * @task: name and size of stack
 * @registered: ksync_actor_register(), before it runs; or NULL
 * @mailbox: how many messages may wait to be received; 0: any number
 * @flags: KSYNC_ACTOR_*
 * @monitor: KSYNC_ACTOR_MONITOR: set to what ksync_actor_demonitor() wants; or NULL
 */
struct ksync_actor_attr {
	struct ksync_task_attr task;
	const char *registered;
	uint32_t mailbox;
	uint32_t flags;
	uint64_t *monitor;
	uint64_t reserved[2];
};

/**
 * ksync_actor_spawn() - start an actor
 * @pid: set to its address; may be NULL
 * @fn: its function: returns the reason why it ends
 * @arg: its argument
 * @attr: or NULL
 *
 * Called by a task, and the new one belongs to the same scheduler; by an actor, if it is
 * to be linked or monitored.
 *
 * Return: 0; -ENOMEM, -EAGAIN (no thread; too many actors), -EEXIST (the name is
 * taken), -EINVAL (@attr; not called by a task, or actor), -ENAMETOOLONG.
 */
int ksync_actor_spawn(struct ksync_pid *pid, int (*fn)(void *arg), void *arg,
		      const struct ksync_actor_attr *attr);

/**
 * ksync_actor_spawn_on() - start an actor on a scheduler
 * @s: scheduler
 * @pid: set to its address; may be NULL
 * @fn: its function: returns the reason why it ends
 * @arg: its argument
 * @attr: or NULL
 *
 * Called by anybody.
 *
 * Return: as ksync_actor_spawn().
 */
int ksync_actor_spawn_on(struct ksync_sched *s, struct ksync_pid *pid,
			 int (*fn)(void *arg), void *arg,
			 const struct ksync_actor_attr *attr);

/**
 * ksync_actor_run() - start an actor, and wait for its end
 * @s: scheduler
 * @fn: its function: returns the reason why it ends
 * @arg: its argument
 * @attr: without KSYNC_ACTOR_LINK and KSYNC_ACTOR_MONITOR; or NULL
 * @reason: set to why it has ended; may be NULL
 *
 * Called by a plain thread: ksync_sched_run() for an actor.
 *
 * Return: as ksync_actor_spawn() and ksync_sched_run().
 */
int ksync_actor_run(struct ksync_sched *s, int (*fn)(void *arg), void *arg,
		    const struct ksync_actor_attr *attr, int *reason);

/**
 * ksync_actor_attach() - the calling task, or plain thread, becomes an actor
 * @attr: without @task, KSYNC_ACTOR_LINK and KSYNC_ACTOR_MONITOR; or NULL
 *
 * Until ksync_actor_detach(), or its end, which is KSYNC_EXIT_NORMAL.  An exit
 * signal cancels it.
 *
 * Return: 0; -EBUSY (it is one), otherwise as ksync_actor_spawn().
 */
int ksync_actor_attach(const struct ksync_actor_attr *attr);

/**
 * ksync_actor_detach() - the actor ends, and the task or thread goes on
 * @reason: why
 *
 * For one that was attached.  Afterwards a thread is not cancelled any more.
 *
 * Return: 0; -EINVAL (it was not).
 */
int ksync_actor_detach(int reason);

/** ksync_actor_self() - the caller's address; id 0: it is no actor */
struct ksync_pid ksync_actor_self(void);

/**
 * ksync_actor_exit() - end the calling actor here
 * @reason: why; KSYNC_EXIT_KILL is taken for KSYNC_EXIT_KILLED
 *
 * Does not return.  Nothing of the functions that called this is undone: what they
 * have allocated stays.  Of one that was attached the task, or thread, ends.  Aborts
 * the program if the caller is no actor.
 */
void ksync_actor_exit(int reason) __attribute__((noreturn));

/** ksync_actor_alive() - has it not ended yet?  Of those on this node. */
bool ksync_actor_alive(struct ksync_pid pid);

/**
 * ksync_actor_send() - send a message
 * @to: whom; the caller may be anybody
 * @tag: what it is, below KSYNC_TAG_RESERVED
 * @data: copied, @size bytes; may be NULL if there are none
 * @size: at most KSYNC_MESSAGE_MAX
 *
 * Waits for room in the mailbox, if that is bounded; those that wait are served in turn.
 *
 * Return: 0: it is in the mailbox, or on its way to another node; -ESRCH (nobody is
 * there: an address may name one that has ended), -ECANCELED (the caller is cancelled,
 * and would have to wait), -EDEADLK (the caller's own mailbox is full), -ENOMEM,
 * -EMSGSIZE (@size), -EINVAL (@tag).
 */
int ksync_actor_send(struct ksync_pid to, uint32_t tag, const void *data, size_t size);

/**
 * ksync_actor_send_timed() - the same, until a point in time
 * @to: whom
 * @tag: what it is
 * @data: copied
 * @size: of it
 * @abs: deadline
 *
 * Return: as ksync_actor_send(); -ETIMEDOUT, -EINVAL (tv_nsec).
 */
int ksync_actor_send_timed(struct ksync_pid to, uint32_t tag, const void *data,
			   size_t size, const struct timespec *abs);

/* Return: as ksync_actor_send(), without waiting; -EAGAIN: the mailbox is full. */
int ksync_actor_send_try(struct ksync_pid to, uint32_t tag, const void *data, size_t size);

/**
 * ksync_actor_receive() - get the first message
 * @m: set to it: the caller's, until ksync_message_free() or ksync_actor_forward(); or
 *	its end
 *
 * Return: 0; -ECANCELED (the caller is cancelled, or has got an exit signal: said
 * even if there are messages, and no message is lost), -EINVAL (it is no actor),
 * -ENOMEM.
 */
int ksync_actor_receive(struct ksync_message **m);

/* Return: as ksync_actor_receive(); -ETIMEDOUT, -EINVAL (tv_nsec). */
int ksync_actor_receive_timed(struct ksync_message **m, const struct timespec *abs);

/* Return: as ksync_actor_receive(), without waiting; -EAGAIN: there is none. */
int ksync_actor_receive_try(struct ksync_message **m);

/**
 * ksync_actor_receive_if() - get the first message that matches
 * @m: set to it
 * @match: says whether one does; must not wait, nor send, nor receive
 * @arg: its second argument
 * @abs: deadline; one that is over: without waiting
 *
 * Selective receive: other messages stay, in their order.  Each one is looked at
 * once in a call.
 *
 * A bounded mailbox may be full of what does not match: then the message that this
 * waits for does not come.
 *
 * Return: as ksync_actor_receive(); -ETIMEDOUT (whatever there was has been looked at),
 * -EINVAL (tv_nsec).
 */
int ksync_actor_receive_if(struct ksync_message **m,
			   bool (*match)(const struct ksync_message *m, void *arg),
			   void *arg, const struct timespec *abs);

/**
 * ksync_actor_receive_tags() - get the first message with one of some tags
 * @m: set to it
 * @tags: of @n elements
 * @n: number
 * @abs: deadline; one that is over: without waiting
 *
 * Return: as ksync_actor_receive_if().
 */
int ksync_actor_receive_tags(struct ksync_message **m, const uint32_t *tags, size_t n,
			     const struct timespec *abs);

/** ksync_message_free() - by the actor that has received it; NULL: nothing */
void ksync_message_free(struct ksync_message *m);

/**
 * ksync_actor_forward() - send a message on, as from who sent it
 * @to: whom
 * @m: that the caller has received, with a tag below KSYNC_TAG_RESERVED; if this
 *	returns 0, not the caller's any more
 *
 * With its ref: whoever gets it can answer a call.
 *
 * Return: as ksync_actor_send().
 */
int ksync_actor_forward(struct ksync_pid to, struct ksync_message *m);

/**
 * ksync_actor_call() - send a message, and wait for the answer
 * @to: whom
 * @tag: of the message
 * @data: copied
 * @size: of it
 * @answer: set to what ksync_actor_reply() was given: the caller's, as if received
 * @abs: deadline, of it all
 *
 * Called by an actor.  Monitors @to meanwhile.  Other messages stay; an answer that
 * comes too late is dropped.
 *
 * Return: 0; -ETIMEDOUT, -ESRCH (it is dead, or has ended without an answer),
 * -ENOTCONN (its node cannot be reached), otherwise as ksync_actor_send() and
 * ksync_actor_receive().
 */
int ksync_actor_call(struct ksync_pid to, uint32_t tag, const void *data, size_t size,
		     struct ksync_message **answer, const struct timespec *abs);

/**
 * ksync_actor_reply() - answer a call
 * @call: the message of ksync_actor_call(), which stays the caller's
 * @tag: of the answer
 * @data: copied
 * @size: of it
 *
 * By whoever has the message; once.  Never waits: an answer takes no room in a bounded
 * mailbox.
 *
 * Return: 0; -ESRCH, -ENOMEM, -EMSGSIZE, -EINVAL (@tag; @call was not sent by
 * ksync_actor_call()).
 */
int ksync_actor_reply(const struct ksync_message *call, uint32_t tag, const void *data,
		      size_t size);

/**
 * ksync_actor_link() - when one of two ends, the other gets an exit signal
 * @pid: the other one; linked already, or the caller: nothing
 *
 * Called by an actor.  If it is dead, the caller gets an exit signal with
 * KSYNC_EXIT_NOPROC.
 *
 * Return: 0; -ENOMEM, -EINVAL (the caller is no actor).
 */
int ksync_actor_link(struct ksync_pid pid);

/**
 * ksync_actor_unlink() - undo it, from either side
 * @pid: the other one
 *
 * Once this has returned, no exit signal comes of that link; a message of
 * KSYNC_TAG_EXIT may be in the mailbox already.
 *
 * Return: 0; -EINVAL (the caller is no actor).
 */
int ksync_actor_unlink(struct ksync_pid pid);

/**
 * ksync_actor_trap() - get exit signals as messages of KSYNC_TAG_EXIT
 *
 * Of all reasons, KSYNC_EXIT_NORMAL too; but KSYNC_EXIT_KILL of ksync_actor_signal()
 * ends the caller nevertheless.
 *
 * Return: 0; -EINVAL (the caller is no actor).
 */
int ksync_actor_trap(void);

/** ksync_actor_untrap() - end by exit signals, as one that never called _trap() */
int ksync_actor_untrap(void);

/**
 * ksync_actor_signal() - send an exit signal
 * @pid: whom; the caller may be anybody
 * @reason: KSYNC_EXIT_NORMAL: nothing, unless it is trapped; KSYNC_EXIT_KILL: see there
 *
 * Does not wait for its end.
 *
 * Return: 0, whether anybody is there or not; -ENOMEM (it traps).
 */
int ksync_actor_signal(struct ksync_pid pid, int reason);

/**
 * ksync_actor_monitor() - get a message when an actor ends
 * @pid: it
 * @ref: set to what the message will have in its ref
 *
 * Called by an actor.  Exactly one message of KSYNC_TAG_DOWN comes for each call, at
 * once with KSYNC_EXIT_NOPROC if it is dead; with KSYNC_EXIT_NOCONNECTION, if its node
 * cannot be reached any more.  Memory for it is allocated now.  It takes no room in a
 * bounded mailbox.
 *
 * Return: 0; -ENOMEM, -EINVAL (the caller is no actor).
 */
int ksync_actor_monitor(struct ksync_pid pid, uint64_t *ref);

/* ksync_actor_demonitor(): if the message has come already, free it. */
#define KSYNC_DEMONITOR_FLUSH	1U

/**
 * ksync_actor_demonitor() - stop that
 * @ref: of a call of the same actor
 * @flags: 0 or KSYNC_DEMONITOR_FLUSH
 *
 * Return: 0: no message will come; -ENOENT: no such monitor, or the other one has
 * ended: the message has been received, or comes, but not after a flush; -EINVAL (the
 * caller is no actor; @flags).
 */
int ksync_actor_demonitor(uint64_t ref, uint32_t flags);

/* Names have less bytes than this. */
#define KSYNC_ACTOR_NAME_LEN	64

/**
 * ksync_actor_register() - give an actor a name in this process
 * @name: copied
 * @pid: it; of this node, or of another
 *
 * It may have several.  They are given back before others are told of its end; those of
 * actors of other nodes when somebody unregisters them.
 *
 * Return: 0; -EEXIST, -ESRCH (it is dead), -ENAMETOOLONG, -EINVAL (empty), -ENOMEM.
 */
int ksync_actor_register(const char *name, struct ksync_pid pid);

/** ksync_actor_unregister() - take a name back. Return: 0; -ENOENT. */
int ksync_actor_unregister(const char *name);

/** ksync_actor_whereis() - who has a name. Return: 0; -ENOENT (and @pid is nobody's). */
int ksync_actor_whereis(const char *name, struct ksync_pid *pid);

/**
 * struct ksync_actor_info - what can be seen of an actor from outside
 * @links: how many are linked to it
 * @monitors: how many monitor it
 * @traps: ksync_actor_trap()
 */
struct ksync_actor_info {
	uint32_t links;
	uint32_t monitors;
	bool traps;
};

/** ksync_actor_info() - look at one of this node. Return: 0; -ESRCH. */
int ksync_actor_info(struct ksync_pid pid, struct ksync_actor_info *info);

#ifdef __cplusplus
}
#endif

#include <ksync/actor_message.h>

#endif /* KSYNC_ACTOR_H */
