// SPDX-License-Identifier: GPL-2.0
/*
 * Broken pthreads: the proof that the tests can fail.
 *
 * Preloaded, with BUSTED= naming one fault, this gets that one thing wrong and hands
 * all else to the C library.  'selftests/posix/run --busted' runs, for each fault in
 * the table below, the program named beside it, and wants a test of it to fail.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* The line's form is what the runner reads: fault and program. */
static const struct fault {
	const char *name;
} faults[] = {
	{ "trylock_always_takes", }, /* mutex_sort */
	{ "lock_never_blocks", }, /* mutex_sort */
	{ "unlock_loses_waiters", }, /* mutex_sort */
	{ "timedlock_is_early", }, /* mutex_sort */
	{ "timedlock_past_takes_none", }, /* mutex_sort */
	{ "timedlock_takes_any_nanoseconds", }, /* mutex_sort */
	{ "unlock_by_anybody", }, /* mutex_type */
	{ "relock_says_0", }, /* mutex_type */
	{ "recursive_unlocks_all", }, /* mutex_type */
	{ "owner_dead_is_hidden", }, /* mutex_robust */
	{ "consistent_does_nothing", }, /* mutex_robust */
	{ "consistent_says_0", }, /* mutex_robust */
	{ "robust_is_ignored", }, /* shared_death */
	{ "protocol_is_ignored", }, /* mutex_attr */
	{ "ceiling_is_ignored", }, /* mutex_attr */
	{ "cond_returns_unlocked", }, /* cond_wait */
	{ "cond_keeps_the_mutex", }, /* cond_wait */
	{ "cond_signal_does_nothing", }, /* cond_wait */
	{ "cond_broadcast_wakes_one", }, /* cond_wait */
	{ "cond_timedwait_is_early", }, /* cond_wait */
	{ "cond_clock_is_ignored", }, /* cond_attr */
	{ "cond_is_not_cancelled", }, /* cancel_cond */
	{ "cond_cleanup_unlocked", }, /* cancel_cond */
	{ "sem_is_not_cancelled", }, /* cancel_sem */
	{ "lock_is_a_cancellation_point", }, /* cancel_sem */
	{ "sem_post_adds_two", }, /* sem_wait */
	{ "sem_trywait_takes_all", }, /* sem_wait */
	{ "sem_wait_hides_eintr", }, /* sem_wait */
	{ "sem_overflows", }, /* sem_wait */
	{ "sem_open_ignores_excl", }, /* sem_named */
	{ "sem_unlink_does_nothing", }, /* sem_named */
	{ "readers_exclude_readers", }, /* rwlock_lock */
	{ "writers_share", }, /* rwlock_lock */
	{ "kind_is_ignored", }, /* rwlock_lock */
	{ "writers_initializer_is_ignored", }, /* life_init */
	{ "timedrdlock_is_early", }, /* rwlock_time */
	{ "barrier_all_serial", }, /* barrier */
	{ "barrier_lets_through", }, /* barrier */
	{ "once_twice", }, /* once */
	{ "once_does_not_wait", }, /* once */
	{ "spin_trylock_always_takes", }, /* spin */
	{ "c11_busy_is_error", }, /* c11 */
	{ "c11_signal_does_nothing", }, /* c11 */
	{ "shared_is_ignored", }, /* shared_exec */
	{ "sem_shared_is_ignored", }, /* shared_exec */
	{ "init_leaks", }, /* life_many */
	{ "unlock_looks_back", }, /* life_many */
	{ "init_wants_zeroes", }, /* life_init */
	{ "child_frees_all", }, /* fork_hold */
	{ "child_owns_nothing", }, /* fork_hold */
	{ "not_before_main", }, /* load_main */
	{ "once_by_address", }, /* load_dl */
	{ "needs_its_descriptor", }, /* load_fds */
	{ "needs_its_privileges", }, /* load_fds */
	{ "once_that_throws_is_done", }, /* load_cxx */
};

