// SPDX-License-Identifier: GPL-2.0
/*
 * Supervisors: what can be asked of them while they run, by whom, and what comes of
 * arguments and messages that are wrong.
 */
#include <stdlib.h>
#include <ksync/chan.h>

#include "lib/ksft.h"
#include "lib/supervised.h"

static int start(struct ksync_pid *pid, const struct ksync_child *children, size_t n)
{
	const struct ksync_supervisor_attr attr = {
		.children = children,
		.n = n,
		.intensity = KSYNC_INTENSITY_MAX,
		.registered = "supervisor under test",
		.report = record_report,
	};

	record_clear();
	return ksync_supervisor_start(pid, &attr);
}

static int dynamic(void *arg)
{
	const struct ksync_child a = { .id = "a", .fn = obeys, .restart = KSYNC_TRANSIENT };
	const struct ksync_child t = { .id = "t", .fn = obeys, .restart = KSYNC_TEMPORARY };
	struct ksync_pid s, pid, again;

	(void)arg;
	ACT(!start(&s, NULL, 0));
	ACT(!ksync_actor_whereis("supervisor under test", &pid) && ksync_pid_equal(s, pid));
	ACT(!ksync_supervisor_start_child(s, &a, &pid) && ksync_actor_alive(pid));
	ACT(!ksync_supervisor_start_child(s, &t, NULL));
	ACT(ksync_supervisor_start_child(s, &a, &again) == -ENOTUNIQ);
	ACT(ksync_pid_equal(pid, again));
	ACT(ksync_supervisor_restart_child(s, "a", NULL) == -EBUSY);
	ACT(ksync_supervisor_delete_child(s, "a") == -EBUSY);
	ACT(!ksync_supervisor_terminate_child(s, "a") && !ksync_actor_alive(pid));
	ACT(!ksync_supervisor_terminate_child(s, "a"));
	ACT(ksync_supervisor_start_child(s, &a, &again) == -ENOTUNIQ && no_pid(again));
	ACT(!ksync_supervisor_restart_child(s, "a", &again) && ksync_actor_alive(again));
	ACT(!ksync_pid_equal(pid, again));
	ACT(!ksync_supervisor_terminate_child(s, "t"));
	ACT(ksync_supervisor_restart_child(s, "t", NULL) == -ENOENT);
	ACT(!ksync_supervisor_start_child(s, &t, NULL));
	ACT(!ksync_supervisor_terminate_child(s, "a"));
	ACT(!ksync_supervisor_delete_child(s, "a"));
	ACT(ksync_supervisor_delete_child(s, "a") == -ENOENT);
	ACT(ksync_supervisor_terminate_child(s, "a") == -ENOENT);
	ACT(record_is("+a+t-a+a-t+t-a"));
	ACT(!ksync_supervisor_stop(s, 0) && record_is("+a+t-a+a-t+t-a-t"));
	ACT(ksync_actor_whereis("supervisor under test", &pid) == -ENOENT);
	return 0;
}

TEST_F(models, children_are_added_and_removed)
{
	ACTOR(dynamic, NULL);
}

static int lists(void *arg)
{
	const struct ksync_child children[] = {
		{ .id = "a", .fn = obeys, .restart = KSYNC_TRANSIENT },
		{ .id = "b", .fn = obeys, .type = KSYNC_SUPERVISOR },
	};
	struct ksync_child_info list[3] = { { .id = "?" }, { .id = "?" }, { .id = "?" } };
	struct ksync_pid s;

	(void)arg;
	ACT(!start(&s, children, 2));
	ACT(!ksync_supervisor_terminate_child(s, "a"));
	ACT(ksync_supervisor_which_children(s, NULL, 0) == 2);
	ACT(ksync_supervisor_which_children(s, list, 1) == 2 && list[1].id[0] == '?');
	ACT(ksync_supervisor_which_children(s, list, 3) == 2 && list[2].id[0] == '?');
	ACT(!strcmp(list[0].id, "a") && no_pid(list[0].pid));
	ACT(list[0].restart == KSYNC_TRANSIENT && list[0].type == KSYNC_WORKER);
	ACT(!strcmp(list[1].id, "b") && ksync_actor_alive(list[1].pid));
	ACT(list[1].restart == KSYNC_PERMANENT && list[1].type == KSYNC_SUPERVISOR);
	ACT(!list[0].restarting && !list[1].restarting);
	return ksync_supervisor_stop(s, 0);
}

TEST_F(models, children_are_listed)
{
	ACTOR(lists, NULL);
}

static int many(void *arg)
{
	enum { MANY = 300 };
	static struct ksync_child_info list[MANY];
	struct ksync_child child = { .fn = obeys };
	struct ksync_pid s;
	char id[8];
	int i;

	(void)arg;
	ACT(!start(&s, NULL, 0));
	child.id = id;
	for (i = 0; i < MANY; i++) {
		sprintf(id, "%d", i);
		ACT(!ksync_supervisor_start_child(s, &child, NULL));
	}
	ACT(ksync_supervisor_which_children(s, list, MANY) == MANY);
	for (i = 0; i < MANY; i++)
		ACT(atoi(list[i].id) == i && ksync_actor_alive(list[i].pid));
	ACT(!ksync_supervisor_stop(s, 0));
	for (i = 0; i < MANY; i++)
		ACT(!ksync_actor_alive(list[i].pid));
	return 0;
}

