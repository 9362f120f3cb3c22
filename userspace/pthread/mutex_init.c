// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * pthread_mutex_init() and destroy(): what attributes make of a mutex, the ceiling
 * among them.
 */
#include "mutex.h"
#include "real.h"

/* What the attributes come to.  Return: 0; EINVAL, ENOTSUP. */
static int set_kind(struct pt_mutex *m, const pthread_mutexattr_t *attr)
{
	int type, robust, protocol, shared, ceiling;

	if (!attr)
		return 0;
	if (pthread_mutexattr_gettype(attr, &type) ||
	    pthread_mutexattr_getrobust(attr, &robust) ||
	    pthread_mutexattr_getprotocol(attr, &protocol) ||
	    pthread_mutexattr_getpshared(attr, &shared) ||
	    pthread_mutexattr_getprioceiling(attr, &ceiling))
		return EINVAL;
	m->kind = type & TYPE;
	if (robust == PTHREAD_MUTEX_ROBUST)
		m->kind |= ROBUST;
	if (protocol == PTHREAD_PRIO_INHERIT)
		m->kind |= INHERIT;
	if (protocol == PTHREAD_PRIO_PROTECT) {
		m->kind |= PROTECT_KIND;
		m->ceiling = ceiling > 0 ? ceiling : 1;
	}
	if (shared == PTHREAD_PROCESS_SHARED)
		m->kind |= PSHARED;
	return 0;
}

static int share_protected(struct pt_mutex *m)
{
	struct ksync_mutex made;
	int ret = process_share();

	if (ret)
		return ret;
	ret = -ksync_mutex_init_protect(&made, &shared_domain, here.policy, m->ceiling);
	if (ret)
		return ret;
	own_cell(&made.o)->link = random_odd();
	m->cookie = own_cell(&made.o)->link;
	m->ref = made.o.id | SHARED;
	return 0;
}

KSYNC_EXPORT int pthread_mutex_init(pthread_mutex_t *mutex,
				    const pthread_mutexattr_t *attr)
{
	struct pt_mutex *m = of(mutex);
	int ret;

	if (!ready())
		return REAL(pthread_mutex_init)(mutex, attr);
	object_forget(&m->ref, m);
	memset(mutex, 0, sizeof(*mutex));
	ret = set_kind(m, attr);
	if (ret || !(m->kind & PSHARED))
		return ret;
	return m->kind & PROTECT_KIND ? share_protected(m) :
		object_share_new(&m->ref, MUTEX);
}

static bool is_locked(struct ksync_object *o)
{
	const uint32_t owner = read_word(o) & KSYNC_OWNER;

	return owner && owner != KSYNC_NOTRECOVERABLE;
}

KSYNC_EXPORT int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
	struct pt_mutex *m = of(mutex);
	struct ksync_object o;
	int ret = 0;

	if (!ready())
		return REAL(pthread_mutex_destroy)(mutex);
	if (m->kind == NOT_A_MUTEX)
		return EINVAL;
	if (m->ref & SHARED) {
		ret = object_share(&m->ref, &o);
		if (!ret)
			ret = is_locked(&o) ? EBUSY : -ksync_object_destroy(&o);
	} else if (m->kind & PROTECT_KIND && !object_try(&m->ref, m, &o) && is_locked(&o)) {
		ret = EBUSY;
	} else {
		ret = object_forget(&m->ref, m);
	}
	if (ret)
		return ret;
	m->ref = DESTROYED;
	m->kind = NOT_A_MUTEX;
	return 0;
}

KSYNC_EXPORT int pthread_mutex_getprioceiling(const pthread_mutex_t *mutex, int *ceiling)
{
	struct pt_mutex *m = of(mutex);

	if (!ready())
		return REAL(pthread_mutex_getprioceiling)(mutex, ceiling);
	if (m->kind == NOT_A_MUTEX || !(m->kind & PROTECT_KIND))
		return EINVAL;
	*ceiling = m->ceiling;
	return 0;
}

/* It is locked meanwhile, whatever the ceiling. */
KSYNC_EXPORT int pthread_mutex_setprioceiling(pthread_mutex_t *mutex, int ceiling, int *old)
{
	struct pt_mutex *m = of(mutex);
	struct ksync_mutex k;
	int ret, was;

	if (!ready())
		return REAL(pthread_mutex_setprioceiling)(mutex, ceiling, old);
	if (m->kind == NOT_A_MUTEX || !(m->kind & PROTECT_KIND) || ceiling < 1 || ceiling > 99)
		return EINVAL;
	ret = mutex_find(m, &k.o);
	if (ret)
		return ret;
	ret = pthread_mutex_lock(mutex);
	if (ret && ret != EOWNERDEAD)
		return ret;
	was = m->ceiling;
	ret = -ksync_mutex_set_ceiling(&k, ceiling, NULL);
	if (!ret) {
		m->ceiling = ceiling;
		*old = was;
	}
	pthread_mutex_unlock(mutex);
	return ret;
}

/* Other names that libc has for them. */

ALIAS(__pthread_mutex_init, pthread_mutex_init);
ALIAS(__pthread_mutex_destroy, pthread_mutex_destroy);
