/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Channels: values that go from one task to another, in order; and select, which
 * waits for the first of several (C. A. R. Hoare, "Communicating Sequential
 * Processes", 1978; R. Pike's in Newsqueak and Go).
 *
 * Tasks of any scheduler, and plain threads, use the same channel.  Functions return 0
 * or a negative errno, and do not change errno.  Deadlines are absolute, on the clock
 * of ksync_task_now().  What would make a cancelled task wait returns -ECANCELED; what
 * need not wait is done.  Without success nothing was sent, and nothing is lost.
 */
#ifndef KSYNC_CHAN_H
#define KSYNC_CHAN_H

#include <stddef.h>
#include <stdint.h>
#include <ksync/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* So many cases may a select have. */
#define KSYNC_SELECT_MAX	1024

struct ksync_chan;

/**
 * ksync_chan_create() - make a channel
 * @c: set to it
 * @size: of a value, in bytes; 0: values are signals, and have no memory
 * @cap: how many values wait in it for a receiver; 0: a sender waits until its value
 *	is received (rendezvous)
 *
 * Return: 0; -ENOMEM.
 */
int ksync_chan_create(struct ksync_chan **c, size_t size, size_t cap);

/**
 * ksync_chan_destroy() - free a channel, with the values in it
 * @c: nobody uses it any more
 *
 * Who has got what it waited for may do this at once: the others' calls are through
 * with the channel before they wake it.
 *
 * Return: 0; -EBUSY (somebody waits at it).
 */
int ksync_chan_destroy(struct ksync_chan *c);

/**
 * ksync_chan_send() - send a value
 * @c: channel
 * @value: copied, of any alignment; may be NULL if values are of size 0
 *
 * Waits for room, or for a receiver.  Those that wait are served in turn.
 *
 * Return: 0: it is in the channel, or received; -EPIPE (closed, before or while this
 * waited), -ECANCELED, -ENOMEM (for a thread's first wait, or a timer).
 */
int ksync_chan_send(struct ksync_chan *c, const void *value);

/** ksync_chan_send_try() - do not wait. Return: as above; -EAGAIN */
int ksync_chan_send_try(struct ksync_chan *c, const void *value);

/** ksync_chan_send_timed() - NULL: for ever. Return: as above; -ETIMEDOUT, -EINVAL */
int ksync_chan_send_timed(struct ksync_chan *c, const void *value,
			  const struct timespec *abs);

/**
 * ksync_chan_recv() - receive a value
 * @c: channel
 * @value: set, of any alignment; NULL: it is thrown away
 *
 * To receive all there are: while (!(ret = ksync_chan_recv(c, &value))), and ret is
 * -ENODATA then.
 *
 * Return: 0; -ENODATA (closed, and nothing is in it any more: @value is as it was),
 * -ECANCELED, -ENOMEM.
 */
int ksync_chan_recv(struct ksync_chan *c, void *value);

/** ksync_chan_recv_try() - do not wait. Return: as above; -EAGAIN */
int ksync_chan_recv_try(struct ksync_chan *c, void *value);

/** ksync_chan_recv_timed() - NULL: for ever. Return: as above; -ETIMEDOUT, -EINVAL */
int ksync_chan_recv_timed(struct ksync_chan *c, void *value, const struct timespec *abs);

/**
 * ksync_chan_close() - nothing is sent any more
 * @c: channel
 *
 * Senders that wait get -EPIPE, and their values stay theirs; receivers get the
 * values that are in it, and then -ENODATA.
 *
 * Return: 0; -EPIPE (it is closed).
 */
int ksync_chan_close(struct ksync_chan *c);

/** ksync_chan_len() - how many values are in it, a moment ago */
size_t ksync_chan_len(const struct ksync_chan *c);

/** ksync_chan_cap() - how many have room */
size_t ksync_chan_cap(const struct ksync_chan *c);

enum ksync_case_op {
	KSYNC_CASE_SEND,
	KSYNC_CASE_RECV,
};

/**
 * struct ksync_case - one of the things that a select may do
 * @chan: NULL: never
 * @value: sent, or set, as by ksync_chan_send() and ksync_chan_recv()
 * @op: enum ksync_case_op
 * @result: set if this is the one that was done: what ksync_chan_send() or
 *	ksync_chan_recv() would have returned
 *
 * By the others, which are the library's, it is queued at the channel: it belongs to
 * one select at a time, which returns before its memory is used for anything else.
 */
struct ksync_case {
	struct ksync_chan *chan;
	void *value;
	uint32_t op;
	int result;
	struct ksync_case *next_;
	struct ksync_case *prev_;
	struct ksync_task *task_;
	uint64_t seq_;
	uint16_t index_;
	uint16_t order_;
	uint32_t linked_;
};

/* struct ksync_case cases[] = { KSYNC_SEND(c, &x), KSYNC_RECV(d, &y) }; */
#define KSYNC_SEND(c, v) { .chan = (c), .value = (void *)(v), .op = KSYNC_CASE_SEND }
#define KSYNC_RECV(c, v) { .chan = (c), .value = (v), .op = KSYNC_CASE_RECV }

/**
 * ksync_select() - wait until one of several cases can be done, and do it
 * @cases: a channel may be in several of them
 * @n: how many; 0, or with no channels at all, waits for ever
 *
 * Of those that can be done each is as likely.  A channel that is closed can: the
 * case's result is -EPIPE or -ENODATA then.
 *
 * Return: which was done, from 0; -ECANCELED, -ENOMEM, -EINVAL (more than
 * KSYNC_SELECT_MAX; op): none was.
 */
int ksync_select(struct ksync_case *cases, unsigned int n);

/** ksync_select_try() - do not wait. Return: as above; -EAGAIN: none could be done */
int ksync_select_try(struct ksync_case *cases, unsigned int n);

/** ksync_select_timed() - NULL: for ever. Return: as above; -ETIMEDOUT, -EINVAL */
int ksync_select_timed(struct ksync_case *cases, unsigned int n,
		       const struct timespec *abs);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_CHAN_H */
