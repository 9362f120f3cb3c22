// SPDX-License-Identifier: GPL-2.0
/*
 * Priority inversion, measured: three tasks on one CPU, the same for each lock.
 *
 *	low	owns the lock and needs WORK_MS of CPU time to be done with it
 *	medium	needs HOG_MS of CPU time, and has nothing to do with the lock
 *	high	waits for the lock
 *
 * All three are SCHED_FIFO.  low wakes high when it owns the lock, high wakes
 * medium and asks for the lock; from there on the scheduler decides.  Where
 * low does not inherit high's priority, medium runs first, and high waits for
 * it.  That is what is checked: how much CPU time medium got while high waited,
 * which does not depend on the machine as the waiting time does.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <tools.h>

#define ROUNDS	3
#define WORK_MS	10
#define HOG_MS	200

/*
 * The kernel lets real time tasks have 95% of each second.  Between rounds
 * this rests, so that they stay far below it.
 */
#define REST_MS	(2 * (WORK_MS + HOG_MS))

struct lock {
	const char *name;
	bool inherits;
	void (*init)(void);
	int (*lock)(void);
	int (*unlock)(void);
};

static pthread_mutex_t plain, inheriting;
static struct ksync_mutex ksync;
static struct ksync *domain;

static void init_plain(void)
{
	pthread_mutex_init(&plain, NULL);
}

static int lock_plain(void)
{
	return -pthread_mutex_lock(&plain);
}

static int unlock_plain(void)
{
	return -pthread_mutex_unlock(&plain);
}

static void init_inheriting(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	must(-pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT),
	     "PTHREAD_PRIO_INHERIT");
	pthread_mutex_init(&inheriting, &attr);
}

static int lock_inheriting(void)
{
	return -pthread_mutex_lock(&inheriting);
}

static int unlock_inheriting(void)
{
	return -pthread_mutex_unlock(&inheriting);
}

static void init_ksync(void)
{
	domain = open_domain();
	must(ksync_mutex_init(&ksync, domain, 0), "mutex");
	must(ksync_name(&ksync, "inversion"), "name");
}

static int lock_ksync(void)
{
	return ksync_mutex_lock(&ksync);
}

static int unlock_ksync(void)
{
	return ksync_mutex_unlock(&ksync);
}

static const struct lock locks[] = {
	{ "pthread mutex", false, init_plain, lock_plain, unlock_plain },
	{ "pthread PRIO_INHERIT", true, init_inheriting, lock_inheriting,
	  unlock_inheriting },
	{ "ksync mutex", true, init_ksync, lock_ksync, unlock_ksync },
};

/* One round, and what came of it. */
static const struct lock *lock;
static sem_t owned, waiting, looked;
static pthread_t medium_thread;
static double waited_ms, medium_ran_ms;

static double now_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void work(double ms)
{
	double end = now_ms(CLOCK_THREAD_CPUTIME_ID) + ms;

	while (now_ms(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

static void *low(void *unused)
{
	must(lock->lock(), "lock");
	sem_post(&owned);
	work(WORK_MS);
	must(lock->unlock(), "unlock");
	return unused;
}

static void *medium(void *unused)
{
	sem_wait(&waiting);
	work(HOG_MS);
	sem_wait(&looked);	/* high reads this thread's clock */
	return unused;
}

static void *high(void *unused)
{
	clockid_t medium_clock;
	double begin, before;

	must(-pthread_getcpuclockid(medium_thread, &medium_clock), "clock");
	sem_wait(&owned);
	sem_post(&waiting);
	before = now_ms(medium_clock);
	begin = now_ms(CLOCK_MONOTONIC);
	must(lock->lock(), "lock");
	waited_ms = now_ms(CLOCK_MONOTONIC) - begin;
	medium_ran_ms = now_ms(medium_clock) - before;
	sem_post(&looked);
	must(lock->unlock(), "unlock");
	return unused;
}

static pthread_t start(void *(*task)(void *), int prio)
{
	struct sched_param param = { .sched_priority = prio };
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	must(-pthread_create(&thread, &attr, task, NULL),
	     "a SCHED_FIFO thread (needs root)");
	return thread;
}

static void play_round(void)
{
	pthread_t low_thread, high_thread;

	sem_init(&owned, 0, 0);
	sem_init(&waiting, 0, 0);
	sem_init(&looked, 0, 0);
	medium_thread = start(medium, 20);
	high_thread = start(high, 30);
	low_thread = start(low, 10);
	pthread_join(high_thread, NULL);
	pthread_join(medium_thread, NULL);
	pthread_join(low_thread, NULL);
	usleep(REST_MS * 1000);
}

/* One lock, all rounds, one line; false if it did not do what it should. */
static bool play(void)
{
	double longest = 0, ran = 0;
	bool good = true;

	lock->init();
	for (int i = 0; i < ROUNDS; i++) {
		play_round();
		longest = waited_ms > longest ? waited_ms : longest;
		ran = medium_ran_ms > ran ? medium_ran_ms : ran;
		good &= lock->inherits == (medium_ran_ms < HOG_MS / 10);
	}
	printf("  %-22s %9.1f ms %24.1f ms\n", lock->name, longest, ran);
	fflush(stdout);
	return good;
}

int main(void)
{
	bool good = true;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		err(1, "cannot bind to CPU 0");

	printf("  %-22s %12s %27s\n", "lock", "longest wait",
	       "of which medium had the CPU");
	for (unsigned int i = 0; i < sizeof(locks) / sizeof(*locks); i++) {
		lock = &locks[i];
		good &= play();
	}
	if (!good)
		errx(1, "this is not what these locks promise");
	return 0;
}
