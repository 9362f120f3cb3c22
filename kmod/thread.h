/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What death.c needs of thread.c.
 */
#ifndef KSYNC_THREAD_H
#define KSYNC_THREAD_H

struct ksync_thread;
struct task_struct;

struct ksync_thread *ksync_thread_of(const struct task_struct *task);
void ksync_thread_reap(struct ksync_thread *t);

#endif /* KSYNC_THREAD_H */
