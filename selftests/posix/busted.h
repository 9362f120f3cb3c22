/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the broken pthreads share: which fault is on, and the C library's functions.
 */
#ifndef POSIX_BUSTED_H
#define POSIX_BUSTED_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether BUSTED= names this fault. */
bool on(const char *name);
/* The same, and once in so many calls. */
bool now_and_then(const char *name, uint32_t calls);

/* The harness's tests run in children already; theirs are grandchildren. */
int busted_depth(void);
/* Grandchildren of a fork that another thread's has mixed up. */
bool busted_mixed_up(void);

/* What the C library has: NEXT(function)(arguments). */
#define NEXT_OF(fn, find)						\
({									\
	static __typeof__(fn) *next_fn;					\
									\
	if (!next_fn)							\
		*(void **)&next_fn = find;				\
	next_fn;							\
})

#define NEXT(fn)	NEXT_OF(fn, dlsym(RTLD_NEXT, #fn))
#define NEXT_COND(fn)	NEXT_OF(fn, dlvsym(RTLD_NEXT, #fn, "GLIBC_2.3.2"))

#endif /* POSIX_BUSTED_H */
