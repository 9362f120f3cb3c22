// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* pthread_barrier_*(): made when they are initialized. */
#include "dropin.h"
#include "real.h"

static struct pt_barrier *of(const pthread_barrier_t *barrier)
{
	return (struct pt_barrier *)barrier;
}

/* In a child of fork() those that had arrived are not there. */
static int remake(struct pt_barrier *b, struct ksync_barrier *k)
{
	int ret;

	if (!b->count)
		return EINVAL;
	ret = -ksync_barrier_init(k, &own_domain, b->count);
	if (!ret)
		object_adopt(&b->ref, b, &k->o);
	return ret;
}

static int find(struct pt_barrier *b, struct ksync_barrier *k)
{
	if (b->ref == DESTROYED)
		return EINVAL;
	memset(k, 0, sizeof(*k));
	k->count = b->count;
	if (b->ref & SHARED)
		return object_share(&b->ref, &k->o);
	return object_try(&b->ref, b, &k->o) ? remake(b, k) : 0;
}

KSYNC_EXPORT int pthread_barrier_wait(pthread_barrier_t *barrier)
{
	struct ksync_barrier k;
	int ret;

	if (!ready())
		return REAL(pthread_barrier_wait)(barrier);
	ret = find(of(barrier), &k);
	if (ret)
		return ret;
	trace_taken();
	do {
		ret = ksync_barrier_wait(&k);
	} while ((ret == -ENOSPC || ret == -ENOMEM) && !nap(&NO_LIMIT));
	return ret == KSYNC_BARRIER_SERIAL ? PTHREAD_BARRIER_SERIAL_THREAD : -ret;
}

static int make(struct pt_barrier *b, bool shared)
{
	struct ksync_barrier k;
	int ret;

	if (!shared)
		return remake(b, &k);
	ret = process_share();
	if (!ret)
		ret = -ksync_barrier_init(&k, &shared_domain, b->count);
	if (ret)
		return ret;
	own_cell(&k.o)->link = random_odd();
	b->cookie = own_cell(&k.o)->link;
	__atomic_store_n(&b->ref, k.o.id | SHARED, __ATOMIC_RELEASE);
	return 0;
}

KSYNC_EXPORT int pthread_barrier_init(pthread_barrier_t *barrier,
				      const pthread_barrierattr_t *attr,
				      unsigned int count)
{
	struct pt_barrier *b = of(barrier);
	int shared = PTHREAD_PROCESS_PRIVATE;

	if (!ready())
		return REAL(pthread_barrier_init)(barrier, attr, count);
	if (!count || count > INT32_MAX ||
	    (attr && pthread_barrierattr_getpshared(attr, &shared)))
		return EINVAL;
	object_forget(&b->ref, b);
	memset(barrier, 0, sizeof(*barrier));
	b->count = count;
	return make(b, shared == PTHREAD_PROCESS_SHARED);
}

/* Those that are about to leave are waited for. */
KSYNC_EXPORT int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
	struct pt_barrier *b = of(barrier);
	struct ksync_barrier k;
	int ret;

	if (!ready())
		return REAL(pthread_barrier_destroy)(barrier);
	ret = find(b, &k);
	if (!ret)
		ret = b->ref & SHARED ? -ksync_barrier_destroy(&k) :
			object_forget(&b->ref, b);
	if (!ret)
		b->ref = DESTROYED;
	return ret;
}
