/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a crew hammers, and how: any thread, at random, with short timeouts,
 * cancellation and signals between.
 */
#ifndef POSIX_HAMMER_H
#define POSIX_HAMMER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <time.h>

#include "crew.h"

/**
 * struct stuff - all that is hammered
 * @clock: of the condition variables
 * @back: of the semaphore, posted for each that is taken
 * @inside: how many have the mutex
 * @count: how often it was taken by hammer_mutex()
 * @tickets: those in the queue, of which there are at most @room_for
 * @came: those that wait at the gate
 * @turn: counts how often all went through
 * @timed: of so many waits two or three are timed
 * @helpers: of so many that are taken one is taken by a helper
 * @x, @y: alike, unless somebody writes
 * @written: how often somebody wrote
 */
struct stuff {
	pthread_mutex_t mutex;
	pthread_cond_t more, room;
	clockid_t clock;
	sem_t sem, back;
	pthread_rwlock_t rwlock;
	int inside;
	uint64_t count;
	uint32_t tickets, room_for;
	uint32_t came, turn;
	uint32_t timed, helpers;
	uint64_t x, y, written;
};

extern struct stuff stuff;

/**
 * struct tally - what happened to all threads
 * @locked: what stuff.count is to be
 * @writes: what stuff.written is to be
 */
extern struct tally {
	uint64_t locked, writes;
	uint64_t timeouts, cancelled, signals;
} tally;

/*
 * For crew_round().  Each second hand gives, to the queue and the semaphore; at the
 * gate all wait for all.
 */
void hammer_queue(struct hand *h);
void hammer_gate(struct hand *h);
void hammer_mutex(struct hand *h);
void hammer_sem(struct hand *h);
void hammer_rwlock(struct hand *h);
/* All but the gate in turn; stuff.room_for has to be UINT32_MAX: there is always room. */
void hammer_mixed(struct hand *h);

/* The handler of the signal that they send one another: SIGUSR1. */
void hammer_signal(int sig);

#endif /* POSIX_HAMMER_H */
