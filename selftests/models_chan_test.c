// SPDX-License-Identifier: GPL-2.0
/*
 * Channels, on each of the models: what is sent is received, in order; full, empty,
 * closed and destroyed; deadlines, cancellation, any size and alignment.
 */
#include <pthread.h>
#include <string.h>

#include "lib/ksft.h"
#include "lib/chan.h"

static void *rendezvous(void *arg)
{
	struct ksync_chan *c = chan_of_longs(0);
	struct other o = { .value = 41 };
	long value = 0;

	CHECK(c && ksync_chan_cap(c) == 0 && ksync_chan_len(c) == 0);
	CHECK(ksync_chan_send_try(c, &value) == -EAGAIN);
	CHECK(ksync_chan_recv_try(c, &value) == -EAGAIN);
	CHECK(!other_waits(&o, sends, c, 1));
	CHECK(o.ret == 1); /* it waits until the value is received */
	CHECK(ksync_chan_send_try(c, &value) == -EAGAIN);
	CHECK(!ksync_chan_recv(c, &value) && value == 41);
	CHECK(!other_joined(&o));
	CHECK(!other_waits(&o, receives, c, 1));
	value = 42;
	CHECK(!ksync_chan_send_try(c, &value) && ksync_chan_len(c) == 0);
	CHECK(!other_joined(&o) && o.value == 42);
	CHECK(!ksync_chan_destroy(c));
	return arg;
}

TEST_F(models, rendezvous)
{
	RUN(rendezvous, NULL);
}

static void *buffered(void *arg)
{
	struct ksync_chan *c = chan_of_longs(3);
	struct other o = { .value = 4 };
	long i, round, value;

	CHECK(c && ksync_chan_cap(c) == 3);
	for (round = 0; round < 5; round++) { /* around the end of the ring, too */
		for (i = 1; i <= 3; i++)
			CHECK(!ksync_chan_send(c, &i) && ksync_chan_len(c) == (size_t)i);
		CHECK(ksync_chan_send_try(c, &i) == -EAGAIN);
		CHECK(!other_waits(&o, sends, c, 1));
		for (i = 1; i <= 4; i++)
			CHECK(!ksync_chan_recv(c, &value) && value == i);
		CHECK(!other_joined(&o));
		CHECK(ksync_chan_recv_try(c, &value) == -EAGAIN);
		CHECK(!ksync_chan_send_try(c, &round));
		CHECK(!ksync_chan_recv_try(c, &value) && value == round);
	}
	CHECK(!ksync_chan_destroy(c));
	return arg;
}

TEST_F(models, values_wait_in_the_buffer_in_order)
{
	RUN(buffered, NULL);
}

#define WAITERS 5

/* Each gets its turn as it came: the first to wait has the first value. */
static void *in_turn(void *arg)
{
	struct ksync_chan *c = chan_of_longs(0);
	struct other o[WAITERS] = { 0 };
	long i, value;

	for (i = 0; i < WAITERS; i++)
		CHECK(!other_waits(&o[i], receives, c, i + 1));
	for (i = 0; i < WAITERS; i++)
		CHECK(!ksync_chan_send(c, &i));
	for (i = 0; i < WAITERS; i++)
		CHECK(!other_joined(&o[i]) && o[i].value == i);
	for (i = 0; i < WAITERS; i++) {
		o[i].value = 10 + i;
		CHECK(!other_waits(&o[i], sends, c, i + 1));
	}
	for (i = 0; i < WAITERS; i++)
		CHECK(!ksync_chan_recv(c, &value) && value == 10 + i);
	for (i = 0; i < WAITERS; i++)
		CHECK(!other_joined(&o[i]));
	CHECK(!ksync_chan_destroy(c));
	return arg;
}

TEST_F(models, those_that_wait_are_served_in_turn)
{
	RUN(in_turn, NULL);
}

static void *closing(void *arg)
{
	struct ksync_chan *c = chan_of_longs(2);
	struct other a = { .value = 3 }, b = { .value = 4 };
	long i, value = 77, n = 0;
	int ret;

	for (i = 1; i <= 2; i++)
		CHECK(!ksync_chan_send(c, &i));
	CHECK(!other_waits(&a, sends, c, 1) && !other_waits(&b, sends, c, 2));
	CHECK(!ksync_chan_close(c));
	CHECK(ksync_chan_close(c) == -EPIPE);
	CHECK(other_joined(&a) == -EPIPE && other_joined(&b) == -EPIPE);
	CHECK(ksync_chan_send(c, &value) == -EPIPE);
	CHECK(ksync_chan_send_try(c, &value) == -EPIPE);
	CHECK(ksync_chan_send_timed(c, &value, NULL) == -EPIPE);
	while (!(ret = ksync_chan_recv(c, &value))) /* what is in it, and no more */
		CHECK(value == ++n);
	CHECK(ret == -ENODATA && n == 2 && value == 2);
	CHECK(ksync_chan_recv_try(c, &value) == -ENODATA);
	CHECK(ksync_chan_recv(c, NULL) == -ENODATA);
	CHECK(!ksync_chan_destroy(c));
	c = chan_of_longs(2);
	CHECK(!other_waits(&a, receives, c, 1) && !other_waits(&b, receives, c, 2));
	CHECK(!ksync_chan_close(c));
	CHECK(other_joined(&a) == -ENODATA && other_joined(&b) == -ENODATA);
	CHECK(!ksync_chan_destroy(c));
	return arg;
}

