// SPDX-License-Identifier: GPL-2.0
/*
 * ksyncctl says what is so: scenes of which the test knows who waits for whom,
 * compared with what it says of them, to the last pid.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/ctl.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/reader.h"
#include "lib/sys.h"

#define CELLS	64

FIXTURE(ctl)
{
	int fd;
	struct ksync_cell *cells;
	unsigned long long domain;
	struct ctl *out;
};

FIXTURE_SETUP(ctl)
{
	self->fd = raw_open();
	self->cells = raw_map(self->fd, CELLS);
	self->domain = ctl_domain(self->fd);
	ASSERT_NE(0, self->domain);
	self->out = player_memory(sizeof(*self->out));
}

FIXTURE_TEARDOWN(ctl)
{
	close(self->fd);
}

/* Line @n of what was said; how many lines there are of a kind. */
#define EXPECT_LINE(n, ...)	EXPECT_TRUE(ctl_matches(self->out, n, __VA_ARGS__))
#define EXPECT_LINES(n, ...)	EXPECT_EQ(n, ctl_count(self->out, __VA_ARGS__))

#define NEW_PLAYER(kind)	new_player(_metadata, self, kind)

static struct player *new_player(struct __test_metadata *_metadata,
				 struct _test_data_ctl *self, enum task_kind kind)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	return p;
}

static pid_t pid_of(const struct player *p)
{
	return task_tid(&p->task);
}

#define NEW_OBJECT(kind, name)	new_object(_metadata, self, kind, name)

static uint32_t new_object(struct __test_metadata *_metadata, struct _test_data_ctl *self,
			   uint32_t kind, const char *name)
{
	uint32_t id;

	ASSERT_EQ(0, raw_create(self->fd, kind, 0, &id));
	ASSERT_EQ(0, raw_name(self->fd, id, name));
	return id;
}

#define WAIT(p, step, id, n)	wait_for(_metadata, self, p, step, id, n)

/* Let it wait for an object, which has @n waiters then. */
static void wait_for(struct __test_metadata *_metadata, struct _test_data_ctl *self,
		     struct player *p, player_step step, uint32_t id, uint32_t n)
{
	player_post(p, step, id);
	ASSERT_EQ(0, await_waiters(self->fd, id, n));
	ASSERT_EQ(0, player_await_asleep(p));
}

/* Three mutexes, four tasks, three processes: the last one sleeps elsewhere. */
TEST_F(ctl, why_follows_a_chain_across_processes)
{
	struct player *p[4];
	const char *const name[] = { "first", "second", "third" };
	uint32_t id[3];
	int i;

	for (i = 0; i < 3; i++)
		id[i] = NEW_OBJECT(KSYNC_KIND_MUTEX, name[i]);
	for (i = 0; i < 4; i++)
		p[i] = NEW_PLAYER(i == 1 ? TASK_THREAD : TASK_PROCESS);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, player_do(p[i + 1], step_lock_fast, id[i]));
	for (i = 2; i >= 0; i--)
		WAIT(p[i], step_lock, id[i], 1);

	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why %d", pid_of(p[0])));
	EXPECT_EQ(0, self->out->status);
	EXPECT_EQ(4, self->out->lines);
	EXPECT_LINE(0,
		    "ctl_test (pid %d, nice:0) has waited * to lock mutex \"first\" (domain %llu, object %u)",
		    pid_of(p[0]), self->domain, id[0]);
	EXPECT_LINE(1,
		    "  owned by ctl_test (pid %d, nice:0), who has waited * to lock mutex \"second\" (*",
		    pid_of(p[1]));
	EXPECT_LINE(2,
		    "    owned by ctl_test (pid %d, nice:0), who has waited * to lock mutex \"third\" (*",
		    pid_of(p[2]));
	EXPECT_LINE(3, "      -> owned by ctl_test (pid %d, nice:0): asleep*, not in ksync",
		    pid_of(p[3]));

	/* From the middle, and of the process that its thread is in. */
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why %d", getpid()));
	EXPECT_EQ(3, self->out->lines);
	EXPECT_LINE(0, "ctl_test (pid %d, *\"second\"*", pid_of(p[1]));
	for (i = 3; i > 0; i--)
		EXPECT_EQ(0, player_do(p[i], step_unlock, id[i - 1]) |
			  player_result(p[i - 1]));
}

