// SPDX-License-Identifier: GPL-2.0
/*
 * Actors, on each of the models: what is sent is received, in order, by the one it is
 * for; selective receive, deadlines, cancellation; ends.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/ksft.h"
#include "lib/actor.h"

KSYNC_MESSAGE(number, 1, long)
KSYNC_MESSAGE(other_number, 2, long)
KSYNC_SIGNAL(stop, 3)

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

/* Of sizes around those that fit into something; data is aligned. */
static int sizes(void *arg)
{
	static const size_t size[] = { 0, 1, 7, 16, 63, 64, 65, 4095, 4096, 1 << 20 };
	const struct ksync_pid self = ksync_actor_self();
	struct ksync_message *m;
	char *data = arg;
	size_t i;

	for (i = 0; i < sizeof(size) / sizeof(*size); i++) {
		memset(data, i + 1, size[i]);
		ACT(!ksync_actor_send(self, 7, data, size[i]));
		memset(data, 0, size[i]);
	}
	for (i = 0; i < sizeof(size) / sizeof(*size); i++) {
		ACT(!ksync_actor_receive(&m));
		ACT(m->tag == 7 && m->size == size[i] && !((uintptr_t)m->data % 16));
		ACT(!size[i] || (m->data[0] == (char)(i + 1) &&
				 m->data[size[i] - 1] == (char)(i + 1)));
		if (i % 2) /* the others go with the actor */
			ksync_message_free(m);
	}
	ksync_message_free(NULL);
	ACT(ksync_actor_send(self, 7, data, KSYNC_MESSAGE_MAX + 1) == -EMSGSIZE);
	ACT(ksync_actor_send(self, KSYNC_TAG_RESERVED, NULL, 0) == -EINVAL);
	ACT(ksync_actor_send(self, KSYNC_TAG_DOWN, NULL, 0) == -EINVAL);
	ACT(ksync_actor_receive_try(&m) == -EAGAIN);
	return 0;
}

TEST_F(models, messages_have_any_size_up_to_a_bound)
{
	char *data = calloc(1, 1 << 20);

	ASSERT_NE(NULL, data);
	ACTOR(sizes, data);
	free(data);
}

static bool odd(const struct ksync_message *m, void *arg)
{
	long *looks = arg;

	++*looks;
	return number_of(m) && *number_of(m) % 2;
}

/* Ten numbers and ten others: odd numbers, then others from 5 on, then what is left. */
static int selective(void *arg)
{
	const struct ksync_pid self = ksync_actor_self();
	const uint32_t others[] = { 99, other_number_tag };
	struct ksync_message *m;
	long i, looks = 0;

	(void)arg;
	for (i = 0; i < 10; i++)
		ACT(!number_send(self, &i) && !other_number_send(self, &i));
	for (i = 1; i < 10; i += 2) {
		ACT(!ksync_actor_receive_if(&m, odd, &looks, NULL));
		ACT(*number_of(m) == i);
		ksync_message_free(m);
	}
	ACT(ksync_actor_receive_if(&m, odd, &looks, &over) == -ETIMEDOUT);
	for (i = 0; i < 10; i++) {
		ACT(!ksync_actor_receive_tags(&m, others, 2, NULL));
		ACT(*other_number_of(m) == i);
		ksync_message_free(m);
	}
	ACT(ksync_actor_receive_tags(&m, others, 2, &over) == -ETIMEDOUT);
	ACT(ksync_actor_receive_tags(&m, NULL, 0, &over) == -ETIMEDOUT);
	for (i = 0; i < 10; i += 2) {
		ACT(!ksync_actor_receive_try(&m) && *number_of(m) == i);
		ksync_message_free(m);
	}
	ACT(ksync_actor_receive_try(&m) == -EAGAIN);
	return 0;
}

TEST_F(models, selective_receive_leaves_others_in_order)
{
	ACTOR(selective, NULL);
}

static bool never(const struct ksync_message *m, void *arg)
{
	(void)m;
	++*(long *)arg;
	return false;
}

/* Sends numbers to its parent, each after the parent waits again; the last one is odd. */
static int sends_slowly(void *arg)
{
	const struct ksync_pid *to = arg;
	long i;

	for (i = 0; i <= 20; i += 2) {
		await_receive(*to);
		if (i == 20)
			i++;
		ACT(!number_send(*to, &i));
	}
	return 0;
}

