// SPDX-License-Identifier: GPL-2.0
/*
 * Spin locks.
 */
#include "lib/px.h"

FIXTURE(spin)
{
	void *spin;
	struct actor *a;
	long *n;
};

FIXTURE_VARIANT(spin)
{
	int pshared;
};

FIXTURE_VARIANT_ADD(spin, private)
{
	.pshared = PTHREAD_PROCESS_PRIVATE,
};

FIXTURE_VARIANT_ADD(spin, shared)
{
	.pshared = PTHREAD_PROCESS_SHARED,
};

struct spun {
	pthread_spinlock_t spin;
	long n;
	int taken;
};

FIXTURE_SETUP(spin)
{
	struct spun *s = px_shared(sizeof(*s));

	self->spin = (void *)&s->spin;
	self->n = &s->n;
	ASSERT_EQ(0, pthread_spin_init(self->spin, variant->pshared));
	self->a = actor_start(variant->pshared ? PROCESS : THREAD);
}

FIXTURE_TEARDOWN(spin)
{
}

/* pthread_spin_lock, _trylock, ERRORS: [EBUSY] while anybody has it. */
TEST_F(spin, trylock_is_busy)
{
	EXPECT_EQ(0, pthread_spin_lock(self->spin));
	EXPECT_EQ(EBUSY, DO(self->a, step_spin_trylock, self->spin));
	EXPECT_EQ(EBUSY, pthread_spin_trylock(self->spin));
	EXPECT_EQ(0, pthread_spin_unlock(self->spin));
	EXPECT_EQ(0, DO(self->a, step_spin_trylock, self->spin));
	EXPECT_EQ(EBUSY, pthread_spin_trylock(self->spin));
	EXPECT_EQ(0, DO(self->a, step_spin_unlock, self->spin));
	EXPECT_EQ(0, pthread_spin_trylock(self->spin));
	EXPECT_EQ(0, pthread_spin_unlock(self->spin));
}

/* pthread_spin_lock, DESCRIPTION: does not return until the holder has unlocked it. */
TEST_F(spin, lock_waits)
{
	int i;

	EXPECT_EQ(0, pthread_spin_lock(self->spin));
	actor_post(self->a, step_spin_lock, self->spin);
	for (i = 0; i < 20; i++) {
		sched_yield();
		EXPECT_FALSE(actor_done(self->a));
	}
	EXPECT_EQ(0, pthread_spin_unlock(self->spin));
	ENDS(0, self->a);
	EXPECT_EQ(EBUSY, pthread_spin_trylock(self->spin));
	EXPECT_EQ(0, DO(self->a, step_spin_unlock, self->spin));
}

#define ROUNDS 5000

static int step_count(void *arg)
{
	struct spun *s = arg;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (pthread_spin_lock(&s->spin))
			return 1;
		s->n = s->n + 1;
		if (pthread_spin_unlock(&s->spin))
			return 2;
	}
	return 0;
}

/* One at a time. */
TEST_F(spin, keeps_a_count)
{
	actor_post(self->a, step_count, self->spin);
	EXPECT_EQ(0, step_count(self->spin));
	ENDS(0, self->a);
	EXPECT_EQ(2 * ROUNDS, *self->n);
}

/* pthread_spin_destroy, DESCRIPTION: destroyed, it can be made anew. */
TEST_F(spin, destroy_and_make_again)
{
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, pthread_spin_lock(self->spin));
		EXPECT_EQ(0, pthread_spin_unlock(self->spin));
		EXPECT_EQ(0, pthread_spin_destroy(self->spin));
		memset(self->spin, 0xa5, sizeof(pthread_spinlock_t));
		EXPECT_EQ(0, pthread_spin_init(self->spin, variant->pshared));
	}
}

/* They lie next to each other in an array, four bytes apart. */
TEST(array)
{
	static pthread_spinlock_t spin[16];
	struct actor *a = actor_start(THREAD);
	int i;

	for (i = 0; i < 16; i++)
		ASSERT_EQ(0, pthread_spin_init(&spin[i], PTHREAD_PROCESS_PRIVATE));
	for (i = 0; i < 16; i += 2)
		EXPECT_EQ(0, pthread_spin_lock(&spin[i]));
	for (i = 0; i < 16; i++)
		EXPECT_EQ(i % 2 ? 0 : EBUSY, DO(a, step_spin_trylock, (void *)&spin[i]));
}

PX_MAIN
