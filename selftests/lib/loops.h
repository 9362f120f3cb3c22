/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Each kind of loop, run by a plain thread and by a task, beside a function that runs as a
 * task of the fixture's scheduler.
 */
#ifndef KSYNC_SELFTESTS_LOOPS_H
#define KSYNC_SELFTESTS_LOOPS_H

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <ksync/proactor.h>
#include <ksync/reactor.h>
#include "models.h"

enum kind {
	EPOLL,
	POLL,
	SELECT,
	URING,
	KINDS,
};

static struct ksync_loop *loop;

static int create(enum kind kind)
{
	return kind == URING ? ksync_proactor_create(&loop, 0, 0) :
	       ksync_reactor_create(&loop, (enum ksync_backend)kind, 0);
}

static void *run_thread(void *arg)
{
	(void)arg;
	return (void *)(long)ksync_loop_run(loop);
}

static void *run_task(void *arg)
{
	(void)arg;
	return (void *)(long)ksync_loop_run(loop);
}

static inline void pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		abort();
}

/* What a test does, with a loop that another task runs. */
struct with_task {
	void *(*fn)(void *arg);
	void *arg;
};

static void *beside_task(void *arg)
{
	struct with_task *w = arg;
	struct ksync_task *t;
	void *line, *ret;

	CHECK(!ksync_task_spawn(&t, run_task, NULL, NULL));
	line = w->fn(w->arg);
	ksync_loop_stop(loop);
	CHECK(!ksync_task_join(t, &ret) && !ret);
	return line;
}

/* Each kind of loop, run by a thread and by a task. */
#define EACH(fn) do {								\
	int kind_, by_;								\
	for (kind_ = 0; kind_ < KINDS; kind_++) {				\
		for (by_ = 0; by_ < 2; by_++)					\
			each(_metadata, self, kind_, by_, fn);			\
	}									\
} while (0)

static inline void each(struct __test_metadata *_metadata, struct _test_data_models *self,
			enum kind kind, bool by_task, void *(*fn)(void *arg))
{
	struct with_task w = { fn, NULL };
	pthread_t thread;
	void *ret, *line;
	int made = create(kind);

	if (kind == URING && (made == -ENOSYS || made == -EPERM)) {
		TH_LOG("%s", ksync_proactor_refusal(made));
		return;
	}
	ASSERT_EQ(0, made);
	if (by_task) {
		ASSERT_EQ(0, ksync_sched_run(self->s, beside_task, &w, &line));
	} else {
		ASSERT_EQ(0, pthread_create(&thread, NULL, run_thread, NULL));
		ASSERT_EQ(0, ksync_sched_run(self->s, fn, NULL, &line));
		ksync_loop_stop(loop);
		ASSERT_EQ(0, pthread_join(thread, &ret));
		ASSERT_EQ(NULL, ret);
	}
	EXPECT_EQ(0, (long)line)
		TH_LOG("at line %ld, kind %d, by task %d", (long)line, kind, by_task);
	ASSERT_EQ(0, ksync_loop_destroy(loop));
}

#endif /* KSYNC_SELFTESTS_LOOPS_H */
