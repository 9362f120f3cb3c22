// SPDX-License-Identifier: GPL-2.0
/*
 *	storm [--tasks N] [--seed S]
 *
 * N tasks (2,000) are killed, or leave, while they hold locks or wait, in waves of
 * 64: bare tasks, processes, and processes of several threads.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "sched.h"
#include "slow.h"
#include "storm.h"
#include "sys.h"

#define STACK		(64 * 1024)
#define TEAM		8
#define CREWS		(WAVE / 4)

struct storm *storm;

static uint32_t seed = 1;
static unsigned long died[3]; /* by enum doing */
static unsigned long kills;
static pid_t survivor[SURVIVORS];

/**
 * struct crew - what dies as a whole
 * @pid: of it
 * @first, @n: its records
 * @stack: of a bare task
 */
static struct crew {
	pid_t pid;
	unsigned int first, n;
	char *stack;
} crews[CREWS];

struct ksync_object *storm_lock(unsigned int i)
{
	struct ksync_object *locks[LOCKS] = {
		&storm->adaptive.o, &storm->strict.o, &storm->under.o, &storm->spin.o,
		&storm->rwlock.o,
	};

	return locks[i];
}

void wrong(const char *what, long long a, long long b)
{
	size_t i;

	if (__atomic_exchange_n(&storm->is_wrong, 1, __ATOMIC_SEQ_CST))
		return;
	for (i = 0; what[i] && i < sizeof(storm->wrong) - 1; i++)
		storm->wrong[i] = what[i];
	storm->value[0] = a;
	storm->value[1] = b;
}

