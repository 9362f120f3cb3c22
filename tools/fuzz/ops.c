// SPDX-License-Identifier: GPL-2.0
/*
 * The table of calls, how often each is made, and the arguments of those that are no
 * ioctls.
 */
#include <poll.h>
#include "fuzz.h"
#include "commands.h"

/* Others. Their first argument is a slot of descriptors. */
#define A(name, type, par)	{ name, ARG_##type, par, NOWHERE }

static const struct arg wild_args[] = {
	A("fd", FD, ANY_FD),
	A("cmd", SMALL, 256),
	A("place", PLACE, 0),
	A("seed", SEED, 0),
};

static const struct arg open_args[] = {
	A("slot", SMALL, DOMAINS),
	A("flags", FLAGS, 0x8c3),
};

static const struct arg close_args[] = {
	A("fd", FD, OWN_FD),
};

static const struct arg dup_args[] = {
	A("fd", FD, ANY_FD),
	A("how", SMALL, 4),
	A("slot", SMALL, SLOTS),
};

static const struct arg file_args[] = {
	A("fd", FD, ANY_FD),
	A("what", SMALL, 13),
	A("seed", SEED, 0),
};

static const struct arg proc_args[] = {
	A("fd", FD, ANY_FD),
	A("what", SMALL, 6),
	A("size", SMALL, 4096),
};

static const struct arg send_args[] = {
	A("fd", FD, ANY_FD),
	A("other", FD, ANY_FD),
};

static const struct arg receive_args[] = {
	A("slot", SMALL, SLOTS),
};

static const struct arg poll_args[] = {
	A("fd", FD, POLLED_FD),
	A("count", SMALL, POLLED),
	A("us", SMALL, 2000),
	A("select", SMALL, 3),
};

static const struct arg epoll_ctl_args[] = {
	A("fd", FD, EPOLL_FD),
	A("what", SMALL, 4),
	A("target", FD, POLLED_FD),
	A("events", SEED, 0),
};

static const struct arg epoll_wait_args[] = {
	A("fd", FD, EPOLL_FD),
	A("ms", SMALL, 3),
};

static const struct arg map_args[] = {
	A("fd", FD, DOMAIN_FD),
	A("pages", SMALL, 65),
	A("prot", SMALL, 8),
	A("private", PAD, 0),
	A("offset", PAD, 0),
};

static const struct arg memory_args[] = {
	A("fd", FD, DOMAIN_FD),
	A("what", SMALL, 14),
	A("page", SMALL, 64),
	A("pages", SMALL, 64),
};

static const struct arg poke_args[] = {
	A("fd", FD, DOMAIN_FD),
	A("id", ID, ALL),
	A("field", SMALL, 20),
	A("how", SMALL, 8),
	A("value", U32, 0),
};

static const struct arg fast_args[] = {
	A("fd", FD, DOMAIN_FD),
	A("id", ID, LOCKS | COUNTED | K(COND) | K(WAITQ)),
	A("what", SMALL, 10),
};

static const struct arg fork_args[] = {
	A("fd", FD, DOMAIN_FD),
	A("what", SMALL, 6),
	A("id", ID, LOCKS),
};

static const struct arg sched_args[] = {
	A("what", SMALL, 8),
	A("prio", SMALL, 40),
};

static const struct arg ring_args[] = {
	A("ring", SMALL, 2),
	A("flags", SMALL, 8),
};

static const struct arg sqe_args[] = {
	A("fd", FD, DOMAIN_FD),
	A("ring", SMALL, 2),
	A("cmd", SMALL, 12),
	A("id", ID, ALL),
	A("flags", FLAGS, KSYNC_URING_DEADLINE | KSYNC_RELEASE_PULSE),
	A("value", SMALL, 4),
	A("thread", THREAD, 0),
	A("bitset", PAD, 0),
	A("deadline", DEADLINE, 0),
	A("sqe_flags", SMALL, 64),
	A("user_data", SMALL, 16),
};

static const struct arg enter_args[] = {
	A("ring", SMALL, 2),
	A("wait", SMALL, 3),
	A("us", SMALL, 1500),
};

#define COMMAND(NAME, verb, often, kind, call_outs, call_nr_outs) \
	{ #verb, often, verb##_args, NR(verb##_args), call_ioctl, KSYNC_IOC_##NAME, \
	  sizeof(struct ksync_##verb), kind, call_outs, call_nr_outs, verb##_answers }
#define IN(NAME, verb, often, kind) COMMAND(NAME, verb, often, kind, NULL, 0)
#define INOUT(NAME, verb, often, kind) \
	COMMAND(NAME, verb, often, kind, verb##_outs, NR(verb##_outs))
#define OTHER(verb, often) \
	{ #verb, often, verb##_args, NR(verb##_args), call_##verb, 0, 0, ANY_FD, NULL, 0, NULL }

const struct op ops[] = {
	INOUT(INFO, info, 40, DOMAIN_FD),
	IN(CREATE, create, 120, DOMAIN_FD),
	INOUT(DESTROY, destroy, 50, DOMAIN_FD),
	INOUT(ATTACH, attach, 120, DOMAIN_FD),
	INOUT(CEILING, ceiling, 25, DOMAIN_FD),
	IN(SETTLE, settle, 20, DOMAIN_FD),
	IN(NAME, name, 30, DOMAIN_FD),
	INOUT(QUERY, query, 60, DOMAIN_FD),
	IN(LOCK, lock, 400, DOMAIN_FD),
	IN(UNLOCK, unlock, 400, DOMAIN_FD),
	IN(WAIT, wait, 120, DOMAIN_FD),
	INOUT(WAKE, wake, 120, DOMAIN_FD),
	INOUT(REQUEUE, requeue, 60, DOMAIN_FD),
	IN(ACQUIRE, acquire, 120, DOMAIN_FD),
	INOUT(RELEASE, release, 150, DOMAIN_FD),
	INOUT(COND_WAIT, cond_wait, 120, DOMAIN_FD),
	INOUT(COND_SIGNAL, cond_signal, 90, DOMAIN_FD),
	INOUT(MANY, many, 250, DOMAIN_FD),
	INOUT(FD, fd, 60, DOMAIN_FD),
	IN(EXPECT, expect, 30, POLLED_FD),
	OTHER(wild, 30),
	OTHER(open, 20),
	OTHER(close, 25),
	OTHER(dup, 20),
	OTHER(file, 30),
	OTHER(proc, 8),
	OTHER(send, 15),
	OTHER(receive, 15),
	OTHER(poll, 50),
	OTHER(epoll_ctl, 40),
	OTHER(epoll_wait, 30),
	OTHER(map, 25),
	OTHER(memory, 25),
	OTHER(poke, 200),
	OTHER(fast, 300),
	OTHER(fork, 1),
	OTHER(sched, 8),
	{ "leave", 1, NULL, 0, call_leave, 0, 0, ANY_FD, NULL, 0, NULL },
	OTHER(ring, 2),
	OTHER(sqe, 120),
	OTHER(enter, 60),
};

const unsigned int nr_ops = NR(ops);
