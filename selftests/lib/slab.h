/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KSYNC_SELFTESTS_SLAB_H
#define KSYNC_SELFTESTS_SLAB_H

/* How many objects of a cache of the kernel are in use; -1: that cannot be told. */
long slab_count(const char *cache);

#endif /* KSYNC_SELFTESTS_SLAB_H */
