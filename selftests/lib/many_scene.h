/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture "many": objects of all kinds that MANY can wait for, players that do, and
 * what becomes of them.
 */
#ifndef KSYNC_SELFTESTS_MANY_SCENE_H
#define KSYNC_SELFTESTS_MANY_SCENE_H

#include <unistd.h>

#include "ksft.h"
#include "many.h"
#include "player.h"

#define ALL	KSYNC_MANY_ALL
#define ALERT	KSYNC_MANY_ALERT

FIXTURE(many)
{
	int fd;
	struct ksync_cell *cells;
	uint32_t self;
	uint32_t sem, sem2, event, manual, waitq, cond, mutex, mutex2, rwlock, alert;
};

FIXTURE_SETUP(many)
{
	self->fd = raw_open();
	self->cells = raw_map(self->fd, 64);
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &self->sem));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &self->sem2));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_EVENT, 0, &self->event));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_EVENT, KSYNC_EVENT_MANUAL, &self->manual));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &self->waitq));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_COND, 0, &self->cond));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &self->mutex));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &self->mutex2));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_RWLOCK, 0, &self->rwlock));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_EVENT, 0, &self->alert));
}

FIXTURE_TEARDOWN(many)
{
	close(self->fd);
}

#define WORD(id)	__atomic_load_n(&self->cells[id].word, __ATOMIC_ACQUIRE)
#define OWNER(id)	(WORD(id) & KSYNC_OWNER)

static inline void post(struct __test_metadata *_metadata, struct _test_data_many *self,
			uint32_t id, uint32_t n)
{
	uint32_t was;

	ASSERT_EQ(0, raw_release(self->fd, id, 0, n, &was));
}

#define POST(id) post(_metadata, self, id, 1)

/* A call of the test's own that does not wait: @ret, and the item is @index. */
static inline void look(struct __test_metadata *_metadata, struct _test_data_many *self,
			uint32_t flags, const uint32_t *ids, uint32_t n, int ret, uint32_t index)
{
	struct ksync_item items[8] = {};
	struct ksync_many arg = {
		.count = n,
		.items = (uintptr_t)items,
		.flags = flags,
		.thread = self->self,
		.alert = flags & ALERT ? self->alert : 0,
		.index = ~0U,
	};
	uint32_t i;

	for (i = 0; i < n; i++)
		items[i].id = ids[i];
	EXPECT_EQ(ret, raw_many(self->fd, &arg));
	if (index != ~0U)
		EXPECT_EQ(index, arg.index);
}

#define IDS(...)	((const uint32_t[]){ __VA_ARGS__ })
#define LOOK(flags, ret, index, ...)						\
	look(_metadata, self, flags, IDS(__VA_ARGS__),				\
	     sizeof(IDS(__VA_ARGS__)) / sizeof(uint32_t), ret, index)

static inline struct player *start(struct __test_metadata *_metadata,
				   struct _test_data_many *self, enum task_kind kind, int prio)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	if (prio)
		ASSERT_EQ(0, sched_fifo(task_tid(&p->task), prio));
	return p;
}

/* A player that waits; it sleeps on return. */
#define AWAIT(p, flags, ...)							\
	ASSERT_EQ(0, many_await(p, flags, self->alert, IDS(__VA_ARGS__),	\
				sizeof(IDS(__VA_ARGS__)) / sizeof(uint32_t)))

/* The wait ends with @ret, for item @index. */
static inline void ends(struct __test_metadata *_metadata, struct player *p, int ret,
			uint32_t index)
{
	EXPECT_EQ(ret, player_result(p));
	EXPECT_EQ(index, p->many.index);
}

#define ENDS(p, ret, index) ends(_metadata, p, ret, index)

/* Nobody waits anywhere: no word has WAITERS, no object is busy. */
static inline void nothing_left(struct __test_metadata *_metadata,
				struct _test_data_many *self)
{
	const uint32_t ids[] = {
		self->sem, self->sem2, self->event, self->manual, self->waitq, self->cond,
		self->mutex, self->mutex2, self->rwlock, self->alert,
	};
	struct ksync_info info;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		EXPECT_EQ(0, WORD(ids[i]) & KSYNC_WAITERS) TH_LOG("object %zu", i);
		EXPECT_EQ(0, self->cells[ids[i]].waiters) TH_LOG("object %zu", i);
		EXPECT_EQ(0, raw_destroy(self->fd, ids[i])) TH_LOG("object %zu", i);
	}
	ASSERT_EQ(0, raw_info(self->fd, &info));
	EXPECT_EQ(0, info.waiters);
}

#define NOTHING_LEFT() nothing_left(_metadata, self)

#endif /* KSYNC_SELFTESTS_MANY_SCENE_H */
