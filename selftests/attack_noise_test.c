// SPDX-License-Identifier: GPL-2.0
/*
 * What an attack costs others: a victim of another user works in another domain, while
 * the attacker keeps a CPU busy in user space, and then while it uses that CPU for the
 * attack.  The victim's times are figures; that all it does succeeds is asserted, and
 * that whoever wants a lock that all domains share is served before the attacker's work
 * is done.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/attacker.h"
#include "lib/clock.h"
#include "lib/figure.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/poller.h"
#include "lib/uring.h"
#include "lib/victim.h"

#define MEMCG	"ksync-attack-noise"

/* How long each work is measured, and how often it is done at least. */
#define WHILE_NS	(300 * MSEC)
#define LEAST		50

/* What the attacker does now. */
enum phase { SPIN, ATTACK, END };

/* The attacker's, in its process. */
static struct {
	struct ksync_cell *cells;
	uint32_t handle;
	uint32_t ids[1 << 16];
	struct ksync_item items[KSYNC_MANY_MAX];
	struct io_uring ring;
} mine;

/* A chain of owners, as long as may be: the walk along it is made under one lock. */
#define CHAIN (400 / slow_factor())

static int link_of_chain(struct attacker *a, uint32_t i)
{
	uint32_t handle;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (raw_attach(a->fd, &handle))
		return 1;
	__atomic_store_n(&mine.cells[mine.ids[i]].word, handle, __ATOMIC_SEQ_CST);
	__atomic_store_n(&a->n[1], (int64_t)i + 1, __ATOMIC_SEQ_CST);
	if (i)
		return raw_lock(a->fd, mine.ids[i - 1], handle, 0, KSYNC_NO_DEADLINE) ? 2 : 0;
	pause();
	return 0;
}

static int chain_setup(struct attacker *a)
{
	uint32_t i;

	ATTACK_EQ(0, raw_create_many(a->fd, KSYNC_KIND_MUTEX, 0, mine.ids, CHAIN));
	for (i = 0; i < (uint32_t)CHAIN; i++) {
		if (!fork())
			_exit(link_of_chain(a, i));
		while (__atomic_load_n(&a->n[1], __ATOMIC_SEQ_CST) <= i)
			poll(NULL, 0, 1);
		if (i)
			ATTACK_EQ(0, await_waiters(a->fd, mine.ids[i - 1], 1));
	}
	return 0;
}

static int chain_step(struct attacker *a)
{
	const uint32_t last = mine.ids[CHAIN - 1];

	ATTACK_EQ(-ETIMEDOUT, raw_lock(a->fd, last, mine.handle, 0, 1));
	return 0;
}

/* A wait for all of 128, with as many bucket locks held. */
static int all_setup(struct attacker *a)
{
	uint32_t i;

	ATTACK_EQ(0, raw_create_many(a->fd, KSYNC_KIND_SEM, 0, mine.ids, KSYNC_MANY_MAX));
	for (i = 0; i < KSYNC_MANY_MAX; i++)
		mine.items[i].id = mine.ids[i];
	return 0;
}

static int all_step(struct attacker *a)
{
	struct ksync_many many = {
		.count = KSYNC_MANY_MAX,
		.items = (uintptr_t)mine.items,
		.flags = KSYNC_MANY_ALL,
		.deadline = KSYNC_NO_DEADLINE,
	};
	uint32_t i;

	for (i = 0; i < KSYNC_MANY_MAX; i++)
		__atomic_store_n(&mine.cells[mine.ids[i]].word, 1, __ATOMIC_SEQ_CST);
	ATTACK_EQ(0, raw_many(a->fd, &many));
	return 0;
}

/* Waits on so many objects that the hash has long chains. */
#define STATES ((1 << 16) / (slow_factor() > 1 ? 8 : 1) - 16)

static int states_setup(struct attacker *a)
{
	ATTACK_EQ(0, io_uring_queue_init(1024, &mine.ring, 0));
	ATTACK_EQ(0, raw_create_many(a->fd, KSYNC_KIND_SEM, 0, mine.ids, STATES));
	return 0;
}

static int states_step(struct attacker *a)
{
	uint32_t was;
	int32_t i;

	if (!a->n[1]) {
		for (i = 0; i < STATES; i++) {
			uring_acquire(&mine.ring, a->fd, mine.ids[i], i);
			if (i % 1024 == 1023 || i == STATES - 1)
				ATTACK_EQ(i % 1024 + 1, io_uring_submit(&mine.ring));
		}
		a->n[1] = 1;
	}
	ATTACK_EQ(0, raw_release(a->fd, mine.ids[STATES], 0, 1, &was));
	ATTACK_EQ(0, raw_acquire(a->fd, mine.ids[STATES], 0, KSYNC_NO_DEADLINE));
	return 0;
}