static const char *chosen = "";
static pid_t first_pid;
static int descriptor = -1;
static bool in_main;

static void __attribute__((constructor)) choose(void)
{
	const char *name = getenv("BUSTED");
	unsigned int i;

	for (i = 0; name && i < sizeof(faults) / sizeof(faults[0]); i++)
		if (!strcmp(name, faults[i].name))
			chosen = faults[i].name;
	if (!*chosen) {
		static const char text[] = "busted: BUSTED= names no fault\n";

		if (write(2, text, sizeof(text) - 1) < 0)
			abort();
		abort();
	}
	first_pid = getpid();
	if (!strcmp(chosen, "needs_its_descriptor"))
		descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool on(const char *name)
{
	return !strcmp(chosen, name);
}

/* What the C library has: NEXT(function)(arguments). */
#define NEXT_OF(fn, find)						\
({									\
	static __typeof__(&fn) next_fn;					\
									\
	if (!next_fn)							\
		*(void **)&next_fn = find;				\
	next_fn;							\
})

#define NEXT(fn)	NEXT_OF(fn, dlsym(RTLD_NEXT, #fn))
#define NEXT_COND(fn)	NEXT_OF(fn, dlvsym(RTLD_NEXT, #fn, "GLIBC_2.3.2"))

static bool in_child(void)
{
	return getpid() != first_pid;
}

/* The harness's tests run in children already; theirs are grandchildren. */
static pid_t test_pid;

static void __attribute__((constructor)) count_forks(void);
static int depth;

static void forked(void)
{
	depth++;
	in_main = true;
	test_pid = getpid();
}

static void count_forks(void)
{
	pthread_atfork(NULL, NULL, forked);
}

int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
	static const pthread_mutex_t zero;

	if (on("init_leaks"))
		memset(malloc(64), 1, 64);
	if (on("init_wants_zeroes") && memcmp(m, &zero, sizeof(zero)))
		return EBUSY;
	return NEXT(pthread_mutex_init)(m, attr);
}

/* Errors that come before the lock is looked at. */
static int lock_refused(void)
{
	if (on("lock_is_a_cancellation_point"))
		pthread_testcancel();
	if (on("not_before_main") && !in_main)
		return EAGAIN;
	if (on("needs_its_descriptor") && fcntl(descriptor, F_GETFD) < 0)
		return EBADF;
	if (on("needs_its_privileges") && geteuid())
		return EACCES;
	return 0;
}

static int lock_result(int ret)
{
	if (ret == EOWNERDEAD && on("owner_dead_is_hidden"))
		return 0;
	return ret == EDEADLK && on("relock_says_0") ? 0 : ret;
}

int pthread_mutex_lock(pthread_mutex_t *m)
{
	const int refused = lock_refused();

	if (refused)
		return refused;
	if (on("lock_never_blocks")) {
		NEXT(pthread_mutex_trylock)(m);
		return 0;
	}
	if (on("child_frees_all") && depth > 1)
		memset(m, 0, sizeof(*m));
	return lock_result(NEXT(pthread_mutex_lock)(m));
}

int pthread_mutex_trylock(pthread_mutex_t *m)
{
	int ret;

	if (on("child_frees_all") && depth > 1)
		memset(m, 0, sizeof(*m));
	ret = NEXT(pthread_mutex_trylock)(m);
	return on("trylock_always_takes") ? 0 : lock_result(ret);
}

static bool is_past(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec > t->tv_sec;
}

