// SPDX-License-Identifier: GPL-2.0
/* Tasks that do what the test tells them to, one step after the other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "await.h"
#include "player.h"
#include "sys.h"

static uint32_t load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static int cas(uint32_t *word, uint32_t old, uint32_t new, int failed)
{
	return __atomic_compare_exchange_n(word, &old, new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED) ?
		0 : failed;
}

void *player_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("The test cannot get shared memory");
		exit(EXIT_FAILURE);
	}
	return p;
}

static int player_main(void *arg)
{
	struct player *p = arg;
	uint32_t seq = 0;

	p->result = raw_attach(p->fd, &p->handle);
	for (;;) {
		store(&p->done, seq);
		while (load(&p->posted) == seq)
			sys_futex_wait(&p->posted, seq, NULL);
		seq++;
		store(&p->taken, seq);
		if (!p->step)
			return 0;
		p->result = p->step(p);
	}
}

struct player *player_start(enum task_kind kind, int fd, struct ksync_cell *cells)
{
	struct player *p = player_memory(sizeof(*p));

	p->fd = fd;
	p->cells = cells;
	p->done = UINT32_MAX;
	if (task_start(&p->task, kind, player_main, p))
		return NULL;
	return player_result(p) ? NULL : p;
}

void player_post(struct player *p, player_step step, uint32_t id)
{
	p->step = step;
	p->id = id;
	store(&p->posted, p->posted + 1);
	sys_futex_wake(&p->posted);
}

int player_result(struct player *p)
{
	return await_value(&p->done, p->posted) ? -ETIME : p->result;
}

int player_do(struct player *p, player_step step, uint32_t id)
{
	player_post(p, step, id);
	return player_result(p);
}

int player_await_taken(struct player *p)
{
	return await_value(&p->taken, p->posted);
}

int player_await_asleep(struct player *p)
{
	int ret = player_await_taken(p);

	return ret ? ret : await_asleep(task_tid(&p->task));
}

int player_end(struct player *p)
{
	int status = 0, ret;

	player_post(p, NULL, 0);
	ret = task_join(&p->task, &status);
	return ret ? ret : status;
}

int step_lock(struct player *p)
{
	return raw_lock(p->fd, p->id, p->handle, 0, KSYNC_NO_DEADLINE);
}

int step_lock_until(struct player *p)
{
	return raw_lock(p->fd, p->id, p->handle, p->flags, p->deadline);
}

int step_lock_try(struct player *p)
{
	return raw_lock(p->fd, p->id, p->handle, KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE);
}

int step_lock_fast(struct player *p)
{
	return cas(&p->cells[p->id].word, 0, p->handle, -EBUSY);
}

int step_overtake(struct player *p)
{
	uint32_t *word = &p->cells[p->id].word;
	uint32_t v = load(word);

	/* Again if the flags have changed: the module clears WOKEN after handoff_us. */
	while (!(v & (KSYNC_OWNER | KSYNC_OWNER_DIED))) {
		if (!cas(word, v, v | p->handle, -EBUSY))
			return 0;
		v = load(word);
	}
	return -EBUSY;
}

int step_unlock(struct player *p)
{
	return raw_unlock(p->fd, p->id, p->handle);
}

int step_unlock_any(struct player *p)
{
	return raw_unlock_as(p->fd, p->id, p->handle, KSYNC_UNLOCK_ANY);
}

int step_consistent(struct player *p)
{
	uint32_t *word = &p->cells[p->id].word;
	uint32_t v = load(word);

	while ((v & KSYNC_OWNER) == p->handle && v & KSYNC_OWNER_DIED) {
		if (!cas(word, v, v & ~KSYNC_OWNER_DIED, -EBUSY))
			return 0;
		v = load(word);
	}
	return -EPERM;
}

int step_acquire(struct player *p)
{
	return raw_acquire(p->fd, p->id, 0, KSYNC_NO_DEADLINE);
}

int step_acquire_until(struct player *p)
{
	return raw_acquire(p->fd, p->id, p->flags, p->deadline);
}

int step_cond_wait(struct player *p)
{
	return raw_cond_wait(p->fd, p->id, p->mutex, p->handle, p->flags, p->deadline);
}

int step_many(struct player *p)
{
	p->many.items = (uintptr_t)p->items;
	p->many.thread = p->handle;
	return raw_many(p->fd, &p->many);
}

/* Blocked here, the task is on the kernel's own chain. */
int step_futex_lock(struct player *p)
{
	if (!cas(p->futex, 0, sys_gettid(), -EBUSY))
		return 0;
	return sys(SYS_futex, p->futex, FUTEX_LOCK_PI);
}

int step_futex_unlock(struct player *p)
{
	if (!cas(p->futex, sys_gettid(), 0, -EBUSY))
		return 0;
	return sys(SYS_futex, p->futex, FUTEX_UNLOCK_PI);
}

int step_hog(struct player *p)
{
	while (load(p->futex))
		;
	return 0;
}
