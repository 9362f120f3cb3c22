// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Fork-join throughput: one sends numbers to many workers in turn, which add them up.
 * What messages cost if the sender is always ahead.
 *
 * Verified: how many came to each worker, in order, and their sum.  Fault: one worker
 * loses a number.
 */
#include "savina_actor.h"

/* So many wait in a channel; in a mailbox, any number. */
#define FORKJOIN_BUFFER	100

struct forkjoin_worker {
	struct ksync_chan *in;
	struct ksync_pid pid;
	long lose;
	long seen;
	long sum;
	bool unordered;
};

static void forkjoin_add(struct forkjoin_worker *w, long value)
{
	if (value == w->lose)
		return;
	if (value < w->seen)
		w->unordered = true;
	w->seen++;
	w->sum += value;
}

static const char *forkjoin_verify(struct savina *s, const struct forkjoin_worker *workers)
{
	long n = s->size[1], i;

	for (i = 0; i < s->size[0]; i++) {
		if (workers[i].seen != n)
			return savina_wrong(s, "worker %ld had %ld of %ld numbers", i,
					    workers[i].seen, n);
		if (workers[i].unordered)
			return savina_wrong(s, "worker %ld had its numbers out of order", i);
		if (workers[i].sum != n * (n - 1) / 2)
			return savina_wrong(s, "the sum of worker %ld is %ld", i,
					    workers[i].sum);
	}
	return NULL;
}

static struct forkjoin_worker *forkjoin_workers(const struct savina *s)
{
	struct forkjoin_worker *workers = savina_alloc(s->size[0], sizeof(*workers));
	long i;

	for (i = 0; i < s->size[0]; i++)
		workers[i].lose = s->fault && i == 1 ? s->size[1] / 2 : -1;
	return workers;
}

static int forkjoin_worker(void *arg)
{
	struct forkjoin_worker *w = arg;
	long value;

	while (!ksync_chan_recv(w->in, &value))
		forkjoin_add(w, value);
	return 0;
}

static const char *forkjoin_channels(struct savina *s)
{
	struct forkjoin_worker *workers = forkjoin_workers(s);
	struct ksync_scope scope;
	const char *wrong;
	long i, value;

	savina_must(ksync_scope_begin(&scope, 0));
	for (i = 0; i < s->size[0]; i++) {
		workers[i].in = savina_chan(sizeof(long), FORKJOIN_BUFFER);
		savina_spawn(&scope, forkjoin_worker, &workers[i]);
	}
	for (value = 0; value < s->size[1]; value++)
		for (i = 0; i < s->size[0]; i++)
			savina_send(workers[i].in, &value);
	for (i = 0; i < s->size[0]; i++)
		savina_must(ksync_chan_close(workers[i].in));
	savina_must(ksync_scope_end(&scope));
	for (i = 0; i < s->size[0]; i++)
		savina_must(ksync_chan_destroy(workers[i].in));
	wrong = forkjoin_verify(s, workers);
	free(workers);
	return wrong;
}

enum forkjoin_tag {
	FORKJOIN_ADD,
	FORKJOIN_STOP,
};

static int forkjoin_actor(void *arg)
{
	struct forkjoin_worker *w = arg;
	long value;

	while (savina_hear(NULL, &value, sizeof(value)) == FORKJOIN_ADD)
		forkjoin_add(w, value);
	return 0;
}

static const char *forkjoin_actors(struct savina *s)
{
	struct forkjoin_worker *workers = forkjoin_workers(s);
	const char *wrong;
	long i, value;

	savina_actors_begin();
	for (i = 0; i < s->size[0]; i++)
		workers[i].pid = savina_actor(forkjoin_actor, &workers[i]);
	for (value = 0; value < s->size[1]; value++)
		for (i = 0; i < s->size[0]; i++)
			savina_tell(workers[i].pid, FORKJOIN_ADD, &value, sizeof(value));
	for (i = 0; i < s->size[0]; i++)
		savina_tell(workers[i].pid, FORKJOIN_STOP, NULL, 0);
	savina_actors_end(s->size[0]);
	wrong = forkjoin_verify(s, workers);
	free(workers);
	return wrong;
}

const struct savina_bench savina_forkjoin = {
	.name = "forkjoin",
	.size = { "WORKERS", "NUMBERS" },
	.small = { 7, 300 },
	.run = {
		[SAVINA_CHANNELS] = forkjoin_channels,
		[SAVINA_ACTORS] = forkjoin_actors,
	},
};
