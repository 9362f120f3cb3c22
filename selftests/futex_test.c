// SPDX-License-Identifier: GPL-2.0
/*
 * What is special to the library's futex backend: what it lacks and says so, and
 * where it has to do by itself what the module would do.
 *
 * Whatever KSYNC_BACKEND says, these run on futexes, with or without the module.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/sys.h"

FIXTURE(futex)
{
	struct ksync *d;
	struct ksync_mutex m;
	uint32_t *shared;
};

FIXTURE_SETUP(futex)
{
	ASSERT_EQ(0, setenv("KSYNC_BACKEND", "futex", 1));
	ASSERT_EQ(0, ksync_open(&self->d, KSYNC_OPEN_FUTEX));
	ASSERT_EQ(0, ksync_mutex_init(&self->m, self->d, 0));
	self->shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->shared);
}

FIXTURE_TEARDOWN(futex)
{
	ksync_close(self->d);
}

/* A child by fork(), killed when the test ends. */
static pid_t child(int (*fn)(struct _test_data_futex *self), struct _test_data_futex *self)
{
	const pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(99);
	_exit(fn(self));
}

static int status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST_F(futex, descriptor_is_close_on_exec_and_cannot_shrink)
{
	const int fd = ksync_fileno(self->d);

	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(-1, ftruncate(fd, 0));
	EXPECT_EQ(EPERM, errno);
}

TEST_F(futex, says_what_it_lacks)
{
	const uint64_t kinds = 0xfe, has = KSYNC_FEATURE_PI | KSYNC_FEATURE_DEADLOCK |
		KSYNC_FEATURE_NAMES;
	struct ksync_info info;

	ASSERT_EQ(0, ksync_info(self->d, &info));
	EXPECT_EQ(kinds | has, info.features);
	EXPECT_EQ(1U, info.objects);
	EXPECT_EQ((uint64_t)(info.max_objects + 1) * KSYNC_CELL_SIZE, info.arena_size);
}

TEST_F(futex, missing_calls_are_eopnotsupp)
{
	struct ksync_wait_item items[2];
	struct ksync_ceiling ceiling = { .size = sizeof(ceiling), .id = self->m.o.id };
	struct ksync_settle settle = { .size = sizeof(settle) };
	struct ksync_attach attach = { sizeof(attach), KSYNC_ATTACH_CEILING, 0, 0 };
	struct ksync_mutex protect;
	struct ksync_event e;
	struct ksync_sem s;
	unsigned int index;

	ASSERT_EQ(0, ksync_event_init(&e, self->d, 0));
	ASSERT_EQ(0, ksync_sem_init(&s, self->d, 0, 0));
	items[0] = (struct ksync_wait_item){ .o = &e.o };
	items[1] = (struct ksync_wait_item){ .o = &s.o };
	EXPECT_EQ(-EOPNOTSUPP, ksync_wait_any(items, 2, NULL, &index));
	EXPECT_EQ(-EOPNOTSUPP, ksync_object_fd(&e.o, 0));
	EXPECT_EQ(-EOPNOTSUPP, ksync_mutex_init_protect(&protect, self->d, 0, 10));
	EXPECT_EQ(-EOPNOTSUPP, ksync_call_(self->d, KSYNC_IOC_CEILING, &ceiling));
	EXPECT_EQ(-EOPNOTSUPP, ksync_call_(self->d, KSYNC_IOC_SETTLE, &settle));
	EXPECT_EQ(-EOPNOTSUPP, ksync_call_(self->d, KSYNC_IOC_ATTACH, &attach));
	EXPECT_EQ(-ENOTTY, ksync_call_(self->d, KSYNC_IOC_FD + 5, &settle));
	EXPECT_EQ(-ENOTTY, ksync_call_(self->d, 0, &settle));
}

TEST_F(futex, limit_of_objects_is_enospc)
{
	struct ksync_info info;
	struct ksync_event *e;
	size_t n;

	ASSERT_EQ(0, ksync_info(self->d, &info));
	n = info.max_objects - info.objects;
	e = mmap(NULL, (n + 1) * sizeof(*e), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)e);
	EXPECT_EQ(-ENOSPC, ksync_objects_create_(&e->o, n + 1, self->d, KSYNC_KIND_EVENT, 0));
	ASSERT_EQ(0, ksync_info(self->d, &info));
	EXPECT_EQ(1U, info.objects);
}

