// SPDX-License-Identifier: GPL-2.0
/*
 * Barriers: who is kept and who goes on, over many cycles and with more tasks
 * than make one; what becomes of those that give up or die.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

#define TASKS	4

/* Made before the tasks start: processes have a copy, the others share it. */
static struct ksync_barrier barrier;

FIXTURE(barrier)
{
	struct ksync *d;
	int fd;
	uint32_t id;
	struct ksync_cell *cells;
	struct ksync_model_cell_ *cell;
	unsigned int max_waiters;
};

FIXTURE_SETUP(barrier)
{
	ASSERT_EQ(0, param_get("max_waiters", &self->max_waiters));
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_barrier_init(&barrier, self->d, TASKS));
	self->fd = ksync_fileno(self->d);
	self->id = ksync_barrier_id(&barrier);
	self->cells = raw_map(self->fd, 64);
	self->cell = ksync_model_cell_of_(&barrier.o);
}

FIXTURE_TEARDOWN(barrier)
{
	param_set("max_waiters", self->max_waiters);
	ksync_close(self->d);
}

/* Another count: tests that need one make their own barrier in its place. */
static void remake(struct __test_metadata *_metadata,
		   struct _test_data_barrier *self, uint32_t count)
{
	ASSERT_EQ(0, ksync_barrier_destroy(&barrier));
	ASSERT_EQ(0, ksync_barrier_init(&barrier, self->d, count));
	ASSERT_EQ(self->id, ksync_barrier_id(&barrier));
}

#define REMAKE(count) remake(_metadata, self, count)

static int step_wait(struct player *p)
{
	(void)p;
	return ksync_barrier_wait(&barrier);
}

static struct player *waiter(struct __test_metadata *_metadata,
			     struct _test_data_barrier *self, enum task_kind kind)
{
	struct player *p = player_start(kind, self->fd, self->cells);
	const uint32_t n = self->cell->waiters;

	ASSERT_NE(NULL, p);
	player_post(p, step_wait, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, n + 1));
	return p;
}

#define WAITER(kind) waiter(_metadata, self, kind)

static void released(struct __test_metadata *_metadata, struct player *p)
{
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, player_end(p));
}

TEST_F(barrier, count_of_0_is_einval)
{
	struct ksync_barrier b;

	EXPECT_EQ(-EINVAL, ksync_barrier_init(&b, self->d, 0));
	EXPECT_EQ(0, ksync_barrier_init(&b, self->d, UINT32_MAX));
	EXPECT_EQ(0, ksync_barrier_destroy(&b));
}

TEST_F(barrier, opens_barriers_only)
{
	struct ksync_barrier b;
	struct ksync_waitq q;
	struct ksync_latch l;

	ASSERT_EQ(0, ksync_waitq_init(&q, self->d, 0));
	ASSERT_EQ(0, ksync_latch_init(&l, self->d, 1));
	EXPECT_EQ(-EINVAL, ksync_barrier_open(&b, self->d, ksync_waitq_id(&q)));
	EXPECT_EQ(-EINVAL, ksync_barrier_open(&b, self->d, ksync_latch_id(&l)));
	EXPECT_EQ(-EBADF, ksync_barrier_open(&b, self->d, 63));
	ASSERT_EQ(0, ksync_barrier_open(&b, self->d, self->id));
	EXPECT_EQ(TASKS, b.count);
	EXPECT_EQ(self->id, ksync_barrier_id(&b));
	self->cell->count = 0;
	EXPECT_EQ(-EINVAL, ksync_barrier_open(&b, self->d, self->id));
}

TEST_F(barrier, of_one_never_waits)
{
	REMAKE(1);
	EXPECT_EQ(KSYNC_BARRIER_SERIAL, ksync_barrier_wait(&barrier));
	EXPECT_EQ(KSYNC_BARRIER_SERIAL, ksync_barrier_wait(&barrier));
}

TEST_F(barrier, last_one_lets_all_kinds_go)
{
	struct player *p[3];
	int i;

	for (i = 0; i < 3; i++)
		p[i] = WAITER(i);
	for (i = 0; i < 3; i++) {
		EXPECT_NE(p[i]->posted, p[i]->done);
		EXPECT_EQ(0, await_asleep(task_tid(&p[i]->task)));
	}
	EXPECT_EQ(KSYNC_BARRIER_SERIAL, ksync_barrier_wait(&barrier));
	for (i = 0; i < 3; i++)
		released(_metadata, p[i]);
	EXPECT_EQ(0, ksync_barrier_destroy(&barrier));
	EXPECT_EQ(-EBADF, ksync_barrier_destroy(&barrier));
	EXPECT_EQ(-EBADF, ksync_barrier_wait(&barrier));
}

