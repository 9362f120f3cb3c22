// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for what has no owner, for many objects, and by poll, while memory is
 * short and copies from and to user memory fail: see fault_test.  A unit of a sem is
 * taken once or not at all, and a wake-up goes to somebody.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/ksft.h"
#include "lib/poller.h"
#include "lib/reader.h"
#include "lib/sys.h"

static uint32_t waiters(struct fault_scene *s, uint32_t id)
{
	struct ksync_query q;

	WANT(s, 0, raw_query(s->fd, id, &q));
	return q.waiters;
}

static void add_partner(struct fault_scene *s, int i)
{
	s->partner[i] = player_start(TASK_THREAD, s->fd, s->cells);
	WANT(s, false, !s->partner[i]);
}

/* Waitqs. */

static int step_wait(struct player *p)
{
	return raw_wait(p->fd, p->id, 0, KSYNC_BITSET_ALL, 0, KSYNC_NO_DEADLINE);
}

static void two_waitqs(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_WAITQ, 0, &s->id[0]));
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_WAITQ, 0, &s->id[1]));
}

static void add_waiter(struct fault_scene *s, int i)
{
	add_partner(s, i);
	if (s->wrong[0])
		return;
	player_post(s->partner[i], step_wait, s->id[0]);
	WANT(s, 0, await_waiters(s->fd, s->id[0], i + 1));
}

static void one_waits(struct fault_scene *s)
{
	two_waitqs(s);
	add_waiter(s, 0);
}

static void two_wait(struct fault_scene *s)
{
	one_waits(s);
	add_waiter(s, 1);
}

/* Who is a waiter may not be in the queue yet, but will see the word. */
static void wake(struct fault_scene *s)
{
	uint32_t woken;

	__atomic_store_n(&s->cells[s->id[0]].word, 1, __ATOMIC_RELEASE);
	WANT(s, 0, raw_wake(s->fd, s->id[0], 1, KSYNC_BITSET_ALL, &woken));
	s->got = woken;
}

static int do_wait(struct fault_scene *s)
{
	int ret = raw_wait(s->fd, s->id[0], 0, KSYNC_BITSET_ALL, 0, KSYNC_NO_DEADLINE);

	return ret == -EAGAIN ? 0 : ret;
}

static void waitq_works(struct fault_scene *s, int ret)
{
	(void)ret;
	s->cells[s->id[0]].word = 0;
	WANT(s, 0, waiters(s, s->id[0]));
	WANT(s, 0, s->cells[s->id[0]].waiters);
	WANT(s, -EAGAIN, raw_wait(s->fd, s->id[0], 1, KSYNC_BITSET_ALL, 0,
				  KSYNC_NO_DEADLINE));
	WANT(s, -ETIMEDOUT, raw_wait(s->fd, s->id[0], 0, KSYNC_BITSET_ALL, 0, 1));
}

static void waited(struct fault_scene *s, int ret)
{
	if (ret)
		WANT(s, 0, s->got);
	waitq_works(s, ret);
}

FAULT_PATH(wait, .prepare = two_waitqs, .act = do_wait, .meanwhile = wake,
	   .check = waited, .errors = { -ENOMEM, -EFAULT });

static int do_wake(struct fault_scene *s)
{
	uint32_t woken;

	return raw_wake(s->fd, s->id[0], 1, KSYNC_BITSET_ALL, &woken);
}

static void woken(struct fault_scene *s, int ret)
{
	if (ret && waiters(s, s->id[0]))
		wake(s);
	WANT(s, 0, player_result(s->partner[0]));
	waitq_works(s, ret);
}

FAULT_PATH(wake, .prepare = one_waits, .act = do_wake, .check = woken,
	   .errors = { -EFAULT });

static int do_requeue(struct fault_scene *s)
{
	struct ksync_requeue arg = {
		.from = s->id[0],
		.to = s->id[1],
		.wake = 1,
		.move = 1,
	};

	return raw_requeue(s->fd, &arg);
}

