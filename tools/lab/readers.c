// SPDX-License-Identifier: GPL-2.0
/*
 * Nearly all read: eight threads read for a millisecond, asleep, as if for a disk, and
 * one writes now and then.  How many reads get through is a question of how many may be
 * inside at a time, and not of the number of CPUs.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include "lab.h"

#define READERS	8
#define SECONDS	0.4

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_spinlock_t spin;
static sem_t sem;
static struct ksync_mutex ksync_mutex;
static struct ksync_rwlock rwlock;
static atomic_uint readers_inside, torn;

static int lock_mutex(void)
{
	return pthread_mutex_lock(&mutex);
}

static int unlock_mutex(void)
{
	return pthread_mutex_unlock(&mutex);
}

/* Who sleeps with a spinlock lets the others spin. */
static int lock_spin(void)
{
	while (pthread_spin_trylock(&spin))
		sched_yield();
	return 0;
}

static int unlock_spin(void)
{
	return pthread_spin_unlock(&spin);
}

static int lock_sem(void)
{
	return sem_wait(&sem);
}

static int unlock_sem(void)
{
	return sem_post(&sem);
}

static int lock_ksync(void)
{
	return must(ksync_mutex_lock(&ksync_mutex), "lock");
}

static int unlock_ksync(void)
{
	return must(ksync_mutex_unlock(&ksync_mutex), "unlock");
}

static int read_rwlock(void)
{
	return must(ksync_rwlock_read_lock(&rwlock), "read");
}

static int write_rwlock(void)
{
	return must(ksync_rwlock_write_lock(&rwlock), "write");
}

static int unlock_rwlock(void)
{
	return must(ksync_rwlock_unlock(&rwlock), "unlock");
}

static const struct lock {
	const char *name;
	const char *key;
	int (*read)(void);
	int (*write)(void);
	int (*unlock)(void);
} locks[] = {
	{ "mutex (glibc)", "mutex", lock_mutex, lock_mutex, unlock_mutex },
	{ "spinlock", "spin", lock_spin, lock_spin, unlock_spin },
	{ "semaphore of 1", "sem", lock_sem, lock_sem, unlock_sem },
	{ "ksync_mutex", "ksync_mutex", lock_ksync, lock_ksync, unlock_ksync },
	{ "ksync_rwlock", "rwlock", read_rwlock, write_rwlock, unlock_rwlock },
};

struct user {
	const struct lock *lock;
	bool writes;
	uint64_t turns;
};

static void *use(void *arg)
{
	struct user *u = arg;
	double end;

	begin_together();
	end = now() + SECONDS;
	while (now() < end) {
		if (u->writes) {
			u->lock->write();
			torn += readers_inside != 0;
			u->lock->unlock();
			nap(0.05);
		} else {
			u->lock->read();
			readers_inside++;
			nap(0.001);
			readers_inside--;
			u->lock->unlock();
		}
		u->turns++;
	}
	return NULL;
}

static double reads_with(const struct lock *l)
{
	struct user u[READERS + 1];
	double reads = 0;

	for (int i = 0; i <= READERS; i++)
		u[i] = (struct user){ .lock = l, .writes = i == READERS };
	together(READERS + 1, use, u, sizeof(*u));
	for (int i = 0; i < READERS; i++)
		reads += u[i].turns;
	return reads / SECONDS;
}

void lab_readers(void)
{
	const unsigned int n = sizeof(locks) / sizeof(*locks);
	double reads[sizeof(locks) / sizeof(*locks)], most = 0;
	struct ksync *d = lab_domain();
	char key[48];

	pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
	sem_init(&sem, 0, 1);
	lab_mutex(d, &ksync_mutex, "readers", 0);
	must(ksync_rwlock_init(&rwlock, d, 0), "rwlock");
	for (unsigned int i = 0; i < n; i++) {
		reads[i] = reads_with(&locks[i]);
		most = reads[i] > most ? reads[i] : most;
		snprintf(key, sizeof(key), "reads_%s", locks[i].key);
		fact(key, reads[i]);
	}
	say("%d readers, each of 1 ms, and a writer every 50 ms:", READERS);
	for (unsigned int i = 0; i < n; i++)
		bar(locks[i].name, reads[i], most, "reads/s");
	cure("no writer among readers, with any of them", torn, "%u writes were not alone", torn);
}
