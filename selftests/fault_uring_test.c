// SPDX-License-Identifier: GPL-2.0
/*
 * Commands by io_uring while memory is short and copies from and to user memory
 * fail: see fault_test.  A command is refused, or it waits and is answered once; the
 * ring and the objects work afterwards.
 */
#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/await.h"
#include "lib/fault.h"
#include "lib/ksft.h"
#include "lib/uring.h"

/* Of the task that acts. */
static struct io_uring ring;

static void objects(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_SEM, 0, &s->id[0]));
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_MUTEX, 0, &s->id[1]));
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_WAITQ, 0, &s->id[2]));
	s->got = ~0;
}

static void enter(struct fault_scene *s)
{
	WANT(s, 0, raw_attach(s->fd, &s->actor));
	WANT(s, 0, io_uring_queue_init(4, &ring, 0));
}

/* Have what was prepared done, and wait for the result, which is then in @got. */
static int run(struct fault_scene *s)
{
	struct io_uring_cqe *cqe;
	int ret = io_uring_submit_and_wait(&ring, 1);

	if (ret < 0)
		return ret;
	if (io_uring_peek_cqe(&ring, &cqe))
		return -EINTR;
	s->got = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return s->got == -ENOMEM || s->got == -EFAULT ? s->got : 0;
}

static int do_acquire(struct fault_scene *s)
{
	uring_acquire(&ring, s->fd, s->id[0], 1);
	return run(s);
}

static int do_release(struct fault_scene *s)
{
	uring_command(&ring, s->fd, KSYNC_URING_RELEASE, s->id[0], 1, 0, 1);
	return run(s);
}

static int do_lock(struct fault_scene *s)
{
	uring_command(&ring, s->fd, KSYNC_URING_LOCK, s->id[1], s->actor, 0, 1);
	return run(s);
}

static int do_wait(struct fault_scene *s)
{
	uring_command(&ring, s->fd, KSYNC_URING_WAIT, s->id[2], 0, KSYNC_BITSET_ALL, 1);
	return run(s);
}

static int do_cancel(struct fault_scene *s)
{
	uring_cancel(&ring, s->fd, 77, 1);
	return run(s);
}

static void post(struct fault_scene *s)
{
	uint32_t was;

	WANT(s, 0, raw_release(s->fd, s->id[0], 0, 1, &was));
}

static void wake(struct fault_scene *s)
{
	uint32_t woken;

	/* Who is a waiter may not be in the queue yet, but will see the word. */
	__atomic_store_n(&s->cells[s->id[2]].word, 1, __ATOMIC_RELEASE);
	WANT(s, 0, raw_wake(s->fd, s->id[2], 1, KSYNC_BITSET_ALL, &woken));
}

static bool nobody_waits(const void *arg)
{
	const struct fault_scene *s = arg;
	struct ksync_info info;

	return !raw_info(s->fd, &info) && !info.waiters;
}

/* On a new ring. What a command has taken is gone. */
static void ring_works(struct fault_scene *s, int ret)
{
	(void)ret;
	io_uring_queue_exit(&ring);
	WANT(s, 0, await_true(nobody_waits, s));
	s->cells[s->id[0]].word = 0;
	WANT(s, 0, io_uring_queue_init(4, &ring, 0));
	post(s);
	WANT(s, 0, do_acquire(s));
	WANT(s, 0, s->got);
	WANT(s, 0, s->cells[s->id[0]].word);
	io_uring_queue_exit(&ring);
}

static void acquired(struct fault_scene *s, int ret)
{
	WANT(s, ret ? 1 : 0, s->cells[s->id[0]].word);
	ring_works(s, ret);
}

static void released(struct fault_scene *s, int ret)
{
	WANT(s, ret ? 0 : 1, s->cells[s->id[0]].word);
	ring_works(s, ret);
}

static void locked(struct fault_scene *s, int ret)
{
	const uint32_t word = s->cells[s->id[1]].word;

	WANT(s, ret ? 0 : s->actor, word & KSYNC_OWNER);
	if (!ret)
		WANT(s, 0, raw_unlock(s->fd, s->id[1], s->actor));
	ring_works(s, ret);
}

/* It was told that the lock was free; or it came when that was so, and has it. */
static void told(struct fault_scene *s, int ret)
{
	if (!ret && s->got)
		WANT(s, -EAGAIN, s->got);
	else if (!ret)
		WANT(s, 0, raw_unlock(s->fd, s->id[1], s->actor));
	WANT(s, 0, s->cells[s->id[1]].word & KSYNC_OWNER);
	WANT(s, 0, raw_lock(s->fd, s->id[1], s->actor, KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE));
	WANT(s, 0, raw_unlock(s->fd, s->id[1], s->actor));
	ring_works(s, ret);
}

static void cancelled(struct fault_scene *s, int ret)
{
	if (!ret)
		WANT(s, -ENOENT, s->got);
	ring_works(s, ret);
}

static void owned_mutex(struct fault_scene *s)
{
	objects(s);
	WANT(s, 0, raw_lock(s->fd, s->id[1], s->self, 0, KSYNC_NO_DEADLINE));
}

static void unlock(struct fault_scene *s)
{
	WANT(s, 0, raw_unlock(s->fd, s->id[1], s->self));
}

static void one_unit(struct fault_scene *s)
{
	objects(s);
	post(s);
}

/* io_uring says EAGAIN when it has no memory for a request. */
#define URING_PATH(name, prepares, does, looks, ...)				\
	FAULT_PATH(name, .prepare = prepares, .enter = enter, .act = does,	\
		   .leave = looks, .errors = { -ENOMEM, -EFAULT, -EAGAIN },	\
		   ##__VA_ARGS__)

URING_PATH(uring_acquire_waiting, objects, do_acquire, acquired, .meanwhile = post);
URING_PATH(uring_acquire_free, one_unit, do_acquire, acquired);
URING_PATH(uring_release, objects, do_release, released);
URING_PATH(uring_lock_free, objects, do_lock, locked);
URING_PATH(uring_lock_waiting, owned_mutex, do_lock, told, .meanwhile = unlock);
URING_PATH(uring_wait, objects, do_wait, ring_works, .meanwhile = wake);
URING_PATH(uring_cancel, objects, do_cancel, cancelled);

FAULT_NO_LEAK();

KSFT_MAIN
