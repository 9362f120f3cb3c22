// SPDX-License-Identifier: GPL-2.0
/* Stacks: their sizes, their guards, what they cost, and that the memory comes back. */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/figure.h"
#include "lib/ksft.h"
#include "lib/models.h"
#undef ARRAY_SIZE
#include "../userspace/models/src/internal.h"

/* Touch so many KiB of stack. */
static __attribute__((noinline)) long deep(long kib)
{
	char page[1024];

	page[0] = kib;
	page[1023] = kib;
	asm volatile("" : : "r" (page) : "memory");
	return kib > 1 ? deep(kib - 1) + page[0] - page[1023] : 0;
}

static void *goes_deep(void *kib)
{
	return (void *)deep((long)kib);
}

static void *sizes(void *arg)
{
	const struct ksync_task_attr big = { .stack_size = 1 << 20 };
	const struct ksync_task_attr small = { .stack_size = 1 };
	const struct ksync_task_attr huge = { .stack_size = 1UL << 40 };
	struct ksync_task *t;
	int i;

	for (i = 0; i < 3; i++) {
		CHECK(!ksync_task_spawn(&t, goes_deep, (void *)700, &big));
		CHECK(!ksync_task_join(t, NULL));
		CHECK(!ksync_task_spawn(&t, goes_deep, (void *)8, &small));
		CHECK(!ksync_task_join(t, NULL));
		CHECK(!ksync_task_spawn(&t, goes_deep, (void *)40, NULL));
		CHECK(!ksync_task_join(t, NULL));
	}
	CHECK(ksync_task_spawn(&t, goes_deep, NULL, &huge) == -EINVAL);
	return arg;
}

TEST(stacks_have_the_size_that_was_asked_for)
{
	struct ksync_sched *s;
	void *line;

	ASSERT_EQ(0, ksync_sched_start(&s, NULL));
	ASSERT_EQ(0, ksync_sched_run(s, sizes, NULL, &line));
	EXPECT_EQ(NULL, line);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

/* In a child: its status, and what it wrote to standard error. */
static int in_child(struct __test_metadata *_metadata, void *(*fn)(void *arg), void *arg,
		    uint32_t flags, char *said, size_t size)
{
	const struct ksync_sched_opts opts = { .procs = 2, .flags = flags };
	struct ksync_sched *s;
	int fds[2], status;
	ssize_t n, at = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(fds));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		dup2(fds[1], 2);
		if (ksync_sched_start(&s, &opts))
			_exit(1);
		ksync_sched_run(s, fn, arg, NULL);
		_exit(0);
	}
	close(fds[1]);
	while (n = read(fds[0], said + at, size - 1 - at), n > 0)
		at += n;
	said[at] = 0;
	close(fds[0]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	return status;
}

static void *overflows(void *arg)
{
	const struct ksync_task_attr attr = { .name = "glutton" };
	struct ksync_task *t;

	(void)arg;
	CHECK(!ksync_task_spawn(&t, goes_deep, (void *)200, &attr));
	return (void *)(long)ksync_task_join(t, NULL);
}

TEST(overflow_is_sigsegv_and_names_the_task)
{
	char said[1024];
	int status = in_child(_metadata, overflows, NULL, KSYNC_SCHED_REPORT_OVERFLOW,
			      said, sizeof(said));

	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	EXPECT_NE(NULL, strstr(said, "\"glutton\" has overflowed its stack of 65536 bytes"))
		TH_LOG("%s", said);
}

