// SPDX-License-Identifier: GPL-2.0
/*
 * What a semaphore and an event say of where the last one that slept was served from,
 * and that the library does not spin where that was the waiter's own CPU.
 */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/many.h"
#include "lib/uring.h"

#define SCRIBBLED	0xdecafbadU

/* Instructions of a wait; and of its spinning, at least. */
#define MOST		5000
#define MARGIN		300

FIXTURE(near)
{
	int fd;
	struct ksync_cell *cells;
	uint32_t sem, sem2, event, manual, waitq;
};

FIXTURE_SETUP(near)
{
	/* Both are needed, and this test is the one that serves. */
	if (pin_cpu(0, 1) || pin_cpu(0, 0))
		SKIP(_exit(255), "there is one CPU");
	self->fd = raw_open();
	self->cells = raw_map(self->fd, 64);
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &self->sem));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &self->sem2));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_EVENT, 0, &self->event));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_EVENT, KSYNC_EVENT_MANUAL, &self->manual));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &self->waitq));
}

FIXTURE_TEARDOWN(near)
{
	close(self->fd);
}

#define NEAR(id)	__atomic_load_n(&self->cells[id].near, __ATOMIC_RELAXED)
#define WRITE_NEAR(id, v) __atomic_store_n(&self->cells[id].near, v, __ATOMIC_RELAXED)

static struct player *player_on(struct __test_metadata *_metadata,
				struct _test_data_near *self, int cpu)
{
	struct player *p = player_start(TASK_THREAD, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, pin_cpu(task_tid(&p->task), cpu));
	return p;
}

/* One more that waits for the object, on a CPU of its own. */
static struct player *sleeper(struct __test_metadata *_metadata,
			      struct _test_data_near *self, int cpu, uint32_t id)
{
	struct player *p = player_on(_metadata, self, cpu);
	const uint32_t n = self->cells[id].waiters;

	player_post(p, step_acquire, id);
	ASSERT_EQ(0, await_waiters(self->fd, id, n + 1));
	return p;
}

static void serve(struct __test_metadata *_metadata, struct _test_data_near *self, uint32_t id)
{
	uint32_t was;

	ASSERT_EQ(0, raw_release(self->fd, id, 0, 1, &was));
}

static void end(struct __test_metadata *_metadata, struct player *p)
{
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, player_end(p));
}

#define SLEEPER(cpu, id)	sleeper(_metadata, self, cpu, id)
#define SERVE(id)		serve(_metadata, self, id)
#define END(p)			end(_metadata, p)

/* Whatever the cell said before. */
TEST_F(near, where_from_is_said_of_each_kind)
{
	const uint32_t ids[] = { self->sem, self->event, self->manual };
	struct player *p;
	int i, cpu, server;

	for (i = 0; i < 48; i++) {
		const uint32_t id = ids[i % 3];

		cpu = i / 3 % 2;
		server = i / 12 % 2;
		ASSERT_EQ(0, pin_cpu(0, server));
		if (i / 6 % 2)
			WRITE_NEAR(id, SCRIBBLED);
		p = SLEEPER(cpu, id);
		SERVE(id);
		EXPECT_EQ(cpu == server, NEAR(id))
			TH_LOG("object %d of CPU %d, from CPU %d", i % 3, cpu, server);
		END(p);
		self->cells[self->manual].word = 0;
	}
}

/* It came between the last look and the call: the one who waits runs, and spins the next time. */
TEST_F(near, what_is_there_is_from_afar)
{
	const uint32_t ids[] = { self->sem, self->event, self->manual };
	struct ksync_item items[] = { { .id = self->sem2 }, { .id = self->sem } };
	struct player *p = player_on(_metadata, self, 0);
	int i;

	for (i = 0; i < 3; i++) {
		SERVE(ids[i]);
		WRITE_NEAR(ids[i], 1);
		EXPECT_EQ(0, player_do(p, step_acquire, ids[i]));
		EXPECT_EQ(0, NEAR(ids[i])) TH_LOG("object %d", i);
	}
	SERVE(self->sem);
	WRITE_NEAR(self->sem, 1);
	WRITE_NEAR(self->sem2, 1);
	p->many = (struct ksync_many){ .count = 2, .deadline = KSYNC_NO_DEADLINE };
	memcpy(p->items, items, sizeof(items));
	EXPECT_EQ(0, player_do(p, step_many, 0));
	EXPECT_EQ(0, NEAR(self->sem));
	EXPECT_EQ(1, NEAR(self->sem2));
	EXPECT_EQ(0, player_end(p));
}

