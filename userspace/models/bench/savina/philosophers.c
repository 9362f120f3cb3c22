// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Dining philosophers (E. W. Dijkstra, EWD310, 1971): each needs two forks, which its
 * neighbours need, too.  Forks are tokens in channels, or semaphores, and who takes the
 * one of the lower number first waits in no cycle; actors ask an arbitrator for both; who
 * is denied yields, and asks again.  To eat is to yield.
 *
 * Verified: no fork is in use twice at a time, and all meals were eaten.  Fault: there are
 * two of one fork; the last philosopher waits until the first has it, which keeps it until
 * the last has eaten all.
 */
#include <ksync/task_sync.h>
#include "savina_actor.h"

struct philosophers_fork {
	struct ksync_chan *token;
	struct ksync_sem sem;
	int in_use;
};

struct philosopher {
	const struct savina *s;
	struct philosophers_fork *low;
	struct philosophers_fork *high;
	const struct philosopher *last;
	const struct philosophers_fork *forks;
	struct ksync_pid arbitrator;
	long id;
	long meals;
	long clashes;
};

struct philosophers {
	struct philosophers_fork *forks;
	struct philosopher *all;
};

static void philosopher_begin(const struct philosopher *p)
{
	while (p->s->fault && p == p->last &&
	       !__atomic_load_n(&p->forks->in_use, __ATOMIC_RELAXED))
		ksync_task_yield();
}

static void philosopher_eat(struct philosopher *p)
{
	p->clashes += __atomic_exchange_n(&p->low->in_use, 1, __ATOMIC_RELAXED);
	p->clashes += __atomic_exchange_n(&p->high->in_use, 1, __ATOMIC_RELAXED);
	do {
		ksync_task_yield();
	} while (p->s->fault && !p->id &&
		 __atomic_load_n(&p->last->meals, __ATOMIC_RELAXED) < p->s->size[1]);
	__atomic_store_n(&p->low->in_use, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&p->high->in_use, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&p->meals, p->meals + 1, __ATOMIC_RELAXED);
}

static struct philosophers philosophers_make(const struct savina *s)
{
	long n = s->size[0], i;
	struct philosophers t = {
		savina_alloc(n, sizeof(*t.forks)),
		savina_alloc(n, sizeof(*t.all)),
	};

	for (i = 0; i < n; i++) {
		t.all[i].s = s;
		t.all[i].id = i;
		t.all[i].forks = t.forks;
		t.all[i].last = &t.all[n - 1];
		t.all[i].low = &t.forks[i < n - 1 ? i : 0];
		t.all[i].high = &t.forks[i < n - 1 ? i + 1 : i];
	}
	return t;
}

static const char *philosophers_verify(struct savina *s, struct philosophers t)
{
	const char *wrong = NULL;
	long i;

	for (i = 0; i < s->size[0] && !wrong; i++) {
		if (t.all[i].clashes)
			wrong = savina_wrong(s, "philosopher %ld took forks in use %ld times",
					     i, t.all[i].clashes);
		else if (t.all[i].meals != s->size[1])
			wrong = savina_wrong(s, "philosopher %ld had %ld of %ld meals", i,
					     t.all[i].meals, s->size[1]);
	}
	free(t.forks);
	free(t.all);
	return wrong;
}

static int philosopher_channels(void *arg)
{
	struct philosopher *p = arg;

	philosopher_begin(p);
	while (p->meals < p->s->size[1]) {
		savina_recv(p->low->token, NULL);
		savina_recv(p->high->token, NULL);
		philosopher_eat(p);
		savina_send(p->high->token, NULL);
		savina_send(p->low->token, NULL);
	}
	return 0;
}

static void philosophers_dine(struct savina *s, struct philosopher *all,
			      int (*fn)(void *arg))
{
	struct ksync_scope scope;
	long i;

	savina_must(ksync_scope_begin(&scope, 0));
	for (i = 0; i < s->size[0]; i++)
		savina_spawn(&scope, fn, &all[i]);
	savina_must(ksync_scope_end(&scope));
}

