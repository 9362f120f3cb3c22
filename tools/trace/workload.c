// SPDX-License-Identifier: GPL-2.0
/*
 * A workload whose events can be counted beforehand, to check the tracing
 * tools against:
 *
 *	workload ALPHA BETA GAMMA BOOSTS DEADLOCKS
 *
 * The task "holder" owns the mutexes "alpha" and "beta" and the spinlock
 * "gamma" that often, each time until the module says that the task "waiter"
 * waits.  Then it owns the mutex "delta" BOOSTS times until it runs at the real
 * time priority of "waiter", and last the two refuse DEADLOCKS cycles over the
 * mutexes "left" and "right".
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <tools.h>
#include <unistd.h>

#define RT_PRIO	30

static struct ksync_mutex alpha, beta, delta, left, right;
static struct ksync_spin gamma_;

/* What "waiter" is to do next, handed over by two semaphores. */
static sem_t go, done;
static void (*job)(struct ksync_object *o);
static struct ksync_object *job_object;

static void lock(struct ksync_object *o)
{
	must(ksync_lock_(o, 0), "lock");
}

static void unlock(struct ksync_object *o)
{
	must(ksync_unlock_(o), "unlock");
}

static void lock_and_unlock(struct ksync_object *o)
{
	lock(o);
	unlock(o);
}

static void set_priority(int prio)
{
	struct sched_param param = { .sched_priority = prio };
	int policy = prio ? SCHED_FIFO : SCHED_OTHER;

	must(-pthread_setschedparam(pthread_self(), policy, &param),
	     "sched_setscheduler");
}

static void lock_urgently(struct ksync_object *o)
{
	set_priority(RT_PRIO);
	lock(o);
	unlock(o);
	set_priority(0);
}

/* Owns "right" and asks for "left", which "holder" owns. */
static void close_half(struct ksync_object *o)
{
	(void)o;
	lock(&right.o);
	lock(&left.o);
	unlock(&left.o);
	unlock(&right.o);
}

static pid_t waiter_tid;

static void *waiter(void *unused)
{
	prctl(PR_SET_NAME, "waiter");
	waiter_tid = syscall(SYS_gettid);
	for (;;) {
		sem_wait(&go);
		if (!job)
			return unused;
		job(job_object);
		sem_post(&done);
	}
}

static void start(void (*what)(struct ksync_object *o), struct ksync_object *o)
{
	job = what;
	job_object = o;
	sem_post(&go);
}

static void contend(struct ksync_object *o, int times)
{
	while (times--) {
		lock(o);
		start(lock_and_unlock, o);
		until_waiters(o, 1);
		unlock(o);
		sem_wait(&done);
	}
}

/* The priority that the kernel runs this task at, as stat(5) has it. */
static int priority_now(void)
{
	static const char format[] =
		"%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %d";
	FILE *f = fopen("/proc/thread-self/stat", "r");
	int prio;

	if (!f || fscanf(f, format, &prio) != 1)
		errx(1, "cannot read /proc/thread-self/stat");
	fclose(f);
	return prio;
}

static void boost(struct ksync_object *o, int times)
{
	while (times--) {
		lock(o);
		start(lock_urgently, o);
		while (priority_now() != -1 - RT_PRIO)
			sched_yield();
		unlock(o);
		sem_wait(&done);
	}
}

/* The waiter sleeps, in what it waits for. */
static void until_asleep(void)
{
	char path[48], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", waiter_tid);
	while (state != 'S' && state != 'D') {
		f = fopen(path, "r");
		if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			errx(1, "cannot read %s", path);
		fclose(f);
		sched_yield();
	}
}

static void refuse(int times)
{
	while (times--) {
		lock(&left.o);
		start(close_half, NULL);
		until_waiters(&left.o, 1);
		/* Counted, it may still have to look whether it closes a cycle. */
		until_asleep();
		if (ksync_mutex_lock(&right) != -EDEADLK)
			errx(1, "a deadlock was not refused");
		unlock(&left.o);
		sem_wait(&done);
	}
}

static void make(struct ksync *d, struct ksync_mutex *m, const char *name)
{
	must(ksync_mutex_init(m, d, 0), "mutex");
	must(ksync_name(m, name), "name");
}

int main(int argc, char **argv)
{
	pthread_t thread;
	struct ksync *d;

	if (argc != 6)
		errx(2, "usage: workload ALPHA BETA GAMMA BOOSTS DEADLOCKS");
	d = open_domain();
	make(d, &alpha, "alpha");
	make(d, &beta, "beta");
	make(d, &delta, "delta");
	make(d, &left, "left");
	make(d, &right, "right");
	must(ksync_spin_init(&gamma_, d, 0), "spin");
	must(ksync_name(&gamma_, "gamma"), "name");
	sem_init(&go, 0, 0);
	sem_init(&done, 0, 0);
	must(-pthread_create(&thread, NULL, waiter, NULL), "thread");
	prctl(PR_SET_NAME, "holder");

	contend(&alpha.o, atoi(argv[1]));
	contend(&beta.o, atoi(argv[2]));
	contend(&gamma_.o, atoi(argv[3]));
	boost(&delta.o, atoi(argv[4]));
	refuse(atoi(argv[5]));

	start(NULL, NULL);
	pthread_join(thread, NULL);
	ksync_close(d);
	puts("workload: done");
	return 0;
}
