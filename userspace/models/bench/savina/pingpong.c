// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Ping-pong: one sends a number, the other answers with the next, so many times.  What
 * a message costs if nothing else is to do.
 *
 * Verified: each number is one above the last, to the end.  Fault: one answer is the
 * number that was sent.
 */
#include "savina_actor.h"

struct pingpong {
	struct ksync_chan *ping;
	struct ksync_chan *pong;
	long fault_at;
	long seen;
};

static int pingpong_pong(void *arg)
{
	struct pingpong *p = arg;
	long value;

	while (!ksync_chan_recv(p->ping, &value)) {
		value += p->seen++ != p->fault_at;
		savina_send(p->pong, &value);
	}
	return 0;
}

static const char *pingpong_verify(struct savina *s, long seen, long value)
{
	if (seen != s->size[0])
		return savina_wrong(s, "pong has seen %ld of %ld", seen, s->size[0]);
	if (value != s->size[0])
		return savina_wrong(s, "the last answer is %ld, and not %ld", value, s->size[0]);
	return NULL;
}

static const char *pingpong_channels(struct savina *s)
{
	struct pingpong p = { .fault_at = s->fault ? s->size[0] / 2 : -1 };
	struct ksync_scope scope;
	long i, value = 0;

	p.ping = savina_chan(sizeof(long), 0);
	p.pong = savina_chan(sizeof(long), 0);
	savina_must(ksync_scope_begin(&scope, 0));
	savina_spawn(&scope, pingpong_pong, &p);
	for (i = 0; i < s->size[0]; i++) {
		savina_send(p.ping, &value);
		savina_recv(p.pong, &value);
	}
	savina_must(ksync_chan_close(p.ping));
	savina_must(ksync_scope_end(&scope));
	savina_must(ksync_chan_destroy(p.ping));
	savina_must(ksync_chan_destroy(p.pong));
	return pingpong_verify(s, p.seen, value);
}

enum pingpong_tag {
	PINGPONG_PING,
	PINGPONG_PONG,
	PINGPONG_STOP,
};

static int pingpong_actor(void *arg)
{
	struct pingpong *p = arg;
	struct ksync_pid from;
	long value;

	while (savina_hear(&from, &value, sizeof(value)) == PINGPONG_PING) {
		value += p->seen++ != p->fault_at;
		savina_tell(from, PINGPONG_PONG, &value, sizeof(value));
	}
	return 0;
}

static const char *pingpong_actors(struct savina *s)
{
	struct pingpong p = { .fault_at = s->fault ? s->size[0] / 2 : -1 };
	struct ksync_pid pong;
	long i, value = 0;

	savina_actors_begin();
	pong = savina_actor(pingpong_actor, &p);
	for (i = 0; i < s->size[0]; i++) {
		savina_tell(pong, PINGPONG_PING, &value, sizeof(value));
		savina_hear(NULL, &value, sizeof(value));
	}
	savina_tell(pong, PINGPONG_STOP, NULL, 0);
	savina_actors_end(1);
	return pingpong_verify(s, p.seen, value);
}

const struct savina_bench savina_pingpong = {
	.name = "pingpong",
	.size = { "PINGS" },
	.small = { 200 },
	.run = {
		[SAVINA_CHANNELS] = pingpong_channels,
		[SAVINA_ACTORS] = pingpong_actors,
	},
};
