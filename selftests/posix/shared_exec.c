// SPDX-License-Identifier: GPL-2.0
/*
 * Objects in shm_open()ed memory, shared with processes that are programs of their
 * own and have them at other addresses: this one again, as 'shared_exec --peer'.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/px.h"

extern char **environ;

/**
 * struct shared - what both sides have in that memory
 * @at: how far the peer is
 * @go: how far it may go
 */
struct shared {
	uint32_t at, go;
	pthread_mutex_t mutex[4];
	struct queue queue;
	pthread_rwlock_t rwlock;
	sem_t sem[2];
	pthread_spinlock_t spin;
	pthread_barrier_t barrier;
	long count;
};

static const struct mutex_sort sorts[4] = {
	{ .pshared = PTHREAD_PROCESS_SHARED },
	{ .pshared = PTHREAD_PROCESS_SHARED, .type = PTHREAD_MUTEX_ERRORCHECK },
	{ .pshared = PTHREAD_PROCESS_SHARED, .protocol = PTHREAD_PRIO_INHERIT },
	{ .pshared = PTHREAD_PROCESS_SHARED, .robust = PTHREAD_MUTEX_ROBUST,
	  .type = PTHREAD_MUTEX_RECURSIVE },
};

static void reach(struct shared *s, uint32_t at)
{
	__atomic_store_n(&s->at, at, __ATOMIC_RELEASE);
}

static void let(struct shared *s, uint32_t go)
{
	__atomic_store_n(&s->go, go, __ATOMIC_RELEASE);
}

/* The roles of the peer: 0 when all is as it should be. */
static int hold_mutexes(struct shared *s)
{
	int i, bad = 0;

	for (i = 0; i < 4; i++)
		bad |= pthread_mutex_lock(&s->mutex[i]);
	reach(s, 1);
	bad |= px_value(&s->go, 1);
	for (i = 0; i < 4; i++)
		bad |= pthread_mutex_unlock(&s->mutex[i]);
	return bad;
}

static int wait_for_ticket(struct shared *s)
{
	reach(s, 1);
	return step_queue_wait(&s->queue);
}

static int read_then_write(struct shared *s)
{
	int bad = pthread_rwlock_rdlock(&s->rwlock);

	reach(s, 1);
	bad |= px_value(&s->go, 1);
	bad |= pthread_rwlock_unlock(&s->rwlock);
	bad |= pthread_rwlock_wrlock(&s->rwlock);
	reach(s, 2);
	bad |= px_value(&s->go, 2);
	return bad | pthread_rwlock_unlock(&s->rwlock);
}

static int ping_pong(struct shared *s)
{
	int i, bad = 0;

	for (i = 0; i < 1000; i++) {
		bad |= sem_wait(&s->sem[0]);
		bad |= sem_post(&s->sem[1]);
	}
	return bad;
}

static int count_up(struct shared *s)
{
	int i, bad = 0;

	for (i = 0; i < 2000; i++) {
		bad |= pthread_mutex_lock(&s->mutex[0]);
		s->count = s->count + 1;
		bad |= pthread_mutex_unlock(&s->mutex[0]);
	}
	return bad;
}

static int spin_count(struct shared *s)
{
	int i, bad = 0;

	for (i = 0; i < 2000; i++) {
		bad |= pthread_spin_lock(&s->spin);
		s->count = s->count + 1;
		bad |= pthread_spin_unlock(&s->spin);
	}
	return bad;
}