TEST_F(models, many_children)
{
	ACTOR(many, NULL);
}

/* A start that waits to be let go, and fails while @fail says so. */
static struct gate {
	struct ksync_chan *c;
	uint32_t fail;
} gate;

static int through_the_gate(struct ksync_pid *pid, void *arg)
{
	int go, ret = ksync_chan_recv(gate.c, &go);

	if (ret)
		return ret;
	return go ? ksync_actor_spawn(pid, obeys, arg, NULL) : -EIO;
}

/* What others ask meanwhile. */
struct asked {
	struct ksync_pid s;
	int ret[3];
};

static void answered(int *ret, int value)
{
	__atomic_store_n(ret, value, __ATOMIC_RELEASE);
}

static void *asks(void *arg)
{
	struct asked *a = arg;

	CHECK(!ksync_actor_attach(NULL));
	answered(&a->ret[0], ksync_supervisor_restart_child(a->s, "a", NULL));
	answered(&a->ret[1], ksync_supervisor_delete_child(a->s, "a"));
	answered(&a->ret[2], ksync_supervisor_terminate_child(a->s, "a"));
	CHECK(!ksync_actor_detach(0));
	return NULL;
}

static int go(int what)
{
	return ksync_chan_send(gate.c, &what);
}

static int restarting(void *arg)
{
	const struct ksync_child child = { .id = "a", .start = through_the_gate };
	struct ksync_child_info child_info;
	struct asked asked = { .ret = { 1, 1, 1 } };
	struct ksync_task *t;
	const int no = 0;
	void *line;
	size_t n;

	(void)arg;
	ACT(!ksync_chan_create(&gate.c, sizeof(int), 1));
	ACT(!go(1));
	ACT(!start(&asked.s, &child, 1));
	ACT(!end_child(asked.s, "a", 1));
	ACT(record_await("+axa"));
	/* It is being started, and waits for that. */
	ACT(!ksync_task_spawn(&t, asks, &asked, NULL));
	while (__atomic_load_n(&asked.ret[2], __ATOMIC_ACQUIRE) == 1) {
		ksync_chan_send_try(gate.c, &no);
		ksync_task_yield();
	}
	ACT(!ksync_task_join(t, &line) && !line);
	ACT(asked.ret[0] == -EINPROGRESS && asked.ret[1] == -EINPROGRESS && !asked.ret[2]);
	/* That it was terminated has ended the tries. */
	n = strspn(record.text + 4, "!a");
	ACT(n >= 2 && !record.text[4 + n]);
	ACT(ksync_supervisor_which_children(asked.s, &child_info, 1) == 1);
	ACT(!child_info.restarting && no_pid(child_info.pid));
	ACT(!ksync_supervisor_delete_child(asked.s, "a"));
	ACT(!ksync_supervisor_stop(asked.s, 0));
	return ksync_chan_destroy(gate.c);
}

TEST_F(models, asked_while_a_child_cannot_be_started)
{
	ACTOR(restarting, NULL);
}

/* Who wants a supervisor, and may be ended before it has got it. */
static int wants(void *arg)
{
	const struct ksync_child children[] = {
		{ .id = "a", .fn = obeys }, { .id = "g", .start = through_the_gate },
	};
	struct ksync_pid s;

	(void)arg;
	return start(&s, children, 2);
}

static int gone(void *can_start)
{
	struct ksync_pid pid, s;
	uint64_t ref;

	ACT(!ksync_chan_create(&gate.c, sizeof(int), 1));
	ACT(!spawn_monitor(&pid, &ref, wants, NULL));
	/* It waits for the answer, and the supervisor for the gate. */
	while (ksync_actor_whereis("supervisor under test", &s) ||
	       record_len() < 2)
		ksync_task_yield();
	ACT(!ksync_actor_signal(pid, 7) && down(ref, pid) == 7);
	ACT(!go((long)can_start));
	ACT(await_end_of(s));
	ACT(record_is((long)can_start ? "+a+g-g-a" : "+a!g-a"));
	return ksync_chan_destroy(gate.c);
}

TEST_F(models, a_parent_that_ends_while_its_supervisor_begins)
{
	ACTOR(gone, (void *)1);
	ACTOR(gone, (void *)0);
}

/* A child cannot get rid of its supervisor. */
static int unlinks(void *supervisor)
{
	ksync_actor_unlink(*(struct ksync_pid *)supervisor);
	return obeys(NULL);
}

static int unlinked(void *arg)
{
	struct ksync_pid s = { 0 }, pid;
	const struct ksync_child child = { .id = "a", .fn = unlinks, .arg = &s };

	(void)arg;
	ACT(!start(&s, NULL, 0));
	ACT(!ksync_supervisor_start_child(s, &child, &pid));
	ksync_task_yield();
	ACT(!end(pid, 1) && record_await("+axa+a"));
	ksync_task_yield();
	return ksync_supervisor_stop(s, 0);
}