static int lock_by_fd(struct _test_data_futex *self)
{
	struct ksync_mutex m;
	struct ksync *d;

	if (ksync_adopt(&d, fcntl(ksync_fileno(self->d), F_DUPFD, 100)))
		return 1;
	if (ksync_mutex_open(&m, d, ksync_mutex_id(&self->m)))
		return 2;
	if (ksync_mutex_lock_try(&m) != -EBUSY)
		return 3;
	if (ksync_mutex_lock(&m))
		return 4;
	return ksync_mutex_unlock(&m) ? 5 : 0;
}

TEST_F(futex, is_shared_by_descriptor)
{
	struct ksync_query q;
	pid_t pid;

	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	pid = child(lock_by_fd, self);
	ASSERT_EQ(0, await_waiters(ksync_fileno(self->d), ksync_mutex_id(&self->m), 1));
	ASSERT_EQ(0, ksync_query(&self->m, &q));
	EXPECT_EQ((uint32_t)getpid(), q.owner);
	EXPECT_EQ((uint32_t)getpid(), q.owner_pid);
	EXPECT_STREQ("futex_test", q.owner_comm);
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(0, status_of(pid));
}

static int die_with_it(struct _test_data_futex *self)
{
	return ksync_mutex_lock(&self->m);
}

/* Nobody waited: its TID is in the word still. */
TEST_F(futex, dead_owner_is_taken_over)
{
	EXPECT_EQ(0, status_of(child(die_with_it, self)));
	EXPECT_EQ(-EOWNERDEAD, ksync_mutex_lock(&self->m));
	EXPECT_EQ(-EDEADLK, ksync_mutex_lock(&self->m));
	EXPECT_EQ(0, ksync_mutex_consistent(&self->m));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(0, ksync_mutex_lock(&self->m));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	/* The same by trying. */
	EXPECT_EQ(0, status_of(child(die_with_it, self)));
	EXPECT_EQ(-EOWNERDEAD, ksync_mutex_lock_try(&self->m));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(-ENOTRECOVERABLE, ksync_mutex_lock(&self->m));
	EXPECT_EQ(-ENOTRECOVERABLE, ksync_mutex_lock_try(&self->m));
}

static int lock_and_say(struct _test_data_futex *self)
{
	const int ret = ksync_mutex_lock(&self->m);

	__atomic_fetch_add(&self->shared[-ret & 0xff], 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int lock_and_wait_for_kill(struct _test_data_futex *self)
{
	const int ret = ksync_mutex_lock(&self->m);

	__atomic_store_n(&self->shared[0], 1, __ATOMIC_SEQ_CST);
	pause();
	return ret;
}

/* It dies while three wait; the first one leaves it inconsistent. */
TEST_F(futex, all_waiters_are_told_that_it_is_not_recoverable)
{
	const pid_t owner = child(lock_and_wait_for_kill, self);
	pid_t waiter[2];
	int i;

	ASSERT_EQ(0, await_value(&self->shared[0], 1));
	ASSERT_EQ(0, kill(owner, SIGKILL));
	EXPECT_EQ(-SIGKILL, status_of(owner));
	EXPECT_EQ(-EOWNERDEAD, ksync_mutex_lock(&self->m));
	for (i = 0; i < 2; i++)
		waiter[i] = child(lock_and_say, self);
	ASSERT_EQ(0, await_waiters(ksync_fileno(self->d), ksync_mutex_id(&self->m), 2));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, await_asleep(waiter[i]));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, status_of(waiter[i]));
	EXPECT_EQ(2U, self->shared[ENOTRECOVERABLE & 0xff]);
	EXPECT_EQ(-ENOTRECOVERABLE, ksync_mutex_lock(&self->m));
}

TEST_F(futex, waiter_is_told_of_a_dead_owner)
{
	const pid_t owner = child(lock_and_wait_for_kill, self);
	pid_t waiter;

	ASSERT_EQ(0, await_value(&self->shared[0], 1));
	waiter = child(lock_and_say, self);
	ASSERT_EQ(0, await_waiters(ksync_fileno(self->d), ksync_mutex_id(&self->m), 1));
	ASSERT_EQ(0, await_asleep(waiter));
	ASSERT_EQ(0, kill(owner, SIGKILL));
	EXPECT_EQ(-SIGKILL, status_of(owner));
	EXPECT_EQ(0, status_of(waiter));
	EXPECT_EQ(1U, self->shared[EOWNERDEAD & 0xff]);
}