/* What the last one does: it computes, it is stopped. */
TEST_F(ctl, why_tells_what_the_culprit_does)
{
	struct player *owner = NEW_PLAYER(TASK_PROCESS), *waiter = NEW_PLAYER(TASK_PROCESS);
	const uint32_t id = NEW_OBJECT(KSYNC_KIND_MUTEX, "kept");

	/* What the owner shares with the test already. */
	owner->futex = &owner->flags;
	owner->flags = 1;
	ASSERT_EQ(0, player_do(owner, step_lock_fast, id));
	WAIT(waiter, step_lock, id, 1);
	player_post(owner, step_hog, id);
	ASSERT_EQ(0, player_await_taken(owner));
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why %d", pid_of(waiter)));
	EXPECT_LINE(1, "  -> owned by ctl_test (pid %d, *): running, or ready to run, on CPU *",
		    pid_of(owner));
	__atomic_store_n(&owner->flags, 0, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, player_result(owner));

	ASSERT_EQ(0, task_kill(&owner->task, SIGSTOP));
	ASSERT_EQ(0, await_stopped(pid_of(owner)));
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why %d", pid_of(waiter)));
	EXPECT_LINE(1, "  -> owned by ctl_test (pid %d, *): stopped by a signal",
		    pid_of(owner));
	ASSERT_EQ(0, task_kill(&owner->task, SIGCONT));
}

/* A writer drains two readers; a reader and a writer wait behind it. */
TEST_F(ctl, why_shows_all_readers)
{
	struct player *p[5];
	uint32_t id, i;

	id = NEW_OBJECT(KSYNC_KIND_RWLOCK, "table");
	for (i = 0; i < 5; i++)
		p[i] = NEW_PLAYER(i % 2 ? TASK_THREAD : TASK_PROCESS);
	ASSERT_EQ(0, player_do(p[0], step_read_fast, id));
	ASSERT_EQ(0, player_do(p[1], step_read, id));
	for (i = 2; i < 5; i++)
		WAIT(p[i], i == 4 ? step_read : step_lock, id, i - 1);

	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why %d", pid_of(p[4])));
	EXPECT_EQ(0, self->out->status);
	EXPECT_EQ(4, self->out->lines);
	EXPECT_LINE(0, "ctl_test (pid %d, *) has waited * to read rwlock \"table\" *",
		    pid_of(p[4]));
	EXPECT_LINE(1,
		    "  owned by ctl_test (pid %d, *), who has waited * to write rwlock \"table\" *",
		    pid_of(p[2]));
	for (i = 0; i < 2; i++)
		EXPECT_LINES(1, "    -> read by ctl_test (pid %d, *): asleep*", pid_of(p[i]));

	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl list --domain %llu", self->domain));
	EXPECT_LINES(1, "  %u *rwlock  \"table\"  ctl_test (pid %d)  3        2",
		     id, pid_of(p[2]));
	EXPECT_LINES(1, "* ctl_test (pid %d) *to write, when readers leave", pid_of(p[2]));
	EXPECT_LINES(1, "* ctl_test (pid %d) *to write", pid_of(p[3]));
	EXPECT_LINES(1, "* ctl_test (pid %d) *to read", pid_of(p[4]));
}

/* One of the readers waits itself; of those that wait elsewhere, why is shown. */
TEST_F(ctl, why_goes_on_behind_a_reader)
{
	struct player *p[3] = {
		NEW_PLAYER(TASK_PROCESS), NEW_PLAYER(TASK_BARE), NEW_PLAYER(TASK_PROCESS),
	};
	const uint32_t rwlock = NEW_OBJECT(KSYNC_KIND_RWLOCK, "table");
	const uint32_t mutex = NEW_OBJECT(KSYNC_KIND_MUTEX, "row");

	ASSERT_EQ(0, player_do(p[1], step_read_fast, rwlock));
	ASSERT_EQ(0, player_do(p[2], step_lock_fast, mutex));
	WAIT(p[0], step_lock, rwlock, 1);
	WAIT(p[1], step_lock, mutex, 1);
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why %d", pid_of(p[0])));
	EXPECT_LINE(0, "ctl_test (pid %d, *) has waited * to write rwlock \"table\" *",
		    pid_of(p[0]));
	EXPECT_LINE(1, "  read by ctl_test (pid %d, *), who has waited * to lock mutex \"row\" *",
		    pid_of(p[1]));
	EXPECT_LINE(2, "    -> owned by ctl_test (pid %d, *): asleep*", pid_of(p[2]));
	EXPECT_EQ(3, self->out->lines);
}

static struct _test_data_ctl other;