TEST_F(barrier, opened_by_id_is_the_same)
{
	struct player *p;
	struct ksync_barrier b;

	REMAKE(2);
	p = WAITER(TASK_PROCESS);
	ASSERT_EQ(0, ksync_barrier_open(&b, self->d, self->id));
	EXPECT_EQ(KSYNC_BARRIER_SERIAL, ksync_barrier_wait(&b));
	released(_metadata, p);
	EXPECT_EQ(0, ksync_barrier_destroy(&barrier));
	EXPECT_EQ(-EBADF, ksync_barrier_wait(&b));
}

/*
 * The last one of a cycle stands still, between having completed it and saying
 * so, while another task waits for the next cycle already.  That one is not
 * woken for nothing.
 */
TEST_F(barrier, too_many_sleep_into_the_next_cycle)
{
	struct player *this, *next;

	REMAKE(2);
	this = WAITER(TASK_BARE);
	self->cell->state = 1ULL << 32;
	next = WAITER(TASK_PROCESS);
	self->cell->word++;
	EXPECT_EQ(1, ksync_waitq_wake_bitset(&barrier.q, 2, 1));
	self->cell->left++;
	released(_metadata, this);
	EXPECT_EQ(1, self->cell->waiters);
	EXPECT_EQ(0, await_asleep(task_tid(&next->task)));
	EXPECT_EQ(KSYNC_BARRIER_SERIAL, ksync_barrier_wait(&barrier));
	released(_metadata, next);
	EXPECT_EQ(0, ksync_barrier_destroy(&barrier));
}

static struct timespec soon(void)
{
	return to_timespec(in(30 * MSEC));
}

TEST_F(barrier, timeout_takes_the_arrival_back)
{
	const struct timespec past = { .tv_sec = 1 }, bad = { .tv_nsec = -1 };
	const struct timespec t = soon();
	struct player *p;

	REMAKE(2);
	EXPECT_EQ(-ETIMEDOUT, ksync_barrier_wait_timed(&barrier, CLOCK_MONOTONIC, &t));
	EXPECT_LE(t.tv_sec * SEC + t.tv_nsec, now(CLOCK_MONOTONIC));
	EXPECT_EQ(-ETIMEDOUT, ksync_barrier_wait_timed(&barrier, CLOCK_REALTIME, &past));
	EXPECT_EQ(-EINVAL, ksync_barrier_wait_timed(&barrier, CLOCK_MONOTONIC, &bad));
	EXPECT_EQ(-EINVAL, ksync_barrier_wait_timed(&barrier, CLOCK_PROCESS_CPUTIME_ID, &t));
	p = WAITER(TASK_BARE);
	EXPECT_EQ(KSYNC_BARRIER_SERIAL,
		  ksync_barrier_wait_timed(&barrier, CLOCK_MONOTONIC, &past));
	released(_metadata, p);
	EXPECT_EQ(0, ksync_barrier_destroy(&barrier));
}

TEST_F(barrier, who_cannot_wait_has_not_arrived)
{
	struct player *p;

	NEEDS(GUARDED);
	REMAKE(2);
	ASSERT_EQ(0, param_set("max_waiters", 0));
	EXPECT_EQ(-ENOSPC, ksync_barrier_wait(&barrier));
	ASSERT_EQ(0, param_set("max_waiters", self->max_waiters));
	p = WAITER(TASK_PROCESS);
	EXPECT_EQ(KSYNC_BARRIER_SERIAL, ksync_barrier_wait(&barrier));
	released(_metadata, p);
}

static void killed(struct __test_metadata *_metadata,
		   struct _test_data_barrier *self, enum task_kind kind)
{
	struct player *p = WAITER(kind);
	int status;

	ASSERT_EQ(0, task_kill(&p->task, SIGKILL));
	ASSERT_EQ(0, task_join(&p->task, &status));
	EXPECT_EQ(-SIGKILL, status);
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 0));
}

