// SPDX-License-Identifier: GPL-2.0
/*
 * Domains: one open of the device, and the objects in it.
 *
 * Their cells are shared with users, who write whatever they like into them at
 * any time.  Nothing here reads that back.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "arena.h"
#include "ceiling.h"
#include "hub.h"
#include "kinds.h"
#include "many.h"
#include "uring.h"

/* All that are open, by their serial numbers. */
static DEFINE_XARRAY_FLAGS(domains, XA_FLAGS_ACCOUNT);

/** ksync_ops_of() - what works on objects of a kind; NULL if nothing here does */
const struct ksync_ops *ksync_ops_of(u32 kind)
{
	if (kind >= ARRAY_SIZE(ksync_kinds))
		return NULL;
	return ksync_kinds[array_index_nospec(kind, ARRAY_SIZE(ksync_kinds))];
}

/* Whatever is in use of the cells: 0, or -EBADF. */
static int cell_find(struct ksync_domain *d, u32 id, struct ksync_object *obj)
{
	obj->tag_at = ksync_arena_find(&d->arena, id, &obj->cell);
	if (!obj->tag_at)
		return -EBADF;
	obj->tag = READ_ONCE(*obj->tag_at);
	if (!obj->tag)
		return -EBADF;

	obj->domain = d;
	obj->id = id;
	obj->ops = ksync_ops_of(KSYNC_TAG_KIND(obj->tag));
	return 0;
}

/**
 * ksync_object_find() - look an object up
 * @d: domain
 * @id: its number
 * @obj: filled in
 *
 * What is found may be destroyed at once: whoever goes on to change the object
 * asks ksync_object_stale() under the bucket lock.
 *
 * Return: 0, or -EBADF if there is no such object. A thread's own cell is none.
 */
int ksync_object_find(struct ksync_domain *d, u32 id, struct ksync_object *obj)
{
	int ret = cell_find(d, id, obj);

	/* Nothing works on threads' own cells. */
	return ret || obj->ops ? ret : -EBADF;
}

/**
 * ksync_object_next() - the first object with a number of at least @id
 * @d: domain
 * @id: where to begin
 * @obj: filled in, as by ksync_object_find()
 *
 * May sleep.  Return: whether there is one.
 */
bool ksync_object_next(struct ksync_domain *d, u32 id, struct ksync_object *obj)
{
	u32 page = id / KSYNC_CELLS_PER_PAGE;
	struct ksync_cell *cells;
	u8 *tag;

	while (ksync_arena_made(&d->arena, &page)) {
		id = max(id, page * KSYNC_CELLS_PER_PAGE);
		tag = ksync_arena_find(&d->arena, id, &cells);
		for (; id / KSYNC_CELLS_PER_PAGE == page; id++, tag++)
			if (READ_ONCE(*tag) && !ksync_object_find(d, id, obj))
				return true;
		page++;
		cond_resched();
	}
	return false;
}

/* How many pages of cells there may be. */
static u32 pages_allowed(void)
{
	return DIV_ROUND_UP(READ_ONCE(ksync_max_objects), KSYNC_CELLS_PER_PAGE);
}

/*
 * Give a kind to cells of one page, to @want at most.  What the module makes for
 * itself does not count as an object.  Return: how many; or an error.
 */
static int cells_take(struct ksync_domain *d, u8 tag, u32 *ids, u32 want)
{
	int n;

	lockdep_assert_held(&d->lock);
	n = ksync_arena_take(&d->arena, pages_allowed(), tag, ids, want);
	if (n > 0)
		d->objects += n;
	return n;
}

static void cell_release(struct ksync_domain *d, const struct ksync_object *obj)
{
	lockdep_assert_held(&d->lock);
	ksync_arena_release(&d->arena, obj->id, obj->cell, obj->tag_at);
	d->objects--;
}

static int object_destroy(struct ksync_domain *d, u32 id)
{
	struct ksync_bucket *b = ksync_bucket(d, id);
	struct ksync_hub *hub = NULL;
	struct ksync_object obj;
	bool busy;

	lockdep_assert_held(&d->lock);
	if (ksync_object_find(d, id, &obj))
		return -EBADF;
	raw_spin_lock(&b->lock);
	busy = ksync_state_find(b, d, id) || ksync_state_find_drain(b, d, id) ||
	       ksync_state_watched(&obj);
	if (!busy) {
		WRITE_ONCE(*obj.tag_at, 0);
		hub = ksync_hub_kill(&obj);
	}
	raw_spin_unlock(&b->lock);
	if (busy)
		return -EBUSY;

	/* Both are written under the domain's lock. */
	if (!xa_empty(&d->names))
		ksync_name_drop(d, id);
	if (!xa_empty(&d->ceilings))
		ksync_ceiling_drop(d, id);
	cell_release(d, &obj);
	ksync_hub_killed(hub);
	return 0;
}

/**
 * ksync_domain_slot_create() - a cell for a thread's own use
 * @d: domain
 * @id: set
 * @cell: set
 *
 * Return: 0; -ENOSPC: the domain's limit is reached; -ENOMEM.
 */
