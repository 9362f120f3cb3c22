// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "abi.h"
#include "reader.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define AT(verb, member) offsetof(struct ksync_##verb, member)
#define COMMAND(NAME, verb)						\
	.name = #NAME,							\
	.cmd = KSYNC_IOC_##NAME,					\
	.size = sizeof(struct ksync_##verb)

static const struct command commands[] = {
	{ COMMAND(INFO, info), .has_out = true },
	{ COMMAND(CREATE, create),
	  .flags = AT(create, flags),
	  .valid = KSYNC_MUTEX_STRICT | KSYNC_MUTEX_RECURSIVE |
		KSYNC_MUTEX_PROTECT },
	{ COMMAND(DESTROY, destroy),
	  .has_out = true, .pad = AT(destroy, pad) },
	{ COMMAND(ATTACH, attach),
	  .has_out = true, .flags = AT(attach, flags),
	  .valid = KSYNC_ATTACH_SLOT | KSYNC_ATTACH_CEILING,
	  .pad = AT(attach, slot) },
	{ COMMAND(NAME, name), .id = AT(name, id) },
	{ COMMAND(QUERY, query),
	  .has_out = true, .pad = AT(query, pad), .id = AT(query, id) },
	{ COMMAND(LOCK, lock),
	  .flags = AT(lock, flags),
	  .valid = KSYNC_WAIT_TRY | KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME,
	  .id = AT(lock, id), .kind = KSYNC_KIND_MUTEX,
	  .thread = AT(lock, thread), .deadline = AT(lock, deadline) },
	{ COMMAND(UNLOCK, unlock),
	  .flags = AT(unlock, flags),
	  .id = AT(unlock, id), .kind = KSYNC_KIND_MUTEX,
	  .thread = AT(unlock, thread) },
	{ COMMAND(LOCK, lock),
	  .flags = AT(lock, flags),
	  .valid = KSYNC_WAIT_TRY | KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME |
		   KSYNC_LOCK_READ,
	  .id = AT(lock, id), .kind = KSYNC_KIND_RWLOCK,
	  .thread = AT(lock, thread), .deadline = AT(lock, deadline) },
	{ COMMAND(UNLOCK, unlock),
	  .flags = AT(unlock, flags), .valid = KSYNC_LOCK_READ,
	  .id = AT(unlock, id), .kind = KSYNC_KIND_RWLOCK,
	  .thread = AT(unlock, thread) },
	{ COMMAND(WAIT, wait),
	  .ok = -EAGAIN, .flags = AT(wait, flags),
	  .valid = KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME,
	  .pad = AT(wait, pad), .id = AT(wait, id), .kind = KSYNC_KIND_WAITQ,
	  .deadline = AT(wait, deadline) },
	{ COMMAND(WAKE, wake),
	  .has_out = true, .pad = AT(wake, pad), .id = AT(wake, id),
	  .kind = KSYNC_KIND_WAITQ },
	{ COMMAND(REQUEUE, requeue),
	  .has_out = true, .flags = AT(requeue, flags), .valid = KSYNC_REQUEUE_CMP,
	  .pad = AT(requeue, pad), .id = AT(requeue, from),
	  .id2 = AT(requeue, to), .kind = KSYNC_KIND_WAITQ },
	{ COMMAND(CEILING, ceiling),
	  .has_out = true, .id = AT(ceiling, id), .kind = KSYNC_KIND_MUTEX },
	{ COMMAND(SETTLE, settle), .thread = AT(settle, thread) },
	{ COMMAND(ACQUIRE, acquire),
	  .flags = AT(acquire, flags),
	  .valid = KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME,
	  .pad = AT(acquire, pad), .id = AT(acquire, id), .kind = KSYNC_KIND_SEM,
	  .deadline = AT(acquire, deadline) },
	{ COMMAND(RELEASE, release),
	  .has_out = true, .flags = AT(release, flags), .valid = KSYNC_RELEASE_PULSE,
	  .pad = AT(release, pad), .id = AT(release, id), .kind = KSYNC_KIND_EVENT },
	{ COMMAND(COND_WAIT, cond_wait),
	  .has_out = true, .flags = AT(cond_wait, flags),
	  .valid = KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME,
	  .pad = AT(cond_wait, pad), .id = AT(cond_wait, id),
	  .kind = KSYNC_KIND_COND, .mutex = AT(cond_wait, mutex),
	  .thread = AT(cond_wait, thread), .deadline = AT(cond_wait, deadline) },
	{ COMMAND(COND_SIGNAL, cond_signal),
	  .has_out = true, .id = AT(cond_signal, id), .kind = KSYNC_KIND_COND },
	{ COMMAND(MANY, many),
	  .has_out = true, .flags = AT(many, flags),
	  .valid = KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME | KSYNC_MANY_ALL,
	  .deadline = AT(many, deadline) },
	{ COMMAND(FD, fd),
	  .has_out = true, .flags = AT(fd, flags), .pad = AT(fd, pad),
	  .id = AT(fd, id) },
};

const struct command *abi_next(const struct command *c, size_t field)
{
	for (c = c ? c + 1 : commands; c < commands + ARRAY_SIZE(commands); c++)
		if (*(const uint32_t *)((const char *)c + field))
			return c;
	return NULL;
}

int abi_open(struct abi *abi)
{
	struct ksync_attach attach = {
		.size = sizeof(attach),
		.flags = KSYNC_ATTACH_CEILING,
	};
	int bad;

	abi->fd = raw_open();
	bad = raw_create(abi->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_PROTECT, &abi->mutex) ||
		raw_create(abi->fd, KSYNC_KIND_RWLOCK, 0, &abi->rwlock) ||
		raw_create(abi->fd, KSYNC_KIND_COND, 0, &abi->cond) ||
		raw_create(abi->fd, KSYNC_KIND_WAITQ, 0, &abi->waitq[0]) ||
		raw_create(abi->fd, KSYNC_KIND_WAITQ, 0, &abi->waitq[1]) ||
		raw_create(abi->fd, KSYNC_KIND_SEM, 0, &abi->sem) ||
		raw_create(abi->fd, KSYNC_KIND_EVENT, 0, &abi->event) ||
		raw_ioctl(abi->fd, KSYNC_IOC_ATTACH, &attach) ||
		raw_attach_slot(abi->fd, &abi->slot);
	abi->handle = attach.thread;
	abi->cells = raw_map(abi->fd, 64);
	return bad || !abi->cells ? -1 : 0;
}

void abi_put(struct abi *abi, size_t offset, uint32_t value)
{
	memcpy(abi->arg.bytes + offset, &value, sizeof(value));
}

uint32_t abi_object(const struct abi *abi, uint32_t kind)
{
	switch (kind) {
	case KSYNC_KIND_SEM:
		return abi->sem;
	case KSYNC_KIND_EVENT:
		return abi->event;
	case KSYNC_KIND_WAITQ:
		return abi->waitq[0];
	case KSYNC_KIND_RWLOCK:
		return abi->rwlock;
	case KSYNC_KIND_COND:
		return abi->cond;
	default:
		return abi->mutex;
	}
}

/* What it needs besides objects and an identity, so that the answer is c->ok. */
static void fill_rest(struct abi *abi, const struct command *c)
{
	struct argument *arg = &abi->arg;

	switch (c->cmd) {
	case KSYNC_IOC_CREATE:
		arg->create.kind = KSYNC_KIND_MUTEX;
		arg->create.count = 1;
		arg->create.ids = (uintptr_t)abi->ids;
		break;
	case KSYNC_IOC_DESTROY:
		raw_create(abi->fd, KSYNC_KIND_MUTEX, 0, abi->ids);
		arg->destroy.count = 1;
		arg->destroy.ids = (uintptr_t)abi->ids;
		break;
	case KSYNC_IOC_LOCK:
		abi->cells[abi_object(abi, c->kind)].word = 0;
		memset(&abi->cells[abi->slot], 0, sizeof(*abi->cells));
		break;
	case KSYNC_IOC_UNLOCK:
		abi->cells[abi_object(abi, c->kind)].word = abi->handle;
		memset(&abi->cells[abi->slot], 0, sizeof(*abi->cells));
		break;
	case KSYNC_IOC_WAIT:
		arg->wait.expected = 1;
		arg->wait.bitset = KSYNC_BITSET_ALL;
		break;
	case KSYNC_IOC_WAKE:
		arg->wake.bitset = KSYNC_BITSET_ALL;
		break;
	case KSYNC_IOC_ACQUIRE:
		abi->cells[abi->sem].word = 1;
		break;
	case KSYNC_IOC_RELEASE:
		arg->release.count = 1;
		break;
	case KSYNC_IOC_MANY:
		abi->cells[abi->sem].word = 1;
		abi->item = (struct ksync_item){ .id = abi->sem };
		arg->many.items = (uintptr_t)&abi->item;
		arg->many.count = 1;
		break;
	case KSYNC_IOC_COND_WAIT:
		arg->cond_wait.phase = KSYNC_COND_RELOCK;
		abi->cells[abi->mutex].word = 0;
		break;
	}
}

void abi_fill(struct abi *abi, const struct command *c)
{
	memset(&abi->arg, 0, sizeof(abi->arg));
	abi->arg.size = c->size;
	if (c->id)
		abi_put(abi, c->id, abi_object(abi, c->kind));
	if (c->id2)
		abi_put(abi, c->id2, abi->waitq[1]);
	if (c->mutex)
		abi_put(abi, c->mutex, abi->mutex);
	if (c->thread)
		abi_put(abi, c->thread, abi->handle);
	fill_rest(abi, c);
}
