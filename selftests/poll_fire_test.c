// SPDX-License-Identifier: GPL-2.0
/*
 * Epoll under fire: some add, others sleep in epoll and take until nothing is
 * left.  An edge that is not reported would leave something behind with everybody
 * asleep: the last one to take ends the test, and nobody else does.
 *
 * A thing to do is a count in memory, which is announced by the object; only that
 * of the sem is its value, and the mutex has none: it is what each taker wants.
 */
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/sys.h"

#define ADDERS	3
#define TAKERS	3
#define EACH	4000

struct fire;

/**
 * struct sort - one kind of object
 * @init: make it, and set f->object
 * @add: one; NULL: takers need no more than each other
 * @take: Return: 1: one was taken; 0: there is none
 * @expect: before that: what is new from now on
 */
struct sort {
	int (*init)(struct fire *f, struct ksync *d);
	int (*add)(struct fire *f);
	int (*take)(struct fire *f);
	int (*expect)(struct fire *f, int fd);
};

/**
 * struct fire - what the tasks share
 * @sort: of the object
 * @events: EPOLLIN, EPOLLET
 * @domain: where it lives
 * @object: one of these:
 * @stop: all has been taken, or something has failed; manual reset
 * @pending: announced, and not taken yet
 * @taken: by all takers
 * @goal: there is no more
 * @inside: the mutex: tasks that have it
 * @entries: how often somebody had it
 * @error: of an operation that failed
 * @task: takers, then adders
 */
struct fire {
	const struct sort *sort;
	uint32_t events;
	struct ksync *domain;
	struct ksync_object *object;
	struct ksync_sem sem;
	struct ksync_event event, stop;
	struct ksync_waitq waitq;
	struct ksync_mutex mutex;
	uint32_t pending;
	uint32_t taken;
	uint32_t goal;
	uint32_t inside;
	uint32_t entries;
	int error;
	struct task task[ADDERS + TAKERS];
};