/* Woken for each that does not match, it looks at that one alone. */
static int looks_once(void *arg)
{
	struct ksync_pid self = ksync_actor_self(), pid;
	struct ksync_message *m;
	long i, looks = 0;
	uint64_t ref;

	(void)arg;
	for (i = 0; i < 10; i++)
		ACT(!number_send(self, &(long){ 0 }));
	ACT(!spawn_monitor(&pid, &ref, sends_slowly, &self));
	ACT(!ksync_actor_receive_if(&m, odd, &looks, NULL));
	ACT(*number_of(m) == 21 && looks == 10 + 11);
	ksync_message_free(m);
	ACT(!down(ref, pid));
	looks = 0;
	ACT(ksync_actor_receive_if(&m, never, &looks, &over) == -ETIMEDOUT && looks == 20);
	return 0;
}

TEST_F(models, each_message_is_looked_at_once)
{
	ACTOR(looks_once, NULL);
}

static int deadlines(void *arg)
{
	const struct timespec soon = models_in(2 * MSEC), bad = { 0, 1000000000 };
	const struct ksync_pid self = ksync_actor_self();
	struct timespec later, now;
	struct ksync_message *m;
	long looks = 0;

	(void)arg;
	ACT(ksync_actor_receive_timed(&m, &soon) == -ETIMEDOUT);
	ksync_task_now(&now);
	ACT(now.tv_sec > soon.tv_sec ||
	    (now.tv_sec == soon.tv_sec && now.tv_nsec >= soon.tv_nsec));
	ACT(ksync_actor_receive_timed(&m, &bad) == -EINVAL);
	ACT(ksync_actor_receive_if(&m, never, &looks, &bad) == -EINVAL);
	ACT(!stop_send(self));
	later = models_in(2 * MSEC);
	ACT(ksync_actor_receive_if(&m, never, &looks, &later) == -ETIMEDOUT && looks == 1);
	ACT(!ksync_actor_receive_timed(&m, &over) && stop_is(m)); /* it is there */
	return 0;
}

TEST_F(models, deadlines_end_a_receive_and_take_nothing)
{
	ACTOR(deadlines, NULL);
}

static long received;
static int receives_line;	/* its reason is that of the signal */

static int receive_on(void)
{
	struct ksync_message *m;
	int ret;

	while (!(ret = ksync_actor_receive(&m))) {
		__atomic_add_fetch(&received, 1, __ATOMIC_RELAXED);
		ksync_message_free(m);
	}
	ACT(ret == -ECANCELED);
	/* Messages do not make it forget that, and they stay. */
	ACT(!stop_send(ksync_actor_self()));
	ACT(ksync_actor_receive(&m) == -ECANCELED);
	ACT(ksync_actor_receive_try(&m) == -ECANCELED);
	ksync_task_cancel_disable();
	ACT(!ksync_actor_receive(&m) && stop_is(m));
	ksync_task_cancel_enable();
	return 0;
}

/* Receives until it is told otherwise. */
static int receives(void *arg)
{
	(void)arg;
	receives_line = receive_on();
	return 17;
}

static int kills(void *arg)
{
	struct ksync_pid pid;
	uint64_t ref;

	(void)arg;
	received = 0;
	ACT(!spawn_monitor(&pid, &ref, receives, NULL));
	ACT(!stop_send(pid));
	await_receive(pid);
	ACT(received == 1);
	ACT(!ksync_actor_signal(pid, 5));
	ACT(!ksync_actor_signal(pid, 6)); /* the first one counts */
	ACT(down(ref, pid) == 5);
	ACT(!receives_line);
	ACT(ksync_actor_signal(pid, 5) == 0);
	ACT(!spawn_monitor(&pid, &ref, receives, NULL));
	ACT(!ksync_actor_signal(pid, KSYNC_EXIT_KILL)); /* perhaps before it runs */
	ACT(down(ref, pid) == KSYNC_EXIT_KILLED);
	ACT(!spawn_monitor(&pid, &ref, receives, NULL));
	ACT(!ksync_actor_signal(pid, KSYNC_EXIT_NORMAL));
	ACT(!stop_send(pid));
	await_receive(pid);
	ACT(received == 2);
	ACT(!ksync_actor_signal(pid, KSYNC_EXIT_SHUTDOWN));
	ACT(down(ref, pid) == KSYNC_EXIT_SHUTDOWN);
	return receives_line;
}

TEST_F(models, an_exit_signal_ends_an_actor_where_it_waits)
{
	ACTOR(kills, NULL);
}