TEST_F(futex, owner_runs_at_its_waiters_priority)
{
	pid_t waiter;

	if (sched_fifo(0, 5))
		SKIP(return, "needs RLIMIT_RTPRIO, or CAP_SYS_NICE");
	ASSERT_EQ(0, sched_other(0));
	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	EXPECT_EQ(NORMAL_PRIO, effective_prio(getpid()));
	waiter = child(lock_and_wait_for_kill, self);
	ASSERT_EQ(0, await_waiters(ksync_fileno(self->d), ksync_mutex_id(&self->m), 1));
	ASSERT_EQ(0, sched_fifo(waiter, 30));
	EXPECT_EQ(0, await_prio(getpid(), FIFO_SHOWN(30)));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(0, await_prio(getpid(), NORMAL_PRIO));
	ASSERT_EQ(0, await_value(&self->shared[0], 1));
	ASSERT_EQ(0, kill(waiter, SIGKILL));
	EXPECT_EQ(-SIGKILL, status_of(waiter));
}

struct pair {
	struct ksync_mutex *a, *b;
	uint32_t locked;
	int ret;
};

static void *lock_both(void *arg)
{
	struct pair *p = arg;

	ksync_mutex_lock(p->a);
	__atomic_store_n(&p->locked, 1, __ATOMIC_SEQ_CST);
	p->ret = ksync_mutex_lock(p->b);
	if (!p->ret)
		ksync_mutex_unlock(p->b);
	ksync_mutex_unlock(p->a);
	return NULL;
}

TEST_F(futex, cycle_is_edeadlk)
{
	struct ksync_mutex other;
	struct pair p = { &self->m, &other, 0, 0 };
	pthread_t thread;

	ASSERT_EQ(0, ksync_mutex_init(&other, self->d, 0));
	ASSERT_EQ(0, ksync_mutex_lock(&other));
	ASSERT_EQ(0, pthread_create(&thread, NULL, lock_both, &p));
	ASSERT_EQ(0, await_value(&p.locked, 1));
	ASSERT_EQ(0, await_waiters(ksync_fileno(self->d), ksync_mutex_id(&other), 1));
	/* The kernel sees the cycle once the other one sleeps. */
	EXPECT_EQ(-EDEADLK, ksync_mutex_lock(&self->m));
	EXPECT_EQ(0, ksync_mutex_unlock(&other));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, p.ret);
}

#define TURNS 100

/* How a test and a thread take turns: the test has the lock, the thread waits. */
struct turns {
	struct ksync_mutex *m;
	struct ksync_rwlock *l;
	bool test_reads;
	bool thread_reads;
	uint32_t held;
	uint32_t had;
};

static int turn_lock(struct turns *t, bool reads, bool interruptible)
{
	if (t->m)
		return interruptible ? ksync_mutex_lock_interruptible(t->m) :
			ksync_mutex_lock(t->m);
	return reads ? ksync_rwlock_read_lock(t->l) : ksync_rwlock_write_lock(t->l);
}

static int turn_unlock(struct turns *t)
{
	return t->m ? ksync_mutex_unlock(t->m) : ksync_rwlock_unlock(t->l);
}

static void *take_turns(void *arg)
{
	struct turns *t = arg;
	int i, ret = 0;

	for (i = 0; i < TURNS && !ret; i++) {
		ret = await_value(&t->held, i + 1);
		if (!ret)
			ret = turn_lock(t, t->thread_reads, true);
		if (!ret)
			ret = turn_unlock(t);
		__atomic_store_n(&t->had, i + 1, __ATOMIC_SEQ_CST);
	}
	return (void *)(intptr_t)ret;
}

/* Who waits so looks by itself once a second: too seldom for so many turns. */
static void is_woken(struct __test_metadata *_metadata, struct _test_data_futex *self,
		     struct turns *t)
{
	const uint32_t id = t->m ? ksync_mutex_id(t->m) : ksync_rwlock_id(t->l);
	pthread_t thread;
	void *ret;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, take_turns, t));
	for (i = 0; i < TURNS; i++) {
		ASSERT_EQ(0, turn_lock(t, t->test_reads, false));
		__atomic_store_n(&t->held, i + 1, __ATOMIC_SEQ_CST);
		ASSERT_EQ(0, await_waiters(ksync_fileno(self->d), id, 1));
		ASSERT_EQ(0, turn_unlock(t));
		ASSERT_EQ(0, await_value(&t->had, i + 1));
	}
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(NULL, ret);
}

