// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attacker.h"
#include "await.h"
#include "clock.h"
#include "player.h"
#include "raw.h"
#include "victim.h"

/**
 * struct victim - it
 * @main: its task
 * @partner: the other one, for VICTIM_HANDOVER
 * @work: what it does
 * @stop: it is to end
 * @ready: how many of its tasks are at work
 * @error: of the first operation that failed
 * @done: operations
 * @longest: of all, in ns
 * @fd: its domain
 * @mutex: object
 * @sem: object
 * @ns: of the last operations
 */
struct victim {
	struct attacker *main;
	struct attacker *partner;
	enum victim_work work;
	uint32_t stop;
	uint32_t ready;
	int error;
	uint64_t done;
	uint64_t longest;
	int fd;
	uint32_t mutex;
	uint32_t sem;
	uint64_t ns[VICTIM_SAMPLES];
};

const char *const victim_work_names[VICTIM_WORKS] = { "handover", "calls", "attach" };

/* Inherited over fork() by its tasks. */
static struct victim *mine;

static int handover(struct victim *v, uint32_t handle)
{
	int ret = raw_lock(v->fd, v->mutex, handle, 0, KSYNC_NO_DEADLINE);

	if (ret)
		return ret;
	sched_yield();
	return raw_unlock(v->fd, v->mutex, handle);
}

static int calls(struct victim *v, uint32_t handle)
{
	uint32_t was;
	int ret = raw_lock(v->fd, v->mutex, handle, 0, KSYNC_NO_DEADLINE);

	if (!ret)
		ret = raw_unlock(v->fd, v->mutex, handle);
	if (!ret)
		ret = raw_release(v->fd, v->sem, 0, 1, &was);
	return ret ? ret : raw_acquire(v->fd, v->sem, 0, KSYNC_NO_DEADLINE);
}

static int attach(struct victim *v, uint32_t handle)
{
	const int fd = raw_open();
	int ret = raw_attach(fd, &handle);

	(void)v;
	close(fd);
	return ret;
}

static int work(struct attacker *a)
{
	static int (*const works[])(struct victim *v, uint32_t handle) = {
		[VICTIM_HANDOVER] = handover,
		[VICTIM_CALLS] = calls,
		[VICTIM_ATTACH] = attach,
	};
	struct victim *v = mine;
	uint64_t begin, ns;
	uint32_t handle;
	int ret = raw_attach(v->fd, &handle);

	__atomic_add_fetch(&v->ready, 1, __ATOMIC_SEQ_CST);
	while (!ret && !__atomic_load_n(&v->stop, __ATOMIC_RELAXED)) {
		begin = now(CLOCK_MONOTONIC);
		ret = works[v->work](v, handle);
		ns = now(CLOCK_MONOTONIC) - begin;
		if (a != v->main)
			continue;
		v->ns[v->done % VICTIM_SAMPLES] = ns;
		v->longest = ns > v->longest ? ns : v->longest;
		__atomic_add_fetch(&v->done, 1, __ATOMIC_RELAXED);
	}
	if (ret)
		v->error = ret;
	return !!ret;
}

static struct attacker *start_task(void)
{
	struct attacker *a = attacker_new(work);

	a->uid = VICTIM_UID;
	return a;
}

struct victim *victim_start(enum victim_work work)
{
	struct victim *v = player_memory(sizeof(*v));
	uint32_t tasks = work == VICTIM_HANDOVER ? 2 : 1;

	v->work = work;
	v->fd = raw_open();
	if (raw_create(v->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_STRICT, &v->mutex) ||
	    raw_create(v->fd, KSYNC_KIND_SEM, 0, &v->sem))
		return NULL;
	mine = v;
	v->main = start_task();
	if (tasks == 2)
		v->partner = start_task();
	if (attacker_start(v->main) || (v->partner && attacker_start(v->partner)))
		return NULL;
	return await_value(&v->ready, tasks) ? NULL : v;
}

uint64_t victim_done(const struct victim *v)
{
	return __atomic_load_n(&v->done, __ATOMIC_RELAXED);
}

struct since {
	const struct victim *v;
	uint64_t done;
};

static bool has_done_more(const void *arg)
{
	const struct since *since = arg;

	return victim_done(since->v) != since->done;
}

int victim_await(const struct victim *v)
{
	const struct since since = { v, victim_done(v) };

	return await_true(has_done_more, &since);
}

int victim_stop(struct victim *v)
{
	__atomic_store_n(&v->stop, 1, __ATOMIC_RELAXED);
	if (attacker_join(v->main) || (v->partner && attacker_join(v->partner)))
		return v->error ? v->error : -ECHILD;
	close(v->fd);
	return v->error;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t victim_median(struct victim *v)
{
	const uint64_t n = v->done < VICTIM_SAMPLES ? v->done : VICTIM_SAMPLES;

	qsort(v->ns, n, sizeof(*v->ns), compare);
	return v->ns[n / 2];
}

uint64_t victim_longest(const struct victim *v)
{
	return v->longest;
}

void victim_free(struct victim *v)
{
	munmap(v, sizeof(*v));
}
