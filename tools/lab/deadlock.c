// SPDX-License-Identifier: GPL-2.0
/*
 * A deadlock: two threads lock the same two mutexes in opposite order.  glibc's sleep for
 * ever; that is found in /proc, and the process is ended.  ksync refuses the lock that
 * would close the cycle, and says who has what.  Then each of the four conditions is
 * taken away in turn (Coffman, Elphick and Shoshani, "System Deadlocks", 1971).
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lab.h"

#define ROUNDS	500	/* of each of the two */
#define STILL	0.4	/* seconds without progress, asleep all the time */

static const char * const names[2] = { "accounts", "journal" };

/**
 * struct scene - what the two, and who watches them, share
 * @tid: of each
 * @done: rounds
 * @backed: how often it gave back what it had
 * @died: owners whose death was told of
 * @chain: ksync refused, and this is what it said of the two mutexes
 * @m: glibc's mutexes
 */
struct scene {
	_Atomic pid_t tid[2];
	_Atomic uint32_t done[2];
	_Atomic uint32_t backed[2];
	_Atomic uint32_t died;
	_Atomic uint32_t told;
	struct ksync_query chain[2];
	pthread_mutex_t m[2];
	pthread_mutex_t gate;
};

static struct scene *scene;
static struct ksync_mutex mutex[2];
static struct ksync_rwlock rwlock[2];
static int (*take)(int who, int first, int second);
static void (*give)(int first, int second);

/* What is done between the two: mostly little, sometimes more. */
static void do_work(void)
{
	static _Thread_local uint32_t rounds;

	if (++rounds % 16)
		sched_yield();
	else
		nap(0.00005);
}

static void back_off(int who)
{
	static _Thread_local uint32_t seed;

	if (!seed)
		seed = syscall(SYS_gettid);
	scene->backed[who]++;
	nap(dice(&seed) % 100 / 1e6);
}

/* Not an own error: the mutex comes with the news that its owner died. */
static void lock_one(pthread_mutex_t *m)
{
	int ret = pthread_mutex_lock(m);

	if (ret == EOWNERDEAD) {
		scene->died++;
		ret = pthread_mutex_consistent(m);
	}
	must(-ret, "pthread_mutex_lock");
}

static int take_plain(int who, int first, int second)
{
	(void)who;
	lock_one(&scene->m[first]);
	do_work();
	lock_one(&scene->m[second]);
	return 0;
}

static void give_plain(int first, int second)
{
	pthread_mutex_unlock(&scene->m[second]);
	pthread_mutex_unlock(&scene->m[first]);
}

static int take_ordered(int who, int first, int second)
{
	return take_plain(who, first < second ? first : second, first < second ? second : first);
}

/* Behind the gate one takes both, or waits for both: nobody has one and waits there. */
static int take_behind_gate(int who, int first, int second)
{
	lock_one(&scene->gate);
	take_plain(who, first, second);
	pthread_mutex_unlock(&scene->gate);
	return 0;
}

static int take_try(int who, int first, int second)
{
	lock_one(&scene->m[first]);
	do_work();
	if (!pthread_mutex_trylock(&scene->m[second]))
		return 0;
	pthread_mutex_unlock(&scene->m[first]);
	back_off(who);
	return -EAGAIN;
}

static int take_timed(int who, int first, int second)
{
	struct timespec end;

	lock_one(&scene->m[first]);
	do_work();
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_nsec -= 1000000000;
		end.tv_sec++;
	}
	if (!pthread_mutex_timedlock(&scene->m[second], &end))
		return 0;
	pthread_mutex_unlock(&scene->m[first]);
	back_off(who);
	return -EAGAIN;
}

static int take_shared(int who, int first, int second)
{
	(void)who;
	must(ksync_rwlock_read_lock(&rwlock[first]), "read");
	do_work();
	return must(ksync_rwlock_read_lock(&rwlock[second]), "read");
}

static void give_shared(int first, int second)
{
	must(ksync_rwlock_unlock(&rwlock[second]), "unlock");
	must(ksync_rwlock_unlock(&rwlock[first]), "unlock");
}

static int take_all(int who, int first, int second)
{
	struct ksync_wait_item items[2] = {
		{ .o = &mutex[first].o }, { .o = &mutex[second].o },
	};

	(void)who;
	return must(ksync_wait_all(items, 2, NULL, NULL), "wait for both");
}

