// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Names of actors: a hash table of the process, with a lock for each bucket; and a list
 * of each actor's names, under its lock, by which they are found at its end.
 */
#include <stdlib.h>
#include <string.h>
#include "actor_internal.h"

#define BUCKETS	1024U

struct name {
	struct name *next;	/* in the bucket */
	struct name *sibling;	/* of the same actor */
	struct ksync_pid pid;
	uint32_t bucket;
	char name[];
};

static struct {
	uint32_t lock;
	struct name *first;
} buckets[BUCKETS];

/* FNV-1a (G. Fowler, L. C. Noll and K.-P. Vo, 1991). */
static uint32_t hash(const char *name)
{
	uint32_t h = 2166136261U;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619U;
	return (h ^ h >> 16) % BUCKETS;
}

/* The bucket is locked. */
static struct name **find(uint32_t bucket, const char *name)
{
	struct name **at = &buckets[bucket].first;

	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	return at;
}

static int insert(struct name *n)
{
	struct name **at;
	int ret = 0;

	lock(&buckets[n->bucket].lock);
	at = find(n->bucket, n->name);
	if (*at)
		ret = -EEXIST;
	else
		*at = n;
	unlock(&buckets[n->bucket].lock);
	return ret;
}

static int insert_here(struct name *n)
{
	struct actor *a = ksync_actor_lock(n->pid.id);
	int ret;

	if (!a)
		return -ESRCH;
	ret = insert(n);
	if (!ret) {
		n->sibling = a->names;
		a->names = n;
	}
	unlock(&a->lock);
	return ret;
}

EXPORT int ksync_actor_register(const char *name, struct ksync_pid pid)
{
	size_t len = strnlen(name, KSYNC_ACTOR_NAME_LEN);
	struct name *n;
	int ret;

	if (!len)
		return -EINVAL;
	if (len == KSYNC_ACTOR_NAME_LEN)
		return -ENAMETOOLONG;
	n = malloc(sizeof(*n) + len + 1);
	if (!n)
		return -ENOMEM;
	memcpy(n->name, name, len + 1);
	n->next = NULL;
	n->pid = pid;
	n->bucket = hash(name);
	ret = pid.node ? insert(n) : insert_here(n);
	if (ret)
		free(n);
	return ret;
}

EXPORT int ksync_actor_whereis(const char *name, struct ksync_pid *pid)
{
	uint32_t bucket = hash(name);
	struct name *n;

	*pid = local_pid(0);
	lock(&buckets[bucket].lock);
	n = *find(bucket, name);
	if (n)
		*pid = n->pid;
	unlock(&buckets[bucket].lock);
	return n ? 0 : -ENOENT;
}

/* Take it out of its bucket, if it is that of @pid. */
static struct name *take_out(const char *name, struct ksync_pid pid)
{
	uint32_t bucket = hash(name);
	struct name **at, *n;

	lock(&buckets[bucket].lock);
	at = find(bucket, name);
	n = *at;
	if (n && ksync_pid_equal(n->pid, pid))
		*at = n->next;
	else
		n = NULL;
	unlock(&buckets[bucket].lock);
	return n;
}

/* An actor of this node that ends at the same time gives it back by itself. */
static struct name *take_from(struct actor *a, const char *name, struct ksync_pid pid)
{
	struct name *n = take_out(name, pid), **at;

	if (n) {
		for (at = &a->names; *at != n; at = &(*at)->sibling)
			;
		*at = n->sibling;
	}
	return n;
}

EXPORT int ksync_actor_unregister(const char *name)
{
	struct name *n = NULL;
	struct ksync_pid pid;
	struct actor *a;
	int ret = ksync_actor_whereis(name, &pid);

	if (ret)
		return ret;
	if (pid.node) {
		n = take_out(name, pid);
	} else {
		a = ksync_actor_lock(pid.id);
		if (a) {
			n = take_from(a, name, pid);
			unlock(&a->lock);
		}
	}
	if (!n)
		return -ENOENT;
	free(n);
	return 0;
}

/** ksync_names_free() - those of an actor that has ended; nobody else takes them out */
void ksync_names_free(struct name *n)
{
	struct name *next, **at;

	for (; n; n = next) {
		next = n->sibling;
		lock(&buckets[n->bucket].lock);
		for (at = &buckets[n->bucket].first; *at != n; at = &(*at)->next)
			;
		*at = n->next;
		unlock(&buckets[n->bucket].lock);
		free(n);
	}
}
