/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects as file descriptors.
 */
#ifndef KSYNC_POLL_H
#define KSYNC_POLL_H

#include "core.h"

struct ksync_polled;

/**
 * struct ksync_fd_call - a call of FD
 * @arg: as it came in
 * @file: the new one, which has no number yet
 */
struct ksync_fd_call {
	struct ksync_fd arg;
	struct file *file;
};

int ksync_poll_fd(struct ksync_domain *d, struct ksync_fd_call *c);
void ksync_poll_fd_end(struct ksync_fd_call *c, int ret);
int ksync_poll_expect(struct ksync_polled *p, struct ksync_expect *arg);

#endif /* KSYNC_POLL_H */
