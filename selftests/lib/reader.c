// SPDX-License-Identifier: GPL-2.0
/* Players that read an rwlock: see reader.h. */
#include <errno.h>
#include <stdbool.h>
#include "reader.h"

int raw_attach_slot(int fd, uint32_t *slot)
{
	struct ksync_attach arg = { .size = sizeof(arg), .flags = KSYNC_ATTACH_SLOT };
	int ret = raw_ioctl(fd, KSYNC_IOC_ATTACH, &arg);

	*slot = arg.slot;
	return ret;
}

int raw_unlock_read(int fd, uint32_t id, uint32_t handle)
{
	struct ksync_unlock arg = {
		.size = sizeof(arg),
		.id = id,
		.thread = handle,
		.flags = KSYNC_LOCK_READ,
	};

	return raw_ioctl(fd, KSYNC_IOC_UNLOCK, &arg);
}

/* Object 0 is the test's own, made before there was any player. */
int step_slot(struct player *p)
{
	return p->slot ? 0 : raw_attach_slot(p->fd, &p->slot);
}

static uint32_t *find(const struct player *p, uint32_t id)
{
	uint32_t *entries = (uint32_t *)&p->cells[p->slot];
	int i;

	for (i = 0; p->slot && i < KSYNC_SLOTS; i++)
		if (entries[i] >> 24 && (entries[i] & KSYNC_SLOT_ID) == id)
			return &entries[i];
	return NULL;
}

uint32_t reader_entry(const struct player *p, uint32_t id)
{
	const uint32_t *entry = find(p, id);

	return entry ? __atomic_load_n(entry, __ATOMIC_SEQ_CST) : 0;
}

static int read_lock(struct player *p, uint32_t flags, uint64_t deadline)
{
	int ret = step_slot(p);

	return ret ? ret : raw_lock(p->fd, p->id, p->handle,
				    flags | KSYNC_LOCK_READ, deadline);
}

int step_read(struct player *p)
{
	return read_lock(p, 0, KSYNC_NO_DEADLINE);
}

int step_read_until(struct player *p)
{
	return read_lock(p, p->flags, p->deadline);
}

int step_read_try(struct player *p)
{
	return read_lock(p, KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE);
}

/* @left: what to write. Return: the word, read after that. */
static uint32_t set_entry(struct player *p, uint32_t *entry, uint32_t value)
{
	__atomic_exchange_n(entry, value, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&p->cells[p->id].word, __ATOMIC_SEQ_CST);
}

static int leave(struct player *p, uint32_t *entry)
{
	const uint32_t word = set_entry(p, entry, 0);
	const uint32_t owner = word & KSYNC_OWNER;

	if (word & KSYNC_WAITERS &&
	    (owner ? owner <= KSYNC_HANDLE_MAX : !(word & KSYNC_WOKEN)))
		return raw_unlock_read(p->fd, p->id, p->handle);
	return 0;
}

int step_read_fast(struct player *p)
{
	uint32_t *word = &p->cells[p->id].word, *entry, v = 0;
	int ret = step_slot(p);

	if (ret)
		return ret;
	entry = (uint32_t *)&p->cells[p->slot];
	while (*entry)
		entry++;
	v = set_entry(p, entry, KSYNC_SLOT(p->id, 1));
	if (!(v & (KSYNC_OWNER | KSYNC_OWNER_DIED)) && v & KSYNC_READ)
		return 0;
	if (!v && __atomic_compare_exchange_n(word, &v, KSYNC_READ, false,
					      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return 0;
	ret = leave(p, entry);
	return ret ? ret : -EBUSY;
}

int step_unread(struct player *p)
{
	uint32_t *entry = find(p, p->id);

	if (!entry)
		return -EPERM;
	if (*entry >> 24 == 1)
		return leave(p, entry);
	*entry -= KSYNC_SLOT(0, 1);
	return 0;
}

int reader_count(int fd, uint32_t id)
{
	struct ksync_query q;
	int ret = raw_query(fd, id, &q);

	return ret ? ret : (int)q.readers;
}
