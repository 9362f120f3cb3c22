// SPDX-License-Identifier: GPL-2.0
/*
 * Supervisors: in which order they start and stop, who is started again by which strategy,
 * how often, and what comes of children that cannot be started, or do not stop.
 */
#include "lib/ksft.h"
#include "lib/supervised.h"

#define OBEYS(name, restart_) { .id = name, .fn = obeys, .restart = (restart_) }

/* In an actor: a supervisor, whose reports are recorded. */
static int start(struct ksync_pid *pid, const struct ksync_child *children, size_t n,
		 uint32_t strategy, uint32_t intensity)
{
	const struct ksync_supervisor_attr attr = {
		.children = children,
		.n = n,
		.strategy = strategy,
		.intensity = intensity,
		.report = record_report,
	};

	record_clear();
	return ksync_supervisor_start(pid, &attr);
}

static int in_order(void *arg)
{
	const struct ksync_child children[] = {
		{ .id = "a", .fn = obeys, .arg = "a" },
		{ .id = "b", .fn = obeys, .arg = "b" },
		{ .id = "c", .fn = obeys, .arg = "c" },
	};
	struct ksync_pid s;

	(void)arg;
	ACT(!start(&s, children, 3, KSYNC_ONE_FOR_ONE, 0));
	ACT(record_is("+a+b+c"));
	ACT(!ksync_supervisor_stop(s, KSYNC_EXIT_NORMAL));
	ACT(!ksync_actor_alive(s));
	/* Each had ended before the next one was told to. */
	ACT(record_is("+a+b+c<c-c<b-b<a-a"));
	ACT(ksync_supervisor_stop(s, 0) == -ESRCH);
	return 0;
}

TEST_F(models, starts_in_order_and_stops_in_reverse)
{
	ACTOR(in_order, NULL);
}

struct strategy_case {
	uint32_t strategy;
	uint32_t restart;	/* of b; a and c are permanent */
	int reason;		/* that b ends with */
	const char *log;	/* of what is done then */
	uint32_t specs;
	uint32_t active;
};

#define NORMAL		KSYNC_EXIT_NORMAL
#define SHUTDOWN	KSYNC_EXIT_SHUTDOWN

