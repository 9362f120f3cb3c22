/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What may take the longer, the more wait or the more objects there are:
 *
 *	queues.c	waiters of one object
 *	owners.c	what has owners: chains, readers, death
 *	objects.c	many objects
 */
#ifndef KSYNC_LATENCY_SCENES_H
#define KSYNC_LATENCY_SCENES_H

#include <stdbool.h>
#include <stdint.h>
#include <tools.h>

/* What is to be looked at of a scene. */
enum {
	SCENE_ANY = 1,		/* not only the module's own sections: interrupts as well */
	SCENE_QUIET = 2,	/* the module has none, or need not */
};

/**
 * struct scene - something to do with n of something
 * @name: what is done
 * @of: n of what
 * @small: n, small
 * @large: n, large; 0: as many waiters as the options say
 * @times: how many times longer a section may be with the large one
 * @flags: SCENE_*
 * @prepare: what comes before, in a new domain
 * @act: what is looked at
 * @finish: what comes after
 */
struct scene {
	const char *name;
	const char *of;
	int small;
	int large;
	int times;
	int flags;
	void (*prepare)(int n);
	void (*act)(int n);
	void (*finish)(int n);
};

/* Each ends with one without a name. */
extern const struct scene queue_scenes[], owner_scenes[], object_scenes[];

/* The domain of this round. */
extern struct ksync *domain;

/* Sleep until so many wait for an object. */
void await_waiters(struct ksync_object *o, unsigned int n);
void sleep_ms(int ms);
/* The time in so many ms, on CLOCK_MONOTONIC. */
struct timespec in_ms(int ms);

#endif /* KSYNC_LATENCY_SCENES_H */
