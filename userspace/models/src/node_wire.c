// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Heads of frames, written and read: see node_wire.h. */
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <ksync/actor.h>
#include "node_wire.h"

/* The parts of a frame. */
#define TO	1U
#define FROM	2U
#define REF	4U
#define TAG	8U
#define REASON	16U
#define NAME	32U
#define DATA	64U

/* What a frame of each kind has: must have, and may have. */
static const struct rule {
	uint32_t must;
	uint32_t may;
	uint32_t flags;
} rules[WIRE_KINDS] = {
	[WIRE_HELLO] = { TO | FROM | TAG | REASON, 0, 0 },
	[WIRE_SEND] = { 0, TO | FROM | REF | TAG | NAME | DATA,
			WIRE_YOURS | WIRE_CALL | WIRE_REPLY },
	[WIRE_MONITOR] = { TO | FROM | REF, 0, 0 },
	[WIRE_DEMONITOR] = { TO | FROM | REF, 0, 0 },
	[WIRE_DOWN] = { TO | FROM | REF, REASON, 0 },
	[WIRE_LINK] = { TO | FROM, 0, 0 },
	[WIRE_UNLINK] = { TO | FROM, 0, 0 },
	[WIRE_EXIT] = { TO, FROM | REASON, WIRE_LINKED },
	[WIRE_WHEREIS] = { REF | NAME, 0, 0 },
	[WIRE_IS] = { REF, FROM, 0 },
};

static void put32(unsigned char *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

static void put64(unsigned char *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
}

static uint32_t get32(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static uint64_t get64(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

/** ksync_wire_pack() - write the head of a frame, WIRE_HEAD bytes */
void ksync_wire_pack(unsigned char *head, const struct wire *w)
{
	put32(head, w->name_len + w->size);
	head[4] = w->kind;
	head[5] = w->flags;
	head[6] = w->name_len;
	head[7] = 0;
	put64(head + 8, w->to);
	put64(head + 16, w->from);
	put64(head + 24, w->ref);
	put32(head + 32, w->tag);
	put32(head + 36, w->reason);
}

static uint32_t parts(const struct wire *w)
{
	return (w->to ? TO : 0) | (w->from ? FROM : 0) | (w->ref ? REF : 0) |
	       (w->tag ? TAG : 0) | (w->reason ? REASON : 0) | (w->name_len ? NAME : 0) |
	       (w->size ? DATA : 0);
}

/* To an id or a name; calls and answers to an id, and with a ref, which nothing else has. */
static bool is_message(const struct wire *w, uint32_t has)
{
	const uint32_t kind = w->flags & (WIRE_CALL | WIRE_REPLY);

	if (w->tag >= KSYNC_TAG_RESERVED || !(has & TO) == !(has & NAME))
		return false;
	if (!kind || kind == (WIRE_CALL | WIRE_REPLY))
		return !kind && !(has & REF);
	return has & TO && has & REF;
}

static bool by_the_rules(const struct wire *w)
{
	const struct rule *r = &rules[w->kind];
	const uint32_t has = parts(w);

	if ((has & r->must) != r->must || has & ~(r->must | r->may) || w->flags & ~r->flags)
		return false;
	if (w->flags & ~WIRE_REPLY && !(has & FROM))
		return false;
	switch (w->kind) {
	case WIRE_HELLO:
		return w->tag == WIRE_MAGIC && w->to <= UINT32_MAX && w->from <= UINT32_MAX;
	case WIRE_SEND:
		return is_message(w, has);
	}
	return true;
}

/**
 * ksync_wire_unpack() - read the head of a frame
 * @w: set, but for @name and @data, which are the next name_len + size bytes
 * @head: WIRE_HEAD bytes
 * @max: so many bytes may the data have
 *
 * Return: 0; -EPROTO, -EMSGSIZE; -EPROTONOSUPPORT: another version.
 */
int ksync_wire_unpack(struct wire *w, const unsigned char *head, size_t max)
{
	const uint32_t length = get32(head);

	memset(w, 0, sizeof(*w));
	w->kind = head[4];
	w->flags = head[5];
	w->name_len = head[6];
	w->to = get64(head + 8);
	w->from = get64(head + 16);
	w->ref = get64(head + 24);
	w->tag = get32(head + 32);
	w->reason = get32(head + 36);
	if (!w->kind || w->kind >= WIRE_KINDS || head[7] ||
	    w->name_len >= KSYNC_ACTOR_NAME_LEN || length < w->name_len)
		return -EPROTO;
	w->size = length - w->name_len;
	if (w->size > max)
		return -EMSGSIZE;
	if (!by_the_rules(w))
		return -EPROTO;
	return w->kind == WIRE_HELLO && w->reason != WIRE_VERSION ? -EPROTONOSUPPORT : 0;
}
