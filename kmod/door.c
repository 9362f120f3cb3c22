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
#include "poll.h"

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
	struct ksync_fd_call fd;
	struct ksync_expect expect;
};

/**
 * struct command - one ioctl
 * @cmd: its number
 * @size: of the argument
 * @min_size: of the shortest that was ever valid
 * @out: it has out fields
 * @fn: what to do; called with the argument in kernel memory
 * @end: after a success, and once the answer is out, or could not be written
 */
struct command {
	unsigned int cmd;
	u32 size;
	u32 min_size;
	bool out;
	int (*fn)(void *subject, void *arg);
	void (*end)(void *arg, int ret);
};

/* A typed function for each type of argument. */
#define DOOR(verb, call)							\
static int door_##verb(void *subject, void *arg)				\
{										\
	return call(subject, arg);						\
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
DOOR(fd, ksync_poll_fd)
DOOR(expect, ksync_poll_expect)

static void end_fd(void *arg, int ret)
{
	ksync_poll_fd_end(arg, ret);
}

#define FIRST_NR _IOC_NR(KSYNC_IOC_INFO)

#define COMMAND_OF(NAME, verb, last, has_out, ...)				\
	{									\
		.cmd = KSYNC_IOC_##NAME,					\
		.size = sizeof(struct ksync_##verb),				\
		.min_size = offsetofend(struct ksync_##verb, last),		\
		.out = has_out,							\
		.fn = door_##verb,						\
		__VA_ARGS__							\
	}

#define COMMAND(NAME, ...) \
	[_IOC_NR(KSYNC_IOC_##NAME) - FIRST_NR] = COMMAND_OF(NAME, __VA_ARGS__)

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
	COMMAND(FD, fd, pad, true, .end = end_fd),
};

/* Of an object's descriptor. */
static const struct command expect = COMMAND_OF(EXPECT, expect, expected, false);

/*
 * Hardened kernels look where in memory it is that is copied to, but for a size that is
 * known when this is compiled: that of the calls that are made often is.
 */
static int copy_in(union argument *a, u32 want, const void __user *uarg, u32 size)
{
	if (size != want)
		return copy_struct_from_user(a, want, uarg, size);
	switch (size) {
	case 16:
		return copy_from_user(a, uarg, 16) ? -EFAULT : 0;
	case 24:
		return copy_from_user(a, uarg, 24) ? -EFAULT : 0;
	case 32:
		return copy_from_user(a, uarg, 32) ? -EFAULT : 0;
	case 40:
		return copy_from_user(a, uarg, 40) ? -EFAULT : 0;
	default:
		return copy_from_user(a, uarg, size) ? -EFAULT : 0;
	}
}

/* Return: as copy_to_user(). */
static unsigned long copy_out(void __user *uarg, const union argument *a, u32 size)
{
	switch (size) {
	case 16:
		return copy_to_user(uarg, a, 16);
	case 24:
		return copy_to_user(uarg, a, 24);
	case 40:
		return copy_to_user(uarg, a, 40);
	default:
		return copy_to_user(uarg, a, size);
	}
}

static int run(const struct command *c, void *subject, void __user *uarg)
{
	union argument a __uninitialized; /* copied to from end to end */
	u32 size;
	int ret, done;

	if (get_user(size, (u32 __user *)uarg))
		return -EFAULT;
	if (size < c->min_size)
		return -EINVAL;
	/* The tail is looked through: that must have an end. */
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_in(&a, c->size, uarg, size);
	if (ret)
		return ret;
	done = c->fn(subject, &a);
	ret = done;
	if (c->out && copy_out(uarg, &a, min(size, c->size)))
		ret = -EFAULT;
	if (c->end && !done)
		c->end(&a, ret);
	return ret;
}

/** ksync_door_ioctl() - the only way in, beside mmap(), close() and what FD gives */
long ksync_door_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const unsigned int nr = _IOC_NR(cmd) - FIRST_NR;
	const struct command *c;

	if (nr >= ARRAY_SIZE(commands))
		return -ENOTTY;
	c = &commands[array_index_nospec(nr, ARRAY_SIZE(commands))];
	if (c->cmd != cmd)
		return -ENOTTY;
	return run(c, file->private_data, (void __user *)arg);
}

/** ksync_door_polled_ioctl() - that of an object's descriptor */
long ksync_door_polled_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd != expect.cmd)
		return -ENOTTY;
	return run(&expect, file->private_data, (void __user *)arg);
}
