// SPDX-License-Identifier: GPL-2.0
/*
 * What is called again and again and never waits: an event or an eventfd that is
 * set and taken, a signal that nobody waits for, a wake-up of nobody, a barrier
 * of one.  Each is a lock to uncontended.c.
 */
#include <ck_barrier.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdalign.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bench.h"

static int fd;
static alignas(64) struct ksync_event event;
static alignas(64) pthread_cond_t glibc_cond = PTHREAD_COND_INITIALIZER;
static alignas(64) struct ksync_cond cond;
static alignas(64) uint32_t futex_word;
static alignas(64) struct ksync_waitq waitq;
static alignas(64) pthread_barrier_t glibc_barrier;
static alignas(64) ck_barrier_centralized_t ck_barrier = CK_BARRIER_CENTRALIZED_INITIALIZER;
static alignas(64) struct ksync_barrier barrier;

static int done(void)
{
	return 0;
}

static void init_eventfd(void)
{
	fd = eventfd(1, 0);
	if (fd < 0)
		err(1, "eventfd");
}

static int take_eventfd(void)
{
	uint64_t value;

	return read(fd, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int give_eventfd(void)
{
	const uint64_t one = 1;

	return write(fd, &one, sizeof(one)) < 0 ? -errno : 0;
}

static void init_event(void)
{
	must(ksync_event_init(&event, any_domain(), 0), "event");
	must(ksync_event_set(&event), "set");
}

static int take_event(void)
{
	return ksync_event_wait(&event);
}

static int give_event(void)
{
	return ksync_event_set(&event);
}

static void init_glibc_signal(void)
{
}

static int take_glibc_signal(void)
{
	return pthread_cond_signal(&glibc_cond);
}

static void init_signal(void)
{
	must(ksync_cond_init(&cond, any_domain(), 0), "cond");
}

static int take_signal(void)
{
	return ksync_cond_signal(&cond);
}

static void init_futex_wake(void)
{
}

static int take_futex_wake(void)
{
	return syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void init_wake(void)
{
	must(ksync_waitq_init(&waitq, any_domain(), 0), "waitq");
}

static int take_wake(void)
{
	return ksync_waitq_wake(&waitq, 1);
}

static void init_glibc_meet(void)
{
	must(-pthread_barrier_init(&glibc_barrier, NULL, 1), "pthread_barrier_init");
}

static int take_glibc_meet(void)
{
	return pthread_barrier_wait(&glibc_barrier) != PTHREAD_BARRIER_SERIAL_THREAD;
}

static void init_ck_meet(void)
{
}

static int take_ck_meet(void)
{
	static ck_barrier_centralized_state_t state = CK_BARRIER_CENTRALIZED_STATE_INITIALIZER;

	ck_barrier_centralized(&ck_barrier, &state, 1);
	return 0;
}

static void init_meet(void)
{
	must(ksync_barrier_init(&barrier, any_domain(), 1), "barrier");
}

static int take_meet(void)
{
	return ksync_barrier_wait(&barrier) != KSYNC_BARRIER_SERIAL;
}

#define give_glibc_signal	done
#define give_signal		done
#define give_futex_wake		done
#define give_wake		done
#define give_glibc_meet		done
#define give_ck_meet		done
#define give_meet		done

DEFINE_LOCK(eventfd, "event", "eventfd");
DEFINE_LOCK(event, "event", "ksync-event");
DEFINE_LOCK(glibc_signal, "signal", "glibc-signal");
DEFINE_LOCK(signal, "signal", "ksync-signal");
DEFINE_LOCK(futex_wake, "wake", "futex-wake");
DEFINE_LOCK(wake, "wake", "ksync-wake");
DEFINE_LOCK(glibc_meet, "barrier", "glibc-barrier");
DEFINE_LOCK(ck_meet, "barrier", "ck-barrier");
DEFINE_LOCK(meet, "barrier", "ksync-barrier");
