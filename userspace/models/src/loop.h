/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What reactors and proactors share.  A turn of a loop:
 *
 *	wait		until something comes, a timer is due, or somebody pokes
 *	dispatch	handlers of what has come
 *	timers		that are due
 *	jobs		that others have posted
 *
 * All of a loop is used by its runner only, but for what is said to be shared.
 */
#ifndef KSYNC_MODELS_LOOP_H
#define KSYNC_MODELS_LOOP_H

#include <ksync/proactor.h>
#include <ksync/reactor.h>
#include "internal.h"

/* A system call's result, or a negative errno, which stays as it was. */
#define NEGATIVE(call) ({						\
	int saved_ = *ksync_errno_location();				\
	long ret_ = (call);						\
	if (ret_ < 0)							\
		ret_ = -*ksync_errno_location();			\
	*ksync_errno_location() = saved_;				\
	ret_;								\
})

/* What a task waits for. */
enum await_kind {
	AWAIT_READY,
	AWAIT_READ,
	AWAIT_WRITE,
	AWAIT_ACCEPT,
	AWAIT_CONNECT,
};

struct await {
	enum await_kind kind;
	int fd;
	uint32_t events;	/* KSYNC_READABLE, KSYNC_WRITABLE: one of them */
	void *buf;
	size_t n;
	uint64_t deadline;
};

/**
 * struct listener - a descriptor of the loop's own
 * @fn: called when it is readable
 */
struct listener {
	struct ksync_watch watch;
	struct ksync_op op;
	void (*fn)(struct ksync_loop *l);
};

/**
 * struct port - a descriptor that tasks wait for
 * @lock: protects what follows
 * @ready: events that have come while nobody waited
 * @registered: epoll tells of it until it is closed
 * @waiter: of a reactor: to read [0] and to write [1]
 * @next: in the list of those whose waiters have changed, if @listed
 * @request: of a proactor: to read [0] and to write [1]
 */
struct port {
	uint32_t lock;
	uint32_t ready;
	bool registered;
	bool listed;
	int fd;
	struct ksync_ticket waiter[2];
	struct port *next;
	struct request *request[2];
};

#define PORTS		256U
#define PORT_BLOCKS	16384U	/* 4 million descriptors */

static inline int port_index(uint32_t events)
{
	return events == KSYNC_WRITABLE;
}

/**
 * struct loop_engine - a reactor, or a proactor
 * @enter: the caller is going to run it; NULL: anybody may
 * @wait: until @until in ns of CLOCK_MONOTONIC; 0: look only. How much has come, or an
 *	error.  The caller may hold no proc
 * @dispatch: call handlers
 * @await: for tasks, called by anybody: what came of it, or -EAGAIN: try now
 * @forget: for tasks: a descriptor is going to be closed
 * @destroy: free what is the engine's, and the loop
 */
struct loop_engine {
	int (*enter)(struct ksync_loop *l);
	int (*wait)(struct ksync_loop *l, uint64_t until);
	void (*dispatch)(struct ksync_loop *l);
	int (*listen)(struct ksync_loop *l, struct listener *li, int fd);
	void (*unlisten)(struct ksync_loop *l, struct listener *li);
	ssize_t (*await)(struct ksync_loop *l, const struct await *a);
	void (*forget)(struct ksync_loop *l, int fd);
	int (*destroy)(struct ksync_loop *l);
	bool one_thread;
};

/**
 * struct ksync_loop - a loop, the first member of a reactor or proactor
 * @running: it has a runner; shared
 * @runner: who it is; shared
 * @machine: the only one that its runner, a task, ever runs on; shared
 * @now: when this turn began
 * @firing: timers are being called
 * @heap: of timers, each with 4 children; the first @n of @room
 * @event: an eventfd, by which @wake is poked; shared
 * @jobs: posted, the last one first; shared
 * @asleep: pokes are needed; shared
 * @stop: ksync_loop_stop(); shared
 * @ports: by descriptor; shared, as are the ports
 * @signals: handlers, of which @signal_fd tells
 */
struct ksync_loop {
	const struct loop_engine *engine;
	uint32_t flags;
	uint32_t running;
	struct ksync_task *runner;
	struct machine *machine;
	uint64_t now;
	bool firing;
	struct ksync_loop_timer **heap;
	uint32_t n;
	uint32_t room;
	uint64_t timer_seq;
	struct listener wake;
	struct listener signal;
	struct ksync_loop_signal *signals;
	int signal_fd;
	int pipe_in;
	int event;
	struct port **ports;
	struct ksync_loop_job *jobs __attribute__((aligned(64)));
	uint32_t asleep;
	uint32_t stop;
};

/* loop.c */
int ksync_loop_init(struct ksync_loop *l, const struct loop_engine *engine, uint32_t flags);
void ksync_loop_fini(struct ksync_loop *l);
void ksync_loop_poke(struct ksync_loop *l);
int ksync_loop_sleep_fd(struct ksync_loop *l, uint64_t until);

/* loop_port.c */
struct port *ksync_port_find(struct ksync_loop *l, int fd);
struct port *ksync_port_get(struct ksync_loop *l, int fd);
void ksync_ports_free(struct ksync_loop *l);

/* loop_nap.c */
int ksync_loop_nap(struct ksync_loop *l, uint64_t until);

/* loop_post.c */
bool ksync_loop_jobs_run(struct ksync_loop *l);

/* loop_timer.c */
uint64_t ksync_loop_timers_next(const struct ksync_loop *l);
void ksync_loop_timers_run(struct ksync_loop *l);

/* loop_signal.c */
void ksync_loop_signals_end(struct ksync_loop *l);

static inline uint64_t loop_clock(void)
{
	return ksync_clock(NULL);
}

/* For system calls: ns from now until a point in time. */
static inline struct timespec loop_left(uint64_t until)
{
	uint64_t now = loop_clock(), ns = until > now ? until - now : 0;

	return (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
}

#endif /* KSYNC_MODELS_LOOP_H */
