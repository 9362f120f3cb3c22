/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What the files about actors here ask of those about actors on other nodes. */
#ifndef KSYNC_MODELS_ACTOR_REMOTE_H
#define KSYNC_MODELS_ACTOR_REMOTE_H

#include "actor_internal.h"

int ksync_remote_out(struct ksync_pid to, struct envelope *e, uint64_t deadline);
int ksync_remote_reply(struct ksync_pid to, struct envelope *e);
int ksync_remote_arm(struct monitor *m);
bool ksync_remote_disarm(struct monitor *m);
void ksync_remote_tell_down(struct ksync_pid watcher, struct ksync_pid target,
			    uint64_t ref, int reason);
void ksync_remote_tell_link(struct ksync_pid from, struct ksync_pid to);
void ksync_remote_tell_unlink(struct ksync_pid from, struct ksync_pid to);
void ksync_remote_tell_exit(struct ksync_pid from, struct ksync_pid to, int reason,
			    bool linked);

#endif /* KSYNC_MODELS_ACTOR_REMOTE_H */
