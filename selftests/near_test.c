// SPDX-License-Identifier: GPL-2.0
/* What a semaphore and an event say of where the last one that slept was served from. */
#include <pthread.h>
#include <unistd.h>

#include "lib/await.h"
#include "lib/ksft.h"
#include "lib/sched.h"

struct part {
	struct ksync *d;
	struct ksync_sem s;
	struct ksync_event e;
};

static void *take_both(void *arg)
{
	struct part *p = arg;

	pin_cpu(0, 0);
	return (void *)(long)(ksync_sem_wait(&p->s) || ksync_event_wait(&p->e));
}

/* Whether each says that it was served from near. */
static void serve_from(struct __test_metadata *_metadata, struct part *p, int cpu)
{
	pthread_t taker;
	void *failed;

	pin_cpu(0, cpu);
	ASSERT_EQ(0, pthread_create(&taker, NULL, take_both, p));
	ASSERT_EQ(0, await_waiters(ksync_fileno(p->d), ksync_sem_id(&p->s), 1));
	ASSERT_EQ(0, ksync_sem_post(&p->s));
	ASSERT_EQ(0, await_waiters(ksync_fileno(p->d), ksync_event_id(&p->e), 1));
	ASSERT_EQ(0, ksync_event_set(&p->e));
	pthread_join(taker, &failed);
	EXPECT_EQ(NULL, failed);
	EXPECT_EQ(!cpu, p->s.o.cell->near);
	EXPECT_EQ(!cpu, p->e.o.cell->near);
}

TEST(who_is_served_by_its_own_cpu_is_known)
{
	struct part p;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "there is one CPU");
	ASSERT_EQ(0, ksync_open(&p.d, 0));
	ASSERT_EQ(0, ksync_sem_init(&p.s, p.d, 0, 0));
	ASSERT_EQ(0, ksync_event_init(&p.e, p.d, 0));
	for (int i = 0; i < 20; i++)
		serve_from(_metadata, &p, i % 2);
	ksync_close(p.d);
}

TEST_HARNESS_MAIN