static int take_ksync(int who, int first, int second)
{
	int ret;

	must(ksync_mutex_lock(&mutex[first]), "lock");
	do_work();
	ret = ksync_mutex_lock(&mutex[second]);
	if (!ret)
		return 0;
	if (ret == -EDEADLK && !atomic_exchange(&scene->told, 1)) {
		ksync_query(&mutex[first], &scene->chain[0]);
		ksync_query(&mutex[second], &scene->chain[1]);
	}
	must(ksync_mutex_unlock(&mutex[first]), "unlock");
	must(ret == -EDEADLK ? 0 : ret, "lock the second");
	back_off(who);
	return -EAGAIN;
}

static void give_ksync(int first, int second)
{
	must(ksync_mutex_unlock(&mutex[second]), "unlock");
	must(ksync_mutex_unlock(&mutex[first]), "unlock");
}

static void play(int who)
{
	scene->tid[who] = syscall(SYS_gettid);
	while (scene->done[who] < ROUNDS) {
		if (take(who, who, !who))
			continue;
		give(who, !who);
		scene->done[who]++;
	}
}

static void *play_thread(void *arg)
{
	pthread_setname_np(pthread_self(), *(int *)arg ? "audit" : "payments");
	begin_together();
	play(*(int *)arg);
	return NULL;
}

/* One letter, as in ps(1): S is asleep. */
static char state_of(pid_t tid)
{
	char path[64], line[256], *end;
	char state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	f = fopen(path, "r");
	if (!f)
		return state;
	if (fgets(line, sizeof(line), f)) {
		end = strrchr(line, ')');
		if (end && end[1])
			state = end[2];
	}
	fclose(f);
	return state;
}

/* Which mutex a task sleeps at, by the first argument of its futex(2); -1: unknown. */
static int sleeps_at(pid_t tid)
{
	char path[64], line[256] = "";
	uintptr_t address;
	char *arg;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	f = fopen(path, "r");
	if (!f)
		return -1;
	arg = fgets(line, sizeof(line), f) ? strchr(line, ' ') : NULL;
	fclose(f);
	if (!arg || atoi(line) != SYS_futex)
		return -1;
	address = strtoull(arg, NULL, 16);
	return address == (uintptr_t)&scene->m[0] ? 0 : address == (uintptr_t)&scene->m[1] ? 1 : -1;
}

static bool both_sleep(void)
{
	return state_of(scene->tid[0]) == 'S' && state_of(scene->tid[1]) == 'S';
}

/* Wait for the end of a process, or until both sleep and nothing is done: true. */
static bool is_stuck(pid_t pid, double bound)
{
	uint32_t done = 0, before = 0;
	const double end = now() + bound;
	double since = now();

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		done = scene->done[0] + scene->done[1] + scene->backed[0] + scene->backed[1];
		if (done != before || !both_sleep())
			since = now();
		if (now() - since > STILL)
			return true;
		if (now() > end)
			break;
		before = done;
		nap(0.01);
	}
	return false;
}

static void set_up(int robust)
{
	pthread_mutexattr_t attr;

	memset(scene, 0, sizeof(*scene));
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, robust);
	for (int i = 0; i < 2; i++)
		pthread_mutex_init(&scene->m[i], &attr);
	pthread_mutex_init(&scene->gate, &attr);
}

static pid_t start(int (*how)(int who, int first, int second), void (*back)(int first, int second))
{
	int who[2] = { 0, 1 };
	pid_t pid;

	set_up(PTHREAD_MUTEX_STALLED);
	take = how;
	give = back;
	pid = lab_fork();
	if (pid)
		return pid;
	together(2, play_thread, who, sizeof(who[0]));
	_exit(0);
}

static void show_sleepers(void)
{
	for (int i = 0; i < 2; i++) {
		const int at = sleeps_at(scene->tid[i]);

		show("%-8s has \"%s\", state %c, futex(2) at %s%s%s", i ? "audit" : "payments",
		     names[i], state_of(scene->tid[i]), at < 0 ? "an unknown place" : "\"",
		     at < 0 ? "" : names[at], at < 0 ? "" : "\"");
	}
}

static void show_hazard(void)
{
	const double end = now() + lab_seconds;
	bool stuck = false;
	uint32_t tries = 0;
	pid_t pid;

	while (!stuck && now() < end) {
		pid = start(take_plain, give_plain);
		tries++;
		stuck = is_stuck(pid, end - now());
		if (stuck)
			show_sleepers();
		lab_end(pid);
	}
	fact("rounds", scene->done[0] + scene->done[1]);
	hazard("glibc's mutexes sleep for ever", stuck,
	       "after %u rounds of run %u both were asleep, and stayed so until they were killed",
	       scene->done[0] + scene->done[1], tries);
}