static void requeued(struct fault_scene *s, int ret)
{
	const uint32_t left = waiters(s, s->id[0]);
	uint32_t n;

	if (ret == -EFAULT)
		WANT(s, true, left == 0 || left == 2);
	else
		WANT(s, ret ? 2 : 0, left);
	WANT(s, left ? 0 : 1, waiters(s, s->id[1]));
	WANT(s, 0, raw_wake(s->fd, s->id[0], 2, KSYNC_BITSET_ALL, &n));
	WANT(s, 0, raw_wake(s->fd, s->id[1], 2, KSYNC_BITSET_ALL, &n));
	WANT(s, 0, player_result(s->partner[0]));
	WANT(s, 0, player_result(s->partner[1]));
	waitq_works(s, ret);
}

FAULT_PATH(requeue, .prepare = two_wait, .act = do_requeue, .check = requeued,
	   .errors = { -ENOMEM, -EFAULT });

/* Sems and events. */

static void a_sem(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_SEM, 0, &s->id[0]));
}

static void an_event(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_EVENT, 0, &s->id[0]));
}

static int do_acquire(struct fault_scene *s)
{
	return raw_acquire(s->fd, s->id[0], 0, KSYNC_NO_DEADLINE);
}

static void release(struct fault_scene *s)
{
	uint32_t was;

	WANT(s, 0, raw_release(s->fd, s->id[0], 0, 1, &was));
}

/* What is left of one unit, or of SET: the word of both. */
static void is_left(struct fault_scene *s, uint32_t value)
{
	WANT(s, 0, waiters(s, s->id[0]));
	WANT(s, value, s->cells[s->id[0]].word);
	if (!value)
		release(s);
	WANT(s, 0, raw_acquire(s->fd, s->id[0], 0, KSYNC_NO_DEADLINE));
	WANT(s, -ETIMEDOUT, raw_acquire(s->fd, s->id[0], 0, 1));
	WANT(s, 0, s->cells[s->id[0]].word);
}

static void acquired(struct fault_scene *s, int ret)
{
	is_left(s, !!ret);
}

FAULT_PATH(acquire_sem, .prepare = a_sem, .act = do_acquire, .meanwhile = release,
	   .check = acquired, .errors = { -ENOMEM, -EFAULT });
FAULT_PATH(acquire_event, .prepare = an_event, .act = do_acquire, .meanwhile = release,
	   .check = acquired, .errors = { -ENOMEM, -EFAULT });

static void partner_acquires(struct fault_scene *s)
{
	add_partner(s, 0);
	if (s->wrong[0])
		return;
	player_post(s->partner[0], step_acquire, s->id[0]);
	WANT(s, 0, await_waiters(s->fd, s->id[0], 1));
}

static void awaited_sem(struct fault_scene *s)
{
	a_sem(s);
	partner_acquires(s);
}

static void awaited_event(struct fault_scene *s)
{
	an_event(s);
	partner_acquires(s);
}

static int do_release(struct fault_scene *s)
{
	uint32_t was;

	return raw_release(s->fd, s->id[0], 0, 1, &was);
}

static int do_pulse(struct fault_scene *s)
{
	uint32_t was;

	return raw_release(s->fd, s->id[0], KSYNC_RELEASE_PULSE, 1, &was);
}

static void released(struct fault_scene *s, int ret)
{
	if (ret == -EFAULT && waiters(s, s->id[0]))
		release(s);
	WANT(s, 0, player_result(s->partner[0]));
	is_left(s, 0);
}

#define RELEASE_PATH(name, prepares, acts)					\
	FAULT_PATH(name, .prepare = prepares, .act = acts, .check = released,	\
		   .errors = { -EFAULT })

RELEASE_PATH(release_sem, awaited_sem, do_release);
RELEASE_PATH(release_event, awaited_event, do_release);
RELEASE_PATH(pulse_event, awaited_event, do_pulse);

/* Many: a mutex that the partner has, a sem, an event, a waitq. */

enum { MUTEX, SEM, EVENT, WAITQ };

