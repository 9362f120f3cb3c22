// SPDX-License-Identifier: GPL-2.0
/*
 * Reader-writer locks: ksync's, glibc's, those of Concurrency Kit, and liburcu,
 * whose readers see one version or the other and keep nobody out.
 */
#define _LGPL_SOURCE
#include <ck_brlock.h>
#include <ck_rwlock.h>
#include <pthread.h>
#include <urcu/urcu-memb.h>
#include <urcu/urcu-qsbr.h>
#include "rwlocks.h"

static alignas(64) pthread_rwlock_t glibc_rw = PTHREAD_RWLOCK_INITIALIZER;
static alignas(64) pthread_rwlock_t writers_first_rw;
static alignas(64) ck_rwlock_t ck_rw = CK_RWLOCK_INITIALIZER;
static alignas(64) ck_brlock_t br_rw = CK_BRLOCK_INITIALIZER;
static _Thread_local ck_brlock_reader_t br_reader;
static alignas(64) pthread_mutex_t rcu_writers = PTHREAD_MUTEX_INITIALIZER;
static alignas(64) struct ksync_rwlock ksync_rw;
static alignas(64) struct ksync_rwlock strict_rw;
static struct pair pairs[2];

struct pair *shown = pairs, *drawn = pairs;

void reset_pairs(void)
{
	memset(pairs, 0, sizeof(pairs));
	shown = pairs;
	drawn = pairs;
}

static void init_nothing(void)
{
}

static void init_writers_first(void)
{
	const int kind = PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	must(-pthread_rwlockattr_setkind_np(&attr, kind), "kind");
	must(-pthread_rwlock_init(&writers_first_rw, &attr), "pthread_rwlock_init");
}

/* READ in the word, which the first reader sets, stays if nobody writes. */
static void init_ksync(void)
{
	static alignas(64) struct ksync_cell cell[1 + THREADS_MAX];

	if (on_plain_memory) {
		on_plain_cell(&ksync_rw.o, cell, KSYNC_KIND_RWLOCK);
		cell[0].word = KSYNC_READ;
		return;
	}
	must(ksync_rwlock_init(&ksync_rw, domain(), 0), "rwlock");
	must(ksync_rwlock_read_lock(&ksync_rw), "read");
	must(ksync_rwlock_unlock(&ksync_rw), "unlock");
}

static void init_strict(void)
{
	static alignas(64) struct ksync_cell cell[2];

	if (on_plain_memory)
		on_plain_cell(&strict_rw.o, cell, KSYNC_KIND_RWLOCK);
	else
		must(ksync_rwlock_init(&strict_rw, domain(), KSYNC_RWLOCK_STRICT), "rwlock");
}

static void enter_ksync(int i)
{
	if (on_plain_memory)
		be_by_hand(i);
}

static void enter_br(int i)
{
	(void)i;
	ck_brlock_read_register(&br_rw, &br_reader);
}

static void leave_br(void)
{
	ck_brlock_read_unregister(&br_rw, &br_reader);
}

static void enter_memb(int i)
{
	(void)i;
	urcu_memb_register_thread();
}

static void leave_memb(void)
{
	urcu_memb_unregister_thread();
}

static void enter_qsbr(int i)
{
	(void)i;
	urcu_qsbr_register_thread();
}

static void leave_qsbr(void)
{
	urcu_qsbr_unregister_thread();
}

#define DEFINE_SIDE(name, function)					\
static int name(void)							\
{									\
	return function;						\
}

DEFINE_SIDE(read_glibc, pthread_rwlock_rdlock(&glibc_rw))
DEFINE_SIDE(write_glibc, pthread_rwlock_wrlock(&glibc_rw))
DEFINE_SIDE(read_unlock_glibc, pthread_rwlock_unlock(&glibc_rw))
DEFINE_SIDE(write_unlock_glibc, pthread_rwlock_unlock(&glibc_rw))
DEFINE_SIDE(read_writers_first, pthread_rwlock_rdlock(&writers_first_rw))
DEFINE_SIDE(write_writers_first, pthread_rwlock_wrlock(&writers_first_rw))
DEFINE_SIDE(read_unlock_writers_first, pthread_rwlock_unlock(&writers_first_rw))
DEFINE_SIDE(write_unlock_writers_first, pthread_rwlock_unlock(&writers_first_rw))
DEFINE_SIDE(read_ksync, ksync_rwlock_read_lock(&ksync_rw))
DEFINE_SIDE(write_ksync, ksync_rwlock_write_lock(&ksync_rw))
DEFINE_SIDE(read_unlock_ksync, ksync_rwlock_unlock(&ksync_rw))
DEFINE_SIDE(write_unlock_ksync, ksync_rwlock_unlock(&ksync_rw))
DEFINE_SIDE(read_strict, ksync_rwlock_read_lock(&strict_rw))
DEFINE_SIDE(write_strict, ksync_rwlock_write_lock(&strict_rw))
DEFINE_SIDE(read_unlock_strict, ksync_rwlock_unlock(&strict_rw))
DEFINE_SIDE(write_unlock_strict, ksync_rwlock_unlock(&strict_rw))
DEFINE_SIDE(read_ck, (ck_rwlock_read_lock(&ck_rw), 0))
DEFINE_SIDE(write_ck, (ck_rwlock_write_lock(&ck_rw), 0))
DEFINE_SIDE(read_unlock_ck, (ck_rwlock_read_unlock(&ck_rw), 0))
DEFINE_SIDE(write_unlock_ck, (ck_rwlock_write_unlock(&ck_rw), 0))
DEFINE_SIDE(read_br, (ck_brlock_read_lock(&br_rw, &br_reader), 0))
DEFINE_SIDE(write_br, (ck_brlock_write_lock(&br_rw), 0))
DEFINE_SIDE(read_unlock_br, (ck_brlock_read_unlock(&br_reader), 0))
DEFINE_SIDE(write_unlock_br, (ck_brlock_write_unlock(&br_rw), 0))
DEFINE_SIDE(read_memb, (urcu_memb_read_lock(), 0))
DEFINE_SIDE(read_unlock_memb, (urcu_memb_read_unlock(), 0))
DEFINE_SIDE(read_qsbr, (urcu_qsbr_read_lock(), 0))
DEFINE_SIDE(read_busted, 0)
DEFINE_SIDE(write_busted, 0)
DEFINE_SIDE(read_unlock_busted, 0)
DEFINE_SIDE(write_unlock_busted, 0)

