// SPDX-License-Identifier: GPL-2.0
/*
 * The window that is left with PI futexes, attacked.
 *
 * V waits for a ksync lock that T has, and T for a PI futex that V has: a cycle of
 * which ksync sees one half and the futex code the other.  Whoever comes last is
 * told, unless both come at the same time: V has looked, and T blocks before V does.
 *
 *	CPU0 (V)				CPU1 (T)
 *	----					----
 *	the owner, T, does not wait
 *						FUTEX_LOCK_PI: V does not wait
 *						blocks
 *	rt_mutex_lock: blocks
 *
 * Here an unprivileged user does that to its own tasks from two CPUs, again and
 * again.  At the priorities it can have the kernel does not even see the cycle: both
 * sleep until a signal or a deadline, and can be killed.  With a real-time priority
 * for V the kernel would see it, warn, and never let V go: see ksync_security(7).
 *
 * The word of a PI futex may name anybody: T alone can write V's number into one, and
 * V need not know of it.  That is tried as well.
 */
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/attacker.h"
#include "lib/clock.h"
#include "lib/figure.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "lib/victim.h"

/* How a round ends. */
enum ending {
	REFUSED_FUTEX,	/* the futex code told T */
	APART,		/* ksync kept V out of the chain */
	CLOSED,		/* neither: both sleep */
	PASSED,		/* V gave up or got it */
	ENDINGS
};

static const char *const ending_names[ENDINGS] = {
	"refused_by_futex", "kept_apart", "both_slept", "passed",
};

/**
 * struct race - what V and T share with who starts them
 * @fd: the domain
 * @id: the ksync lock
 * @cells: the arena
 * @futex: the PI futex
 * @ready: how many have come to the start
 * @delay: from there on, in turns of a loop: of V, of T
 * @v_handle: V's
 * @t_handle: T's
 * @v_tid: V's, once it is there
 * @v_done: its call is over
 * @t_done: the same of T
 * @v_prio: V's SCHED_FIFO priority, or 0
 * @v_ret: V's answer
 * @t_ret: T's answer
 * @forged: T writes the futex, and not V
 * @ended: how many rounds ended so
 * @killed: tasks that were
 */
struct race {
	int fd;
	uint32_t id;
	struct ksync_cell *cells;
	uint32_t futex;
	uint32_t ready;
	uint32_t delay[2];
	uint32_t v_handle;
	uint32_t t_handle;
	uint32_t v_tid;
	uint32_t v_done;
	uint32_t t_done;
	uint32_t v_prio;
	int v_ret;
	int t_ret;
	bool forged;
	int64_t ended[ENDINGS];
	int64_t killed;
};

/* Who is kept apart looks every millisecond; who is in the chain sleeps once. */
#define APART_LOOKS	10
/* For so long we look whether anything happens. */
#define OUR_LOOKS	100
#define OUR_NAP_MS	5

static void spin(uint32_t n)
{
	while (n--)
		__asm__ volatile("" ::: "memory");
}

/* Meet the other one, on another CPU, and then begin a little later than it. */
static void meet(struct race *r, uint32_t n, uint32_t delay)
{
	__atomic_add_fetch(&r->ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&r->ready, __ATOMIC_SEQ_CST) < n)
		;
	spin(delay);
}

static int be_v(struct race *r)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin_cpu(0, 0);
	if (raw_attach(r->fd, &r->v_handle))
		return 1;
	if (!r->forged)
		__atomic_store_n(&r->futex, sys_gettid(), __ATOMIC_SEQ_CST);
	__atomic_store_n(&r->v_tid, sys_gettid(), __ATOMIC_SEQ_CST);
	meet(r, 2, r->delay[0]);
	/* Not before: it would keep the other one from ever coming. */
	if (r->v_prio && sched_fifo(0, r->v_prio))
		return 1;
	r->v_ret = raw_lock(r->fd, r->id, r->v_handle, 0, KSYNC_NO_DEADLINE);
	__atomic_store_n(&r->v_done, 1, __ATOMIC_SEQ_CST);
	if (!r->v_ret)
		raw_unlock(r->fd, r->id, r->v_handle);
	return 0;
}