static void many_objects(struct fault_scene *s)
{
	static const uint32_t kinds[] = {
		KSYNC_KIND_MUTEX, KSYNC_KIND_SEM, KSYNC_KIND_EVENT, KSYNC_KIND_WAITQ
	};
	int i;

	for (i = 0; i < 4; i++)
		WANT(s, 0, raw_create(s->fd, kinds[i], 0, &s->id[i]));
	add_partner(s, 0);
	if (!s->wrong[0])
		WANT(s, 0, player_do(s->partner[0], step_lock, s->id[MUTEX]));
}

/* Of the task that acts: not on its stack, which is touched for the first time. */
static struct ksync_item items[KSYNC_MANY_MAX];
static struct ksync_many many;

static int wait_many(struct fault_scene *s, uint32_t n, uint32_t flags)
{
	many = (struct ksync_many){
		.count = n,
		.items = (uintptr_t)items,
		.deadline = KSYNC_NO_DEADLINE,
		.flags = flags,
		.thread = s->actor,
		.index = ~0U,
	};
	return raw_many(s->fd, &many);
}

static void set_items(const uint32_t *ids, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		items[i] = (struct ksync_item){ .id = ids[i] };
}

static int do_wait_any(struct fault_scene *s)
{
	set_items(s->id, 4);
	return wait_many(s, 4, 0);
}

static int do_wait_all(struct fault_scene *s)
{
	set_items(s->id, 3);
	return wait_many(s, 3, KSYNC_MANY_ALL);
}

static void post(struct fault_scene *s)
{
	uint32_t was;

	WANT(s, 0, raw_release(s->fd, s->id[SEM], 0, 1, &was));
}

static void partner_unlocks(struct fault_scene *s)
{
	WANT(s, 0, player_do(s->partner[0], step_unlock, s->id[MUTEX]));
}

static void make_all_available(struct fault_scene *s)
{
	uint32_t was;

	post(s);
	WANT(s, 0, raw_release(s->fd, s->id[EVENT], 0, 1, &was));
	partner_unlocks(s);
}

static bool has_mutex(const struct fault_scene *s)
{
	const uint32_t word = __atomic_load_n(&s->cells[s->id[MUTEX]].word, __ATOMIC_ACQUIRE);

	return (word & KSYNC_OWNER) == s->actor;
}

static void unlock(struct fault_scene *s)
{
	if (has_mutex(s))
		WANT(s, 0, raw_unlock(s->fd, s->id[MUTEX], s->actor));
}

static void any_mutex(struct fault_scene *s, int ret)
{
	if (!ret)
		WANT(s, MUTEX, many.index);
	if (ret != -EFAULT)
		WANT(s, !ret, has_mutex(s));
	unlock(s);
}

static void any_sem(struct fault_scene *s, int ret)
{
	if (!ret)
		WANT(s, SEM, many.index);
	if (ret != -EFAULT)
		WANT(s, !!ret, s->cells[s->id[SEM]].word);
	WANT(s, false, has_mutex(s));
	s->cells[s->id[SEM]].word = 0;
}

/* All or nothing. */
static void all(struct fault_scene *s, int ret)
{
	const bool taken = has_mutex(s);

	if (ret != -EFAULT)
		WANT(s, !ret, taken);
	WANT(s, !taken, s->cells[s->id[SEM]].word);
	WANT(s, !taken, s->cells[s->id[EVENT]].word);
	s->cells[s->id[SEM]].word = 0;
	s->cells[s->id[EVENT]].word = 0;
	unlock(s);
}

/* Nobody waits, and one after the other can be had. */
static void many_work(struct fault_scene *s, int ret)
{
	uint32_t i;

	(void)ret;
	if ((s->cells[s->id[MUTEX]].word & KSYNC_OWNER) == s->partner[0]->handle)
		partner_unlocks(s);
	for (i = 0; i < 4; i++)
		WANT(s, 0, waiters(s, s->id[i]));
	for (i = 0; i < 4; i++)
		WANT(s, 0, s->cells[s->id[i]].word);
	s->actor = s->self;
	WANT(s, 0, do_wait_any(s));
	any_mutex(s, 0);
}

