// SPDX-License-Identifier: GPL-2.0
/*
 * Calls and answers of actors, and bounded mailboxes, on each of the models.
 */
#include <ksync/chan.h>

#include "lib/ksft.h"
#include "lib/actor.h"

KSYNC_MESSAGE(number, 1, long)
KSYNC_MESSAGE(asked, 2, long)
KSYNC_SIGNAL(stop, 3)
KSYNC_SIGNAL(late, 4)

/* Answers each number with its square, twice where it must not. */
static int squares(void *arg)
{
	struct ksync_message *m;
	long n;

	(void)arg;
	for (;;) {
		ACT(!ksync_actor_receive(&m));
		if (stop_is(m))
			return 5;
		ACT(asked_of(m) && m->ref);
		n = *asked_of(m) * *asked_of(m);
		ACT(!number_reply(m, &n));
		ACT(!number_reply(m, &n) || n == 9); /* dropped; the caller may be gone */
		ksync_message_free(m);
	}
}

static int calls(void *arg)
{
	const struct ksync_pid self = ksync_actor_self();
	struct ksync_message *m, *first;
	struct ksync_pid pid;
	uint64_t ref;
	long i;

	(void)arg;
	ACT(!spawn_monitor(&pid, &ref, squares, NULL));
	for (i = 0; i < 50; i++) {
		ACT(!late_send(self)); /* stays */
		ACT(!ksync_actor_call(pid, asked_tag, &i, sizeof(i), &m, NULL));
		ACT(*number_of(m) == i * i && ksync_pid_equal(m->from, pid));
		ksync_message_free(m);
	}
	for (i = 0; i < 50; i++) {
		ACT(!ksync_actor_receive(&m) && late_is(m));
		ACT(number_reply(m, &i) == -EINVAL);
		ksync_message_free(m);
	}
	ACT(ksync_actor_receive_try(&m) == -EAGAIN);
	ACT(ksync_actor_call(pid, stop_tag, NULL, 0, &m, NULL) == -ESRCH);
	ACT(down(ref, pid) == 5);
	ACT(ksync_actor_call(pid, asked_tag, &i, sizeof(i), &m, NULL) == -ESRCH);
	ACT(ksync_actor_call(pid, KSYNC_TAG_EXIT, NULL, 0, &m, NULL) == -EINVAL);
	ACT(ksync_actor_call((struct ksync_pid){ .id = 1, .node = 3 }, asked_tag, NULL, 0,
			     &m, NULL) == -ESRCH);
	ACT(ksync_actor_receive_try(&first) == -EAGAIN);
	return 0;
}

TEST_F(models, a_call_gets_its_answer_and_leaves_nothing)
{
	ACTOR(calls, NULL);
}

/* Answers a call when it is told to: too late. */
static int slow(void *arg)
{
	struct ksync_message *call, *m;

	(void)arg;
	ACT(!ksync_actor_receive(&call) && call->ref);
	ACT(!ksync_actor_receive(&m) && late_is(m));
	ACT(!number_reply(call, &(long){ 1 }));
	ACT(!stop_send(call->from));
	return 0;
}

static int late_answers(void *arg)
{
	struct ksync_message *m;
	struct timespec soon;
	struct ksync_pid pid;
	long n = 2;
	int i;

	(void)arg;
	for (i = 0; i < 2; i++) {
		ACT(!ksync_actor_spawn(&pid, slow, NULL, NULL));
		soon = i ? over : models_in(MSEC);
		ACT(ksync_actor_call(pid, asked_tag, &n, sizeof(n), &m, &soon) == -ETIMEDOUT);
		ACT(!late_send(pid));
		ACT(!ksync_actor_receive(&m) && stop_is(m)); /* and no answer before it */
		ksync_message_free(m);
	}
	ACT(ksync_actor_receive_try(&m) == -EAGAIN);
	return 0;
}

