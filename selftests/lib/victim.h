/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A victim: another user's program in another domain, which works while somebody
 * attacks.  Its operations are timed; none may fail.
 */
#ifndef KSYNC_SELFTESTS_VICTIM_H
#define KSYNC_SELFTESTS_VICTIM_H

#include <stdint.h>

#define VICTIM_SAMPLES	65536

struct victim;

/* What it does again and again. */
enum victim_work {
	VICTIM_HANDOVER,	/* a strict mutex goes to and fro between two tasks */
	VICTIM_CALLS,		/* LOCK, UNLOCK, RELEASE, ACQUIRE without waiting */
	VICTIM_ATTACH,		/* a domain is opened, attached to, and closed */
	VICTIM_WORKS
};

extern const char *const victim_work_names[VICTIM_WORKS];

/* Start it; NULL if it cannot. */
struct victim *victim_start(enum victim_work work);

/* How often it did that. */
uint64_t victim_done(const struct victim *v);

/* Does it work still? 0, once it has done that again; -ETIMEDOUT. */
int victim_await(const struct victim *v);

/* Stop it; 0 if all of its operations succeeded, else the first error. */
int victim_stop(struct victim *v);

/* After it was stopped, in ns. */
uint64_t victim_median(struct victim *v);
uint64_t victim_longest(const struct victim *v);
void victim_free(struct victim *v);

#endif /* KSYNC_SELFTESTS_VICTIM_H */
