// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Thread ring: a token that says how often it is still to be passed on goes round a ring.
 * What a message costs if who has it is another one each time.
 *
 * Verified: each has had the token as often as it should.  Fault: one takes two off.
 */
#include "savina_actor.h"

struct threadring_node {
	struct ksync_chan *in;
	struct ksync_chan *out;
	struct ksync_chan *done;
	struct ksync_pid pid;
	struct ksync_pid main;
	struct threadring_node *next;
	bool fault;
	long seen;
};

static int threadring_node(void *arg)
{
	struct threadring_node *n = arg;
	long left;

	while (!ksync_chan_recv(n->in, &left)) {
		n->seen++;
		if (!left) {
			savina_send(n->done, &left);
			continue;
		}
		left -= n->fault && n->seen == 1 && left > 1 ? 2 : 1;
		savina_send(n->out, &left);
	}
	return 0;
}

/* The token comes to the first with all of it, and to each with one less than before. */
static const char *threadring_verify(struct savina *s, const struct threadring_node *nodes)
{
	long n = s->size[0], hops = s->size[1], i, should;

	for (i = 0; i < n; i++) {
		should = i <= hops ? (hops - i) / n + 1 : 0;
		if (nodes[i].seen != should)
			return savina_wrong(s, "node %ld had the token %ld times, and not %ld",
					    i, nodes[i].seen, should);
	}
	return NULL;
}

static const char *threadring_channels(struct savina *s)
{
	long n = s->size[0], left = s->size[1], i;
	struct threadring_node *nodes = savina_alloc(n, sizeof(*nodes));
	struct ksync_chan *done = savina_chan(sizeof(long), 0);
	struct ksync_scope scope;
	const char *wrong;

	for (i = 0; i < n; i++) {
		nodes[i].in = savina_chan(sizeof(long), 0);
		nodes[i].done = done;
		nodes[i].fault = s->fault && i == 1;
	}
	savina_must(ksync_scope_begin(&scope, 0));
	for (i = 0; i < n; i++) {
		nodes[i].out = nodes[(i + 1) % n].in;
		savina_spawn(&scope, threadring_node, &nodes[i]);
	}
	savina_send(nodes[0].in, &left);
	savina_recv(done, &left);
	for (i = 0; i < n; i++)
		savina_must(ksync_chan_close(nodes[i].in));
	savina_must(ksync_scope_end(&scope));
	for (i = 0; i < n; i++)
		savina_must(ksync_chan_destroy(nodes[i].in));
	savina_must(ksync_chan_destroy(done));
	wrong = threadring_verify(s, nodes);
	free(nodes);
	return wrong;
}

enum threadring_tag {
	THREADRING_TOKEN,
	THREADRING_DONE,
	THREADRING_STOP,
};

static int threadring_actor(void *arg)
{
	struct threadring_node *n = arg;
	long left;

	while (savina_hear(NULL, &left, sizeof(left)) == THREADRING_TOKEN) {
		n->seen++;
		if (!left) {
			savina_tell(n->main, THREADRING_DONE, NULL, 0);
			continue;
		}
		left -= n->fault && n->seen == 1 && left > 1 ? 2 : 1;
		savina_tell(n->next->pid, THREADRING_TOKEN, &left, sizeof(left));
	}
	return 0;
}

static const char *threadring_actors(struct savina *s)
{
	long n = s->size[0], left = s->size[1], i;
	struct threadring_node *nodes = savina_alloc(n, sizeof(*nodes));
	const char *wrong;

	savina_actors_begin();
	for (i = 0; i < n; i++) {
		nodes[i].main = ksync_actor_self();
		nodes[i].next = &nodes[(i + 1) % n];
		nodes[i].fault = s->fault && i == 1;
		nodes[i].pid = savina_actor(threadring_actor, &nodes[i]);
	}
	savina_tell(nodes[0].pid, THREADRING_TOKEN, &left, sizeof(left));
	savina_hear(NULL, NULL, 0);
	for (i = 0; i < n; i++)
		savina_tell(nodes[i].pid, THREADRING_STOP, NULL, 0);
	savina_actors_end(n);
	wrong = threadring_verify(s, nodes);
	free(nodes);
	return wrong;
}

const struct savina_bench savina_threadring = {
	.name = "threadring",
	.size = { "NODES", "HOPS" },
	.small = { 10, 1003 },
	.run = {
		[SAVINA_CHANNELS] = threadring_channels,
		[SAVINA_ACTORS] = threadring_actors,
	},
};
