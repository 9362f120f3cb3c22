// SPDX-License-Identifier: GPL-2.0
/*
 * Small windows, in which something else has to come for a fault to show.  Where the
 * library calls a function of another file of its own in the window, the linker puts a
 * hook there (see Makefile), and the window stays open until it has come.  The others are
 * less than a microsecond, and are tried thousands of times, a little earlier or later.
 * A fault shows as a test that does not end, or as a number.
 */
#include <pthread.h>
#include <sched.h>

#include <ksync/future.h>
#include "lib/ksft.h"
#include "lib/loops.h"
#include "lib/hooks.h"

static void await_word(const uint32_t *word, uint32_t value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
		__real_sched_yield();
}

static void set(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static struct ksync_sched *start(enum ksync_model model, uint32_t procs)
{
	const struct ksync_sched_opts opts = {
		.model = model, .procs = procs, .flags = KSYNC_SCHED_QUIET,
	};
	struct ksync_sched *s;

	return ksync_sched_start(&s, &opts) ? NULL : s;
}

static struct proc *busy;

/* Whoever runs when the thief yields: here, the one whose task is to be stolen. */
int __wrap_sched_yield(void)
{
	if (busy)
		store(&busy->tick, busy->tick + 1);
	return __real_sched_yield();
}

/* It may be on the CPU of who woke it, and is about to run the task: it goes first. */
TEST(thief_lets_the_owner_go_first)
{
	static struct proc from, to;
	static struct ksync_task t;

	from.next = &t;
	busy = &from;
	EXPECT_EQ(NULL, ksync_runq_steal(&to, &from, true));
	EXPECT_EQ(&t, from.next);
	busy = NULL;
	EXPECT_EQ(&t, ksync_runq_steal(&to, &from, true));
	EXPECT_EQ(NULL, from.next);
}

static uint32_t armed, open_window, came;

/* The thread has given its proc back, and does not sleep yet. */
bool __wrap_ksync_machine_sleep(struct machine *m)
{
	if (__atomic_exchange_n(&armed, 0, __ATOMIC_ACQ_REL)) {
		set(&open_window, 1);
		await_word(&came, 1);
	}
	return __real_ksync_machine_sleep(m);
}

static void *nothing(void *arg)
{
	return arg;
}

TEST(all_on_one_thread_is_one_thread)
{
	struct ksync_sched *s = start(KSYNC_MODEL_N1, 0);
	struct ksync_sched_stats st;
	struct ksync_task *t[2];

	ASSERT_NE(NULL, s);
	RUN_ON(s, nothing, NULL);
	set(&armed, 1);
	ASSERT_EQ(0, ksync_sched_spawn(s, &t[0], nothing, NULL, NULL));
	await_word(&open_window, 1);
	ASSERT_EQ(0, ksync_sched_spawn(s, &t[1], nothing, NULL, NULL));
	set(&came, 1);
	EXPECT_EQ(0, ksync_task_join(t[0], NULL));
	EXPECT_EQ(0, ksync_task_join(t[1], NULL));
	ksync_sched_stats(s, &st);
	EXPECT_EQ(1, st.threads);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

static struct ksync_task *pinned;
static uint32_t came_back, told;
static pthread_t its_thread;

/* It found no proc when it came back; now the only one becomes idle. */
void __wrap_ksync_global_put(struct ksync_sched *s, struct ksync_task *first,
			     struct ksync_task *last, uint32_t n)
{
	if (first == load(&pinned)) {
		set(&came_back, 1);
		await_word(&s->nidle, 1);
	}
	__real_ksync_global_put(s, first, last, n);
}

/* Were it not for the thread of the pinned task, the monitor would do it, later. */
void __wrap_ksync_wake_one(struct ksync_sched *s)
{
	if (load(&came_back) && pthread_equal(pthread_self(), its_thread))
		store(&told, 1);
	__real_ksync_wake_one(s);
}

static void *has_the_proc(void *arg)
{
	await_word(&came_back, 1);
	return arg;
}

static void *blocks_pinned(void *arg)
{
	struct ksync_task *t;

	ksync_task_pin();
	its_thread = pthread_self();
	CHECK(!ksync_task_spawn(&t, has_the_proc, NULL, NULL));
	ksync_task_block_enter();
	while (load(&t->state) != TASK_RUNNING)
		__real_sched_yield();
	store(&pinned, ksync_task_self());
	ksync_task_block_leave();
	store(&pinned, NULL);
	CHECK(!ksync_task_join(t, NULL));
	ksync_task_unpin();
	return arg;
}

TEST(pinned_task_finds_the_proc_that_became_idle)
{
	struct ksync_sched *s = start(KSYNC_MODEL_MN, 1);

	ASSERT_NE(NULL, s);
	RUN_ON(s, blocks_pinned, NULL);
	EXPECT_EQ(1, told);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

static __thread uint64_t random_state;

/* Up to @max loads of a word. */
static void dally(uint32_t max)
{
	static uint32_t word;
	uint32_t i, n;

	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	n = (random_state >> 33) % max;
	for (i = 0; i < n; i++)
		__atomic_load_n(&word, __ATOMIC_SEQ_CST);
}

static int rounds(int many)
{
	return slow_factor() > 1 ? many / 100 : many;
}

static int fds[2];
static uint32_t turns;

/* Sends a byte for each that it gets, a little later each time. */
static void *replies(void *arg)
{
	char c;

	while (recv(fds[1], &c, 1, 0) == 1) {
		dally(2000);
		if (send(fds[1], &c, 1, 0) != 1)
			break;
	}
	return arg;
}

static void *asks(void *arg)
{
	const uint64_t end = in(5 * SEC);
	uint32_t i;
	char c = 0;

	for (i = 0; i < turns && !passed(end); i++) {
		CHECK(send(fds[0], &c, 1, 0) == 1);
		CHECK(ksync_loop_read(loop, fds[0], &c, 1, NULL) == 1);
	}
	return arg;
}

static void again(struct ksync_loop *l, struct ksync_loop_job *job)
{
	if (__atomic_load_n(&turns, __ATOMIC_RELAXED))
		ksync_loop_post(l, job);
}

/* The loop never sleeps: what has come it sees while the task is about to wait for it. */
TEST(what_comes_before_the_wait_is_kept)
{
	struct ksync_loop_job job = { .fn = again };
	struct ksync_sched *s = start(KSYNC_MODEL_MN, 1);
	pthread_t runner, peer;

	ASSERT_NE(NULL, s);
	ASSERT_EQ(0, create(EPOLL));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	turns = rounds(100000);
	ASSERT_EQ(0, pthread_create(&runner, NULL, run_thread, NULL));
	ASSERT_EQ(0, pthread_create(&peer, NULL, replies, NULL));
	ksync_loop_post(loop, &job);
	RUN_ON(s, asks, NULL);
	__atomic_store_n(&turns, 0, __ATOMIC_RELAXED);
	ksync_loop_stop(loop);
	pthread_join(runner, NULL);
	shutdown(fds[0], SHUT_RDWR);
	pthread_join(peer, NULL);
	EXPECT_EQ(0, ksync_loop_destroy(loop));
	EXPECT_EQ(0, ksync_sched_stop(s));
}

static void *dallies(void *arg)
{
	dally(3000);
	return arg;
}

/* Its delay ends while the only other thread does. */
static void *delay_beside_end(void *n)
{
	const uint64_t end = in(5 * SEC);
	struct ksync_future *f;
	struct timespec then;
	struct ksync_task *t;
	long i;

	for (i = 0; i < (long)n && !passed(end); i++) {
		then = models_in(60000);
		CHECK(!ksync_future_delay(&f, &then, NULL));
		CHECK(!ksync_task_spawn(&t, dallies, NULL, NULL));
		CHECK(!ksync_await(f, NULL));
		ksync_future_put(f);
		CHECK(!ksync_task_join(t, NULL));
	}
	return NULL;
}

TEST(timer_that_fires_is_no_deadlock)
{
	struct ksync_sched *s = start(KSYNC_MODEL_11, 0);

	ASSERT_NE(NULL, s);
	RUN_ON(s, delay_beside_end, (void *)(long)rounds(10000));
	EXPECT_EQ(0, ksync_sched_stop(s));
}

KSFT_MAIN