TEST_F(models, close_ends_senders_and_then_receivers)
{
	RUN(closing, NULL);
}

/* Whose wait has ended for another reason is passed over, and its value not sent. */
static void *cancelled(void *arg)
{
	struct ksync_chan *c = chan_of_longs(0);
	struct other o[3] = { { .value = 1 }, { .value = 2 }, { .value = 3 } };
	long i, value = 0;

	for (i = 0; i < 3; i++)
		CHECK(!other_waits(&o[i], sends, c, i + 1));
	CHECK(ksync_chan_destroy(c) == -EBUSY);
	ksync_task_cancel(o[1].task);
	CHECK(other_joined(&o[1]) == -ECANCELED);
	CHECK(chan_waiters(c) == 2);
	CHECK(!ksync_chan_recv(c, &value) && value == 1);
	CHECK(!ksync_chan_recv(c, &value) && value == 3);
	CHECK(!other_joined(&o[0]) && !other_joined(&o[2]));
	for (i = 0; i < 3; i++)
		CHECK(!other_waits(&o[i], receives, c, i + 1));
	ksync_task_cancel(o[0].task); /* and at once the send: who is first gets it */
	value = 9;
	CHECK(!ksync_chan_send(c, &value));
	CHECK(other_joined(&o[0]) == -ECANCELED && o[0].value == 1);
	CHECK(!other_joined(&o[1]) && o[1].value == 9);
	CHECK(!ksync_chan_close(c) && other_joined(&o[2]) == -ENODATA);
	CHECK(!ksync_chan_destroy(c));
	return arg;
}

TEST_F(models, who_is_cancelled_is_passed_over)
{
	RUN(cancelled, NULL);
}

/* What need not wait is done, and nothing else. */
static void *when_cancelled(void *arg)
{
	struct ksync_chan *c = chan_of_longs(1);
	long value = 5;

	ksync_task_cancel(ksync_task_self());
	CHECK(!ksync_chan_send(c, &value));
	CHECK(ksync_chan_send(c, &value) == -ECANCELED);
	CHECK(ksync_chan_len(c) == 1);
	CHECK(!ksync_chan_recv(c, &value));
	CHECK(ksync_chan_recv(c, &value) == -ECANCELED);
	CHECK(!ksync_chan_destroy(c));
	return arg;
}

TEST_F(models, a_cancelled_task_does_not_wait)
{
	RUN(when_cancelled, NULL);
}

static void *timed(void *arg)
{
	struct ksync_chan *c = chan_of_longs(1);
	struct timespec abs = models_in(5 * MSEC), past = { 0 }, now;
	const struct timespec bad = { .tv_nsec = SEC }, late = models_in(3600 * SEC);
	long value = 1;

	CHECK(ksync_chan_recv_timed(c, &value, &bad) == -EINVAL);
	CHECK(ksync_chan_recv_timed(c, &value, &abs) == -ETIMEDOUT);
	ksync_task_now(&now);
	CHECK(now.tv_sec > abs.tv_sec ||
	      (now.tv_sec == abs.tv_sec && now.tv_nsec >= abs.tv_nsec));
	CHECK(ksync_chan_recv_timed(c, &value, &past) == -ETIMEDOUT);
	CHECK(!chan_waiters(c));
	CHECK(!ksync_chan_send_timed(c, &value, &past)); /* it need not wait */
	CHECK(ksync_chan_send_timed(c, &value, &bad) == -EINVAL);
	CHECK(ksync_chan_send_timed(c, &value, &past) == -ETIMEDOUT);
	abs = models_in(5 * MSEC);
	CHECK(ksync_chan_send_timed(c, &value, &abs) == -ETIMEDOUT);
	CHECK(!chan_waiters(c) && ksync_chan_len(c) == 1);
	CHECK(!ksync_chan_recv_timed(c, &value, &late));
	CHECK(!ksync_chan_send_timed(c, &value, NULL));
	CHECK(!ksync_chan_destroy(c));
	return arg;
}

TEST_F(models, deadlines)
{
	RUN(timed, NULL);
}

