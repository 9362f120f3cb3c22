/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Channels between processes: values in a ring, in memory that they share, under a
 * mutex and two condition variables of libksync.  A program that includes this is
 * linked with libksync; libksync-models is not needed.
 *
 * A process may die anywhere, of SIGKILL, too.  A value is in the channel, or it is
 * not: what is sent counts from one store on, what is received until another, and
 * neither touches the ring.  So whoever is told that the mutex's last owner died has
 * nothing to mend.
 *
 * No wake-up depends on one process:
 *
 *	sender				receivers, asleep
 *	locks
 *	copies the value
 *	wakes all		[a]	wait for the mutex now
 *	counts it		[b]
 *	unlocks				... one after the other, look into the ring
 *
 * a before b: if the sender dies between the two they are awake for nothing; the other
 * way round a value would lie there while they slept.  All of them: if only one was
 * woken and died before it took the value, nobody else would come for it.
 *
 * These calls block the thread: in a task they belong between ksync_task_block_enter()
 * and ksync_task_block_leave().  Functions return 0 or a negative errno.
 */
#ifndef KSYNC_SHM_CHAN_H
#define KSYNC_SHM_CHAN_H

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <ksync/cond.h>
#include <ksync/mutex.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KSYNC_SHM_CHAN_MAGIC_	0x6b73636831ULL

/* In the shared memory, at any address. */
struct ksync_shm_chan_mem {
	uint64_t magic;
	uint64_t size;
	uint64_t cap;
	uint64_t sent;		/* how many values, ever */
	uint64_t received;
	uint32_t closed;
	uint32_t mutex;		/* numbers of objects */
	uint32_t room;
	uint32_t values;
};

/**
 * struct ksync_shm_chan - this process's reference to a channel
 * @mutex: protects all that changes
 * @room: senders wait here
 * @values: receivers wait here
 * @mem: the shared part
 * @size: of a value; here others cannot change it
 * @cap: values that the ring has room for
 */
struct ksync_shm_chan {
	struct ksync_mutex mutex;
	struct ksync_cond room;
	struct ksync_cond values;
	struct ksync_shm_chan_mem *mem;
	size_t size;
	size_t cap;
};

/** ksync_shm_chan_bytes() - memory that a channel needs; 0: it cannot be */
static inline size_t ksync_shm_chan_bytes(size_t size, size_t cap)
{
	size_t bytes;

	if (!cap || __builtin_mul_overflow(size, cap, &bytes) ||
	    __builtin_add_overflow(bytes, sizeof(struct ksync_shm_chan_mem), &bytes))
		return 0;
	return bytes;
}

/**
 * ksync_shm_chan_create() - make a channel in shared memory
 * @c: set up
 * @d: domain, which the others have, too
 * @mem: ksync_shm_chan_bytes() of it, aligned to 8
 * @size: of a value, in bytes
 * @cap: values that wait in it, at least 1
 *
 * Return: 0; -EINVAL (@cap); as ksync_mutex_init() and ksync_cond_init().
 */
static inline int ksync_shm_chan_create(struct ksync_shm_chan *c, struct ksync *d,
					void *mem, size_t size, size_t cap)
{
	struct ksync_shm_chan_mem *m = (struct ksync_shm_chan_mem *)mem;
	int ret;

	if (!ksync_shm_chan_bytes(size, cap))
		return -EINVAL;
	ret = ksync_mutex_init(&c->mutex, d, 0);
	if (ret)
		return ret;
	ret = ksync_cond_init(&c->room, d, 0);
	if (ret)
		goto no_room;
	ret = ksync_cond_init(&c->values, d, 0);
	if (ret)
		goto no_values;
	memset(m, 0, sizeof(*m));
	c->mem = m;
	c->size = size;
	c->cap = cap;
	m->size = size;
	m->cap = cap;
	m->mutex = ksync_mutex_id(&c->mutex);
	m->room = ksync_cond_id(&c->room);
	m->values = ksync_cond_id(&c->values);
	__atomic_store_n(&m->magic, KSYNC_SHM_CHAN_MAGIC_, __ATOMIC_RELEASE);
	return 0;
no_values:
	ksync_cond_destroy(&c->room);
no_room:
	ksync_mutex_destroy(&c->mutex);
	return ret;
}