static const struct strategy_case strategy_cases[] = {
	{ KSYNC_ONE_FOR_ONE, KSYNC_PERMANENT, NORMAL, "xb+b", 3, 3 },
	{ KSYNC_ONE_FOR_ONE, KSYNC_PERMANENT, SHUTDOWN, "xb+b", 3, 3 },
	{ KSYNC_ONE_FOR_ONE, KSYNC_PERMANENT, 7, "xb+b", 3, 3 },
	{ KSYNC_ONE_FOR_ONE, KSYNC_TRANSIENT, NORMAL, "xb", 3, 2 },
	{ KSYNC_ONE_FOR_ONE, KSYNC_TRANSIENT, SHUTDOWN, "xb", 3, 2 },
	{ KSYNC_ONE_FOR_ONE, KSYNC_TRANSIENT, 7, "xb+b", 3, 3 },
	{ KSYNC_ONE_FOR_ONE, KSYNC_TEMPORARY, NORMAL, "xb", 2, 2 },
	{ KSYNC_ONE_FOR_ONE, KSYNC_TEMPORARY, SHUTDOWN, "xb", 2, 2 },
	{ KSYNC_ONE_FOR_ONE, KSYNC_TEMPORARY, 7, "xb", 2, 2 },
	{ KSYNC_ONE_FOR_ALL, KSYNC_PERMANENT, NORMAL, "xb-c-a+a+b+c", 3, 3 },
	{ KSYNC_ONE_FOR_ALL, KSYNC_PERMANENT, SHUTDOWN, "xb-c-a+a+b+c", 3, 3 },
	{ KSYNC_ONE_FOR_ALL, KSYNC_PERMANENT, 7, "xb-c-a+a+b+c", 3, 3 },
	{ KSYNC_ONE_FOR_ALL, KSYNC_TRANSIENT, NORMAL, "xb", 3, 2 },
	{ KSYNC_ONE_FOR_ALL, KSYNC_TRANSIENT, SHUTDOWN, "xb", 3, 2 },
	{ KSYNC_ONE_FOR_ALL, KSYNC_TRANSIENT, 7, "xb-c-a+a+b+c", 3, 3 },
	{ KSYNC_ONE_FOR_ALL, KSYNC_TEMPORARY, NORMAL, "xb", 2, 2 },
	{ KSYNC_ONE_FOR_ALL, KSYNC_TEMPORARY, SHUTDOWN, "xb", 2, 2 },
	{ KSYNC_ONE_FOR_ALL, KSYNC_TEMPORARY, 7, "xb", 2, 2 },
	{ KSYNC_REST_FOR_ONE, KSYNC_PERMANENT, NORMAL, "xb-c+b+c", 3, 3 },
	{ KSYNC_REST_FOR_ONE, KSYNC_PERMANENT, SHUTDOWN, "xb-c+b+c", 3, 3 },
	{ KSYNC_REST_FOR_ONE, KSYNC_PERMANENT, 7, "xb-c+b+c", 3, 3 },
	{ KSYNC_REST_FOR_ONE, KSYNC_TRANSIENT, NORMAL, "xb", 3, 2 },
	{ KSYNC_REST_FOR_ONE, KSYNC_TRANSIENT, SHUTDOWN, "xb", 3, 2 },
	{ KSYNC_REST_FOR_ONE, KSYNC_TRANSIENT, 7, "xb-c+b+c", 3, 3 },
	{ KSYNC_REST_FOR_ONE, KSYNC_TEMPORARY, NORMAL, "xb", 2, 2 },
	{ KSYNC_REST_FOR_ONE, KSYNC_TEMPORARY, SHUTDOWN, "xb", 2, 2 },
	{ KSYNC_REST_FOR_ONE, KSYNC_TEMPORARY, 7, "xb", 2, 2 },
};

static int one_case(void *arg)
{
	const struct strategy_case *c = arg;
	const struct ksync_child children[] = {
		OBEYS("a", KSYNC_PERMANENT), OBEYS("b", c->restart),
		OBEYS("c", KSYNC_PERMANENT),
	};
	struct ksync_child_counts n;
	struct ksync_pid s;

	ACT(!start(&s, children, 3, c->strategy, 1));
	record_clear();
	ACT(!end_child(s, "b", c->reason));
	ACT(record_await(c->log));
	ACT(!ksync_supervisor_count_children(s, &n));
	ACT(record_is(c->log));
	ACT(n.specs == c->specs && n.active == c->active);
	ACT(n.workers == c->specs && !n.supervisors);
	return ksync_supervisor_stop(s, 0);
}

TEST_F(models, each_strategy_and_kind_of_restart)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(strategy_cases); i++)
		ACTOR(one_case, (void *)&strategy_cases[i]);
}

/* Temporary ones that are stopped for another one's sake are forgotten. */
static int temporary_siblings(void *strategy)
{
	const bool all = (long)strategy == KSYNC_ONE_FOR_ALL;
	const struct ksync_child children[] = {
		OBEYS("a", KSYNC_TEMPORARY), OBEYS("b", KSYNC_PERMANENT),
		OBEYS("c", KSYNC_TEMPORARY), OBEYS("d", KSYNC_TRANSIENT),
	};
	const char *log = all ? "xb-d-c-a+b+d" : "xb-d-c+b+d";
	struct ksync_child_counts n;
	struct ksync_pid s;

	ACT(!start(&s, children, 4, (long)strategy, 1));
	record_clear();
	ACT(!end_child(s, "b", 1));
	ACT(record_await(log));
	ACT(!ksync_supervisor_count_children(s, &n));
	ACT(n.specs == (all ? 2 : 3) && n.active == n.specs);
	return ksync_supervisor_stop(s, 0);
}

TEST_F(models, temporary_siblings_are_forgotten)
{
	ACTOR(temporary_siblings, (void *)KSYNC_ONE_FOR_ALL);
	ACTOR(temporary_siblings, (void *)KSYNC_REST_FOR_ONE);
}

