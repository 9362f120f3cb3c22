// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Local variables of tasks: the table of keys is the process's, the values are each
 * task's, made when it first sets one.
 *
 * A key that is deleted and given out again has another number of use: values that were
 * set before are not seen by it.
 */
#include <stdlib.h>
#include "internal.h"

#define ROUNDS	4	/* as PTHREAD_DESTRUCTOR_ITERATIONS */

struct value {
	uint64_t use;
	void *value;
};

static uint32_t keys_lock;
static struct {
	uint64_t use;	/* odd: it is in use */
	void (*destroy)(void *value);
} keys[KSYNC_LOCAL_MAX];

EXPORT int ksync_local_create(uint32_t *key, void (*destroy)(void *value))
{
	uint32_t i;
	int ret = -EAGAIN;

	lock(&keys_lock);
	for (i = 0; i < KSYNC_LOCAL_MAX && ret; i++) {
		if (keys[i].use % 2)
			continue;
		store(&keys[i].destroy, destroy);
		store_release(&keys[i].use, keys[i].use + 1);
		*key = i;
		ret = 0;
	}
	unlock(&keys_lock);
	return ret;
}

EXPORT int ksync_local_delete(uint32_t key)
{
	int ret = -EINVAL;

	lock(&keys_lock);
	if (key < KSYNC_LOCAL_MAX && keys[key].use % 2) {
		store_release(&keys[key].use, keys[key].use + 1);
		ret = 0;
	}
	unlock(&keys_lock);
	return ret;
}

EXPORT void *ksync_local_get(uint32_t key)
{
	struct ksync_task *t = ksync_self_waiter();
	struct value *values = t ? t->locals : NULL;

	if (!values || key >= KSYNC_LOCAL_MAX ||
	    values[key].use != load_acquire(&keys[key].use))
		return NULL;
	return values[key].value;
}

EXPORT int ksync_local_set(uint32_t key, void *value)
{
	struct ksync_task *t = ksync_self_waiter();
	struct value *values;
	uint64_t use;

	if (key >= KSYNC_LOCAL_MAX)
		return -EINVAL;
	use = load_acquire(&keys[key].use);
	if (use % 2 == 0)
		return -EINVAL;
	if (!t)
		return -ENOMEM;
	if (!t->locals)
		t->locals = calloc(KSYNC_LOCAL_MAX, sizeof(struct value));
	values = t->locals;
	if (!values)
		return -ENOMEM;
	values[key].use = use;
	values[key].value = value;
	return 0;
}

/* Return: was there anything to destroy? */
static bool destroy_round(struct value *values)
{
	void (*destroy)(void *value);
	bool any = false;
	void *value;
	uint32_t i;

	for (i = 0; i < KSYNC_LOCAL_MAX; i++) {
		value = values[i].value;
		if (!value || values[i].use != load_acquire(&keys[i].use))
			continue;
		destroy = load(&keys[i].destroy);
		values[i].value = NULL;
		if (destroy) {
			destroy(value);
			any = true;
		}
	}
	return any;
}

/** ksync_locals_destroy() - the task, or thread, is about to end */
void ksync_locals_destroy(struct ksync_task *t)
{
	int i;

	if (!t->locals)
		return;
	for (i = 0; i < ROUNDS && destroy_round(t->locals); i++)
		;
	free(t->locals);
	t->locals = NULL;
}
