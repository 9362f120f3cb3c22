/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A crew: threads that do one and the same thing very often and at random, and
 * somebody who watches whether they get on.
 *
 * They begin and end a round through futexes of their own, never through what is
 * under test.  A lost wake-up shows at the end of a round at the latest: what others
 * do no longer helps the one that sleeps.
 */
#ifndef POSIX_CREW_H
#define POSIX_CREW_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct hand - one thread
 * @thread: for pthread_kill(), if it is one of the crew and no helper
 * @tid: its number in /proc
 * @number: from 0 on
 * @random: state of its random numbers
 * @in: the call that it is in, or NULL
 * @on: the object of that call, if the call does not name it
 * @done: what it has done in this round, of @todo
 * @helper: a thread that it starts now and then is this one
 * @took: how far the helper got
 */
struct hand {
	pthread_t thread;
	pid_t tid;
	unsigned int number;
	uint64_t random;
	const char *in, *on;
	uint32_t done, todo;
	struct hand *helper;
	enum { NOTHING, TAKING, TAKEN } took;
};

#define CREW_MOST	64

/* Do a thing, the watcher knows which. */
#define IN(h, call)							\
({									\
	struct hand *__h = h;						\
	__typeof__(call) __ret;						\
									\
	__atomic_store_n(&__h->in, #call, __ATOMIC_RELAXED);		\
	__ret = call;							\
	__atomic_store_n(&__h->in, NULL, __ATOMIC_RELAXED);		\
	__ret;								\
})

/* The same with a function of ours, that is given an object. */
#define ON(h, fn, object)						\
do {									\
	struct hand *__on = h;						\
									\
	__on->on = #object;						\
	fn(__on, object);						\
	__on->on = NULL;						\
} while (0)

/* The same numbers each time, others for each @number. */
void hand_seed(struct hand *h, unsigned int number, uint64_t seed);
/* From 0 to @below - 1. */
uint32_t hand_random(struct hand *h, uint32_t below);
/* Once in so many times. */
bool hand_once_in(struct hand *h, uint32_t times);
/* What it found is wrong; said once a round, with the place. */
#define WRONG(h, text) hand_wrong(h, __FILE__, __LINE__, text)
void hand_wrong(struct hand *h, const char *file, int line, const char *text);

/* So many threads wait for work. */
void crew_start(unsigned int hands, uint64_t seed);
/* One of them, to be sent a signal or told apart. */
struct hand *crew_hand(unsigned int number);
unsigned int crew_size(void);

/**
 * crew_round() - all hands do something, so many times each
 * @op: called over and over
 * @times: how often, by each
 * @state: prints what the objects are like, if the hands do not get on
 *
 * Return: 0, or how often a hand found something wrong.  If nothing moves for
 * px_patience() seconds: -1, with it printed who waits for what; they wait still.
 */
int crew_round(void (*op)(struct hand *h), uint32_t times, void (*state)(void));

#endif /* POSIX_CREW_H */
