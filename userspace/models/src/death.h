/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What a task says to the actor that it is, when it starts and when it ends; and how one
 * ends that has locks.
 */
#ifndef KSYNC_MODELS_DEATH_H
#define KSYNC_MODELS_DEATH_H

#include <sys/types.h>

struct actor;
struct ksync_task;

/* actor.c */
void ksync_actor_started(struct actor *a, struct ksync_task *t);
void ksync_actor_stillborn(struct ksync_task *t);
void ksync_actor_ended(struct ksync_task *t, int reason);

/* death.c */
void ksync_await_gone(pid_t tid);
void ksync_die_with_locks(struct ksync_task *t, int error);

#endif /* KSYNC_MODELS_DEATH_H */
