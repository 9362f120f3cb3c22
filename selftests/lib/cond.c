// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "await.h"
#include "cond.h"
#include "sched.h"

#define CELLS 64

int cond_scene_open(struct cond_scene *s, uint32_t mutex_flags)
{
	int ret;

	s->fd = raw_open();
	s->cells = raw_map(s->fd, CELLS);
	ret = raw_attach(s->fd, &s->self);
	if (!ret)
		ret = raw_create(s->fd, KSYNC_KIND_COND, 0, &s->cond);
	if (!ret)
		ret = raw_create(s->fd, KSYNC_KIND_MUTEX, mutex_flags, &s->mutex);
	return ret;
}

void cond_scene_close(struct cond_scene *s)
{
	munmap(s->cells, CELLS * KSYNC_CELL_SIZE);
	close(s->fd);
}

struct player *cond_player(const struct cond_scene *s, enum task_kind kind, int prio)
{
	struct player *p = player_start(kind, s->fd, s->cells);

	if (!p || (prio && sched_fifo(task_tid(&p->task), prio)))
		return NULL;
	p->mutex = s->mutex;
	p->deadline = KSYNC_NO_DEADLINE;
	return p;
}

int cond_begin_wait(const struct cond_scene *s, struct player *p)
{
	const uint32_t before = s->cells[s->cond].waiters;
	int ret = player_do(p, step_lock, s->mutex);

	if (ret)
		return ret;
	player_post(p, step_cond_wait, s->cond);
	ret = await_waiters(s->fd, s->cond, before + 1);
	return ret ? ret : player_await_asleep(p);
}

struct player *cond_waiter(const struct cond_scene *s, enum task_kind kind, int prio)
{
	struct player *p = cond_player(s, kind, prio);

	return p && !cond_begin_wait(s, p) ? p : NULL;
}

int cond_signal(const struct cond_scene *s, uint32_t n)
{
	uint32_t woken;
	int ret = raw_cond_signal(s->fd, s->cond, n, &woken);

	return ret ? ret : (int)woken;
}

int cond_lock(const struct cond_scene *s)
{
	return raw_lock(s->fd, s->mutex, s->self, 0, KSYNC_NO_DEADLINE);
}

int cond_unlock(const struct cond_scene *s)
{
	return raw_unlock(s->fd, s->mutex, s->self);
}

bool cond_owned_by(const struct cond_scene *s, uint32_t handle)
{
	uint32_t v = __atomic_load_n(&s->cells[s->mutex].word, __ATOMIC_ACQUIRE);

	return (v & KSYNC_OWNER) == handle;
}

int cond_end_wait(const struct cond_scene *s, struct player *p, int ret)
{
	int seen = player_result(p);

	if (seen != ret) {
		fprintf(stderr, "# the wait has returned %d, not %d\n", seen, ret);
		return seen ? seen : -EPROTO;
	}
	if (!cond_owned_by(s, p->handle)) {
		fprintf(stderr, "# the waiter does not have the mutex\n");
		return -EPROTO;
	}
	return player_do(p, step_unlock, s->mutex);
}