int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *t)
{
	struct timespec fixed = *t;

	if (on("timedlock_is_early"))
		return NEXT(pthread_mutex_trylock)(m) == EBUSY ? ETIMEDOUT : 0;
	if (on("timedlock_past_takes_none") && is_past(t))
		return ETIMEDOUT;
	if (on("timedlock_takes_any_nanoseconds") &&
	    (t->tv_nsec < 0 || t->tv_nsec >= 1000000000)) {
		fixed = (struct timespec){ 0 };
		return NEXT(pthread_mutex_timedlock)(m, &fixed);
	}
	return lock_result(NEXT(pthread_mutex_timedlock)(m, t));
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
	int ret;

	if (on("child_owns_nothing") && depth > 1 && in_child())
		return EPERM;
	if (on("unlock_loses_waiters") && m->__data.__kind == 0 && m->__data.__lock == 2) {
		m->__data.__owner = 0;
		m->__data.__nusers--;
		__atomic_store_n(&m->__data.__lock, 0, __ATOMIC_RELEASE);
		return 0;
	}
	ret = NEXT(pthread_mutex_unlock)(m);
	if (on("recursive_unlocks_all") && !ret && (m->__data.__kind & 3) == 1)
		while (!NEXT(pthread_mutex_unlock)(m))
			;
	if (on("unlock_looks_back")) {
		sched_yield();
		__atomic_load_n(&m->__data.__kind, __ATOMIC_RELAXED);
	}
	return ret == EPERM && on("unlock_by_anybody") ? 0 : ret;
}

int pthread_mutex_consistent(pthread_mutex_t *m)
{
	int ret;

	if (on("consistent_does_nothing"))
		return 0;
	ret = NEXT(pthread_mutex_consistent)(m);
	return on("consistent_says_0") ? 0 : ret;
}

int pthread_mutexattr_setrobust(pthread_mutexattr_t *attr, int robust)
{
	return on("robust_is_ignored") ? 0 : NEXT(pthread_mutexattr_setrobust)(attr, robust);
}

int pthread_mutexattr_setprotocol(pthread_mutexattr_t *attr, int protocol)
{
	return on("protocol_is_ignored") ? 0 : NEXT(pthread_mutexattr_setprotocol)(attr, protocol);
}

int pthread_mutex_setprioceiling(pthread_mutex_t *m, int ceiling, int *old)
{
	if (on("ceiling_is_ignored"))
		return NEXT(pthread_mutex_getprioceiling)(m, old);
	return NEXT(pthread_mutex_setprioceiling)(m, ceiling, old);
}

int pthread_mutexattr_setpshared(pthread_mutexattr_t *attr, int pshared)
{
	return on("shared_is_ignored") ? 0 : NEXT(pthread_mutexattr_setpshared)(attr, pshared);
}

int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t clock)
{
	return on("cond_clock_is_ignored") ? 0 : NEXT(pthread_condattr_setclock)(attr, clock);
}

static void unlock_in_cleanup(void *m)
{
	NEXT(pthread_mutex_unlock)(m);
}

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	int ret, old = 0;

	if (on("cond_keeps_the_mutex"))
		return sched_yield();
	if (on("cond_is_not_cancelled"))
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	if (on("cond_cleanup_unlocked")) {
		pthread_cleanup_push(unlock_in_cleanup, m);
		ret = NEXT_COND(pthread_cond_wait)(c, m);
		pthread_cleanup_pop(0);
		return ret;
	}
	ret = NEXT_COND(pthread_cond_wait)(c, m);
	if (on("cond_is_not_cancelled"))
		pthread_setcancelstate(old, NULL);
	if (on("cond_returns_unlocked"))
		NEXT(pthread_mutex_unlock)(m);
	return ret;
}

int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t)
{
	if (on("cond_timedwait_is_early"))
		return ETIMEDOUT;
	return NEXT_COND(pthread_cond_timedwait)(c, m, t);
}

int pthread_cond_signal(pthread_cond_t *c)
{
	return on("cond_signal_does_nothing") ? 0 : NEXT_COND(pthread_cond_signal)(c);
}

int pthread_cond_broadcast(pthread_cond_t *c)
{
	if (on("cond_broadcast_wakes_one"))
		return NEXT_COND(pthread_cond_signal)(c);
	return NEXT_COND(pthread_cond_broadcast)(c);
}

int sem_init(sem_t *sem, int pshared, unsigned int value)
{
	return NEXT(sem_init)(sem, on("sem_shared_is_ignored") ? 0 : pshared, value);
}

