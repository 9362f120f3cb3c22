// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/proc.h"
#include "../../lib/sys.h"
#include "actor.h"
#include "crew.h"

static struct hand hands[CREW_MOST], helpers[CREW_MOST];
static unsigned int nr_hands;

static void (*work)(struct hand *h);
static uint32_t round_number, finished, wrong;

static uint32_t load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators"). */
uint32_t hand_random(struct hand *h, uint32_t below)
{
	h->random ^= h->random >> 12;
	h->random ^= h->random << 25;
	h->random ^= h->random >> 27;
	return ((h->random * 2685821657736338717ULL >> 32) * below) >> 32;
}

bool hand_once_in(struct hand *h, uint32_t times)
{
	return hand_random(h, times) == 0;
}

void hand_wrong(struct hand *h, const char *file, int line, const char *text)
{
	const char *name = strrchr(file, '/');

	if (!__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED))
		printf("# %s:%d: thread %u: %s\n", name ? name + 1 : file, line, h->number, text);
}

struct hand *crew_hand(unsigned int number)
{
	return &hands[number % nr_hands];
}

unsigned int crew_size(void)
{
	return nr_hands;
}

static void *hand(void *arg)
{
	struct hand *h = arg;
	uint32_t seen = 0;

	h->tid = sys_gettid();
	for (;;) {
		while (load(&round_number) == seen)
			sys_futex_wait(&round_number, seen, NULL);
		seen = load(&round_number);
		while (h->done < h->todo) {
			work(h);
			__atomic_store_n(&h->done, h->done + 1, __ATOMIC_RELAXED);
		}
		__atomic_fetch_add(&finished, 1, __ATOMIC_RELEASE);
		sys_futex_wake(&finished);
	}
	return NULL;
}

void hand_seed(struct hand *h, unsigned int number, uint64_t seed)
{
	h->number = number;
	h->random = (seed + 1) * 0x9e3779b97f4a7c15ULL + number * 0xbf58476d1ce4e5b9ULL;
	if (!h->random)
		h->random = 1;
}

void crew_start(unsigned int count, uint64_t seed)
{
	unsigned int i;

	nr_hands = count;
	for (i = 0; i < count; i++) {
		hand_seed(&hands[i], i, seed);
		hand_seed(&helpers[i], i, ~seed);
		hands[i].helper = &helpers[i];
		if (pthread_create(&hands[i].thread, NULL, hand, &hands[i])) {
			printf("# cannot start thread %u of %u\n", i + 1, count);
			exit(1);
		}
	}
}

static void report_hand(const struct hand *h, const char *who)
{
	const char *in = __atomic_load_n(&h->in, __ATOMIC_RELAXED);
	struct proc_stat stat = { .state = '?' };

	if (in)
		proc_stat(h->tid, &stat);
	if (in || h->todo)
		printf("# %s %u (task %d, %c): %u of %u done, is in %s%s%s\n", who, h->number,
		       h->tid, stat.state, h->done, h->todo, in ? in : "no call",
		       h->on ? " of " : "", h->on ? h->on : "");
}

static void report(void (*state)(void))
{
	unsigned int i;

	printf("# nothing has moved for %d s: %u of %u threads are through\n", px_patience(),
	       load(&finished), nr_hands);
	for (i = 0; i < nr_hands; i++) {
		report_hand(&hands[i], "thread");
		report_hand(&helpers[i], "helper of");
	}
	state();
}

static uint64_t all_done(void)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < nr_hands; i++)
		sum += __atomic_load_n(&hands[i].done, __ATOMIC_RELAXED);
	return sum;
}

int crew_round(void (*op)(struct hand *h), uint32_t times, void (*state)(void))
{
	const struct timespec look = { .tv_nsec = 100000000 };
	struct timespec end = px_late(CLOCK_MONOTONIC);
	uint64_t before = 0, now;
	uint32_t through;
	unsigned int i;

	for (i = 0; i < nr_hands; i++) {
		hands[i].done = 0;
		hands[i].todo = times;
	}
	work = op;
	finished = 0;
	wrong = 0;
	__atomic_fetch_add(&round_number, 1, __ATOMIC_RELEASE);
	sys(SYS_futex, &round_number, FUTEX_WAKE, nr_hands);
	while ((through = load(&finished)) < nr_hands) {
		sys_futex_wait(&finished, through, &look);
		now = all_done();
		if (now != before) {
			before = now;
			end = px_late(CLOCK_MONOTONIC);
		} else if (px_passed(CLOCK_MONOTONIC, &end)) {
			report(state);
			return -1;
		}
	}
	return wrong;
}
