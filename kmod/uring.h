/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waits by io_uring: what the rest of the module knows of them.
 */
#ifndef KSYNC_URING_H
#define KSYNC_URING_H

#include "core.h"

struct io_uring_cmd;

#ifdef KSYNC_URING
int ksync_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);
void ksync_uring_end(struct ksync_waiter *w);
void ksync_uring_open(struct ksync_domain *d);
void ksync_uring_release(struct ksync_domain *d);
void ksync_uring_exit(void);
#else
#define ksync_uring_cmd NULL
static inline void ksync_uring_end(struct ksync_waiter *w) { }
static inline void ksync_uring_open(struct ksync_domain *d) { }
static inline void ksync_uring_release(struct ksync_domain *d) { }
static inline void ksync_uring_exit(void) { }
#endif

#endif /* KSYNC_URING_H */
