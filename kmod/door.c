// SPDX-License-Identifier: GPL-2.0
/*
 * The door: decides whether a request is well-formed, and copies it in and out.
 *
 * No other file touches the argument of an ioctl in user memory.  (CREATE and
 * DESTROY copy the array of ids that theirs points to.)
 */
#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "ceiling.h"

union argument {
	u32 size;
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
	struct ksync_ceiling ceiling;
	struct ksync_settle settle;
	struct ksync_cond_wait cond_wait;
	struct ksync_cond_signal cond_signal;
	struct ksync_many many;
};

/**
 * struct command - one ioctl
 * @cmd: its number
 * @size: of the argument
 * @min_size: of the shortest that was ever valid
 * @out: it has out fields
 * @fn: what to do; called with the argument in kernel memory
 */
struct command {
	unsigned int cmd;
	u32 size;
	u32 min_size;
	bool out;
	int (*fn)(struct ksync_domain *d, void *arg);
};

/* A typed function for each type of argument. */
#define DOOR(verb, call)							\
static int door_##verb(struct ksync_domain *d, void *arg)			\
{										\
	return call(d, arg);							\
}

DOOR(info, ksync_inspect_info)
DOOR(create, ksync_domain_create)
DOOR(destroy, ksync_domain_destroy)
DOOR(attach, ksync_thread_attach)
DOOR(name, ksync_name_set)
DOOR(query, ksync_inspect_query)
DOOR(lock, ksync_lock)
DOOR(unlock, ksync_unlock)
DOOR(wait, ksync_waitq_wait)
DOOR(wake, ksync_waitq_wake)
DOOR(requeue, ksync_waitq_requeue)
DOOR(acquire, ksync_acquire)
DOOR(release, ksync_release)
DOOR(ceiling, ksync_ceiling_set)
DOOR(settle, ksync_ceiling_apply)
DOOR(cond_wait, ksync_cond_wait)
DOOR(cond_signal, ksync_cond_signal)
DOOR(many, ksync_many)

#define FIRST_NR _IOC_NR(KSYNC_IOC_INFO)

#define COMMAND(NAME, verb, last, has_out)					\
	[_IOC_NR(KSYNC_IOC_##NAME) - FIRST_NR] = {				\
		.cmd = KSYNC_IOC_##NAME,					\
		.size = sizeof(struct ksync_##verb),				\
		.min_size = offsetofend(struct ksync_##verb, last),		\
		.out = has_out,							\
		.fn = door_##verb,						\
	}

static const struct command commands[] = {
	COMMAND(INFO, info, max_chain, true),
	COMMAND(CREATE, create, ids, false),
	COMMAND(DESTROY, destroy, pad, true),
	COMMAND(ATTACH, attach, slot, true),
	COMMAND(NAME, name, name, false),
	COMMAND(QUERY, query, pad2, true),
	COMMAND(LOCK, lock, deadline, false),
	COMMAND(UNLOCK, unlock, flags, false),
	COMMAND(WAIT, wait, deadline, false),
	COMMAND(WAKE, wake, pad, true),
	COMMAND(REQUEUE, requeue, moved, true),
	COMMAND(ACQUIRE, acquire, deadline, false),
	COMMAND(RELEASE, release, pad, true),
	COMMAND(CEILING, ceiling, was, true),
	COMMAND(SETTLE, settle, thread, false),
	COMMAND(COND_WAIT, cond_wait, deadline, true),
	COMMAND(COND_SIGNAL, cond_signal, woken, true),
	COMMAND(MANY, many, index, true),
};

/** ksync_door_ioctl() - the only way in, beside mmap() and close() */
long ksync_door_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *uarg = (void __user *)arg;
	const unsigned int nr = _IOC_NR(cmd) - FIRST_NR;
	const struct command *c;
	union argument a;
	u32 size;
	int ret;

	if (nr >= ARRAY_SIZE(commands))
		return -ENOTTY;
	c = &commands[array_index_nospec(nr, ARRAY_SIZE(commands))];
	if (c->cmd != cmd)
		return -ENOTTY;
	if (get_user(size, (u32 __user *)uarg))
		return -EFAULT;
	if (size < c->min_size)
		return -EINVAL;
	ret = copy_struct_from_user(&a, c->size, uarg, size);
	if (ret)
		return ret;
	ret = c->fn(file->private_data, &a);
	if (c->out && copy_to_user(uarg, &a, min(size, c->size)))
		return -EFAULT;
	return ret;
}
