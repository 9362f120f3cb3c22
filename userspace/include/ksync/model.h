/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What the library builds on objects of the module's kinds: barriers and
 * latches on waitqs, onces on mutexes.  Their state is in the part of the
 * object's cell that is the user's.
 * Programs use the models' own headers instead.
 */
#ifndef KSYNC_MODEL_H
#define KSYNC_MODEL_H

#include <ksync/object.h>

enum ksync_model_ {
	KSYNC_MODEL_NONE_ = 0,
	KSYNC_MODEL_BARRIER_ = 1,
	KSYNC_MODEL_LATCH_ = 2,
	KSYNC_MODEL_ONCE_ = 3
};

/**
 * struct ksync_model_cell_ - a cell, as the models see it
 * @word: of the kind
 * @waiters: of the kind
 * @attr: of the kind
 * @depth: of the kind
 * @reserved: of the kind
 * @state: barrier: cycle << 32 | how many have arrived in it
 * @left: barrier: how many have left, of all cycles, modulo 2^32
 * @count: barrier: how many make a cycle
 * @done: once: not 0 once the initializer has returned
 * @died: once: not 0 after an initializer died, until another one has ended
 * @unused: zero
 * @model: enum ksync_model_
 */
struct __attribute__((may_alias)) ksync_model_cell_ {
	uint32_t word;
	uint32_t waiters;
	uint32_t attr;
	uint32_t depth;
	uint32_t reserved[4];
	uint64_t state;
	uint32_t left;
	uint32_t count;
	uint32_t done;
	uint32_t died;
	uint32_t unused;
	uint32_t model;
};

static inline struct ksync_model_cell_ *
ksync_model_cell_of_(const struct ksync_object *o)
{
	return (struct ksync_model_cell_ *)o->cell;
}

#endif /* KSYNC_MODEL_H */
