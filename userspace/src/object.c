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

	ret = ksync_ioctl(d->fd, KSYNC_IOC_CREATE, &arg);
	return ret ? ret : bind(o, d, id, kind | flags << 8);
}

/* Kind and flags come from the module: anybody may overwrite the cell. */
int ksync_object_open(struct ksync_object *o, struct ksync *d, uint32_t kind,
		      uint32_t id)
{
	struct ksync_query arg = { .size = sizeof(arg), .id = id };
	int ret;

	ret = ksync_ioctl(d->fd, KSYNC_IOC_QUERY, &arg);
	if (ret)
		return ret;
	if (arg.kind != kind)
		return -EINVAL;
	return bind(o, d, id, kind | arg.flags << 8);
}

int ksync_object_destroy(struct ksync_object *o)
{
	struct ksync_destroy arg = {
		.size = sizeof(arg),
		.count = 1,
		.ids = (uintptr_t)&o->id,
	};
	int ret;

	if (ksync_object_stale(o))
		return -EBADF;
	ret = ksync_ioctl(o->domain->fd, KSYNC_IOC_DESTROY, &arg);
	if (!ret)
		o->serial = KSYNC_SERIAL_STALE_;
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
	return ksync_ioctl(o->domain->fd, KSYNC_IOC_NAME, &arg);
}

KSYNC_EXPORT int ksync_object_query_sized_(struct ksync_object *o,
					   struct ksync_query *out)
{
	if (ksync_object_stale(o))
		return -EBADF;
	out->id = o->id;
	return ksync_ioctl(o->domain->fd, KSYNC_IOC_QUERY, out);
}