static uint32_t dice(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static int make_objects(void)
{
	struct storm *s = storm;
	int ret = ksync_open(&s->d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	ret |= ksync_mutex_init(&s->adaptive, s->d, 0);
	ret |= ksync_mutex_init(&s->strict, s->d, KSYNC_MUTEX_STRICT);
	ret |= ksync_mutex_init(&s->under, s->d, 0);
	ret |= ksync_spin_init(&s->spin, s->d, 0);
	ret |= ksync_rwlock_init(&s->rwlock, s->d, 0);
	ret |= ksync_cond_init(&s->cond, s->d, 0);
	ret |= ksync_waitq_init(&s->waitq, s->d, 0);
	ret |= ksync_sem_init(&s->sem, s->d, UNITS, 0);
	ret |= ksync_event_init(&s->event, s->d, 0);
	ret |= ksync_sem_init(&s->never, s->d, 0, 0);
	ksync_event_set(&s->event);
	return ret;
}

static void prepare(struct record *r, bool bare)
{
	memset(r, 0, sizeof(*r));
	r->seed = dice() | 1;
	r->bare = bare;
}

static int be_bare(void *record)
{
	sys(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	return storm_task(record);
}

static void *be_thread(void *record)
{
	storm_task(record);
	return NULL;
}

static void be_process(const struct crew *c)
{
	pthread_t thread;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 1; i < c->n; i++)
		pthread_create(&thread, NULL, be_thread, &storm->record[c->first + i]);
	storm_task(&storm->record[c->first]);
	_exit(0);
}

static void start(struct crew *c)
{
	unsigned int i;
	const bool bare = c->n == 1 && dice() % 2;

	for (i = 0; i < c->n; i++)
		prepare(&storm->record[c->first + i], bare);
	if (bare) {
		if (!c->stack)
			c->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
		c->pid = clone(be_bare, c->stack + STACK,
			       CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD,
			       &storm->record[c->first]);
		return;
	}
	c->pid = fork();
	if (!c->pid)
		be_process(c);
}

static void nap_us(uint32_t us)
{
	const struct timespec ts = { .tv_nsec = us * 1000L };

	nanosleep(&ts, NULL);
}

/* At any moment; what it was at is only known to be nearly so. */
static void end(struct crew *c)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		died[__atomic_load_n(&storm->record[c->first + i].doing, __ATOMIC_SEQ_CST)]++;
	kill(c->pid, SIGKILL);
	kills += c->n;
}

static void reap(struct crew *c)
{
	int status;

	while (waitpid(c->pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		wrong("a task died of signal", WTERMSIG(status), 0);
}

static void pause_survivors(void)
{
	const uint64_t until = in(30 * SEC * slow_factor());

	__atomic_store_n(&storm->pause, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&storm->parked, __ATOMIC_SEQ_CST) < SURVIVORS) {
		if (passed(until)) {
			wrong("a survivor waits, though all others are dead",
			      storm->record[WAVE].doing, storm->record[WAVE + 1].doing);
			return;
		}
		poll(NULL, 0, 1);
	}
}

static void resume_survivors(void)
{
	__atomic_store_n(&storm->pause, 0, __ATOMIC_SEQ_CST);
	sys_futex_wake(&storm->pause);
	while (__atomic_load_n(&storm->parked, __ATOMIC_SEQ_CST))
		nap_us(100);
}

/* Return: how many tasks it had. */
static unsigned int wave(unsigned long most)
{
	unsigned int tasks = 0, n = 0, i;

	for (n = 0; n < CREWS && tasks < WAVE && tasks < most; n++) {
		crews[n].first = tasks;
		crews[n].n = dice() % 2 && tasks + TEAM <= WAVE ? TEAM : 1;
		tasks += crews[n].n;
		start(&crews[n]);
		nap_us(dice() % 500);
	}
	for (i = 0; i < n; i++) {
		nap_us(dice() % 2000);
		end(&crews[i]);
	}
	for (i = 0; i < n; i++)
		reap(&crews[i]);
	pause_survivors();
	check_wave(tasks);
	resume_survivors();
	return tasks;
}

static void start_survivors(void)
{
	struct record *r;
	int i;

	for (i = 0; i < SURVIVORS; i++) {
		r = &storm->record[WAVE + i];
		prepare(r, false);
		survivor[i] = fork();
		if (survivor[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		storm_survive(r);
		_exit(0);
	}
}

static int number;
static int failed;

static void result(bool ok, const char *what)
{
	failed += !ok;
	printf("%sok %d - storm: %s\n", ok ? "" : "not ", ++number, what);
}

static bool comes_down(pid_t tid)
{
	const uint64_t until = in(5 * SEC * slow_factor());

	while (effective_prio(tid) != NORMAL_PRIO) {
		if (passed(until))
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

static unsigned long run(unsigned long tasks, bool quiet)
{
	const uint64_t begun = now(CLOCK_MONOTONIC);
	unsigned long done = 0, told = 0;

	while (done < tasks && !storm->is_wrong) {
		done += wave(tasks - done);
		if (!quiet && done / 10000 > told) {
			told = done / 10000;
			printf("# %lu tasks after %llu s\n", done,
			       (unsigned long long)((now(CLOCK_MONOTONIC) - begun) / SEC));
		}
	}
	return done;
}

static void storm_all(unsigned long tasks)
{
	const long slack = 256 + tasks / 100;
	struct counts before, after;
	unsigned long done;
	uint64_t begun;
	bool calm = true;
	int i;

	/* What a first wave leaves in caches of all sorts is not counted. */
	run(2 * WAVE, true);
	pause_survivors();
	count_all(&before, NULL, 0);
	resume_survivors();
	memset(died, 0, sizeof(died));
	kills = 0;
	begun = now(CLOCK_MONOTONIC);
	done = run(tasks, false);
	printf("# figure: storm: tasks = %lu tasks\n", done);
	printf("# figure: storm: killed while waiting = %lu tasks\n", died[WAITING]);
	printf("# figure: storm: killed while holding = %lu tasks\n", died[HOLDING]);
	printf("# figure: storm: rate = %.0f tasks/s\n",
	       done * 1e9 / (now(CLOCK_MONOTONIC) - begun));
	if (storm->is_wrong)
		printf("# %s (%lld, %lld)\n", storm->wrong, storm->value[0], storm->value[1]);
	result(!storm->is_wrong, "after each wave every lock is usable, every unit accounted for");
	pause_survivors();
	count_all(&after, &before, slack);
	counts_print("before", &before);
	counts_print("after", &after);
	result(counts_within(&after, &before, slack), "slabs and /proc/ksync are as before");
	for (i = 0; i < SURVIVORS; i++)
		calm &= comes_down(survivor[i]);
	result(calm, "no survivor is boosted");
	result(died[WAITING] && died[HOLDING] && done >= tasks,
	       "so many tasks were killed, holding and waiting");
	for (i = 0; i < SURVIVORS; i++) {
		kill(survivor[i], SIGKILL);
		waitpid(survivor[i], NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "tasks", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 'S' },
		{ "gone", no_argument, NULL, 'g' },
		{ }
	};
	const struct sched_param high = { .sched_priority = 90 };
	unsigned long tasks = 2000;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 't':
			tasks = strtoul(optarg, NULL, 0);
			break;
		case 'S':
			seed = strtoul(optarg, NULL, 0);
			break;
		case 'g': /* a task that called execve() */
			return 0;
		default:
			errx(2, "usage: storm [--tasks N] [--seed S]");
		}
	}
	if (geteuid())
		errx(2, "run it as root: its tasks have real-time priorities");
	setvbuf(stdout, NULL, _IOLBF, 0);
	storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	printf("TAP version 13\n1..4\n# seed %u\n", seed);
	if (make_objects())
		errx(1, "the objects cannot be made");
	start_survivors();
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &high);
	storm_all(tasks);
	return failed ? 1 : 0;
}