/* Go to the other domain. */
static int step_move(struct player *p)
{
	p->fd = other.fd;
	p->cells = other.cells;
	return raw_attach(p->fd, &p->handle);
}

TEST_F(ctl, why_follows_into_another_domain)
{
	struct player *p[3];
	uint32_t here, there, i;

	other.fd = raw_open();
	other.cells = raw_map(other.fd, CELLS);
	here = NEW_OBJECT(KSYNC_KIND_MUTEX, "here");
	ASSERT_EQ(0, raw_create(other.fd, KSYNC_KIND_MUTEX, 0, &there));
	for (i = 0; i < 3; i++)
		p[i] = NEW_PLAYER(TASK_PROCESS);
	ASSERT_EQ(0, player_do(p[1], step_lock_fast, here));
	for (i = 1; i < 3; i++)
		ASSERT_EQ(0, player_do(p[i], step_move, 0));
	ASSERT_EQ(0, player_do(p[2], step_lock_fast, there));
	player_post(p[1], step_lock, there);
	ASSERT_EQ(0, await_waiters(other.fd, there, 1));
	ASSERT_EQ(0, player_await_asleep(p[1]));
	WAIT(p[0], step_lock, here, 1);
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why %d", pid_of(p[0])));
	EXPECT_LINE(1,
		    "  owned by ctl_test (pid %d, *), who * to lock mutex (domain %llu, object %u)",
		    pid_of(p[1]), ctl_domain(other.fd), there);
	EXPECT_LINE(2, "    -> owned by ctl_test (pid %d, *", pid_of(p[2]));
	EXPECT_EQ(3, self->out->lines);
}

TEST_F(ctl, priorities)
{
	struct player *owner = NEW_PLAYER(TASK_PROCESS), *waiter = NEW_PLAYER(TASK_BARE);
	const uint32_t id = NEW_OBJECT(KSYNC_KIND_MUTEX, "urgent");

	ASSERT_EQ(0, sched_fifo(pid_of(waiter), 30));
	ASSERT_EQ(0, player_do(owner, step_lock_fast, id));
	WAIT(waiter, step_lock, id, 1);
	ASSERT_EQ(0, await_prio(pid_of(owner), FIFO_SHOWN(30)));
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why %d", pid_of(waiter)));
	EXPECT_LINE(0, "ctl_test (pid %d, rt:30) has waited *", pid_of(waiter));
	EXPECT_LINE(1, "  -> owned by ctl_test (pid %d, rt:30): *", pid_of(owner));
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl list"));
	EXPECT_LINES(1, "* ctl_test (pid %d)  rt:30  has waited * to lock", pid_of(waiter));
}

static int step_wait(struct player *p)
{
	return raw_wait(p->fd, p->id, 0, KSYNC_BITSET_ALL, 0, p->deadline);
}

/* What has no owner: nobody is blamed. A deadline is told. */
TEST_F(ctl, waits_for_what_has_no_owner)
{
	static const struct {
		uint32_t kind;
		const char *name;
		player_step step;
	} scenes[] = {
		{ KSYNC_KIND_SEM, "sem", step_acquire_until },
		{ KSYNC_KIND_EVENT, "event", step_acquire_until },
		{ KSYNC_KIND_WAITQ, "waitq", step_wait },
		{ KSYNC_KIND_COND, "cond", step_cond_wait },
	};
	const uint32_t mutex = NEW_OBJECT(KSYNC_KIND_MUTEX, "of the cond");
	struct player *p;
	uint32_t id;
	size_t i;

	for (i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		p = NEW_PLAYER(TASK_PROCESS);
		p->mutex = mutex;
		p->deadline = raw_deadline(CLOCK_MONOTONIC, 3600 * 1000);
		id = NEW_OBJECT(scenes[i].kind, "thing");
		ASSERT_EQ(0, player_do(p, step_lock, mutex));
		if (scenes[i].kind != KSYNC_KIND_COND)
			ASSERT_EQ(0, player_do(p, step_unlock, mutex));
		WAIT(p, scenes[i].step, id, 1);
		ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why %d", pid_of(p)));
		EXPECT_EQ(0, self->out->status);
		EXPECT_EQ(2, self->out->lines);
		EXPECT_LINE(0, "ctl_test (pid %d, *) has waited * for %s \"thing\" *",
			    pid_of(p), scenes[i].name);
		EXPECT_LINE(1, "  -> a %s has no owner: nobody is known to owe it",
			    scenes[i].name);
		ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl list"));
		EXPECT_LINES(1, "* ctl_test (pid %d) * for it  gives up in 59 min *",
			     pid_of(p));
	}
}

