/* SPDX-License-Identifier: GPL-2.0 */
/* Actors under test: what does not hold ends one, and its reason is the line. */
#ifndef KSYNC_SELFTESTS_ACTOR_H
#define KSYNC_SELFTESTS_ACTOR_H

#include <errno.h>
#include "models.h"
#undef ARRAY_SIZE /* it is the same there */
#include "../../userspace/models/src/actor_internal.h"

#define ACT(cond) do {							\
	if (!(cond))							\
		return __LINE__;					\
} while (0)

/* A deadline that is over. */
static const struct timespec over __attribute__((unused)) = { 0, 1 };

/* In a task or actor, until @pid sleeps in a receive, or is no more. */
static inline void await_receive(struct ksync_pid pid)
{
	while (ksync_actor_alive(pid) &&
	       load_acquire(&ksync_actor_slot(pid.id)->inbox) != INBOX_WAITED)
		ksync_task_yield();
}

/* Run an actor that has such checks. */
#define ACTOR_ON(s, fn, arg) do {					\
	int reason_ = -1;						\
	ASSERT_EQ(0, ksync_actor_run(s, fn, arg, NULL, &reason_));	\
	EXPECT_EQ(0, reason_) TH_LOG("at line, or reason %d", reason_);	\
} while (0)

#define ACTOR(fn, arg)	ACTOR_ON(self->s, fn, arg)

static inline int spawn_monitor(struct ksync_pid *pid, uint64_t *ref, int (*fn)(void *arg),
				void *arg)
{
	const struct ksync_actor_attr attr = {
		.flags = KSYNC_ACTOR_MONITOR,
		.monitor = ref,
	};

	return ksync_actor_spawn(pid, fn, arg, &attr);
}

static inline bool actor_is_down_(const struct ksync_message *m, void *arg)
{
	const uint64_t *ref = arg;

	return m->tag == KSYNC_TAG_DOWN && m->ref == *ref;
}

/* Wait for the end of @pid: the reason; or INT32_MIN, if the message is another. */
static inline int down(uint64_t ref, struct ksync_pid pid)
{
	struct ksync_message *m;
	int reason;

	if (ksync_actor_receive_if(&m, actor_is_down_, &ref, NULL))
		return INT32_MIN;
	reason = ksync_pid_equal(m->from, pid) && !ksync_message_ended(m)->linked ?
		ksync_message_ended(m)->reason : INT32_MIN;
	ksync_message_free(m);
	return reason;
}

#endif /* KSYNC_SELFTESTS_ACTOR_H */