static int cancelled_task(void *arg)
{
	struct ksync_message *m;

	*(struct ksync_task **)arg = ksync_task_self();
	ACT(ksync_actor_receive(&m) == -ECANCELED);
	return 3;
}

/* What cancels the task is not an exit signal: the reason is what it returns. */
static int cancels(void *arg)
{
	struct ksync_task *task = NULL;
	struct ksync_pid pid;
	uint64_t ref;

	(void)arg;
	ACT(!spawn_monitor(&pid, &ref, cancelled_task, &task));
	await_receive(pid);
	ksync_task_cancel(task);
	ACT(down(ref, pid) == 3);
	return 0;
}

TEST_F(models, cancellation_ends_a_receive)
{
	ACTOR(cancels, NULL);
}

static int deep(int n)
{
	if (n)
		return deep(n - 1) + 1;
	if (ksync_actor_self().id)
		ksync_actor_exit(8);
	return 0;
}

static int exits(void *arg)
{
	struct ksync_message *m;

	ACT(!ksync_actor_receive(&m)); /* freed with it */
	ksync_task_pin();
	return deep((int)(long)arg);
}

static int exiting(void *arg)
{
	struct ksync_pid pid;
	uint64_t ref;
	int i;

	for (i = 0; i < 10; i++) {
		ACT(!spawn_monitor(&pid, &ref, exits, arg));
		ACT(!stop_send(pid));
		stop_send(pid); /* it may be gone, or not receive it */
		ACT(down(ref, pid) == 8);
	}
	ksync_actor_exit(KSYNC_EXIT_NORMAL);
}

TEST_F(models, an_actor_exits_from_within_its_functions)
{
	ACTOR(exiting, (void *)20);
}

/* Addresses of those that have ended are not used again. */
static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int addresses(void *arg)
{
	enum { N = 200 };
	struct ksync_pid pid[N];
	uint64_t ref;
	int i, j;

	(void)arg;
	for (i = 0; i < N; i++) {
		ACT(!spawn_monitor(&pid[i], &ref, nothing, NULL));
		ACT(!down(ref, pid[i]));
		for (j = 0; j <= i; j++) {
			ACT(j == i || !ksync_pid_equal(pid[i], pid[j]));
			ACT(stop_send(pid[j]) == -ESRCH && !ksync_actor_alive(pid[j]));
		}
	}
	ACT(stop_send((struct ksync_pid){ 0 }) == -ESRCH);
	ACT(stop_send((struct ksync_pid){ .id = -1 }) == -ESRCH);
	ACT(stop_send((struct ksync_pid){ .id = 1, .node = 9 }) == -ESRCH);
	return 0;
}

TEST_F(models, addresses_are_not_used_again)
{
	ACTOR(addresses, NULL);
}

TEST_F(models, what_is_wrong_is_refused)
{
	const struct ksync_actor_attr bad[] = {
		{ .flags = 8 }, { .reserved = { 0, 1 } }, { .mailbox = 1 << 24 },
		{ .task = { .reserved = { 1 } } }, { .registered = "" },
		{ .task = { .stack_size = SIZE_MAX / 2 } },
	};
	struct ksync_actor_attr link = { .flags = KSYNC_ACTOR_LINK };
	struct ksync_pid pid;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		EXPECT_EQ(-EINVAL, ksync_actor_spawn_on(self->s, &pid, nothing, NULL, &bad[i]));
		EXPECT_EQ(-EINVAL, ksync_actor_run(self->s, nothing, NULL, &bad[i], NULL));
	}
	EXPECT_EQ(-EINVAL, ksync_actor_spawn_on(self->s, &pid, nothing, NULL, &link));
	EXPECT_EQ(-EINVAL, ksync_actor_spawn(&pid, nothing, NULL, NULL));
	EXPECT_EQ(-EINVAL, ksync_actor_attach(&link));
	EXPECT_EQ(-EINVAL, ksync_actor_trap());
	EXPECT_EQ(-EINVAL, ksync_actor_link((struct ksync_pid){ .id = 1 }));
	EXPECT_EQ(-EINVAL, ksync_actor_monitor((struct ksync_pid){ .id = 1 }, &(uint64_t){ 0 }));
	EXPECT_EQ(-EINVAL, ksync_actor_demonitor(1, 0));
	EXPECT_EQ(-EINVAL, ksync_actor_unlink((struct ksync_pid){ .id = 1 }));
}

KSFT_MAIN
