// SPDX-License-Identifier: GPL-2.0
/*
 * Channels between processes: what goes through, and that neither values nor wake-ups
 * are lost when one of them is killed, wherever that is.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ksync.h>
#include <ksync/shm_chan.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/slow.h"

#define CAP	4

FIXTURE(shm)
{
	struct ksync *d;
	struct ksync_shm_chan c;
	int memfd;
	size_t bytes;
	void *mem;
};

FIXTURE_SETUP(shm)
{
	ASSERT_EQ(0, ksync_open(&self->d, KSYNC_OPEN_FALLBACK));
	self->bytes = ksync_shm_chan_bytes(sizeof(long), CAP);
	self->memfd = memfd_create("shm_chan_test", MFD_CLOEXEC);
	ASSERT_LE(0, self->memfd);
	ASSERT_EQ(0, ftruncate(self->memfd, self->bytes));
	self->mem = mmap(NULL, self->bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			 self->memfd, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	ASSERT_EQ(0, ksync_shm_chan_create(&self->c, self->d, self->mem, sizeof(long), CAP));
}

FIXTURE_TEARDOWN(shm)
{
	ksync_close(self->d);
	close(self->memfd);
}

/* A child by fork(), killed when the test ends, has the memory elsewhere. */
static pid_t child(struct _test_data_shm *self,
		   int (*fn)(struct ksync_shm_chan *c, void *arg), void *arg)
{
	const pid_t parent = getpid(), pid = fork();
	struct ksync_shm_chan c;
	void *mem;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	mem = mmap(NULL, self->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, self->memfd, 0);
	if (getppid() != parent || mem == self->mem ||
	    ksync_shm_chan_open(&c, self->d, mem, self->bytes))
		_exit(99);
	_exit(fn(&c, arg));
}

static int status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Until so many wait in it. */
static void await_cond(struct ksync_cond *c, uint32_t n)
{
	while (__atomic_load_n(&c->o.cell->waiters, __ATOMIC_SEQ_CST) < n)
		usleep(100);
}

/* So many at most: where two guests share two CPUs, each may take milliseconds. */
static int sends_numbers(struct ksync_shm_chan *c, void *arg)
{
	const uint64_t end = in(3 * SEC);
	long i;

	for (i = 0; i < (long)arg && !passed(end); i++)
		if (ksync_shm_chan_send(c, &i))
			return 1;
	return ksync_shm_chan_close(c) ? 2 : 0;
}

TEST_F(shm, values_come_in_order_and_then_the_end)
{
	const long n = slow_factor() > 1 ? 500 : 20000;
	const pid_t pid = child(self, sends_numbers, (void *)n);
	long value, next = 0, wrong = 0;
	int ret;

	while (!(ret = ksync_shm_chan_recv(&self->c, &value)))
		wrong += value != next++;
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(-ENODATA, ret);
	EXPECT_EQ(self->c.mem->sent, next);
	EXPECT_LT(CAP, next);
	EXPECT_EQ(0, status_of(pid));
	EXPECT_EQ(-EPIPE, ksync_shm_chan_send(&self->c, &value));
	EXPECT_EQ(-EPIPE, ksync_shm_chan_close(&self->c));
	EXPECT_EQ(0, ksync_shm_chan_destroy(&self->c));
}

TEST_F(shm, full_empty_deadlines_and_bad_memory)
{
	const struct timespec soon = to_timespec(in(5 * MSEC));
	struct ksync_shm_chan other;
	long i, value;

	EXPECT_EQ(-EAGAIN, ksync_shm_chan_recv_try(&self->c, &value));
	EXPECT_EQ(-ETIMEDOUT, ksync_shm_chan_recv_timed(&self->c, &value, &soon));
	for (i = 0; i < CAP; i++)
		EXPECT_EQ(0, ksync_shm_chan_send_try(&self->c, &i));
	EXPECT_EQ(CAP, ksync_shm_chan_len(&self->c));
	EXPECT_EQ(-EAGAIN, ksync_shm_chan_send_try(&self->c, &i));
	EXPECT_EQ(-ETIMEDOUT, ksync_shm_chan_send_timed(&self->c, &i, &soon));
	EXPECT_EQ(0, ksync_shm_chan_recv(&self->c, NULL));
	EXPECT_EQ(0, ksync_shm_chan_recv_timed(&self->c, &value, NULL));
	EXPECT_EQ(1, value);
	EXPECT_EQ(0, ksync_shm_chan_close(&self->c));
	EXPECT_EQ(0, ksync_shm_chan_recv(&self->c, &value)); /* what is in it */
	EXPECT_EQ(0, ksync_shm_chan_recv(&self->c, &value));
	EXPECT_EQ(3, value);
	EXPECT_EQ(-ENODATA, ksync_shm_chan_recv_try(&self->c, &value));
	EXPECT_EQ(-EINVAL, ksync_shm_chan_open(&other, self->d, self->mem, self->bytes - 1));
	EXPECT_EQ(-EINVAL, ksync_shm_chan_create(&other, self->d, self->mem, 8, 0));
	EXPECT_EQ(-EINVAL, ksync_shm_chan_create(&other, self->d, self->mem, 8, SIZE_MAX / 4));
	EXPECT_EQ(0, ksync_shm_chan_destroy(&self->c));
	EXPECT_EQ(-EINVAL, ksync_shm_chan_open(&other, self->d, self->mem, self->bytes));
}

