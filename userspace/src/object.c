// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Objects of all kinds: making, finding, naming and ending them. */
#include "internal.h"

static int bind(struct ksync_object *o, struct ksync *d, uint32_t id,
		uint32_t attr)
{
	if ((uint64_t)id * KSYNC_CELL_SIZE >= d->arena_size)
		return -EPROTO;
	*o = (struct ksync_object){
		.cell = &d->cells[id],
		.serial = d->serial,
		.domain = d,
		.id = id,
		.attr = attr,
	};
	if (ksync_protects(o))
		o->serial |= KSYNC_SERIAL_SLOW;
	return 0;
}

int ksync_object_create(struct ksync_object *o, struct ksync *d, uint32_t kind,
			uint32_t flags)
{
	uint32_t id;
	struct ksync_create arg = {
		.size = sizeof(arg),
		.kind = kind,
		.flags = flags,
		.count = 1,
		.ids = (uintptr_t)&id,
	};
	int ret;

	ret = ksync_call_(d, KSYNC_IOC_CREATE, &arg);
	return ret ? ret : bind(o, d, id, kind | flags << 8);
}

/* Kind and flags come from the module: anybody may overwrite the cell. */
int ksync_object_open(struct ksync_object *o, struct ksync *d, uint32_t kind,
		      uint32_t id)
{
	struct ksync_query arg = { .size = sizeof(arg), .id = id };
	int ret;

	ret = ksync_call_(d, KSYNC_IOC_QUERY, &arg);
	if (ret)
		return ret;
	if (arg.kind != kind)
		return -EINVAL;
	return bind(o, d, id, kind | arg.flags << 8);
}

int ksync_object_destroy(struct ksync_object *o)
{
	return ksync_objects_destroy_(o, 1, NULL);
}

static int ids_destroy(struct ksync *d, const uint32_t *ids, uint32_t n, uint32_t *done)
{
	struct ksync_destroy arg = {
		.size = sizeof(arg),
		.count = n,
		.ids = (uintptr_t)ids,
	};
	int ret;

	ret = ksync_call_(d, KSYNC_IOC_DESTROY, &arg);
	*done = arg.done;
	return ret;
}

static uint32_t id_at(const void *ids, uint32_t i)
{
	uint32_t id;

	memcpy(&id, (const char *)ids + i * sizeof(id), sizeof(id));
	return id;
}

/* Is there one that lies behind what is mapped? */
static bool out_of_arena(const struct ksync *d, const void *ids, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if ((uint64_t)id_at(ids, i) * KSYNC_CELL_SIZE >= d->arena_size)
			return true;
	return false;
}

/*
 * The ids come to where the objects are to be, packed at the front, and are
 * unpacked from behind: object i covers ids from 16 i on, which are read by then.
 */
static int batch_create(struct ksync_object *o, uint32_t n, struct ksync *d,
			uint32_t kind, uint32_t flags)
{
	struct ksync_create arg = {
		.size = sizeof(arg),
		.kind = kind,
		.flags = flags,
		.count = n,
		.ids = (uintptr_t)o,
	};
	uint32_t done;
	int ret;

	ret = ksync_call_(d, KSYNC_IOC_CREATE, &arg);
	if (ret)
		return ret;
	if (out_of_arena(d, o, n)) {
		ids_destroy(d, (const uint32_t *)o, n, &done);
		return -EPROTO;
	}
	while (n--)
		bind(&o[n], d, id_at(o, n), kind | flags << 8);
	return 0;
}

KSYNC_EXPORT int ksync_objects_create_(struct ksync_object *o, size_t n,
				       struct ksync *d, uint32_t kind, uint32_t flags)
{
	size_t done = 0, batch;
	int ret;

	if (kind == KSYNC_KIND_MUTEX && flags & KSYNC_MUTEX_PROTECT)
		return -EINVAL;
	while (done < n) {
		batch = n - done < KSYNC_BATCH_MAX ? n - done : KSYNC_BATCH_MAX;
		ret = batch_create(o + done, batch, d, kind, flags);
		if (ret) {
			ksync_objects_destroy_(o, done, NULL);
			return ret;
		}
		done += batch;
	}
	return 0;
}

#define DESTROY_BATCH	256

/* As many as one call can take; less than that many before an error. */
static size_t batch_destroy(struct ksync_object *o, size_t n, int *ret)
{
	uint32_t ids[DESTROY_BATCH], i, done = 0;

	for (i = 0; i < n && i < DESTROY_BATCH; i++) {
		if (ksync_object_stale(&o[i]) || o[i].domain != o->domain)
			break;
		ids[i] = o[i].id;
	}
	*ret = i ? ids_destroy(o->domain, ids, i, &done) : -EBADF;
	for (i = 0; i < done; i++)
		o[i].serial = KSYNC_SERIAL_STALE_;
	return done;
}

KSYNC_EXPORT int ksync_objects_destroy_(struct ksync_object *o, size_t n, size_t *done)
{
	size_t gone = 0;
	int ret = 0;

	while (gone < n && !ret)
		gone += batch_destroy(o + gone, n - gone, &ret);
	if (done)
		*done = gone;
	return ret;
}

KSYNC_EXPORT int ksync_object_name(struct ksync_object *o, const char *name)
{
	struct ksync_name arg = { .size = sizeof(arg), .id = o->id };
	size_t len = strlen(name);

	if (len >= sizeof(arg.name))
		return -ENAMETOOLONG;
	if (ksync_object_stale(o))
		return -EBADF;
	memcpy(arg.name, name, len);
	return ksync_call_(o->domain, KSYNC_IOC_NAME, &arg);
}

KSYNC_EXPORT int ksync_object_query_sized_(struct ksync_object *o,
					   struct ksync_query *out)
{
	if (ksync_object_stale(o))
		return -EBADF;
	out->id = o->id;
	return ksync_call_(o->domain, KSYNC_IOC_QUERY, out);
}