int ksync_domain_slot_create(struct ksync_domain *d, u32 *id,
			     struct ksync_cell **cell)
{
	struct ksync_object obj;
	int ret = -ENOSPC;

	mutex_lock(&d->lock);
	if (d->objects < READ_ONCE(ksync_max_objects))
		ret = cells_take(d, KSYNC_TAG(KSYNC_KIND_SLOT, 0), id, 1);
	if (ret > 0) {
		ret = 0;
		d->slot_cells++;
		cell_find(d, *id, &obj);
		/* Its entries are all there is of it. */
		ksync_cell_clear(obj.cell);
		*cell = obj.cell;
	}
	mutex_unlock(&d->lock);
	return ret;
}

/** ksync_domain_slot_destroy() - its thread is dead, or the domain goes */
void ksync_domain_slot_destroy(struct ksync_domain *d, u32 id)
{
	struct ksync_object obj;

	mutex_lock(&d->lock);
	if (!cell_find(d, id, &obj)) {
		WRITE_ONCE(*obj.tag_at, 0);
		cell_release(d, &obj);
		d->slot_cells--;
	}
	mutex_unlock(&d->lock);
}

/** ksync_domain_objects() - how many, as users count */
u32 ksync_domain_objects(struct ksync_domain *d)
{
	u32 n;

	mutex_lock(&d->lock);
	n = d->objects - d->slot_cells;
	mutex_unlock(&d->lock);
	return n;
}

static u32 destroy_all(struct ksync_domain *d, const u32 *ids, u32 count, int *ret)
{
	u32 done = 0;

	mutex_lock(&d->lock);
	while (done < count) {
		*ret = object_destroy(d, ids[done]);
		if (*ret)
			break;
		if (++done % KSYNC_CELLS_PER_PAGE == 0)
			cond_resched();
	}
	mutex_unlock(&d->lock);
	return done;
}

static int create_all(struct ksync_domain *d, u8 tag, u32 *ids, u32 count)
{
	u32 done = 0;
	int ret = 0;

	mutex_lock(&d->lock);
	if (count > ksync_max_objects || d->objects > ksync_max_objects - count)
		ret = -ENOSPC;
	while (done < count && ret >= 0) {
		ret = cells_take(d, tag, ids + done, count - done);
		if (ret > 0)
			done += ret;
		cond_resched();
	}
	mutex_unlock(&d->lock);
	if (ret >= 0)
		return 0;
	if (done) {
		int ignored;

		destroy_all(d, ids, done, &ignored);
	}
	return ret;
}

/** ksync_domain_create() - KSYNC_IOC_CREATE */
int ksync_domain_create(struct ksync_domain *d, struct ksync_create *arg)
{
	const struct ksync_ops *ops = ksync_ops_of(arg->kind);
	u32 __user *to = u64_to_user_ptr(arg->ids);
	u32 *ids;
	int ret;

	if (!ops)
		return -EOPNOTSUPP;
	if (arg->flags & ~ops->flags || !arg->count || arg->count > KSYNC_BATCH_MAX)
		return -EINVAL;
	ids = kvmalloc_array(arg->count, sizeof(*ids), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!ids)
		return -ENOMEM;

	ret = create_all(d, KSYNC_TAG(arg->kind, arg->flags), ids, arg->count);
	if (!ret && copy_to_user(to, ids, arg->count * sizeof(*ids))) {
		destroy_all(d, ids, arg->count, &ret);
		ret = -EFAULT;
	}
	kvfree(ids);
	return ret;
}

/** ksync_domain_destroy() - KSYNC_IOC_DESTROY */
int ksync_domain_destroy(struct ksync_domain *d, struct ksync_destroy *arg)
{
	const u32 __user *from = u64_to_user_ptr(arg->ids);
	u32 *ids;
	int ret = 0;

	if (arg->pad || !arg->count || arg->count > KSYNC_BATCH_MAX)
		return -EINVAL;
	ids = kvmalloc_array(arg->count, sizeof(*ids), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!ids)
		return -ENOMEM;
	if (copy_from_user(ids, from, arg->count * sizeof(*ids)))
		ret = -EFAULT;
	else
		arg->done = destroy_all(d, ids, arg->count, &ret);
	kvfree(ids);
	return ret;
}

/* A word that names a thread which is gone becomes one without an owner. */
static void sweep_cell(struct ksync_domain *d, struct ksync_cell *cell)
{
	u32 v = READ_ONCE(cell->word), holder;

	do {
		holder = v & KSYNC_OWNER;
		if (!holder || holder > KSYNC_HANDLE_MAX)
			return;
		if (ksync_thread_find(d, holder))
			return;
	} while (!try_cmpxchg(&cell->word, &v, (v & ~KSYNC_OWNER) | KSYNC_OWNER_DIED));
}

static void sweep_page(struct ksync_domain *d, struct ksync_cell *cells, const u8 *tags)
{
	const struct ksync_ops *ops;
	unsigned int i;

	for (i = 0; i < KSYNC_CELLS_PER_PAGE; i++) {
		ops = ksync_ops_of(KSYNC_TAG_KIND(READ_ONCE(tags[i])));
		if (!ops || !ops->owned)
			continue;
		rcu_read_lock();
		sweep_cell(d, cells + i);
		rcu_read_unlock();
	}
}