TEST_F(futex, interruptible_waiter_is_woken)
{
	struct turns t = { .m = &self->m };

	is_woken(_metadata, self, &t);
}

static void rwlock_is_woken(struct __test_metadata *_metadata, struct _test_data_futex *self,
			    bool test_reads, bool thread_reads)
{
	struct ksync_rwlock l;
	struct turns t = { .l = &l, .test_reads = test_reads, .thread_reads = thread_reads };

	ASSERT_EQ(0, ksync_rwlock_init(&l, self->d, 0));
	is_woken(_metadata, self, &t);
}

TEST_F(futex, reader_is_woken_by_a_writer)
{
	rwlock_is_woken(_metadata, self, false, true);
}

TEST_F(futex, writer_is_woken_by_a_writer)
{
	rwlock_is_woken(_metadata, self, false, false);
}

TEST_F(futex, writer_is_woken_by_a_reader)
{
	rwlock_is_woken(_metadata, self, true, false);
}

static int read_and_wait_for_kill(struct _test_data_futex *self)
{
	struct ksync_rwlock l;

	if (ksync_rwlock_open(&l, self->d, self->shared[8]) || ksync_rwlock_read_lock(&l))
		return 1;
	__atomic_store_n(&self->shared[0], 1, __ATOMIC_SEQ_CST);
	pause();
	return 0;
}

static int write_and_wait_for_kill(struct _test_data_futex *self)
{
	struct ksync_rwlock l;

	if (ksync_rwlock_open(&l, self->d, self->shared[8]) || ksync_rwlock_write_lock(&l))
		return 1;
	__atomic_store_n(&self->shared[0], 1, __ATOMIC_SEQ_CST);
	pause();
	return 0;
}

/* @holder is killed after the other one went to sleep, or before it came. */
static void killed(struct __test_metadata *_metadata, struct _test_data_futex *self,
		   int (*holder)(struct _test_data_futex *self), int expected)
{
	struct ksync_rwlock l;
	pid_t pid;

	ASSERT_EQ(0, ksync_rwlock_init(&l, self->d, 0));
	self->shared[8] = ksync_rwlock_id(&l);
	self->shared[0] = 0;
	pid = child(holder, self);
	ASSERT_EQ(0, await_value(&self->shared[0], 1));
	EXPECT_EQ(-EBUSY, ksync_rwlock_write_lock_try(&l));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-SIGKILL, status_of(pid));
	EXPECT_EQ(expected, ksync_rwlock_write_lock(&l));
	if (expected)
		EXPECT_EQ(0, ksync_rwlock_consistent(&l));
	EXPECT_EQ(0, ksync_rwlock_unlock(&l));
	EXPECT_EQ(0, ksync_rwlock_read_lock(&l));
	EXPECT_EQ(0, ksync_rwlock_unlock(&l));
}

TEST_F(futex, dead_reader_does_not_block_a_writer)
{
	killed(_metadata, self, read_and_wait_for_kill, 0);
}

TEST_F(futex, dead_writer_is_reported)
{
	killed(_metadata, self, write_and_wait_for_kill, -EOWNERDEAD);
}

/* The writer sleeps already when the reader is killed. */
TEST_F(futex, dead_reader_is_noticed_by_a_writer_that_sleeps)
{
	struct ksync_rwlock l;
	pid_t reader, writer;

	ASSERT_EQ(0, ksync_rwlock_init(&l, self->d, 0));
	self->shared[8] = ksync_rwlock_id(&l);
	reader = child(read_and_wait_for_kill, self);
	ASSERT_EQ(0, await_value(&self->shared[0], 1));
	self->shared[0] = 0;
	writer = child(write_and_wait_for_kill, self);
	ASSERT_EQ(0, await_waiters(ksync_fileno(self->d), ksync_rwlock_id(&l), 1));
	ASSERT_EQ(0, kill(reader, SIGKILL));
	EXPECT_EQ(-SIGKILL, status_of(reader));
	EXPECT_EQ(0, await_value(&self->shared[0], 1));
	ASSERT_EQ(0, kill(writer, SIGKILL));
	EXPECT_EQ(-SIGKILL, status_of(writer));
}

KSFT_MAIN
