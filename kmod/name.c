// SPDX-License-Identifier: GPL-2.0
/*
 * Names of objects, for traces and reports.
 */
#include <linux/slab.h>

#include "core.h"

struct ksync_label {
	struct rcu_head rcu;
	char name[KSYNC_NAME_LEN];
};

static void label_free(struct ksync_label *label)
{
	if (label)
		kfree_rcu(label, rcu);
}

/** ksync_name_set() - KSYNC_IOC_NAME */
int ksync_name_set(struct ksync_domain *d, struct ksync_name *arg)
{
	struct ksync_label *label = NULL, *old;
	struct ksync_object obj;
	int ret;

	if (strnlen(arg->name, KSYNC_NAME_LEN) == KSYNC_NAME_LEN)
		return -EINVAL;
	if (arg->name[0]) {
		label = kzalloc(sizeof(*label), GFP_KERNEL_ACCOUNT);
		if (!label)
			return -ENOMEM;
		strscpy_pad(label->name, arg->name, KSYNC_NAME_LEN);
	}

	mutex_lock(&d->lock);
	ret = ksync_object_find(d, arg->id, &obj);
	if (!ret) {
		old = xa_store(&d->names, arg->id, label, GFP_KERNEL_ACCOUNT);
		ret = xa_err(old);
	}
	mutex_unlock(&d->lock);
	label_free(ret ? label : old);
	return ret;
}

/** ksync_name_drop() - the object is gone, its name too */
void ksync_name_drop(struct ksync_domain *d, u32 id)
{
	label_free(xa_erase(&d->names, id));
}

void ksync_name_drop_all(struct ksync_domain *d)
{
	struct ksync_label *label;
	unsigned long id;

	xa_for_each(&d->names, id, label)
		label_free(label);
	xa_destroy(&d->names);
}

/**
 * ksync_name_find() - the name that an object was given, any context
 * @obj: object
 * @name: KSYNC_NAME_LEN bytes, all written; empty without a name
 *
 * Return: whether it has one.
 */
bool ksync_name_find(const struct ksync_object *obj, char *name)
{
	struct ksync_label *label;

	memset(name, 0, KSYNC_NAME_LEN);
	rcu_read_lock();
	label = xa_load(&obj->domain->names, obj->id);
	if (label)
		strscpy(name, label->name, KSYNC_NAME_LEN);
	rcu_read_unlock();
	return label;
}

/**
 * ksync_name_get() - what to call an object, any context
 * @obj: object
 * @name: KSYNC_NAME_LEN bytes, all written; "kind:id" without a name
 */
void ksync_name_get(const struct ksync_object *obj, char *name)
{
	if (!ksync_name_find(obj, name))
		snprintf(name, KSYNC_NAME_LEN, "%s:%u", obj->ops->name, obj->id);
}
