// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * fork(): the child's objects are copies of its parent's.
 *
 * Their state is in cells that parent and child would share, so it is noted down right
 * before the fork, when all handlers of the program have run: ours is the first that
 * is registered.  The child makes an object anew when it first uses it, as it was;
 * what it has not used when it forks in turn its child finds in the notes of the
 * generation before.
 *
 * What the forking thread had locked is its own in the child, whoever uses it first: it
 * is made anew at the latest when the child starts a thread.
 *
 * What another thread of the parent had locked nobody unlocks in the child: it is
 * lost for ever, as with any pthreads.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include "dropin.h"
#include "real.h"

struct generation {
	struct generation *older;
	uintptr_t nonce;
	uint32_t nr;
	struct saved saved[];
};

static struct generation *generations, *latest;
static bool settled = true;	/* what the forking thread has locked is made anew */

static size_t size_of(uint32_t nr)
{
	return sizeof(struct generation) + nr * sizeof(struct saved);
}

const struct saved *saved_find(uint32_t id, const void *obj)
{
	const struct generation *g;

	if (!id)
		return NULL;
	for (g = generations; g; g = g->older)
		if (id < g->nr && g->saved[id].fate &&
		    g->saved[id].tag == ((uintptr_t)obj ^ g->nonce))
			return &g->saved[id];
	return NULL;
}

static void restore_reads(struct ksync_object *o, uint32_t times)
{
	while (times--)
		ksync_read_lock_wait(o, NULL, KSYNC_WAIT_TRY, 0);
}

static void restore_owner(struct ksync_object *o, uint32_t flags)
{
	const struct ksync_thread *t = NULL;
	int self = ksync_identify(o, &t);

	if (self > 0)
		o->cell->word = self | flags;
}

/**
 * saved_restore() - let a new ksync object be as the one was
 * @s: the note on it
 * @o: new, nobody knows of it yet
 */
void saved_restore(const struct saved *s, struct ksync_object *o)
{
	switch (s->fate) {
	case HELD:
		restore_owner(o, 0);
		break;
	case DIED:
		restore_owner(o, KSYNC_OWNER_DIED);
		break;
	case LOST:
		own_cell(o)->abandoned = s->value;
		o->cell->word = KSYNC_NOTRECOVERABLE;
		break;
	case READ:
		restore_reads(o, s->value);
		break;
	case READ_LOST:
		restore_reads(o, s->value);
		own_cell(o)->abandoned = 1;
		o->cell->word = KSYNC_READ;
		break;
	case VALUE:
		o->cell->word = s->value;
		break;
	}
}

/* Whether anybody reads: the module knows. */
static bool is_read(uint32_t id)
{
	struct ksync_query q = { .size = sizeof(q), .id = id };

	return !ksync_ioctl(own_domain.fd, KSYNC_IOC_QUERY, &q) && q.readers;
}

static void note_reads(struct saved *s, uint32_t id, const struct own_cell *cell,
		       const struct ksync_thread *self)
{
	const struct ksync_object o = { .cell = &own_domain.cells[id], .id = id };
	const bool lost = cell->abandoned;

	s->value = ksync_read_depth(&o, self);
	if (s->value)
		s->fate = lost ? READ_LOST : READ;
	else if (lost || (cell->word & KSYNC_READ && is_read(id)))
		s->fate = READ_LOST;
}

static void note_lock(struct saved *s, uint32_t id, const struct own_cell *cell,
		      const struct ksync_thread *self)
{
	const uint32_t owner = cell->word & KSYNC_OWNER;

	if (owner == KSYNC_NOTRECOVERABLE) {
		s->fate = LOST;
		s->value = cell->abandoned;
	} else if (owner && owner == self->handle) {
		s->fate = cell->word & KSYNC_OWNER_DIED ? DIED : HELD;
	} else if (owner) {
		s->fate = LOST;
		s->value = 1;
	} else if ((cell->attr & 0xff) == KSYNC_KIND_RWLOCK) {
		note_reads(s, id, cell, self);
	}
}

/**
 * struct note - the fork that is about to happen
 * @g: what is noted
 * @self: the forking thread
 */
struct note {
	struct generation *g;
	const struct ksync_thread *self;
};

static void note_one(uint32_t id, struct own_cell *cell, void *arg)
{
	const struct note *note = arg;
	struct saved *s = &note->g->saved[id];

	s->tag = cell->tag;
	s->kind = cell->attr & 0xff;
	switch (cell->attr & 0xff) {
	case KSYNC_KIND_MUTEX:
	case KSYNC_KIND_RWLOCK:
	case KSYNC_KIND_SPIN:
		note_lock(s, id, cell, note->self);
		break;
	case KSYNC_KIND_SEM:
		s->fate = VALUE;
		s->value = cell->word & ~KSYNC_WAITERS;
		break;
	}
}

static void find_last(uint32_t id, struct own_cell *cell, void *arg)
{
	uint32_t *nr = arg;

	(void)cell;
	if (id >= *nr)
		*nr = id + 1;
}

/* No other thread makes or ends an object, or runs a once, until the fork is done. */
static void prepare(void)
{
	struct note note;
	uint32_t nr = 0;

	if (process_state != READY)
		return;
	if (ksync_thread_self(&own_domain, &note.self))
		die("no memory to fork with");
	once_lock();
	objects_lock();
	objects_each(find_last, &nr);
	latest = mmap(NULL, size_of(nr), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (latest == MAP_FAILED)
		die("no memory to fork with: see 'ulimit -v'");
	latest->nonce = here.nonce;
	latest->nr = nr;
	latest->older = generations;
	note.g = latest;
	objects_each(note_one, &note);
}

static void in_parent(void)
{
	if (!latest)
		return;
	munmap(latest, size_of(latest->nr));
	latest = NULL;
	objects_unlock();
	once_unlock();
}

static void in_child(void)
{
	guard_forked();
	process_forked();
	if (!latest)
		return;
	generations = latest;
	latest = NULL;
	settled = false;
	objects_forked();
	once_forked();
	trace_forked();
}

/* The memory of an object may be gone: its first word, or 0. */
static uint32_t peek(const void *obj)
{
	uint32_t word = 0;
	struct iovec to = { &word, sizeof(word) }, from = { (void *)obj, sizeof(word) };

	process_vm_readv(getpid(), &to, 1, &from, 1, 0);
	return word;
}

static void settle_one(const struct generation *g, uint32_t id)
{
	const struct saved *s = &g->saved[id];
	void *obj = (void *)(uintptr_t)(s->tag ^ g->nonce);
	struct ksync_object o;

	if ((s->fate != HELD && s->fate != DIED && s->fate != READ) ||
	    peek(obj) != id || saved_find(id, obj) != s)
		return;
	if (s->kind == KSYNC_KIND_MUTEX)
		mutex_find(obj, &o);
	else
		object_find(obj, obj, s->kind == KSYNC_KIND_SPIN ? SPIN : RWLOCK, &o);
}

static void settle(void)
{
	const int saved = errno;
	const struct generation *g;
	uint32_t id;

	settled = true;
	if (!ready())
		return;
	for (g = generations; g; g = g->older)
		for (id = 0; id < g->nr; id++)
			settle_one(g, id);
	errno = saved;
}

/* Until this the forking thread is the only one. */
KSYNC_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
				void *(*routine)(void *), void *arg)
{
	if (unlikely(!settled))
		settle();
	return REAL(pthread_create)(thread, attr, routine, arg);
}

/* Before any other object's constructors (-z initfirst). */
static void __attribute__((constructor)) watch_forks(void)
{
	pthread_atfork(prepare, in_parent, in_child);
}
