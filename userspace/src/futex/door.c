// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend's door: what comes in by ksync_call() in the module's place.
 * The same requests are well-formed.  Pointers are the caller's own: a bad one is
 * a SIGSEGV, where the module says EFAULT.
 */
#include <linux/ioctl.h>
#include "futex.h"

#define LONGEST	4096

union argument {
	struct ksync_info info;
	struct ksync_create create;
	struct ksync_destroy destroy;
	struct ksync_attach attach;
	struct ksync_name name;
	struct ksync_query query;
	struct ksync_lock lock;
	struct ksync_unlock unlock;
	struct ksync_wait wait;
	struct ksync_wake wake;
	struct ksync_requeue requeue;
	struct ksync_acquire acquire;
	struct ksync_release release;
	struct ksync_cond_wait cond_wait;
	struct ksync_cond_signal cond_signal;
	struct ksync_ceiling ceiling;
	struct ksync_settle settle;
	struct ksync_many many;
	struct ksync_fd fd;
};

/**
 * struct command - one request
 * @size: of its argument
 * @out: it has out fields
 * @fn: what to do
 */
struct command {
	uint32_t size;
	bool out;
	int (*fn)(struct ksync *d, union argument *a);
};

static int find_acquired(struct ksync *d, uint32_t id, struct object *o)
{
	const int ret = ksync_futex_object_find(d, id, o);

	if (ret)
		return ret;
	if (kind_of(o) == KSYNC_KIND_SEM || kind_of(o) == KSYNC_KIND_EVENT)
		return 0;
	return -EINVAL;
}

static int acquire(struct ksync *d, struct ksync_acquire *arg)
{
	struct object o;
	int ret;

	if (arg->flags & ~WAIT_FLAGS || arg->pad || !deadline_valid(arg->deadline))
		return -EINVAL;
	ret = find_acquired(d, arg->id, &o);
	if (ret)
		return ret;
	if (kind_of(&o) == KSYNC_KIND_SEM)
		return ksync_futex_sem_acquire(&o, arg);
	return ksync_futex_event_acquire(&o, arg);
}

static int release(struct ksync *d, struct ksync_release *arg)
{
	struct object o;
	int ret;

	if (!arg->count || arg->pad)
		return -EINVAL;
	ret = find_acquired(d, arg->id, &o);
	if (ret)
		return ret;
	if (kind_of(&o) == KSYNC_KIND_SEM)
		return ksync_futex_sem_release(&o, arg);
	return ksync_futex_event_release(&o, arg);
}

/* A typed function for each type of argument. */
#define DOOR(verb, call)							\
static int door_##verb(struct ksync *d, union argument *a)			\
{										\
	return call(d, (void *)a);						\
}

DOOR(info, ksync_futex_inspect_info)
DOOR(create, ksync_futex_object_create)
DOOR(destroy, ksync_futex_object_destroy)
DOOR(attach, ksync_futex_slot_attach)
DOOR(name, ksync_futex_object_name)
DOOR(query, ksync_futex_inspect_query)
DOOR(lock, ksync_futex_lock_lock)
DOOR(unlock, ksync_futex_lock_unlock)
DOOR(wait, ksync_futex_waitq_wait)
DOOR(wake, ksync_futex_waitq_wake)
DOOR(requeue, ksync_futex_waitq_requeue)
DOOR(acquire, acquire)
DOOR(release, release)
DOOR(cond_wait, ksync_futex_cond_wait)
DOOR(cond_signal, ksync_futex_cond_signal)

/* What futexes do not have. */
static int missing(struct ksync *d, union argument *a)
{
	(void)d;
	(void)a;
	return -EOPNOTSUPP;
}

#define FIRST_NR	_IOC_NR(KSYNC_IOC_INFO)

#define COMMAND(NAME, verb, has_out, call)					\
	[_IOC_NR(KSYNC_IOC_##NAME) - FIRST_NR] = {				\
		.size = sizeof(struct ksync_##verb),				\
		.out = has_out,							\
		.fn = call,							\
	}

static const struct command commands[] = {
	COMMAND(INFO, info, true, door_info),
	COMMAND(CREATE, create, false, door_create),
	COMMAND(DESTROY, destroy, true, door_destroy),
	COMMAND(ATTACH, attach, true, door_attach),
	COMMAND(NAME, name, false, door_name),
	COMMAND(QUERY, query, true, door_query),
	COMMAND(LOCK, lock, false, door_lock),
	COMMAND(UNLOCK, unlock, false, door_unlock),
	COMMAND(WAIT, wait, false, door_wait),
	COMMAND(WAKE, wake, true, door_wake),
	COMMAND(REQUEUE, requeue, true, door_requeue),
	COMMAND(ACQUIRE, acquire, false, door_acquire),
	COMMAND(RELEASE, release, true, door_release),
	COMMAND(COND_WAIT, cond_wait, true, door_cond_wait),
	COMMAND(COND_SIGNAL, cond_signal, true, door_cond_signal),
	COMMAND(CEILING, ceiling, false, missing),
	COMMAND(SETTLE, settle, false, missing),
	COMMAND(MANY, many, false, missing),
	COMMAND(FD, fd, false, missing),
};

/* A longer one is from a newer library, and may have no more in it than we know. */
static int copy_in(union argument *a, const struct command *c, const char *arg)
{
	uint32_t size, i;

	memcpy(&size, arg, sizeof(size));
	if (size < c->size)
		return -EINVAL;
	if (size > LONGEST)
		return -E2BIG;
	for (i = c->size; i < size; i++)
		if (arg[i])
			return -E2BIG;
	memcpy(a, arg, c->size);
	return 0;
}

/** ksync_futex_call() - do what the module would do */
int ksync_futex_call(struct ksync *d, unsigned long cmd, void *arg)
{
	const unsigned int nr = _IOC_NR(cmd) - FIRST_NR;
	const struct command *c;
	union argument a;
	int ret;

	if (nr >= ARRAY_SIZE(commands) ||
	    cmd != _IO(KSYNC_IOC_MAGIC, nr + FIRST_NR))
		return -ENOTTY;
	c = &commands[nr];
	ret = copy_in(&a, c, arg);
	if (ret)
		return ret;
	ret = c->fn(d, &a);
	if (c->out)
		memcpy(arg, &a, c->size);
	return ret;
}
