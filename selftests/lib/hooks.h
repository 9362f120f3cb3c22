/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the linker's --wrap makes of functions that libksync-models calls, of libc's and of
 * its own: see the Makefile.  To be included last: the library has short names inside.
 */
#ifndef KSYNC_SELFTESTS_HOOKS_H
#define KSYNC_SELFTESTS_HOOKS_H

#undef ARRAY_SIZE
#include "../../userspace/models/src/internal.h"

int __real_sched_yield(void);
int __wrap_sched_yield(void);
bool __real_ksync_machine_sleep(struct machine *m);
bool __wrap_ksync_machine_sleep(struct machine *m);
void __real_ksync_global_put(struct ksync_sched *s, struct ksync_task *first,
			     struct ksync_task *last, uint32_t n);
void __wrap_ksync_global_put(struct ksync_sched *s, struct ksync_task *first,
			     struct ksync_task *last, uint32_t n);
void __real_ksync_wake_one(struct ksync_sched *s);
void __wrap_ksync_wake_one(struct ksync_sched *s);

#endif /* KSYNC_SELFTESTS_HOOKS_H */
