// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The slow paths of everything with an owner: mutex, spin, and rwlock for
 * writing.
 *
 * The word's protocol is laid down in <linux/ksync.h>.  The word is a hint:
 * where it does not say plainly what to do, the module decides.  Nothing here
 * may touch the TLS of a caller that came with an identity of its own.
 */
#include "internal.h"

static uint32_t read_word(const struct ksync_object *o)
{
	return __atomic_load_n(&o->cell->word, __ATOMIC_RELAXED);
}

static bool recursive(const struct ksync_object *o)
{
	return o->attr & (KSYNC_MUTEX_RECURSIVE << 8);
}

/*
 * The caller's handle, or a negative errno: handles have 28 bits.  *@t: the
 * identity it came with or, if that is NULL, the thread's own.
 */
int ksync_identify(struct ksync_object *o, const struct ksync_thread **t)
{
	int ret;

	if (ksync_object_stale(o))
		return -EBADF;
	if (!*t) {
		ret = ksync_thread_self(o->domain, t);
		if (ret)
			return ret;
	}
	return (*t)->serial == o->domain->serial ? (int)(*t)->handle : -ESRCH;
}

/* Take a lock that nobody has, waiters or not. */
static bool take_free(struct ksync_object *o, uint32_t self)
{
	uint32_t v = read_word(o);

	while (!(v & KSYNC_TAKEN_))
		if (ksync_cas_(&o->cell->word, &v, v | self, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* A live owner may unlock soon; readers, or anything else, are for the module. */
static bool worth_spinning(uint32_t v, uint32_t self)
{
	uint32_t owner = v & KSYNC_OWNER;

	return !(v & (KSYNC_OWNER_DIED | KSYNC_READ)) && owner != self &&
	       owner <= KSYNC_HANDLE_MAX;
}

static bool spin(struct ksync_object *o, uint32_t self, unsigned int spins)
{
	while (!take_free(o, self)) {
		if (!worth_spinning(read_word(o), self) ||
		    !ksync_spin_once(&spins))
			return false;
	}
	return true;
}

static int lock_again(struct ksync_object *o)
{
	if (o->cell->depth == UINT32_MAX)
		return -EAGAIN;
	o->cell->depth++;
	return 0;
}

static int acquire(struct ksync_object *o, uint32_t self, uint32_t flags,
		   uint64_t deadline)
{
	struct ksync_lock arg = {
		.size = sizeof(arg),
		.id = o->id,
		.thread = self,
		.flags = flags,
		.deadline = deadline,
	};
	unsigned int spins = flags & KSYNC_WAIT_TRY ? 0 : o->domain->spins;
	int ret;

	if (spin(o, self, spins))
		return 0;
	ret = ksync_call_(o->domain, KSYNC_IOC_LOCK, &arg);
	if (ret == -EOWNERDEAD)
		o->cell->depth = 0;	/* what is there was the dead owner's */
	return ret;
}

/* The entry comes first: whoever has the mutex has the ceiling. */
static int acquire_protected(struct ksync_object *o, const struct ksync_thread *t,
			     uint32_t flags, uint64_t deadline)
{
	int ret, raised;

	ret = ksync_ceiling_enter(o, t);
	if (ret)
		return ret;
	ret = acquire(o, t->handle, flags, deadline);
	if (ret && ret != -EOWNERDEAD) {
		ksync_ceiling_leave(o, t);
		return ret;
	}
	raised = ksync_ceiling_settle(o, t);
	if (raised) {
		ksync_unlock_slow_(o, t);
		return raised;
	}
	return ret;
}

/**
 * ksync_lock_again() - lock a recursive mutex that the caller has
 * @o: any lock
 * @t: the caller, of this domain
 *
 * Return: 0; -EBUSY (it is none, or not the caller's), -EAGAIN (2^32 times).
 */
int ksync_lock_again(struct ksync_object *o, const struct ksync_thread *t)
{
	if (!recursive(o) || (read_word(o) & KSYNC_OWNER) != t->handle)
		return -EBUSY;
	return lock_again(o);
}

/**
 * ksync_lock_look() - lock, if that takes no more than a look at the word
 * @o: a lock; not for reading
 * @t: the caller, of this domain
 *
 * Return: 0; -EBUSY, or why it cannot be locked.
 */
int ksync_lock_look(struct ksync_object *o, const struct ksync_thread *t)
{
	int ret = ksync_lock_again(o, t);

	if (ret != -EBUSY || read_word(o) & KSYNC_TAKEN_)
		return ret;
	if (!ksync_protects(o))
		return take_free(o, t->handle) ? 0 : -EBUSY;
	ret = ksync_ceiling_enter(o, t);
	if (ret)
		return ret;
	if (!take_free(o, t->handle)) {
		ksync_ceiling_leave(o, t);
		return -EBUSY;
	}
	ret = ksync_ceiling_settle(o, t);
	if (ret)
		ksync_unlock_slow_(o, t);
	return ret;
}

/**
 * ksync_lock_wait() - lock, not for reading
 * @o: object
 * @t: the caller; NULL for the thread's own identity
 * @flags: KSYNC_WAIT_*
 * @deadline: from ksync_deadline()
 *
 * Return: as ksync_mutex_lock() and its variants.
 */
int ksync_lock_wait(struct ksync_object *o, const struct ksync_thread *t,
		    uint32_t flags, uint64_t deadline)
{
	int self = ksync_identify(o, &t);
	int ret;

	if (self < 0)
		return self;
	ret = ksync_lock_again(o, t);
	if (ret != -EBUSY)
		return ret;
	if (ksync_protects(o))
		return acquire_protected(o, t, flags, deadline);
	return acquire(o, self, flags, deadline);
}

KSYNC_EXPORT int ksync_lock_slow_(struct ksync_object *o,
				  const struct ksync_thread *t,
				  unsigned int flags)
{
	return ksync_lock_wait(o, t, flags, KSYNC_NO_DEADLINE);
}

KSYNC_EXPORT int ksync_lock_until_(struct ksync_object *o,
				   const struct ksync_thread *t,
				   clockid_t clock, const struct timespec *abs)
{
	uint32_t flags = 0;
	uint64_t deadline;
	int ret;

	ret = ksync_deadline(clock, abs, &flags, &deadline);
	return ret ? ret : ksync_lock_wait(o, t, flags, deadline);
}

static int unlock_in_module(struct ksync_object *o, uint32_t self)
{
	struct ksync_unlock arg = {
		.size = sizeof(arg),
		.id = o->id,
		.thread = self,
	};

	return ksync_call_(o->domain, KSYNC_IOC_UNLOCK, &arg);
}

/*
 * Whether the library may clear the owner field: nobody waits, or a waiter is
 * on its way.  Not while inconsistent, which the module turns into
 * NOTRECOVERABLE.  READ stays: a writer that becomes a reader has set it.
 */
static bool may_free(uint32_t v)
{
	const uint32_t on_its_way = KSYNC_WAITERS | KSYNC_WOKEN;

	v &= ~(KSYNC_OWNER | KSYNC_READ);
	return !v || v == on_its_way;
}

static int release(struct ksync_object *o, uint32_t self)
{
	uint32_t v = read_word(o);

	while ((v & KSYNC_OWNER) == self && may_free(v))
		if (ksync_cas_(&o->cell->word, &v, v & ~KSYNC_OWNER,
			       __ATOMIC_RELEASE))
			return 0;
	return unlock_in_module(o, self);
}

KSYNC_EXPORT int ksync_unlock_slow_(struct ksync_object *o,
				    const struct ksync_thread *t)
{
	int self = ksync_identify(o, &t);
	int ret;

	if (self < 0)
		return self;
	if (recursive(o) && o->cell->depth &&
	    (read_word(o) & KSYNC_OWNER) == (uint32_t)self) {
		o->cell->depth--;
		return 0;
	}
	ret = release(o, self);
	if (ksync_protects(o) && ret != -EPERM)
		ksync_ceiling_leave(o, t);
	return ret;
}

KSYNC_EXPORT int ksync_consistent_(struct ksync_object *o,
				   const struct ksync_thread *t)
{
	int self = ksync_identify(o, &t);
	uint32_t v;

	if (self < 0)
		return self;
	v = read_word(o);
	do {
		if ((v & KSYNC_OWNER) != (uint32_t)self)
			return -EPERM;
		if (!(v & KSYNC_OWNER_DIED))
			return -EINVAL;
	} while (!ksync_cas_(&o->cell->word, &v, v & ~KSYNC_OWNER_DIED,
			     __ATOMIC_RELEASE));
	return 0;
}
