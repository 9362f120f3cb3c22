// SPDX-License-Identifier: GPL-2.0
/*
 * Links, monitors and exit signals of actors, on each of the models; names.
 */
#include <stdio.h>
#include <string.h>

#include "lib/ksft.h"
#include "lib/actor.h"

KSYNC_SIGNAL(stop, 1)
KSYNC_SIGNAL(hello, 2)
KSYNC_MESSAGE(crash, 3, int)

/* Ends with the reason that it is told, or by an exit signal. */
static int victim(void *arg)
{
	struct ksync_message *m;

	(void)arg;
	if (ksync_actor_receive(&m))
		return 0;
	return crash_of(m) ? *crash_of(m) : 0;
}

static int spawn(struct ksync_pid *pid, uint32_t flags)
{
	const struct ksync_actor_attr attr = { .flags = flags };

	return ksync_actor_spawn(pid, victim, NULL, &attr);
}

/* Receive an exit signal from @pid: the reason; INT32_MIN, if it is something else. */
static int exited(struct ksync_pid pid, bool linked)
{
	struct ksync_message *m;
	int reason;

	if (ksync_actor_receive(&m))
		return INT32_MIN;
	reason = m->tag == KSYNC_TAG_EXIT && ksync_pid_equal(m->from, pid) &&
		ksync_message_ended(m)->linked == linked ?
		ksync_message_ended(m)->reason : INT32_MIN;
	ksync_message_free(m);
	return reason;
}

static bool empty(void)
{
	struct ksync_message *m;

	return ksync_actor_receive_try(&m) == -EAGAIN;
}

static int monitors(void *arg)
{
	struct ksync_actor_info info;
	uint64_t ref, other, third;
	struct ksync_pid pid;

	(void)arg;
	ACT(!spawn(&pid, 0));
	ACT(!ksync_actor_monitor(pid, &ref) && !ksync_actor_monitor(pid, &other));
	ACT(!ksync_actor_monitor(pid, &third) && ref != other && other != third);
	ACT(!ksync_actor_info(pid, &info) && info.monitors == 3 && !info.links);
	ACT(!ksync_actor_demonitor(other, 0));
	ACT(ksync_actor_demonitor(other, 0) == -ENOENT);
	ACT(ksync_actor_demonitor(12345, KSYNC_DEMONITOR_FLUSH) == -ENOENT);
	ACT(ksync_actor_demonitor(ref, 2) == -EINVAL);
	ACT(!crash_send(pid, &(int){ 9 }));
	ACT(down(ref, pid) == 9 && down(third, pid) == 9);
	ACT(ksync_actor_demonitor(ref, 0) == -ENOENT);
	ACT(empty() && ksync_actor_info(pid, &info) == -ESRCH);
	/* One that is dead. */
	ACT(!ksync_actor_monitor(pid, &ref));
	ACT(down(ref, pid) == KSYNC_EXIT_NOPROC && empty());
	ACT(!ksync_actor_monitor((struct ksync_pid){ .id = 1, .node = 7 }, &ref));
	ACT(down(ref, (struct ksync_pid){ .id = 1, .node = 7 }) == KSYNC_EXIT_NOCONNECTION);
	ACT(!ksync_actor_monitor(ksync_actor_self(), &ref) && !ksync_actor_demonitor(ref, 0));
	ACT(!ksync_actor_monitor(ksync_actor_self(), &ref)); /* of no use */
	return 0;
}

TEST_F(models, a_monitor_tells_once_of_an_end)
{
	ACTOR(monitors, NULL);
}

static int flushes(void *arg)
{
	struct ksync_message *m;
	struct ksync_pid pid;
	uint64_t ref, next;
	int i;

	(void)arg;
	for (i = 0; i < 3; i++) {
		ACT(!spawn_monitor(&pid, &ref, victim, NULL));
		ACT(!ksync_actor_monitor(pid, &next));
		ACT(!stop_send(pid) && !hello_send(ksync_actor_self()));
		ACT(!down(next, pid)); /* so that ref's is there, or comes */
		if (i == 1) /* or has come, and was passed over */
			ACT(!ksync_actor_receive_tags(&m, &(uint32_t){ hello_tag }, 1, NULL));
		ACT(ksync_actor_demonitor(ref, KSYNC_DEMONITOR_FLUSH) == -ENOENT);
		ACT(i == 1 || (!ksync_actor_receive(&m) && hello_is(m)));
		ACT(ksync_actor_demonitor(ref, KSYNC_DEMONITOR_FLUSH) == -ENOENT && empty());
	}
	/* And without a flush it stays. */
	ACT(!spawn_monitor(&pid, &ref, victim, NULL));
	ACT(!ksync_actor_monitor(pid, &next) && !stop_send(pid) && !down(next, pid));
	ACT(ksync_actor_demonitor(ref, 0) == -ENOENT && !down(ref, pid) && empty());
	return 0;
}