TEST_F(ctl, owner_died)
{
	struct player *owner = NEW_PLAYER(TASK_PROCESS);
	const uint32_t id = NEW_OBJECT(KSYNC_KIND_MUTEX, "orphan");
	const uint32_t handle = owner->handle;

	ASSERT_EQ(0, player_do(owner, step_lock_fast, id));
	ASSERT_EQ(0, task_kill(&owner->task, SIGKILL));
	ASSERT_EQ(0, task_join(&owner->task, NULL));
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl list"));
	EXPECT_LINES(1, "  %u *mutex * \"orphan\" * dead (handle %u) *", id, handle);
}

/* Idle ones without a name are shown when asked for. */
TEST_F(ctl, list_all)
{
	uint32_t idle, named = NEW_OBJECT(KSYNC_KIND_EVENT, "named");

	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &idle));
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl list --domain %llu", self->domain));
	EXPECT_LINES(1, "  %u *event *\"named\"*", named);
	EXPECT_LINES(0, "  %u *sem *", idle);
	EXPECT_LINE(0, "domain %llu, opened by ctl_test (pid %d): 2 objects, 0 threads, 0 waiting",
		    self->domain, getpid());
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl list --all --domain %llu", self->domain));
	EXPECT_LINES(1, "  %u *sem *", idle);
	EXPECT_EQ(0, self->out->status);
}

/* Names that would be commands to a terminal, or other syntax to dot. */
static const char *const hostile[] = {
	"two\nlines", "a space", "quote\" ] n0 -> n0 [", "back\\slash\\", "\033[2J\033[31m",
	"-", "\\040", "\302\233", "end\\",
};

#define HOSTILE	(sizeof(hostile) / sizeof(*hostile))

static const char *hostile_name;

static int step_rename(struct player *p)
{
	(void)p;
	return sys(SYS_prctl, PR_SET_NAME, hostile_name);
}

TEST_F(ctl, hostile_names)
{
	struct player *owner, *waiter;
	uint32_t id;
	size_t i;

	for (i = 0; i < HOSTILE; i++) {
		hostile_name = hostile[i];
		owner = NEW_PLAYER(TASK_PROCESS);
		waiter = NEW_PLAYER(TASK_BARE);
		ASSERT_EQ(0, player_do(owner, step_rename, 0));
		ASSERT_EQ(0, player_do(waiter, step_rename, 0));
		id = NEW_OBJECT(KSYNC_KIND_MUTEX, hostile[i]);
		ASSERT_EQ(0, player_do(owner, step_lock_fast, id));
		WAIT(waiter, step_lock, id, 1);
		ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why %d", pid_of(waiter)));
		EXPECT_EQ(2, self->out->lines);
		EXPECT_LINE(1, "  -> owned by * (pid %d, *): asleep*", pid_of(owner));
	}
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl list | LC_ALL=C grep -c '[^ -~]'"));
	EXPECT_STREQ("0", self->out->line[0]);
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl list"));
	EXPECT_LINES(1, "* \"a space\" *");
	EXPECT_LINES(1, "* \"two\\012lines\" *");
	EXPECT_LINES(1, "* \"\\134040\" *");
	EXPECT_LINES(1, "* \"-\" *");
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl graph --domain %llu", self->domain));
	EXPECT_EQ(0, self->out->status);
}

/* dot(1) understands it, and each node of the scene is in the picture. */
TEST_F(ctl, graph_is_drawn)
{
	struct player *p[3];
	uint32_t id, i;

	id = NEW_OBJECT(KSYNC_KIND_RWLOCK, "say \"\\n\"");
	for (i = 0; i < 3; i++)
		p[i] = NEW_PLAYER(TASK_PROCESS);
	ASSERT_EQ(0, player_do(p[0], step_read, id));
	WAIT(p[1], step_lock, id, 1);
	WAIT(p[2], step_lock, id, 2);
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl graph --domain %llu", self->domain));
	EXPECT_LINES(1, "*label=\"ctl_test (pid %d, *asleep*fillcolor=gold];", pid_of(p[0]));
	EXPECT_LINES(0, "*color=red*");
	EXPECT_LINES(2, "*label=\"waits to write*");
	EXPECT_LINES(1, "*label=\"read by\"*");
	EXPECT_LINES(1, "*label=\"owned by\"*");
	ASSERT_EQ(0, ctl_run(self->out, "command -v dot"));
	if (self->out->status)
		SKIP(return, "graphviz is not installed");
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl graph --domain %llu | dot -Tplain",
			     self->domain));
	EXPECT_EQ(0, self->out->status);
	EXPECT_LINES(4, "node *");
	EXPECT_LINES(4, "edge *");
}

