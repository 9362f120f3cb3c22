/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that nobody can find any more, by kmemleak. */
#ifndef KSYNC_SELFTESTS_LEAK_H
#define KSYNC_SELFTESTS_LEAK_H

/* NULL; or why this kernel cannot tell, for SKIP(). */
const char *leak_missing(void);

/*
 * How many pieces of memory that the module has allocated are lost; their
 * backtraces go to stderr.  Or a negative errno.
 */
int leak_count(void);

/* The same, but for what was allocated by way of @function of the kernel. */
int leak_count_but(const char *function);

/* What was found until now is not reported again, here or later. */
int leak_forget(void);

#endif /* KSYNC_SELFTESTS_LEAK_H */
