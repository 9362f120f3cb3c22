// SPDX-License-Identifier: GPL-2.0
/*
 * Actors, in moments that are hardly ever met: a message for who was in the slot before;
 * a sender that is slow to wake an actor which has given up; a signal to one that is
 * being started.  And what is left of messages: nothing.
 */
#include <malloc.h>
#include <pthread.h>
#include <sched.h>

#include "lib/ksft.h"
#include "lib/actor.h"

KSYNC_MESSAGE(number, 1, long)
KSYNC_SIGNAL(stop, 2)

static int victim(void *arg)
{
	struct ksync_message *m;

	(void)arg;
	ksync_actor_receive(&m);
	return 0;
}

/* The next actor gets the slot of the last one; and does not get its message. */
static int stale(void *arg)
{
	struct ksync_pid old, self;
	struct ksync_message *m;
	struct envelope *e;
	uint64_t ref;
	int i;

	(void)arg;
	ACT(!spawn_monitor(&old, &ref, victim, NULL));
	ACT(!stop_send(old) && !down(ref, old));
	self = ksync_actor_self();
	for (i = 0; i < 3; i++) {
		e = ksync_envelope(number_tag, &(long){ 1 }, sizeof(long));
		ACT(e);
		/* As if it had been ours: a generation before this one. */
		e->to = self.id - (1ULL << INDEX_BITS);
		ACT(!ksync_mailbox_push(ksync_actor_slot(self.id), e));
		e = ksync_envelope(number_tag, NULL, 0);
		ACT(e);
		e->to = old.id;
		ACT(ksync_mailbox_post(e) == -ESRCH);
		ACT(!stop_send(self));
		ACT(!ksync_actor_receive(&m) && stop_is(m));
		ksync_message_free(m);
	}
	ACT(ksync_actor_receive_try(&m) == -EAGAIN);
	return 0;
}

TEST_F(models, a_message_for_another_generation_is_dropped)
{
	ACTOR(stale, NULL);
}

struct slow {
	struct ksync_pid to;
	struct timespec deadline; /* of the receive that is under way */
	bool found;	/* the actor asleep */
	bool back;	/* the actor's receive has returned */
	bool early;
};

