// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors of objects where nobody behaves: words are overwritten while they are
 * polled, objects come and go under them, and they are closed under those that
 * poll.  Everything ends, and nothing is left over.
 */
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/poller.h"
#include "lib/sys.h"

#define OBJECTS	8
#define TASKS	5
#define MANY	1000

static const uint32_t kinds[OBJECTS] = {
	KSYNC_KIND_SPIN, KSYNC_KIND_MUTEX, KSYNC_KIND_RWLOCK, KSYNC_KIND_SEM,
	KSYNC_KIND_EVENT, KSYNC_KIND_COND, KSYNC_KIND_WAITQ, KSYNC_KIND_MUTEX,
};

struct scene;

/**
 * struct part - of one task
 * @task: who
 * @scene: where
 * @act: what it does all the time
 * @state: of its dice
 * @handle: its own
 */
struct part {
	struct task task;
	struct scene *scene;
	void (*act)(struct part *p);
	uint32_t state;
	uint32_t handle;
};

/**
 * struct scene - what all share
 * @fd: the domain
 * @cells: its arena
 * @id: objects, one of each kind, and more
 * @open: descriptors that anybody polls, and anybody closes
 * @stop: not zero: time is up
 * @strange: an answer that the contract does not know
 * @polls: how often something was polled
 * @part: the tasks
 */
struct scene {
	int fd;
	struct ksync_cell *cells;
	uint32_t id[OBJECTS];
	int open[OBJECTS];
	uint32_t stop;
	int strange;
	uint64_t polls;
	struct part part[TASKS];
};

static uint32_t dice(struct part *p)
{
	p->state ^= p->state << 13;
	p->state ^= p->state >> 17;
	p->state ^= p->state << 5;
	return p->state;
}

static uint32_t some_id(struct part *p)
{
	return __atomic_load_n(&p->scene->id[dice(p) % OBJECTS], __ATOMIC_RELAXED);
}

static void overwrite(struct part *p)
{
	static const uint32_t lies[] = {
		0, 1, KSYNC_HANDOFF, KSYNC_NOTRECOVERABLE, KSYNC_READ, KSYNC_OWNER_DIED,
		KSYNC_WAITERS, KSYNC_WAITERS | KSYNC_WOKEN, 4711,
	};
	struct ksync_cell *cell = &p->scene->cells[some_id(p)];
	const uint32_t lie = lies[dice(p) % ARRAY_SIZE(lies)];

	__atomic_store_n(&cell->word, dice(p) % 4 ? lie : dice(p), __ATOMIC_RELAXED);
	__atomic_store_n(&cell->waiters, 0, __ATOMIC_RELAXED);
	if (!(dice(p) % 256))
		sys(SYS_sched_yield);
}

/* Use it, in a way that some kind understands, never for long. */
static void use(struct part *p)
{
	struct ksync_requeue requeue = { .from = some_id(p), .to = some_id(p), .move = 1 };
	const int fd = p->scene->fd;
	const uint32_t id = some_id(p);
	uint32_t n;

	raw_release(fd, id, 0, 1, &n);
	raw_acquire(fd, id, 0, 0);
	raw_wake(fd, id, 1, 1, &n);
	raw_requeue(fd, &requeue);
	raw_cond_signal(fd, id, 1, &n);
	raw_lock(fd, id, p->handle, KSYNC_WAIT_TRY, 0);
	raw_unlock(fd, id, p->handle);
}

static void replace(struct part *p)
{
	struct scene *s = p->scene;
	const uint32_t i = dice(p) % OBJECTS;
	uint32_t id;

	if (raw_destroy(s->fd, s->id[i]))
		return;
	if (raw_create(s->fd, kinds[i], 0, &id))
		s->strange = -ENOSPC;
	else
		__atomic_store_n(&s->id[i], id, __ATOMIC_RELAXED);
}

/* Close what others poll, and have another one there. */
static void reopen(struct part *p)
{
	struct scene *s = p->scene;
	const int fd = raw_fd(s->fd, some_id(p), 0);
	int old;

	if (fd < 0) {
		if (fd != -EBADF)
			s->strange = fd;
		return;
	}
	raw_expect(fd, dice(p) % 2);
	old = __atomic_exchange_n(&s->open[dice(p) % OBJECTS], fd, __ATOMIC_RELAXED);
	if (old >= 0)
		sys(SYS_close, old);
}

