// SPDX-License-Identifier: GPL-2.0
/* Two threads wake each other in turn: microseconds for there and back. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bench.h"

/* Something with a word that can be waited for. */
struct gate {
	const char *name;
	uint32_t *word;
	int (*wait)(uint32_t expected);
	int (*wake)(void);
};

static struct ksync_waitq waitq, over_futex;
static alignas(64) uint32_t futex_word;

static int wait_waitq(uint32_t expected)
{
	return ksync_waitq_wait(&waitq, expected);
}

static int wake_waitq(void)
{
	return ksync_waitq_wake(&waitq, 1);
}

static int wait_over_futex(uint32_t expected)
{
	return ksync_waitq_wait(&over_futex, expected);
}

static int wake_over_futex(void)
{
	return ksync_waitq_wake(&over_futex, 1);
}

static long futex(int op, uint32_t value)
{
	long ret = syscall(SYS_futex, &futex_word, op, value, NULL, NULL, 0);

	return ret < 0 ? -errno : ret;
}

static int wait_futex(uint32_t expected)
{
	return futex(FUTEX_WAIT, expected);
}

static int wake_futex(void)
{
	return futex(FUTEX_WAKE, 1);
}

static struct gate gates[] = {
	{ "futex", &futex_word, wait_futex, wake_futex },
	{ "ksync-futex", NULL, wait_over_futex, wake_over_futex },
	{ "ksync-waitq", NULL, wait_waitq, wake_waitq },
};

static const struct gate *gate;

static uint32_t read_word(void)
{
	return __atomic_load_n(gate->word, __ATOMIC_SEQ_CST);
}

static void write_word(uint32_t value)
{
	__atomic_store_n(gate->word, value, __ATOMIC_SEQ_CST);
}

static int turns;

/* Player 0 moves when the word is even, player 1 when it is odd. */
static void play(uint32_t player)
{
	uint32_t seen;
	int ret;

	for (int i = 0; i < turns; i++) {
		while (((seen = read_word()) & 1) != player) {
			ret = gate->wait(seen);
			if (ret != -EAGAIN)
				must(ret, gate->name);
		}
		write_word(seen + 1);
		must(gate->wake(), gate->name);
	}
}

static void *other(void *unused)
{
	play(1);
	return unused;
}

static double match(void)
{
	double begin = now();
	pthread_t thread;

	write_word(0);
	must(-pthread_create(&thread, NULL, other, NULL), "thread");
	play(0);
	pthread_join(thread, NULL);
	return now() - begin;
}

void bench_pingpong(void)
{
	const char *bench = on_plain_memory ? "ping-pong-native" : "ping-pong";
	const int nr = on_plain_memory ? 2 : 3;

	must(ksync_waitq_init(&over_futex, futex_domain(), 0), "waitq");
	gates[1].word = (uint32_t *)ksync_waitq_word(&over_futex);
	if (!on_plain_memory) {
		must(ksync_waitq_init(&waitq, domain(), 0), "waitq");
		gates[2].word = (uint32_t *)ksync_waitq_word(&waitq);
	}
	turns = seconds * 5000 + 1;
	printf("ping-pong: %d rounds\n", rounds);
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < nr; i++) {
			gate = &gates[i];
			printf("@ bench=%s threads=2 lock=%s round=%d us_turn=%.2f\n",
			       bench, gate->name, round, match() * 1e6 / turns);
		}
	}
}
