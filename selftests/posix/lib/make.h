/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects of each sort, made in one line.  0 or the error of what failed.
 */
#ifndef POSIX_MAKE_H
#define POSIX_MAKE_H

#include <pthread.h>

/**
 * struct mutex_sort - the attributes of a mutex; all 0 is the default
 * @ceiling: if not 0
 */
struct mutex_sort {
	int type;
	int protocol;
	int robust;
	int pshared;
	int ceiling;
};

int mutex_make(pthread_mutex_t *m, struct mutex_sort sort);
/* Without an error to look at: for those that glibc knows all to have. */
#define MUTEX(m, ...) \
	ASSERT_EQ(0, mutex_make(m, (struct mutex_sort){ __VA_ARGS__ }))

int cond_make(pthread_cond_t *c, clockid_t clock, int pshared);
int rwlock_make(pthread_rwlock_t *rw, int kind, int pshared);
int barrier_make(pthread_barrier_t *b, unsigned int count, int pshared);

/* The calling thread's policy: SCHED_FIFO, or SCHED_OTHER if @prio is 0. */
int px_set_prio(int prio);

#endif /* POSIX_MAKE_H */