TEST_F(models, a_flush_leaves_nothing_of_a_monitor)
{
	ACTOR(flushes, NULL);
}

/* Watchers that end before whom they watch; many of them. */
static int watches_and_ends(void *arg)
{
	const struct ksync_pid *pid = arg;
	uint64_t ref;
	int i;

	for (i = 0; i < 20; i++)
		ACT(!ksync_actor_monitor(*pid, &ref));
	return 0;
}

static int many_monitors(void *arg)
{
	struct ksync_actor_info info;
	struct ksync_pid pid, other;
	uint64_t refs[100], ref;
	int i;

	(void)arg;
	ACT(!spawn(&pid, 0));
	ACT(!spawn_monitor(&other, &ref, watches_and_ends, &pid) && !down(ref, other));
	ACT(!ksync_actor_info(pid, &info) && !info.monitors);
	for (i = 0; i < 100; i++)
		ACT(!ksync_actor_monitor(pid, &refs[i]));
	for (i = 0; i < 100; i += 3)
		ACT(!ksync_actor_demonitor(refs[i], 0));
	ACT(!ksync_actor_info(pid, &info) && info.monitors == 66);
	ACT(!stop_send(pid));
	for (i = 99; i >= 0; i--)
		ACT(i % 3 ? !down(refs[i], pid) :
		    ksync_actor_demonitor(refs[i], 0) == -ENOENT);
	ACT(empty());
	return 0;
}

TEST_F(models, monitors_of_watchers_that_have_ended_are_gone)
{
	ACTOR(many_monitors, NULL);
}

/* Three in a chain, in the middle of which is one that traps, or not. */
static int chain(void *arg)
{
	struct ksync_pid pid[2];
	uint64_t ref[2];
	int i;

	(void)arg;
	ACT(!ksync_actor_trap());
	for (i = 0; i < 2; i++)
		ACT(!spawn(&pid[i], KSYNC_ACTOR_LINK) &&
		    !ksync_actor_monitor(pid[i], &ref[i]));
	ACT(!crash_send(pid[0], &(int){ 4 }));
	ACT(down(ref[0], pid[0]) == 4);
	ACT(exited(pid[0], true) == 4);
	ACT(ksync_actor_alive(pid[1]));
	ACT(!ksync_actor_untrap());
	ACT(!crash_send(pid[1], &(int){ KSYNC_EXIT_NORMAL }));
	ACT(!down(ref[1], pid[1]) && empty()); /* not told of a normal end */
	ACT(!ksync_actor_trap());
	ACT(!ksync_actor_link(pid[1]));
	ACT(exited(pid[1], true) == KSYNC_EXIT_NOPROC && empty());
	return 0;
}

TEST_F(models, who_traps_is_told_of_ends_of_linked_ones)
{
	ACTOR(chain, NULL);
}

/* Ends when the one does that it is linked to. */
static int linked(void *arg)
{
	struct ksync_message *m;

	if (ksync_actor_link(*(struct ksync_pid *)arg))
		return 99;
	ksync_actor_receive(&m);
	return 98;
}

