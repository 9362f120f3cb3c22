// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A reader-writer lock: made and ended here, and read.  Writers lock as for a
 * mutex: ksync/lock.h and lock.c.
 *
 * A thread says in entries of its slot cells what it reads.  It gets the first
 * cell when it first reads in a domain, and more when that one is full.  The
 * identity counts the entries in use, so that the fast path of a thread that
 * reads nothing else knows that it has no entry for the lock, and that the first
 * one is free.
 */
#include "internal.h"

KSYNC_EXPORT int ksync_rwlock_init(struct ksync_rwlock *l, struct ksync *d,
				   unsigned int flags)
{
	return ksync_object_create(&l->o, d, KSYNC_KIND_RWLOCK, flags);
}

KSYNC_EXPORT int ksync_rwlock_open(struct ksync_rwlock *l, struct ksync *d,
				   uint32_t id)
{
	return ksync_object_open(&l->o, d, KSYNC_KIND_RWLOCK, id);
}

KSYNC_EXPORT int ksync_rwlock_destroy(struct ksync_rwlock *l)
{
	return ksync_object_destroy(&l->o);
}

static uint32_t read_word(const struct ksync_object *o)
{
	return __atomic_load_n(&o->cell->word, __ATOMIC_RELAXED);
}

/* *@t, if NULL, becomes the calling thread's own. */
static int identify(const struct ksync_object *o, struct ksync_thread **t)
{
	const struct ksync_thread *self;
	int ret;

	if (ksync_object_stale(o))
		return -EBADF;
	if (!*t) {
		ret = ksync_thread_self(o->domain, &self);
		if (ret)
			return ret;
		*t = (struct ksync_thread *)self;
	}
	return (*t)->serial == o->serial ? 0 : -ESRCH;
}

/* The entry that names the lock; NULL if the thread does not read it. */
static uint32_t *find_held(const struct ksync_object *o,
			   const struct ksync_thread *t)
{
	uint32_t *entries, slot, i;

	for (slot = 0; t->held && slot < t->nslots; slot++) {
		entries = ksync_slot_(o, t->slot[slot]);
		for (i = 0; i < KSYNC_SLOTS; i++)
			if (entries[i] >> 24 &&
			    (entries[i] & KSYNC_SLOT_ID) == o->id)
				return &entries[i];
	}
	return NULL;
}

static uint32_t *find_free(const struct ksync_object *o,
			   const struct ksync_thread *t)
{
	uint32_t *entries, slot, i;

	for (slot = 0; slot < t->nslots; slot++) {
		entries = ksync_slot_(o, t->slot[slot]);
		for (i = 0; i < KSYNC_SLOTS; i++)
			if (!entries[i])
				return &entries[i];
	}
	return NULL;
}

/* The module tells a task that runs on another thread's TLS from that thread. */
static int add_slot(const struct ksync_object *o, struct ksync_thread *t)
{
	struct ksync_attach arg = {
		.size = sizeof(arg),
		.flags = KSYNC_ATTACH_SLOT,
	};
	int ret;

	ret = ksync_call_(o->domain, KSYNC_IOC_ATTACH, &arg);
	if (ret)
		return ret;
	if (arg.thread != t->handle || t->nslots == KSYNC_THREAD_SLOTS_MAX)
		return -ESRCH;
	t->slot[t->nslots++] = arg.slot;
	return 0;
}

static int get_free(const struct ksync_object *o, struct ksync_thread *t,
		    uint32_t **entry)
{
	int ret;

	*entry = find_free(o, t);
	if (*entry)
		return 0;
	ret = add_slot(o, t);
	if (!ret)
		*entry = find_free(o, t);
	return ret;
}

/* Once the caller has no entry for the lock any more. */
KSYNC_EXPORT int ksync_read_left_(struct ksync_object *o, uint32_t handle)
{
	struct ksync_unlock arg = {
		.size = sizeof(arg),
		.id = o->id,
		.thread = handle,
		.flags = KSYNC_LOCK_READ,
	};

	return ksync_call_(o->domain, KSYNC_IOC_UNLOCK, &arg);
}