/* How often this one was told to be SERIAL. */
static int meet(struct shared *s)
{
	int i, serial = 0;

	for (i = 0; i < 100; i++)
		serial += pthread_barrier_wait(&s->barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
	return serial;
}

static int lock_and_die(struct shared *s)
{
	pthread_mutex_lock(&s->mutex[3]);
	pthread_mutex_lock(&s->mutex[3]);
	raise(SIGKILL);
	return 1;
}

static const struct role {
	const char *name;
	int (*fn)(struct shared *s);
} roles[] = {
	{ "hold_mutexes", hold_mutexes },
	{ "wait_for_ticket", wait_for_ticket },
	{ "read_then_write", read_then_write },
	{ "ping_pong", ping_pong },
	{ "count_up", count_up },
	{ "spin_count", spin_count },
	{ "meet", meet },
	{ "lock_and_die", lock_and_die },
};

static struct shared *map(const char *name, int flags, void *where)
{
	const int fd = shm_open(name, flags, 0600);
	struct shared *s;

	if (fd < 0 || ((flags & O_CREAT) && ftruncate(fd, sizeof(*s))))
		return NULL;
	s = mmap(where, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return s == MAP_FAILED ? NULL : s;
}

static int peer(const char *name, const char *role)
{
	struct shared *s = map(name, O_RDWR, (void *)0x1200000000);
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; s && i < ARRAY_SIZE(roles); i++)
		if (!strcmp(role, roles[i].name))
			return roles[i].fn(s);
	return 99;
}

FIXTURE(exec)
{
	struct shared *s;
	char name[64];
};

FIXTURE_SETUP(exec)
{
	struct shared *s;
	int i;

	snprintf(self->name, sizeof(self->name), "/posix-shared-%d", getpid());
	shm_unlink(self->name);
	s = map(self->name, O_RDWR | O_CREAT | O_EXCL, NULL);
	ASSERT_NE(NULL, s);
	self->s = s;
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, mutex_make(&s->mutex[i], sorts[i]));
	ASSERT_EQ(0, mutex_make(&s->queue.mutex, sorts[0]));
	ASSERT_EQ(0, cond_make(&s->queue.cond, CLOCK_REALTIME, PTHREAD_PROCESS_SHARED));
	ASSERT_EQ(0, rwlock_make(&s->rwlock, 0, PTHREAD_PROCESS_SHARED));
	ASSERT_EQ(0, sem_init(&s->sem[0], 1, 0));
	ASSERT_EQ(0, sem_init(&s->sem[1], 1, 0));
	ASSERT_EQ(0, pthread_spin_init(&s->spin, PTHREAD_PROCESS_SHARED));
	ASSERT_EQ(0, barrier_make(&s->barrier, 2, PTHREAD_PROCESS_SHARED));
}

FIXTURE_TEARDOWN(exec)
{
	shm_unlink(self->name);
}

static pid_t start(const char *name, const char *role)
{
	char *argv[] = { "shared_exec", "--peer", (char *)name, (char *)role, NULL };
	pid_t pid;

	return posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) ? -1 : pid;
}

/* pthread_mutexattr_setpshared, DESCRIPTION: whoever has the memory may operate on it. */
TEST_F(exec, mutexes_of_another_program)
{
	pid_t pid = start(self->name, "hold_mutexes");
	struct actor *a = actor_start(THREAD);
	int i;

	ASSERT_EQ(0, px_value(&self->s->at, 1));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(EBUSY, pthread_mutex_trylock(&self->s->mutex[i]));
	EXPECT_EQ(EPERM, pthread_mutex_unlock(&self->s->mutex[1]));
	EXPECT_EQ(ETIMEDOUT, step_timedlock_soon(&self->s->mutex[0]));
	EXPECT_EQ(ETIMEDOUT, step_timedlock_soon(&self->s->mutex[2]));
	BLOCKS(a, step_lock, &self->s->mutex[2]);
	let(self->s, 1);
	ENDS(0, a);
	EXPECT_EQ(0, child_result(pid));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&self->s->mutex[2]));
	EXPECT_EQ(0, pthread_mutex_trylock(&self->s->mutex[0]));
	EXPECT_EQ(0, pthread_mutex_trylock(&self->s->mutex[1]));
	EXPECT_EQ(0, pthread_mutex_trylock(&self->s->mutex[3]));
}

/* pthread_condattr_setpshared: the same for condition variables. */
TEST_F(exec, cond_of_another_program)
{
	pid_t pid = start(self->name, "wait_for_ticket");

	ASSERT_EQ(0, px_value(&self->s->at, 1));
	ASSERT_EQ(0, px_asleep(pid));
	EXPECT_EQ(0, step_queue_signal(&self->s->queue));
	EXPECT_EQ(0, child_result(pid));
	EXPECT_EQ(1, self->s->queue.taken);
}

