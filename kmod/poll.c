// SPDX-License-Identifier: GPL-2.0
/*
 * Objects as file descriptors: what select, poll, epoll and io_uring see.
 *
 * A descriptor is of one object, for as long as that exists, and knows what the
 * word of a waitq or cond is compared with.  It keeps the domain; the domain does
 * not know of it.
 *
 * Being ready is no promise: it says that a try would have succeeded just then.
 * How pollers get to know of changes is told in hub.c.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>

#include "hub.h"
#include "poll.h"
#include "queue.h"
#include "rwlock.h"

#define READABLE	(EPOLLIN | EPOLLRDNORM)
#define WRITABLE	(EPOLLOUT | EPOLLWRNORM)

/**
 * struct ksync_polled - a descriptor of an object
 * @hub: of the object
 * @domain: the open file
 * @expected: waitq, cond: it is ready when the word differs
 */
struct ksync_polled {
	struct ksync_hub *hub;
	struct file *domain;
	u32 expected;
};

static bool compares(const struct ksync_object *obj)
{
	return obj->ops->ready && !obj->ops->release;
}

/* A writer's try fails while readers wait: see rwlock_take(). */
static __poll_t lock_events(const struct ksync_object *obj)
{
	const struct ksync_state *st;

	switch (ksync_word_verdict(obj, 0)) {
	case 0:
	case -EOWNERDEAD:
		break;
	case -ENOTRECOVERABLE:
	case -EUCLEAN:
		return READABLE | EPOLLERR;
	default:
		return 0;
	}
	if (obj->ops->kind != KSYNC_KIND_RWLOCK)
		return READABLE;
	st = ksync_state_find(ksync_bucket(obj->domain, obj->id), obj->domain, obj->id);
	return READABLE | (st && ksync_waiter_top_reader(st) ? 0 : WRITABLE);
}

/* Under the bucket lock. */
static __poll_t events(const struct ksync_polled *p)
{
	const struct ksync_object *obj = &p->hub->obj;

	if (p->hub->dead)
		return EPOLLHUP;
	if (obj->ops->owned)
		return lock_events(obj);
	if (compares(obj))
		return obj->ops->ready(obj, READ_ONCE(p->expected)) ? READABLE : 0;
	return ksync_queue_left(obj) ? READABLE : 0;
}

/*
 * Readers that leave come here once the word has WAITERS: they are looked at after
 * that was set.
 */
static __poll_t without_readers(const struct ksync_object *obj, __poll_t mask)
{
	struct ksync_scan s = { .d = obj->domain, .id = obj->id };

	if (mask & EPOLLOUT && ksync_word_shared(obj) && ksync_slot_scan(&s))
		mask &= ~WRITABLE;
	return mask;
}

static __poll_t look(const struct ksync_polled *p)
{
	struct ksync_hub *hub = p->hub;
	struct ksync_bucket *b = ksync_bucket(hub->obj.domain, hub->obj.id);
	__poll_t mask;

	raw_spin_lock(&b->lock);
	if (!hub->dead && waitqueue_active(&hub->wq)) /* ourselves, or others */
		ksync_hub_arm(hub);
	mask = events(p);
	raw_spin_unlock(&b->lock);
	return without_readers(&hub->obj, mask);
}

static __poll_t polled_poll(struct file *file, poll_table *pt)
{
	const struct ksync_polled *p = file->private_data;

	poll_wait(file, &p->hub->wq, pt); /* [C] in hub.c */
	return look(p);
}

/**
 * ksync_poll_expect() - KSYNC_IOC_EXPECT
 * @p: the descriptor
 * @arg: the call
 *
 * Whoever has polled with the old value is told.
 */
int ksync_poll_expect(struct ksync_polled *p, struct ksync_expect *arg)
{
	__poll_t mask;

	if (!compares(&p->hub->obj))
		return -EINVAL;
	WRITE_ONCE(p->expected, arg->expected);
	mask = look(p);
	if (mask)
		ksync_hub_wake(p->hub, mask);
	return 0;
}

static int polled_release(struct inode *inode, struct file *file)
{
	struct ksync_polled *p = file->private_data;

	ksync_hub_close(p->hub);
	fput(p->domain);
	kfree(p);
	return 0;
}

static void polled_fdinfo(struct seq_file *m, struct file *file)
{
	const struct ksync_polled *p = file->private_data;
	const struct ksync_object *obj = &p->hub->obj;
	char name[KSYNC_NAME_LEN];

	seq_printf(m, "ksync-domain:\t%llu\n", obj->domain->serial);
	seq_printf(m, "ksync-id:\t%u\n", obj->id);
	seq_printf(m, "ksync-kind:\t%s\n", obj->ops->name);
	mutex_lock(&obj->domain->lock);
	if (p->hub->dead)
		strscpy(name, "(destroyed)", sizeof(name));
	else
		ksync_name_get(obj, name);
	mutex_unlock(&obj->domain->lock);
	seq_puts(m, "ksync-name:\t");
	seq_escape_str(m, name, ESCAPE_OCTAL | ESCAPE_NAP | ESCAPE_APPEND, "\\");
	seq_puts(m, "\n");
}

static const struct file_operations polled_fops = {
	.owner = THIS_MODULE,
	.poll = polled_poll,
	.release = polled_release,
	.unlocked_ioctl = ksync_door_polled_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = polled_fdinfo,
	.llseek = noop_llseek,
};

static struct file *polled_file(struct ksync_domain *d, const struct ksync_fd *arg)
{
	struct ksync_polled *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	struct file *file;

	if (!p)
		return ERR_PTR(-ENOMEM);
	p->expected = arg->expected;
	p->hub = ksync_hub_open(d, arg->id);
	if (IS_ERR(p->hub)) {
		file = ERR_CAST(p->hub);
		goto free_polled;
	}
	if (arg->expected && !compares(&p->hub->obj)) {
		file = ERR_PTR(-EINVAL);
		goto close_hub;
	}
	file = anon_inode_getfile("[ksync]", &polled_fops, p, O_RDWR);
	if (IS_ERR(file))
		goto close_hub;
	p->domain = get_file(d->file);
	return file;

close_hub:
	ksync_hub_close(p->hub);
free_polled:
	kfree(p);
	return file;
}

/** ksync_poll_fd() - KSYNC_IOC_FD; ksync_poll_fd_end() follows if this is 0 */
int ksync_poll_fd(struct ksync_domain *d, struct ksync_fd_call *c)
{
	int fd;

	if (c->arg.flags || c->arg.pad)
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	c->file = polled_file(d, &c->arg);
	if (IS_ERR(c->file)) {
		put_unused_fd(fd);
		return PTR_ERR(c->file);
	}
	c->arg.fd = fd;
	return 0;
}

/**
 * ksync_poll_fd_end() - the answer is out
 * @c: call
 * @ret: 0; or the caller does not know the descriptor, and never will
 */
void ksync_poll_fd_end(struct ksync_fd_call *c, int ret)
{
	if (!ret) {
		fd_install(c->arg.fd, c->file);
		return;
	}
	put_unused_fd(c->arg.fd);
	fput(c->file);
}
