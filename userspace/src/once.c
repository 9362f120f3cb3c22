// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Onces, built on mutexes: see ksync/once.h for why.
 *
 * The initializer sets done, with a release, before it unlocks the mutex.  One
 * that dies between the two has done its work: whoever gets the mutex with
 * -EOWNERDEAD looks at done as everybody does.  That somebody died before is
 * kept until an initializer has ended, over any number of aborts and deaths.
 */
#include "internal.h"

/* Handles that are none, and NOTRECOVERABLE, are the module's business. */
static bool has_owner(const struct ksync_once *once)
{
	return __atomic_load_n(&once->o.cell->word, __ATOMIC_RELAXED) &
	       KSYNC_OWNER;
}

static int lock(struct ksync_once *once, const struct ksync_thread *t)
{
	return t ? ksync_mutex_lock_as(&once->m, t) :
		ksync_mutex_lock(&once->m);
}

static int unlock(struct ksync_once *once, const struct ksync_thread *t)
{
	return t ? ksync_mutex_unlock_as(&once->m, t) :
		ksync_mutex_unlock(&once->m);
}

/* -EPERM: the caller does not own it. -EINVAL: nobody died, and all is well. */
static int consistent(struct ksync_once *once, const struct ksync_thread *t)
{
	int ret = ksync_consistent_(&once->o, t);

	return ret == -EINVAL ? 0 : ret;
}

KSYNC_EXPORT int ksync_once_begin_slow_(struct ksync_once *once,
					const struct ksync_thread *t)
{
	struct ksync_model_cell_ *c = ksync_model_cell_of_(&once->o);
	int ret;

	ret = ksync_model_check(&once->o, KSYNC_MODEL_ONCE_);
	if (!ret)
		ret = lock(once, t);
	if (ret == -EOWNERDEAD) {
		c->died = 1;
		ret = consistent(once, t);
	}
	if (ret)
		return ret;
	if (ksync_once_is_done_(once))
		return unlock(once, t);
	return c->died ? -EOWNERDEAD : KSYNC_ONCE_RUN;
}

KSYNC_EXPORT int ksync_once_end_(struct ksync_once *once,
				 const struct ksync_thread *t)
{
	struct ksync_model_cell_ *c = ksync_model_cell_of_(&once->o);
	int ret = consistent(once, t);

	if (ret)
		return ret;
	c->died = 0;
	__atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
	return unlock(once, t);
}

KSYNC_EXPORT int ksync_once_abort_(struct ksync_once *once,
				   const struct ksync_thread *t)
{
	return unlock(once, t);
}

KSYNC_EXPORT int ksync_once_call_slow_(struct ksync_once *once,
				       const struct ksync_thread *t,
				       int (*fn)(void *arg), void *arg)
{
	int ret = ksync_once_begin_slow_(once, t);

	if (ret != KSYNC_ONCE_RUN && ret != -EOWNERDEAD)
		return ret;
	ret = fn(arg);
	if (!ret)
		return ksync_once_end_(once, t);
	ksync_once_abort_(once, t);
	return ret;
}

KSYNC_EXPORT int ksync_once_init(struct ksync_once *once, struct ksync *d,
				 unsigned int flags)
{
	if (flags)
		return -EINVAL;
	return ksync_model_create(&once->o, d, KSYNC_KIND_MUTEX,
				  KSYNC_MODEL_ONCE_);
}

KSYNC_EXPORT int ksync_once_open(struct ksync_once *once, struct ksync *d,
				 uint32_t id)
{
	return ksync_model_open(&once->o, d, KSYNC_KIND_MUTEX,
				KSYNC_MODEL_ONCE_, id);
}

/* Who died is the owner until somebody comes: that takes an identity. */
KSYNC_EXPORT int ksync_once_destroy(struct ksync_once *once)
{
	int ret;

	ret = ksync_model_check(&once->o, KSYNC_MODEL_ONCE_);
	if (ret)
		return ret;
	if (has_owner(once))
		return -EBUSY;
	return ksync_object_destroy(&once->o);
}