/* A strict lock is not read past its waiters. */
static bool may_read(const struct ksync_object *o, uint32_t v)
{
	const uint32_t strict = o->attr & (KSYNC_RWLOCK_STRICT << 8);

	return !(v & (KSYNC_OWNER | KSYNC_OWNER_DIED)) &&
	       !(v & KSYNC_WAITERS && strict);
}

/* With the entry written, is it locked? @v: the word, read after that. */
static bool confirm(struct ksync_object *o, uint32_t v)
{
	while (may_read(o, v)) {
		if (v & KSYNC_READ)
			return true;
		if (v)
			return false;
		if (ksync_cas_(&o->cell->word, &v, KSYNC_READ, __ATOMIC_SEQ_CST))
			return true;
	}
	return false;
}

static bool try_read(struct ksync_object *o, struct ksync_thread *t,
		     uint32_t *entry)
{
	uint32_t v = read_word(o);

	if (!may_read(o, v) || (v && !(v & KSYNC_READ)))
		return false;
	if (confirm(o, ksync_slot_set_(o, entry, KSYNC_SLOT(o->id, 1)))) {
		t->held++;
		return true;
	}
	if (ksync_drains_(ksync_slot_set_(o, entry, 0)))
		ksync_read_left_(o, t->handle);
	return false;
}

/* A live writer may be done soon; anything else is for the module. */
static bool worth_spinning(uint32_t v, uint32_t self)
{
	const uint32_t owner = v & KSYNC_OWNER;

	return !(v & KSYNC_OWNER_DIED) && owner && owner != self &&
	       owner <= KSYNC_HANDLE_MAX;
}

static bool spin(struct ksync_object *o, struct ksync_thread *t,
		 uint32_t *entry, unsigned int spins)
{
	while (!try_read(o, t, entry)) {
		if (!spins-- || !worth_spinning(read_word(o), t->handle))
			return false;
		ksync_cpu_relax();
	}
	return true;
}

static int read_again(uint32_t *entry)
{
	if (*entry >> 24 == KSYNC_SLOT_DEPTH_MAX)
		return -EAGAIN;
	__atomic_store_n(entry, *entry + KSYNC_SLOT(0, 1U), __ATOMIC_RELAXED);
	return 0;
}

/**
 * ksync_read_depth() - how often the caller reads an rwlock
 * @o: rwlock
 * @t: the caller, of this domain
 */
uint32_t ksync_read_depth(const struct ksync_object *o, const struct ksync_thread *t)
{
	const uint32_t *entry = find_held(o, t);

	return entry ? *entry >> 24 : 0;
}

/**
 * ksync_read_again() - lock for reading what the caller reads
 * @o: rwlock
 * @t: the caller, of this domain
 *
 * Return: 0; -EBUSY (it does not), -EAGAIN (255 times).
 */
int ksync_read_again(struct ksync_object *o, struct ksync_thread *t)
{
	uint32_t *entry = find_held(o, t);

	return entry ? read_again(entry) : -EBUSY;
}

/**
 * ksync_read_look() - lock for reading, if that takes no more than a look
 * @o: rwlock
 * @t: the caller, of this domain
 *
 * Return: 0; -EBUSY, or why it cannot be locked.
 */
int ksync_read_look(struct ksync_object *o, struct ksync_thread *t)
{
	int ret = ksync_read_again(o, t);
	uint32_t *entry;

	if (ret != -EBUSY)
		return ret;
	ret = get_free(o, t, &entry);
	if (ret)
		return ret;
	return try_read(o, t, entry) ? 0 : -EBUSY;
}

/**
 * ksync_read_reserve() - have entries for what the module is going to lock
 * @o: rwlock
 * @t: the caller, of this domain
 * @n: how many
 *
 * Return: 0; -EAGAIN (there are not so many), or as ATTACH.
 */
