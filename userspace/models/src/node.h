/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What a connection to another node is, to the files that make it: node.c is the table of
 * them, and how they begin and end; node_out.c what goes out, and the task that writes it;
 * node_in.c what comes in, and the task that reads it; node_name.c names and addresses.
 *
 * Lock order: the table's lock, a node's lock; then what internal.h says.
 */
#ifndef KSYNC_MODELS_NODE_H
#define KSYNC_MODELS_NODE_H

#include <ksync/chan.h>
#include <ksync/future.h>
#include <ksync/node.h>
#include "actor_internal.h"
#include "node_wire.h"

#define OUT_BUFFER	32768U

/**
 * struct packet - a frame to be written
 * @counted: it has taken room in the queue
 */
struct packet {
	struct packet *next;
	bool counted;
	size_t size;
	unsigned char bytes[];
};

/**
 * struct lookup - somebody asks who has a name there; on its stack
 * @ref: of the question
 * @pid: the answer, if @promise was kept
 * @promise: kept by who has taken it out of the list
 */
struct lookup {
	struct lookup *next;
	uint64_t ref;
	struct ksync_pid pid;
	struct ksync_promise *promise;
};

/**
 * struct node - a connection
 * @lock: protects @lost, @error, @closing, @first, @last, @lookups, @lookup_refs, and @reader
 *	and @writer
 * @refs: references: the table's, that of its two tasks together, and of who uses it
 * @number: of the node here, with @incarnation
 * @mine: what the other side calls this node, the incarnation above; 0: not known yet
 * @leaving: ksync_node_disconnect() was called; protected by the table's lock
 * @lost: nothing more goes out, or comes in; because of @error
 * @closing: nothing more goes out than what is in the queue
 * @first: the queue: packets to be written
 * @room: a channel of as many values as there are counted packets: who sends waits there
 * @bell: a channel for one value: there is something to do for the writer
 * @reader: the task that reads, until it is through
 * @writer: the task that writes, until it is through
 * @running: how many of these two
 * @ended: a promise: both are through
 * @out: what the writer writes at once
 */
struct node {
	uint32_t lock;
	uint32_t refs;
	uint32_t number;
	uint32_t incarnation;
	uint64_t mine;
	int fd;
	uint32_t max;
	struct ksync_loop *loop;
	struct ksync_sched *sched;
	bool leaving;
	bool lost;
	bool closing;
	int error;
	struct packet *first;
	struct packet **last;
	struct lookup *lookups;
	uint64_t lookup_refs;
	struct ksync_chan *room;
	struct ksync_chan *bell;
	struct ksync_task *reader;
	struct ksync_task *writer;
	uint32_t running;
	struct ksync_promise *ended;
	struct ksync_future *end;
	unsigned char out[OUT_BUFFER];
};

/* node.c */
struct node *ksync_node_get(uint32_t number);
struct node *ksync_node_get_of(struct ksync_pid pid);
void ksync_node_put(struct node *n);
void ksync_node_fail(struct node *n, int error);
void ksync_node_task_begins(struct node *n, struct ksync_task **which);
void ksync_node_task_ends(struct node *n, struct ksync_task **which);

/* node_out.c */
extern const struct ksync_transport ksync_node_transport;
int ksync_node_post(struct node *n, const struct wire *w);
int ksync_node_post_message(struct node *n, const struct wire *w, uint64_t deadline);
void *ksync_node_write(void *node);
void ksync_node_drop_packets(struct node *n);

/* node_in.c */
void *ksync_node_read(void *node);

/* node_name.c */
void ksync_lookups_end(struct lookup *first);
void ksync_lookup_answer(struct node *n, const struct wire *w);

#endif /* KSYNC_MODELS_NODE_H */
