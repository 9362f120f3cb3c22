// SPDX-License-Identifier: GPL-2.0
/*
 * Supervisors, and children that end at random: compared, step by step, with a model of
 * what a supervisor does; and many at once, after which each is there that must be, and
 * once.
 */
#include <stdlib.h>

#include "lib/ksft.h"
#include "lib/supervised.h"

#define CHILDREN	6

struct modelled {
	uint32_t restart;
	bool known;
	bool runs;
	struct ksync_pid pid;	/* when it was last looked at */
	bool changed;		/* since then it was started anew */
};

static struct model {
	uint32_t strategy;
	unsigned int seed;
	struct modelled child[CHILDREN];
	char log[256];
} model;

static const char * const names[CHILDREN] = { "a", "b", "c", "d", "e", "f" };

static void say(const char *mark, int i)
{
	strcat(model.log, mark);
	strcat(model.log, names[i]);
}

static void model_start(int i)
{
	model.child[i].runs = true;
	model.child[i].changed = true;
	say("+", i);
}

static void model_stop(int i)
{
	struct modelled *c = &model.child[i];

	if (c->runs)
		say("-", i);
	c->runs = false;
	if (c->restart == KSYNC_TEMPORARY)
		c->known = false;
}

/* From here on, or all. */
static void model_restart(int from)
{
	int i;

	for (i = CHILDREN - 1; i >= from; i--)
		if (model.child[i].known)
			model_stop(i);
	for (i = from; i < CHILDREN; i++)
		if (model.child[i].known)
			model_start(i);
}

static void model_end(int i, int reason)
{
	struct modelled *c = &model.child[i];
	const bool fine = reason == KSYNC_EXIT_NORMAL || reason == KSYNC_EXIT_SHUTDOWN;

	model.log[0] = 0;
	say("x", i);
	c->runs = false;
	if (c->restart == KSYNC_TEMPORARY) {
		c->known = false;
		return;
	}
	if (c->restart == KSYNC_TRANSIENT && fine)
		return;
	switch (model.strategy) {
	case KSYNC_ONE_FOR_ONE:
		model_start(i);
		break;
	case KSYNC_REST_FOR_ONE:
		model_restart(i);
		break;
	case KSYNC_ONE_FOR_ALL:
		model_restart(0);
		break;
	}
}

/* Is the supervisor where the model is? */
static int compare(struct ksync_pid s)
{
	struct ksync_child_info list[CHILDREN];
	int n = ksync_supervisor_which_children(s, list, CHILDREN), i, at = 0;
	struct modelled *c;

	for (i = 0; i < CHILDREN; i++) {
		c = &model.child[i];
		if (!c->known)
			continue;
		ACT(at < n && !strcmp(list[at].id, names[i]));
		ACT(c->runs == !no_pid(list[at].pid));
		ACT(!c->runs || ksync_actor_alive(list[at].pid));
		ACT(c->changed || !c->runs || ksync_pid_equal(c->pid, list[at].pid));
		ACT(!c->changed || !ksync_pid_equal(c->pid, list[at].pid));
		c->pid = list[at].pid;
		c->changed = false;
		at++;
	}
	ACT(at == n);
	return 0;
}

static int begin(struct ksync_pid *s, uint32_t strategy)
{
	struct ksync_child children[CHILDREN];
	const struct ksync_supervisor_attr attr = {
		.children = children,
		.n = CHILDREN,
		.strategy = strategy,
		.intensity = 10000,
		.report = record_report,
	};
	int i;

	memset(children, 0, sizeof(children));
	memset(model.child, 0, sizeof(model.child));
	model.strategy = strategy;
	model.log[0] = 0;
	for (i = 0; i < CHILDREN; i++) {
		children[i].id = names[i];
		children[i].fn = obeys;
		children[i].restart = rand_r(&model.seed) % 3;
		model.child[i].restart = children[i].restart;
		model.child[i].known = true;
		model_start(i);
	}
	record_clear();
	ACT(!ksync_supervisor_start(s, &attr));
	ACT(record_is(model.log));
	return compare(*s);
}