TEST_F(models, an_answer_that_comes_too_late_is_dropped)
{
	ACTOR(late_answers, NULL);
}

/* Hands each call on. */
static int forwards(void *to)
{
	struct ksync_message *m;

	while (!ksync_actor_receive(&m) && !stop_is(m))
		ACT(!ksync_actor_forward(*(struct ksync_pid *)to, m));
	return 0;
}

static int forwarding(void *arg)
{
	struct ksync_pid worker, front, self = ksync_actor_self();
	struct ksync_message *m;
	uint64_t ref, down_ref;
	long n = 7;

	(void)arg;
	ACT(!spawn_monitor(&worker, &ref, squares, NULL));
	ACT(!ksync_actor_spawn(&front, forwards, &worker, NULL));
	ACT(!ksync_actor_call(front, asked_tag, &n, sizeof(n), &m, NULL));
	ACT(*number_of(m) == 49 && ksync_pid_equal(m->from, worker));
	ACT(!ksync_actor_forward(self, m) && !ksync_actor_receive(&m)); /* an answer, too */
	ACT(*number_of(m) == 49 && ksync_pid_equal(m->from, worker));
	ACT(!stop_send(front) && !stop_send(worker) && down(ref, worker) == 5);
	ACT(ksync_actor_forward(worker, m) == -ESRCH && *number_of(m) == 49);
	ksync_message_free(m);
	ACT(!ksync_actor_monitor(worker, &down_ref) && !ksync_actor_receive(&m));
	ACT(ksync_actor_forward(self, m) == -EINVAL);
	return 0;
}

TEST_F(models, a_call_is_forwarded_and_answered_by_another)
{
	ACTOR(forwarding, NULL);
}

#define BOUND	3

static int spawn_bounded(struct ksync_pid *pid, uint64_t *ref, int (*fn)(void *arg), void *arg)
{
	const struct ksync_actor_attr attr = {
		.mailbox = BOUND,
		.flags = KSYNC_ACTOR_MONITOR,
		.monitor = ref,
	};

	return ksync_actor_spawn(pid, fn, arg, &attr);
}

static uint32_t blocked(struct ksync_pid pid)
{
	return load(&ksync_actor_slot(pid.id)->nblocked);
}

static void await_blocked(struct ksync_pid pid, uint32_t n)
{
	while (blocked(pid) != n)
		ksync_task_yield();
}

static struct ksync_chan *gate;

/* Receives as many as are allowed, in order of senders and numbers; then ends. */
static int counts(void *arg)
{
	struct ksync_message *m;
	long n = 0;
	char more;

	(void)arg;
	for (;;) {
		ACT(!ksync_chan_recv(gate, &more));
		if (!more)
			return 0;
		ACT(!ksync_actor_receive(&m) && *number_of(m) == n);
		ksync_message_free(m);
		n++;
	}
}

static int allow(int n)
{
	while (n-- > 0)
		ACT(!ksync_chan_send(gate, &(char){ 1 }));
	return 0;
}

static int enough(void)
{
	return ksync_chan_send(gate, &(char){ 0 });
}

struct sender {
	struct ksync_pid to;
	long n;
	int ret;
	struct ksync_task *task;
};

static void *sends(void *arg)
{
	struct sender *s = arg;

	s->ret = number_send(s->to, &s->n);
	return NULL;
}