/* Of any size, at any address; in the ring and from memory to memory. */
static void *sizes(void *arg)
{
	static const size_t size[] = { 1, 3, 7, 8, 9, 24, 4096 };
	char in[4100], out[4100];
	struct ksync_chan *c;
	size_t i, j, at;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		CHECK(!ksync_chan_create(&c, size[i], 3));
		for (j = 0; j < 8; j++) {
			at = 1 + j % 3;
			memset(out, 0x5a, sizeof(out));
			memset(in, j, sizeof(in));
			in[at] = 0x11;
			in[at + size[i] - 1] = 0x22;
			CHECK(!ksync_chan_send(c, in + at));
			CHECK(!ksync_chan_recv(c, out + at));
			CHECK(!memcmp(in + at, out + at, size[i]));
			CHECK(out[at - 1] == 0x5a && out[at + size[i]] == 0x5a);
			CHECK(!ksync_chan_send(c, in + at) && !ksync_chan_recv(c, NULL));
		}
		CHECK(!ksync_chan_destroy(c));
	}
	return arg;
}

TEST_F(models, values_of_any_size_and_alignment)
{
	RUN(sizes, NULL);
}

static void *signals(void *arg)
{
	struct ksync_chan *c;

	CHECK(ksync_chan_create(&c, 2, SIZE_MAX / 2) == -ENOMEM);
	CHECK(ksync_chan_create(&c, 2, SIZE_MAX) == -ENOMEM);
	CHECK(!ksync_chan_create(&c, 0, SIZE_MAX));
	CHECK(!ksync_chan_send(c, NULL) && !ksync_chan_send(c, NULL));
	CHECK(ksync_chan_len(c) == 2 && ksync_chan_cap(c) == SIZE_MAX);
	CHECK(!ksync_chan_recv(c, NULL) && !ksync_chan_recv(c, NULL));
	CHECK(ksync_chan_recv_try(c, NULL) == -EAGAIN);
	CHECK(!ksync_chan_destroy(c));
	return arg;
}

TEST_F(models, signals_have_no_size)
{
	RUN(signals, NULL);
}

static void *receive_and_destroy(void *arg)
{
	struct ksync_chan *c;
	struct other o;
	long i, value;

	for (i = 0; i < (long)arg; i++) {
		c = chan_of_longs(i & 1);
		o = (struct other){ .c = c, .value = i };
		CHECK(!ksync_task_spawn(&o.task, sends, &o, NULL));
		CHECK(!ksync_chan_recv(c, &value) && value == i);
		/* A buffered one has been sent: who sent it is not at the channel. */
		CHECK(!ksync_chan_destroy(c));
		CHECK(!other_joined(&o));
	}
	return NULL;
}

TEST_F(models, who_has_received_may_destroy_it)
{
	RUN(receive_and_destroy, (void *)(long)models_many(&variant->opts, 20000));
}

static void *all_wait(void *arg)
{
	return (void *)(long)ksync_chan_recv(arg, NULL);
}

TEST_F(models, tasks_that_wait_for_ever_are_a_deadlock)
{
	struct ksync_chan *c = chan_of_longs(0);

	EXPECT_EQ(-EDEADLK, ksync_sched_run(self->s, all_wait, c, NULL));
	EXPECT_EQ(0, ksync_sched_stop(self->s)); /* they are cancelled */
	EXPECT_EQ(0, ksync_chan_destroy(c));
	ASSERT_EQ(0, ksync_sched_start(&self->s, &variant->opts));
}

/* Plain threads at the other end. */
static void *thread_echoes(void *arg)
{
	struct ksync_chan **c = arg;
	long value;
	int ret;

	while (!(ret = ksync_chan_recv(c[0], &value)))
		CHECK(!ksync_chan_send(c[1], &value));
	CHECK(ret == -ENODATA);
	return NULL;
}

static void *talks_to_thread(void *arg)
{
	struct ksync_chan **c = arg;
	long i, value;

	for (i = 0; i < 500; i++) {
		CHECK(!ksync_chan_send(c[0], &i));
		CHECK(!ksync_chan_recv(c[1], &value) && value == i);
	}
	CHECK(!ksync_chan_close(c[0]));
	return NULL;
}

TEST_F(models, plain_threads_send_and_receive)
{
	struct ksync_chan *c[2] = { chan_of_longs(0), chan_of_longs(1) };
	const struct timespec soon = to_timespec(in(5 * MSEC));
	pthread_t thread;
	void *line;
	long value;

	EXPECT_EQ(-ETIMEDOUT, ksync_chan_recv_timed(c[0], &value, &soon));
	ksync_sched_hold(self->s);
	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_echoes, c));
	RUN(talks_to_thread, c);
	ASSERT_EQ(0, pthread_join(thread, &line));
	EXPECT_EQ(NULL, line);
	ksync_sched_release(self->s);
	EXPECT_EQ(0, ksync_chan_destroy(c[0]));
	EXPECT_EQ(0, ksync_chan_destroy(c[1]));
}

KSFT_MAIN
