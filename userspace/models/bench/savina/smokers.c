// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Cigarette smokers (S. S. Patil, MIT, 1971): an arbiter draws by lot whose ingredients
 * come on the table, and waits until that one has taken them.
 *
 * Verified: each has smoked as often as it was drawn.  Fault: once a wrong one is told.
 */
#include <ksync/task_sync.h>
#include "savina_actor.h"

struct smokers_table {
	const struct savina *s;
	struct smoker *smokers;
	uint32_t random;
	long round;
	bool over;
	struct ksync_chan *taken;
	struct ksync_sem taken_sem;
};

struct smoker {
	struct smokers_table *table;
	struct ksync_chan *start;
	struct ksync_sem start_sem;
	struct ksync_pid pid;
	long id;
	long smoked;
};

static struct smoker *smokers_make(struct smokers_table *t, const struct savina *s)
{
	struct smoker *smokers = savina_alloc(s->size[0], sizeof(*smokers));
	long i;

	*t = (struct smokers_table){ .s = s, .smokers = smokers, .random = 1 };
	for (i = 0; i < s->size[0]; i++) {
		smokers[i].table = t;
		smokers[i].id = i;
	}
	return smokers;
}

/* Return: whom to tell. */
static long smokers_draw(struct smokers_table *t)
{
	long n = t->s->size[0], drawn = savina_random(&t->random) % n;

	return t->s->fault && t->round == t->s->size[1] / 2 ? (drawn + 1) % n : drawn;
}

/* The same numbers again. */
static const char *smokers_verify(struct savina *s, struct smoker *smokers)
{
	const char *wrong = NULL;
	uint32_t random = 1;
	long i;

	for (i = 0; i < s->size[1]; i++)
		smokers[savina_random(&random) % s->size[0]].smoked--;
	for (i = 0; i < s->size[0] && !wrong; i++)
		if (smokers[i].smoked)
			wrong = savina_wrong(s, "smoker %ld has smoked %+ld times too often",
					     i, smokers[i].smoked);
	free(smokers);
	return wrong;
}

static int smoker_channels(void *arg)
{
	struct smoker *me = arg;

	while (!ksync_chan_recv(me->start, NULL)) {
		savina_send(me->table->taken, NULL);
		me->smoked++;
	}
	return 0;
}

static const char *smokers_channels(struct savina *s)
{
	struct smokers_table t;
	struct smoker *smokers = smokers_make(&t, s);
	struct ksync_scope scope;
	long i;

	t.taken = savina_chan(0, 0);
	savina_must(ksync_scope_begin(&scope, 0));
	for (i = 0; i < s->size[0]; i++) {
		smokers[i].start = savina_chan(0, 1);
		savina_spawn(&scope, smoker_channels, &smokers[i]);
	}
	for (; t.round < s->size[1]; t.round++) {
		savina_send(smokers[smokers_draw(&t)].start, NULL);
		savina_recv(t.taken, NULL);
	}
	for (i = 0; i < s->size[0]; i++)
		savina_must(ksync_chan_close(smokers[i].start));
	savina_must(ksync_scope_end(&scope));
	for (i = 0; i < s->size[0]; i++)
		savina_must(ksync_chan_destroy(smokers[i].start));
	savina_must(ksync_chan_destroy(t.taken));
	return smokers_verify(s, smokers);
}

static int smoker_locks(void *arg)
{
	struct smoker *me = arg;
	struct smokers_table *t = me->table;

	while (1) {
		savina_must(ksync_task_sem_wait(&me->start_sem));
		if (t->over)
			return 0;
		savina_must(ksync_sem_post(&t->taken_sem));
		me->smoked++;
	}
}

static const char *smokers_locks(struct savina *s)
{
	struct smokers_table t;
	struct smoker *smokers = smokers_make(&t, s);
	struct ksync_scope scope;
	long i;

	savina_must(ksync_sem_init(&t.taken_sem, s->domain, 0, 0));
	savina_must(ksync_scope_begin(&scope, 0));
	for (i = 0; i < s->size[0]; i++) {
		savina_must(ksync_sem_init(&smokers[i].start_sem, s->domain, 0, 0));
		savina_spawn(&scope, smoker_locks, &smokers[i]);
	}
	for (; t.round < s->size[1]; t.round++) {
		savina_must(ksync_sem_post(&smokers[smokers_draw(&t)].start_sem));
		savina_must(ksync_task_sem_wait(&t.taken_sem));
	}
	t.over = true;
	for (i = 0; i < s->size[0]; i++)
		savina_must(ksync_sem_post(&smokers[i].start_sem));
	savina_must(ksync_scope_end(&scope));
	for (i = 0; i < s->size[0]; i++)
		savina_must(ksync_sem_destroy(&smokers[i].start_sem));
	savina_must(ksync_sem_destroy(&t.taken_sem));
	return smokers_verify(s, smokers);
}

enum smokers_tag {
	SMOKERS_START,
	SMOKERS_TAKEN,
	SMOKERS_STOP,
};

static int smoker_actor(void *arg)
{
	struct smoker *me = arg;
	struct ksync_pid arbiter;

	while (savina_hear(&arbiter, NULL, 0) == SMOKERS_START) {
		savina_tell(arbiter, SMOKERS_TAKEN, NULL, 0);
		me->smoked++;
	}
	return 0;
}

static const char *smokers_actors(struct savina *s)
{
	struct smokers_table t;
	struct smoker *smokers = smokers_make(&t, s);
	long i;

	savina_actors_begin();
	for (i = 0; i < s->size[0]; i++)
		smokers[i].pid = savina_actor(smoker_actor, &smokers[i]);
	for (; t.round < s->size[1]; t.round++) {
		savina_tell(smokers[smokers_draw(&t)].pid, SMOKERS_START, NULL, 0);
		savina_hear(NULL, NULL, 0);
	}
	for (i = 0; i < s->size[0]; i++)
		savina_tell(smokers[i].pid, SMOKERS_STOP, NULL, 0);
	savina_actors_end(s->size[0]);
	return smokers_verify(s, smokers);
}

const struct savina_bench savina_smokers = {
	.name = "smokers",
	.size = { "SMOKERS", "ROUNDS" },
	.small = { 7, 300 },
	.run = {
		[SAVINA_CHANNELS] = smokers_channels,
		[SAVINA_LOCKS] = smokers_locks,
		[SAVINA_ACTORS] = smokers_actors,
	},
};
