// SPDX-License-Identifier: GPL-2.0
/*
 * A shared library with synchronization objects of its own, that uses them in its
 * constructor: load_main is linked to it, load_dl loads it at run time.
 */
#include <pthread.h>
#include <semaphore.h>

#include "load_lib.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int ready, runs, constructed = -1;

static void *help(void *sem)
{
	if (pthread_mutex_lock(&mutex))
		return sem;
	ready = 1;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
	return sem_post(sem) ? sem : NULL;
}

/* A thread that has to wait for the mutex, and is waited for: before main(). */
static int use_everything(void)
{
	pthread_t thread;
	void *ret = NULL;
	int bad = 0;
	sem_t sem;

	bad |= sem_init(&sem, 0, 0);
	bad |= pthread_mutex_lock(&mutex);
	bad |= pthread_create(&thread, NULL, help, &sem);
	while (!ready && !bad)
		bad |= pthread_cond_wait(&cond, &mutex);
	bad |= pthread_mutex_unlock(&mutex);
	bad |= sem_wait(&sem);
	bad |= pthread_join(thread, &ret);
	bad |= sem_destroy(&sem);
	return bad || ret;
}

static void __attribute__((constructor)) begin(void)
{
	constructed = use_everything();
}

static void __attribute__((destructor)) end(void)
{
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
}

static void run(void)
{
	runs++;
}

int lib_constructed(void)
{
	return constructed;
}

int lib_lock(void *unused)
{
	(void)unused;
	return pthread_mutex_lock(&mutex);
}

int lib_trylock(void *unused)
{
	(void)unused;
	return pthread_mutex_trylock(&mutex);
}

int lib_unlock(void *unused)
{
	(void)unused;
	return pthread_mutex_unlock(&mutex);
}

int lib_once(void)
{
	return pthread_once(&once, run) ? -1 : runs;
}
