// SPDX-License-Identifier: GPL-2.0
/*
 * An adaptive mutex, whose waiters are overtaken for handoff_us: to whom it goes then.
 */
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

FIXTURE(handoff)
{
	struct ksync *d;
	struct ksync_mutex m;
	uint32_t id;
	uint32_t self;
	int fd;
	struct ksync_cell *cells;
	uint32_t *word;
};

FIXTURE_SETUP(handoff)
{
	SETUP_NEEDS(ADAPTIVE);
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_mutex_init(&self->m, self->d, 0));
	self->fd = ksync_fileno(self->d);
	self->id = ksync_mutex_id(&self->m);
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
	self->cells = raw_map(self->fd, 64);
	ASSERT_NE(NULL, self->cells);
	self->word = &self->cells[self->id].word;
}

FIXTURE_TEARDOWN(handoff)
{
	ksync_close(self->d);
}

#define EXPECT_WORD(value) \
	EXPECT_EQ(value, __atomic_load_n(self->word, __ATOMIC_RELAXED))

/* Unlock, and see at once, before the next waiter can run, whether it is free. */
static int step_unlock_overtake(struct player *p)
{
	int ret = step_unlock(p);

	return ret ? ret : step_overtake(p);
}

static struct player *waiter_on_this_cpu(struct __test_metadata *_metadata,
					 struct _test_data_handoff *self)
{
	struct player *p = player_start(TASK_THREAD, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, pin_cpu(task_tid(&p->task), 0));
	player_post(p, step_lock, self->id);
	ASSERT_EQ(0, player_await_asleep(p));
	return p;
}

#define CROWD	16

/*
 * So many wait when the leader has been overtaken for too long, and one more comes
 * later: the first @handed of them are handed it, each by the one before.
 */
static void overtake(struct __test_metadata *_metadata, struct _test_data_handoff *self,
		     int waiting, int handed)
{
	struct player *p[CROWD];
	int i;

	ASSERT_LT(waiting, CROWD);
	ASSERT_EQ(0, pin_cpu(0, 0));
	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	for (i = 0; i < waiting; i++)
		p[i] = waiter_on_this_cpu(_metadata, self);
	ASSERT_EQ(0, sched_fifo(0, 50));
	ASSERT_EQ(0, ksync_mutex_unlock(&self->m));
	ASSERT_EQ(0, ksync_mutex_lock_try(&self->m));
	/* The timer clears WOKEN: it has waited for handoff_us. */
	EXPECT_EQ(0, await_value(self->word, self->self | KSYNC_WAITERS));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_WORD(KSYNC_HANDOFF | KSYNC_WAITERS);
	ASSERT_EQ(0, sched_other(0));
	EXPECT_EQ(0, player_result(p[0]));
	p[waiting] = waiter_on_this_cpu(_metadata, self);
	for (i = 0; i < handed; i++) {
		ASSERT_EQ(0, sched_fifo(task_tid(&p[i]->task), 50));
		EXPECT_EQ(i < handed - 1 ? -EBUSY : 0,
			  player_do(p[i], step_unlock_overtake, self->id)) TH_LOG("number %d", i);
		if (i == handed - 1)
			EXPECT_EQ(0, player_do(p[i], step_unlock, self->id));
		ASSERT_EQ(0, sched_other(task_tid(&p[i]->task)));
		EXPECT_EQ(0, player_result(p[i + 1]));
	}
	for (; i <= waiting; i++) {
		EXPECT_EQ(0, player_do(p[i], step_unlock, self->id));
		if (i < waiting)
			EXPECT_EQ(0, player_result(p[i + 1]));
	}
	for (i = 0; i <= waiting; i++)
		EXPECT_EQ(0, player_end(p[i]));
}

TEST_F(handoff, those_who_wait_with_an_overtaken_leader_are_handed_it_too)
{
	overtake(_metadata, self, 2, 2);
}

TEST_F(handoff, no_more_than_two_for_each_cpu_are_handed_it_in_a_row)
{
	const int most = 2 * sysconf(_SC_NPROCESSORS_ONLN);

	if (most + 2 > CROWD)
		SKIP(return, "there are many CPUs");
	overtake(_metadata, self, most + 1, most);
}

KSFT_MAIN
