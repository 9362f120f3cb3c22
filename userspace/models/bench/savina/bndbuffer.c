// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Bounded buffer: producers put items into a buffer that has so much room, consumers take
 * them out.  As a channel, which is one; and as a monitor (C. A. R. Hoare, CACM 17(10),
 * 1974) of a mutex and two condition variables; and as an actor.
 *
 * Verified: number and sum of the items that were consumed, no consumer has two of one
 * producer in another order, and the buffer never had more than it has room for.  Fault:
 * one item is put in twice, and the next one not.
 */
#include <ksync/task_sync.h>
#include "savina_actor.h"

struct bndbuffer_item {
	long producer;
	long number;
};

struct bndbuffer {
	const struct savina *s;
	struct ksync_chan *c;
	struct ksync_mutex mutex;
	struct ksync_cond filled;
	struct ksync_cond taken;
	struct bndbuffer_item *ring;
	long first;
	long used;
	long most;
	bool over;
	struct ksync_pid manager;
};

struct bndbuffer_producer {
	struct bndbuffer *b;
	long id;
	long made;
};

struct bndbuffer_consumer {
	struct bndbuffer *b;
	long *last;
	long n;
	long sum;
	long unordered;
};

enum bndbuffer_size {
	PRODUCERS,
	CONSUMERS,
	ITEMS,
	ROOM,
};

static struct bndbuffer_item bndbuffer_make(struct bndbuffer_producer *p)
{
	struct bndbuffer_item item = { p->id, ++p->made };

	item.number -= p->b->s->fault && p->id == 1 && p->made == p->b->s->size[ITEMS] / 2 + 1;
	return item;
}

static void bndbuffer_use(struct bndbuffer_consumer *c, struct bndbuffer_item item)
{
	c->unordered += item.number <= c->last[item.producer];
	c->last[item.producer] = item.number;
	c->n++;
	c->sum += item.number;
}

struct bndbuffer_crew {
	struct bndbuffer_producer *producers;
	struct bndbuffer_consumer *consumers;
};

static struct bndbuffer_crew bndbuffer_crew(struct bndbuffer *b)
{
	const long *size = b->s->size;
	struct bndbuffer_crew crew = {
		savina_alloc(size[PRODUCERS], sizeof(*crew.producers)),
		savina_alloc(size[CONSUMERS], sizeof(*crew.consumers)),
	};
	long i;

	for (i = 0; i < size[PRODUCERS]; i++) {
		crew.producers[i].b = b;
		crew.producers[i].id = i;
	}
	for (i = 0; i < size[CONSUMERS]; i++) {
		crew.consumers[i].b = b;
		crew.consumers[i].last = savina_alloc(size[PRODUCERS], sizeof(long));
	}
	return crew;
}

static const char *bndbuffer_verify(struct savina *s, const struct bndbuffer *b,
				    struct bndbuffer_crew crew)
{
	long items = s->size[ITEMS], n = 0, sum = 0, unordered = 0, i;

	for (i = 0; i < s->size[CONSUMERS]; i++) {
		n += crew.consumers[i].n;
		sum += crew.consumers[i].sum;
		unordered += crew.consumers[i].unordered;
		free(crew.consumers[i].last);
	}
	free(crew.producers);
	free(crew.consumers);
	if (n != items * s->size[PRODUCERS])
		return savina_wrong(s, "%ld of %ld items were consumed", n,
				    items * s->size[PRODUCERS]);
	if (sum != items * (items + 1) / 2 * s->size[PRODUCERS])
		return savina_wrong(s, "the sum of the items is %ld", sum);
	if (unordered)
		return savina_wrong(s, "%ld items came out of order", unordered);
	if (b->most > s->size[ROOM])
		return savina_wrong(s, "%ld were in a buffer for %ld", b->most, s->size[ROOM]);
	return NULL;
}

/* Spawn producers, and consumers; when all is produced call @over. */
static void bndbuffer_work(struct bndbuffer *b, struct bndbuffer_crew crew,
			   int (*produce)(void *arg), int (*consume)(void *arg),
			   void (*over)(struct bndbuffer *b))
{
	struct ksync_scope producers, consumers;
	long i;

	savina_must(ksync_scope_begin(&consumers, 0));
	savina_must(ksync_scope_begin(&producers, 0));
	for (i = 0; i < b->s->size[CONSUMERS]; i++)
		savina_spawn(&consumers, consume, &crew.consumers[i]);
	for (i = 0; i < b->s->size[PRODUCERS]; i++)
		savina_spawn(&producers, produce, &crew.producers[i]);
	savina_must(ksync_scope_end(&producers));
	over(b);
	savina_must(ksync_scope_end(&consumers));
}

