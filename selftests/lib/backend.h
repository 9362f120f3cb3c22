/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests that speak the module's commands, run without the module: with
 * KSYNC_BACKEND=futex in the environment they reach the library's futex backend, by
 * the same numbers and structures.
 */
#ifndef KSYNC_SELFTESTS_BACKEND_H
#define KSYNC_SELFTESTS_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

/* Not the module? */
bool backend_is_futex(void);

/* A new domain's descriptor, not close-on-exec; or a negative errno. */
int backend_open(void);

/* As ioctl(), of a domain's descriptor. */
int backend_call(int fd, unsigned long cmd, void *arg);

/* Has it all of these KSYNC_FEATURE_* bits? */
bool backend_has(uint64_t features);

/*
 * A lock's word, as it compares with what the module would have made of it: the
 * kernel leaves WAITERS in a PI futex after waiters have left.
 */
uint32_t backend_word(uint32_t word);

#endif /* KSYNC_SELFTESTS_BACKEND_H */