/* One_for_all starts those, too, that had ended normally, or been terminated. */
static int those_at_rest(void *arg)
{
	const struct ksync_child children[] = {
		OBEYS("a", KSYNC_PERMANENT), OBEYS("b", KSYNC_TRANSIENT),
		OBEYS("c", KSYNC_PERMANENT),
	};
	struct ksync_pid s;

	(void)arg;
	ACT(!start(&s, children, 3, KSYNC_ONE_FOR_ALL, 1));
	ACT(!end_child(s, "b", NORMAL));
	ACT(record_await("+a+b+cxb"));
	ACT(!ksync_supervisor_terminate_child(s, "a"));
	ACT(no_pid(child_pid(s, "a")) && no_pid(child_pid(s, "b")));
	record_clear();
	ACT(!end_child(s, "c", 1));
	ACT(record_await("xc+a+b+c"));
	return ksync_supervisor_stop(s, 0);
}

TEST_F(models, one_for_all_starts_those_at_rest)
{
	ACTOR(those_at_rest, NULL);
}

/* Who cannot be started so many times. */
static uint32_t failures;

static int starts_at_last(struct ksync_pid *pid, void *name)
{
	if (__atomic_load_n(&failures, __ATOMIC_RELAXED)) {
		__atomic_sub_fetch(&failures, 1, __ATOMIC_RELAXED);
		return -EIO;
	}
	return ksync_actor_spawn(pid, obeys, name, NULL);
}

static int fails_to_begin(void *arg)
{
	const struct ksync_child children[] = {
		OBEYS("a", KSYNC_PERMANENT), OBEYS("t", KSYNC_TEMPORARY),
		{ .id = "b", .start = starts_at_last },
		OBEYS("c", KSYNC_PERMANENT),
	};
	struct ksync_pid s;

	(void)arg;
	failures = 1;
	/* It is not tried again; and who asked for it does not trap, and lives. */
	ACT(start(&s, children, 4, KSYNC_ONE_FOR_ONE, 10) == -EIO);
	ACT(record_is("+a+t!b-t-a"));
	ACT(await_end_of(s));
	ksync_task_yield();
	return 0;
}

TEST_F(models, a_child_that_cannot_be_started_at_first)
{
	ACTOR(fails_to_begin, NULL);
}

struct again_case {
	uint32_t strategy;
	uint32_t failures;
	uint32_t intensity;
	const char *log;
};

/* Each try is a restart of its own: with one too few it gives up. */
static const struct again_case again_cases[] = {
	{ KSYNC_ONE_FOR_ONE, 2, 3, "xb!b!b+b" },
	{ KSYNC_ONE_FOR_ONE, 2, 2, "xb!b!b#b-c-a" },
	{ KSYNC_REST_FOR_ONE, 2, 3, "xb-c!b!b+b+c" },
	{ KSYNC_REST_FOR_ONE, 2, 2, "xb-c!b!b#b-a" },
	{ KSYNC_ONE_FOR_ALL, 1, 2, "xb-c-a+a!b-a+a+b+c" },
	{ KSYNC_ONE_FOR_ALL, 2, 2, "xb-c-a+a!b-a+a!b#b-a" },
};

static int once_again(void *arg)
{
	const struct again_case *c = arg;
	const bool gives_up = strchr(c->log, '#');
	const struct ksync_child children[] = {
		OBEYS("a", KSYNC_PERMANENT), { .id = "b", .start = starts_at_last },
		OBEYS("c", KSYNC_PERMANENT),
	};
	struct ksync_message *m;
	struct ksync_pid s;

	failures = 0;
	ACT(!ksync_actor_trap());
	ACT(!start(&s, children, 3, c->strategy, c->intensity));
	record_clear();
	failures = c->failures;
	ACT(!end_child(s, "b", 1));
	ACT(record_await(c->log));
	if (!gives_up)
		return ksync_supervisor_stop(s, 0);
	ACT(!ksync_actor_receive(&m) && ksync_pid_equal(m->from, s));
	ACT(m->tag == KSYNC_TAG_EXIT);
	ACT(ksync_message_ended(m)->reason == KSYNC_EXIT_SHUTDOWN);
	ksync_message_free(m);
	return 0;
}

