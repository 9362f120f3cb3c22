// SPDX-License-Identifier: GPL-2.0
/*
 * A program that uses the library as it is meant to be used, in a domain of its own,
 * while others try to break the module.  It must not notice.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../tools.h"
#include "fuzz.h"

static struct ksync_mutex mutex, counter_mutex;
static struct ksync_cond cond;
static struct ksync_sem ping, pong, alone;
static unsigned long counter, turns;
static unsigned long counted[2];
static int turn;

/* It has no standard output: whoever reads that may wait for the end of it. */
static void fine(int ret, const char *what)
{
	if (ret >= 0)
		return;
	finding(PROPERTY_CANARY, 4, NULL, "the canary's %s says %s", what, strerror(-ret));
	_exit(1);
}

/* It leaves the CPU to those that it is there for. */
static void pause_a_moment(void)
{
	const struct timespec moment = { 0, 10000000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
}

static void *count(void *arg)
{
	unsigned long *mine = arg;

	while (!sh->stop) {
		fine(ksync_mutex_lock(&counter_mutex), "lock");
		counter++;
		if (*mine % 64 == 0)
			sched_yield();
		fine(ksync_mutex_unlock(&counter_mutex), "unlock");
		if (++*mine % 16 == 0)
			pause_a_moment();
		atomic_fetch_add(&sh->canary[0], 1);
	}
	return NULL;
}

static void *answer(void *arg)
{
	(void)arg;
	while (!sh->stop) {
		fine(ksync_sem_wait(&ping), "wait");
		fine(ksync_sem_post(&pong), "post");
	}
	return NULL;
}

static void *ask(void *arg)
{
	(void)arg;
	while (!sh->stop) {
		fine(ksync_sem_post(&ping), "post");
		fine(ksync_sem_wait(&pong), "wait");
		atomic_fetch_add(&sh->canary[1], 1);
		pause_a_moment();
	}
	fine(ksync_sem_post(&ping), "post");
	return NULL;
}

/* @arg: 0 or 1: whose turn this is. */
static void *alternate(void *arg)
{
	const int me = !!arg;

	fine(ksync_mutex_lock(&mutex), "lock");
	while (!sh->stop) {
		while (turn != me && !sh->stop)
			fine(ksync_cond_wait(&cond, &mutex), "cond wait");
		turn = !me;
		turns++;
		fine(ksync_cond_broadcast(&cond), "broadcast");
		atomic_fetch_add(&sh->canary[2], 1);
		if (me)
			pause_a_moment();
	}
	fine(ksync_cond_broadcast(&cond), "broadcast");
	fine(ksync_mutex_unlock(&mutex), "unlock");
	return NULL;
}

/*
 * What the kernel answers is true, where nobody else could have made it untrue: the
 * units of a sem that this thread alone posts to and takes from.
 */
static void *tally(void *arg)
{
	struct ksync_release r = { .size = sizeof(r), .id = alone.o.id, .count = 1 };
	uint32_t units = 0;

	while (!sh->stop) {
		r.was = ~0U;
		fine(ioctl(ksync_fileno(arg), KSYNC_IOC_RELEASE, &r) ? -errno : 0, "release");
		if (r.was != units)
			finding(PROPERTY_CANARY, 6, NULL,
				"the canary's sem had %u units, and RELEASE says %u", units, r.was);
		if (++units == 4)
			for (; units; units--)
				fine(ksync_sem_wait(&alone), "wait");
		pause_a_moment();
	}
	return NULL;
}

static void sing(void)
{
	struct ksync *d = open_domain();
	pthread_t thread[7];
	int i;

	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	fine(ksync_mutex_init(&mutex, d, 0), "mutex");
	fine(ksync_mutex_init(&counter_mutex, d, 0), "mutex");
	fine(ksync_cond_init(&cond, d, 0), "cond");
	fine(ksync_sem_init(&ping, d, 0, 0), "sem");
	fine(ksync_sem_init(&pong, d, 0, 0), "sem");
	fine(ksync_sem_init(&alone, d, 0, 0), "sem");
	pthread_create(&thread[0], NULL, count, &counted[0]);
	pthread_create(&thread[1], NULL, count, &counted[1]);
	pthread_create(&thread[2], NULL, answer, NULL);
	pthread_create(&thread[3], NULL, ask, NULL);
	pthread_create(&thread[4], NULL, alternate, NULL);
	pthread_create(&thread[5], NULL, alternate, &turn);
	pthread_create(&thread[6], NULL, tally, d);
	for (i = 0; i < 7; i++)
		pthread_join(thread[i], NULL);
	if (counter != counted[0] + counted[1])
		finding(PROPERTY_CANARY, 5, NULL, "%lu of the canary's rounds were lost",
			counted[0] + counted[1] - counter);
}

pid_t canary_start(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "canary");
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		sing();
		_exit(0);
	}
	return pid;
}

/* The run is over: does it come to its end, and is all well? */
bool canary_end(pid_t pid)
{
	const struct timespec moment = { 0, 20000000 };
	int status, tries = 3000 * sh->slow;

	while (tries-- && !waitpid(pid, &status, WNOHANG))
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
	if (tries < 0) {
		finding(PROPERTY_CANARY, 1, NULL, "the canary does not come to its end");
		kill(pid, SIGKILL);
	} else if (status) {
		finding(PROPERTY_CANARY, 2, NULL, "the canary ends with status 0x%x", status);
	} else if (!sh->canary[0] || !sh->canary[1] || !sh->canary[2]) {
		finding(PROPERTY_CANARY, 3, NULL, "the canary has done nothing");
	}
	return true;
}