int ksync_read_reserve(struct ksync_object *o, struct ksync_thread *t, uint32_t n)
{
	int ret = 0;

	while (!ret && t->held + n > t->nslots * KSYNC_SLOTS)
		ret = add_slot(o, t);
	return ret;
}

/**
 * ksync_read_lock_wait() - lock for reading
 * @o: rwlock
 * @t: the caller; NULL for the thread's own identity
 * @flags: KSYNC_WAIT_*
 * @deadline: from ksync_deadline()
 *
 * Return: as ksync_rwlock_read_lock() and its variants.
 */
int ksync_read_lock_wait(struct ksync_object *o, struct ksync_thread *t,
			 uint32_t flags, uint64_t deadline)
{
	struct ksync_lock arg = {
		.size = sizeof(arg),
		.id = o->id,
		.flags = flags | KSYNC_LOCK_READ,
		.deadline = deadline,
	};
	const unsigned int spins = flags & KSYNC_WAIT_TRY ? 0 : o->domain->spins;
	uint32_t *entry;
	int ret;

	ret = identify(o, &t);
	if (ret)
		return ret;
	entry = find_held(o, t);
	if (entry)
		return read_again(entry);
	ret = get_free(o, t, &entry);
	if (ret)
		return ret;
	if (spin(o, t, entry, spins))
		return 0;
	arg.thread = t->handle;
	ret = ksync_call_(o->domain, KSYNC_IOC_LOCK, &arg);
	if (!ret || ret == -EOWNERDEAD)
		t->held++;
	return ret;
}

KSYNC_EXPORT int ksync_read_lock_slow_(struct ksync_object *o,
				       struct ksync_thread *t,
				       unsigned int flags)
{
	return ksync_read_lock_wait(o, t, flags, KSYNC_NO_DEADLINE);
}

KSYNC_EXPORT int ksync_read_lock_until_(struct ksync_object *o,
					struct ksync_thread *t, clockid_t clock,
					const struct timespec *abs)
{
	uint32_t flags = 0;
	uint64_t deadline;
	int ret;

	ret = ksync_deadline(clock, abs, &flags, &deadline);
	return ret ? ret : ksync_read_lock_wait(o, t, flags, deadline);
}

KSYNC_EXPORT int ksync_rwlock_unlock_slow_(struct ksync_object *o,
					   struct ksync_thread *t)
{
	struct ksync_thread *self = t;
	uint32_t *entry;
	int ret;

	ret = identify(o, &self);
	if (ret)
		return ret;
	entry = find_held(o, self);
	if (!entry)
		return ksync_unlock_slow_(o, t);
	if (*entry >> 24 > 1) {
		__atomic_store_n(entry, *entry - KSYNC_SLOT(0, 1U),
				 __ATOMIC_RELAXED);
		return 0;
	}
	self->held--;
	return ksync_drains_(ksync_slot_set_(o, entry, 0)) ?
		ksync_read_left_(o, self->handle) : 0;
}

/*
 * The entry comes first, then READ: whoever takes the word after this writer
 * finds READ in it, and the entry in the slot.
 */
KSYNC_EXPORT int ksync_rwlock_downgrade_(struct ksync_object *o,
					 struct ksync_thread *t)
{
	struct ksync_thread *self = t;
	uint32_t *entry, v;
	int ret;

	ret = identify(o, &self);
	if (ret)
		return ret;
	v = read_word(o);
	if ((v & KSYNC_OWNER) != self->handle)
		return -EPERM;
	if (v & KSYNC_OWNER_DIED)
		return -EOWNERDEAD;
	ret = get_free(o, self, &entry);
	if (ret)
		return ret;
	ksync_slot_set_(o, entry, KSYNC_SLOT(o->id, 1));
	self->held++;
	__atomic_fetch_or(&o->cell->word, KSYNC_READ, __ATOMIC_SEQ_CST);
	return ksync_unlock_slow_(o, t);
}
