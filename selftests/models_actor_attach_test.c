// SPDX-License-Identifier: GPL-2.0
/*
 * Plain threads, and tasks, that become actors and cease to be, on each of the models.
 */
#include <pthread.h>

#include "lib/ksft.h"
#include "lib/actor.h"

KSYNC_MESSAGE(number, 1, long)

/* Sends 50 numbers back, and is an actor meanwhile. */
static void *echoes(void *arg)
{
	struct ksync_message *m;
	long i;

	CHECK(!ksync_actor_self().id);
	CHECK(ksync_actor_receive(&m) == -EINVAL && ksync_actor_detach(0) == -EINVAL);
	CHECK(!ksync_actor_attach(arg) && ksync_actor_attach(NULL) == -EBUSY);
	for (i = 0; i < 50; i++) {
		CHECK(!ksync_actor_receive(&m));
		CHECK(!number_send(m->from, number_of(m)));
		ksync_message_free(m);
	}
	CHECK(ksync_actor_receive(&m) == -ECANCELED);
	CHECK(!ksync_actor_detach(6) && !ksync_actor_self().id);
	return NULL;
}

static int talks(void *arg)
{
	struct ksync_message *m;
	struct ksync_pid pid;
	uint64_t ref;
	long i;

	while (ksync_actor_whereis(arg, &pid))
		ksync_task_yield();
	ACT(!ksync_actor_monitor(pid, &ref));
	for (i = 0; i < 50; i++) {
		ACT(!number_send(pid, &i));
		ACT(!ksync_actor_receive(&m) && *number_of(m) == i);
		ksync_message_free(m);
	}
	ACT(!ksync_actor_signal(pid, 4));
	ACT(down(ref, pid) == 4);
	return 0;
}

TEST_F(models, plain_threads_become_actors)
{
	struct ksync_actor_attr attr = { .registered = "thread" };
	pthread_t thread;
	void *line;

	ksync_sched_hold(self->s);
	ASSERT_EQ(0, pthread_create(&thread, NULL, echoes, &attr));
	ACTOR(talks, (void *)"thread");
	ASSERT_EQ(0, pthread_join(thread, &line));
	EXPECT_EQ(NULL, line);
	ksync_sched_release(self->s);
}

static int talks_to_task(void *arg)
{
	struct ksync_task *t;
	void *line;

	ACT(!ksync_task_spawn(&t, echoes, arg, NULL));
	ACT(!talks((void *)((struct ksync_actor_attr *)arg)->registered));
	ACT(!ksync_task_join(t, &line));
	return (int)(long)line;
}

TEST_F(models, tasks_become_actors)
{
	struct ksync_actor_attr attr = { .registered = "task" };

	ACTOR(talks_to_task, &attr);
}

static void *ends_attached(void *pid)
{
	CHECK(!ksync_actor_attach(NULL));
	*(struct ksync_pid *)pid = ksync_actor_self();
	return NULL;
}

static void *exits_attached(void *pid)
{
	CHECK(!ksync_actor_attach(NULL));
	*(struct ksync_pid *)pid = ksync_actor_self();
	ksync_actor_exit(2);
}

TEST_F(models, attached_threads_end_as_actors)
{
	struct ksync_pid pid = { 0 };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, ends_attached, &pid));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_TRUE(pid.id && !ksync_actor_alive(pid));
	ASSERT_EQ(0, pthread_create(&thread, NULL, exits_attached, &pid));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_TRUE(pid.id && !ksync_actor_alive(pid));
	RUN(ends_attached, &pid);
	EXPECT_TRUE(pid.id && !ksync_actor_alive(pid));
}

KSFT_MAIN