static int bndbuffer_channels_produce(void *arg)
{
	struct bndbuffer_producer *p = arg;
	struct bndbuffer_item item;

	while (p->made < p->b->s->size[ITEMS]) {
		item = bndbuffer_make(p);
		savina_send(p->b->c, &item);
	}
	return 0;
}

static int bndbuffer_channels_consume(void *arg)
{
	struct bndbuffer_consumer *c = arg;
	struct bndbuffer_item item;

	while (!ksync_chan_recv(c->b->c, &item))
		bndbuffer_use(c, item);
	return 0;
}

static void bndbuffer_channels_over(struct bndbuffer *b)
{
	savina_must(ksync_chan_close(b->c));
}

static const char *bndbuffer_channels(struct savina *s)
{
	struct bndbuffer b = { .s = s };
	struct bndbuffer_crew crew = bndbuffer_crew(&b);

	b.c = savina_chan(sizeof(struct bndbuffer_item), s->size[ROOM]);
	bndbuffer_work(&b, crew, bndbuffer_channels_produce, bndbuffer_channels_consume,
		       bndbuffer_channels_over);
	savina_must(ksync_chan_destroy(b.c));
	return bndbuffer_verify(s, &b, crew);
}

static void bndbuffer_signal(struct ksync_cond *c)
{
	int woken = ksync_cond_signal(c);

	savina_must(woken < 0 ? woken : 0);
}

/* The mutex is locked, in these two. */
static void bndbuffer_put(struct bndbuffer *b, struct bndbuffer_item item)
{
	b->ring[(b->first + b->used++) % b->s->size[ROOM]] = item;
	if (b->used > b->most)
		b->most = b->used;
}

static struct bndbuffer_item bndbuffer_take(struct bndbuffer *b)
{
	struct bndbuffer_item item = b->ring[b->first];

	b->first = (b->first + 1) % b->s->size[ROOM];
	b->used--;
	return item;
}

static int bndbuffer_locks_produce(void *arg)
{
	struct bndbuffer_producer *p = arg;
	struct bndbuffer *b = p->b;

	while (p->made < b->s->size[ITEMS]) {
		savina_must(ksync_task_mutex_lock(&b->mutex));
		while (b->used == b->s->size[ROOM])
			savina_must(ksync_task_cond_wait(&b->taken, &b->mutex));
		bndbuffer_put(b, bndbuffer_make(p));
		bndbuffer_signal(&b->filled);
		savina_must(ksync_task_mutex_unlock(&b->mutex));
	}
	return 0;
}

static int bndbuffer_locks_consume(void *arg)
{
	struct bndbuffer_consumer *c = arg;
	struct bndbuffer *b = c->b;
	struct bndbuffer_item item;

	while (1) {
		savina_must(ksync_task_mutex_lock(&b->mutex));
		while (!b->used && !b->over)
			savina_must(ksync_task_cond_wait(&b->filled, &b->mutex));
		if (!b->used)
			break;
		item = bndbuffer_take(b);
		bndbuffer_signal(&b->taken);
		savina_must(ksync_task_mutex_unlock(&b->mutex));
		bndbuffer_use(c, item);
	}
	return ksync_task_mutex_unlock(&b->mutex);
}

static void bndbuffer_locks_over(struct bndbuffer *b)
{
	savina_must(ksync_task_mutex_lock(&b->mutex));
	b->over = true;
	ksync_cond_broadcast(&b->filled);
	savina_must(ksync_task_mutex_unlock(&b->mutex));
}

static const char *bndbuffer_locks(struct savina *s)
{
	struct bndbuffer b = { .s = s };
	struct bndbuffer_crew crew = bndbuffer_crew(&b);

	b.ring = savina_alloc(s->size[ROOM], sizeof(*b.ring));
	savina_must(ksync_mutex_init(&b.mutex, s->domain, 0));
	savina_must(ksync_cond_init(&b.filled, s->domain, 0));
	savina_must(ksync_cond_init(&b.taken, s->domain, 0));
	bndbuffer_work(&b, crew, bndbuffer_locks_produce, bndbuffer_locks_consume,
		       bndbuffer_locks_over);
	savina_must(ksync_cond_destroy(&b.taken));
	savina_must(ksync_cond_destroy(&b.filled));
	savina_must(ksync_mutex_destroy(&b.mutex));
	free(b.ring);
	return bndbuffer_verify(s, &b, crew);
}

