// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Sleeping barber (E. W. Dijkstra, EWD123, 1965): customers wait in a room, and one that
 * finds it full comes again; a barber cuts their hair, one after the other.  At most twice
 * as many as there are chairs are about at a time.
 *
 * Verified: each customer was cut once, and no more waited than the room has chairs for.
 * Fault: one is let go without.
 */
#include <ksync/task_sync.h>
#include "savina_actor.h"

struct barber_shop {
	const struct savina *s;
	long forget;
	long served;
	struct ksync_chan *room;
	struct ksync_chan *about;
	struct ksync_mutex mutex;
	struct ksync_sem may_come;
	struct ksync_sem customers;
	struct ksync_sem chair;
	struct ksync_sem seated;
	struct ksync_sem done;
	struct barber_customer *in_chair;
	struct ksync_pid room_pid;
	long waiting;
	long most;
};

struct barber_customer {
	struct barber_shop *shop;
	struct ksync_chan *done;
	long cuts;
};

static struct barber_customer *barber_open(struct barber_shop *shop, const struct savina *s)
{
	struct barber_customer *c = savina_alloc(s->size[0], sizeof(*c));
	long i;

	*shop = (struct barber_shop){ .s = s, .forget = s->fault ? s->size[0] / 2 : -1 };
	for (i = 0; i < s->size[0]; i++)
		c[i].shop = shop;
	return c;
}

static void barber_cut(struct barber_shop *shop, struct barber_customer *c)
{
	if (shop->served++ != shop->forget)
		c->cuts++;
}

static const char *barber_close(struct savina *s, struct barber_shop *shop,
				struct barber_customer *c)
{
	const char *wrong = NULL;
	long i;

	if (shop->most > s->size[1])
		wrong = savina_wrong(s, "%ld waited, and there are %ld chairs", shop->most,
				     s->size[1]);
	for (i = 0; i < s->size[0] && !wrong; i++)
		if (c[i].cuts != 1)
			wrong = savina_wrong(s, "customer %ld was cut %ld times", i, c[i].cuts);
	free(c);
	return wrong;
}

static int barber_channels_barber(void *arg)
{
	struct barber_shop *shop = arg;
	struct barber_customer *c;
	long i;

	for (i = 0; i < shop->s->size[0]; i++) {
		savina_recv(shop->room, &c);
		barber_cut(shop, c);
		savina_send(c->done, NULL);
	}
	return 0;
}

static int barber_channels_customer(void *arg)
{
	struct barber_customer *c = arg;
	int ret;

	c->done = savina_chan(0, 1);
	while ((ret = ksync_chan_send_try(c->shop->room, &c)) == -EAGAIN)
		ksync_task_yield();
	savina_must(ret);
	savina_recv(c->done, NULL);
	savina_recv(c->shop->about, NULL);
	return ksync_chan_destroy(c->done);
}

static const char *barber_channels(struct savina *s)
{
	struct barber_shop shop;
	struct barber_customer *c = barber_open(&shop, s);
	struct ksync_scope scope;
	long i;

	shop.room = savina_chan(sizeof(c), s->size[1]);
	shop.about = savina_chan(0, 2 * s->size[1]);
	savina_must(ksync_scope_begin(&scope, 0));
	savina_spawn(&scope, barber_channels_barber, &shop);
	for (i = 0; i < s->size[0]; i++) {
		savina_send(shop.about, NULL);
		savina_spawn(&scope, barber_channels_customer, &c[i]);
	}
	savina_must(ksync_scope_end(&scope));
	savina_must(ksync_chan_destroy(shop.room));
	savina_must(ksync_chan_destroy(shop.about));
	return barber_close(s, &shop, c);
}

static int barber_locks_barber(void *arg)
{
	struct barber_shop *shop = arg;
	long i;

	for (i = 0; i < shop->s->size[0]; i++) {
		savina_must(ksync_task_sem_wait(&shop->customers));
		savina_must(ksync_sem_post(&shop->chair));
		savina_must(ksync_task_sem_wait(&shop->seated));
		barber_cut(shop, __atomic_load_n(&shop->in_chair, __ATOMIC_ACQUIRE));
		savina_must(ksync_sem_post(&shop->done));
	}
	return 0;
}

static bool barber_enter(struct barber_shop *shop)
{
	bool enters;

	savina_must(ksync_task_mutex_lock(&shop->mutex));
	enters = shop->waiting < shop->s->size[1];
	shop->waiting += enters;
	if (shop->waiting > shop->most)
		shop->most = shop->waiting;
	savina_must(ksync_task_mutex_unlock(&shop->mutex));
	return enters;
}

static int barber_locks_customer(void *arg)
{
	struct barber_customer *c = arg;
	struct barber_shop *shop = c->shop;

	while (!barber_enter(shop))
		ksync_task_yield();
	savina_must(ksync_sem_post(&shop->customers));
	savina_must(ksync_task_sem_wait(&shop->chair));
	savina_must(ksync_task_mutex_lock(&shop->mutex));
	shop->waiting--;
	savina_must(ksync_task_mutex_unlock(&shop->mutex));
	__atomic_store_n(&shop->in_chair, c, __ATOMIC_RELEASE);
	savina_must(ksync_sem_post(&shop->seated));
	savina_must(ksync_task_sem_wait(&shop->done));
	return ksync_sem_post(&shop->may_come);
}