TEST(no_handler_is_installed_unasked)
{
	struct sigaction action;
	struct ksync_sched *s;
	char said[1024];
	int status = in_child(_metadata, overflows, NULL, 0, said, sizeof(said));

	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	EXPECT_STREQ("", said);
	ASSERT_EQ(0, ksync_sched_start(&s, NULL));
	ASSERT_EQ(0, sigaction(SIGSEGV, NULL, &action));
	EXPECT_EQ(SIG_DFL, action.sa_handler);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

#define GUARDED_MAX 20000

static uint32_t started;

static void *waits_for_all(void *arg)
{
	const struct timespec abs = models_in(3600 * SEC);

	__atomic_add_fetch(&started, 1, __ATOMIC_RELAXED);
	return (void *)(long)ksync_task_sleep_until(&abs) + !!arg;
}

/* There are more tasks than guard pages: these overflow into others, and yield. */
static __attribute__((noinline)) long deep_and_yield(long kib)
{
	char page[1024];

	page[0] = kib;
	asm volatile("" : : "r" (page) : "memory");
	if (kib > 1)
		return deep_and_yield(kib - 1) + page[0];
	ksync_task_yield();
	return page[0];
}

static void *goes_deep_and_yields(void *kib)
{
	return (void *)deep_and_yield((long)kib);
}

static void *overflows_unguarded(void *arg)
{
	const struct ksync_task_attr attr = { .name = "glutton" };
	struct ksync_task *t;
	long i;

	(void)arg;
	for (i = 0; i < GUARDED_MAX; i++)
		CHECK(!ksync_task_spawn(NULL, waits_for_all, NULL, NULL));
	while (__atomic_load_n(&started, __ATOMIC_RELAXED) < GUARDED_MAX)
		ksync_task_yield(); /* what has not run has no stack */
	CHECK(!ksync_task_spawn(&t, goes_deep_and_yields, (void *)66, &attr));
	return (void *)(long)ksync_task_join(t, NULL);
}

TEST(overflow_without_guard_is_seen_when_the_task_leaves)
{
	char said[1024];
	int status = in_child(_metadata, overflows_unguarded, NULL, 0, said, sizeof(said));

	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	EXPECT_NE(NULL, strstr(said, "overflowed")) TH_LOG("%s", said);
}

static void *where_it_is(void *arg)
{
	return (char *)__builtin_frame_address(0) + (long)arg;
}

/* Such as do not run at the same time share stacks, whoever of them is joined when. */
static void *one_after_the_other(void *arg)
{
	struct ksync_task *t[1000];
	void *low[1000];
	int i, j, n = 0;

	for (i = 0; i < 1000; i++)
		CHECK(!ksync_task_spawn(&t[i], where_it_is, NULL, NULL));
	for (i = 0; i < 1000; i++)
		CHECK(!ksync_task_join(t[i], &low[i]));
	for (i = 0; i < 1000; i++) {
		for (j = 0; j < i && low[j] != low[i]; j++)
			;
		n += j == i;
	}
	CHECK(n < 10);
	return arg;
}

TEST(tasks_have_stacks_only_while_they_run)
{
	const struct ksync_sched_opts opts = { .model = KSYNC_MODEL_N1 };
	struct ksync_sched *s;

	ASSERT_EQ(0, ksync_sched_start(&s, &opts));
	RUN_ON(s, one_after_the_other, NULL);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

#define KEEPERS	4

/* Stacks lie with procs that do not need them: there is one more for who does. */
TEST(stack_for_each_task_wherever_the_others_are)
{
	const struct ksync_sched_opts opts = { .procs = KEEPERS };
	static struct proc procs[KEEPERS];
	struct ksync_task *t[CACHED_STACKS];
	struct ksync_sched *s;
	int i, k;

	ASSERT_EQ(0, ksync_sched_start(&s, &opts));
	for (k = 0; k < KEEPERS; k++) {
		for (i = 0; i < CACHED_STACKS; i++) {
			t[i] = ksync_pool_get(s, NULL, 0);
			ASSERT_NE(NULL, t[i]);
			ksync_stack_take(s, &procs[k], t[i]);
			*(t[i]->top - 1) = 1;
		}
		for (i = 0; i < CACHED_STACKS; i++) {
			ksync_stack_give(s, &procs[k], t[i]);
			ksync_pool_put(s, NULL, t[i]);
		}
		EXPECT_LT(0, procs[k].nstacks);
	}
	EXPECT_EQ(0, ksync_sched_stop(s));
}

static long resident(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		pages = -1;
	if (f)
		fclose(f);
	return pages * 4;
}

#define CROWD 100000

static long per_task, later;

/* Parked tasks: a page of stack each, and nothing to speak of beside it. */
static void *crowd(void *arg)
{
	struct ksync_scope scope;
	struct ksync_task **t = calloc(CROWD, sizeof(*t));
	long before = resident(), i;

	CHECK(!ksync_scope_begin(&scope, 0));
	for (i = 0; i < CROWD; i++)
		CHECK(!ksync_task_spawn(&t[i], waits_for_all, NULL, NULL));
	for (i = 0; i < 10; i++)
		ksync_task_yield();
	per_task = (resident() - before) * 1024 / CROWD;
	for (i = 0; i < CROWD; i++)
		ksync_task_cancel(t[i]);
	for (i = 0; i < CROWD; i++)
		CHECK(!ksync_task_join(t[i], NULL));
	free(t);
	CHECK(!ksync_scope_end(&scope));
	return arg;
}

static void *wakes_now_and_then(void *arg)
{
	struct timespec ts;
	int i;

	for (i = 0; i < 40 && (later = resident()) > 200000; i++) {
		ts = models_in(110 * MSEC);
		CHECK(!ksync_task_sleep_until(&ts));
	}
	return arg;
}

TEST(parked_tasks_cost_a_page_and_it_comes_back)
{
	const struct ksync_sched_opts opts = { .procs = 1 };
	struct ksync_sched *s;
	void *line;

	ASSERT_EQ(0, ksync_sched_start(&s, &opts));
	ASSERT_EQ(0, ksync_sched_run(s, crowd, NULL, &line));
	EXPECT_EQ(NULL, line) TH_LOG("line %ld", (long)line);
	figure(per_task, "bytes", "models.parked_task");
	EXPECT_LE(per_task, 4096 + 1024);
	ASSERT_EQ(0, ksync_sched_run(s, wakes_now_and_then, NULL, &line));
	EXPECT_LE(later, 200000) TH_LOG("%ld KiB are resident", later);
	EXPECT_EQ(0, ksync_sched_stop(s));
}

KSFT_MAIN
