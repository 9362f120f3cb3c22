// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Chameneos (C. Kaiser, J.-F. Pradat-Peyre, "Chameneos, a concurrency game for Java, Ada
 * and others", AICCSA 2003): creatures come to a mall, which lets two at a time meet; both
 * change their colour.  After so many meetings they fade.  What it costs if all talk to
 * one.
 *
 * Verified: two were at each meeting, and nobody met itself.  Fault: one does.
 */
#include "savina_actor.h"

struct chameneo {
	struct ksync_chan *mall;
	struct ksync_chan *back;
	struct ksync_pid mall_pid;
	long id;
	int colour;
	long meetings;
	long numbers;
	bool alone;
};

/* To the mall. */
struct chameneos_visit {
	struct chameneo *who;
	long id;
	int colour;
};

/* Back: the number of the meeting, from 1, or 0; and who else was there. */
struct chameneos_meeting {
	long number;
	long id;
	int colour;
};

static int chameneos_complement(int a, int b)
{
	return a == b ? a : 3 - a - b;
}

/* Return: whether it is still to be seen. */
static bool chameneos_meet(struct chameneo *c, const struct chameneos_meeting *m)
{
	if (!m->number)
		return false;
	c->alone |= m->id == c->id;
	c->colour = chameneos_complement(c->colour, m->colour);
	c->meetings++;
	c->numbers += m->number;
	return true;
}

static struct chameneo *chameneos_make(const struct savina *s)
{
	struct chameneo *c = savina_alloc(s->size[0], sizeof(*c));
	long i;

	for (i = 0; i < s->size[0]; i++) {
		c[i].id = i;
		c[i].colour = i % 3;
	}
	return c;
}

static const char *chameneos_verify(struct savina *s, const struct chameneo *c)
{
	long n = s->size[1], meetings = 0, numbers = 0, i;

	for (i = 0; i < s->size[0]; i++) {
		if (c[i].alone)
			return savina_wrong(s, "creature %ld met itself", i);
		meetings += c[i].meetings;
		numbers += c[i].numbers;
	}
	if (meetings != 2 * n)
		return savina_wrong(s, "%ld were at %ld meetings", meetings, n);
	if (numbers != n * (n + 1))
		return savina_wrong(s, "some meetings were not of two");
	return NULL;
}

static int chameneos_creature(void *arg)
{
	struct chameneo *c = arg;
	struct chameneos_meeting m;

	do {
		struct chameneos_visit v = { c, c->id, c->colour };

		savina_send(c->mall, &v);
		savina_recv(c->back, &m);
	} while (chameneos_meet(c, &m));
	return 0;
}

static void chameneos_answer(const struct chameneos_visit *to, long number,
			     const struct chameneos_visit *other)
{
	struct chameneos_meeting m = { number, other->id, other->colour };

	savina_send(to->who->back, &m);
}

static void chameneos_mall(const struct savina *s, struct ksync_chan *mall)
{
	long alone = s->fault ? s->size[1] / 2 : -1, number;
	struct chameneos_visit a, b;

	for (number = 1; number <= s->size[1]; number++) {
		savina_recv(mall, &a);
		if (number == alone) {
			chameneos_answer(&a, number, &a);
			continue;
		}
		savina_recv(mall, &b);
		chameneos_answer(&a, number, &b);
		chameneos_answer(&b, number, &a);
	}
	for (number = 0; number < s->size[0]; number++) {
		savina_recv(mall, &a);
		chameneos_answer(&a, 0, &a);
	}
}

static const char *chameneos_channels(struct savina *s)
{
	struct ksync_chan *mall = savina_chan(sizeof(struct chameneos_visit), s->size[0]);
	struct chameneo *c = chameneos_make(s);
	struct ksync_scope scope;
	const char *wrong;
	long i;

	savina_must(ksync_scope_begin(&scope, 0));
	for (i = 0; i < s->size[0]; i++) {
		c[i].mall = mall;
		c[i].back = savina_chan(sizeof(struct chameneos_meeting), 1);
		savina_spawn(&scope, chameneos_creature, &c[i]);
	}
	chameneos_mall(s, mall);
	savina_must(ksync_scope_end(&scope));
	for (i = 0; i < s->size[0]; i++)
		savina_must(ksync_chan_destroy(c[i].back));
	savina_must(ksync_chan_destroy(mall));
	wrong = chameneos_verify(s, c);
	free(c);
	return wrong;
}

enum chameneos_tag {
	CHAMENEOS_VISIT,
	CHAMENEOS_MEETING,
};

static int chameneos_actor(void *arg)
{
	struct chameneo *c = arg;
	struct chameneos_meeting m;

	do {
		struct chameneos_visit v = { c, c->id, c->colour };

		savina_tell(c->mall_pid, CHAMENEOS_VISIT, &v, sizeof(v));
		savina_hear(NULL, &m, sizeof(m));
	} while (chameneos_meet(c, &m));
	return 0;
}

static void chameneos_tell(struct ksync_pid to, long number,
			   const struct chameneos_visit *other)
{
	struct chameneos_meeting m = { number, other->id, other->colour };

	savina_tell(to, CHAMENEOS_MEETING, &m, sizeof(m));
}

static void chameneos_mall_actor(const struct savina *s)
{
	long alone = s->fault ? s->size[1] / 2 : -1, number;
	struct chameneos_visit a, b;
	struct ksync_pid pa, pb;

	for (number = 1; number <= s->size[1]; number++) {
		savina_hear(&pa, &a, sizeof(a));
		if (number == alone) {
			chameneos_tell(pa, number, &a);
			continue;
		}
		savina_hear(&pb, &b, sizeof(b));
		chameneos_tell(pa, number, &b);
		chameneos_tell(pb, number, &a);
	}
}

static const char *chameneos_actors(struct savina *s)
{
	struct chameneo *c = chameneos_make(s);
	struct chameneos_visit v;
	struct ksync_pid pid;
	const char *wrong;
	long i, faded = 0, left = s->size[0];

	savina_actors_begin();
	for (i = 0; i < left; i++) {
		c[i].mall_pid = ksync_actor_self();
		savina_actor(chameneos_actor, &c[i]);
	}
	chameneos_mall_actor(s);
	while (faded < s->size[0]) {
		if (savina_hear(&pid, &v, sizeof(v)) == CHAMENEOS_VISIT) {
			chameneos_tell(pid, 0, &v);
			faded++;
		} else {
			left--;
		}
	}
	savina_actors_end(left);
	wrong = chameneos_verify(s, c);
	free(c);
	return wrong;
}

const struct savina_bench savina_chameneos = {
	.name = "chameneos",
	.size = { "CREATURES", "MEETINGS" },
	.small = { 10, 500 },
	.run = {
		[SAVINA_CHANNELS] = chameneos_channels,
		[SAVINA_ACTORS] = chameneos_actors,
	},
};