/**
 * ksync_shm_chan_open() - refer to a channel that exists
 * @c: set up
 * @d: domain that it was made in
 * @mem: the memory, mapped anywhere
 * @bytes: how much of it there is
 *
 * Return: 0; -EINVAL (there is none, or @bytes are too few); as ksync_mutex_open().
 */
static inline int ksync_shm_chan_open(struct ksync_shm_chan *c, struct ksync *d,
				      void *mem, size_t bytes)
{
	struct ksync_shm_chan_mem *m = (struct ksync_shm_chan_mem *)mem;
	size_t needs;
	int ret;

	if (bytes < sizeof(*m) ||
	    __atomic_load_n(&m->magic, __ATOMIC_ACQUIRE) != KSYNC_SHM_CHAN_MAGIC_)
		return -EINVAL;
	c->mem = m;
	c->size = m->size;
	c->cap = m->cap;
	needs = ksync_shm_chan_bytes(c->size, c->cap);
	if (!needs || needs > bytes)
		return -EINVAL;
	ret = ksync_mutex_open(&c->mutex, d, m->mutex);
	if (!ret)
		ret = ksync_cond_open(&c->room, d, m->room);
	return ret ? ret : ksync_cond_open(&c->values, d, m->values);
}

static inline int ksync_shm_enter_(struct ksync_shm_chan *c) KSYNC_NO_ANALYSIS
{
	int ret = ksync_mutex_lock(&c->mutex);

	return ret == -EOWNERDEAD ? ksync_mutex_consistent(&c->mutex) : ret;
}

static inline int ksync_shm_wait_(struct ksync_shm_chan *c, struct ksync_cond *cond,
				  const struct timespec *abs) KSYNC_NO_ANALYSIS
{
	int ret = ksync_cond_wait_timed(cond, &c->mutex, CLOCK_MONOTONIC, abs);

	return ret == -EOWNERDEAD ? ksync_mutex_consistent(&c->mutex) : ret;
}

static inline char *ksync_shm_slot_(const struct ksync_shm_chan *c, uint64_t n)
{
	return (char *)(c->mem + 1) + n % c->cap * c->size;
}

static inline uint64_t ksync_shm_held_(const struct ksync_shm_chan *c)
{
	return __atomic_load_n(&c->mem->sent, __ATOMIC_RELAXED) -
	       __atomic_load_n(&c->mem->received, __ATOMIC_RELAXED);
}

/* There is room. */
static inline void ksync_shm_put_(struct ksync_shm_chan *c, const void *value)
{
	struct ksync_shm_chan_mem *m = c->mem;

	if (c->size)
		memcpy(ksync_shm_slot_(c, m->sent), value, c->size);
	ksync_cond_broadcast(&c->values); /* a */
	__atomic_store_n(&m->sent, m->sent + 1, __ATOMIC_RELEASE); /* b */
}

/* There is a value. */
static inline void ksync_shm_get_(struct ksync_shm_chan *c, void *value)
{
	struct ksync_shm_chan_mem *m = c->mem;

	if (c->size && value)
		memcpy(value, ksync_shm_slot_(c, m->received), c->size);
	ksync_cond_broadcast(&c->room);
	__atomic_store_n(&m->received, m->received + 1, __ATOMIC_RELEASE);
}

static const struct timespec ksync_shm_try_ = { 0, 0 }; /* by its address */

static inline int ksync_shm_send_(struct ksync_shm_chan *c, const void *value,
				  const struct timespec *abs) KSYNC_NO_ANALYSIS
{
	int ret = ksync_shm_enter_(c);

	while (!ret && !c->mem->closed && ksync_shm_held_(c) >= c->cap)
		ret = abs == &ksync_shm_try_ ? -EAGAIN : ksync_shm_wait_(c, &c->room, abs);
	if (!ret && c->mem->closed)
		ret = -EPIPE;
	if (!ret)
		ksync_shm_put_(c, value);
	ksync_mutex_unlock(&c->mutex); /* if it has it: not after some errors */
	return ret;
}

