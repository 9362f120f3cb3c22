/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tasks that send to a channel or receive from it once, for tests that know when such a
 * one waits: they look into the channel.
 */
#ifndef KSYNC_SELFTESTS_CHAN_H
#define KSYNC_SELFTESTS_CHAN_H

#include "models.h"
#undef ARRAY_SIZE /* it is the same there */
#include "../../userspace/models/src/chan.h"

/* What it sends or has received, and what that returned. */
struct other {
	struct ksync_chan *c;
	long value;
	int ret;
	struct ksync_task *task;
};

static inline void *sends(void *arg)
{
	struct other *o = arg;

	o->ret = ksync_chan_send(o->c, &o->value);
	return NULL;
}

static inline void *receives(void *arg)
{
	struct other *o = arg;

	o->ret = ksync_chan_recv(o->c, &o->value);
	return NULL;
}

static inline uint32_t chan_waiters(const struct ksync_chan *c)
{
	return load_acquire(&c->waiters);
}

/* In a task, until so many wait at the channel. */
static inline void await_chan(struct ksync_chan *c, uint32_t n)
{
	while (chan_waiters(c) != n)
		ksync_task_yield();
}

/* Have another do it, and wait until it waits as the @n-th. Return: 0, an error. */
static inline int other_waits(struct other *o, void *(*fn)(void *arg),
			      struct ksync_chan *c, uint32_t n)
{
	int ret;

	o->c = c;
	o->ret = 1;
	ret = ksync_task_spawn(&o->task, fn, o, NULL);
	if (!ret)
		await_chan(c, n);
	return ret;
}

static inline int other_joined(struct other *o)
{
	int ret = ksync_task_join(o->task, NULL);

	return ret ? ret : o->ret;
}

/* In a test: a channel of longs. */
static inline struct ksync_chan *chan_of_longs(size_t cap)
{
	struct ksync_chan *c;

	return ksync_chan_create(&c, sizeof(long), cap) ? NULL : c;
}

#endif /* KSYNC_SELFTESTS_CHAN_H */