static int states_setup_all(struct attacker *a)
{
	if (states_setup(a))
		return 1;
	ATTACK_EQ(0, raw_create(a->fd, KSYNC_KIND_SEM, 0, &mine.ids[STATES]));
	return 0;
}

/* Children that attach and die, in a domain where their death has to be told. */
#define POLLED	500

static int deaths_setup(struct attacker *a)
{
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };
	uint32_t i;
	int fd = -1;

	ATTACK_EQ(0, raw_create_many(a->fd, KSYNC_KIND_MUTEX, 0, mine.ids, POLLED));
	for (i = 0; i < POLLED; i++) {
		mine.cells[mine.ids[i]].word = mine.handle;
		fd = raw_fd(a->fd, mine.ids[i], 0);
		ATTACK(fd >= 0);
		ATTACK_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	}
	return 0;
}

static int deaths_step(struct attacker *a)
{
	uint32_t handle;
	int status;

	if (!fork())
		_exit(!!raw_attach(a->fd, &handle));
	ATTACK(wait(&status) > 0);
	ATTACK_EQ(0, status);
	return 0;
}

/* The word changes while the module decides on it. */
static int scribble_setup(struct attacker *a)
{
	uint32_t *word;

	ATTACK_EQ(0, raw_create(a->fd, KSYNC_KIND_MUTEX, 0, mine.ids));
	word = &mine.cells[mine.ids[0]].word;
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			__atomic_store_n(word, 0, __ATOMIC_RELAXED);
			__atomic_store_n(word, KSYNC_WAITERS, __ATOMIC_RELAXED);
			__atomic_store_n(word, mine.handle, __ATOMIC_RELAXED);
			/* Control and attack are to be alike. */
			while (__atomic_load_n(&a->go, __ATOMIC_RELAXED) == SPIN)
				;
		}
	}
	return 0;
}

static int scribble_step(struct attacker *a)
{
	raw_lock(a->fd, mine.ids[0], mine.handle, 0, 1);
	raw_unlock(a->fd, mine.ids[0], mine.handle);
	return 0;
}

static const struct {
	const char *name;
	int (*setup)(struct attacker *a);
	int (*step)(struct attacker *a);
} attacks[] = {
	{ "chain", chain_setup, chain_step },
	{ "all", all_setup, all_step },
	{ "states", states_setup_all, states_step },
	{ "deaths", deaths_setup, deaths_step },
	{ "scribble", scribble_setup, scribble_step },
};

