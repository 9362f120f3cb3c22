/* SPDX-License-Identifier: GPL-2.0 */
/* What the linker's --wrap makes of the functions of memory: see the Makefile. */
#ifndef KSYNC_SELFTESTS_WRAP_H
#define KSYNC_SELFTESTS_WRAP_H

#include <stddef.h>

void *__real_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

#endif /* KSYNC_SELFTESTS_WRAP_H */
