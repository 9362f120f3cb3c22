// SPDX-License-Identifier: GPL-2.0
/*
 * The items of a wait on many objects: how they come in, and their results go out.
 */
#include <linux/uaccess.h>

#include "many.h"

/* Those that mean something for this item. */
static u32 item_flags(const struct ksync_many_call *c, const struct ksync_part *p)
{
	u32 flags = 0;

	if (ksync_part_owned(p) && !(c->arg->flags & KSYNC_MANY_ALL))
		flags |= KSYNC_ITEM_WATCH;
	if (p->obj.ops->kind == KSYNC_KIND_RWLOCK)
		flags |= KSYNC_LOCK_READ;
	return flags;
}

static int find(struct ksync_many_call *c, struct ksync_part *p)
{
	int ret = ksync_object_find(c->domain, p->item.id, &p->obj);

	if (ret)
		return ret;
	if (p->item.flags && p->item.flags & ~item_flags(c, p))
		return -EINVAL;
	if (ksync_part_owned(p))
		c->locks = true;
	return 0;
}

/* An item becomes a part. */
static int set_part(struct ksync_many_call *c, u32 i, const struct ksync_item *item)
{
	const bool all = c->arg->flags & KSYNC_MANY_ALL && i < c->arg->count;
	struct ksync_part *p = c->parts[i];
	int ret;

	p->item = *item;
	p->item.result = 0;
	p->w = all ? &c->parts[0]->own : &p->own;
	p->in = false;
	p->taken = false;
	p->hopeless = false;
	ret = find(c, p);
	if (ret)
		c->arg->index = i;
	return ret;
}

/* Items that are copied in one go. */
#define READ_BATCH	16U

/* Can their results go out?  Nobody has been told of one yet. */
static int clear_results(struct ksync_item __user *to, u32 n)
{
	u32 i;

	if (!user_write_access_begin(to, n * sizeof(*to)))
		return -EFAULT;
	for (i = 0; i < n; i++)
		unsafe_put_user(0, &to[i].result, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

static noinline_for_stack int read_batch(struct ksync_many_call *c, u32 first, u32 n)
{
	struct ksync_item __user *from = u64_to_user_ptr(c->arg->items);
	struct ksync_item items[READ_BATCH] __uninitialized;
	int ret;
	u32 i;

	if (copy_from_user(items, from + first, n * sizeof(*items)))
		return -EFAULT;
	ret = clear_results(from + first, n);
	for (i = 0; i < n && !ret; i++)
		ret = set_part(c, first + i, &items[i]);
	return ret;
}

static int read_items(struct ksync_many_call *c)
{
	const u32 n = c->arg->count;
	int ret = 0;
	u32 i;

	for (i = 0; i < n && !ret; i += READ_BATCH)
		ret = read_batch(c, i, min(n - i, READ_BATCH));
	return ret;
}

static int read_alert(struct ksync_many_call *c)
{
	const struct ksync_item item = { .id = c->arg->alert };
	const u32 n = c->arg->count;
	struct ksync_part *p = c->parts[n];
	u32 i;
	int ret;

	p->in = false;
	if (!(c->arg->flags & KSYNC_MANY_ALERT))
		return c->arg->alert ? -EINVAL : 0;
	ret = set_part(c, n, &item);
	if (!ret && p->obj.ops->kind != KSYNC_KIND_EVENT)
		ret = -EINVAL;
	for (i = 0; i < n && !ret; i++)
		if (c->parts[i]->item.id == item.id)
			ret = -EINVAL;
	if (ret)
		c->arg->index = n;
	return ret;
}

/** ksync_many_read() - what the call is about; -EFAULT, -EINVAL, -EBADF */
int ksync_many_read(struct ksync_many_call *c)
{
	int ret = read_items(c);

	return ret ? ret : read_alert(c);
}

/** ksync_many_write() - the results that are not 0 */
void ksync_many_write(struct ksync_many_call *c)
{
	struct ksync_item __user *to = u64_to_user_ptr(c->arg->items);
	u32 i;

	/* It could be written before. Whoever unmaps it meanwhile is not told. */
	for (i = 0; i < c->arg->count; i++)
		if (c->parts[i]->item.result && put_user(c->parts[i]->item.result, &to[i].result))
			break;
}
