// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Big: each sends pings to others, drawn by lot, one at a time, and answers those that it
 * gets.  What messages cost if all talk to all.
 *
 * Verified: each ping was answered once, by whom it was sent to.  Fault: one answer is to
 * another ping.
 */
#include "savina_actor.h"

enum big_kind {
	BIG_PING,
	BIG_PONG,
	BIG_EXIT,
	BIG_START,
};

struct big_message {
	enum big_kind kind;
	long from;
	long value;
};

struct big_worker {
	struct ksync_chan *in;
	struct ksync_chan *sink;
	struct ksync_pid pid;
	struct ksync_pid main;
	struct big_worker *all;
	const struct savina *s;
	long id;
	uint32_t random;
	long asked;
	long sent;
	long pings;
	long wrong;
};

/* The next ping. Return: to whom. */
static long big_ask(struct big_worker *w, struct big_message *m)
{
	w->asked = savina_random(&w->random) % (w->s->size[0] - 1);
	w->asked += w->asked >= w->id;
	*m = (struct big_message){ BIG_PING, w->id, w->sent++ };
	return w->asked;
}

/* A ping becomes its answer. Return: to whom. */
static long big_answer(struct big_worker *w, struct big_message *m)
{
	long to = m->from;

	w->pings++;
	if (w->s->fault && m->from == 1 && m->value == w->s->size[1] / 2)
		m->value++;
	m->kind = BIG_PONG;
	m->from = w->id;
	return to;
}

/* Return: whether there are more to be sent. */
static bool big_answered(struct big_worker *w, const struct big_message *m)
{
	w->wrong += m->from != w->asked || m->value != w->sent - 1;
	return w->sent < w->s->size[1];
}

static struct big_worker *big_workers(const struct savina *s)
{
	struct big_worker *w = savina_alloc(s->size[0], sizeof(*w));
	long i;

	for (i = 0; i < s->size[0]; i++) {
		w[i].all = w;
		w[i].s = s;
		w[i].id = i;
		w[i].random = i + 1;
	}
	return w;
}

static const char *big_verify(struct savina *s, const struct big_worker *w)
{
	long pings = 0, i;

	for (i = 0; i < s->size[0]; i++) {
		if (w[i].wrong)
			return savina_wrong(s, "worker %ld had %ld wrong answers", i, w[i].wrong);
		if (w[i].sent != s->size[1])
			return savina_wrong(s, "worker %ld sent %ld of %ld pings", i,
					    w[i].sent, s->size[1]);
		pings += w[i].pings;
	}
	if (pings != s->size[0] * s->size[1])
		return savina_wrong(s, "%ld of %ld pings came", pings,
				    s->size[0] * s->size[1]);
	return NULL;
}

static void big_send_ping(struct big_worker *w)
{
	struct big_message m;
	long to = big_ask(w, &m);

	savina_send(w->all[to].in, &m);
}

static int big_worker(void *arg)
{
	struct big_worker *w = arg;
	struct big_message m;
	long to;

	big_send_ping(w);
	while (1) {
		savina_recv(w->in, &m);
		if (m.kind == BIG_EXIT)
			return 0;
		if (m.kind == BIG_PING) {
			to = big_answer(w, &m);
			savina_send(w->all[to].in, &m);
		} else if (big_answered(w, &m)) {
			big_send_ping(w);
		} else {
			savina_send(w->sink, NULL);
		}
	}
}

/* In a channel there is room for all that can be under way: nobody waits for room. */
static const char *big_channels(struct savina *s)
{
	struct ksync_chan *sink = savina_chan(0, s->size[0]);
	struct big_message exit = { .kind = BIG_EXIT };
	struct big_worker *w = big_workers(s);
	struct ksync_scope scope;
	const char *wrong;
	long i;

	for (i = 0; i < s->size[0]; i++) {
		w[i].in = savina_chan(sizeof(struct big_message), s->size[0] + 1);
		w[i].sink = sink;
	}
	savina_must(ksync_scope_begin(&scope, 0));
	for (i = 0; i < s->size[0]; i++)
		savina_spawn(&scope, big_worker, &w[i]);
	for (i = 0; i < s->size[0]; i++)
		savina_recv(sink, NULL);
	for (i = 0; i < s->size[0]; i++)
		savina_send(w[i].in, &exit);
	savina_must(ksync_scope_end(&scope));
	for (i = 0; i < s->size[0]; i++)
		savina_must(ksync_chan_destroy(w[i].in));
	savina_must(ksync_chan_destroy(sink));
	wrong = big_verify(s, w);
	free(w);
	return wrong;
}

static void big_tell_ping(struct big_worker *w)
{
	struct big_message m;
	long to = big_ask(w, &m);

	savina_tell(w->all[to].pid, BIG_PING, &m, sizeof(m));
}

static int big_actor(void *arg)
{
	static const uint32_t start = BIG_START;
	struct big_worker *w = arg;
	struct ksync_message *first;
	struct big_message m;
	uint32_t tag;
	long to;

	savina_must(ksync_actor_receive_tags(&first, &start, 1, NULL));
	ksync_message_free(first);
	big_tell_ping(w);
	while (1) {
		tag = savina_hear(NULL, &m, sizeof(m));
		if (tag == BIG_EXIT)
			return 0;
		if (tag == BIG_PING) {
			to = big_answer(w, &m);
			savina_tell(w->all[to].pid, BIG_PONG, &m, sizeof(m));
		} else if (big_answered(w, &m)) {
			big_tell_ping(w);
		} else {
			savina_tell(w->main, BIG_PONG, NULL, 0);
		}
	}
}

static const char *big_actors(struct savina *s)
{
	struct big_worker *w = big_workers(s);
	const char *wrong;
	long i;

	savina_actors_begin();
	for (i = 0; i < s->size[0]; i++) {
		w[i].main = ksync_actor_self();
		w[i].pid = savina_actor(big_actor, &w[i]);
	}
	for (i = 0; i < s->size[0]; i++)
		savina_tell(w[i].pid, BIG_START, NULL, 0); /* all have an address */
	for (i = 0; i < s->size[0]; i++)
		savina_hear(NULL, NULL, 0);
	for (i = 0; i < s->size[0]; i++)
		savina_tell(w[i].pid, BIG_EXIT, NULL, 0);
	savina_actors_end(s->size[0]);
	wrong = big_verify(s, w);
	free(w);
	return wrong;
}

const struct savina_bench savina_big = {
	.name = "big",
	.size = { "WORKERS", "PINGS" },
	.small = { 8, 100 },
	.run = {
		[SAVINA_CHANNELS] = big_channels,
		[SAVINA_ACTORS] = big_actors,
	},
};
