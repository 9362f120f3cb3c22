// SPDX-License-Identifier: GPL-2.0
/*
 * Supervisors: how long a child may take to stop, how many restarts there may be in what
 * time (virtual time, which is exact), trees, and how a supervisor itself ends.
 */
#include "lib/ksft.h"
#include "lib/supervised.h"

static const struct ksync_sched_opts virtual_time = {
	.model = KSYNC_MODEL_N1,
	.flags = KSYNC_SCHED_SEEDED | KSYNC_SCHED_QUIET,
	.seed = 1,
};

static uint64_t task_now(void)
{
	struct timespec ts;

	ksync_task_now(&ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

static int sleep_for(uint64_t ns)
{
	const struct timespec then = models_in(ns);

	return ksync_task_sleep_until(&then);
}

static int start(struct ksync_pid *pid, const struct ksync_child *children, size_t n,
		 uint32_t intensity, uint64_t period)
{
	const struct ksync_supervisor_attr attr = {
		.children = children,
		.n = n,
		.intensity = intensity,
		.period = period,
		.report = record_report,
	};

	record_clear();
	return ksync_supervisor_start(pid, &attr);
}

struct stop_case {
	int (*fn)(void *arg);
	uint64_t shutdown;
	uint32_t type;
	const char *log;
	uint64_t took;		/* ns, of virtual time */
};

/* Ends when it is told to, but not soon: after 1000 s. */
static int takes_long(void *arg)
{
	struct ksync_message *m;
	int ret;

	(void)arg;
	if (ksync_actor_trap())
		return -1;
	while (!(ret = ksync_actor_receive(&m)) && m->tag != KSYNC_TAG_EXIT)
		ksync_message_free(m);
	if (ret)
		return ret;
	return sleep_for(1000 * SEC);
}

static const struct stop_case stop_cases[] = {
	{ obeys, 0, KSYNC_WORKER, "-a", 0 },
	{ obeys_not, 0, KSYNC_WORKER, "ka", 5 * SEC },
	{ obeys_not, 3 * SEC, KSYNC_WORKER, "ka", 3 * SEC },
	{ obeys_not, 1, KSYNC_WORKER, "ka", 1 },
	{ obeys_not, KSYNC_SHUTDOWN_KILL, KSYNC_WORKER, "-a", 0 },
	{ takes_long, 1001 * SEC, KSYNC_WORKER, "-a", 1000 * SEC },
	{ takes_long, 999 * SEC, KSYNC_WORKER, "ka", 999 * SEC },
	{ takes_long, KSYNC_SHUTDOWN_INFINITY, KSYNC_WORKER, "-a", 1000 * SEC },
	{ takes_long, KSYNC_SHUTDOWN_INFINITY - 2, KSYNC_WORKER, "-a", 1000 * SEC },
	{ takes_long, 0, KSYNC_SUPERVISOR, "-a", 1000 * SEC },
};

static int stops(void *arg)
{
	const struct stop_case *c = arg;
	const struct ksync_child child = {
		.id = "a", .fn = c->fn, .shutdown = c->shutdown, .type = c->type,
	};
	struct ksync_pid s, pid;
	uint64_t before;

	ACT(!start(&s, &child, 1, 0, 0));
	pid = child_pid(s, "a");
	/* Until it traps, or waits. */
	ACT(!sleep_for(1));
	record_clear();
	before = task_now();
	ACT(!ksync_supervisor_terminate_child(s, "a"));
	ACT(task_now() - before == c->took);
	ACT(record_is(c->log) && !ksync_actor_alive(pid));
	return ksync_supervisor_stop(s, 0);
}

TEST(a_child_may_take_so_long_to_stop)
{
	struct ksync_sched *s;
	size_t i;

	ASSERT_EQ(0, ksync_sched_start(&s, &virtual_time));
	for (i = 0; i < ARRAY_SIZE(stop_cases); i++)
		ACTOR_ON(s, stops, (void *)&stop_cases[i]);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

/* On all schedulers: who does not listen is killed. */
static int kills(void *arg)
{
	const struct ksync_child children[] = {
		{ .id = "a", .fn = obeys },
		{ .id = "b", .fn = obeys_not, .shutdown = 2 * MSEC },
		{ .id = "c", .fn = obeys_not, .shutdown = KSYNC_SHUTDOWN_KILL },
	};
	struct ksync_pid s;

	(void)arg;
	ACT(!start(&s, children, 3, 0, 0));
	ACT(await_trap(child_pid(s, "b")));
	record_clear();
	ACT(!ksync_supervisor_stop(s, 0));
	ACT(record_is("-ckb-a"));
	return 0;
}

TEST_F(models, who_does_not_stop_is_killed)
{
	ACTOR(kills, NULL);
}

struct window_case {
	uint32_t intensity;
	uint64_t period;
	uint64_t pauses[5];	/* before each end; UINT64_MAX: no more */
	bool lives;
};

#define NO_MORE	UINT64_MAX

static const struct window_case window_cases[] = {
	{ 0, 0, { 0, NO_MORE }, false },
	{ 1, 0, { 0, NO_MORE }, true },
	{ 1, 0, { 0, 5 * SEC, NO_MORE }, false },
	{ 1, 0, { 0, 5 * SEC + 1, 5 * SEC + 1, NO_MORE }, true },
	{ 2, 10 * SEC, { 0, 5 * SEC, NO_MORE }, true },
	{ 2, 10 * SEC, { 0, 5 * SEC, 5 * SEC, NO_MORE }, false },
	{ 2, 10 * SEC, { 0, 5 * SEC, 5 * SEC + 1, NO_MORE }, true },
	/* The window slides: it is the last three that count. */
	{ 2, 10 * SEC, { 0, 9 * SEC, 2 * SEC, 9 * SEC, 2 * SEC }, true },
	{ 2, 10 * SEC, { 0, 9 * SEC, 2 * SEC, 7 * SEC, NO_MORE }, false },
	{ 4, 10 * SEC, { 1, 1, 1, 1, 1 }, false },
	{ 5, 10 * SEC, { 1, 1, 1, 1, 1 }, true },
};

static int slides(void *arg)
{
	const struct window_case *c = arg;
	const struct ksync_child child = { .id = "a", .fn = obeys };
	struct ksync_pid s, pid;
	int i;

	ACT(!ksync_actor_trap());
	ACT(!start(&s, &child, 1, c->intensity, c->period));
	for (i = 0; i < 5 && c->pauses[i] != NO_MORE; i++) {
		ACT(ksync_actor_alive(s));
		ACT(!sleep_for(c->pauses[i]));
		pid = child_pid(s, "a");
		ACT(!end(pid, 1) && await_end_of(pid));
		/* Time goes on when all else has been done. */
		ACT(!sleep_for(0) && !sleep_for(0));
	}
	while (ksync_actor_alive(s) && no_pid(child_pid(s, "a")))
		ksync_task_yield();
	ACT(ksync_actor_alive(s) == c->lives);
	return c->lives ? ksync_supervisor_stop(s, 0) : 0;
}

TEST(so_many_restarts_in_a_period)
{
	struct ksync_sched *s;
	size_t i;

	ASSERT_EQ(0, ksync_sched_start(&s, &virtual_time));
	for (i = 0; i < ARRAY_SIZE(window_cases); i++)
		ACTOR_ON(s, slides, (void *)&window_cases[i]);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

static const struct ksync_child leaves[] = {
	{ .id = "p", .fn = obeys, .arg = "p" },
	{ .id = "q", .fn = obeys, .arg = "q" },
};

static const struct ksync_supervisor_attr inner = {
	.children = leaves,
	.n = 2,
	.intensity = 1,
	.report = record_report,
};

static int tree(void *arg)
{
	const struct ksync_child children[] = {
		{ .id = "a", .fn = obeys, .arg = "a" },
		{ .id = "s", .start = ksync_supervisor_child, .arg = (void *)&inner,
		  .type = KSYNC_SUPERVISOR },
	};
	struct ksync_child_counts n;
	struct ksync_pid top, sub, p;

	(void)arg;
	ACT(!start(&top, children, 2, 1, 0));
	ACT(record_is("+a+p+q+s"));
	ACT(!ksync_supervisor_count_children(top, &n));
	ACT(n.specs == 2 && n.active == 2 && n.supervisors == 1 && n.workers == 1);
	sub = child_pid(top, "s");
	/* It starts one again by itself, and gives up at the second. */
	record_clear();
	p = child_pid(sub, "p");
	ACT(!end(p, 1) && record_await("xp+p"));
	record_clear();
	ACT(!end_child(sub, "p", 1));
	ACT(record_await("xp#p<q-qxs+p+q+s"));
	ACT(await_end_of(sub));
	sub = child_pid(top, "s");
	ACT(!no_pid(child_pid(sub, "q")));
	record_clear();
	ACT(!ksync_supervisor_stop(top, 0));
	ACT(record_is("<q-q<p-p-s<a-a"));
	return 0;
}

TEST_F(models, a_tree)
{
	ACTOR(tree, NULL);
}

static const struct ksync_child with_bad_leaf[] = {
	{ .id = "p", .fn = obeys },
	{ .id = "q", .fn = obeys, .attr = &(struct ksync_actor_attr){ .registered = "q" } },
};

static const struct ksync_supervisor_attr cannot_begin = {
	.children = with_bad_leaf,
	.n = 2,
	.report = record_report,
};

/* The error of a leaf comes up to who starts the tree. */
static int bad_tree(void *arg)
{
	const struct ksync_child children[] = {
		{ .id = "a", .fn = obeys },
		{ .id = "s", .start = ksync_supervisor_child, .arg = (void *)&cannot_begin },
	};
	struct ksync_pid s;

	(void)arg;
	ACT(!ksync_actor_register("q", ksync_actor_self()));
	ACT(start(&s, children, 2, 0, 0) == -EEXIST);
	ACT(record_is("+a+p!q-p!s-a"));
	return 0;
}

TEST_F(models, a_tree_that_cannot_begin)
{
	ACTOR(bad_tree, NULL);
}

/* A parent that starts a supervisor, tells its address, and ends when it is told to. */
static int parent(void *told)
{
	const struct ksync_child children[] = {
		{ .id = "a", .fn = obeys }, { .id = "b", .fn = obeys },
	};
	struct ksync_pid s;
	int ret = start(&s, children, 2, 0, 0);

	if (ret)
		return ret;
	*(struct ksync_pid *)told = child_pid(s, "a");
	ret = ksync_actor_send(*(struct ksync_pid *)(told + sizeof(s)), TAG_ANY, &s, sizeof(s));
	return ret ? ret : obeys(NULL);
}

static int with_its_parent(void *reason)
{
	struct ksync_pid told[2] = { { 0 }, ksync_actor_self() }, pid, s;
	struct ksync_message *m;
	uint64_t ref;

	ACT(!ksync_actor_spawn(&pid, parent, told, NULL));
	ACT(!ksync_actor_receive(&m) && m->tag == TAG_ANY);
	memcpy(&s, m->data, sizeof(s));
	ksync_message_free(m);
	ACT(!ksync_actor_monitor(s, &ref));
	record_clear();
	ACT(!end(pid, (long)reason));
	ACT(!ksync_actor_receive(&m) && m->tag == KSYNC_TAG_DOWN && m->ref == ref);
	ACT(ksync_message_ended(m)->reason == (long)reason);
	ksync_message_free(m);
	ACT(record_is("-b-a") && !ksync_actor_alive(told[0]));
	return 0;
}

TEST_F(models, a_supervisor_ends_with_its_parent)
{
	ACTOR(with_its_parent, (void *)3);
	ACTOR(with_its_parent, (void *)KSYNC_EXIT_NORMAL);
}

static int starts(struct ksync_pid *pid, void *arg)
{
	return ksync_actor_spawn(pid, obeys, arg, NULL);
}

/* Nothing is in order then, but nobody is left. */
static int killed(void *arg)
{
	const struct ksync_child children[] = {
		{ .id = "a", .fn = obeys }, { .id = "b", .start = starts },
	};
	struct ksync_pid s, a, b;

	(void)arg;
	ACT(!ksync_actor_trap());
	ACT(!start(&s, children, 2, 0, 0));
	a = child_pid(s, "a");
	b = child_pid(s, "b");
	ACT(!ksync_actor_signal(s, KSYNC_EXIT_KILL));
	ACT(await_end_of(s) && await_end_of(a) && await_end_of(b));
	ACT(ksync_supervisor_terminate_child(s, "a") == -ESRCH);
	return 0;
}

TEST_F(models, children_of_a_supervisor_that_is_killed)
{
	ACTOR(killed, NULL);
}

/* While it waits for the end of a child. */
static int killed_in_the_middle(void *arg)
{
	const struct ksync_child children[] = {
		{ .id = "a", .fn = obeys },
		{ .id = "b", .fn = obeys_not, .shutdown = KSYNC_SHUTDOWN_INFINITY },
	};
	struct ksync_pid s, a, b;

	(void)arg;
	ACT(!ksync_actor_trap());
	ACT(!start(&s, children, 2, 0, 0));
	a = child_pid(s, "a");
	b = child_pid(s, "b");
	ACT(await_trap(b));
	ACT(!ksync_actor_signal(s, KSYNC_EXIT_SHUTDOWN));
	ksync_task_yield();
	ACT(ksync_actor_alive(b));
	ACT(!ksync_actor_signal(s, KSYNC_EXIT_KILL));
	ACT(await_end_of(s) && await_end_of(a));
	/* It traps, so it lives on, and is told. */
	ACT(ksync_actor_alive(b) && record_is("+a+b"));
	ACT(!ksync_actor_signal(b, KSYNC_EXIT_KILL) && await_end_of(b));
	return 0;
}

TEST_F(models, a_supervisor_killed_while_it_stops_children)
{
	ACTOR(killed_in_the_middle, NULL);
}

/* Exit signals of others than its parent are no reason to end. */
static void *signals(void *pid)
{
	return (void *)(long)ksync_actor_signal(*(struct ksync_pid *)pid, KSYNC_EXIT_SHUTDOWN);
}

static int not_the_parent(void *arg)
{
	const struct ksync_child child = { .id = "a", .fn = obeys };
	struct ksync_task *t;
	struct ksync_pid s;
	void *ret;

	(void)arg;
	ACT(!start(&s, &child, 1, 0, 0));
	ACT(!ksync_task_spawn(&t, signals, &s, NULL));
	ACT(!ksync_task_join(t, &ret) && !ret);
	ACT(!no_pid(child_pid(s, "a")));
	/* Its parent's are. */
	ACT(!ksync_actor_trap());
	ACT(!ksync_actor_signal(s, KSYNC_EXIT_SHUTDOWN));
	ACT(await_end_of(s) && record_is("+a-a"));
	return 0;
}

TEST_F(models, signals_of_others_than_the_parent)
{
	ACTOR(not_the_parent, NULL);
}

/* Its parent, too, ends then. */
static int stops_itself(void *reason)
{
	const struct ksync_child child = { .id = "a", .fn = obeys };
	struct ksync_message *m;
	struct ksync_pid s;

	ACT(!ksync_actor_trap());
	ACT(!start(&s, &child, 1, 0, 0));
	ACT(!ksync_supervisor_stop(s, (long)reason));
	ACT(!ksync_actor_receive(&m) && m->tag == KSYNC_TAG_EXIT);
	ACT(ksync_message_ended(m)->reason == (long)reason);
	ksync_message_free(m);
	return 0;
}

TEST_F(models, a_supervisor_is_stopped_with_a_reason)
{
	ACTOR(stops_itself, (void *)5);
}

KSFT_MAIN