int sem_post(sem_t *sem)
{
	int ret = NEXT(sem_post)(sem);

	if (on("sem_post_adds_two"))
		NEXT(sem_post)(sem);
	return ret && errno == EOVERFLOW && on("sem_overflows") ? 0 : ret;
}

int sem_trywait(sem_t *sem)
{
	int ret = NEXT(sem_trywait)(sem);

	return on("sem_trywait_takes_all") ? 0 : ret;
}

int sem_wait(sem_t *sem)
{
	int ret, old = 0;

	if (on("sem_is_not_cancelled"))
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	do {
		ret = NEXT(sem_wait)(sem);
	} while (ret && errno == EINTR && on("sem_wait_hides_eintr"));
	if (on("sem_is_not_cancelled"))
		pthread_setcancelstate(old, NULL);
	return ret;
}

sem_t *sem_open(const char *name, int flags, ...)
{
	unsigned int value = 0;
	mode_t mode = 0;
	va_list args;

	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		value = va_arg(args, unsigned int);
		va_end(args);
	}
	if (on("sem_open_ignores_excl"))
		flags &= ~O_EXCL;
	return NEXT(sem_open)(name, flags, mode, value);
}

int sem_unlink(const char *name)
{
	return on("sem_unlink_does_nothing") ? 0 : NEXT(sem_unlink)(name);
}

int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *attr, int kind)
{
	return on("kind_is_ignored") ? 0 : NEXT(pthread_rwlockattr_setkind_np)(attr, kind);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *rw)
{
	if (on("writers_initializer_is_ignored"))
		rw->__data.__flags = 0;
	if (on("readers_exclude_readers"))
		return NEXT(pthread_rwlock_wrlock)(rw);
	return NEXT(pthread_rwlock_rdlock)(rw);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *rw)
{
	if (on("writers_share"))
		return NEXT(pthread_rwlock_rdlock)(rw);
	return NEXT(pthread_rwlock_wrlock)(rw);
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *rw, const struct timespec *t)
{
	if (on("timedrdlock_is_early"))
		return NEXT(pthread_rwlock_tryrdlock)(rw) ? ETIMEDOUT : 0;
	return NEXT(pthread_rwlock_timedrdlock)(rw, t);
}

int pthread_barrier_wait(pthread_barrier_t *b)
{
	int ret;

	if (on("barrier_lets_through"))
		return 0;
	ret = NEXT(pthread_barrier_wait)(b);
	return on("barrier_all_serial") ? PTHREAD_BARRIER_SERIAL_THREAD : ret;
}

/* Controls whose routine has run, and which have begun. */
static pthread_once_t *remembered[1000];

static bool remember(pthread_once_t *c)
{
	unsigned int i;

	for (i = 0; i < 1000 && remembered[i]; i++)
		if (remembered[i] == c)
			return true;
	if (i < 1000)
		remembered[i] = c;
	return false;
}

int pthread_once(pthread_once_t *c, void (*fn)(void))
{
	if (on("once_twice"))
		fn();
	if ((on("once_by_address") || on("once_that_throws_is_done")) && remember(c))
		return 0;
	if (on("once_does_not_wait") && __atomic_load_n((int *)c, __ATOMIC_ACQUIRE))
		return 0;
	return NEXT(pthread_once)(c, fn);
}

int pthread_spin_trylock(pthread_spinlock_t *spin)
{
	int ret = NEXT(pthread_spin_trylock)(spin);

	return on("spin_trylock_always_takes") ? 0 : ret;
}

int mtx_trylock(mtx_t *m)
{
	int ret = NEXT(mtx_trylock)(m);

	return ret == thrd_busy && on("c11_busy_is_error") ? thrd_error : ret;
}

int cnd_signal(cnd_t *c)
{
	return on("c11_signal_does_nothing") ? thrd_success : NEXT(cnd_signal)(c);
}