enum bndbuffer_tag {
	BNDBUFFER_ITEM,
	BNDBUFFER_MORE,
	BNDBUFFER_PRODUCE,
	BNDBUFFER_READY,
	BNDBUFFER_STOP,
};

/* Who waits: consumers for an item, producers until they may make one. */
struct bndbuffer_waiting {
	struct ksync_pid *consumers;
	struct ksync_pid *producers;
	long ready;
	long more;
	long promised;
	long producing;
};

static int bndbuffer_producer_actor(void *arg)
{
	struct bndbuffer_producer *p = arg;
	struct bndbuffer_item item;

	while (p->made < p->b->s->size[ITEMS]) {
		savina_tell(p->b->manager, BNDBUFFER_MORE, NULL, 0);
		savina_hear(NULL, NULL, 0);
		item = bndbuffer_make(p);
		savina_tell(p->b->manager, BNDBUFFER_ITEM, &item, sizeof(item));
	}
	return 0;
}

static int bndbuffer_consumer_actor(void *arg)
{
	struct bndbuffer_consumer *c = arg;
	struct bndbuffer_item item;

	while (1) {
		savina_tell(c->b->manager, BNDBUFFER_READY, NULL, 0);
		if (savina_hear(NULL, &item, sizeof(item)) == BNDBUFFER_STOP)
			return 0;
		bndbuffer_use(c, item);
	}
}

/* One message to the manager. */
static void bndbuffer_manage(struct bndbuffer *b, struct bndbuffer_waiting *w)
{
	struct bndbuffer_item item;
	struct ksync_pid from;

	switch (savina_hear(&from, &item, sizeof(item))) {
	case BNDBUFFER_ITEM:
		w->promised--;
		bndbuffer_put(b, item);
		break;
	case BNDBUFFER_MORE:
		w->producers[w->more++] = from;
		break;
	case BNDBUFFER_READY:
		w->consumers[w->ready++] = from;
		break;
	case KSYNC_TAG_DOWN:
		w->producing--;
		break;
	}
}

/* As many may produce as there is room for what they make. */
static void bndbuffer_manager(struct bndbuffer *b)
{
	const long *size = b->s->size;
	struct bndbuffer_waiting w = {
		savina_alloc(size[CONSUMERS], sizeof(*w.consumers)),
		savina_alloc(size[PRODUCERS], sizeof(*w.producers)),
		.producing = size[PRODUCERS],
	};
	struct bndbuffer_item item;

	while (w.producing || w.promised || w.ready < size[CONSUMERS]) {
		bndbuffer_manage(b, &w);
		while (b->used && w.ready) {
			item = bndbuffer_take(b);
			savina_tell(w.consumers[--w.ready], BNDBUFFER_ITEM, &item, sizeof(item));
		}
		while (w.more && b->used + w.promised < size[ROOM]) {
			savina_tell(w.producers[--w.more], BNDBUFFER_PRODUCE, NULL, 0);
			w.promised++;
		}
	}
	while (w.ready)
		savina_tell(w.consumers[--w.ready], BNDBUFFER_STOP, NULL, 0);
	free(w.consumers);
	free(w.producers);
}

static const char *bndbuffer_actors(struct savina *s)
{
	struct bndbuffer b = { .s = s };
	struct bndbuffer_crew crew = bndbuffer_crew(&b);
	long i;

	b.ring = savina_alloc(s->size[ROOM], sizeof(*b.ring));
	savina_actors_begin();
	b.manager = ksync_actor_self();
	for (i = 0; i < s->size[PRODUCERS]; i++)
		savina_actor(bndbuffer_producer_actor, &crew.producers[i]);
	for (i = 0; i < s->size[CONSUMERS]; i++)
		savina_actor(bndbuffer_consumer_actor, &crew.consumers[i]);
	bndbuffer_manager(&b);
	savina_actors_end(s->size[CONSUMERS]);
	free(b.ring);
	return bndbuffer_verify(s, &b, crew);
}

const struct savina_bench savina_bndbuffer = {
	.name = "bndbuffer",
	.size = { "PRODUCERS", "CONSUMERS", "ITEMS", "ROOM" },
	.small = { 4, 3, 100, 5 },
	.run = {
		[SAVINA_CHANNELS] = bndbuffer_channels,
		[SAVINA_LOCKS] = bndbuffer_locks,
		[SAVINA_ACTORS] = bndbuffer_actors,
	},
};
