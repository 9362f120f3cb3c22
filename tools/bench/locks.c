// SPDX-License-Identifier: GPL-2.0
/*
 * The locks.  Each is a static object with a cache line to itself.
 *
 * The fast path of ksync can be measured without the module: on a cell in
 * plain memory, with an identity made by hand.  What is executed is the same.
 */
#include <pthread.h>
#include <stdalign.h>
#include "bench.h"
#include "internal.h"

static alignas(64) pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
static alignas(64) pthread_mutex_t pi;
static alignas(64) pthread_spinlock_t busy;
static alignas(64) struct ksync_mutex mutex;
static alignas(64) struct ksync_mutex mutex_as;
static alignas(64) struct ksync_mutex strict;
static alignas(64) struct ksync_mutex futex;
static alignas(64) struct ksync_spin spin;
static alignas(64) struct ksync_mutex protect;
static alignas(64) pthread_mutex_t glibc_protect;
static struct ksync_mutex owns[THREADS_MAX];
static _Thread_local struct ksync_mutex *own;

/*
 * As large as what the library keeps of a thread, for each thread.  It reads in a
 * cell behind that of a lock.
 */
static alignas(64) union {
	struct ksync_thread known[128];
	char page[8192];
} by_hand[THREADS_MAX];

static struct ksync_thread self;

struct ksync *domain(void)
{
	static struct ksync *d;

	if (!d)
		d = open_domain();
	return d;
}

struct ksync *futex_domain(void)
{
	static struct ksync *d;

	if (!d)
		must(ksync_open(&d, KSYNC_OPEN_FUTEX), "open with futexes");
	return d;
}

struct ksync *any_domain(void)
{
	return on_plain_memory ? futex_domain() : domain();
}

/* That no domain has, for they count from 1. */
#define PLAIN_SERIAL	0x1000000000000000ULL

void be_by_hand(int i)
{
	by_hand[i].known[0] = (struct ksync_thread){
		.serial = PLAIN_SERIAL, .handle = i + 1, .nslots = 1, .slot = { i + 1 },
		.ceiling = 2,	/* of a protect mutex: its cells[1] */
	};
	ksync_self_ = by_hand[i].known;
}

void on_plain_cell(struct ksync_object *o, struct ksync_cell *cell,
		   uint32_t kind)
{
	be_by_hand(0);
	self = by_hand[0].known[0];
	o->cell = cell;
	o->serial = PLAIN_SERIAL;
	o->attr = kind;
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

static void init_busy(void)
{
	must(-pthread_spin_init(&busy, PTHREAD_PROCESS_PRIVATE),
	     "pthread_spin_init");
}

static void init_mutex(void)
{
	static alignas(64) struct ksync_cell cell;

	if (on_plain_memory)
		on_plain_cell(&mutex.o, &cell, KSYNC_KIND_MUTEX);
	else
		must(ksync_mutex_init(&mutex, domain(), 0), "mutex");
}

static void init_mutex_as(void)
{
	static alignas(64) struct ksync_cell cell;

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

static void init_own(void)
{
	for (int i = 0; i < THREADS_MAX; i++)
		must(ksync_mutex_init(&owns[i], domain(), 0), "mutex");
}

static void enter_own(int i)
{
	own = &owns[i];
}

static void init_futex(void)
{
	must(ksync_mutex_init(&futex, futex_domain(), 0), "mutex with futexes");
}

static void init_spin(void)
{
	static alignas(64) struct ksync_cell cell;

	if (on_plain_memory)
		on_plain_cell(&spin.o, &cell, KSYNC_KIND_SPIN);
	else
		must(ksync_spin_init(&spin, domain(), 0), "spin");
}

#define CEILING	50

static void init_protect(void)
{
	static alignas(64) struct ksync_cell cells[2] = { { .limit = CEILING } };
	static struct ksync plain = {
		.serial = PLAIN_SERIAL,
		.cells = cells,
		.lazy_ceiling = true,
	};

	if (!on_plain_memory) {
		must(ksync_mutex_init_protect(&protect, domain(), 0, CEILING), "protect");
		return;
	}
	on_plain_cell(&protect.o, cells, KSYNC_KIND_MUTEX | KSYNC_MUTEX_PROTECT << 8);
	protect.o.domain = &plain;
	protect.o.serial = plain.serial | KSYNC_SERIAL_SLOW;
}

/* glibc refuses this one to threads that are not real-time. */
static void init_glibc_protect(void)
{
	const struct sched_param low = { .sched_priority = 1 };
	pthread_mutexattr_t attr;

	must(-pthread_setschedparam(pthread_self(), SCHED_FIFO, &low), "SCHED_FIFO");
	pthread_mutexattr_init(&attr);
	must(-pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), "protect");
	must(-pthread_mutexattr_setprioceiling(&attr, CEILING), "ceiling");
	must(-pthread_mutex_init(&glibc_protect, &attr), "pthread_mutex_init");
}

static int take_normal(void)
{
	return pthread_mutex_lock(&normal);
}

static int give_normal(void)
{
	return pthread_mutex_unlock(&normal);
}

static int take_pi(void)
{
	return pthread_mutex_lock(&pi);
}

static int give_pi(void)
{
	return pthread_mutex_unlock(&pi);
}

static int take_busy(void)
{
	return pthread_spin_lock(&busy);
}

static int give_busy(void)
{
	return pthread_spin_unlock(&busy);
}

static int take_mutex(void)
{
	return ksync_mutex_lock(&mutex);
}

static int give_mutex(void)
{
	return ksync_mutex_unlock(&mutex);
}

static int take_mutex_as(void)
{
	return ksync_mutex_lock_as(&mutex_as, &self);
}

static int give_mutex_as(void)
{
	return ksync_mutex_unlock_as(&mutex_as, &self);
}

static int take_strict(void)
{
	return ksync_mutex_lock(&strict);
}

static int give_strict(void)
{
	return ksync_mutex_unlock(&strict);
}

static int take_own(void)
{
	return ksync_mutex_lock(own);
}

static int give_own(void)
{
	return ksync_mutex_unlock(own);
}

static int take_futex(void)
{
	return ksync_mutex_lock(&futex);
}

static int give_futex(void)
{
	return ksync_mutex_unlock(&futex);
}

static int take_spin(void)
{
	return ksync_spin_lock(&spin);
}

static int give_spin(void)
{
	return ksync_spin_unlock(&spin);
}

static int take_protect(void)
{
	return ksync_mutex_lock(&protect);
}

static int give_protect(void)
{
	return ksync_mutex_unlock(&protect);
}

static int take_glibc_protect(void)
{
	return pthread_mutex_lock(&glibc_protect);
}

static int give_glibc_protect(void)
{
	return pthread_mutex_unlock(&glibc_protect);
}

DEFINE_LOCK(normal, "mutex", "glibc-normal");
DEFINE_LOCK(pi, "mutex", "glibc-pi");
DEFINE_LOCK(busy, "spin", "pthread-spin");
DEFINE_LOCK(mutex, "mutex", "ksync-mutex");
DEFINE_LOCK(mutex_as, "mutex", "ksync-mutex-as");
DEFINE_LOCK(strict, "mutex", "ksync-strict");
DEFINE_LOCK(own, "mutex", "ksync-own", .enter = enter_own, .apart = true);
DEFINE_LOCK(futex, "mutex", "ksync-futex");
DEFINE_LOCK(spin, "spin", "ksync-spin");
DEFINE_LOCK(protect, "protect", "ksync-protect");
DEFINE_LOCK(glibc_protect, "protect", "glibc-protect");