/* A sender that has found the actor asleep, and is not scheduled for a while. */
static void *slow_sender(void *arg)
{
	struct slow *s = arg;
	struct actor *a = ksync_actor_slot(s->to.id);
	struct envelope *e = ksync_envelope(stop_tag, NULL, 0);
	struct envelope *asleep = INBOX_WAITED;
	uint64_t late;

	CHECK(e);
	e->to = s->to.id;
	e->next = NULL;
	while (!__atomic_compare_exchange_n(&a->inbox, &asleep, e, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED)) {
		asleep = INBOX_WAITED;
		sched_yield();
	}
	__atomic_store_n(&s->found, true, __ATOMIC_RELAXED);
	late = s->deadline.tv_sec * SEC + s->deadline.tv_nsec + 30 * MSEC;
	while (!passed(late))
		sched_yield();
	s->early = __atomic_load_n(&s->back, __ATOMIC_RELAXED);
	__atomic_store_n(&a->late, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int gives_up(void *arg)
{
	struct slow s = { .to = ksync_actor_self() };
	struct ksync_message *m;
	pthread_t thread;
	void *line;
	int ret;

	(void)arg;
	ACT(!pthread_create(&thread, NULL, slow_sender, &s));
	do {
		s.deadline = models_in(20 * MSEC);
		ret = ksync_actor_receive_timed(&m, &s.deadline);
	} while (ret == -ETIMEDOUT && !__atomic_load_n(&s.found, __ATOMIC_RELAXED));
	ACT(!ret && stop_is(m));
	__atomic_store_n(&s.back, true, __ATOMIC_RELAXED);
	ACT(!pthread_join(thread, &line) && !line && !s.early);
	ACT(!load(&ksync_actor_slot(s.to.id)->late));
	return 0;
}

TEST_F(models, who_gives_up_waits_for_a_sender_that_has_seen_it_sleep)
{
	if (variant->opts.flags & KSYNC_SCHED_SEEDED)
		SKIP(return, "the deadline is not of this time");
	ACTOR(gives_up, NULL);
}

/* It has ended for others, and has not come to its links yet, when one is undone. */
static int unlinks(void *arg)
{
	const struct ksync_actor_attr attr = { .flags = KSYNC_ACTOR_LINK };
	struct ksync_message *m;
	struct ksync_pid pid;
	struct actor *a;
	uint64_t ref;
	int i;

	(void)arg;
	ACT(!ksync_actor_trap());
	for (i = 0; i < 2; i++) {
		ACT(!ksync_actor_spawn(&pid, victim, NULL, &attr));
		ACT(!ksync_actor_monitor(pid, &ref));
		a = ksync_actor_slot(pid.id);
		__atomic_add_fetch(&a->room, 1ULL << INDEX_BITS, __ATOMIC_SEQ_CST);
		ACT(!ksync_actor_alive(pid));
		if (i)
			ACT(!ksync_actor_unlink(pid));
		__atomic_sub_fetch(&a->room, 1ULL << INDEX_BITS, __ATOMIC_SEQ_CST);
		ACT(!stop_send(pid) && !down(ref, pid));
		if (!i)
			ACT(!ksync_actor_receive(&m) && m->tag == KSYNC_TAG_EXIT);
		ACT(ksync_actor_receive_try(&m) == -EAGAIN);
	}
	return 0;
}

TEST_F(models, who_unlinks_itself_from_one_that_ends_is_told_nothing)
{
	ACTOR(unlinks, NULL);
}

static bool killing;

static void *kills_by_name(void *arg)
{
	struct ksync_pid pid;

	while (__atomic_load_n(&killing, __ATOMIC_RELAXED))
		if (!ksync_actor_whereis("newborn", &pid))
			CHECK(!ksync_actor_signal(pid, 7));
	return arg;
}

static int newborns(void *n)
{
	const struct ksync_actor_attr attr = { .registered = "newborn" };
	struct ksync_pid pid;
	uint64_t ref;
	long i;
	int reason;

	for (i = 0; i < (long)n; i++) {
		ACT(!ksync_actor_spawn(&pid, victim, NULL, &attr));
		ACT(!ksync_actor_monitor(pid, &ref));
		reason = down(ref, pid);
		ACT(reason == 7 || reason == KSYNC_EXIT_NOPROC);
	}
	return 0;
}

TEST_F(models, a_signal_to_one_that_is_being_started_is_not_lost)
{
	pthread_t thread;
	void *line;

	killing = true;
	ksync_sched_hold(self->s);
	ASSERT_EQ(0, pthread_create(&thread, NULL, kills_by_name, NULL));
	ACTOR(newborns, (void *)(long)models_many(&variant->opts, 5000));
	__atomic_store_n(&killing, false, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, &line));
	EXPECT_EQ(NULL, line);
	ksync_sched_release(self->s);
}

/* Messages that it has received, has not, and will not. */
static int hoards(void *arg)
{
	struct ksync_message *m;
	char data[4096] = { 0 };
	uint64_t ref;
	int i;

	(void)arg;
	for (i = 0; i < 6; i++)
		ACT(!ksync_actor_send(ksync_actor_self(), 5, data, sizeof(data)));
	for (i = 0; i < 2; i++)
		ACT(!ksync_actor_receive(&m));
	for (i = 0; i < 2; i++)
		ACT(!ksync_actor_send(ksync_actor_self(), 5, data, sizeof(data)));
	for (i = 0; i < 20; i++)
		ACT(!ksync_actor_monitor(ksync_actor_self(), &ref));
	return 0;
}

static int hoarders(void *n)
{
	struct ksync_pid pid;
	uint64_t ref;
	long i;

	for (i = 0; i < (long)n; i++)
		ACT(!spawn_monitor(&pid, &ref, hoards, NULL) && !down(ref, pid));
	return 0;
}

TEST_F(models, nothing_is_left_of_messages)
{
	long n = models_many(&variant->opts, 5000);
	size_t before;

	ACTOR(hoarders, (void *)n);
	before = mallinfo2().uordblks;
	ACTOR(hoarders, (void *)n);
	EXPECT_GT(before + n * 2048, mallinfo2().uordblks);
}

KSFT_MAIN