TEST_F(near, it_is_of_the_one_that_was_served)
{
	struct player *p[2];
	int first;

	for (first = 0; first < 2; first++) {
		p[0] = SLEEPER(first, self->sem);
		p[1] = SLEEPER(!first, self->sem);
		SERVE(self->sem);
		EXPECT_EQ(!first, NEAR(self->sem));
		SERVE(self->sem);
		EXPECT_EQ(first, NEAR(self->sem));
		END(p[0]);
		END(p[1]);
		p[0] = SLEEPER(first, self->manual);
		p[1] = SLEEPER(!first, self->manual);
		SERVE(self->manual);
		EXPECT_EQ(first, NEAR(self->manual));
		END(p[0]);
		END(p[1]);
		self->cells[self->manual].word = 0;
	}
}

/* Who waits for all takes by itself, once it is told. */
TEST_F(near, of_many_it_is_said_of_what_was_given)
{
	const uint32_t ids[] = { self->sem, self->sem2 };
	const uint32_t all[] = { self->manual, self->sem2, self->sem };
	struct player *p = player_on(_metadata, self, 0);

	WRITE_NEAR(self->sem, SCRIBBLED);
	ASSERT_EQ(0, many_await(p, 0, 0, ids, 2));
	SERVE(self->sem2);
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(SCRIBBLED, NEAR(self->sem));
	EXPECT_EQ(1, NEAR(self->sem2));

	WRITE_NEAR(self->sem2, SCRIBBLED);
	WRITE_NEAR(self->manual, SCRIBBLED);
	ASSERT_EQ(0, many_await(p, KSYNC_MANY_ALL, 0, all, 3));
	SERVE(self->manual);
	SERVE(self->sem2);
	SERVE(self->sem);
	END(p);
	EXPECT_EQ(SCRIBBLED, NEAR(self->sem));
	EXPECT_EQ(SCRIBBLED, NEAR(self->sem2));
	EXPECT_EQ(SCRIBBLED, NEAR(self->manual));
}

/* Nor of a wait that is over without it. */
TEST_F(near, nothing_is_said_of_other_kinds)
{
	struct player *p = player_on(_metadata, self, 0);
	uint32_t n;

	WRITE_NEAR(self->waitq, SCRIBBLED);
	ASSERT_EQ(0, many_await(p, 0, 0, &self->waitq, 1));
	ASSERT_EQ(0, raw_wake(self->fd, self->waitq, 1, KSYNC_BITSET_ALL, &n));
	EXPECT_EQ(1, n);
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(SCRIBBLED, NEAR(self->waitq));

	WRITE_NEAR(self->sem, SCRIBBLED);
	p->deadline = in(MSEC);
	EXPECT_EQ(-ETIMEDOUT, player_do(p, step_acquire_until, self->sem));
	EXPECT_EQ(SCRIBBLED, NEAR(self->sem));
	EXPECT_EQ(0, player_end(p));
}

/* A command sleeps on no CPU. */
TEST_F(near, nothing_is_said_of_commands)
{
	struct io_uring ring;

	NEEDS(URING);
	ASSERT_EQ(0, io_uring_queue_init(8, &ring, 0));
	WRITE_NEAR(self->sem, SCRIBBLED);
	uring_acquire(&ring, self->fd, self->sem, 1);
	ASSERT_EQ(0, uring_submit(&ring, 1));
	EXPECT_TRUE(uring_quiet(&ring));
	SERVE(self->sem);
	URING_RESULT(&ring, 0, 1);
	EXPECT_EQ(SCRIBBLED, NEAR(self->sem));
	io_uring_queue_exit(&ring);
}