/* Two of the three are dead; their arrivals count. */
TEST_F(barrier, killed_asleep_has_arrived)
{
	NEEDS(GUARDED);
	REMAKE(3);
	killed(_metadata, self, TASK_BARE);
	killed(_metadata, self, TASK_PROCESS);
	EXPECT_EQ(-EBUSY, ksync_barrier_destroy(&barrier));
	EXPECT_EQ(KSYNC_BARRIER_SERIAL, ksync_barrier_wait(&barrier));
	/* They have never left. */
	EXPECT_EQ(-EBUSY, ksync_barrier_destroy(&barrier));
}

TEST_F(barrier, destroy_is_ebusy_while_somebody_waits)
{
	struct player *p;

	REMAKE(2);
	p = WAITER(TASK_THREAD);
	EXPECT_EQ(-EBUSY, ksync_barrier_destroy(&barrier));
	EXPECT_EQ(KSYNC_BARRIER_SERIAL, ksync_barrier_wait(&barrier));
	released(_metadata, p);
	EXPECT_EQ(0, ksync_barrier_destroy(&barrier));
}

/* The cell is another waitq's at once, and nobody falls asleep in there. */
TEST_F(barrier, may_be_destroyed_by_the_first_one_out)
{
	const uint64_t end = in(300 * MSEC);
	struct player *p = player_start(TASK_THREAD, self->fd, self->cells);
	struct ksync_waitq q;

	ASSERT_NE(NULL, p);
	while (!passed(end)) {
		REMAKE(2);
		player_post(p, step_wait, self->id);
		ASSERT_LE(0, ksync_barrier_wait(&barrier));
		ASSERT_EQ(0, ksync_barrier_destroy(&barrier));
		ASSERT_EQ(0, ksync_waitq_init(&q, self->d, 0));
		ASSERT_EQ(self->id, ksync_waitq_id(&q));
		ASSERT_LE(0, player_result(p));
		EXPECT_EQ(0, self->cell->left);
		ASSERT_EQ(0, ksync_waitq_destroy(&q));
		ASSERT_EQ(0, ksync_barrier_init(&barrier, self->d, TASKS));
	}
	EXPECT_EQ(0, player_end(p));
}

TEST_F(barrier, overwritten_memory_is_reported)
{
	self->cell->state = TASKS;
	EXPECT_EQ(-EUCLEAN, ksync_barrier_wait(&barrier));
	self->cell->state = 0x12345678ffffffff;
	EXPECT_EQ(-EUCLEAN, ksync_barrier_wait(&barrier));
	self->cell->model = 0;
	EXPECT_EQ(-EBADF, ksync_barrier_wait(&barrier));
}

/**
 * struct worker - one that goes through cycles
 * @n: how many cycles
 * @at: how many it is through
 * @all: all of them
 * @serials: how often one was told that it was the last
 * @early: how often one met another that was in another cycle
 * @stop: not 0: time is up
 */
struct worker {
	uint32_t n;
	uint32_t at;
	struct worker *all;
	uint32_t serials;
	uint32_t early;
	uint32_t stop;
};

/*
 * Between two waits all have done as many: exactly those of the cycle that
 * ends, before the first wait; the same plus one, behind the second.
 */
static int go_through(void *arg)
{
	struct worker *w = arg;
	int i, ret;

	while (w->at < w->n) {
		__atomic_add_fetch(&w->at, 1, __ATOMIC_RELAXED);
		ret = ksync_barrier_wait(&barrier);
		if (ret < 0)
			return -ret;
		w->serials += ret;
		for (i = 0; i < TASKS; i++)
			if (__atomic_load_n(&w->all[i].at, __ATOMIC_RELAXED) != w->at)
				w->early++;
		ret = ksync_barrier_wait(&barrier);
		if (ret < 0)
			return -ret;
		w->serials += ret;
	}
	return 0;
}

static void cycles(struct __test_metadata *_metadata, enum task_kind kind, uint32_t n)
{
	struct worker *w = player_memory(TASKS * sizeof(*w));
	struct task *t = player_memory(TASKS * sizeof(*t));
	uint32_t serials = 0;
	int i, status;

	for (i = 0; i < TASKS; i++) {
		w[i].n = n;
		w[i].all = w;
		ASSERT_EQ(0, task_start(&t[i], kind, go_through, &w[i]));
	}
	for (i = 0; i < TASKS; i++) {
		ASSERT_EQ(0, task_join(&t[i], &status));
		EXPECT_EQ(0, status);
		EXPECT_EQ(n, w[i].at);
		EXPECT_EQ(0, w[i].early) TH_LOG("task %d", i);
		serials += w[i].serials;
	}
	EXPECT_EQ(2 * n, serials);
	EXPECT_EQ(0, ksync_barrier_destroy(&barrier));
}

