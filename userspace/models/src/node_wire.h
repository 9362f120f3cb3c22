/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What two nodes tell each other: frames, of a head that is always as long, a name and
 * data.  Numbers are little-endian.
 *
 *	 0 length of name and data	 4 kind		 5 flags	 6 length of name
 *	 8 to				16 from		24 ref
 *	32 tag				36 reason
 *
 * Actors are named by the ids that they have where they live: @to is of the node that gets
 * the frame, @from of the one that sent it, unless WIRE_YOURS says otherwise.  0 is nobody.
 *
 * What comes in is an enemy's: ksync_wire_unpack() lets through what is of some kind, has
 * what a frame of that kind must have, and nothing that it must not; the rest looks at no
 * frame that this has refused.
 */
#ifndef KSYNC_MODELS_NODE_WIRE_H
#define KSYNC_MODELS_NODE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_HEAD	40U
#define WIRE_MAGIC	0x6b736e64U
#define WIRE_VERSION	1

enum wire_kind {
	WIRE_HELLO = 1,		/* first, once.  tag: WIRE_MAGIC; reason: WIRE_VERSION; */
				/* to, from: number and incarnation of whom it is sent to */
	WIRE_SEND,		/* a message, to an id or a name */
	WIRE_MONITOR,
	WIRE_DEMONITOR,
	WIRE_DOWN,
	WIRE_LINK,
	WIRE_UNLINK,
	WIRE_EXIT,
	WIRE_WHEREIS,		/* ref: of the question */
	WIRE_IS,		/* the answer; from: the actor, or nobody */
	WIRE_KINDS,
};

#define WIRE_YOURS	1U	/* SEND: from is of the node that gets the frame */
#define WIRE_CALL	2U	/* SEND: an answer is wanted */
#define WIRE_REPLY	4U	/* SEND: it is one */
#define WIRE_LINKED	8U	/* EXIT: for they were linked */

/**
 * struct wire - a frame
 * @name: of @name_len bytes, not terminated; @size bytes of @data follow it
 */
struct wire {
	uint32_t kind;
	uint32_t flags;
	uint64_t to;
	uint64_t from;
	uint64_t ref;
	uint32_t tag;
	int reason;
	uint32_t name_len;
	uint32_t size;
	const char *name;
	const void *data;
};

void ksync_wire_pack(unsigned char *head, const struct wire *w);
int ksync_wire_unpack(struct wire *w, const unsigned char *head, size_t max);

#endif /* KSYNC_MODELS_NODE_WIRE_H */