static int spreads(void *arg)
{
	struct ksync_pid pid[5];
	uint64_t ref[5];
	int i;

	(void)arg;
	ACT(!spawn_monitor(&pid[0], &ref[0], victim, NULL));
	for (i = 1; i < 5; i++) {
		ACT(!spawn_monitor(&pid[i], &ref[i], linked, &pid[i - 1]));
		await_receive(pid[i]);
	}
	ACT(!crash_send(pid[0], &(int){ -EIO }));
	for (i = 4; i >= 0; i--)
		ACT(down(ref[i], pid[i]) == -EIO);
	/* Who is killed tells the others that it was, and that can be trapped. */
	ACT(!ksync_actor_trap());
	ACT(!spawn_monitor(&pid[0], &ref[0], victim, NULL) && !ksync_actor_link(pid[0]));
	ACT(!spawn_monitor(&pid[1], &ref[1], linked, &pid[0]));
	await_receive(pid[1]);
	ACT(!ksync_actor_signal(pid[0], KSYNC_EXIT_KILL));
	ACT(down(ref[0], pid[0]) == KSYNC_EXIT_KILLED);
	ACT(down(ref[1], pid[1]) == KSYNC_EXIT_KILLED);
	ACT(exited(pid[0], true) == KSYNC_EXIT_KILLED && empty());
	/* Linked to one that is dead already. */
	ACT(!spawn_monitor(&pid[1], &ref[1], linked, &pid[0]));
	ACT(down(ref[1], pid[1]) == KSYNC_EXIT_NOPROC);
	return 0;
}

TEST_F(models, an_exit_signal_goes_along_links)
{
	ACTOR(spreads, NULL);
}

static int unlinks(void *arg)
{
	struct ksync_pid pid, self = ksync_actor_self();
	struct ksync_actor_info info;
	uint64_t ref;

	(void)arg;
	ACT(!spawn(&pid, KSYNC_ACTOR_LINK) && !ksync_actor_monitor(pid, &ref));
	ACT(!ksync_actor_link(pid)); /* linked once nevertheless */
	ACT(!ksync_actor_info(pid, &info) && info.links == 1);
	ACT(!ksync_actor_info(self, &info) && info.links == 1);
	ACT(!ksync_actor_unlink(pid) && !ksync_actor_unlink(pid));
	ACT(!ksync_actor_info(pid, &info) && !info.links);
	ACT(!ksync_actor_link(self) && !ksync_actor_unlink(self));
	ACT(!ksync_actor_info(self, &info) && !info.links && !info.traps);
	ACT(!crash_send(pid, &(int){ 3 }));
	ACT(down(ref, pid) == 3 && empty());
	ACT(!ksync_actor_unlink(pid));
	ACT(!ksync_actor_unlink((struct ksync_pid){ .id = 1, .node = 3 }));
	return 0;
}

TEST_F(models, who_was_unlinked_is_told_nothing)
{
	ACTOR(unlinks, NULL);
}

/* The list of one side is long, that of the other short: it is found from either. */
static int links_again(void *arg)
{
	struct ksync_actor_info info;
	struct ksync_pid pid[4];
	int i;

	(void)arg;
	ACT(!ksync_actor_trap());
	for (i = 0; i < 4; i++)
		ACT(!spawn(&pid[i], KSYNC_ACTOR_LINK));
	for (i = 0; i < 4; i++)
		ACT(!ksync_actor_link(pid[i]));
	ACT(!ksync_actor_info(ksync_actor_self(), &info) && info.links == 4);
	ACT(!ksync_actor_unlink(pid[0]) && !ksync_actor_unlink(pid[3]));
	ACT(!ksync_actor_info(ksync_actor_self(), &info) && info.links == 2);
	for (i = 0; i < 4; i++) {
		ACT(!crash_send(pid[i], &(int){ 3 }));
		ACT(i == 0 || i == 3 || exited(pid[i], true) == 3);
	}
	return 0;
}

TEST_F(models, one_of_many_links)
{
	ACTOR(links_again, NULL);
}

static int signals(void *arg)
{
	struct ksync_pid self = ksync_actor_self();
	struct ksync_actor_info info;

	(void)arg;
	ACT(!ksync_actor_trap() && !ksync_actor_info(self, &info) && info.traps);
	ACT(!ksync_actor_signal(self, 5) && exited(self, false) == 5);
	ACT(!ksync_actor_signal(self, KSYNC_EXIT_NORMAL));
	ACT(exited(self, false) == KSYNC_EXIT_NORMAL && empty());
	ACT(!ksync_actor_untrap());
	ACT(!ksync_actor_signal(self, KSYNC_EXIT_NORMAL) && empty());
	ACT(!ksync_actor_trap());
	ACT(!ksync_actor_signal(self, KSYNC_EXIT_KILL)); /* that cannot be trapped */
	ACT(ksync_actor_receive(&(struct ksync_message *){ NULL }) == -ECANCELED);
	return 0;
}