static void poll_some(struct part *p)
{
	struct scene *s = p->scene;
	struct pollfd fds[OBJECTS];
	uint32_t i;
	int ret;

	for (i = 0; i < OBJECTS; i++)
		fds[i] = (struct pollfd){
			.fd = __atomic_load_n(&s->open[i], __ATOMIC_RELAXED),
			.events = dice(p) % 2 ? POLLIN : POLLOUT,
		};
	ret = sys(SYS_poll, fds, OBJECTS, 1);
	if (ret < 0)
		s->strange = ret;
	__atomic_fetch_add(&s->polls, 1, __ATOMIC_RELAXED);
}

static int play(void *arg)
{
	struct part *p = arg;

	raw_attach(p->scene->fd, &p->handle);
	while (!__atomic_load_n(&p->scene->stop, __ATOMIC_RELAXED))
		p->act(p);
	return 0;
}

/* An epoll that is hooked on everything there is, all the time, and never asks. */
static int hook_all(const struct scene *s)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	int i, fd, ep = epoll_create1(0);

	for (i = 0; i < OBJECTS; i++) {
		fd = raw_fd(s->fd, s->id[i], 0);
		if (fd < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e))
			return -1;
	}
	return ep;
}

TEST(everything_ends_and_nothing_is_left)
{
	static void (*const acts[TASKS])(struct part *p) = {
		overwrite, use, replace, reopen, poll_some,
	};
	struct scene s = { .fd = raw_open() };
	struct ksync_info info;
	struct epoll_event e;
	uint64_t end;
	int i, ep;

	s.cells = raw_map(s.fd, 64);
	for (i = 0; i < OBJECTS; i++) {
		ASSERT_EQ(0, raw_create(s.fd, kinds[i], 0, &s.id[i]));
		s.open[i] = -1;
	}
	ep = hook_all(&s);
	ASSERT_LE(0, ep);
	for (i = 0; i < TASKS; i++) {
		s.part[i] = (struct part){ .scene = &s, .act = acts[i], .state = i + 1 };
		ASSERT_EQ(0, task_start(&s.part[i].task, TASK_THREAD, play, &s.part[i]));
	}
	for (end = in(4 * SEC); !passed(end);)
		epoll_wait(ep, &e, 1, 10);
	s.stop = 1;
	for (i = 0; i < TASKS; i++)
		EXPECT_EQ(0, task_join(&s.part[i].task, NULL));
	EXPECT_EQ(0, s.strange);
	EXPECT_LT(0, s.polls);
	ASSERT_EQ(0, raw_info(s.fd, &info));
	EXPECT_EQ(0, info.waiters);
	EXPECT_EQ(OBJECTS, info.objects);
	for (i = 0; i < OBJECTS; i++)
		EXPECT_EQ(0, raw_destroy(s.fd, s.id[i]));
	for (i = 0; i < OBJECTS; i++)
		if (s.open[i] >= 0)
			EXPECT_EQ(POLLHUP, poll_now(s.open[i]));
	close(s.fd);
	close(ep);
}

/* All are told, those that are left have it, and the last one clears up. */
TEST(a_thousand_descriptors)
{
	static struct epoll_event e[MANY];
	struct rlimit limit = { 4 * MANY, 4 * MANY };
	int fds[MANY], i, fd = raw_open(), ep = epoll_create1(0);
	struct ksync_cell *cells = raw_map(fd, 64);
	uint32_t sem, was;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_EQ(0, raw_create(fd, KSYNC_KIND_SEM, 0, &sem));
	e[0].events = EPOLLIN | EPOLLET;
	for (i = 0; i < MANY; i++) {
		fds[i] = raw_fd(fd, sem, 0);
		ASSERT_LE(0, fds[i]);
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &e[0]));
	}
	EXPECT_EQ(1, cells[sem].waiters);
	ASSERT_EQ(0, raw_release(fd, sem, 0, 1, &was));
	EXPECT_EQ(MANY, epoll_wait(ep, e, MANY, 0));
	EXPECT_EQ(0, epoll_wait(ep, e, MANY, 0));
	for (i = 0; i < MANY / 2; i++)
		close(fds[i]);
	ASSERT_EQ(0, raw_release(fd, sem, 0, 1, &was));
	EXPECT_EQ(MANY / 2, epoll_wait(ep, e, MANY, 0));
	for (; i < MANY; i++)
		close(fds[i]);
	EXPECT_EQ(2, cells[sem].word);
	EXPECT_EQ(0, cells[sem].waiters);
	ASSERT_EQ(0, raw_destroy(fd, sem));
}

KSFT_MAIN
