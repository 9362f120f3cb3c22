/* SPDX-License-Identifier: GPL-2.0 */
/* Descriptors of objects, and players that poll them. */
#ifndef KSYNC_SELFTESTS_POLLER_H
#define KSYNC_SELFTESTS_POLLER_H

#include <poll.h>
#include "player.h"

/* A descriptor, or a negative errno. */
int raw_fd(int fd, uint32_t id, uint32_t expected);
int raw_expect(int fd, uint32_t expected);

/* What poll() says of @fd now: POLLIN, POLLOUT and what it adds; 0: nothing. */
int poll_now(int fd);

/*
 * Steps: p->id is a descriptor, p->flags what to wait for. The result is what
 * poll() says, when it says something; of select(), POLLIN, POLLOUT or both.
 */
int step_poll(struct player *p);
int step_select(struct player *p);

#endif /* KSYNC_SELFTESTS_POLLER_H */
