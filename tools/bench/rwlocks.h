/* SPDX-License-Identifier: GPL-2.0 */
/* The candidates of rwlock.c, which rwlocks.c has. */
#ifndef KSYNC_BENCH_RWLOCKS_H
#define KSYNC_BENCH_RWLOCKS_H

#include <stdalign.h>
#include "bench.h"

/**
 * struct rwlock - a candidate
 * @name: in results
 * @natively: reading can be measured without the module
 * @init: before its first use
 * @enter: each thread, which is number @i, before it uses it; or NULL
 * @leave: each thread in the end; or NULL
 * @read: lock for reading
 * @read_unlock: after it
 * @write: lock for writing
 * @write_unlock: after it
 */
struct rwlock {
	const char *name;
	bool natively;
	void (*init)(void);
	void (*enter)(int i);
	void (*leave)(void);
	int (*read)(void);
	int (*read_unlock)(void);
	int (*write)(void);
	int (*write_unlock)(void);
};

/* What is read and written. */
struct pair {
	alignas(64) uint64_t a;
	alignas(64) uint64_t b;
};

/*
 * What readers see, and what the writer changes.  They are the same but for RCU,
 * whose writers change a copy and then show that.
 */
extern struct pair *shown, *drawn;

void reset_pairs(void);

/* NULL in the end. */
extern const struct rwlock *const rwlocks[];
extern const struct rwlock busted_rwlock;

#endif /* KSYNC_BENCH_RWLOCKS_H */