static int be_t(struct race *r)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin_cpu(0, cpu_count() > 1);
	if (raw_attach(r->fd, &r->t_handle))
		return 1;
	__atomic_store_n(&r->cells[r->id].word, r->t_handle, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&r->v_tid, __ATOMIC_SEQ_CST))
		;
	if (r->forged)
		__atomic_store_n(&r->futex, r->v_tid, __ATOMIC_SEQ_CST);
	meet(r, 2, r->delay[1]);
	r->t_ret = sys(SYS_futex, &r->futex, FUTEX_LOCK_PI, 0, NULL);
	__atomic_store_n(&r->t_done, 1, __ATOMIC_SEQ_CST);
	raw_unlock(r->fd, r->id, r->t_handle);
	return 0;
}

static pid_t start(struct race *r, int (*fn)(struct race *r))
{
	const pid_t pid = fork();

	if (!pid)
		_exit(fn(r));
	return pid;
}

/* 0: dead, as it has to be. */
static int end(pid_t pid)
{
	int status;

	if (kill(pid, SIGKILL))
		return -errno;
	if (await_gone(pid))
		return -ETIMEDOUT;
	return waitpid(pid, &status, 0) == pid ? 0 : -errno;
}

/* Both have come to where they wait. */
static bool both_wait(const struct race *r)
{
	struct ksync_query q;

	return !raw_query(r->fd, r->id, &q) && q.waiters &&
	       __atomic_load_n(&r->futex, __ATOMIC_SEQ_CST) & FUTEX_WAITERS;
}

static enum ending judge(const struct race *r, pid_t v)
{
	const uint64_t deadline = await_deadline();
	long sleeps = 0, n;
	int i = 0;

	while (i < OUR_LOOKS && !passed(deadline)) {
		if (__atomic_load_n(&r->t_done, __ATOMIC_SEQ_CST))
			return r->t_ret == -EDEADLK ? REFUSED_FUTEX : PASSED;
		if (__atomic_load_n(&r->v_done, __ATOMIC_SEQ_CST))
			return PASSED;
		n = proc_sleeps(v);
		if (n > APART_LOOKS)
			return APART;
		/* A processor of a busy host may stand still: from the last move on. */
		i = n == sleeps && both_wait(r) ? i + 1 : 0;
		sleeps = n;
		poll(NULL, 0, OUR_NAP_MS);
	}
	return CLOSED;
}

/* Who came first is to be a little later the next time. */
static void home_in(struct race *r, enum ending how)
{
	const uint32_t step = 1 + r->delay[1] / 4;

	r->ended[how]++;
	if (how == APART)
		r->delay[1] += 3 * step;
	else if (how != CLOSED)
		r->delay[1] -= step;
}

/* One try.  With @kill_them both are killed wherever they are after they met. */
static int race_once(struct attacker *a, struct race *r, bool kill_them)
{
	pid_t v, t;

	r->ready = 0;
	r->v_tid = 0;
	r->v_done = 0;
	r->t_done = 0;
	r->futex = 0;
	v = start(r, be_v);
	t = start(r, be_t);
	ATTACK(v > 0 && t > 0);
	ATTACK_EQ(0, await_value(&r->ready, 2));
	if (!kill_them)
		home_in(r, judge(r, v));
	/* Whatever they do now, they can be killed. */
	ATTACK_EQ(0, end(v));
	ATTACK_EQ(0, end(t));
	r->killed += 2;
	return 0;
}