TEST_F(models, a_child_that_cannot_be_started_again)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(again_cases); i++)
		ACTOR(once_again, (void *)&again_cases[i]);
}

/* Two that cannot be started: one not before the other one is, and that at its third try. */
static uint32_t tries, there;

static int starts_second(struct ksync_pid *pid, void *arg)
{
	if (!__atomic_load_n(&there, __ATOMIC_ACQUIRE))
		return -EIO;
	return ksync_actor_spawn(pid, obeys, arg, NULL);
}

static int starts_third_time(struct ksync_pid *pid, void *arg)
{
	int ret;

	if (__atomic_add_fetch(&tries, 1, __ATOMIC_RELAXED) % 4)
		return -EIO;
	ret = ksync_actor_spawn(pid, obeys, arg, NULL);
	if (!ret)
		__atomic_store_n(&there, 1, __ATOMIC_RELEASE);
	return ret;
}

static int two_at_once(void *arg)
{
	const struct ksync_child children[] = {
		{ .id = "a", .start = starts_second },
		{ .id = "b", .start = starts_third_time },
	};
	struct ksync_child_counts n;
	struct ksync_pid s, a, b;

	(void)arg;
	there = 1;
	tries = 3;
	ACT(!start(&s, children, 2, KSYNC_ONE_FOR_ONE, 1000));
	a = child_pid(s, "a");
	b = child_pid(s, "b");
	__atomic_store_n(&there, 0, __ATOMIC_RELEASE);
	ACT(!end(a, 1) && !end(b, 1));
	do {
		ksync_task_yield();
		ACT(!ksync_supervisor_count_children(s, &n));
	} while (n.active < 2 || !__atomic_load_n(&there, __ATOMIC_ACQUIRE));
	return ksync_supervisor_stop(s, 0);
}

TEST_F(models, several_that_cannot_be_started_take_turns)
{
	ACTOR(two_at_once, NULL);
}

static int only_sometimes(struct ksync_pid *pid, void *arg)
{
	(void)pid;
	return (int)(long)arg;
}

static int nothing_to_run(void *arg)
{
	const struct ksync_child children[] = {
		{ .id = "a", .start = only_sometimes, .arg = (void *)KSYNC_CHILD_IGNORE },
		{ .id = "b", .start = only_sometimes, .arg = (void *)KSYNC_CHILD_IGNORE,
		  .restart = KSYNC_TEMPORARY },
		OBEYS("c", KSYNC_PERMANENT),
	};
	const struct ksync_child bad = { .id = "d", .start = only_sometimes, .arg = (void *)2 };
	struct ksync_child_counts n;
	struct ksync_pid s, pid;

	(void)arg;
	ACT(!start(&s, children, 3, KSYNC_ONE_FOR_ONE, 0));
	ACT(record_is("+c"));
	ACT(!ksync_supervisor_count_children(s, &n));
	ACT(n.specs == 2 && n.active == 1);
	ACT(!ksync_supervisor_start_child(s, &(struct ksync_child){
		.id = "e", .start = only_sometimes, .arg = (void *)KSYNC_CHILD_IGNORE,
		.restart = KSYNC_TEMPORARY }, &pid));
	ACT(no_pid(pid));
	ACT(ksync_supervisor_start_child(s, &bad, &pid) == -EINVAL && no_pid(pid));
	ACT(ksync_supervisor_delete_child(s, "e") == -ENOENT);
	ACT(ksync_supervisor_delete_child(s, "d") == -ENOENT);
	ACT(!ksync_supervisor_restart_child(s, "a", &pid) && no_pid(pid));
	return ksync_supervisor_stop(s, 0);
}

TEST_F(models, a_start_that_has_nothing_to_run)
{
	ACTOR(nothing_to_run, NULL);
}

KSFT_MAIN