/* Dies with the mutex: before anything is changed, after the value is copied, after. */
static int dies_inside(struct ksync_shm_chan *c, void *arg)
{
	const long where = (long)arg;
	long value = 66;

	if (ksync_shm_enter_(c))
		return 1;
	if (where == 1)
		memcpy(ksync_shm_slot_(c, c->mem->sent), &value, sizeof(value));
	if (where == 2)
		ksync_shm_put_(c, &value);
	raise(SIGKILL);
	return 2;
}

static int receives_one(struct ksync_shm_chan *c, void *arg)
{
	long value;

	(void)arg;
	return ksync_shm_chan_recv(c, &value) ? 1 : value;
}

TEST_F(shm, a_sender_is_killed_with_the_mutex)
{
	long where, value = 77;
	pid_t receiver;

	for (where = 0; where < 3; where++) {
		receiver = child(self, receives_one, NULL);
		await_cond(&self->c.values, 1);
		EXPECT_EQ(-SIGKILL, status_of(child(self, dies_inside, (void *)where)));
		if (where < 2) /* it was not sent */
			ASSERT_EQ(0, ksync_shm_chan_send(&self->c, &value));
		EXPECT_EQ(where < 2 ? 77 : 66, status_of(receiver));
		EXPECT_EQ(0, ksync_shm_chan_len(&self->c));
	}
	EXPECT_EQ(0, ksync_shm_chan_send(&self->c, &value)); /* it is usable still */
	EXPECT_EQ(0, ksync_shm_chan_recv(&self->c, &value));
}

static int dies_over_it(struct ksync_shm_chan *c, void *arg)
{
	(void)arg;
	if (ksync_shm_enter_(c) || ksync_shm_wait_(c, &c->values, NULL))
		return 1;
	raise(SIGKILL);
	return 2;
}

/* The first that is woken dies before it takes the value: the second one has it. */
TEST_F(shm, a_receiver_is_killed_when_it_is_woken)
{
	long round, value = 7;
	pid_t a, b;

	for (round = 0; round < 20; round++) {
		a = child(self, dies_over_it, NULL);
		await_cond(&self->c.values, 1);
		b = child(self, receives_one, NULL);
		await_cond(&self->c.values, 2);
		ASSERT_EQ(0, ksync_shm_chan_send(&self->c, &value));
		ASSERT_EQ(-SIGKILL, status_of(a));
		ASSERT_EQ(7, status_of(b));
	}
}

/* Processes that send and receive, and are killed at any time and made anew. */
#define SENDERS		2
#define RECEIVERS	2
#define NUMBERS		200000

struct ledger {
	uint32_t next[SENDERS];			/* to be sent */
	uint8_t got[SENDERS][NUMBERS];		/* how often */
};

static struct ledger *ledger;

static int sends_on(struct ksync_shm_chan *c, void *arg)
{
	const long who = (long)arg;
	long n;

	while ((n = __atomic_fetch_add(&ledger->next[who], 1, __ATOMIC_RELAXED)) < NUMBERS) {
		n = n << 8 | who;
		if (ksync_shm_chan_send(c, &n))
			return 1;
	}
	return 0;
}

static int receives_on(struct ksync_shm_chan *c, void *arg)
{
	long n;
	int ret;

	(void)arg;
	while (!(ret = ksync_shm_chan_recv(c, &n)))
		__atomic_add_fetch(&ledger->got[n & 0xff][n >> 8], 1, __ATOMIC_RELAXED);
	return ret == -ENODATA ? 0 : 1;
}

static pid_t start(struct _test_data_shm *self, long i)
{
	return child(self, i < SENDERS ? sends_on : receives_on, (void *)i);
}

TEST_F(shm, processes_are_killed_under_load)
{
	const int kills = slow_factor() > 1 ? 10 : 200;
	pid_t pid[SENDERS + RECEIVERS];
	long i, n, sent, lost = 0, twice = 0;
	uint64_t random = 1;

	ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)ledger);
	for (i = 0; i < SENDERS + RECEIVERS; i++)
		pid[i] = start(self, i);
	for (n = 0; n < kills; n++) {
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		usleep((random >> 33) % 3000);
		i = (random >> 50) % (SENDERS + RECEIVERS);
		kill(pid[i], SIGKILL);
		ASSERT_EQ(-SIGKILL, status_of(pid[i])) TH_LOG("%ld kills", n);
		pid[i] = start(self, i);
	}
	for (i = 0; i < SENDERS; i++) /* no more numbers */
		__atomic_store_n(&ledger->next[i], ledger->next[i] + NUMBERS, __ATOMIC_RELAXED);
	for (i = 0; i < SENDERS; i++)
		EXPECT_EQ(0, status_of(pid[i]));
	EXPECT_EQ(0, ksync_shm_chan_close(&self->c));
	for (; i < SENDERS + RECEIVERS; i++)
		EXPECT_EQ(0, status_of(pid[i]));
	EXPECT_EQ(0, ksync_shm_chan_len(&self->c));
	for (i = 0; i < SENDERS; i++) {
		sent = ledger->next[i] % NUMBERS;
		for (n = 0; n < sent && n < NUMBERS; n++) {
			lost += !ledger->got[i][n];
			twice += ledger->got[i][n] > 1;
		}
	}
	EXPECT_EQ(0, twice);
	EXPECT_LE(lost, kills + SENDERS); /* what the dead ones had in their hands */
}

KSFT_MAIN
