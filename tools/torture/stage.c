// SPDX-License-Identifier: GPL-2.0
/*
 * A stage: one row, its workers and their disturber, for some time, in rounds.
 *
 * At the end of a round nothing is done to the workers any more, and each parks
 * after its step.  One that sleeps on, while all others sleep or are parked and
 * nothing goes on, has lost a wake-up: time alone proves nothing on a slow machine,
 * but nobody is left who could wake it.  Then all is counted, and each object has
 * to be free.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "sched.h"
#include "sys.h"
#include "torture.h"

struct scene *scene;
struct kit kit;

#define ROUND		(150 * MSEC)
#define TICK_MS		4
#define ASLEEP_LOOKS	20
#define ASLEEP_TIME	(2 * SEC)
#define STUCK_TIME	(60 * SEC)

static void on_signal(int sig)
{
	(void)sig;
}

static bool wrong(void)
{
	return __atomic_load_n(&scene->violation, __ATOMIC_SEQ_CST);
}

/**
 * struct stall - how long nothing has gone on
 * @progress: of all workers, and deaths, when last seen to change
 * @since: then
 * @all: looks since
 * @looks: those that found all asleep
 */
struct stall {
	uint64_t progress;
	uint64_t since;
	unsigned int all;
	unsigned int looks;
};

static uint64_t progress(void)
{
	uint64_t n = scene->figure[F_DEATHS];
	int i;

	for (i = 0; i < WORKERS; i++)
		n += __atomic_load_n(&scene->slot[i].progress, __ATOMIC_RELAXED) +
		     (scene->slot[i].state == PARKED);
	return n;
}

static const struct slot *sleeper(void)
{
	int i;

	for (i = 0; i < WORKERS; i++)
		if (scene->slot[i].state == AT_WORK)
			return &scene->slot[i];
	return scene->slot;
}

/*
 * Nobody was ever seen to run; or hardly ever, for a longer time: some waits look by
 * themselves each millisecond whether they are over.
 */
static bool is_lost(const struct stall *s, uint64_t ns)
{
	const uint64_t patience = ASLEEP_TIME * (1 + watch_slow() / 3);

	if (s->looks < ASLEEP_LOOKS)
		return false;
	return s->looks == s->all ? ns > patience :
		ns > 3 * patience && s->looks * 4 > s->all * 3;
}

static void stalled(enum violation v, const char *detail)
{
	if (!opt_busted)
		watch_describe();
	violate(v, detail, sleeper() - scene->slot, sleeper()->mark);
}

/* One look. Whoever sleeps for a reason that a death explains is set going again. */
static void stall_look(struct stall *s)
{
	const uint64_t p = progress(), n = now(CLOCK_MONOTONIC);

	if (p != s->progress || !s->since) {
		*s = (struct stall){ .progress = p, .since = n };
		return;
	}
	if (n - s->since < 50 * MSEC)
		return;
	if (n - s->since > STUCK_TIME * watch_slow()) {
		stalled(STUCK, "nothing goes on: worker, what it was at");
		return;
	}
	s->all++;
	if (!watch_all_asleep())
		return;
	s->looks++;
	if (scene->row->mend && s->looks % 4 == 0 && scene->row->mend())
		s->since = 0;
	else if (is_lost(s, n - s->since))
		stalled(LOST_WAKEUP, "all sleep and somebody could go on: worker, what it was at");
}

static bool all_parked(void)
{
	uint32_t state;
	int i;

	for (i = 0; i < WORKERS; i++) {
		state = __atomic_load_n(&scene->slot[i].state, __ATOMIC_SEQ_CST);
		if (state == AT_WORK || state == EXITED)
			return false;
	}
	return true;
}

static void quiesce(void)
{
	struct stall s = { };

	__atomic_store_n(&scene->pause, 1, __ATOMIC_SEQ_CST);
	disturb_pause();
	while (!wrong()) {
		crew_tend(false);
		forgotten_look();
		if (all_parked())
			break;
		stall_look(&s);
		poll(NULL, 0, 1);
	}
}

static void judge(void)
{
	if (!wrong() && scene->row->judge)
		scene->row->judge();
	if (!wrong())
		watch_priorities();
	if (!wrong())
		watch_nothing_left();
}

/*
 * Few in some rounds, all in others: what one of many rescues, by coming along, is
 * lost among few; and little is ever crowded among few.
 */
static void choose_active(void)
{
	static const uint32_t counts[] = { WORKERS, 3, 4, 2, 6, 3 };
	static uint32_t dice, round;
	const uint32_t n = counts[round++ % 6];
	uint32_t mask = 0;

	if (!dice)
		dice = opt_seed | 1;
	while (__builtin_popcount(mask) < (int)n) {
		dice = dice * 1664525 + 1013904223;
		mask |= 1U << (dice >> 16) % WORKERS;
	}
	__atomic_store_n(&scene->active, mask, __ATOMIC_SEQ_CST);
}

