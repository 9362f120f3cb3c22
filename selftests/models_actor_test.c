// SPDX-License-Identifier: GPL-2.0
/*
 * Actors, on each of the models: what is sent is received, in order, by the one it is
 * for; selective receive, deadlines, cancellation; bounded mailboxes; calls and answers;
 * threads as actors; names.
 */
#include <pthread.h>
#include <string.h>

#include "lib/ksft.h"
#include "lib/actor.h"

KSYNC_MESSAGE(number, 1, long)
KSYNC_MESSAGE(other_number, 2, long)
KSYNC_SIGNAL(stop, 3)
KSYNC_SIGNAL(ask, 4)

/* Answers each number with one more, until it is to stop. */
static int adder(void *arg)
{
	struct ksync_message *m;
	const long *n;

	(void)arg;
	for (;;) {
		ACT(!ksync_actor_receive(&m));
		if (stop_is(m))
			return 0;
		n = number_of(m);
		ACT(n && m->size == sizeof(*n) && !m->ref);
		ACT(!number_send(m->from, &(long){ *n + 1 }));
		ksync_message_free(m);
	}
}

static int ping_pong(void *arg)
{
	struct ksync_message *m;
	struct ksync_pid pid;
	uint64_t ref;
	long i;

	(void)arg;
	ACT(ksync_actor_self().id && ksync_actor_alive(ksync_actor_self()));
	ACT(!spawn_monitor(&pid, &ref, adder, NULL));
	ACT(!ksync_pid_equal(pid, ksync_actor_self()));
	for (i = 0; i < 100; i++) {
		ACT(!number_send(pid, &i));
		ACT(!ksync_actor_receive(&m));
		ACT(ksync_pid_equal(m->from, pid) && !other_number_of(m));
		ACT(*number_of(m) == i + 1);
		ksync_message_free(m);
	}
	ACT(!stop_send(pid));
	ACT(down(ref, pid) == KSYNC_EXIT_NORMAL);
	ACT(!ksync_actor_alive(pid) && number_send(pid, &i) == -ESRCH);
	return 0;
}

TEST_F(models, what_is_sent_is_received_and_answered)
{
	ACTOR(ping_pong, NULL);
}

KSFT_MAIN
