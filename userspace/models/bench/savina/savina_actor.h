/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What the variants of actors share.  The task that runs one becomes an actor itself, and
 * monitors those that it starts.
 */
#ifndef SAVINA_ACTOR_H
#define SAVINA_ACTOR_H

#include <string.h>
#include <ksync/actor.h>
#include "savina.h"

static inline void savina_actors_begin(void)
{
	savina_must(ksync_actor_attach(NULL));
}

static inline struct ksync_pid savina_actor(int (*fn)(void *arg), void *arg)
{
	const struct ksync_actor_attr attr = { .flags = KSYNC_ACTOR_MONITOR };
	struct ksync_pid pid;

	savina_must(ksync_actor_spawn(&pid, fn, arg, &attr));
	return pid;
}

static inline void savina_tell(struct ksync_pid to, uint32_t tag, const void *data,
			       size_t size)
{
	savina_must(ksync_actor_send(to, tag, data, size));
}

/**
 * savina_hear() - receive the first message
 * @from: set to who has sent it; or NULL
 * @data: what it carries is copied; zeros, if that is not of this size
 * @size: of @data
 *
 * Return: its tag.
 */
static inline uint32_t savina_hear(struct ksync_pid *from, void *data, size_t size)
{
	struct ksync_message *m;
	uint32_t tag;

	savina_must(ksync_actor_receive(&m));
	tag = m->tag;
	if (from)
		*from = m->from;
	if (size && m->size == size)
		memcpy(data, m->data, size);
	else if (size)
		memset(data, 0, size);
	ksync_message_free(m);
	return tag;
}

/* Wait for the end of one of those that were started. */
static inline void savina_actor_ended(void)
{
	static const uint32_t down = KSYNC_TAG_DOWN;
	struct ksync_message *m;

	savina_must(ksync_actor_receive_tags(&m, &down, 1, NULL));
	savina_must(ksync_message_ended(m)->reason);
	ksync_message_free(m);
}

/* So many have not ended yet. */
static inline void savina_actors_end(long n)
{
	while (n--)
		savina_actor_ended();
	savina_must(ksync_actor_detach(0));
}

#endif /* SAVINA_ACTOR_H */