TEST_F(barrier, cycles_do_not_mix_for_threads)
{
	cycles(_metadata, TASK_THREAD, 500);
}

TEST_F(barrier, cycles_do_not_mix_for_bare_tasks)
{
	cycles(_metadata, TASK_BARE, 500);
}

TEST_F(barrier, cycles_do_not_mix_for_processes)
{
	cycles(_metadata, TASK_PROCESS, 500);
}

/* The number of the cycle begins anew, and nobody is forgotten over it. */
TEST_F(barrier, cycles_go_over_the_end_of_their_number)
{
	self->cell->state = (uint64_t)(UINT32_MAX - 50) << 32;
	self->cell->left = (UINT32_MAX - 50) * TASKS;
	cycles(_metadata, TASK_PROCESS, 100);
}

/*
 * Two at a time, of more than that.  @at is how many waits succeeded, @n in the
 * first worker how many workers have ended.
 */
static int pair_up(void *arg)
{
	struct worker *w = arg;
	int ret = 0;

	while (!__atomic_load_n(&w->all->stop, __ATOMIC_RELAXED)) {
		ret = ksync_barrier_wait(&barrier);
		if (ret < 0)
			break;
		w->at++;
		w->serials += ret;
		ret = 0;
	}
	__atomic_add_fetch(&w->all->n, 1, __ATOMIC_RELEASE);
	return -ret;
}

/* The same with deadlines that have passed, or pass at once. */
static int pair_up_hastily(void *arg)
{
	struct worker *w = arg;
	struct timespec t;
	int ret = 0;

	while (!__atomic_load_n(&w->all->stop, __ATOMIC_RELAXED)) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		ret = ksync_barrier_wait_timed(&barrier, CLOCK_MONOTONIC, &t);
		if (ret < 0 && ret != -ETIMEDOUT)
			break;
		w->at += ret >= 0;
		w->serials += ret > 0;
		ret = 0;
	}
	__atomic_add_fetch(&w->all->n, 1, __ATOMIC_RELEASE);
	return -ret;
}

/* Let those go that are left when time is up. */
static bool all_gone(const void *arg)
{
	const struct timespec t = to_timespec(in(1 * MSEC));
	struct worker *w = (struct worker *)arg;
	int ret = ksync_barrier_wait_timed(&barrier, CLOCK_MONOTONIC, &t);

	if (ret >= 0) {
		w->at++;
		w->serials += ret;
	}
	return __atomic_load_n(&w->all->n, __ATOMIC_ACQUIRE) == TASKS;
}

static void crowd(struct __test_metadata *_metadata,
		  struct _test_data_barrier *self, enum task_kind kind)
{
	const struct timespec half = { .tv_nsec = 500000000 };
	struct worker *w = player_memory((TASKS + 1) * sizeof(*w));
	struct task *t = player_memory(TASKS * sizeof(*t));
	uint32_t serials = 0, waits = 0;
	int i, status;

	REMAKE(2);
	for (i = 0; i <= TASKS; i++)
		w[i].all = w;
	for (i = 0; i < TASKS; i++)
		ASSERT_EQ(0, task_start(&t[i], kind, i ? pair_up : pair_up_hastily, &w[i]));
	nanosleep(&half, NULL);
	__atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
	EXPECT_EQ(0, await_true(all_gone, &w[TASKS]));
	for (i = 0; i < TASKS; i++) {
		ASSERT_EQ(0, task_join(&t[i], &status));
		EXPECT_EQ(0, status);
	}
	for (i = 0; i <= TASKS; i++) {
		serials += w[i].serials;
		waits += w[i].at;
	}
	EXPECT_GT(serials, 0);
	EXPECT_EQ(2 * serials, waits);
	EXPECT_EQ(0, ksync_barrier_destroy(&barrier));
}

TEST_F(barrier, crowd_of_threads_leaves_in_pairs)
{
	crowd(_metadata, self, TASK_THREAD);
}

TEST_F(barrier, crowd_of_bare_tasks_leaves_in_pairs)
{
	crowd(_metadata, self, TASK_BARE);
}

TEST_F(barrier, crowd_of_processes_leaves_in_pairs)
{
	crowd(_metadata, self, TASK_PROCESS);
}

KSFT_MAIN