static int failed(struct fire *f, int error)
{
	int none = 0;

	__atomic_compare_exchange_n(&f->error, &none, error, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
	ksync_event_set(&f->stop);
	return 1;
}

static int sem_init(struct fire *f, struct ksync *d)
{
	f->object = &f->sem.o;
	return ksync_sem_init(&f->sem, d, 0, 0);
}

static int sem_add(struct fire *f)
{
	return ksync_sem_post(&f->sem);
}

static int sem_take(struct fire *f)
{
	int ret = ksync_sem_wait_try(&f->sem);

	return ret == -EAGAIN ? 0 : ret ? ret : 1;
}

static int take_pending(struct fire *f)
{
	uint32_t n = __atomic_load_n(&f->pending, __ATOMIC_SEQ_CST);

	while (n)
		if (__atomic_compare_exchange_n(&f->pending, &n, n - 1, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return 1;
	return 0;
}

static int event_init(struct fire *f, struct ksync *d)
{
	f->object = &f->event.o;
	return ksync_event_init(&f->event, d, 0);
}

static int event_add(struct fire *f)
{
	int ret;

	__atomic_fetch_add(&f->pending, 1, __ATOMIC_SEQ_CST);
	ret = ksync_event_set(&f->event);
	return ret < 0 ? ret : 0;
}

/* The event first: who adds after this look sets it again. */
static int event_take(struct fire *f)
{
	int ret = ksync_event_wait_try(&f->event);

	if (ret && ret != -EAGAIN)
		return ret;
	return take_pending(f);
}

static int waitq_init(struct fire *f, struct ksync *d)
{
	f->object = &f->waitq.o;
	return ksync_waitq_init(&f->waitq, d, 0);
}

static int waitq_add(struct fire *f)
{
	int ret;

	__atomic_fetch_add(&f->pending, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(ksync_waitq_word(&f->waitq), 1, __ATOMIC_SEQ_CST);
	ret = ksync_waitq_wake(&f->waitq, 1);
	return ret < 0 ? ret : 0;
}

/* What is added after the word was read makes it another one. */
static int waitq_expect(struct fire *f, int fd)
{
	return ksync_fd_expect(fd, __atomic_load_n(ksync_waitq_word(&f->waitq),
						   __ATOMIC_SEQ_CST));
}

static int mutex_init(struct fire *f, struct ksync *d)
{
	f->object = &f->mutex.o;
	return ksync_mutex_init(&f->mutex, d, 0);
}

static int mutex_take(struct fire *f)
{
	int ret = ksync_mutex_lock_try(&f->mutex);

	if (ret)
		return ret == -EBUSY ? 0 : ret;
	if (f->inside++)
		return -EPROTO;
	if (f->entries++ % 16 == 0)
		sys(SYS_sched_yield);
	f->inside--;
	ret = ksync_mutex_unlock(&f->mutex);
	return ret ? ret : 1;
}

static const struct sort sems = { sem_init, sem_add, sem_take, NULL };
static const struct sort events = { event_init, event_add, event_take, NULL };
static const struct sort waitqs = { waitq_init, waitq_add, take_pending, waitq_expect };
static const struct sort mutexes = { mutex_init, NULL, mutex_take, NULL };

static int add(void *arg)
{
	struct fire *f = arg;
	int i, ret = 0;

	for (i = 0; i < EACH && !ret; i++) {
		ret = f->sort->add(f);
		if (i % 64 == 0)
			sys(SYS_sched_yield);
	}
	return ret ? failed(f, ret) : 0;
}

/* Take what is there, or as much as is wanted. Return: whether all is done. */
static int drain(struct fire *f, int fd, uint32_t *mine)
{
	int ret;

	for (;;) {
		if (!f->sort->add && *mine == EACH)
			return 1;
		ret = f->sort->expect ? f->sort->expect(f, fd) : 0;
		if (!ret)
			ret = f->sort->take(f);
		if (ret < 0)
			return ret;
		if (!ret)
			return 0;
		++*mine;
		if (__atomic_add_fetch(&f->taken, 1, __ATOMIC_SEQ_CST) == f->goal)
			ksync_event_set(&f->stop);
	}
}

static int sleep_and_take(struct fire *f, int ep, int fd)
{
	struct epoll_event e;
	uint32_t mine = 0;
	int ret, n = 1;

	while (n == 1) {
		ret = drain(f, fd, &mine);
		if (ret)
			return ret;
		n = epoll_wait(ep, &e, 1, 30000 * slow_factor());
		if (n == 1 && e.data.u32)
			return 1;
	}
	return n ? -errno : -ETIME;
}

static int hook(int ep, int fd, uint32_t events, uint32_t data)
{
	struct epoll_event e = { .events = events, .data.u32 = data };

	return fd < 0 ? fd : epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static int take(void *arg)
{
	struct fire *f = arg;
	const int ep = epoll_create1(0), stop = ksync_fd(&f->stop);
	const int fd = ksync_object_fd(f->object, 0);
	int ret = hook(ep, stop, EPOLLIN, 1);

	if (!ret)
		ret = hook(ep, fd, f->events, 0);
	if (!ret)
		ret = sleep_and_take(f, ep, fd);
	close(fd);
	close(stop);
	close(ep);
	return ret < 0 ? failed(f, ret) : 0;
}

FIXTURE(fire)
{
	struct fire f;
	int fd;
};

FIXTURE_VARIANT(fire)
{
	const struct sort *sort;
	uint32_t events;
};

FIXTURE_VARIANT_ADD(fire, sems_edge) { .sort = &sems, .events = EPOLLIN | EPOLLET };
FIXTURE_VARIANT_ADD(fire, sems_level) { .sort = &sems, .events = EPOLLIN };
FIXTURE_VARIANT_ADD(fire, events_edge) { .sort = &events, .events = EPOLLIN | EPOLLET };
FIXTURE_VARIANT_ADD(fire, events_level) { .sort = &events, .events = EPOLLIN };
FIXTURE_VARIANT_ADD(fire, waitqs_edge) { .sort = &waitqs, .events = EPOLLIN | EPOLLET };
FIXTURE_VARIANT_ADD(fire, waitqs_level) { .sort = &waitqs, .events = EPOLLIN };
FIXTURE_VARIANT_ADD(fire, mutexes_edge) { .sort = &mutexes, .events = EPOLLIN | EPOLLET };
FIXTURE_VARIANT_ADD(fire, mutexes_level) { .sort = &mutexes, .events = EPOLLIN };

FIXTURE_SETUP(fire)
{
	struct fire *f = &self->f;

	ASSERT_EQ(0, ksync_open(&f->domain, 0));
	f->sort = variant->sort;
	f->events = variant->events;
	f->goal = (f->sort->add ? ADDERS : TAKERS) * EACH;
	ASSERT_EQ(0, f->sort->init(f, f->domain));
	self->fd = ksync_object_fd(f->object, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ksync_event_init(&f->stop, f->domain, KSYNC_EVENT_MANUAL));
}

FIXTURE_TEARDOWN(fire)
{
	close(self->fd);
	ksync_close(self->f.domain);
}

TEST_F(fire, nothing_is_lost_and_nothing_left)
{
	struct fire *f = &self->f;
	int i, n = TAKERS + (f->sort->add ? ADDERS : 0);

	for (i = 0; i < n; i++)
		ASSERT_EQ(0, task_start(&f->task[i], TASK_THREAD, i < TAKERS ? take : add, f));
	for (i = 0; i < n; i++)
		EXPECT_EQ(0, task_join(&f->task[i], NULL));
	EXPECT_EQ(0, f->error);
	EXPECT_EQ(f->goal, f->taken);
	if (f->sort->add)
		EXPECT_EQ(0, f->sort->take(f));
}

KSFT_MAIN
