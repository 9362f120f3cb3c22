/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What a supervisor is, to the files that make it: supervisor.c is the actor and how it
 * begins and ends, supervisor_child.c starts and stops one child, supervisor_restart.c
 * decides who is started again, supervisor_call.c is what others ask of it.
 *
 * All of it belongs to the supervisor's actor, and nobody else looks at it: no locks.
 */
#ifndef KSYNC_MODELS_SUPERVISOR_H
#define KSYNC_MODELS_SUPERVISOR_H

#include <ksync/supervisor.h>
#include "internal.h"

enum child_state {
	CHILD_STOPPED,
	CHILD_RUNNING,
	CHILD_RESTARTING,	/* it could not be started, and is going to be */
};

/**
 * struct child - a child
 * @next: started after it, @prev before it
 * @spec: how it is started; its id points to @id
 * @pid: its address; 0: it does not run
 * @ref: of the monitor by which its end is told
 * @turn: CHILD_RESTARTING: since when, as a number
 */
struct child {
	struct child *next;
	struct child *prev;
	struct ksync_child spec;
	struct ksync_pid pid;
	uint64_t ref;
	uint64_t turn;
	enum child_state state;
	char id[KSYNC_CHILD_ID_LEN];
};

/**
 * struct window - the times of the last restarts
 * @at: a ring of @intensity times
 * @n: how many there were
 */
struct window {
	uint32_t intensity;
	uint64_t period;
	uint64_t n;
	uint64_t *at;
};

/**
 * struct supervisor - a supervisor
 * @first: child that is started first, @last that is last
 * @turns: restarts to be tried again, so far
 * @restarting: some child is CHILD_RESTARTING
 * @over: it is to stop its children and to end, with @reason
 * @broken: it was cancelled, and waits for nothing any more: it is to end at once
 */
struct supervisor {
	struct child *first;
	struct child *last;
	struct window window;
	struct ksync_pid parent;
	enum ksync_strategy strategy;
	void (*report)(const struct ksync_report *report, void *arg);
	void *report_arg;
	uint64_t turns;
	bool restarting;
	bool over;
	bool broken;
	int reason;
};

/* Of the messages of supervisor_call.c. */
#define SUPERVISOR_TAG	0x6b737570U

enum request_op {
	REQUEST_BEGUN,		/* answered when the children are started */
	REQUEST_STOP,		/* not answered */
	REQUEST_START,
	REQUEST_TERMINATE,
	REQUEST_RESTART,
	REQUEST_DELETE,
	REQUEST_LIST,
	REQUEST_COUNT,
};

struct request {
	enum request_op op;
	int reason;
	struct ksync_child child;
	char id[KSYNC_CHILD_ID_LEN];
};

struct answer {
	int ret;
	struct ksync_pid pid;
	struct ksync_child_counts counts;
	uint64_t n;
	struct ksync_child_info list[];
};

/* supervisor.c */
void ksync_supervisor_free(struct supervisor *s);

/* supervisor_child.c */
int ksync_child_check(const struct ksync_child *spec);
struct child *ksync_child_add(struct supervisor *s, const struct ksync_child *spec);
void ksync_child_forget(struct supervisor *s, struct child *c);
struct child *ksync_child_find(struct supervisor *s, const char *id);
int ksync_child_start(struct supervisor *s, struct child *c);
void ksync_child_stop(struct supervisor *s, struct child *c);
void ksync_children_stop(struct supervisor *s, const struct child *until);
void ksync_child_report(const struct supervisor *s, const struct child *c, uint32_t what,
			int reason);

/* supervisor_restart.c */
int ksync_window_init(struct window *w, uint32_t intensity, uint64_t period);
bool ksync_window_allows(struct window *w, uint64_t now);
void ksync_child_ended(struct supervisor *s, uint64_t ref, int reason);
void ksync_restart_again(struct supervisor *s);

/* supervisor_call.c */
const struct request *ksync_request_of(const struct ksync_message *m);
void ksync_request_do(struct supervisor *s, const struct ksync_message *m);
void ksync_request_answer(const struct ksync_message *m, int ret);
int ksync_request_send(struct ksync_pid supervisor, const struct request *r,
		       struct ksync_message **answer);

#endif /* KSYNC_MODELS_SUPERVISOR_H */
