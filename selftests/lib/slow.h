/* SPDX-License-Identifier: GPL-2.0 */
/* How much longer to be patient than on a stock kernel. */
#ifndef KSYNC_SELFTESTS_SLOW_H
#define KSYNC_SELFTESTS_SLOW_H

/* KSYNC_SLOW= from the environment, which tools/vm/run sets by kernel; else 1. */
int slow_factor(void);

#endif /* KSYNC_SELFTESTS_SLOW_H */
