/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parameters of the module.  They are everybody's: a test puts back what it
 * found, in FIXTURE_TEARDOWN, which runs after a failed ASSERT too.
 */
#ifndef KSYNC_SELFTESTS_PARAM_H
#define KSYNC_SELFTESTS_PARAM_H

/* As text, at most @size - 1 bytes of it; without the newline. */
int param_read(const char *name, char *text, int size);
int param_write(const char *name, const char *text);
int param_get(const char *name, unsigned int *value);
int param_set(const char *name, unsigned int value);

#endif /* KSYNC_SELFTESTS_PARAM_H */