TEST_F(near, a_cell_that_is_used_again_says_nothing)
{
	struct player *p = SLEEPER(0, self->sem2);
	uint32_t id;

	SERVE(self->sem2);
	END(p);
	EXPECT_EQ(1, NEAR(self->sem2));
	ASSERT_EQ(0, raw_destroy(self->fd, self->sem2));
	do {
		ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &id));
		EXPECT_EQ(0, NEAR(id));
	} while (id < self->sem2);
	EXPECT_EQ(self->sem2, id);
}

/* The library: how many instructions a wait is that has no time. */
FIXTURE(spin)
{
	struct ksync *d;
	struct ksync_sem s;
	struct ksync_event e;
	uint32_t *over;
};

FIXTURE_VARIANT(spin)
{
	int (*wait)(struct _test_data_spin *self, const struct timespec *abs);
	bool event;
};

static int wait_sem(struct _test_data_spin *self, const struct timespec *abs)
{
	return ksync_sem_wait_timed(&self->s, CLOCK_MONOTONIC, abs);
}

static int wait_event(struct _test_data_spin *self, const struct timespec *abs)
{
	return ksync_event_wait_timed(&self->e, CLOCK_MONOTONIC, abs);
}

static int wait_any(struct _test_data_spin *self, const struct timespec *abs)
{
	struct ksync_wait_item item = { .o = &self->s.o };

	return ksync_wait_any_timed(&item, 1, NULL, CLOCK_MONOTONIC, abs, NULL);
}

FIXTURE_VARIANT_ADD(spin, sem) {
	.wait = wait_sem,
};

FIXTURE_VARIANT_ADD(spin, event) {
	.wait = wait_event,
	.event = true,
};

FIXTURE_VARIANT_ADD(spin, any_of_one) {
	.wait = wait_any,
};

FIXTURE_SETUP(spin)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(_exit(255), "there is one CPU: nobody spins");
	ASSERT_EQ(0, pin_cpu(0, 0));
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_sem_init(&self->s, self->d, 0, 0));
	ASSERT_EQ(0, ksync_event_init(&self->e, self->d, 0));
	self->over = player_memory(sizeof(*self->over));
}

FIXTURE_TEARDOWN(spin)
{
	ksync_close(self->d);
}

/* Once before, so that whatever is done the first time is done. */
static int stepped(struct _test_data_spin *self, const struct _fixture_variant_spin *variant)
{
	const struct timespec past = { .tv_nsec = 1 };

	if (variant->wait(self, &past) != -ETIMEDOUT)
		return 1;
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	if (variant->wait(self, &past) != -ETIMEDOUT)
		return 2;
	__atomic_store_n(self->over, 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* Both on one CPU, and no more of it than is asked: each step is two switches of tasks. */
static int count_steps(struct __test_metadata *_metadata, struct _test_data_spin *self,
		       const struct _fixture_variant_spin *variant, int most)
{
	int status, n = 0;
	pid_t child;

	*self->over = 0;
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		_exit(stepped(self, variant));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	while (n < most && WIFSTOPPED(status) &&
	       !__atomic_load_n(self->over, __ATOMIC_SEQ_CST)) {
		ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, child, NULL, NULL));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		n++;
	}
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, child, NULL, NULL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	return n;
}

/* 100 looks are several hundred instructions, and all else is the same. */
TEST_F(spin, who_was_served_from_near_does_not)
{
	uint32_t *near = variant->event ? &self->e.o.cell->near : &self->s.o.cell->near;
	int once, most;

	*near = 1;
	once = count_steps(_metadata, self, variant, MOST);
	most = once + MARGIN;
	*near = 0;
	EXPECT_EQ(most, count_steps(_metadata, self, variant, most))
		TH_LOG("%d instructions where nobody spins", once);
}

KSFT_MAIN