#define ANY_PATH(name, does, whole)						\
	FAULT_PATH(name, .prepare = many_objects, .act = do_wait_any,		\
		   .meanwhile = does, .leave = whole, .check = many_work,	\
		   .errors = { -ENOMEM, -EFAULT })

ANY_PATH(wait_any_for_lock, partner_unlocks, any_mutex);
ANY_PATH(wait_any_for_sem, post, any_sem);
FAULT_PATH(wait_all, .prepare = many_objects, .act = do_wait_all,
	   .meanwhile = make_all_available, .leave = all, .check = many_work,
	   .errors = { -ENOMEM, -EFAULT });

/* So many that they need pages of memory; the last one can be had. */
#define BATCH	32

static void batch_of_sems(struct fault_scene *s)
{
	WANT(s, 0, raw_create_many(s->fd, KSYNC_KIND_SEM, 0, s->where, BATCH));
	s->id[SEM] = s->where[BATCH - 1];
	post(s);
	set_items(s->where, BATCH);
}

static int do_wait_batch(struct fault_scene *s)
{
	return wait_many(s, BATCH, 0);
}

static void batch_works(struct fault_scene *s, int ret)
{
	const uint32_t left = s->cells[s->id[SEM]].word;

	if (ret != -EFAULT)
		WANT(s, !!ret, left);
	if (!left)
		post(s);
	WANT(s, 0, do_wait_batch(s));
	WANT(s, BATCH - 1, many.index);
	WANT(s, 0, s->cells[s->id[SEM]].word);
	WANT(s, 0, waiters(s, s->where[0]));
}

FAULT_PATH(wait_any_of_32, .prepare = batch_of_sems, .act = do_wait_batch,
	   .check = batch_works, .errors = { -ENOMEM, -EFAULT });

/* Polling. */

static void polled_sem(struct fault_scene *s)
{
	a_sem(s);
	s->got = raw_fd(s->fd, s->id[0], 0);
	s->id[1] = sys(SYS_epoll_create1, 0);
}

static int poll_one(struct fault_scene *s, int timeout)
{
	struct pollfd p = { .fd = s->got, .events = POLLIN };
	long ret = sys(SYS_poll, &p, 1, timeout);

	return ret < 0 ? ret : 0;
}

static int do_poll(struct fault_scene *s)
{
	return poll_one(s, -1);
}

static int epoll_add(struct fault_scene *s)
{
	struct epoll_event e = { .events = EPOLLIN };

	return sys(SYS_epoll_ctl, s->id[1], EPOLL_CTL_ADD, s->got, &e);
}

static void release_polled(struct fault_scene *s)
{
	WANT(s, 0, poll_now(s->got));
	release(s);
	WANT(s, POLLIN, poll_now(s->got));
}

static void polled(struct fault_scene *s, int ret)
{
	(void)ret;
	WANT(s, 0, raw_acquire(s->fd, s->id[0], 0, KSYNC_NO_DEADLINE));
	release_polled(s);
	close(s->got);
	close(s->id[1]);
	is_left(s, 1);
}

/* What could not be added can be now, and tells. */
static void added(struct fault_scene *s, int ret)
{
	struct epoll_event e;

	WANT(s, ret ? 0 : -EEXIST, epoll_add(s));
	WANT(s, 0, sys(SYS_epoll_wait, s->id[1], &e, 1, 0));
	release_polled(s);
	WANT(s, 1, sys(SYS_epoll_wait, s->id[1], &e, 1, 0));
	polled(s, ret);
}

FAULT_PATH(poll, .prepare = polled_sem, .act = do_poll, .meanwhile = release_polled,
	   .check = polled, .errors = { -EFAULT, -ENOMEM }, .polls = true);
FAULT_PATH(epoll_add, .prepare = polled_sem, .act = epoll_add, .check = added,
	   .errors = { -ENOMEM, -EFAULT });

FAULT_NO_LEAK();

KSFT_MAIN