/* Senders wait in turn, are served in turn; one is cancelled; the last get -ESRCH. */
static int bounded(void *arg)
{
	struct sender s[6] = { 0 };
	struct ksync_pid pid;
	struct timespec soon;
	uint64_t ref;
	long i;

	(void)arg;
	ACT(!ksync_chan_create(&gate, 1, 0));
	ACT(!spawn_bounded(&pid, &ref, counts, NULL));
	for (i = 0; i < BOUND; i++)
		ACT(!number_send(pid, &i));
	ACT(ksync_actor_send_try(pid, number_tag, &i, sizeof(i)) == -EAGAIN);
	soon = models_in(MSEC);
	ACT(ksync_actor_send_timed(pid, number_tag, &i, sizeof(i), &soon) == -ETIMEDOUT);
	ACT(ksync_actor_send_timed(pid, number_tag, &i, sizeof(i), &over) == -ETIMEDOUT);
	for (i = 0; i < 6; i++) {
		s[i].to = pid;
		s[i].n = i < 2 ? BOUND + i : BOUND + i - 1;
		ACT(!ksync_task_spawn(&s[i].task, sends, &s[i], NULL));
		await_blocked(pid, i + 1);
	}
	ksync_task_cancel(s[1].task);
	ACT(!ksync_task_join(s[1].task, NULL) && s[1].ret == -ECANCELED);
	ACT(blocked(pid) == 5);
	ACT(!allow(2));
	await_blocked(pid, 3);
	ACT(!ksync_task_join(s[0].task, NULL) && !s[0].ret);
	ACT(!ksync_task_join(s[2].task, NULL) && !s[2].ret);
	ACT(!allow(BOUND + 3));
	ACT(!enough() && !down(ref, pid) && !ksync_chan_destroy(gate));
	for (i = 3; i < 6; i++)
		ACT(!ksync_task_join(s[i].task, NULL) && !s[i].ret);
	return 0;
}

TEST_F(models, senders_wait_for_room_in_turn)
{
	ACTOR(bounded, NULL);
}

static int closed(void *arg)
{
	struct sender s[3] = { 0 };
	struct ksync_pid pid;
	uint64_t ref;
	long i;

	(void)arg;
	ACT(!ksync_chan_create(&gate, 1, 0));
	ACT(!spawn_bounded(&pid, &ref, counts, NULL));
	for (i = 0; i < BOUND; i++)
		ACT(!number_send(pid, &i));
	for (i = 0; i < 3; i++) {
		s[i].to = pid;
		ACT(!ksync_task_spawn(&s[i].task, sends, &s[i], NULL));
	}
	await_blocked(pid, 3);
	ACT(!enough());
	for (i = 0; i < 3; i++)
		ACT(!ksync_task_join(s[i].task, NULL) && s[i].ret == -ESRCH);
	ACT(!down(ref, pid) && !ksync_chan_destroy(gate));
	return 0;
}

TEST_F(models, the_end_of_an_actor_ends_those_that_wait_for_room)
{
	ACTOR(closed, NULL);
}

/* What the library sends takes no room; nor do answers; its own is no place to wait. */
static int full(void *arg)
{
	const struct ksync_pid self = ksync_actor_self();
	struct ksync_message *m;
	struct ksync_pid pid;
	uint64_t ref;
	long i, n = 3;

	(void)arg;
	ACT(!spawn_monitor(&pid, &ref, squares, NULL));
	for (i = 0; i < BOUND; i++)
		ACT(!number_send(self, &i));
	ACT(number_send(self, &i) == -EDEADLK);
	ACT(!ksync_actor_call(pid, asked_tag, &n, sizeof(n), &m, NULL) && *number_of(m) == 9);
	ACT(!stop_send(pid) && down(ref, pid) == 5);
	ACT(ksync_actor_send_try(self, number_tag, &i, sizeof(i)) == -EAGAIN);
	ACT(!ksync_actor_receive(&m) && *number_of(m) == 0);
	ACT(!number_send(self, &i)); /* received, but not freed: there is room */
	ACT(number_send(self, &i) == -EDEADLK);
	return 0;
}

TEST_F(models, answers_and_ends_take_no_room)
{
	const struct ksync_actor_attr attr = { .mailbox = BOUND };
	int reason;

	ASSERT_EQ(0, ksync_actor_run(self->s, full, NULL, &attr, &reason));
	EXPECT_EQ(0, reason);
}

KSFT_MAIN