static const char *barber_locks(struct savina *s)
{
	struct barber_shop shop;
	struct barber_customer *c = barber_open(&shop, s);
	struct ksync_sem *sems[] = { &shop.customers, &shop.chair, &shop.seated, &shop.done };
	struct ksync_scope scope;
	long i;

	savina_must(ksync_mutex_init(&shop.mutex, s->domain, 0));
	savina_must(ksync_sem_init(&shop.may_come, s->domain, 2 * s->size[1], 0));
	for (i = 0; i < 4; i++)
		savina_must(ksync_sem_init(sems[i], s->domain, 0, 0));
	savina_must(ksync_scope_begin(&scope, 0));
	savina_spawn(&scope, barber_locks_barber, &shop);
	for (i = 0; i < s->size[0]; i++) {
		savina_must(ksync_task_sem_wait(&shop.may_come));
		savina_spawn(&scope, barber_locks_customer, &c[i]);
	}
	savina_must(ksync_scope_end(&scope));
	for (i = 0; i < 4; i++)
		savina_must(ksync_sem_destroy(sems[i]));
	savina_must(ksync_sem_destroy(&shop.may_come));
	savina_must(ksync_mutex_destroy(&shop.mutex));
	return barber_close(s, &shop, c);
}

enum barber_tag {
	BARBER_ENTER,
	BARBER_FULL,
	BARBER_NEXT,
	BARBER_CUT,
	BARBER_DONE,
	BARBER_STOP,
};

static int barber_actor(void *arg)
{
	struct barber_shop *shop = arg;
	struct ksync_pid customer;
	long cuts;

	savina_tell(shop->room_pid, BARBER_NEXT, NULL, 0);
	while (savina_hear(NULL, &customer, sizeof(customer)) == BARBER_CUT) {
		cuts = shop->served++ != shop->forget;
		savina_tell(customer, BARBER_DONE, &cuts, sizeof(cuts));
		savina_tell(shop->room_pid, BARBER_NEXT, NULL, 0);
	}
	return 0;
}

/* Customers wait in a ring. */
static int barber_room_actor(void *arg)
{
	struct barber_shop *shop = arg;
	long chairs = shop->s->size[1], first = 0;
	struct ksync_pid *ring = savina_alloc(chairs, sizeof(*ring)), from, barber = { 0 };
	uint32_t tag;

	while ((tag = savina_hear(&from, NULL, 0)) != BARBER_STOP) {
		if (tag == BARBER_NEXT) {
			barber = from;
		} else if (shop->waiting == chairs) {
			savina_tell(from, BARBER_FULL, NULL, 0);
		} else {
			ring[(first + shop->waiting++) % chairs] = from;
			if (shop->waiting > shop->most)
				shop->most = shop->waiting;
		}
		if (barber.id && shop->waiting) {
			savina_tell(barber, BARBER_CUT, &ring[first], sizeof(*ring));
			first = (first + 1) % chairs;
			shop->waiting--;
			barber.id = 0;
		}
	}
	free(ring);
	return 0;
}

static int barber_customer_actor(void *arg)
{
	struct barber_customer *c = arg;

	savina_tell(c->shop->room_pid, BARBER_ENTER, NULL, 0);
	while (savina_hear(NULL, &c->cuts, sizeof(c->cuts)) == BARBER_FULL) {
		ksync_task_yield();
		savina_tell(c->shop->room_pid, BARBER_ENTER, NULL, 0);
	}
	return 0;
}

static const char *barber_actors(struct savina *s)
{
	struct barber_shop shop;
	struct barber_customer *c = barber_open(&shop, s);
	struct ksync_pid barber;
	long i, about = 0;

	savina_actors_begin();
	shop.room_pid = savina_actor(barber_room_actor, &shop);
	barber = savina_actor(barber_actor, &shop);
	for (i = 0; i < s->size[0]; i++) {
		if (about == 2 * s->size[1])
			savina_actor_ended();
		else
			about++;
		savina_actor(barber_customer_actor, &c[i]);
	}
	while (about--)
		savina_actor_ended();
	savina_tell(barber, BARBER_STOP, NULL, 0);
	savina_actor_ended(); /* it has told the room that it is free */
	savina_tell(shop.room_pid, BARBER_STOP, NULL, 0);
	savina_actors_end(1);
	return barber_close(s, &shop, c);
}

const struct savina_bench savina_barber = {
	.name = "barber",
	.size = { "CUSTOMERS", "CHAIRS" },
	.small = { 60, 5 },
	.run = {
		[SAVINA_CHANNELS] = barber_channels,
		[SAVINA_LOCKS] = barber_locks,
		[SAVINA_ACTORS] = barber_actors,
	},
};
