/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults: a task has the kernel let its allocations, and its copies from and to
 * user memory, fail; and tests of one path of the module that go through all the
 * faults that can be on it.
 *
 * Kernels that can are made with FAULT_INJECTION, such as the debug kernel.
 */
#ifndef KSYNC_SELFTESTS_FAULT_H
#define KSYNC_SELFTESTS_FAULT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "leak.h"
#include "player.h"

/*
 * Of whatever can fail on a path: the nth alone; or the nth, and the allocation from
 * a slab that comes after it: some are tried a second time.
 */
enum fault_mode { FAULT_ONE, FAULT_TWO };

/**
 * struct fault - the calling task's own injector
 * @nth: a file in /proc
 * @more: another one
 */
struct fault {
	int nth;
	int more;
};

/* NULL; or why no faults can be injected here, for SKIP(). */
const char *fault_missing(void);

/* Tell the kernel which allocations count: all of those that may sleep, too. */
int fault_setup(void);

int fault_open(struct fault *f);
void fault_close(struct fault *f);
int fault_arm(struct fault *f, enum fault_mode mode, uint32_t n);
/* How many could fail until one does; not for the last few, see fault_disarm(). */
long fault_left(const struct fault *f);
/* Return: whether there was a fault. */
bool fault_disarm(struct fault *f);

/* How many faults all tasks have had since fault_setup(), by FAULT_ONE. */
long fault_count(void);

/**
 * struct fault_scene - where a path is gone along once, with one fault
 * @fd: a domain of its own
 * @cells: its arena
 * @self: handle of the test itself
 * @actor: handle of the task that acts, if the path lets it attach
 * @partner: who else is there: up to the path
 * @id: objects: up to the path
 * @got: whatever @act leaves for those that look after it
 * @where: user memory of the size of some pages, zero
 * @wrong: what is not as it should be; empty: all is well
 */
struct fault_scene {
	int fd;
	struct ksync_cell *cells;
	uint32_t self;
	uint32_t actor;
	struct player *partner[2];
	uint32_t id[4];
	int64_t got;
	uint32_t *where;
	char wrong[256];
};

#define FAULT_WHERE_SIZE	65536
#define FAULT_CELLS		65536

/* Something should be equal to something else. */
#define WANT(s, want, got) fault_want(s, want, got, #got, __LINE__)

void fault_want(struct fault_scene *s, int64_t want, int64_t got, const char *what, int line);

/**
 * struct fault_path - something that a task does, and that must survive any fault
 * @prepare: the test makes what it needs; objects are there after it
 * @enter: the task that acts comes, without faults; NULL: it attaches to the domain
 * @act: what it does, with a fault: 0, or a negative errno
 * @meanwhile: what the test does once the other one waits, or is done; NULL: nothing
 * @leave: the task looks at what @act has done, and takes it back
 * @check: so does the test, when the task is gone: all of it works
 * @errors: that @act may have with a fault; 0 ends them, and is fine as well
 * @polls: it waits by sleeping, and is no waiter
 * @none: nothing on this path can fail
 * @once: FAULT_ONE only
 *
 * Whatever is not as it should be is told by WANT().
 */
struct fault_path {
	void (*prepare)(struct fault_scene *s);
	void (*enter)(struct fault_scene *s);
	int (*act)(struct fault_scene *s);
	void (*meanwhile)(struct fault_scene *s);
	void (*leave)(struct fault_scene *s, int ret);
	void (*check)(struct fault_scene *s, int ret);
	int errors[6];
	bool polls;
	bool none;
	bool once;
};

/* Go through all faults. Return: how many; @wrong: what was not as it should be. */
uint32_t fault_sweep(const struct fault_path *path, char *wrong, size_t size);

/* In the place of @enter: it does not attach. */
void fault_stranger(struct fault_scene *s);

/* A new object can be made, used and destroyed in a domain; in that of the scene. */
void fault_domain_works(struct fault_scene *s, int fd);
void fault_works(struct fault_scene *s, int ret);

/* A path is a test, and a figure. */
#define FAULT_PATH(name, ...)							\
static const struct fault_path path_##name = { __VA_ARGS__ };			\
										\
TEST(name##_path)								\
{										\
	char wrong_[300] = "";							\
	uint32_t faults_;							\
										\
	if (fault_missing())							\
		SKIP(return, "%s", fault_missing());				\
	ASSERT_EQ(0, fault_setup());						\
	faults_ = fault_sweep(&path_##name, wrong_, sizeof(wrong_));		\
	ASSERT_STREQ("", wrong_);						\
	EXPECT_EQ(path_##name.none, !faults_);					\
	dprintf(1, "# figure: faults injected in %s = %u faults\n", #name,	\
		faults_);							\
}										\
static_assert(true, "a semicolon follows")

/* The last test of a file: all those faults have left no memory behind. */
#define FAULT_NO_LEAK()								\
static const char *leaks_missing(void)						\
{										\
	return fault_missing() ?: leak_missing();				\
}										\
										\
TEST(nothing_is_leaked)								\
{										\
	if (leaks_missing())							\
		SKIP(return, "%s", leaks_missing());				\
	EXPECT_EQ(0, leak_count());						\
}										\
static_assert(true, "a semicolon follows")

#endif /* KSYNC_SELFTESTS_FAULT_H */
