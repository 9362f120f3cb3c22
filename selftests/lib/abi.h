/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All commands of the device, and an argument for each that it accepts: what
 * tests deviate from in one point.
 */
#ifndef KSYNC_SELFTESTS_ABI_H
#define KSYNC_SELFTESTS_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "raw.h"

/* Room behind the argument. */
#define TAIL 64

struct argument {
	union {
		uint32_t size;
		struct ksync_info info;
		struct ksync_create create;
		struct ksync_destroy destroy;
		struct ksync_attach attach;
		struct ksync_name name;
		struct ksync_query query;
		struct ksync_lock lock;
		struct ksync_unlock unlock;
		struct ksync_wait wait;
		struct ksync_wake wake;
		struct ksync_requeue requeue;
		struct ksync_ceiling ceiling;
		struct ksync_settle settle;
		struct ksync_acquire acquire;
		struct ksync_release release;
		struct ksync_cond_wait cond_wait;
		struct ksync_cond_signal cond_signal;
		struct ksync_many many;
		struct ksync_fd fd;
		uint8_t bytes[sizeof(struct ksync_query)];
	};
	uint8_t tail[TAIL];
};

/**
 * struct abi - a domain with an object of each kind
 * @fd: the domain
 * @handle: the caller's, who has a ceiling cell
 * @mutex, @rwlock, @cond, @waitq, @sem, @event: objects; the mutex has a ceiling
 * @slot: the caller's slot cell
 * @ids: of what CREATE makes and DESTROY destroys
 * @item: what MANY waits for
 * @cells: the arena
 * @arg: the argument
 */
struct abi {
	int fd;
	uint32_t handle;
	uint32_t mutex;
	uint32_t rwlock;
	uint32_t cond;
	uint32_t waitq[2];
	uint32_t sem;
	uint32_t event;
	uint32_t slot;
	uint32_t ids[2];
	struct ksync_item item;
	struct ksync_cell *cells;
	struct argument arg;
};

/**
 * struct command - an ioctl, @name by name
 * @cmd: its number
 * @size: of its argument
 * @ok: what it returns to the argument that abi_fill() makes
 * @has_out: it writes to the argument
 * @flags, @pad, @id, @id2, @mutex, @thread, @deadline: where these are; 0 for none
 * @valid: the flags that there are
 * @kind: of the objects, if it wants a special one
 */
struct command {
	const char *name;
	unsigned long cmd;
	uint32_t size;
	int ok;
	bool has_out;
	uint32_t flags, pad, id, id2, mutex, thread, deadline, valid, kind;
};

/* The command after @c, or the first, where the field WITH(it) is not 0. */
#define WITH(field) offsetof(struct command, field)
const struct command *abi_next(const struct command *c, size_t field);

/* Set it up: 0 or -1. */
int abi_open(struct abi *abi);

/* Of this kind; the mutex for kinds that there is none of. */
uint32_t abi_object(const struct abi *abi, uint32_t kind);

/* Write a number to the argument. */
void abi_put(struct abi *abi, size_t offset, uint32_t value);

/* Make the argument that c->ok is the answer to, and what it needs. */
void abi_fill(struct abi *abi, const struct command *c);

#endif /* KSYNC_SELFTESTS_ABI_H */
