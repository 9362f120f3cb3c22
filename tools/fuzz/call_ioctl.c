// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls: their structures made from a program's arguments, and put where the
 * program wants them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "fuzz.h"

#define POISON	0x5a
#define TAIL	16	/* behind the structure; must not change */
#define ITEMS_MAX	KSYNC_MANY_MAX

/**
 * struct request - one ioctl on its way
 * @image: what is put into memory
 * @size: of the structure
 * @count: its field of that name
 * @array: what it points to
 * @domain: slot
 */
struct request {
	unsigned char image[512];
	size_t size;
	uint32_t count;
	unsigned char *array;
	unsigned int domain;
};

static unsigned char *array_place(struct exec *x, uint32_t mode, size_t bytes)
{
	switch (mode) {
	case 0:
	case PLACE_PLAIN + 1:
		return x->mem.array + ARRAY_SIZE_MAX - (bytes < ARRAY_SIZE_MAX ? bytes :
							ARRAY_SIZE_MAX);
	case PLACE_CROSS:
	case PLACE_ODD:
		return x->mem.array + mode;
	case PLACE_STRADDLE:
		return x->mem.array + ARRAY_SIZE_MAX - 4;
	default:
		return arg_place(x, mode, 64);
	}
}

static void fill_items(struct exec *x, struct request *r, uint64_t *rng)
{
	const struct arg id = { "id", ARG_ID, 0xfe, NOWHERE };
	struct ksync_item item[ITEMS_MAX];
	uint32_t i, n = r->count < ITEMS_MAX ? r->count : ITEMS_MAX;

	for (i = 0; i < n; i++) {
		item[i].id = arg_id(x, r->domain, arg_random(&id, rng));
		item[i].flags = one_in(rng, 8) ? KSYNC_LOCK_READ : one_in(rng, 64);
		if (one_in(rng, 8))
			item[i].flags |= KSYNC_ITEM_WATCH;
		item[i].expected = dice(rng) % 3;
		item[i].result = 0x5a5a5a5a;
	}
	if (r->array >= x->mem.array && r->array < x->mem.array + ARRAY_SIZE_MAX)
		memcpy(r->array, item, n * sizeof(*item) <=
		       (size_t)(x->mem.array + ARRAY_SIZE_MAX - r->array) ?
		       n * sizeof(*item) : 0);
	else if (r->array == (unsigned char *)x->mem.cells[x->who % SCRIBBLED])
		memcpy(r->array, item, n * sizeof(*item));
	else if (r->array == x->mem.changing)
		memcpy(x->mem.alias, item, n * sizeof(*item));
}

static void fill_ids(struct exec *x, struct request *r, uint64_t *rng)
{
	const struct arg id = { "id", ARG_ID, 0xfe, NOWHERE };
	uint32_t i, n = r->count < 8 ? r->count : 8, value;

	for (i = 0; i < n; i++) {
		value = arg_id(x, r->domain, arg_random(&id, rng));
		if (r->array + 4 * i + 4 <= x->mem.array + ARRAY_SIZE_MAX &&
		    r->array >= x->mem.array)
			memcpy(r->array + 4 * i, &value, 4);
	}
}

static uint64_t array_of(struct exec *x, struct request *r, const struct arg *arg, uint64_t value)
{
	const size_t width = arg->type == ARG_ITEMS ? sizeof(struct ksync_item) : 4;
	uint64_t rng = value;

	x->shape = x->shape * 31 + (uint32_t)value;
	r->array = array_place(x, (uint32_t)value, r->count * width);
	if (arg->type == ARG_ITEMS)
		fill_items(x, r, &rng);
	else if (arg->type == ARG_IDS_IN)
		fill_ids(x, r, &rng);
	return (uintptr_t)r->array;
}

