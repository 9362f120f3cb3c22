// SPDX-License-Identifier: GPL-2.0
/*
 * Starvation, twice: a thread that tries and backs off, beside one that takes the lock
 * again as soon as it has released it; and a writer among readers who are never all
 * gone.  Nobody is deadlocked: the others go on.  A queue in order of arrival, or a lock
 * that lets the writer through, ends it.
 */
#include <pthread.h>
#include <stdatomic.h>
#include "lab.h"

#define SECONDS	0.5
#define READERS	8

static atomic_bool tas;
static struct ksync_mutex fifo;
static pthread_rwlock_t glibc;
static struct ksync_rwlock ksync;
static atomic_bool over;

struct user {
	int (*lock)(void);
	int (*unlock)(void);
	double inside;		/* seconds with the lock */
	double between;		/* and without */
	uint64_t turns;
	double longest;		/* wait, in seconds */
};

/* Test and set, and some time between two tries. */
static int lock_tas(void)
{
	while (atomic_exchange(&tas, true)) {
		if (over)
			return -1;
		nap(0.0002);
	}
	return 0;
}

static int unlock_tas(void)
{
	tas = false;
	return 0;
}

static int lock_fifo(void)
{
	return must(ksync_mutex_lock(&fifo), "lock");
}

static int unlock_fifo(void)
{
	return must(ksync_mutex_unlock(&fifo), "unlock");
}

static int read_glibc(void)
{
	return pthread_rwlock_rdlock(&glibc);
}

static int write_glibc(void)
{
	return pthread_rwlock_wrlock(&glibc);
}

static int unlock_glibc(void)
{
	return pthread_rwlock_unlock(&glibc);
}

static int read_ksync(void)
{
	return must(ksync_rwlock_read_lock(&ksync), "read");
}

static int write_ksync(void)
{
	return must(ksync_rwlock_write_lock(&ksync), "write");
}

static int unlock_ksync(void)
{
	return must(ksync_rwlock_unlock(&ksync), "unlock");
}

static void *use(void *arg)
{
	struct user *u = arg;
	double begin;

	begin_together();
	while (!over) {
		begin = now();
		if (u->lock())
			break;
		if (now() - begin > u->longest)
			u->longest = now() - begin;
		/* What comes after the end does not count. */
		u->turns += !over;
		nap(u->inside);
		u->unlock();
		if (u->between > 0)
			nap(u->between);
	}
	return NULL;
}

static void *end_it(void *arg)
{
	(void)arg;
	begin_together();
	nap(SECONDS);
	over = true;
	return NULL;
}

/* The last one is the one that may starve; the thread behind it is the clock. */
static void *use_or_end(void *arg)
{
	return ((struct user *)arg)->lock ? use(arg) : end_it(arg);
}

static void compete(struct user *u, unsigned int n)
{
	over = false;
	together(n + 1, use_or_end, u, sizeof(*u));
}

static void show_turns(const struct user *u, unsigned int n, const char *who)
{
	uint64_t others = 0;

	for (unsigned int i = 0; i < n - 1; i++)
		others += u[i].turns;
	bar("the others", others, others, "turns");
	bar(who, u[n - 1].turns, others, "turns");
}

static void compete_two(struct user *u, int (*lock)(void), int (*unlock)(void))
{
	const struct user one = { .lock = lock, .unlock = unlock, .inside = 0.0005 };

	memset(u, 0, 3 * sizeof(*u));
	u[0] = one;
	u[1] = one;
	u[1].between = 0.0005;
	compete(u, 2);
}

static void show_order(void)
{
	const double end = now() + lab_seconds;
	struct user u[3];

	do {
		compete_two(u, lock_tas, unlock_tas);
	} while (u[1].turns * 10 >= u[0].turns && now() < end);
	fact("tas_others", u[0].turns);
	fact("tas_victim", u[1].turns);
	hazard("a lock without a queue", u[1].turns * 10 < u[0].turns,
	       "%lu turns of who takes it again at once, %lu of who backs off", u[0].turns,
	       u[1].turns);
	show_turns(u, 2, "who backs off");
	compete_two(u, lock_fifo, unlock_fifo);
	cure("in order of arrival (ksync_mutex, strict)", u[1].turns * 10 < u[0].turns,
	     "%lu and %lu turns", u[0].turns, u[1].turns);
	show_turns(u, 2, "who backs off");
}

static void compete_many(struct user *u, int (*read)(void), int (*write)(void),
			 int (*unlock)(void))
{
	memset(u, 0, (READERS + 2) * sizeof(*u));
	for (int i = 0; i <= READERS; i++)
		u[i] = (struct user){ .lock = read, .unlock = unlock, .inside = 0.001 };
	u[READERS].lock = write;
	u[READERS].between = 0.001;
	u[READERS].inside = 0.0001;
	compete(u, READERS + 1);
}

static void make_rwlock(int preference)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, preference);
	pthread_rwlock_init(&glibc, &attr);
}

/* Less than a turn of a hundred, where one of nine would be its share. */
static bool writer_starves(const struct user *u)
{
	uint64_t reads = 0;

	for (int i = 0; i < READERS; i++)
		reads += u[i].turns;
	return u[READERS].turns * 100 < reads;
}

static void show_writer(const char *name, const struct user *u)
{
	const struct user *writer = &u[READERS];

	cure(name, writer_starves(u), "%lu turns of the writer, %.0f ms its longest wait",
	     writer->turns, writer->longest * 1e3);
	show_turns(u, READERS + 1, "the writer");
}

static void show_readers(void)
{
	const double end = now() + lab_seconds;
	struct user u[READERS + 2];

	make_rwlock(PTHREAD_RWLOCK_PREFER_READER_NP);
	do {
		compete_many(u, read_glibc, write_glibc, unlock_glibc);
	} while (!writer_starves(u) && now() < end);
	fact("writer", u[READERS].turns);
	hazard("a writer among readers", writer_starves(u),
	       "glibc's default lock: in %.1f s %d readers had turns, the writer %lu", SECONDS,
	       READERS, u[READERS].turns);
	show_turns(u, READERS + 1, "the writer");
	make_rwlock(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	compete_many(u, read_glibc, write_glibc, unlock_glibc);
	show_writer("glibc's lock that prefers writers", u);
	compete_many(u, read_ksync, write_ksync, unlock_ksync);
	show_writer("ksync_rwlock", u);
}

void lab_starvation(void)
{
	struct ksync *d = lab_domain();

	lab_mutex(d, &fifo, "fifo", KSYNC_MUTEX_STRICT);
	must(ksync_rwlock_init(&ksync, d, 0), "rwlock");
	show_order();
	show_readers();
}
