/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Boost.Context's switch between stacks, as C sees it; its own header is C++.
 *
 * jump_fcontext() saves the caller's registers on the caller's stack, goes on where
 * @to was saved, and hands over @data.  Whoever is jumped to learns where the jumper
 * was saved.  Nothing else is done: no signal mask, no system call.
 */
#ifndef KSYNC_MODELS_CONTEXT_H
#define KSYNC_MODELS_CONTEXT_H

#include <stddef.h>

struct fcontext_transfer {
	void *from;
	void *data;
};

struct fcontext_transfer jump_fcontext(void *to, void *data);
void *make_fcontext(void *top, size_t size, void (*fn)(struct fcontext_transfer t));

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KSYNC_TSAN 1
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned int flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned int flags);
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#endif
#endif

/* What locks of libksync and the kernel order, which it does not see. */
#ifdef KSYNC_TSAN
#define tsan_acquire(p)	__tsan_acquire((void *)(p))
#define tsan_release(p)	__tsan_release((void *)(p))
#else
#define tsan_acquire(p)	((void)(p))
#define tsan_release(p)	((void)(p))
#endif

#endif /* KSYNC_MODELS_CONTEXT_H */