/**
 * ksync_domain_sweep() - forget the numbers of dead threads in all words
 * @d: domain; attach_lock is held, so that no number is given out meanwhile
 */
void ksync_domain_sweep(struct ksync_domain *d)
{
	struct ksync_cell *cells;
	u32 page;
	u8 *tags;

	for (page = 0; ksync_arena_made(&d->arena, &page); page++) {
		tags = ksync_arena_find(&d->arena, page * KSYNC_CELLS_PER_PAGE, &cells);
		sweep_page(d, cells, tags);
		cond_resched();
	}
}

/* Nobody waits in the domain, and no walk that began while somebody did goes on. */
static void domain_free(struct work_struct *work)
{
	struct ksync_domain *d = container_of(to_rcu_work(work), struct ksync_domain, release);

	ksync_name_drop_all(d);
	ksync_arena_free(&d->arena);
	xa_destroy(&d->ceilings);
	xa_destroy(&d->slots);
	put_pid(d->opener);
	xa_destroy(&d->hubs);
	kfree(d);
}

/**
 * ksync_domain_get() - the open domain with the least serial number not below @serial
 * @serial: number
 *
 * Return: it, with a reference, or NULL.  It may be closed at any moment, and
 * then has no thread, no name and no object that anybody can reach.
 */
struct ksync_domain *ksync_domain_get(u64 serial)
{
	unsigned long index = serial;
	struct ksync_domain *d;

	rcu_read_lock();
	d = xa_find(&domains, &index, ULONG_MAX, XA_PRESENT);
	while (d && !refcount_inc_not_zero(&d->refs))
		d = xa_find_after(&domains, &index, ULONG_MAX, XA_PRESENT);
	rcu_read_unlock();
	return d;
}

/** ksync_domain_put() - any context; the last one frees it */
void ksync_domain_put(struct ksync_domain *d)
{
	if (refcount_dec_and_test(&d->refs))
		queue_rcu_work(ksync_wq, &d->release);
}

/*
 * What is in xarrays is charged for by the flag: what they allocate with their lock
 * held, which is nearly all, does not see the gfp mask of the call.
 */
static int domain_open(struct inode *inode, struct file *file)
{
	static atomic64_t serials;
	struct ksync_domain *d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!d)
		return -ENOMEM;
	refcount_set(&d->refs, 1);
	get_task_comm(d->opener_comm, current->group_leader);
	d->serial = atomic64_inc_return(&serials);
	mutex_init(&d->lock);
	ksync_arena_init(&d->arena);
	xa_init_flags(&d->names, XA_FLAGS_ACCOUNT);
	xa_init_flags(&d->ceilings, XA_FLAGS_ACCOUNT);
	xa_init_flags(&d->handles, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&d->attaches);
	xa_init_flags(&d->slots, XA_FLAGS_ACCOUNT);
	xa_init_flags(&d->hubs, XA_FLAGS_ACCOUNT);
	raw_spin_lock_init(&d->many_lock);
	ksync_uring_open(d);
	ksync_many_open(d);
	INIT_RCU_WORK(&d->release, domain_free);
	d->file = file;
	/* From here on it is seen. */
	d->opener = get_pid(task_tgid(current));
	ret = xa_insert(&domains, d->serial, d, GFP_KERNEL_ACCOUNT);
	if (ret) {
		put_pid(d->opener);
		kfree(d);
		return ret;
	}
	file->private_data = d;
	return stream_open(inode, file);
}

/* The last descriptor and the last mapping are gone: nobody waits, nor comes. */
static int domain_release(struct inode *inode, struct file *file)
{
	struct ksync_domain *d = file->private_data;

	xa_erase(&domains, d->serial);
	ksync_uring_release(d);
	ksync_many_release(d);
	ksync_thread_detach_all(d);
	ksync_domain_put(d);
	return 0;
}

static vm_fault_t arena_fault(struct vm_fault *vmf)
{
	struct ksync_domain *d = vmf->vma->vm_private_data;
	struct ksync_cell *cells;

	if (vmf->pgoff >= pages_allowed())
		return VM_FAULT_SIGBUS;
	cells = ksync_arena_page(&d->arena, vmf->pgoff);
	if (!cells)
		return VM_FAULT_OOM;
	vmf->page = virt_to_page(cells);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct arena_vm_ops = {
	.fault = arena_fault,
};

static int domain_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	ksync_vma_set_flags(vma, VM_DONTEXPAND | VM_DONTDUMP, VM_MAYEXEC);
	vma->vm_private_data = file->private_data;
	vma->vm_ops = &arena_vm_ops;
	return 0;
}

const struct file_operations ksync_fops = {
	.owner = THIS_MODULE,
	.open = domain_open,
	.release = domain_release,
	.unlocked_ioctl = ksync_door_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = domain_mmap,
	.show_fdinfo = ksync_inspect_fdinfo,
	.uring_cmd = ksync_uring_cmd,
};
