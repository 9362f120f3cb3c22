// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: condition variables.
 *
 * A waiter joins before it releases the mutex: no signal by whoever locks that
 * afterwards is missed.  Whoever is woken was signalled, and so was whoever was
 * cut off (queue.c): that is one more than was asked for when several are on their
 * way to sleep, which a cond may do.  Who joined later is never taken for one of
 * them.  Signalled waiters lock the mutex like anybody else: from then on they
 * lend the owner their priority.
 */
#include "futex.h"

static int join(const struct object *o, uint32_t attr, uint32_t mutex, uint32_t *gen)
{
	struct inner l;
	int ret = 0;

	ksync_futex_inner_lock(&l, &o->s->inner);
	if (ksync_futex_object_gone(o, attr))
		ret = -EBADF;
	else if (o->s->waiters && o->s->mutex != mutex && ksync_futex_object_waiters(o))
		ret = -EINVAL;
	if (!ret) {
		o->s->mutex = mutex;
		ksync_futex_queue_join(o, gen);
	}
	ksync_futex_inner_unlock(&l);
	return ret;
}

/* After a sleep without a wake-up. Return: 0 signalled; -EAGAIN: sleep on. */
static int look(const struct object *o, uint32_t attr, uint32_t *gen, int slept)
{
	struct inner l;
	int ret = slept;

	ksync_futex_inner_lock(&l, &o->s->inner);
	if ((int32_t)(*gen - o->s->cut) <= 0 || ksync_futex_object_gone(o, attr))
		ret = 0;
	else if (slept == -EAGAIN)
		*gen = o->s->gen;
	else
		ksync_futex_queue_leave(o, *gen);
	ksync_futex_inner_unlock(&l);
	return ret;
}

/* Any handler ends it, also with SA_RESTART: the kernel does not restart with a deadline. */
static int sleep_for_signal(const struct object *o, uint32_t attr, uint32_t gen,
			    const struct ksync_cond_wait *arg)
{
	const uint64_t deadline = arg->deadline == KSYNC_NO_DEADLINE ? INT64_MAX : arg->deadline;
	int ret;

	do {
		ret = ksync_futex_wait(&o->s->gen, gen, KSYNC_BITSET_ALL, arg->flags, deadline);
		if (ret)
			ret = look(o, attr, &gen, ret);
	} while (ret == -EAGAIN);
	if (ret == -EINTR && !(arg->flags & KSYNC_WAIT_INTERRUPTIBLE))
		return 0;
	return ret;
}

/* @attr: what the mutex was when it was released. */
static int relock(const struct object *m, uint32_t attr, const struct ksync_cond_wait *arg)
{
	int ret;

	if (ksync_futex_object_gone(m, attr))
		return -EBADF;
	ret = ksync_futex_lock_take(m, arg->thread, 0, KSYNC_NO_DEADLINE);
	return ret ? ret : arg->result;
}

static bool valid(const struct ksync_cond_wait *arg)
{
	if (arg->flags & ~WAIT_FLAGS || arg->pad || !deadline_valid(arg->deadline))
		return false;
	if (arg->phase == KSYNC_COND_SLEEP)
		return !arg->result;
	return arg->phase == KSYNC_COND_RELOCK &&
	       (!arg->result || arg->result == -EINTR || arg->result == -ETIMEDOUT);
}

static int find(struct ksync *d, const struct ksync_cond_wait *arg, struct object *o,
		struct object *m)
{
	int ret = ksync_futex_object_of_kind(d, arg->id, KSYNC_KIND_COND, o);

	if (!ret)
		ret = ksync_futex_object_of_kind(d, arg->mutex, KSYNC_KIND_MUTEX, m);
	if (!ret && arg->thread != ksync_futex_self())
		ret = -ESRCH;
	return ret;
}

/** ksync_futex_cond_wait() - KSYNC_IOC_COND_WAIT */
int ksync_futex_cond_wait(struct ksync *d, struct ksync_cond_wait *arg)
{
	struct object o, m;
	uint32_t gen, attr, mutex_attr;
	bool inconsistent;
	int ret;

	if (!valid(arg))
		return -EINVAL;
	ret = find(d, arg, &o, &m);
	if (ret)
		return ret;
	if (arg->phase == KSYNC_COND_RELOCK)
		return relock(&m, load(&m.s->attr), arg);
	if ((load(&m.c->word) & KSYNC_OWNER) != arg->thread)
		return -EPERM;
	attr = load(&o.s->attr);
	mutex_attr = load(&m.s->attr);
	ret = join(&o, attr, arg->mutex, &gen);
	if (ret)
		return ret;
	inconsistent = load(&m.c->word) & KSYNC_OWNER_DIED;
	ksync_futex_lock_release(&m, arg->thread);
	/* If it cannot be locked again, there is nothing to wait for. */
	arg->result = inconsistent ? look(&o, attr, &gen, -ETIMEDOUT) :
		sleep_for_signal(&o, attr, gen, arg);
	return relock(&m, mutex_attr, arg);
}

/** ksync_futex_cond_signal() - KSYNC_IOC_COND_SIGNAL */
int ksync_futex_cond_signal(struct ksync *d, struct ksync_cond_signal *arg)
{
	struct object o;
	struct inner l;
	uint32_t attr, waiters;
	int ret;

	ret = ksync_futex_object_of_kind(d, arg->id, KSYNC_KIND_COND, &o);
	if (ret)
		return ret;
	attr = load(&o.s->attr);
	ksync_futex_inner_lock(&l, &o.s->inner);
	if (ksync_futex_object_gone(&o, attr)) {
		ret = -EBADF;
	} else {
		waiters = o.s->waiters;
		arg->woken = waiters < arg->count ? waiters : arg->count;
		ksync_futex_queue_wake(&o, arg->count);
	}
	ksync_futex_inner_unlock(&l);
	return ret;
}
