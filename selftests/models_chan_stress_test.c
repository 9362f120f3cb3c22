// SPDX-License-Identifier: GPL-2.0
/*
 * Channels under load, of tasks and plain threads at a time: no value is lost or comes
 * twice, and a sender's come in order, whatever deadlines, cancellation, selects and
 * close do meanwhile.  A wake-up that is lost is a deadlock, or a test that runs out of
 * its time.
 */
#include <pthread.h>
#include <string.h>

#include "lib/ksft.h"
#include "lib/chan.h"

#define CREW	4	/* tasks that send, and tasks that receive */
#define THREADS	2	/* plain threads that send, and that receive */
#define ALL	(CREW + THREADS)

/* A value: who sends it, and its number. */
struct value {
	uint32_t from;
	uint32_t number;
	char more[5]; /* of no even size */
};

static struct stage {
	struct ksync_chan *c;
	long rounds;
	long sum[2];		/* of numbers sent and received */
	long count[2];
	uint32_t senders;	/* that are not through */
} stage;

static void counted(int what, const struct value *v, long n)
{
	__atomic_add_fetch(&stage.sum[what], v->number, __ATOMIC_RELAXED);
	__atomic_add_fetch(&stage.count[what], n, __ATOMIC_RELAXED);
}

/* Whoever was the last to send closes the channel. */
static void through(void)
{
	if (!__atomic_sub_fetch(&stage.senders, 1, __ATOMIC_ACQ_REL))
		ksync_chan_close(stage.c);
}

static void *send_all(void *from)
{
	struct value v = { .from = (long)from };

	for (v.number = 1; v.number <= stage.rounds; v.number++) {
		memset(v.more, v.number, sizeof(v.more));
		CHECK(!ksync_chan_send(stage.c, &v));
		counted(0, &v, 1);
	}
	through();
	return NULL;
}

static void *receive_all(void *unused)
{
	uint32_t last[ALL] = { 0 };
	struct value v;
	int ret;

	while (!(ret = ksync_chan_recv(stage.c, &v))) {
		CHECK(v.from < ALL && v.number > last[v.from]);
		CHECK(v.more[0] == (char)v.number && v.more[4] == (char)v.number);
		last[v.from] = v.number;
		counted(1, &v, 1);
	}
	CHECK(ret == -ENODATA);
	(void)unused;
	return NULL;
}

/* The crew, in tasks. */
static void *crew(void *arg)
{
	void *(**fn)(void *) = arg;
	struct ksync_task *t[2 * CREW];
	void *line;
	long i;

	for (i = 0; i < 2 * CREW; i++)
		CHECK(!ksync_task_spawn(&t[i], fn[i % 2], (void *)(i / 2), NULL));
	for (i = 0; i < 2 * CREW; i++) {
		CHECK(!ksync_task_join(t[i], &line));
		if (line)
			return line;
	}
	return NULL;
}

static void begin(size_t cap, long rounds)
{
	memset(&stage, 0, sizeof(stage));
	stage.rounds = rounds;
	stage.senders = ALL;
	if (ksync_chan_create(&stage.c, sizeof(struct value), cap))
		abort();
}

/* All of them, tasks and threads; the channel is closed by the last that sends. */
static void *play(struct ksync_sched *s, void *(*sender)(void *), void *(*receiver)(void *))
{
	void *(*fn[])(void *) = { sender, receiver };
	pthread_t threads[2 * THREADS];
	void *line, *result;
	long i;

	ksync_sched_hold(s);
	for (i = 0; i < 2 * THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, fn[i % 2],
				      (void *)(CREW + i / 2)));
	CHECK(!ksync_sched_run(s, crew, fn, &line));
	for (i = 0; i < 2 * THREADS; i++) {
		CHECK(!pthread_join(threads[i], &result));
		line = line ? line : result;
	}
	ksync_sched_release(s);
	return line;
}

#define PLAY(sender, receiver) do {					\
	void *line_ = play(self->s, sender, receiver);			\
	EXPECT_EQ(NULL, line_) TH_LOG("at line %ld", (long)line_);	\
} while (0)

/* Nothing is left, nobody waits, and what was sent was received. */
#define END() do {							\
	EXPECT_EQ(0, ksync_chan_len(stage.c));				\
	EXPECT_EQ(0, ksync_chan_destroy(stage.c));			\
	EXPECT_EQ(stage.count[0], stage.count[1]);			\
	EXPECT_EQ(stage.sum[0], stage.sum[1]);				\
} while (0)