/* Files that no kernel wrote. */
static void fake(struct __test_metadata *_metadata, const char *dir, const char *name,
		 const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	ASSERT_NE(NULL, f);
	fprintf(f, "ksync-%s %s\n", name, text);
	fclose(f);
}

#define WAITERS_HEAD \
	"1 domain object kind side for pid tgid comm handle prio sched queued since waited deadline clock owner owner_pid owner_comm new\n"

/* A cycle, in files that have a column more than this program knows. */
TEST_F(ctl, a_cycle_ends)
{
	char dir[] = "/tmp/ctl_test.XXXXXX";

	ASSERT_NE(NULL, mkdtemp(dir));
	fake(_metadata, dir, "domains",
	     "1 serial objects threads waiters slot_cells pid comm\n"
	     "7 2 2 2 0 5 x");
	fake(_metadata, dir, "objects",
	     "1 domain id kind flags word owner pid comm waiters readers name\n"
	     "7 0 mutex 0x0 0x80000001 1 5 x 1 - -\n"
	     "7 1 mutex 0x0 0x80000002 2 6 y 1 - last");
	fake(_metadata, dir, "threads",
	     "1 domain handle pid tgid comm policy priority sched reads\n"
	     "7 1 5 5 x 0 20 nice:0 -\n"
	     "7 2 6 6 y 0 20 nice:0 -");
	fake(_metadata, dir, "waiters", WAITERS_HEAD
	     "7 0 mutex word lock 6 6 y 2 120 nice:0 100 50 9000000 - - 1 5 x ?\n"
	     "7 1 mutex word lock 5 5 x 1 120 nice:0 100 60 8000000 - - 2 6 y ?");
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why 5 --from %s", dir));
	EXPECT_EQ(0, self->out->status);
	EXPECT_LINE(0,
		    "x (pid 5, nice:0) has waited 0.008 s to lock mutex \"last\" (domain 7, object 1)");
	EXPECT_LINE(1,
		    "  owned by y (pid 6, nice:0), who has waited 0.009 s to lock mutex (domain 7, object 0)");
	EXPECT_LINE(2, "    -> owned by x (pid 5, nice:0), who is above: this is a cycle");
	EXPECT_EQ(3, self->out->lines);
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl graph --from %s", dir));
	EXPECT_LINES(8, "*color=red];");

	fake(_metadata, dir, "waiters", "2 domain");
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl list --from %s", dir));
	EXPECT_EQ(3, self->out->status);
	EXPECT_LINE(0, "*/waiters has format version 2, and this program knows 1 alone*");
	fake(_metadata, dir, "waiters", "1 domain\nx");
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl list --from %s; rm -r %s", dir, dir));
	EXPECT_LINES(1, "*has no *");
}

TEST_F(ctl, errors_are_sentences)
{
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl"));
	EXPECT_EQ(2, self->out->status);
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why"));
	EXPECT_EQ(2, self->out->status);
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why x"));
	EXPECT_EQ(2, self->out->status);
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl frobnicate"));
	EXPECT_EQ(2, self->out->status);
	EXPECT_LINE(0, "*there is no command 'frobnicate'*");
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why 99999999"));
	EXPECT_EQ(4, self->out->status);
	EXPECT_LINE(0, "*there is no process or thread 99999999");
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl why %d", getpid()));
	EXPECT_EQ(1, self->out->status);
	EXPECT_LINE(0, "*%d does not wait for anything of ksync; it is *", getpid());
	ASSERT_EQ(0, ctl_run(self->out, "$ksyncctl list --from /nonexistent"));
	EXPECT_EQ(3, self->out->status);
	/* Where it was built nobody else may be let in. */
	ASSERT_EQ(0, ctl_run(self->out, "cp $ksyncctl /tmp/ctl_test.bin"));
	ASSERT_EQ(0, ctl_run(self->out,
			     "setpriv --reuid 65534 --clear-groups /tmp/ctl_test.bin list"));
	unlink("/tmp/ctl_test.bin");
	EXPECT_EQ(3, self->out->status);
	EXPECT_LINE(0, "*/proc/ksync/* can be read by root alone");
}

KSFT_MAIN
