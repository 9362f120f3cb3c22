// SPDX-License-Identifier: GPL-2.0
/*
 * Libraries with objects of their own that come and go while the program runs.
 */
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/px.h"

struct lib {
	void *handle;
	int (*constructed)(void);
	int (*lock)(void *unused);
	int (*trylock)(void *unused);
	int (*unlock)(void *unused);
	int (*once)(void);
};

static int load(struct lib *lib, int flags)
{
	char exe[PATH_MAX], path[PATH_MAX + 16];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (len < 0)
		return -1;
	exe[len] = '\0';
	snprintf(path, sizeof(path), "%s/load_lib.so", dirname(exe));
	lib->handle = dlopen(path, flags);
	if (!lib->handle)
		return -1;
	*(void **)&lib->constructed = dlsym(lib->handle, "lib_constructed");
	*(void **)&lib->lock = dlsym(lib->handle, "lib_lock");
	*(void **)&lib->trylock = dlsym(lib->handle, "lib_trylock");
	*(void **)&lib->unlock = dlsym(lib->handle, "lib_unlock");
	*(void **)&lib->once = dlsym(lib->handle, "lib_once");
	return 0;
}

/* Its constructor locked and waited. */
TEST(constructor)
{
	struct lib lib;

	ASSERT_EQ(0, load(&lib, RTLD_NOW));
	EXPECT_EQ(0, lib.constructed());
	EXPECT_EQ(0, dlclose(lib.handle));
}

/* Its mutex is one for all threads. */
TEST(lock)
{
	struct actor *a = actor_start(THREAD);
	struct lib lib;

	ASSERT_EQ(0, load(&lib, RTLD_LAZY | RTLD_LOCAL));
	EXPECT_EQ(0, lib.lock(NULL));
	EXPECT_EQ(EBUSY, DO(a, lib.trylock, NULL));
	BLOCKS(a, lib.lock, NULL);
	EXPECT_EQ(0, lib.unlock(NULL));
	ENDS(0, a);
	EXPECT_EQ(EBUSY, lib.trylock(NULL));
	EXPECT_EQ(0, DO(a, lib.unlock, NULL));
	EXPECT_EQ(0, dlclose(lib.handle));
}

/* Unloaded and loaded again, in the same place: all its objects are new. */
TEST(loaded_again)
{
	struct actor *a = actor_start(THREAD);
	struct lib lib;
	int i;

	for (i = 0; i < 30; i++) {
		ASSERT_EQ(0, load(&lib, RTLD_NOW));
		EXPECT_EQ(0, lib.constructed());
		EXPECT_EQ(1, lib.once());
		EXPECT_EQ(1, lib.once());
		EXPECT_EQ(0, lib.trylock(NULL));
		BLOCKS(a, lib.lock, NULL);
		EXPECT_EQ(0, lib.unlock(NULL));
		ENDS(0, a);
		EXPECT_EQ(0, DO(a, lib.unlock, NULL));
		EXPECT_EQ(0, dlclose(lib.handle));
		EXPECT_EQ(NULL, dlopen("load_lib.so", RTLD_NOW | RTLD_NOLOAD));
	}
}

/* dlopen() by many threads at once, whose constructor locks. */
static int load_and_close(void *unused)
{
	struct lib lib;
	int i, bad = 0;

	(void)unused;
	for (i = 0; i < 20 && !bad; i++) {
		bad = load(&lib, RTLD_NOW);
		if (!bad)
			bad = lib.constructed() || lib.lock(NULL) || lib.unlock(NULL) ||
				dlclose(lib.handle);
	}
	return bad;
}

TEST(loaded_by_many)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);

	actor_post(a, load_and_close, NULL);
	actor_post(b, load_and_close, NULL);
	EXPECT_EQ(0, load_and_close(NULL));
	ENDS(0, a);
	ENDS(0, b);
}

/* The functions, looked up at run time: dlsym() in programs and language runtimes. */
TEST(functions_by_dlsym)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	struct actor *a = actor_start(THREAD);
	int (*lock)(pthread_mutex_t *m), (*unlock)(pthread_mutex_t *m);

	*(void **)&lock = dlsym(RTLD_DEFAULT, "pthread_mutex_lock");
	*(void **)&unlock = dlsym(RTLD_DEFAULT, "pthread_mutex_unlock");
	ASSERT_NE(NULL, lock);
	ASSERT_NE(NULL, unlock);
	EXPECT_EQ(0, lock(&m));
	BLOCKS(a, step_lock, &m);
	EXPECT_EQ(0, unlock(&m));
	ENDS(0, a);
	EXPECT_EQ(0, DO(a, step_unlock, &m));
	EXPECT_EQ(0, DO(a, step_lock, &m));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&m));
}

/* Condition variables have two versions; both are there, and the newer is found. */
TEST(cond_by_dlsym_and_dlvsym)
{
	static struct queue q = { .mutex = PTHREAD_MUTEX_INITIALIZER };
	struct actor *a = actor_start(THREAD);
	int (*signal_fn)(pthread_cond_t *c);
	int i;

	for (i = 0; i < 2; i++) {
		*(void **)&signal_fn = i ?
			dlvsym(RTLD_DEFAULT, "pthread_cond_signal", "GLIBC_2.3.2") :
			dlsym(RTLD_DEFAULT, "pthread_cond_signal");
		ASSERT_NE(NULL, signal_fn);
		BLOCKS(a, step_queue_wait, &q);
		EXPECT_EQ(0, queue_add(&q, 1));
		EXPECT_EQ(0, signal_fn(&q.cond));
		ENDS(0, a);
	}
}

PX_MAIN