static int race_many(struct attacker *a)
{
	struct race *r = player_memory(sizeof(*r));
	const uint64_t enough = in(15 * SEC * slow_factor());
	const int64_t rounds = a->n[0];
	int64_t i;

	r->fd = raw_open();
	r->cells = raw_map(r->fd, 64);
	r->forged = a->n[1];
	r->v_prio = a->rtprio;
	r->delay[1] = 2000;
	ATTACK_EQ(0, raw_create(r->fd, KSYNC_KIND_MUTEX, 0, &r->id));
	/* A machine that has other work does fewer. */
	for (i = 0; i < rounds && !passed(enough); i++) {
		if (race_once(a, r, i % 4 == 3))
			return 1;
		r->cells[r->id].word = 0;
	}
	a->n[0] = i;
	for (i = 0; i < ENDINGS; i++)
		a->n[2 + i] = r->ended[i];
	a->n[8] = r->killed;
	return 0;
}

FIXTURE(pi_futex)
{
	struct victim *victim;
};

FIXTURE_SETUP(pi_futex)
{
	ASSERT_EQ(0, device_share());
	self->victim = victim_start(VICTIM_HANDOVER);
	ASSERT_NE(NULL, self->victim);
}

FIXTURE_TEARDOWN(pi_futex)
{
	EXPECT_EQ(0, param_set("lend_rt", 1));
	EXPECT_EQ(0, victim_stop(self->victim));
	device_unshare();
}

static bool kernel_looks_for_all_cycles(void)
{
	const char *vm = getenv("KSYNC_VM");

	return vm && !strcmp(vm, "debug");
}

static int64_t rounds_wanted(void)
{
	const char *rounds = getenv("KSYNC_ATTACK_ROUNDS");

	return rounds && atoi(rounds) > 0 ? atoi(rounds) : 40;
}

static bool lends(void)
{
	char text[4] = "";
	FILE *f = fopen("/sys/module/ksync/parameters/lend_rt", "re");

	if (!f)
		return true;
	if (!fgets(text, sizeof(text), f))
		text[0] = 'Y';
	fclose(f);
	return text[0] == 'Y';
}

static void attack(struct __test_metadata *_metadata, const char *name, bool forged,
		   unsigned int prio)
{
	struct attacker *a = attacker_new(race_many);
	int64_t rounds = 0;
	int i;

	a->n[0] = rounds_wanted();
	a->n[1] = forged;
	a->rtprio = prio;
	ASSERT_EQ(0, attacker_run(a));
	for (i = 0; i < ENDINGS; i++) {
		figure(a->n[2 + i], "rounds", "pi_futex.%s.%s", name, ending_names[i]);
		rounds += a->n[2 + i];
	}
	EXPECT_LT(0, rounds);
	EXPECT_EQ(a->n[0] - a->n[0] / 4, rounds);
	/* All that was built was ended. */
	EXPECT_EQ(2 * a->n[0], a->n[8]);
	if (prio && !lends())
		EXPECT_EQ(0, a->n[2 + CLOSED]);
}

/*
 * With CONFIG_DEBUG_RT_MUTEXES the kernel looks for cycles at all priorities, and
 * does to V what it else does to real-time tasks alone.
 */
TEST_F(pi_futex, both_at_once)
{
	if (kernel_looks_for_all_cycles())
		SKIP(return, "CONFIG_DEBUG_RT_MUTEXES finds the cycle and warns");
	attack(_metadata, "own", false, 0);
}

TEST_F(pi_futex, with_a_forged_owner)
{
	if (kernel_looks_for_all_cycles())
		SKIP(return, "CONFIG_DEBUG_RT_MUTEXES finds the cycle and warns");
	attack(_metadata, "forged", true, 0);
}

/* With lend_rt off V stays out of the chain where its priority is a real-time one. */
TEST_F(pi_futex, real_time_without_lending)
{
	ASSERT_EQ(0, param_set("lend_rt", 0));
	attack(_metadata, "real_time", false, 10);
}

