/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Arrays of objects, made and ended in a few system calls: each is for up to
 * KSYNC_BATCH_MAX objects made, or 256 ended.
 *
 *	int ksync_mutex_init_many(struct ksync_mutex *m, size_t n,
 *				  struct ksync *d, unsigned int flags);
 *	int ksync_mutex_destroy_many(struct ksync_mutex *m, size_t n,
 *				     size_t *done);
 *
 * and the same for spin, rwlock, event, cond and waitq; and
 * ksync_sem_init_many() with ksync_sem_destroy_many().  An object so made is
 * like any other one, and can be destroyed alone.
 *
 * init_many makes all or none; @m is then undefined.  Return: as the init
 * function of one of them.  There is none for mutexes with a ceiling.
 *
 * destroy_many ends them in order, up to the first that cannot be.  @done is set
 * to how many that were; it may be NULL.  Return: as the destroy function of one
 * of them.
 */
#ifndef KSYNC_ARRAY_H
#define KSYNC_ARRAY_H

#include <stddef.h>
#include <ksync/cond.h>
#include <ksync/event.h>
#include <ksync/mutex.h>
#include <ksync/rwlock.h>
#include <ksync/sem.h>
#include <ksync/spin.h>
#include <ksync/waitq.h>

#ifdef __cplusplus
extern "C" {
#endif

int ksync_objects_create_(struct ksync_object *o, size_t n, struct ksync *d,
			  uint32_t kind, uint32_t flags);
int ksync_objects_destroy_(struct ksync_object *o, size_t n, size_t *done);

#define KSYNC_DESTROY_MANY_(name)					\
static inline int ksync_##name##_destroy_many(struct ksync_##name *x,	\
					      size_t n, size_t *done)	\
{									\
	return ksync_objects_destroy_((struct ksync_object *)x, n, done); \
}

#define KSYNC_MANY_(name, kind)						\
static inline int ksync_##name##_init_many(struct ksync_##name *x,	\
					   size_t n, struct ksync *d,	\
					   unsigned int flags)		\
{									\
	return ksync_objects_create_((struct ksync_object *)x, n, d,	\
				     kind, flags);			\
}									\
KSYNC_DESTROY_MANY_(name)

/* Each structure is an object and nothing else. */
KSYNC_MANY_(mutex, KSYNC_KIND_MUTEX)
KSYNC_MANY_(spin, KSYNC_KIND_SPIN)
KSYNC_MANY_(rwlock, KSYNC_KIND_RWLOCK)
KSYNC_MANY_(event, KSYNC_KIND_EVENT)
KSYNC_MANY_(cond, KSYNC_KIND_COND)
KSYNC_MANY_(waitq, KSYNC_KIND_WAITQ)
KSYNC_DESTROY_MANY_(sem)

#undef KSYNC_MANY_
#undef KSYNC_DESTROY_MANY_

/**
 * ksync_sem_init_many() - make new semaphores
 * @s: array, set up
 * @n: how many; 0 does nothing
 * @d: domain
 * @initial: how many units each has at first
 * @max: how many it can have; 0 is KSYNC_SEM_MAX
 *
 * Return: as ksync_sem_init().
 */
int ksync_sem_init_many(struct ksync_sem *s, size_t n, struct ksync *d,
			uint32_t initial, uint32_t max);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_ARRAY_H */
