/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KSYNC_SELFTESTS_SLAB_H
#define KSYNC_SELFTESTS_SLAB_H

/* How many objects of a cache of the kernel are in use; -1: that cannot be told. */
long slab_count(const char *cache);

/*
 * The same of a cache that has one for each task, less those tasks that are there:
 * so it does not matter who comes and goes. What the kernel frees a moment after a
 * task was awaited is waited for: it is the least of some looks.
 */
long slab_count_dead(const char *cache);

#endif /* KSYNC_SELFTESTS_SLAB_H */