TEST_F(models, a_child_that_unlinks_itself)
{
	ACTOR(unlinked, NULL);
}

static int asks_itself(struct ksync_pid *pid, void *ret)
{
	*(int *)ret = ksync_supervisor_terminate_child(ksync_actor_self(), "x");
	(void)pid;
	return KSYNC_CHILD_IGNORE;
}

static int wrong_arguments(void *arg)
{
	const char *long_id = "0123456789012345678901234567890x";
	int ret = 0;
	const struct ksync_child bad[] = {
		{ .fn = obeys },
		{ .id = "", .fn = obeys },
		{ .id = long_id, .fn = obeys },
		{ .id = "a" },
		{ .id = "a", .fn = obeys, .start = asks_itself },
		{ .id = "a", .fn = obeys, .restart = 3 },
		{ .id = "a", .fn = obeys, .type = 2 },
		{ .id = "a", .fn = obeys, .reserved = { 0, 1 } },
		{ .id = "a", .fn = obeys,
		  .attr = &(struct ksync_actor_attr){ .flags = KSYNC_ACTOR_MONITOR } },
	};
	const struct ksync_child twice[] = {
		{ .id = "a", .fn = obeys }, { .id = "a", .fn = obeys },
	};
	const struct ksync_child itself = { .id = "i", .start = asks_itself, .arg = &ret };
	const struct ksync_child last_id = { .id = long_id + 1, .fn = obeys };
	struct ksync_supervisor_attr attr = { .strategy = 3 };
	struct ksync_pid s, other = { .id = 1, .node = 1 };

	(void)arg;
	ACT(!start(&s, NULL, 0));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ACT(ksync_supervisor_start_child(s, &bad[i], NULL) == -EINVAL);
	ACT(ksync_supervisor_terminate_child(s, long_id) == -ENOENT);
	ACT(!ksync_supervisor_start_child(s, &last_id, NULL));
	ACT(!ksync_supervisor_terminate_child(s, last_id.id));
	ACT(!ksync_supervisor_start_child(s, &itself, NULL) && ret == -EDEADLK);
	ACT(start(&other, NULL, 0) == -EEXIST);
	ACT(!ksync_supervisor_stop(s, 0));
	ACT(ksync_supervisor_start(&s, &attr) == -EINVAL);
	attr = (struct ksync_supervisor_attr){ .intensity = KSYNC_INTENSITY_MAX + 1 };
	ACT(ksync_supervisor_start(&s, &attr) == -EINVAL);
	attr = (struct ksync_supervisor_attr){ .reserved = { 1 } };
	ACT(ksync_supervisor_start(&s, &attr) == -EINVAL);
	ACT(start(&s, bad, 1) == -EINVAL);
	ACT(start(&s, twice, 2) == -ENOTUNIQ);
	other = (struct ksync_pid){ .id = 1, .node = 1 };
	ACT(ksync_supervisor_terminate_child(other, "a") == -EOPNOTSUPP);
	ACT(ksync_supervisor_stop(other, 0) == -EOPNOTSUPP);
	return 0;
}

static void *no_actor(void *arg)
{
	struct ksync_pid s = { .id = 1 };

	CHECK(start(&s, NULL, 0) == -EINVAL);
	CHECK(ksync_supervisor_delete_child(s, "a") == -EINVAL);
	return arg;
}

TEST_F(models, arguments_that_are_wrong)
{
	ACTOR(wrong_arguments, NULL);
	RUN(no_actor, NULL);
}

#define SUPERVISOR_TAG	0x6b737570U	/* of the library's requests */

/* Messages that are no requests, and requests that are none of its own. */
static int noise(void *arg)
{
	const struct ksync_child child = { .id = "a", .fn = obeys };
	struct timespec then;
	struct ksync_message *m;
	char bytes[512];
	struct ksync_pid s;
	unsigned int seed = 1;
	size_t n;

	(void)arg;
	ACT(!start(&s, &child, 1));
	for (n = 0; n < sizeof(bytes); n++) {
		for (size_t i = 0; i < n; i++)
			bytes[i] = rand_r(&seed);
		ACT(!ksync_actor_send(s, n % 2 ? SUPERVISOR_TAG : n, bytes, n));
	}
	/* A call of another kind gets no answer. */
	then = models_in(MSEC);
	ACT(ksync_actor_call(s, 1, NULL, 0, &m, &then) == -ETIMEDOUT);
	then = models_in(MSEC);
	ACT(ksync_actor_call(s, SUPERVISOR_TAG, NULL, 0, &m, &then) == -ETIMEDOUT);
	ACT(!no_pid(child_pid(s, "a")));
	return ksync_supervisor_stop(s, 0);
}

TEST_F(models, messages_that_are_no_requests)
{
	ACTOR(noise, NULL);
}

KSFT_MAIN
