// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: mutexes and spins, whose words are PI futexes.
 *
 * The kernel hands the word over to the waiter of highest priority, and sets
 * WAITERS in it; it is never free while somebody waits there.  An owner that dies
 * leaves its TID in the word: with waiters the kernel gives the word on, with
 * OWNER_DIED; without, it tells the next one that there is no such owner (ESRCH).
 *
 * FUTEX_LOCK_PI goes on after a signal handler.  Who is to be interrupted waits
 * another way, shy: it lends no priority, and sleeps on @gen until the lock is
 * unlocked, whereupon it tries to lock it.
 *
 *	CPU0 (shy)				CPU1 (owner)
 *	----					----
 *	shy++, g = gen
 *	FUTEX_TRYLOCK_PI: fails, and	[A]	word has WAITERS:	[B]
 *	  sets WAITERS				  FUTEX_UNLOCK_PI	[C]
 *	FUTEX_WAIT(gen, g)			  shy: gen++, FUTEX_WAKE
 *
 * A failed because of CPU1, so C comes after it; so does B, or the fast path's CAS,
 * which fails when it finds WAITERS.  CPU1 then sees shy, and CPU0 is woken, or
 * sees that gen has changed.  If CPU1 dies after C, CPU0 looks again after a second.
 */
#include "futex.h"

/* How often to look at a word that the kernel finds wrong: a second or more. */
#define LOOKS		1000

static uint32_t owner_of(const struct object *o)
{
	return load(&o->c->word) & KSYNC_OWNER;
}

/*
 * The owner unlocked it while inconsistent: nobody shall have it any more.  The
 * kernel hands it from one waiter to the next, and each sees @lost; the last one
 * writes that into the word.
 */
static void give_up(const struct object *o, uint32_t self)
{
	uint32_t v = load(&o->c->word);

	store(&o->s->lost, 1);
	while ((v & KSYNC_OWNER) == self && !(v & KSYNC_WAITERS))
		if (cas(&o->c->word, &v, KSYNC_NOTRECOVERABLE))
			return;
	ksync_futex_unlock_pi(&o->c->word);
	v = 0;
	cas(&o->c->word, &v, KSYNC_NOTRECOVERABLE);
}

static void tell_shy(const struct object *o)
{
	if (!load(&o->s->shy))
		return;
	__atomic_fetch_add(&o->s->gen, 1, __ATOMIC_SEQ_CST);
	ksync_futex_wake(&o->s->gen, UINT32_MAX, KSYNC_BITSET_ALL);
}

/* The caller has it: as what? */
static int got(const struct object *o, uint32_t self)
{
	if (load(&o->s->lost)) {
		give_up(o, self);
		tell_shy(o);
		return -ENOTRECOVERABLE;
	}
	return load(&o->c->word) & KSYNC_OWNER_DIED ? -EOWNERDEAD : 0;
}

/* There is no such owner. Return: -EAGAIN if there is another one by now. */
static int take_over(const struct object *o, uint32_t self)
{
	uint32_t v = load(&o->c->word), owner = v & KSYNC_OWNER;

	if (owner == KSYNC_NOTRECOVERABLE)
		return -ENOTRECOVERABLE;
	if (owner >= TID_END)
		return -EUCLEAN;
	if (!owner || !ksync_futex_dead(owner))
		return -EAGAIN;
	if (!cas(&o->c->word, &v, (v & KSYNC_WAITERS) | KSYNC_OWNER_DIED | self))
		return -EAGAIN;
	return got(o, self);
}

/* What the kernel said. Return: -EAGAIN: ask it again. */
static int judge(const struct object *o, uint32_t self, int ret, unsigned int *looks)
{
	switch (ret) {
	case 0:
		return got(o, self);
	case -ESRCH:
	case -EPERM:
		return take_over(o, self);
	case -EINVAL:
		if (++*looks == LOOKS)
			return -EUCLEAN;
		ksync_futex_nap();
		return -EAGAIN;
	default:
		return ret;
	}
}

static int try(const struct object *o, uint32_t self, unsigned int *looks)
{
	uint32_t v = load(&o->c->word);

	while (!(v & KSYNC_TAKEN_))
		if (cas(&o->c->word, &v, v | self))
			return got(o, self);
	if ((v & KSYNC_OWNER) == KSYNC_NOTRECOVERABLE)
		return -ENOTRECOVERABLE;
	return judge(o, self, ksync_futex_trylock_pi(&o->c->word), looks);
}

static int lock_pi(const struct object *o, uint32_t self, uint32_t flags, uint64_t deadline)
{
	unsigned int looks = 0;
	int ret;

	do {
		ret = judge(o, self, ksync_futex_lock_pi(&o->c->word, flags, deadline), &looks);
	} while (ret == -EAGAIN);
	return ret;
}