/* Each time: a thread that waits for another one in between is a busy one here. */
static int read_unlock_qsbr(void)
{
	urcu_qsbr_read_unlock();
	urcu_qsbr_quiescent_state();
	return 0;
}

/* The other one of the two is no reader's since the last write's grace period. */
static int draw(void)
{
	drawn = shown == pairs ? pairs + 1 : pairs;
	*drawn = *shown;
	return 0;
}

static void show(void)
{
	__atomic_store_n(&shown, drawn, __ATOMIC_RELEASE);
}

static int write_memb(void)
{
	return pthread_mutex_lock(&rcu_writers) ?: draw();
}

static int write_unlock_memb(void)
{
	show();
	urcu_memb_synchronize_rcu();
	return pthread_mutex_unlock(&rcu_writers);
}

/* Who has the mutex waits for all that are online. */
static int write_qsbr(void)
{
	urcu_qsbr_thread_offline();
	return pthread_mutex_lock(&rcu_writers) ?: draw();
}

static int write_unlock_qsbr(void)
{
	int ret;

	show();
	urcu_qsbr_synchronize_rcu();
	ret = pthread_mutex_unlock(&rcu_writers);
	urcu_qsbr_thread_online();
	return ret;
}

#define DEFINE_RWLOCK(symbol, label, start, ...)		\
static const struct rwlock symbol##_rwlock = {			\
	.name = label,						\
	.init = start,						\
	.read = read_##symbol,					\
	.read_unlock = read_unlock_##symbol,			\
	.write = write_##symbol,				\
	.write_unlock = write_unlock_##symbol,			\
	__VA_ARGS__						\
}

DEFINE_RWLOCK(glibc, "glibc-default", init_nothing, .natively = true);
DEFINE_RWLOCK(writers_first, "glibc-writers", init_writers_first, .natively = true);
DEFINE_RWLOCK(ck, "ck-rwlock", init_nothing, .natively = true);
DEFINE_RWLOCK(br, "ck-brlock", init_nothing, .natively = true,
	      .enter = enter_br, .leave = leave_br);
DEFINE_RWLOCK(memb, "urcu-memb", init_nothing, .natively = true,
	      .enter = enter_memb, .leave = leave_memb);
DEFINE_RWLOCK(qsbr, "urcu-qsbr", init_nothing, .natively = true,
	      .enter = enter_qsbr, .leave = leave_qsbr);
DEFINE_RWLOCK(ksync, "ksync-rwlock", init_ksync, .natively = true, .enter = enter_ksync);
DEFINE_RWLOCK(strict, "ksync-rw-strict", init_strict);

const struct rwlock busted_rwlock = {
	.name = "busted", .init = init_nothing,
	.read = read_busted, .read_unlock = read_unlock_busted,
	.write = write_busted, .write_unlock = write_unlock_busted,
};

const struct rwlock *const rwlocks[] = {
	&glibc_rwlock, &writers_first_rwlock, &ck_rwlock, &br_rwlock,
	&memb_rwlock, &qsbr_rwlock, &ksync_rwlock, &strict_rwlock, NULL
};

/* For uncontended.c: as locks, one side of each. */
#define DEFINE_SIDE_LOCK(tag, label, side, symbol, start, ...)		\
static void loop_##tag##_##side(long times)				\
{									\
	while (times--)							\
		if (side##_##symbol() || side##_unlock_##symbol())	\
			errx(1, "a lock fails");			\
}									\
									\
const struct lock tag##_##side##_lock = {				\
	.name = label,							\
	.kind = #side,							\
	.init = start,							\
	.lock = side##_##symbol,					\
	.unlock = side##_unlock_##symbol,				\
	.loop = loop_##tag##_##side,					\
	__VA_ARGS__							\
}

DEFINE_SIDE_LOCK(glibc, "glibc-read", read, glibc, init_nothing);
DEFINE_SIDE_LOCK(glibc, "glibc-write", write, glibc, init_nothing);
DEFINE_SIDE_LOCK(ck, "ck-rw-read", read, ck, init_nothing);
DEFINE_SIDE_LOCK(ck, "ck-rw-write", write, ck, init_nothing);
DEFINE_SIDE_LOCK(br, "ck-br-read", read, br, init_nothing,
		 .enter = enter_br, .leave = leave_br);
DEFINE_SIDE_LOCK(br, "ck-br-write", write, br, init_nothing);
DEFINE_SIDE_LOCK(memb, "urcu-memb-read", read, memb, init_nothing,
		 .enter = enter_memb, .leave = leave_memb);
DEFINE_SIDE_LOCK(qsbr, "urcu-qsbr-read", read, qsbr, init_nothing,
		 .enter = enter_qsbr, .leave = leave_qsbr);
DEFINE_SIDE_LOCK(ksync, "ksync-read", read, ksync, init_ksync);
DEFINE_SIDE_LOCK(ksync, "ksync-write", write, strict, init_strict);
