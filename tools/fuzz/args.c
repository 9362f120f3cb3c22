// SPDX-License-Identifier: GPL-2.0
/*
 * Arguments: values that programs have for them, and what these mean to the
 * executor that runs the program.
 *
 *	id		0..31: how; 32..: which
 *	deadline	0..31: how; 32..: microseconds from now
 */
#include <string.h>
#include <time.h>
#include "fuzz.h"

#define MODE(value)	((uint32_t)(value))
#define REST(value)	((uint32_t)((value) >> 32))
#define VALUE(mode, rest) ((uint64_t)(uint32_t)(rest) << 32 | (uint32_t)(mode))

enum id_mode { ID_POOL, ID_RAW, ID_STALE, ID_OWN_CELL };
enum thread_mode { THREAD_SELF, THREAD_OTHER, THREAD_RAW, THREAD_NONE };

static uint32_t interesting(uint64_t *rng)
{
	static const uint32_t values[] = {
		0, 1, 2, 3, 0x7f, 0xff, 0x100, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
		KSYNC_HANDOFF, KSYNC_NOTRECOVERABLE, KSYNC_HANDLE_MAX, KSYNC_WAITERS,
		KSYNC_WAITERS | KSYNC_WOKEN, KSYNC_OWNER_DIED | KSYNC_WAITERS, KSYNC_READ,
	};
	const uint64_t r = dice(rng);

	if (r % 8 == 0)
		return r >> 32;
	return values[(r >> 8) % (sizeof(values) / sizeof(*values))];
}

static uint64_t random_fd(uint32_t par, uint64_t *rng)
{
	const uint64_t r = dice(rng);

	if (r % 64 == 0)
		return (r >> 8) % SLOTS;
	switch (par) {
	case DOMAIN_FD:
		return (r >> 8) % DOMAINS;
	case POLLED_FD:
		return POLLED_FIRST + (r >> 8) % POLLED;
	case EPOLL_FD:
		return EPOLL_FIRST + (r >> 8) % EPOLLS;
	case OWN_FD:
		return SHARED_DOMAINS + (r >> 8) % (SLOTS - SHARED_DOMAINS);
	default:
		return (r >> 8) % SLOTS;
	}
}

/* Seven times of eight one of the right kind. */
static uint64_t random_id(uint32_t kinds, uint64_t *rng)
{
	const uint64_t r = dice(rng);
	uint32_t kind = 1 + (r >> 8) % (KINDS - 1);

	switch (r % 64) {
	case 0:
		return VALUE(ID_RAW, interesting(rng));
	case 1:
		return VALUE(ID_STALE, (r >> 32) % POOL);
	case 2:
		return VALUE(ID_OWN_CELL, 0);
	case 3:
		return VALUE(ID_RAW, (r >> 32) % 64);
	}
	if (r % 64 >= 8)
		while (!(kinds & 1U << kind))
			kind = 1 + kind % (KINDS - 1);
	return VALUE(ID_POOL, kind << 8 | (r >> 32) % POOL);
}

static uint64_t random_thread(uint64_t *rng)
{
	const uint64_t r = dice(rng);

	switch (r % 32) {
	case 0:
		return VALUE(THREAD_RAW, interesting(rng));
	case 1:
		return VALUE(THREAD_OTHER, r >> 32);
	case 2:
		return VALUE(THREAD_NONE, 0);
	default:
		return VALUE(THREAD_SELF, 0);
	}
}

static uint64_t random_flags(uint32_t right, uint64_t *rng)
{
	const uint64_t r = dice(rng);

	if (r % 48 == 0)
		return 1U << (r >> 8) % 32;
	if (r % 48 == 1)
		return r >> 32;
	return r % 3 ? (r >> 32) & (r >> 16) & right : (r >> 32) & right;
}

static uint64_t random_deadline(uint64_t *rng)
{
	const uint64_t r = dice(rng);
	const uint32_t us = (r >> 32) % (r & 0x700 ? 100 : 2000);

	switch (r % 64) {
	case 0:
		return VALUE(UNTIL_RAW, interesting(rng));
	case 1:
	case 2:
		return VALUE(UNTIL_EVER, 0);
	case 3:
	case 4:
	case 5:
	case 6:
		return VALUE(UNTIL_REALTIME, us);
	default:
		return VALUE(UNTIL_MONOTONIC, r & 0x1800 ? -us : us);
	}
}

static uint64_t random_count(uint64_t *rng)
{
	const uint64_t r = dice(rng);

	if (r % 256 == 0)
		return (r >> 32) % 70000;
	if (r % 64 == 1)
		return interesting(rng);
	return r % 16 == 2 ? (r >> 32) % 130 : 1 + (r >> 32) % 4;
}

static uint64_t random_place(uint64_t *rng)
{
	const uint64_t r = dice(rng);

	if (r % 4)
		return PLACE_PLAIN;
	return r % 32 == 0 ? (r >> 8) % PLACES : (r >> 8) % PLACE_FIRST_BAD;
}