/* One run: true if both did all of it. */
static bool finish(int (*how)(int who, int first, int second), void (*back)(int first, int second))
{
	pid_t pid = start(how, back);
	const bool stuck = is_stuck(pid, 10);
	const bool done = scene->done[0] + scene->done[1] == 2 * ROUNDS;

	if (stuck || !done)
		lab_end(pid);
	return done;
}

static void show_cure(const char *condition, const char *name,
		      int (*how)(int who, int first, int second),
		      void (*back)(int first, int second))
{
	const bool good = finish(how, back);
	const uint32_t done = scene->done[0] + scene->done[1];
	char key[48];

	snprintf(key, sizeof(key), "broken_%.32s", condition);
	fact(key, good);
	cure(name, !good, "%u of %d rounds, %u times one gave back what it had", done,
	     2 * ROUNDS, scene->backed[0] + scene->backed[1]);
}

static void show_refusal(void)
{
	const double end = now() + lab_seconds;
	bool good;

	do {
		good = finish(take_ksync, give_ksync);
	} while (good && !scene->told && now() < end);
	fact("refused", scene->backed[0] + scene->backed[1]);
	hazard("ksync refuses the lock that would close the cycle (EDEADLK)", scene->told,
	       "%u times", scene->backed[0] + scene->backed[1]);
	cure("who was refused gives way", !good, "%u of %d rounds",
	     scene->done[0] + scene->done[1], 2 * ROUNDS);
	for (int i = 0; i < 2 && scene->told; i++)
		show("\"%s\": owner %u (%s), %u waiting", scene->chain[i].name,
		     scene->chain[i].owner_pid, scene->chain[i].owner_comm,
		     scene->chain[i].waiters);
	if (scene->told)
		show("so said ksync_query() to who was refused; see ksyncctl why PID");
}

static void show_all_at_once(void)
{
	show_cure("hold_and_wait", "no hold and wait: both behind one gate", take_behind_gate,
		  give_plain);
	show_cure("by_try", "no hold and wait: try, give back, try again", take_try, give_plain);
	if (lab_has(lab_domain(), KSYNC_FEATURE_MANY))
		show_cure("by_all", "no hold and wait: ksync_wait_all()", take_all, give_ksync);
	else
		cannot("no hold and wait: ksync_wait_all()",
		       "waiting for several objects needs the module, not its fallback of futexes");
}

/* Two processes in a deadlock; one is killed, the other one gets the mutex of the dead. */
static void show_killing(void)
{
	bool stuck;
	pid_t pid[2];

	set_up(PTHREAD_MUTEX_ROBUST);
	take = take_plain;
	give = give_plain;
	for (int i = 0; i < 2; i++) {
		pid[i] = lab_fork();
		if (!pid[i]) {
			play(i);
			_exit(0);
		}
	}
	stuck = is_stuck(pid[0], lab_seconds);
	lab_end(pid[0]);
	is_stuck(pid[1], 10);
	lab_end(pid[1]);
	if (!stuck)
		cannot("no preemption taken away: one of two is killed",
		       "the two processes came to no deadlock within %g s", lab_seconds);
	else
		cure("preemption: one of two in a deadlock is killed", scene->done[1] != ROUNDS,
		     "the other was told of the death (EOWNERDEAD: %u), and did %u of %d rounds",
		     scene->died, scene->done[1], ROUNDS);
}

void lab_deadlock(void)
{
	struct ksync *d = lab_domain();

	scene = lab_shared(sizeof(*scene));
	for (int i = 0; i < 2; i++) {
		lab_mutex(d, &mutex[i], names[i], 0);
		must(ksync_rwlock_init(&rwlock[i], d, 0), "rwlock");
	}
	say("Thread payments locks \"accounts\", then \"journal\"; thread audit the other way.");
	show_hazard();
	show_refusal();
	show_cure("mutual_exclusion", "no mutual exclusion: both only read (ksync_rwlock)",
		  take_shared, give_shared);
	show_all_at_once();
	show_cure("no_preemption", "preemption: a timeout, then all is given back", take_timed,
		  give_plain);
	show_killing();
	show_cure("circular_wait", "no circular wait: one order for all", take_ordered, give_plain);
}