static const char *philosophers_channels(struct savina *s)
{
	struct philosophers t = philosophers_make(s);
	long i;

	for (i = 0; i < s->size[0]; i++) {
		t.forks[i].token = savina_chan(0, 2);
		savina_send(t.forks[i].token, NULL);
	}
	if (s->fault)
		savina_send(t.forks[0].token, NULL);
	philosophers_dine(s, t.all, philosopher_channels);
	for (i = 0; i < s->size[0]; i++)
		savina_must(ksync_chan_destroy(t.forks[i].token));
	return philosophers_verify(s, t);
}

static int philosopher_locks(void *arg)
{
	struct philosopher *p = arg;

	philosopher_begin(p);
	while (p->meals < p->s->size[1]) {
		savina_must(ksync_task_sem_wait(&p->low->sem));
		savina_must(ksync_task_sem_wait(&p->high->sem));
		philosopher_eat(p);
		savina_must(ksync_sem_post(&p->high->sem));
		savina_must(ksync_sem_post(&p->low->sem));
	}
	return 0;
}

static const char *philosophers_locks(struct savina *s)
{
	struct philosophers t = philosophers_make(s);
	long i;

	for (i = 0; i < s->size[0]; i++)
		savina_must(ksync_sem_init(&t.forks[i].sem, s->domain,
					   s->fault && !i ? 2 : 1, 0));
	philosophers_dine(s, t.all, philosopher_locks);
	for (i = 0; i < s->size[0]; i++)
		savina_must(ksync_sem_destroy(&t.forks[i].sem));
	return philosophers_verify(s, t);
}

enum philosophers_tag {
	PHILOSOPHERS_HUNGRY,
	PHILOSOPHERS_EAT,
	PHILOSOPHERS_DENIED,
	PHILOSOPHERS_DONE,
	PHILOSOPHERS_STOP,
};

/* The numbers of two forks. */
struct philosophers_two {
	long low;
	long high;
};

static int philosopher_actor(void *arg)
{
	struct philosopher *p = arg;
	struct philosophers_two two = { p->low - p->forks, p->high - p->forks };

	philosopher_begin(p);
	while (p->meals < p->s->size[1]) {
		savina_tell(p->arbitrator, PHILOSOPHERS_HUNGRY, &two, sizeof(two));
		if (savina_hear(NULL, NULL, 0) == PHILOSOPHERS_DENIED) {
			ksync_task_yield();
			continue;
		}
		philosopher_eat(p);
		savina_tell(p->arbitrator, PHILOSOPHERS_DONE, &two, sizeof(two));
	}
	savina_hear(NULL, NULL, 0);
	return 0;
}

static void philosophers_arbitrate(struct savina *s)
{
	bool *taken = savina_alloc(s->size[0], sizeof(*taken));
	long left = s->size[0] * s->size[1];
	struct philosophers_two two;
	struct ksync_pid from;

	while (left) {
		if (savina_hear(&from, &two, sizeof(two)) == PHILOSOPHERS_DONE) {
			taken[two.low] = false;
			taken[two.high] = false;
			left--;
		} else if (taken[two.low] || taken[two.high]) {
			savina_tell(from, PHILOSOPHERS_DENIED, NULL, 0);
		} else {
			taken[two.low] = !s->fault || two.low;
			taken[two.high] = true;
			savina_tell(from, PHILOSOPHERS_EAT, NULL, 0);
		}
	}
	free(taken);
}

static const char *philosophers_actors(struct savina *s)
{
	struct philosophers t = philosophers_make(s);
	struct ksync_pid *pids = savina_alloc(s->size[0], sizeof(*pids));
	long i;

	savina_actors_begin();
	for (i = 0; i < s->size[0]; i++) {
		t.all[i].arbitrator = ksync_actor_self();
		pids[i] = savina_actor(philosopher_actor, &t.all[i]);
	}
	philosophers_arbitrate(s);
	for (i = 0; i < s->size[0]; i++)
		savina_tell(pids[i], PHILOSOPHERS_STOP, NULL, 0);
	savina_actors_end(s->size[0]);
	free(pids);
	return philosophers_verify(s, t);
}

const struct savina_bench savina_philosophers = {
	.name = "philosophers",
	.size = { "PHILOSOPHERS", "MEALS" },
	.small = { 5, 40 },
	.run = {
		[SAVINA_CHANNELS] = philosophers_channels,
		[SAVINA_LOCKS] = philosophers_locks,
		[SAVINA_ACTORS] = philosophers_actors,
	},
};
