/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What the files of reactors share.
 *
 * Who watches a descriptor is looked up by its number, never by a pointer that the
 * kernel kept: an event says for which registration it is, and if that is gone, or the
 * number has another one, the event is stale and dropped.
 */
#ifndef KSYNC_MODELS_REACTOR_H
#define KSYNC_MODELS_REACTOR_H

#include <sys/epoll.h>
#include "loop.h"

/* In an event's data: the descriptor below, the generation above; or it is a task's. */
#define REACTOR_TASK	0x8000000000000000ULL
#define REACTOR_GEN	0x7fffffffU

#define ERRORS		(EPOLLERR | EPOLLHUP)
#define POLL_NVAL	0x20U

/**
 * struct slot - what a reactor knows of a descriptor
 * @watch: or NULL
 * @gen: of its registration
 * @index: in the array of poll(2), plus one
 * @tasks: events that tasks wait for, as the backend knows it: not epoll
 */
struct slot {
	struct ksync_watch *watch;
	uint32_t gen;
	uint32_t index;
	uint32_t tasks;
};

/**
 * struct backend - epoll, poll or select
 * @set: watch @fd for @to instead of @from; 0: not at all
 * @wait: fill in r->batch; how many, or an error
 * @max: one more than the greatest descriptor; 0: no limit
 */
struct backend {
	int (*init)(struct ksync_loop *l);
	int (*set)(struct ksync_loop *l, int fd, uint32_t from, uint32_t to);
	int (*wait)(struct ksync_loop *l, uint64_t until);
	void (*destroy)(struct ksync_loop *l);
	int max;
	bool edge;
};

/**
 * struct reactor - a reactor
 * @slots: by descriptor, @nslots of them
 * @batch: events that have come: room for @room, @nbatch of them
 * @changed: ports whose waiters the backend is to be told of; shared
 */
struct reactor {
	struct ksync_loop loop;
	const struct backend *backend;
	struct slot *slots;
	uint32_t nslots;
	struct epoll_event *batch;
	uint32_t room;
	uint32_t nbatch;
	struct port *changed;
	int epoll;
	struct pollfd *polls;
	uint32_t npolls;
	uint32_t polls_room;
	struct select_sets *sets;
};

static inline struct reactor *reactor(struct ksync_loop *l)
{
	return (struct reactor *)l;
}

/* reactor.c */
int ksync_reactor_set(struct reactor *r, int fd, uint32_t from, uint32_t to);
uint32_t ksync_reactor_interest(const struct slot *slot);
uint64_t ksync_reactor_data(const struct reactor *r, int fd);
int ksync_reactor_slot(struct reactor *r, int fd);
int ksync_reactor_batch(struct reactor *r, uint32_t n);

/* reactor_task.c */
ssize_t ksync_reactor_await(struct ksync_loop *l, const struct await *a);
void ksync_reactor_forget(struct ksync_loop *l, int fd);
void ksync_reactor_tell(struct reactor *r, int fd, uint32_t events);
void ksync_reactor_changes(struct reactor *r);

extern const struct backend ksync_backend_epoll;
extern const struct backend ksync_backend_poll;
extern const struct backend ksync_backend_select;

#endif /* KSYNC_MODELS_REACTOR_H */