TEST_F(models, a_kill_is_not_trapped)
{
	int reason;

	ASSERT_EQ(0, ksync_actor_run(self->s, signals, NULL, NULL, &reason));
	EXPECT_EQ(KSYNC_EXIT_KILLED, reason);
}

static int returns(void *arg)
{
	return (int)(long)arg;
}

TEST_F(models, ksync_actor_run_says_why_it_has_ended)
{
	int reason;

	ASSERT_EQ(0, ksync_actor_run(self->s, returns, (void *)-7L, NULL, &reason));
	EXPECT_EQ(-7, reason);
	ASSERT_EQ(0, ksync_actor_run(self->s, returns, (void *)(long)KSYNC_EXIT_KILL, NULL,
				     &reason));
	EXPECT_EQ(KSYNC_EXIT_KILLED, reason);
	ASSERT_EQ(0, ksync_actor_run(self->s, returns, NULL, NULL, NULL));
}

static int names(void *arg)
{
	const struct ksync_actor_attr attr = {
		.registered = "server",
		.flags = KSYNC_ACTOR_MONITOR | KSYNC_ACTOR_LINK,
	};
	const struct ksync_pid remote = { .id = 5, .node = 2, .incarnation = 1 };
	struct ksync_pid pid, found;
	char name[KSYNC_ACTOR_NAME_LEN + 1];
	struct ksync_actor_info info;
	uint64_t ref;

	(void)arg;
	ACT(ksync_actor_whereis("server", &found) == -ENOENT && !found.id);
	ACT(!ksync_actor_spawn(&pid, victim, NULL, &attr));
	ACT(!ksync_actor_monitor(pid, &ref));
	ACT(!ksync_actor_whereis("server", &found) && ksync_pid_equal(pid, found));
	ACT(ksync_actor_spawn(&found, victim, NULL, &attr) == -EEXIST);
	ACT(!ksync_actor_info(ksync_actor_self(), &info) && info.links == 1);
	ACT(ksync_actor_register("server", ksync_actor_self()) == -EEXIST);
	ACT(!ksync_actor_register("alias", pid));
	ACT(!ksync_actor_unregister("alias") && ksync_actor_unregister("alias") == -ENOENT);
	ACT(!ksync_actor_register("alias", pid));
	ACT(!ksync_actor_unlink(pid) && !ksync_actor_signal(pid, 3));
	ACT(down(ref, pid) == 3); /* names are free by now */
	ACT(!ksync_actor_register("server", ksync_actor_self()));
	ACT(ksync_actor_whereis("alias", &found) == -ENOENT);
	ACT(ksync_actor_register("gone", pid) == -ESRCH);
	ACT(ksync_actor_whereis("gone", &found) == -ENOENT);
	ACT(!ksync_actor_register("far", remote));
	ACT(!ksync_actor_whereis("far", &found) && ksync_pid_equal(found, remote));
	ACT(!ksync_actor_unregister("far"));
	memset(name, 'x', sizeof(name));
	name[KSYNC_ACTOR_NAME_LEN] = 0;
	ACT(ksync_actor_register(name, ksync_actor_self()) == -ENAMETOOLONG);
	name[KSYNC_ACTOR_NAME_LEN - 1] = 0;
	ACT(!ksync_actor_register(name, ksync_actor_self()));
	ACT(ksync_actor_register("", ksync_actor_self()) == -EINVAL);
	return 0;
}

TEST_F(models, names_are_free_when_others_are_told_of_the_end)
{
	struct ksync_pid pid;

	ACTOR(names, NULL);
	EXPECT_EQ(-ENOENT, ksync_actor_whereis("server", &pid));
}

/* More names than there are buckets. */
static int many_names(void *arg)
{
	enum { N = 3000 };
	struct ksync_pid pid;
	char name[16];
	int i;

	(void)arg;
	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		ACT(!ksync_actor_register(name, ksync_actor_self()));
	}
	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		ACT(!ksync_actor_whereis(name, &pid) &&
		    ksync_pid_equal(pid, ksync_actor_self()));
		ACT(i % 2 || !ksync_actor_unregister(name));
	}
	return 0;
}

TEST_F(models, an_actor_has_many_names)
{
	struct ksync_pid pid;

	ACTOR(many_names, NULL);
	EXPECT_EQ(-ENOENT, ksync_actor_whereis("name 1", &pid));
}

KSFT_MAIN