/* pthread_rwlockattr_setpshared: for read-write locks. */
TEST_F(exec, rwlock_of_another_program)
{
	pid_t pid = start(self->name, "read_then_write");

	ASSERT_EQ(0, px_value(&self->s->at, 1));
	EXPECT_EQ(0, pthread_rwlock_tryrdlock(&self->s->rwlock));
	EXPECT_EQ(EBUSY, pthread_rwlock_trywrlock(&self->s->rwlock));
	let(self->s, 1);
	ASSERT_EQ(0, px_asleep(pid));
	EXPECT_EQ(1, self->s->at);
	EXPECT_EQ(0, pthread_rwlock_unlock(&self->s->rwlock));
	ASSERT_EQ(0, px_value(&self->s->at, 2));
	EXPECT_EQ(EBUSY, pthread_rwlock_tryrdlock(&self->s->rwlock));
	let(self->s, 2);
	EXPECT_EQ(0, pthread_rwlock_rdlock(&self->s->rwlock));
	EXPECT_EQ(0, child_result(pid));
}

/* sem_init, DESCRIPTION: for semaphores. */
TEST_F(exec, semaphores_of_another_program)
{
	pid_t pid = start(self->name, "ping_pong");
	int i, bad = 0;

	for (i = 0; i < 1000; i++) {
		bad |= sem_post(&self->s->sem[0]);
		bad |= sem_wait(&self->s->sem[1]);
	}
	EXPECT_EQ(0, bad);
	EXPECT_EQ(0, child_result(pid));
}

/* Both count under one mutex. */
TEST_F(exec, count_with_another_program)
{
	pid_t pid = start(self->name, "count_up");

	EXPECT_EQ(0, count_up(self->s));
	EXPECT_EQ(0, child_result(pid));
	EXPECT_EQ(4000, self->s->count);
}

TEST_F(exec, spin_with_another_program)
{
	pid_t pid = start(self->name, "spin_count");

	EXPECT_EQ(0, spin_count(self->s));
	EXPECT_EQ(0, child_result(pid));
	EXPECT_EQ(4000, self->s->count);
}

/* pthread_barrierattr_setpshared: for barriers. */
TEST_F(exec, barrier_with_another_program)
{
	pid_t pid = start(self->name, "meet");
	const int serial = meet(self->s);

	EXPECT_EQ(100, serial + child_result(pid));
}

/* pthread_mutexattr_setrobust: the other program is killed with the mutex. */
TEST_F(exec, owner_in_another_program_is_killed)
{
	pid_t pid = start(self->name, "lock_and_die");

	EXPECT_EQ(CHILD_KILLED + SIGKILL, child_result(pid));
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(&self->s->mutex[3]));
	EXPECT_EQ(0, pthread_mutex_consistent(&self->s->mutex[3]));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->s->mutex[3]));
}

/* The memory mapped twice in one process: two addresses, one object. */
TEST_F(exec, two_mappings_are_one_object)
{
	struct shared *again = map(self->name, O_RDWR, NULL);
	struct actor *a = actor_start(THREAD);

	ASSERT_NE(NULL, again);
	ASSERT_NE(self->s, again);
	EXPECT_EQ(0, pthread_mutex_lock(&self->s->mutex[0]));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&again->mutex[0]));
	BLOCKS(a, step_lock, &again->mutex[0]);
	EXPECT_EQ(0, pthread_mutex_unlock(&self->s->mutex[0]));
	ENDS(0, a);
	BLOCKS(a, step_sem_wait, &again->sem[0]);
	EXPECT_EQ(0, sem_post(&self->s->sem[0]));
	ENDS(0, a);
	BLOCKS(a, step_queue_wait, &again->queue);
	EXPECT_EQ(0, step_queue_signal(&self->s->queue));
	ENDS(0, a);
}

PX_ORDER

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "--peer"))
		return peer(argv[2], argv[3]);
	px_prepare(argc, argv);
	exit(test_harness_run(argc, argv));
}