TEST_F(pi_futex, real_time_without_lending_and_a_forged_owner)
{
	ASSERT_EQ(0, param_set("lend_rt", 0));
	attack(_metadata, "real_time_forged", true, 10);
}

/*
 * With it the kernel warns sooner or later, and V never ends: to be tried on purpose
 * alone, on a machine that is going to be booted again.
 */
TEST_F(pi_futex, real_time_with_lending)
{
	if (!getenv("KSYNC_ATTACK_RT"))
		SKIP(return, "KSYNC_ATTACK_RT=1 is not set: it costs a warning and a CPU");
	attack(_metadata, "real_time_lending", false, 10);
}

/* T first: V is kept out of the chain at any priority, and can be killed there. */
static int t_first(struct attacker *a)
{
	struct race *r = player_memory(sizeof(*r));
	struct player *p;
	pid_t t;

	r->fd = raw_open();
	r->cells = raw_map(r->fd, 64);
	r->forged = true;
	ATTACK_EQ(0, raw_create(r->fd, KSYNC_KIND_MUTEX, 0, &r->id));
	p = player_start(TASK_PROCESS, r->fd, r->cells);
	ATTACK(p);
	r->v_tid = task_tid(&p->task);
	r->ready = 1;
	t = start(r, be_t);
	ATTACK_EQ(0, await_value(&r->ready, 2));
	ATTACK_EQ(0, await_asleep(t));
	ATTACK_EQ(0, sched_fifo(r->v_tid, 10));
	/* It is its deadline that ends it: nobody refuses, and nobody is boosted. */
	p->deadline = raw_deadline(CLOCK_MONOTONIC, 300);
	ATTACK_EQ(-ETIMEDOUT, player_do(p, step_lock_until, r->id));
	/* Boosted over the futex, by a task of normal priority: not at all. */
	ATTACK_EQ(NORMAL_PRIO, effective_prio(t));
	player_post(p, step_lock, r->id);
	ATTACK_EQ(0, await_waiters(r->fd, r->id, 1));
	ATTACK_EQ(0, end(r->v_tid));
	ATTACK_EQ(0, end(t));
	return 0;
}

TEST_F(pi_futex, real_time_waiter_is_kept_apart)
{
	struct attacker *a = attacker_new(t_first);

	a->rtprio = 10;
	EXPECT_EQ(0, attacker_run(a));
}

/* V first: the futex code refuses T, whatever V's priority. */
static int v_first(struct attacker *a)
{
	struct race *r = player_memory(sizeof(*r));
	struct player *v, *t;

	r->fd = raw_open();
	r->cells = raw_map(r->fd, 64);
	ATTACK_EQ(0, raw_create(r->fd, KSYNC_KIND_MUTEX, 0, &r->id));
	v = player_start(TASK_PROCESS, r->fd, r->cells);
	t = player_start(TASK_PROCESS, r->fd, r->cells);
	ATTACK(v && t);
	ATTACK_EQ(0, player_do(t, step_lock_fast, r->id));
	ATTACK_EQ(0, sched_fifo(task_tid(&v->task), 10));
	player_post(v, step_lock, r->id);
	/* Boosted: V is in the chain. */
	ATTACK_EQ(0, await_prio(task_tid(&t->task), FIFO_SHOWN(10)));
	r->futex = task_tid(&v->task);
	t->futex = &r->futex;
	ATTACK_EQ(-EDEADLK, player_do(t, step_futex_lock, 0));
	ATTACK_EQ(0, player_do(t, step_unlock, r->id));
	ATTACK_EQ(0, player_result(v));
	ATTACK_EQ(0, player_end(t));
	ATTACK_EQ(0, player_end(v));
	return 0;
}

TEST_F(pi_futex, forged_owner_is_refused_to_who_comes_last)
{
	struct attacker *a = attacker_new(v_first);

	a->rtprio = 10;
	EXPECT_EQ(0, attacker_run(a));
}

KSFT_MAIN