static inline int ksync_shm_recv_(struct ksync_shm_chan *c, void *value,
				  const struct timespec *abs) KSYNC_NO_ANALYSIS
{
	int ret = ksync_shm_enter_(c);

	while (!ret && !c->mem->closed && !ksync_shm_held_(c))
		ret = abs == &ksync_shm_try_ ? -EAGAIN : ksync_shm_wait_(c, &c->values, abs);
	if (!ret && !ksync_shm_held_(c))
		ret = -ENODATA;
	if (!ret)
		ksync_shm_get_(c, value);
	ksync_mutex_unlock(&c->mutex);
	return ret;
}

/**
 * ksync_shm_chan_send() - send a value, waiting for room
 * @c: channel
 * @value: copied
 *
 * Return: 0; -EPIPE (closed); as ksync_mutex_lock() and ksync_cond_wait(), but
 * -EOWNERDEAD.
 */
static inline int ksync_shm_chan_send(struct ksync_shm_chan *c, const void *value)
{
	return ksync_shm_send_(c, value, NULL);
}

/** ksync_shm_chan_send_try() - Return: as above; -EAGAIN */
static inline int ksync_shm_chan_send_try(struct ksync_shm_chan *c, const void *value)
{
	return ksync_shm_send_(c, value, &ksync_shm_try_);
}

/** ksync_shm_chan_send_timed() - @abs of CLOCK_MONOTONIC. Return: as above; -ETIMEDOUT */
static inline int ksync_shm_chan_send_timed(struct ksync_shm_chan *c, const void *value,
					    const struct timespec *abs)
{
	return ksync_shm_send_(c, value, abs);
}

/**
 * ksync_shm_chan_recv() - receive a value, waiting for one
 * @c: channel
 * @value: set; NULL: it is thrown away
 *
 * Return: 0; -ENODATA (closed, and empty); as ksync_shm_chan_send().
 */
static inline int ksync_shm_chan_recv(struct ksync_shm_chan *c, void *value)
{
	return ksync_shm_recv_(c, value, NULL);
}

/** ksync_shm_chan_recv_try() - Return: as above; -EAGAIN */
static inline int ksync_shm_chan_recv_try(struct ksync_shm_chan *c, void *value)
{
	return ksync_shm_recv_(c, value, &ksync_shm_try_);
}

/** ksync_shm_chan_recv_timed() - @abs of CLOCK_MONOTONIC. Return: as above; -ETIMEDOUT */
static inline int ksync_shm_chan_recv_timed(struct ksync_shm_chan *c, void *value,
					    const struct timespec *abs)
{
	return ksync_shm_recv_(c, value, abs);
}

/** ksync_shm_chan_close() - nothing is sent any more. Return: 0; -EPIPE (it is closed) */
static inline int ksync_shm_chan_close(struct ksync_shm_chan *c) KSYNC_NO_ANALYSIS
{
	int ret = ksync_shm_enter_(c);

	if (!ret && c->mem->closed)
		ret = -EPIPE;
	if (!ret) {
		ksync_cond_broadcast(&c->room);
		ksync_cond_broadcast(&c->values);
		__atomic_store_n(&c->mem->closed, 1, __ATOMIC_RELEASE);
	}
	ksync_mutex_unlock(&c->mutex);
	return ret;
}

/** ksync_shm_chan_len() - values in it, a moment ago */
static inline size_t ksync_shm_chan_len(const struct ksync_shm_chan *c)
{
	return ksync_shm_held_(c);
}

/**
 * ksync_shm_chan_destroy() - end a channel, for all processes; the memory stays
 * @c: useless from now on
 *
 * Return: 0; -EBUSY (somebody waits at it, or is inside).
 */
static inline int ksync_shm_chan_destroy(struct ksync_shm_chan *c)
{
	int ret = ksync_cond_destroy(&c->room);

	if (!ret)
		ret = ksync_cond_destroy(&c->values);
	if (ret)
		return ret;
	c->mem->magic = 0;
	return ksync_mutex_destroy(&c->mutex);
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_SHM_CHAN_H */
