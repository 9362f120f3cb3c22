/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that nobody can find any more, by kmemleak. */
#ifndef KSYNC_SELFTESTS_LEAK_H
#define KSYNC_SELFTESTS_LEAK_H

#include <stdbool.h>

/* Whether this kernel can tell. */
bool leak_there(void);

/*
 * How many pieces of memory that the module has allocated are lost; their
 * backtraces go to stderr.  Or a negative errno.
 */
int leak_count(void);

#endif /* KSYNC_SELFTESTS_LEAK_H */