static void resume(void)
{
	choose_active();
	__atomic_store_n(&scene->pause, 0, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&scene->round, 1, __ATOMIC_SEQ_CST);
	sys_futex_wake(&scene->round);
	disturb_resume();
}

static void play_round(void)
{
	const uint64_t end = in(ROUND * (1 + watch_slow() / 3));
	struct stall s = { };

	while (!passed(end) && !wrong()) {
		crew_tend(true);
		disturb_rarely();
		forgotten_look();
		stall_look(&s);
		poll(NULL, 0, TICK_MS);
	}
	quiesce();
	judge();
	if (!wrong())
		resume();
	figure_add(F_ROUNDS, 1);
}

static void play(const struct row *row, uint64_t end)
{
	const struct sigaction interrupts = { .sa_handler = on_signal };
	const struct sigaction restarts = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	const struct sched_param high = { .sched_priority = 90 };
	int ret;

	sigaction(SIGUSR1, &interrupts, NULL);
	sigaction(SIGUSR2, &restarts, NULL);
	sys(SYS_sched_setscheduler, 0, SCHED_FIFO | SCHED_RESET_ON_FORK, &high);
	ret = ksync_open(&kit.d, 0);
	if (!ret && !row->script)
		ret = row->create(row);
	if (ret) {
		violate(WRONG_ANSWER, "the objects cannot be made: answer", ret, 0);
		return;
	}
	if (row->script) {
		row->script(end);
		return;
	}
	choose_active();
	disturb_start(opt_seed);
	crew_begin(opt_seed);
	while (!passed(end) && !wrong())
		play_round();
	crew_end();
	disturb_end();
}

static bool await_end(pid_t pid, uint64_t deadline, int *status)
{
	while (!waitpid(pid, status, WNOHANG)) {
		if (passed(deadline))
			return false;
		poll(NULL, 0, 10);
	}
	return true;
}

/** stage_run() - play a row in a process of its own, and wait for its end */
struct scene *stage_run(const struct row *row, const struct verbs *verbs, uint64_t ns)
{
	const uint64_t end = in(ns);
	int status;
	pid_t pid;

	scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	scene->row = row;
	scene->verbs = verbs;
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		play(row, end);
		_exit(0);
	}
	if (!await_end(pid, end + STUCK_TIME * 2 * watch_slow(), &status)) {
		violate(STUCK, "the stage does not end", 0, 0);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		status = 0;
	}
	/* Whatever is left of it dies with it; this makes sure. */
	kill(-pid, SIGKILL);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		violate(CRASHED, "the stage ended with status", status, 0);
	return scene;
}

static const struct {
	const char *name;
	const char *unit;
} figures[FIGURES] = {
	[F_OPERATIONS] = { "operations", "ops" },
	[F_CONTENDED] = { "contended", "ops" },
	[F_ROUNDS] = { "rounds judged", "rounds" },
	[F_TIMEOUTS] = { "timeouts", "ops" },
	[F_INTERRUPTED] = { "interrupted", "ops" },
	[F_REFUSED] = { "refused tries", "ops" },
	[F_DEADLOCKS] = { "deadlocks refused", "ops" },
	[F_OWNERS_DIED] = { "owner deaths told", "ops" },
	[F_DEATHS] = { "workers that died", "tasks" },
	[F_KILLS] = { "kills", "tasks" },
	[F_EXITS] = { "exits", "tasks" },
	[F_EXECS] = { "execs", "tasks" },
	[F_FORKS] = { "forks", "tasks" },
	[F_PASSED] = { "domains passed on", "tasks" },
	[F_SIGNALS] = { "signals", "signals" },
	[F_STOPS] = { "stops", "signals" },
	[F_POLICIES] = { "policy changes", "calls" },
	[F_AFFINITIES] = { "affinity changes", "calls" },
	[F_UNLOADS] = { "unloads refused", "calls" },
	[F_OFFLINE] = { "CPU taken offline", "times" },
	[F_FORGOTTEN] = { "throttled for ever, by the kernel", "tasks" },
	[F_MENDED] = { "tokens lost with the dead", "tokens" },
};

/** stage_print_figures() - those that are not 0 */
void stage_print_figures(const char *name, const struct scene *s)
{
	int i;

	for (i = 0; i < FIGURES; i++)
		if (s->figure[i])
			printf("# figure: torture %s: %s = %llu %s\n", name, figures[i].name,
			       (unsigned long long)s->figure[i], figures[i].unit);
}
