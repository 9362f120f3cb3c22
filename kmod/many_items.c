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

/* Its item is there: a part like others. */
static int set_part(struct ksync_many_call *c, u32 i, struct ksync_waiter *w)
{
	struct ksync_part *p = c->parts[i];
	int ret = find(c, p);

	p->w = w;
	p->in = false;
	p->taken = false;
	p->hopeless = false;
	if (ret)
		c->arg->index = i;
	return ret;
}

/*
 * The items come in; and their results can go out.  All in one go: page faults are
 * possible in here, but no calls.
 */
static int copy_items(struct ksync_many_call *c)
{
	struct ksync_item __user *from = u64_to_user_ptr(c->arg->items);
	const u32 n = c->arg->count;
	struct ksync_item *item;
	u32 i;

	if (!user_access_begin(from, n * sizeof(*from)))
		return -EFAULT;
	for (i = 0; i < n; i++) {
		item = &c->parts[i]->item;
		unsafe_get_user(item->id, &from[i].id, fault);
		unsafe_get_user(item->flags, &from[i].flags, fault);
		unsafe_get_user(item->expected, &from[i].expected, fault);
		unsafe_put_user(0, &from[i].result, fault);
		item->result = 0;
	}
	user_access_end();
	return 0;

fault:
	user_access_end();
	return -EFAULT;
}

static int read_items(struct ksync_many_call *c)
{
	struct ksync_waiter *shared = NULL;
	int ret = copy_items(c);
	u32 i;

	if (c->arg->flags & KSYNC_MANY_ALL)
		shared = &c->parts[0]->own;
	for (i = 0; i < c->arg->count && !ret; i++)
		ret = set_part(c, i, shared ?: &c->parts[i]->own);
	return ret;
}

static int read_alert(struct ksync_many_call *c)
{
	const u32 n = c->arg->count;
	struct ksync_part *p = c->parts[n];
	u32 i;
	int ret;

	p->in = false;
	if (!(c->arg->flags & KSYNC_MANY_ALERT))
		return c->arg->alert ? -EINVAL : 0;
	p->item = (struct ksync_item){ .id = c->arg->alert };
	ret = set_part(c, n, &p->own);
	if (!ret && p->obj.ops->kind != KSYNC_KIND_EVENT)
		ret = -EINVAL;
	for (i = 0; i < n && !ret; i++)
		if (c->parts[i]->item.id == p->item.id)
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