uint64_t arg_random(const struct arg *a, uint64_t *rng)
{
	switch (a->type) {
	case ARG_FD:
		return random_fd(a->par, rng);
	case ARG_PLACE:
		return random_place(rng);
	case ARG_SIZE:
		return one_in(rng, 32) ? dice(rng) % 9 : 0;
	case ARG_ID:
		return random_id(a->par, rng);
	case ARG_THREAD:
		return random_thread(rng);
	case ARG_FLAGS:
		return random_flags(a->par, rng);
	case ARG_DEADLINE:
		return random_deadline(rng);
	case ARG_COUNT:
		return random_count(rng);
	case ARG_PRIO:
		return one_in(rng, 16) ? 100 + dice(rng) % 3 : dice(rng) % 31;
	case ARG_SMALL:
		return dice(rng) % a->par;
	case ARG_U32:
		return interesting(rng);
	case ARG_PAD:
		return one_in(rng, 64) ? interesting(rng) : 0;
	case ARG_IDS_OUT:
	case ARG_IDS_IN:
	case ARG_ITEMS:
		return VALUE(one_in(rng, 16) ? dice(rng) % PLACES : 0, dice(rng));
	default:
		return dice(rng) >> 32;
	}
}

uint64_t arg_deadline(uint64_t value)
{
	const clockid_t clock = MODE(value) == UNTIL_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	struct timespec ts;

	switch (MODE(value)) {
	case UNTIL_EVER:
		return KSYNC_NO_DEADLINE;
	case UNTIL_RAW:
		/* The small ones have passed, the others do not count. */
		return (uint64_t)REST(value) << 33 | REST(value);
	default:
		clock_gettime(clock, &ts);
		return ts.tv_sec * 1000000000ULL + ts.tv_nsec + (int32_t)REST(value) * 1000LL;
	}
}

struct pool *pool_of(struct exec *x, unsigned int domain)
{
	if (domain < SHARED_DOMAINS)
		return &sh->pool[domain];
	return domain < DOMAINS ? &x->own[domain - SHARED_DOMAINS] : &x->own[0];
}

uint32_t arg_id(struct exec *x, unsigned int domain, uint64_t value)
{
	const struct pool *pool = pool_of(x, domain);
	const uint32_t rest = REST(value);

	switch (MODE(value)) {
	case ID_POOL:
		return pool->id[(rest >> 8) % KINDS][(rest & 0xff) % POOL];
	case ID_STALE:
		return pool->stale[rest % POOL];
	case ID_OWN_CELL:
		return domain < DOMAINS ? x->cell[domain] : 0;
	default:
		return rest;
	}
}

uint32_t arg_thread(struct exec *x, unsigned int domain, uint64_t value)
{
	switch (MODE(value)) {
	case THREAD_SELF:
		return domain < DOMAINS ? x->handle[domain] : 0;
	case THREAD_OTHER:
		return domain < SHARED_DOMAINS ?
			sh->handle[domain][REST(value) % (MAX_HOSTS * THREADS)] : 1;
	case THREAD_NONE:
		return 0;
	default:
		return REST(value);
	}
}

/* Mode 0: as it should be; 1: longer, with zeros behind; 2: with something else. */
uint32_t arg_size(uint64_t value, uint32_t size)
{
	const uint32_t sizes[] = {
		size, size + 8, size + 8, size - 4, 0, 1, 0xffffffff, 4096, 4097,
	};

	return sizes[value % (sizeof(sizes) / sizeof(*sizes))];
}

unsigned char *arg_place(struct exec *x, uint64_t value, size_t size)
{
	const struct memory *m = &x->mem;

	switch (value) {
	case PLACE_END:
		return m->pages + 8192 - size;
	case PLACE_CROSS:
		return m->pages + 4096 - size / 2 / 4 * 4;
	case PLACE_ODD:
		return m->pages + 1;
	case PLACE_STRADDLE:
		return m->pages + 8192 - size / 2 / 4 * 4;
	case PLACE_READONLY:
		return m->readonly;
	case PLACE_UNMAPPED:
		return m->pages + 8192;
	case PLACE_NULL:
		return NULL;
	case PLACE_KERNEL:
		return (unsigned char *)0xffff888000001000UL;
	case PLACE_NONCANON:
		return (unsigned char *)0x0123456789abc000UL;
	case PLACE_ARENA:
		return (unsigned char *)m->cells[x->who % SCRIBBLED];
	case PLACE_VOLATILE:
		return m->changing;
	case PLACE_ZEROS:
		return m->zeros;
	default:
		return m->pages;
	}
}

/* Put @size bytes there, as far as there is a place for them. */
void arg_fill(struct exec *x, uint64_t value, const void *from, size_t size)
{
	switch (value) {
	case PLACE_READONLY:
	case PLACE_VOLATILE:
		memcpy(x->mem.alias, from, size);
		break;
	case PLACE_UNMAPPED:
	case PLACE_NULL:
	case PLACE_KERNEL:
	case PLACE_NONCANON:
		break;
	case PLACE_STRADDLE:
		memcpy(arg_place(x, value, size), from, size / 2 / 4 * 4);
		break;
	default:
		memcpy(arg_place(x, value, size), from, size);
	}
}
