// SPDX-License-Identifier: GPL-2.0
/*
 * The locks.  Each is a static object with a cache line to itself.
 *
 * The fast path of ksync can be measured without the module: on a cell in
 * plain memory, with an identity made by hand.  What is executed is the same.
 */
#include <pthread.h>
#include "bench.h"

#define LINE	__attribute__((aligned(64)))

static pthread_mutex_t normal LINE = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t pi LINE;
static pthread_spinlock_t pthread_spin LINE;
static struct ksync_mutex mutex LINE, mutex_as LINE, strict LINE;
static struct ksync_spin spin LINE;

static const struct ksync_thread by_hand = { .serial = 1, .handle = 1 };
static struct ksync_thread self;

struct ksync *domain(void)
{
	static struct ksync *d;

	if (!d)
		d = open_domain();
	return d;
}

static void on_plain_cell(struct ksync_object *o, struct ksync_cell *cell,
			  uint32_t kind)
{
	o->cell = cell;
	o->serial = by_hand.serial;
	o->attr = kind;
	ksync_self_ = &by_hand;
	self = by_hand;
}

static void init_normal(void)
{
}

static void init_pi(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	must(-pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT), "PI");
	must(-pthread_mutex_init(&pi, &attr), "pthread_mutex_init");
}

static void init_pthread_spin(void)
{
	must(-pthread_spin_init(&pthread_spin, PTHREAD_PROCESS_PRIVATE),
	     "pthread_spin_init");
}

static void init_mutex(void)
{
	static struct ksync_cell cell LINE;

	if (on_plain_memory)
		on_plain_cell(&mutex.o, &cell, KSYNC_KIND_MUTEX);
	else
		must(ksync_mutex_init(&mutex, domain(), 0), "mutex");
}

static void init_mutex_as(void)
{
	static struct ksync_cell cell LINE;

	if (on_plain_memory) {
		on_plain_cell(&mutex_as.o, &cell, KSYNC_KIND_MUTEX);
		return;
	}
	must(ksync_mutex_init(&mutex_as, domain(), 0), "mutex");
	must(ksync_thread_attach(domain(), &self), "attach");
}

static void init_strict(void)
{
	must(ksync_mutex_init(&strict, domain(), KSYNC_MUTEX_STRICT), "mutex");
}

static void init_spin(void)
{
	static struct ksync_cell cell LINE;

	if (on_plain_memory)
		on_plain_cell(&spin.o, &cell, KSYNC_KIND_SPIN);
	else
		must(ksync_spin_init(&spin, domain(), 0), "spin");
}

/* The functions of one lock; @take and @give return 0. */
#define DEFINE_LOCK(symbol, label, init_, take, give)		\
static int take_##symbol(void)					\
{								\
	return take;						\
}								\
								\
static int give_##symbol(void)					\
{								\
	return give;						\
}								\
								\
static void loop_##symbol(long times)				\
{								\
	while (times--)						\
		if ((take) || (give))				\
			errx(1, "%s fails", label);		\
}								\
								\
const struct lock symbol = {					\
	.name = label,						\
	.init = init_,						\
	.lock = take_##symbol,					\
	.unlock = give_##symbol,				\
	.loop = loop_##symbol,					\
}

DEFINE_LOCK(normal_lock, "glibc-normal", init_normal,
	    pthread_mutex_lock(&normal), pthread_mutex_unlock(&normal));
DEFINE_LOCK(pi_lock, "glibc-pi", init_pi,
	    pthread_mutex_lock(&pi), pthread_mutex_unlock(&pi));
DEFINE_LOCK(pthread_spin_lock_, "pthread-spin", init_pthread_spin,
	    pthread_spin_lock(&pthread_spin),
	    pthread_spin_unlock(&pthread_spin));
DEFINE_LOCK(mutex_lock, "ksync-mutex", init_mutex,
	    ksync_mutex_lock(&mutex), ksync_mutex_unlock(&mutex));
DEFINE_LOCK(mutex_as_lock, "ksync-mutex-as", init_mutex_as,
	    ksync_mutex_lock_as(&mutex_as, &self),
	    ksync_mutex_unlock_as(&mutex_as, &self));
DEFINE_LOCK(strict_lock, "ksync-strict", init_strict,
	    ksync_mutex_lock(&strict), ksync_mutex_unlock(&strict));
DEFINE_LOCK(spin_lock_, "ksync-spin", init_spin,
	    ksync_spin_lock(&spin), ksync_spin_unlock(&spin));
