// SPDX-License-Identifier: GPL-2.0
/* What has owners: chains of them, readers, and their deaths. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pool.h"
#include "scenes.h"

#define MANY	10000

static struct ksync_mutex m[MANY];
static struct ksync_rwlock rw;
static struct ksync_waitq q;
static pthread_t owner;
static sem_t ready, go;
static pthread_barrier_t all_have;
static pid_t child;
static int last;
static int say[2], hear[2];

static void make(int n)
{
	must(ksync_mutex_init_many(m, n, domain, 0), "mutexes");
}

static void await_each(int n)
{
	int i;

	for (i = 0; i < n; i++)
		await_waiters(&m[i].o, 1);
}

static void take(int i)
{
	int ret = ksync_mutex_lock(&m[i]);

	if (ret != -EOWNERDEAD)
		errx(1, "a waiter of a dead owner is told %d", ret);
	ksync_mutex_consistent(&m[i]);
	must(ksync_mutex_unlock(&m[i]), "unlock");
}

static void take_first(int i)
{
	int ret = ksync_mutex_lock(&m[0]);

	(void)i;
	if (ret == -EOWNERDEAD)
		ksync_mutex_consistent(&m[0]);
	else
		must(ret, "lock");
	must(ksync_mutex_unlock(&m[0]), "unlock");
}

static void lock_all(int n)
{
	int i;

	for (i = 0; i < n; i++)
		must(ksync_mutex_lock(&m[i]), "lock");
}

static void *own(void *arg)
{
	lock_all((int)(long)arg);
	sem_post(&ready);
	while (sem_wait(&go))
		;
	return NULL;
}

static void start_owner(long n)
{
	int ret;

	sem_init(&ready, 0, 0);
	sem_init(&go, 0, 0);
	ret = pthread_create(&owner, NULL, own, (void *)n);
	if (ret)
		errx(1, "thread: %s", strerror(ret));
	while (sem_wait(&ready))
		;
}

static void prepare_owned(int n)
{
	make(n);
	start_owner(n);
	pool_run(n, take);
	await_each(n);
}

static void prepare_crowd(int n)
{
	make(1);
	start_owner(1);
	pool_run(n, take_first);
	await_waiters(&m[0].o, n);
}

static void die(int n)
{
	(void)n;
	sem_post(&go);
	pthread_join(owner, NULL);
}

/* A process, which has all of them when it runs another program. */
static void prepare_exec(int n)
{
	char byte = 0;

	make(n);
	if (pipe(say) || pipe(hear))
		err(1, "pipe");
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		lock_all(n);
		if (write(hear[1], &byte, 1) != 1 || read(say[0], &byte, 1) != 1)
			_exit(1);
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	if (read(hear[0], &byte, 1) != 1)
		errx(1, "the process that is to own all has died");
	pool_run(n, take);
	await_each(n);
}

static void exec_it(int n)
{
	char byte = 0;
	int status;

	(void)n;
	if (write(say[1], &byte, 1) != 1 || waitpid(child, &status, 0) != child)
		err(1, "the process that owned all");
	close(say[0]);
	close(say[1]);
	close(hear[0]);
	close(hear[1]);
}

static void returned(int n)
{
	(void)n;
	pool_wait();
}

/* Thread i has mutex i, and waits for the next one. */
static void link_up(int i)
{
	must(ksync_mutex_lock(&m[i]), "lock");
	pthread_barrier_wait(&all_have);
	must(ksync_mutex_lock(&m[i + 1]), "lock");
	must(ksync_mutex_unlock(&m[i + 1]), "unlock");
	must(ksync_mutex_unlock(&m[i]), "unlock");
}

static void prepare_chain(int n)
{
	int i;

	make(n + 1);
	must(ksync_mutex_lock(&m[n]), "lock");
	pthread_barrier_init(&all_have, NULL, n);
	pool_run(n, link_up);
	for (i = 1; i <= n; i++)
		await_waiters(&m[i].o, 1);
}

static void close_cycle(int n)
{
	(void)n;
	if (ksync_mutex_lock(&m[0]) != -EDEADLK)
		errx(1, "a deadlock was not refused");
}

static void open_chain(int n)
{
	must(ksync_mutex_unlock(&m[n]), "unlock");
	pool_wait();
}

static void read_it(int i)
{
	(void)i;
	must(ksync_rwlock_read_lock(&rw), "read");
	ksync_waitq_wait(&q, 0);
	must(ksync_rwlock_unlock(&rw), "unlock");
}

/* All have read, and so have slots; the last one does still. */
static void have_read(int i)
{
	must(ksync_rwlock_read_lock(&rw), "read");
	if (i != last)
		must(ksync_rwlock_unlock(&rw), "unlock");
	ksync_waitq_wait(&q, 0);
	if (i == last)
		must(ksync_rwlock_unlock(&rw), "unlock");
}

static void start_readers(int n, void (*reader)(int i))
{
	last = n - 1;
	must(ksync_rwlock_init(&rw, domain, 0), "rwlock");
	must(ksync_waitq_init(&q, domain, 0), "waitq");
	pool_run(n, reader);
	await_waiters(&q.o, n);
}

static void prepare_readers(int n)
{
	start_readers(n, read_it);
}

static void prepare_slots(int n)
{
	start_readers(n, have_read);
}

/* It looks through the slots up to the first reader, and waits for that one. */
static void write_it(int n)
{
	const struct timespec t = in_ms(20);

	(void)n;
	if (ksync_rwlock_write_lock_timed(&rw, CLOCK_MONOTONIC, &t) != -ETIMEDOUT)
		errx(1, "a writer got in beside readers");
}

static void end_readers(int n)
{
	ksync_waitq_wake(&q, n);
	pool_wait();
}

/* The last reader, in a wait that looks at all slots. */
static void drain(int n)
{
	ksync_waitq_wake(&q, n);
	must(ksync_rwlock_write_lock(&rw), "write");
	must(ksync_rwlock_unlock(&rw), "unlock");
}

const struct scene owner_scenes[] = {
	{ "an owner exits", "locks", 100, 0, 3, 0, prepare_owned, die, returned },
	{ "an owner runs execve", "locks", 100, 0, 3, 0, prepare_exec, exec_it, returned },
	{ "an owner exits", "waiters", 100, 0, 3, 0, prepare_crowd, die, returned },
	{ "a writer comes", "readers", 100, 0, 2, 0,
	  prepare_readers, write_it, end_readers },
	{ "a writer comes, one reads", "slots", 100, 0, 2, 0,
	  prepare_slots, write_it, end_readers },
	{ "readers are drained", "readers", 100, 0, 2, 0,
	  prepare_readers, drain, returned },
	{ "a cycle is refused", "owners", 20, 480, 48, 0,
	  prepare_chain, close_cycle, open_chain },
	{ .name = NULL },
};