/* @value as the kernel is to see it. */
static uint64_t field(struct exec *x, struct request *r, const struct arg *arg, uint64_t value)
{
	switch (arg->type) {
	case ARG_ID:
		if (!(uint32_t)value)
			x->shape = x->shape * 31 + (value >> 40);
		else
			x->shape = x->shape * 31 + (uint32_t)value * 7;
		x->gist = x->gist * 31 + (value >> 40) + (uint32_t)value * 7;
		return arg_id(x, r->domain, value);
	case ARG_THREAD:
		x->shape = x->shape * 31 + (uint32_t)value;
		return arg_thread(x, r->domain, value);
	case ARG_FLAGS:
		x->shape = x->shape * 31 + (value & arg->par) + !!(value & ~(uint64_t)arg->par);
		x->gist = x->gist * 31 + (value & arg->par);
		return value;
	case ARG_DEADLINE:
		/* A time of day, if taken for one since boot, is far away. */
		if ((uint32_t)value != UNTIL_MONOTONIC)
			atomic_store_explicit(&x->seat->free, 1, memory_order_relaxed);
		return arg_deadline(value);
	case ARG_PAD:
		x->shape = x->shape * 31 + !!value;
		return value;
	case ARG_COUNT:
		r->count = value;
		return value;
	case ARG_IDS_OUT:
	case ARG_IDS_IN:
	case ARG_ITEMS:
		return array_of(x, r, arg, value);
	default:
		return value;
	}
}

static size_t width_of(const struct arg *arg)
{
	switch (arg->type) {
	case ARG_DEADLINE:
	case ARG_IDS_OUT:
	case ARG_IDS_IN:
	case ARG_ITEMS:
		return 8;
	default:
		return 4;
	}
}

static void put_field(struct exec *x, struct request *r, const struct arg *arg, uint64_t value)
{
	char name[KSYNC_NAME_LEN];
	uint64_t v;

	if (arg->type == ARG_NAME) {
		memset(name, 0, sizeof(name));
		if (value % 16 == 0)
			memset(name, 'x', sizeof(name));
		else if (value % 4)
			snprintf(name, sizeof(name), "n%c%c%x", (char)(value >> 8),
				 (char)(value >> 16), (unsigned int)value);
		memcpy(r->image + arg->at, name, sizeof(name));
		return;
	}
	v = field(x, r, arg, value);
	memcpy(r->image + arg->at, &v, width_of(arg));
}

static void build(struct exec *x, const struct op *op, const uint64_t *a, struct request *r)
{
	const uint32_t said = arg_size(a[2], op->size);
	unsigned int i;

	memset(r->image, POISON, sizeof(r->image));
	if (a[2] % 9 != 2)
		memset(r->image + op->size, 0, TAIL);
	memcpy(r->image, &said, sizeof(said));
	r->domain = a[0];
	r->size = op->size;
	r->count = 0;
	for (i = 3; i < op->nr_args; i++)
		put_field(x, r, &op->args[i], a[i]);
	/* They go on without a deadline, whatever the structure says. */
	if (a[1] == PLACE_ARENA || a[1] == PLACE_VOLATILE || op->cmd == KSYNC_IOC_COND_WAIT)
		atomic_store_explicit(&x->seat->free, 1, memory_order_relaxed);
	x->shape = (x->shape * 31 + a[1]) * 31 + a[2];
}

static void pool_add(struct pool *pool, uint32_t kind, uint32_t id, uint64_t where)
{
	if (kind < KINDS)
		pool->id[kind][where % POOL] = id;
}

static void created(struct exec *x, const struct op *op, struct request *r)
{
	struct ksync_create arg;
	struct pool *pool = pool_of(x, r->domain);
	uint32_t i, id;

	memcpy(&arg, r->image, sizeof(arg));
	if (r->array < x->mem.array || r->array >= x->mem.array + ARRAY_SIZE_MAX)
		return;
	for (i = 0; i < arg.count; i++) {
		memcpy(&id, r->array + 4 * i, 4);
		if (id >= 1 << 24)
			finding(PROPERTY_LEAK, 0xc0000 + (uint32_t)(op - ops), x->program,
				"create gives the id 0x%x", id);
		if (i < POOL)
			pool_add(pool, arg.kind, id, dice(&x->rng));
	}
}