static int lock_shy(const struct object *o, uint32_t self, uint32_t flags, uint64_t deadline)
{
	unsigned int looks = 0;
	uint32_t gen;
	int ret;

	__atomic_fetch_add(&o->s->shy, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		gen = load(&o->s->gen);
		ret = try(o, self, &looks);	/* [A] */
		if (ret != -EAGAIN)
			break;
		ret = ksync_futex_wait(&o->s->gen, gen, KSYNC_BITSET_ALL, flags,
				       ksync_futex_tick(flags, deadline));
		if (ret == -EINTR)
			break;
		if (ret == -ETIMEDOUT && ksync_futex_now(flags) >= deadline)
			break;
	}
	__atomic_fetch_sub(&o->s->shy, 1, __ATOMIC_SEQ_CST);
	return ret;
}

/**
 * ksync_futex_lock_take() - lock a mutex or spin
 * @o: object
 * @self: the caller
 * @flags: KSYNC_WAIT_*
 * @deadline: as in LOCK
 *
 * Return: as LOCK.
 */
int ksync_futex_lock_take(const struct object *o, uint32_t self, uint32_t flags, uint64_t deadline)
{
	unsigned int looks = 0;
	int ret;

	if (owner_of(o) == self)
		return -EDEADLK;
	ret = try(o, self, &looks);
	if (ret != -EAGAIN)
		return ret;
	if (flags & KSYNC_WAIT_TRY)
		return -EBUSY;
	__atomic_fetch_add(&o->s->waiters, 1, __ATOMIC_SEQ_CST);
	ret = flags & KSYNC_WAIT_INTERRUPTIBLE ? lock_shy(o, self, flags, deadline) :
		lock_pi(o, self, flags, deadline);
	__atomic_fetch_sub(&o->s->waiters, 1, __ATOMIC_SEQ_CST);
	return ret;
}

/**
 * ksync_futex_lock_release() - unlock a mutex or spin
 * @o: object
 * @self: the caller
 *
 * Return: as UNLOCK.
 */
int ksync_futex_lock_release(const struct object *o, uint32_t self)
{
	uint32_t v = load(&o->c->word);
	int ret = 0;

	if ((v & KSYNC_OWNER) != self)
		return -EPERM;
	if (v & KSYNC_OWNER_DIED)
		give_up(o, self);
	else
		ret = ksync_futex_unlock_pi(&o->c->word);	/* [C] */
	if (ret) {	/* the kernel knows another owner */
		store(&o->c->word, 0);
		ret = -EUCLEAN;
	}
	tell_shy(o);
	return ret;
}

static int find(struct ksync *d, uint32_t id, uint32_t flags, uint32_t thread,
		struct object *o)
{
	int ret = ksync_futex_object_owned(d, id, o);

	if (ret)
		return ret;
	if (flags & KSYNC_LOCK_READ && kind_of(o) != KSYNC_KIND_RWLOCK)
		return -EINVAL;
	return thread == ksync_futex_self() ? 0 : -ESRCH;
}

/** ksync_futex_lock_lock() - KSYNC_IOC_LOCK */
int ksync_futex_lock_lock(struct ksync *d, struct ksync_lock *arg)
{
	struct object o;
	int ret;

	if (arg->flags & ~(WAIT_FLAGS | KSYNC_WAIT_TRY | KSYNC_LOCK_READ) ||
	    !deadline_valid(arg->deadline))
		return -EINVAL;
	ret = find(d, arg->id, arg->flags, arg->thread, &o);
	if (ret)
		return ret;
	if (kind_of(&o) == KSYNC_KIND_RWLOCK)
		return ksync_futex_rwlock_lock(&o, arg->thread, arg->flags, arg->deadline);
	return ksync_futex_lock_take(&o, arg->thread, arg->flags, arg->deadline);
}

/** ksync_futex_lock_unlock() - KSYNC_IOC_UNLOCK */
int ksync_futex_lock_unlock(struct ksync *d, struct ksync_unlock *arg)
{
	struct object o;
	int ret;

	if (arg->flags & ~(KSYNC_LOCK_READ | KSYNC_UNLOCK_ANY))
		return -EINVAL;
	if (arg->flags & KSYNC_UNLOCK_ANY)	/* the kernel asks for the owner of a PI futex */
		return -EOPNOTSUPP;
	ret = find(d, arg->id, arg->flags, arg->thread, &o);
	if (ret)
		return ret;
	if (arg->flags & KSYNC_LOCK_READ)
		return ksync_futex_rwlock_read_left(&o, arg->thread);
	if (kind_of(&o) == KSYNC_KIND_RWLOCK)
		return ksync_futex_rwlock_unlock(&o, arg->thread);
	return ksync_futex_lock_release(&o, arg->thread);
}