static int attack(struct attacker *a)
{
	uint32_t phase;

	a->fd = raw_open();
	mine.cells = raw_map(a->fd, 0);
	ATTACK_EQ(0, raw_attach(a->fd, &mine.handle));
	if (attacks[a->n[0]].setup(a))
		return 1;
	__atomic_store_n(&a->n[2], 1, __ATOMIC_SEQ_CST);
	while ((phase = __atomic_load_n(&a->go, __ATOMIC_SEQ_CST)) != END) {
		if (phase == SPIN)
			continue;
		if (attacks[a->n[0]].step(a))
			return 1;
		__atomic_add_fetch(&a->n[3], 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

FIXTURE(noise)
{
	struct attacker *a;
};

FIXTURE_SETUP(noise)
{
	ASSERT_EQ(0, device_share());
	ASSERT_EQ(0, memcg_make(MEMCG, 0));
}

FIXTURE_TEARDOWN(noise)
{
	memcg_remove(MEMCG);
	device_unshare();
}

static void measure(struct __test_metadata *_metadata, const char *attack,
		    enum victim_work work, const char *phase)
{
	struct victim *v = victim_start(work);
	const uint64_t begin = now(CLOCK_MONOTONIC), deadline = await_deadline();

	ASSERT_NE(NULL, v);
	while ((now(CLOCK_MONOTONIC) - begin < WHILE_NS || victim_done(v) < LEAST) &&
	       !passed(deadline))
		poll(NULL, 0, 10);
	EXPECT_LE(LEAST, victim_done(v));
	EXPECT_EQ(0, victim_stop(v));
	figure(victim_median(v), "ns", "noise.%s.%s.median.%s", attack,
	       victim_work_names[work], phase);
	figure(victim_longest(v) / 1000, "us", "noise.%s.%s.longest.%s", attack,
	       victim_work_names[work], phase);
	victim_free(v);
}

static bool attacker_is_ready(const void *arg)
{
	const struct attacker *a = arg;

	return __atomic_load_n(&a->n[2], __ATOMIC_SEQ_CST) || a->failed;
}

static bool attacker_has_attacked(const void *arg)
{
	const struct attacker *a = arg;

	return __atomic_load_n(&a->n[3], __ATOMIC_SEQ_CST) || a->failed;
}

static void attack_and_measure(struct __test_metadata *_metadata, size_t which)
{
	struct attacker *a = attacker_new(attack);
	enum victim_work work;

	a->n[0] = which;
	a->memcg = MEMCG;
	ASSERT_EQ(0, attacker_start(a));
	ASSERT_EQ(0, await_true(attacker_is_ready, a));
	for (work = 0; work < VICTIM_WORKS; work++)
		measure(_metadata, attacks[which].name, work, "control");
	__atomic_store_n(&a->go, ATTACK, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, await_true(attacker_has_attacked, a));
	for (work = 0; work < VICTIM_WORKS; work++)
		measure(_metadata, attacks[which].name, work, "attack");
	figure(a->n[3], "calls", "noise.%s.attacker.calls", attacks[which].name);
	figure(memcg_current(MEMCG) >> 10, "KiB", "noise.%s.attacker.memory",
	       attacks[which].name);
	__atomic_store_n(&a->go, END, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, attacker_join(a));
	EXPECT_LT(0, a->n[3]);
}

TEST_F(noise, long_chain)
{
	attack_and_measure(_metadata, 0);
}

TEST_F(noise, wait_for_all)
{
	attack_and_measure(_metadata, 1);
}

TEST_F(noise, many_states)
{
	attack_and_measure(_metadata, 2);
}

TEST_F(noise, many_deaths)
{
	attack_and_measure(_metadata, 3);
}

TEST_F(noise, changing_words)
{
	attack_and_measure(_metadata, 4);
}

/*
 * Many threads die at once, and each death is long to be told.  Whoever attaches to
 * another domain meanwhile waits for one of them at most, not for all.
 */
#define DYING	(slow_factor() > 1 ? 200 : 800)
#define TOLD	4000

static int stay(void *arg)
{
	struct attacker *a = arg;
	uint32_t handle;

	if (raw_attach(a->fd, &handle))
		return 1;
	__atomic_add_fetch(&a->n[1], 1, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

static int start_many(struct attacker *a)
{
	struct task *t = calloc(DYING, sizeof(*t));
	int i;

	for (i = 0; i < DYING; i++)
		ATTACK_EQ(0, task_start(&t[i], TASK_THREAD, stay, a));
	for (;;)
		pause();
}

static uint32_t threads(int fd)
{
	struct ksync_info info;

	return raw_info(fd, &info) ? ~0U : info.threads;
}

static bool a_quarter_is_gone(const void *arg)
{
	return threads(*(const int *)arg) <= (uint32_t)DYING * 3 / 4;
}

static bool all_are_gone(const void *arg)
{
	return !threads(*(const int *)arg);
}

static void tell_of_deaths(struct __test_metadata *_metadata, int fd)
{
	const struct rlimit files = { 1 << 16, 1 << 16 };
	struct epoll_event event = { .events = EPOLLIN };
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	static uint32_t ids[TOLD];
	int i, polled;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	ASSERT_EQ(0, raw_create_many(fd, KSYNC_KIND_MUTEX, 0, ids, TOLD));
	for (i = 0; i < TOLD; i++) {
		polled = raw_fd(fd, ids[i], 0);
		ASSERT_LE(0, polled);
		ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, polled, &event));
	}
}

static bool all_have_come(const void *arg)
{
	const struct attacker *a = arg;

	return __atomic_load_n(&a->n[1], __ATOMIC_SEQ_CST) == DYING || a->failed;
}

TEST_F(noise, attaching_while_many_die)
{
	struct attacker *a = attacker_new(start_many);
	uint64_t begin;
	uint32_t handle, left;
	int other;

	a->fd = raw_open();
	tell_of_deaths(_metadata, a->fd);
	ASSERT_EQ(0, attacker_start(a));
	ASSERT_EQ(0, await_true(all_have_come, a));
	ASSERT_EQ(0, task_kill(&a->task, SIGKILL));
	EXPECT_EQ(-SIGKILL, attacker_join(a));
	ASSERT_EQ(0, await_true(a_quarter_is_gone, &a->fd));

	other = raw_open();
	begin = now(CLOCK_MONOTONIC);
	EXPECT_EQ(0, raw_attach(other, &handle));
	left = threads(a->fd);
	figure((now(CLOCK_MONOTONIC) - begin) / 1000, "us", "noise.dying.attach");
	figure(left, "threads", "noise.dying.left_then");
	EXPECT_LT(0, left);
	close(other);
	EXPECT_EQ(0, await_true(all_are_gone, &a->fd));
	close(a->fd);
}

KSFT_MAIN
