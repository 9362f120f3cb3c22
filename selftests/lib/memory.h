/* SPDX-License-Identifier: GPL-2.0 */
/* How much memory the kernel has in use. */
#ifndef KSYNC_SELFTESTS_MEMORY_H
#define KSYNC_SELFTESTS_MEMORY_H

#include <stdint.h>

/*
 * Free pages, in bytes, those on the processors' own lists included, once the
 * number has stopped changing; minus a negative errno if /proc does not tell.
 */
int64_t memory_free(void);

#endif /* KSYNC_SELFTESTS_MEMORY_H */