static long rounds_of(const struct ksync_sched_opts *opts, long many)
{
	if (opts->flags & KSYNC_SCHED_MIGRATE || opts->model == KSYNC_MODEL_11)
		many /= 4;
	return slow_factor() > 1 ? many / 50 + 1 : many;
}

static const size_t caps[] = { 0, 1, 7 };

TEST_F(models, all_is_received_in_order)
{
	const long rounds = rounds_of(&variant->opts, 4000);
	size_t i;

	for (i = 0; i < 3; i++) {
		begin(caps[i], rounds);
		PLAY(send_all, receive_all);
		EXPECT_EQ(ALL * rounds, stage.count[0]);
		EXPECT_EQ(ALL * rounds * (rounds + 1) / 2, stage.sum[0]);
		END();
	}
}

/* Deadlines that are just over, about now, and some that are not reached. */
static struct timespec about_now(uint64_t *random)
{
	*random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
	return models_in((*random >> 33) % 8 * 4000);
}

static int send_somehow(struct value *v, uint64_t *random)
{
	const struct timespec abs = about_now(random);
	struct ksync_case cases[] = {
		KSYNC_SEND(stage.c, v), KSYNC_SEND(NULL, v), KSYNC_SEND(stage.c, v),
	};
	int ret;

	switch (*random >> 40 & 3) {
	case 0:
		return ksync_chan_send_try(stage.c, v);
	case 1:
		return ksync_chan_send_timed(stage.c, v, &abs);
	case 2:
		ret = ksync_select_timed(cases, 3, &abs);
		return ret < 0 ? ret : cases[ret].result;
	}
	return ksync_chan_send(stage.c, v);
}

static int receive_somehow(struct value *v, uint64_t *random)
{
	const struct timespec abs = about_now(random);
	struct ksync_case cases[] = { KSYNC_RECV(stage.c, v), KSYNC_RECV(stage.c, v) };
	int ret;

	switch (*random >> 40 & 3) {
	case 0:
		return ksync_chan_recv_try(stage.c, v);
	case 1:
		return ksync_chan_recv_timed(stage.c, v, &abs);
	case 2:
		ret = ksync_select_timed(cases, 2, &abs);
		return ret < 0 ? ret : cases[ret].result;
	}
	return ksync_chan_recv(stage.c, v);
}

static bool gave_up(int ret)
{
	if (ret == -EAGAIN)
		ksync_task_yield();
	return ret == -ETIMEDOUT || ret == -EAGAIN;
}

static void *send_impatiently(void *from)
{
	struct value v = { .from = (long)from };
	uint64_t random = (long)from;
	int ret;

	for (v.number = 1; v.number <= stage.rounds; v.number++) {
		ret = send_somehow(&v, &random);
		CHECK(!ret || gave_up(ret));
		if (!ret)
			counted(0, &v, 1);
	}
	through();
	return NULL;
}

static void *receive_impatiently(void *n)
{
	uint64_t random = 1000 + (long)n;
	uint32_t last[ALL] = { 0 };
	struct value v;
	int ret;

	while ((ret = receive_somehow(&v, &random)) != -ENODATA) {
		CHECK(!ret || gave_up(ret));
		if (ret)
			continue;
		CHECK(v.from < ALL && v.number > last[v.from]);
		last[v.from] = v.number;
		counted(1, &v, 1);
	}
	return NULL;
}

TEST_F(models, nothing_is_lost_to_deadlines)
{
	size_t i;

	for (i = 0; i < 3; i++) {
		begin(caps[i], rounds_of(&variant->opts, 1500));
		PLAY(send_impatiently, receive_impatiently);
		END();
	}
}

/* Close, in the middle: what was sent is received, and nobody sends after. */
static void *send_until_closed(void *from)
{
	struct value v = { .from = (long)from };
	uint64_t random = (long)from;
	int ret;

	for (v.number = 1; ; v.number++) {
		ret = send_somehow(&v, &random);
		if (ret == -EPIPE)
			break;
		CHECK(!ret || gave_up(ret));
		if (!ret)
			counted(0, &v, 1);
		if (!from && v.number == stage.rounds)
			CHECK(!ksync_chan_close(stage.c));
	}
	CHECK(ksync_chan_close(stage.c) == -EPIPE);
	return NULL;
}

TEST_F(models, close_under_load)
{
	int i;

	for (i = 0; i < 12; i++) {
		begin(caps[i % 3], rounds_of(&variant->opts, 150));
		PLAY(send_until_closed, receive_impatiently);
		END();
	}
}