static int one_end(struct ksync_pid s)
{
	static const int reasons[] = { KSYNC_EXIT_NORMAL, KSYNC_EXIT_SHUTDOWN, 1, -EIO };
	int i = rand_r(&model.seed) % CHILDREN, reason = reasons[rand_r(&model.seed) % 4];

	if (!model.child[i].runs)
		return 0;
	record_clear();
	model_end(i, reason);
	ACT(!end(model.child[i].pid, reason));
	ACT(record_await(model.log));
	return compare(s);
}

static int by_steps(void *rounds)
{
	struct ksync_pid s;
	long round, step;
	int ret;

	for (round = 0; round < (long)rounds; round++) {
		ret = begin(&s, rand_r(&model.seed) % 3);
		for (step = 0; !ret && step < 12; step++)
			ret = one_end(s);
		if (!ret)
			ret = ksync_supervisor_stop(s, 0);
		if (ret)
			return ret;
	}
	return 0;
}

TEST_F(models, does_what_the_model_does)
{
	model.seed = 1;
	ACTOR(by_steps, (void *)(long)models_many(&variant->opts, 60));
}

/* How many of each there are now. */
static int alive[CHILDREN];

static int counted(void *arg)
{
	int ret;

	__atomic_add_fetch(&alive[(long)arg], 1, __ATOMIC_RELAXED);
	ret = obeys(NULL);
	__atomic_sub_fetch(&alive[(long)arg], 1, __ATOMIC_RELAXED);
	return ret;
}

/* Ends whom it finds, and may find one that has ended. */
static void *ends_some(void *arg)
{
	const struct ksync_pid *s = arg;
	struct ksync_child_info list[CHILDREN];
	unsigned int seed = (uintptr_t)&seed;
	int i, n;

	CHECK(!ksync_actor_attach(NULL));
	for (i = 0; i < 50; i++) {
		n = ksync_supervisor_which_children(*s, list, CHILDREN);
		CHECK(n == CHILDREN);
		for (n = 0; n < CHILDREN; n++) {
			if (rand_r(&seed) % 4)
				continue;
			if (rand_r(&seed) % 2)
				end(list[n].pid, 1);
			else
				ksync_actor_signal(list[n].pid, KSYNC_EXIT_KILL);
		}
	}
	CHECK(!ksync_actor_detach(0));
	return NULL;
}

static int all_at_once(void *strategy)
{
	struct ksync_child children[CHILDREN];
	const struct ksync_supervisor_attr attr = {
		.children = children,
		.n = CHILDREN,
		.strategy = (long)strategy,
		.intensity = KSYNC_INTENSITY_MAX,
	};
	struct ksync_child_counts n;
	struct ksync_task *t[3];
	struct ksync_pid s;
	void *line;
	long i;

	memset(children, 0, sizeof(children));
	for (i = 0; i < CHILDREN; i++) {
		children[i].id = names[i];
		children[i].fn = counted;
		children[i].arg = (void *)i;
	}
	ACT(!ksync_supervisor_start(&s, &attr));
	for (i = 0; i < 3; i++)
		ACT(!ksync_task_spawn(&t[i], ends_some, &s, NULL));
	for (i = 0; i < 3; i++)
		ACT(!ksync_task_join(t[i], &line) && !line);
	/* Until all that was sent has had its effect. */
	do {
		ksync_task_yield();
		ACT(!ksync_supervisor_count_children(s, &n));
		for (i = 0; i < CHILDREN && __atomic_load_n(&alive[i], __ATOMIC_RELAXED) == 1; i++)
			;
	} while (i < CHILDREN);
	ACT(n.specs == CHILDREN && n.active == CHILDREN);
	ACT(!ksync_supervisor_stop(s, 0));
	for (i = 0; i < CHILDREN; i++)
		ACT(!__atomic_load_n(&alive[i], __ATOMIC_RELAXED));
	return 0;
}

TEST_F(models, many_end_at_once)
{
	ACTOR(all_at_once, (void *)KSYNC_ONE_FOR_ONE);
	ACTOR(all_at_once, (void *)KSYNC_ONE_FOR_ALL);
	ACTOR(all_at_once, (void *)KSYNC_REST_FOR_ONE);
}

KSFT_MAIN
