// SPDX-License-Identifier: GPL-2.0
/*
 * Wake-ups that are lost: who looks at the condition without the mutex, and then waits,
 * may miss the signal in between.  And wake-ups that come for nothing: because a signal
 * handler ran, or because another one was faster.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include "lab.h"

#define LATE	0.2	/* seconds after which a wake-up does not come any more */
#define CURED	2000	/* rounds of a cure */
#define ITEMS	500

/* One round: a waiter that should go on when the other one has said so. */
struct side {
	void (*act)(void);
	uint32_t spin;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond;
static struct ksync_mutex ksync;
static struct ksync_cond ksync_cond;
static struct ksync_event event;
static atomic_bool ready;
static atomic_uint slept, lost, false_alarms;

static struct timespec after(double seconds)
{
	const double t = now() + seconds;
	struct timespec ts = { .tv_sec = (time_t)t };

	ts.tv_nsec = (t - ts.tv_sec) * 1e9;
	return ts;
}

/* Wrong: the condition is looked at, and changed, without the mutex. */
static void wait_carelessly(void)
{
	const struct timespec end = after(LATE);

	if (ready)
		return;
	sched_yield();		/* as if it were preempted here */
	pthread_mutex_lock(&mutex);
	slept++;
	if (pthread_cond_timedwait(&cond, &mutex, &end) == ETIMEDOUT && ready)
		lost++;
	pthread_mutex_unlock(&mutex);
}

static void signal_carelessly(void)
{
	ready = true;
	pthread_cond_signal(&cond);
}

static void wait_under_mutex(void)
{
	const struct timespec end = after(10);

	must(ksync_mutex_lock(&ksync), "lock");
	while (!ready) {
		slept++;
		if (ksync_cond_wait_timed(&ksync_cond, &ksync, CLOCK_MONOTONIC, &end)) {
			lost++;
			break;
		}
	}
	must(ksync_mutex_unlock(&ksync), "unlock");
}

static void signal_under_mutex(void)
{
	must(ksync_mutex_lock(&ksync), "lock");
	ready = true;
	must(ksync_mutex_unlock(&ksync), "unlock");
	must(ksync_cond_signal(&ksync_cond), "signal");
}

/* An event stays set: a signal that nobody waits for yet is not lost. */
static void wait_for_event(void)
{
	const struct timespec end = after(10);

	slept++;
	if (ksync_event_wait_timed(&event, CLOCK_MONOTONIC, &end) == -ETIMEDOUT)
		lost++;
}

static void set_event(void)
{
	ready = true;
	must(ksync_event_set(&event), "set");
}

static void *act(void *arg)
{
	struct side *s = arg;

	begin_together();
	for (uint32_t i = 0; i < s->spin; i++)
		atomic_signal_fence(memory_order_seq_cst);
	s->act();
	return NULL;
}

static void round_of(void (*wait)(void), void (*wake)(void), uint32_t *seed)
{
	struct side sides[2] = {
		{ .act = wait, .spin = dice(seed) % 4096 },
		{ .act = wake, .spin = dice(seed) % 4096 },
	};

	ready = false;
	ksync_event_reset(&event);
	together(2, act, sides, sizeof(sides[0]));
}

static void show_lost(void)
{
	const double end = now() + lab_seconds;
	uint32_t seed = 1, rounds = 0;

	lost = 0;
	while (!lost && now() < end) {
		round_of(wait_carelessly, signal_carelessly, &seed);
		rounds++;
	}
	fact("lost", lost);
	hazard("a lost wake-up", lost, "in round %u: looked, not ready; signal; wait, for ever",
	       rounds);
	show("waiter: ready? no                          wait ...  ready, and asleep");
	show("other:             ready = true; signal");
}

static void show_cure(const char *name, void (*wait)(void), void (*wake)(void))
{
	uint32_t seed = 1, rounds;

	lost = 0;
	slept = 0;
	for (rounds = 0; rounds < CURED && !lost; rounds++)
		round_of(wait, wake, &seed);
	cure(name, lost, "%u lost in %u rounds", lost, rounds);
}

/* A handler runs: the wait is over, though nobody has signalled. */
static void handle(int unused)
{
	(void)unused;
}

static void *wait_once(void *arg)
{
	atomic_bool *begun = arg;

	must(ksync_mutex_lock(&ksync), "lock");
	*begun = true;
	must(ksync_cond_wait(&ksync_cond, &ksync), "wait");
	false_alarms += !ready;
	must(ksync_mutex_unlock(&ksync), "unlock");
	return NULL;
}

/* The same with a loop; it ends when it is ready. */
static void *wait_in_loop(void *arg)
{
	atomic_bool *begun = arg;

	must(ksync_mutex_lock(&ksync), "lock");
	*begun = true;
	while (!ready)
		must(ksync_cond_wait(&ksync_cond, &ksync), "wait");
	false_alarms += !ready;
	must(ksync_mutex_unlock(&ksync), "unlock");
	return NULL;
}

static void wait_with_handler(void *(*fn)(void *arg))
{
	const double end = now() + lab_seconds;
	atomic_bool begun = false;
	pthread_t thread;

	false_alarms = 0;
	ready = false;
	must(-pthread_create(&thread, NULL, fn, &begun), "thread");
	while (!begun)
		sched_yield();
	/* Who has the mutex now knows that the other one waits. */
	must(ksync_mutex_lock(&ksync), "lock");
	must(ksync_mutex_unlock(&ksync), "unlock");
	for (int i = 0; i < 20 && !false_alarms && now() < end; i++) {
		pthread_kill(thread, SIGUSR1);
		nap(0.01);
	}
	signal_under_mutex();
	pthread_join(thread, NULL);
}

static void show_spurious(void)
{
	const struct sigaction action = { .sa_handler = handle };

	sigaction(SIGUSR1, &action, NULL);
	wait_with_handler(wait_once);
	fact("spurious", false_alarms);
	hazard("a spurious wake-up", false_alarms,
	       "ksync_cond_wait() returned 0; a handler had run, and nobody signalled");
	wait_with_handler(wait_in_loop);
	cure("while, not if", false_alarms, "%u went on without the condition", false_alarms);
}

/* Two take what is put in one by one: who was woken may find that it is gone. */
struct taker {
	bool loops;
	uint32_t empty;
	uint32_t taken;
};

static int items;
static bool closed;

static void *take_items(void *arg)
{
	struct taker *t = arg;

	begin_together();
	pthread_mutex_lock(&mutex);
	while (!closed) {
		if (t->loops)
			while (!items && !closed)
				pthread_cond_wait(&cond, &mutex);
		else if (!items)
			pthread_cond_wait(&cond, &mutex);
		if (closed)
			break;
		if (items) {
			items--;
			t->taken++;
		} else {
			t->empty++;
		}
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void *put_items(void *arg)
{
	begin_together();
	for (int i = 0; i < ITEMS; i++) {
		pthread_mutex_lock(&mutex);
		items++;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
		nap(0.0005);
	}
	pthread_mutex_lock(&mutex);
	closed = true;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void *take_or_put(void *arg)
{
	return ((struct taker *)arg)->taken == UINT32_MAX ? put_items(arg) : take_items(arg);
}

static void exchange(bool loops, struct taker *t)
{
	const struct taker taker = { .loops = loops };

	items = 0;
	closed = false;
	t[0] = taker;
	t[1] = taker;
	t[2].taken = UINT32_MAX;
	together(3, take_or_put, t, sizeof(*t));
}

static void show_stolen(void)
{
	struct taker t[3];

	exchange(false, t);
	fact("stolen", t[0].empty + t[1].empty);
	hazard("a wake-up for what another one took", t[0].empty + t[1].empty,
	       "with if, %u of %d wake-ups went on with an empty queue", t[0].empty + t[1].empty,
	       2 * ITEMS);
	bar("if", t[0].empty + t[1].empty, ITEMS, "times empty");
	exchange(true, t);
	fact("stolen_while", t[0].empty + t[1].empty);
	cure("while, not if, in the queue", t[0].empty + t[1].empty,
	     "%u took nothing, %u and %u items", t[0].empty + t[1].empty, t[0].taken,
	     t[1].taken);
	bar("while", t[0].empty + t[1].empty, ITEMS, "times empty");
}

void lab_wakeup(void)
{
	struct ksync *d = lab_domain();
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&cond, &attr);
	lab_mutex(d, &ksync, "ready", 0);
	must(ksync_cond_init(&ksync_cond, d, 0), "cond");
	must(ksync_event_init(&event, d, 0), "event");
	show_lost();
	show_cure("the condition under the mutex", wait_under_mutex, signal_under_mutex);
	show_cure("an event, which stays set", wait_for_event, set_event);
	show_spurious();
	show_stolen();
}