/* Tasks that are cancelled wherever they are, while others go on. */
static void *until_cancelled(void *n)
{
	struct value v = { .number = 1 };
	uint64_t random = (long)n;
	int ret;

	do {
		ret = (long)n % 2 ? receive_somehow(&v, &random) :
				    send_somehow(&v, &random);
		CHECK(!ret || ret == -ECANCELED || gave_up(ret));
		if (!ret)
			counted((long)n % 2, &v, 1);
		v.number = v.number % 100000 + 1;
	} while (ret != -ECANCELED && !ksync_task_cancelled());
	return NULL;
}

static void *cancels(void *arg)
{
	struct ksync_task *t[8];
	long i, round, turns, seed = 2;
	struct value v;
	void *line;

	for (round = 0; round < stage.rounds; round++) {
		for (i = 0; i < 8; i++)
			CHECK(!ksync_task_spawn(&t[i], until_cancelled,
						(void *)(seed += 1), NULL));
		for (i = 0; i < 8; i++) {
			/* A seeded clock would stand still, as somebody runs. */
			for (turns = (round * 8 + i) * 7919 % 13 * 5; turns; turns--)
				ksync_task_yield();
			ksync_task_cancel(t[i]);
		}
		for (i = 0; i < 8; i++)
			CHECK(!ksync_task_join(t[i], &line) && !line);
		CHECK(!chan_waiters(stage.c));
		while (!ksync_chan_recv_try(stage.c, &v))
			counted(1, &v, 1);
	}
	return arg;
}

TEST_F(models, nothing_is_lost_to_cancellation)
{
	size_t i;

	for (i = 0; i < 3; i++) {
		begin(caps[i], rounds_of(&variant->opts, 60));
		RUN(cancels, NULL);
		END();
	}
}

/*
 * Tokens that go about between channels by selects that send and receive at a time,
 * of each channel now in this order and now in that: none is lost, and no two selects
 * wait for each other's locks.
 */
#define RINGS	5
#define TOKENS	7

static struct ksync_chan *ring[RINGS];

static void *moves_tokens(void *n)
{
	uint64_t random = (long)n + 1;
	long held = -1, got = -1, i, at;
	struct ksync_case cases[2 * RINGS];
	struct timespec abs;
	int done;

	for (i = 0; i < stage.rounds || held >= 0; i++) {
		abs = about_now(&random);
		at = random >> 50;
		for (int j = 0; j < RINGS; j++) {
			struct ksync_chan *c = ring[(at + (at & 32 ? j : RINGS - j)) % RINGS];
			struct ksync_chan *from = held < 0 ? c : NULL;
			struct ksync_chan *to = held < 0 ? NULL : c;

			cases[j] = (struct ksync_case)KSYNC_RECV(from, &got);
			cases[RINGS + j] = (struct ksync_case)KSYNC_SEND(to, &held);
		}
		done = ksync_select_timed(cases, 2 * RINGS, &abs);
		if (done < 0) {
			CHECK(done == -ETIMEDOUT);
			continue;
		}
		CHECK(!cases[done].result);
		held = done < RINGS ? got : -1;
	}
	return NULL;
}

static void *token_crew(void *arg)
{
	struct ksync_task *t[6];
	long i, value, seen = 0;
	void *line;

	for (i = 0; i < TOKENS; i++)
		CHECK(!ksync_chan_send(ring[i % RINGS], &i));
	for (i = 0; i < 6; i++)
		CHECK(!ksync_task_spawn(&t[i], moves_tokens, (void *)i, NULL));
	for (i = 0; i < 6; i++)
		CHECK(!ksync_task_join(t[i], &line) && !line);
	for (i = 0; i < RINGS; i++) {
		CHECK(!chan_waiters(ring[i]));
		while (!ksync_chan_recv_try(ring[i], &value))
			seen += 1L << 4 * value;
	}
	CHECK(seen == 0x1111111); /* each of the seven, once */
	return arg;
}

TEST_F(models, selects_lose_no_token)
{
	int i;

	memset(&stage, 0, sizeof(stage));
	stage.rounds = rounds_of(&variant->opts, 2000);
	for (i = 0; i < RINGS; i++)
		ASSERT_NE(NULL, ring[i] = chan_of_longs(2));
	RUN(token_crew, NULL);
	for (i = 0; i < RINGS; i++)
		EXPECT_EQ(0, ksync_chan_destroy(ring[i]));
}

KSFT_MAIN