static void destroyed(struct exec *x, struct request *r)
{
	struct pool *pool = pool_of(x, r->domain);
	uint32_t id;

	if (!r->count || r->array < x->mem.array || r->array >= x->mem.array + ARRAY_SIZE_MAX - 4)
		return;
	memcpy(&id, r->array, 4);
	pool->stale[dice(&x->rng) % POOL] = id;
}

static void attached(struct exec *x, const struct request *r)
{
	struct ksync_attach arg;

	memcpy(&arg, r->image, sizeof(arg));
	if (r->domain >= DOMAINS)
		return;
	x->handle[r->domain] = arg.thread;
	if (arg.flags)
		x->cell[r->domain] = arg.slot;
	if (r->domain < SHARED_DOMAINS)
		sh->handle[r->domain][x->who] = arg.thread;
}

static void opened(struct exec *x, const struct request *r)
{
	const unsigned int slot = POLLED_FIRST + dice(&x->rng) % POLLED;
	struct ksync_fd arg;

	memcpy(&arg, r->image, sizeof(arg));
	exec_close(x, slot);
	x->fd[slot] = arg.fd;
}

/* Remember what was got. */
static void note(struct exec *x, const struct op *op, struct request *r)
{
	switch (op->cmd) {
	case KSYNC_IOC_CREATE:
		created(x, op, r);
		break;
	case KSYNC_IOC_DESTROY:
		destroyed(x, r);
		break;
	case KSYNC_IOC_ATTACH:
		attached(x, r);
		break;
	case KSYNC_IOC_FD:
		opened(x, r);
		break;
	}
}

long call_ioctl(struct exec *x, const struct op *op, const uint64_t *a)
{
	unsigned char before[sizeof(((struct request *)0)->image)];
	unsigned char *p;
	struct request r;
	size_t size;
	long ret;

	build(x, op, a, &r);
	size = a[1] == PLACE_END && a[2] % 9 == 0 ? r.size : r.size + TAIL;
	p = arg_place(x, a[1], size);
	arg_fill(x, a[1], r.image, size);
	memcpy(before, r.image, size);
	ret = SYS(x, SYS_ioctl, x->fd[a[0] % SLOTS], op->cmd, (long)p);
	if (a[1] >= PLACE_FIRST_BAD)
		return ret;
	memcpy(r.image, p, size);
	expect_outs(x, op, before, r.image, size, ret);
	if (!ret)
		note(x, op, &r);
	return ret;
}

/* A command that is none, or nearly one of ours, or one of a file's. */
long call_wild(struct exec *x, const struct op *op, const uint64_t *a)
{
	static const unsigned int others[] = {
		FIONBIO, FIOASYNC, FIONREAD, FIOQSIZE, FIOCLEX, FIONCLEX, 0, 0xffffffff,
	};
	unsigned int cmd = _IOC(a[3] % 4, 'K', 0x7e + a[1] % 32, a[3] / 4 % 3 * 16);
	uint64_t image[8];
	unsigned int i;

	(void)op;
	if (a[1] % 8 == 7)
		cmd = others[a[1] / 8 % 8];
	for (i = 0; i < 8; i++)
		image[i] = a[3] % 16 ? a[3] * i : 0;
	/* Not what others and we can tell apart no more. */
	if (cmd == KSYNC_IOC_FD || cmd == KSYNC_IOC_CREATE)
		return 0;
	/* Else reading from a socket may wait for ever. */
	if (cmd == FIONBIO && a[0] % SLOTS >= SOCKET_FIRST)
		return 0;
	atomic_store_explicit(&x->seat->free, 1, memory_order_relaxed);
	arg_fill(x, a[2], image, sizeof(image));
	x->shape = cmd;
	return SYS(x, SYS_ioctl, x->fd[a[0] % SLOTS], cmd,
		   (long)arg_place(x, a[2], sizeof(image)));
}
