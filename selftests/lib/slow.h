/* SPDX-License-Identifier: GPL-2.0 */
/* How much longer to be patient than on a stock kernel, and where to do less. */
#ifndef KSYNC_SELFTESTS_SLOW_H
#define KSYNC_SELFTESTS_SLOW_H

#include <stdbool.h>

/* KSYNC_SLOW= from the environment, which tools/vm/run sets by kernel; else 1. */
int slow_factor(void);

/*
 * On the test machine, whose processors are emulated: KSYNC_VM= is in the environment.
 * Where two of them share their host, tasks that wait for each other take turns by its
 * time slices: a fifth of the speed, and less.
 */
bool in_guest(void);

#endif /* KSYNC_SELFTESTS_SLOW_H */
