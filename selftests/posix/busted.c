// SPDX-License-Identifier: GPL-2.0
/*
 * Broken pthreads: the proof that the tests can fail.
 *
 * Preloaded, with BUSTED= naming one fault, this gets that one thing wrong and hands
 * all else to the C library.  'selftests/posix/run --busted' runs, for each fault in
 * the table below, the program named beside it, and wants a test of it to fail.  What is
 * got wrong is in busted_*.c.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "busted.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

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
	{ "atfork_prepares_in_order", }, /* fork_many */
	{ "atfork_forgets_the_child", }, /* fork_many */
	{ "forks_are_mixed_up", }, /* fork_many */
	{ "signals_get_lost", }, /* stress */
	{ "broadcasts_wake_one", }, /* stress */
	{ "timeouts_eat_a_signal", }, /* stress */
	{ "cancels_eat_a_signal", }, /* stress */
	{ "unlocks_lose_a_waiter", }, /* stress */
	{ "posts_get_lost", }, /* stress */
	{ "posts_wake_nobody", }, /* stress */
	{ "sem_is_made_as_before", }, /* stress */
	{ "write_unlocks_lose_a_waiter", }, /* stress */
	{ "timedlocks_time_out_with_it", }, /* stress */
};

static const char *chosen = "";

static void __attribute__((constructor)) choose(void)
{
	const char *name = getenv("BUSTED");
	unsigned int i;

	for (i = 0; name && i < ARRAY_SIZE(faults); i++)
		if (!strcmp(name, faults[i].name))
			chosen = faults[i].name;
	if (!*chosen) {
		static const char text[] = "busted: BUSTED= names no fault\n";

		if (write(2, text, sizeof(text) - 1) < 0)
			abort();
		abort();
	}
}

bool on(const char *name)
{
	return !strcmp(chosen, name);
}

bool now_and_then(const char *name, uint32_t calls)
{
	static uint32_t count;

	return on(name) && __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) % calls == 0;
}
