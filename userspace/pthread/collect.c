// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Objects that a program forgot: their memory was freed, or holds something else.
 *
 * The memory is read by process_vm_readv(2), which survives where there is none.
 * Where an object is gone but its ksync object is in use, it stays.  What cannot be
 * read may be read again one day (mprotect(2)): an unlocked mutex loses nothing by
 * being made anew then, but a semaphore would.
 */
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include "dropin.h"
#include "object.h"

#define BATCH		128
#define FEWEST		8192

/* Nobody has it, nobody waits for it, and it has no state that is worth anything. */
bool is_idle(const struct ksync_object *o)
{
	struct ksync_object rwlock = *o;
	const uint32_t word = __atomic_load_n(&o->cell->word, __ATOMIC_RELAXED);

	switch (o->attr & 0xff) {
	case KSYNC_KIND_COND:
		return !__atomic_load_n(&o->cell->waiters, __ATOMIC_SEQ_CST);
	case KSYNC_KIND_SEM:
		return !(word & KSYNC_WAITERS);
	case KSYNC_KIND_RWLOCK:
		if (word != KSYNC_READ)
			break;
		/* Somebody may read: the module sees. */
		if (ksync_lock_wait(&rwlock, NULL, KSYNC_WAIT_TRY, 0))
			return false;
		return !ksync_unlock_slow_(&rwlock, NULL);
	}
	return !word || word == KSYNC_NOTRECOVERABLE;
}

static bool is_mapped(uint64_t address)
{
	const uintptr_t page = address & -(uintptr_t)sysconf(_SC_PAGESIZE);
	unsigned char resident;

	return !mincore((void *)page, 1, &resident) || errno != ENOMEM;
}

/* Its object does not name it: @seen, or NULL if there is nothing to be read. */
static void look_at(uint32_t id, const uint32_t *seen)
{
	struct own_cell *cell = cell_at(id);
	struct ksync_object o = {
		.cell = &own_domain.cells[id],
		.serial = own_domain.serial,
		.domain = &own_domain,
		.id = id,
		.attr = cell->attr,
	};

	if (seen && *seen == id)
		return;
	if (!seen && (cell->attr & 0xff) == KSYNC_KIND_SEM &&
	    is_mapped(cell->tag ^ here.nonce))
		return;
	if (is_idle(&o))
		put_id(id);
}

/* Return: whether memory can be read like this at all. */
static bool look_at_batch(const uint32_t *batch, uint32_t n)
{
	struct iovec from[BATCH], to;
	uint32_t seen[BATCH], i;
	ssize_t got;

	for (i = 0; i < n; i++)
		from[i] = (struct iovec) {
			.iov_base = (void *)(uintptr_t)(cell_at(batch[i])->tag ^ here.nonce),
			.iov_len = sizeof(uint32_t),
		};
	while (n) {
		to = (struct iovec) { seen, n * sizeof(uint32_t) };
		got = process_vm_readv(getpid(), &to, 1, from, n, 0);
		if (got < 0 && errno != EFAULT)
			return false;
		got = got < 0 ? 0 : got / sizeof(uint32_t);
		for (i = 0; i < (uint32_t)got; i++)
			look_at(batch[i], &seen[i]);
		if (i < n)
			look_at(batch[i++], NULL);
		batch += i;
		memmove(from, from + i, (n - i) * sizeof(*from));
		n -= i;
	}
	return true;
}

static uint32_t count_used(void)
{
	uint32_t i, used = 0;

	for (i = 0; i < ids.nr; i++)
		used += cell_at(ids.list[i])->tag != 0;
	return used;
}

/**
 * collect() - take back the ids of objects that are gone
 *
 * With the guard held.  The next time is when twice as many as are left are in use.
 */
void collect(void)
{
	const int saved = errno;
	uint32_t batch[BATCH], i, n = 0;
	bool possible = ids.nr >= FEWEST;

	for (i = 0; i < ids.nr && possible; i++) {
		if (cell_at(ids.list[i])->tag)
			batch[n++] = ids.list[i];
		if (n == BATCH || i == ids.nr - 1) {
			possible = look_at_batch(batch, n);
			n = 0;
		}
	}
	ids.collect_at = 2 * count_used();
	if (ids.collect_at < FEWEST)
		ids.collect_at = FEWEST;
	errno = saved;
}
