/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocations that fail when they are to, and are counted: for a program whose linker
 * puts these functions in the place of libc's (see Makefile).
 */
#ifndef KSYNC_SELFTESTS_WRAP_H
#define KSYNC_SELFTESTS_WRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *__real_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static int32_t fail_at;		/* the allocation that fails, from 1; 0: none */
static bool fail_on;		/* and those after it */
static bool failed;		/* one has */
static int32_t made, live;

static bool fails(void)
{
	const int32_t n = __atomic_add_fetch(&made, 1, __ATOMIC_RELAXED);
	const int32_t at = __atomic_load_n(&fail_at, __ATOMIC_RELAXED);

	if (!at || n < at || (n > at && !__atomic_load_n(&fail_on, __ATOMIC_RELAXED)))
		return false;
	__atomic_store_n(&failed, true, __ATOMIC_RELAXED);
	return true;
}

static void *counted(void *p)
{
	if (p)
		__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	return p;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_realloc(void *p, size_t size)
{
	void *q = fails() ? NULL : __real_realloc(p, size);

	return p ? q : counted(q);
}

void __wrap_free(void *p)
{
	if (p)
		__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	__real_free(p);
}

/* From now on the @at-th allocation fails, and with @on those after it; 0: none. */
static void fail_allocations(int32_t at, bool on)
{
	__atomic_store_n(&fail_at, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&made, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&fail_on, on, __ATOMIC_RELAXED);
	if (at)
		__atomic_store_n(&failed, false, __ATOMIC_RELAXED);
	__atomic_store_n(&fail_at, at, __ATOMIC_RELAXED);
}

/* So many were made since fail_allocations(). */
static inline int32_t allocations_made(void)
{
	return __atomic_load_n(&made, __ATOMIC_RELAXED);
}

/* One of any thread's has failed since one was to, be that an error for somebody or not. */
static inline bool allocation_failed(void)
{
	return __atomic_load_n(&failed, __ATOMIC_RELAXED);
}

/* So many are there. */
static inline int32_t allocations_live(void)
{
	return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

#endif /* KSYNC_SELFTESTS_WRAP_H */
