// SPDX-License-Identifier: GPL-2.0
/*
 * Broken forks: see busted.c.
 */
#include <pthread.h>
#include <unistd.h>

#include "busted.h"

#define MOST 16

static int depth;
static pid_t forking;
static __thread pid_t self;
static bool mixed_up;

int busted_depth(void)
{
	return depth;
}

bool busted_mixed_up(void)
{
	return mixed_up;
}

/* Where all forks share one note, the last one that began owns it. */
static void note_fork(void)
{
	if (!on("forks_are_mixed_up"))
		return;
	self = gettid();
	__atomic_store_n(&forking, self, __ATOMIC_RELAXED);
	usleep(1000);
}

static void forked(void)
{
	depth++;
	mixed_up = on("forks_are_mixed_up") && forking != self;
}

static void __attribute__((constructor)) watch_forks(void)
{
	pthread_atfork(note_fork, NULL, forked);
}

static void (*prepares[MOST])(void);
static unsigned int registered, called;

/* The first that is called runs the handler that was registered first. */
static void prepare_in_order(void)
{
	void (*fn)(void) = prepares[called];

	called = (called + 1) % registered;
	fn();
}

/* What pthread_atfork() calls, which is linked into each program. */
int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso);

int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso)
{
	if (prepare && prepare != note_fork) {
		if (on("atfork_forgets_the_child"))
			child = NULL;
		if (on("atfork_prepares_in_order") && registered < MOST) {
			prepares[registered++] = prepare;
			prepare = prepare_in_order;
		}
	}
	return NEXT(__register_atfork)(prepare, parent, child, dso);
}
