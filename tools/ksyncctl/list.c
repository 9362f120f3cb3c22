// SPDX-License-Identifier: GPL-2.0
/*
 * ksyncctl list: domains, their objects, and who waits for each.
 *
 * There may be a million lines: they are made twice, to learn how wide the columns
 * are, and to print them.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <linux/ksync.h>
#include "ksyncctl.h"

#define COLUMNS	6

/**
 * struct line - the cells of one line
 * @cell: text; empty ones at the end are not printed
 */
struct line {
	char cell[COLUMNS][TEXT_MAX];
};

/**
 * struct layout - the columns of a kind of line
 * @indent: spaces before the first
 * @width: of each
 */
struct layout {
	int indent;
	int width[COLUMNS];
};

typedef void (*line_sink)(struct layout *l, const struct line *line);

static void measure(struct layout *l, const struct line *line)
{
	int i, len;

	for (i = 0; i < COLUMNS; i++) {
		len = strlen(line->cell[i]);
		if (len > l->width[i])
			l->width[i] = len;
	}
}

static void print(struct layout *l, const struct line *line)
{
	int last = COLUMNS - 1, i;

	while (last && !line->cell[last][0])
		last--;
	printf("%*s", l->indent, "");
	for (i = 0; i < last; i++)
		printf("%-*s  ", l->width[i], line->cell[i]);
	printf("%s\n", line->cell[last]);
}

#define ADD(line, i, ...)	add((line)->cell[i], TEXT_MAX, __VA_ARGS__)

static void owner_cell(struct line *line, int i, const struct object *o)
{
	const uint32_t owner = o->word & KSYNC_OWNER;

	if (o->owner.handle != NOBODY && o->owner.pid == NOBODY)
		ADD(line, i, "dead (handle %" PRId64 ")", o->owner.handle);
	else if (o->owner.handle != NOBODY)
		add_who(line->cell[i], TEXT_MAX, &o->owner);
	else if (!kind_is_owned(o->kind))
		ADD(line, i, "-");
	else if (owner == KSYNC_NOTRECOVERABLE)
		ADD(line, i, "not recoverable");
	else if (owner == KSYNC_HANDOFF)
		ADD(line, i, "being handed over");
	else if (o->word & KSYNC_OWNER_DIED)
		ADD(line, i, "died");
	else
		ADD(line, i, "-");
}

static void object_line(struct layout *l, const struct object *o, line_sink sink)
{
	struct line line = {};

	ADD(&line, 0, "%" PRIu32, o->id);
	ADD(&line, 1, "%s", o->kind);
	if (o->name[0])
		add_quoted(line.cell[2], TEXT_MAX, o->name);
	else
		ADD(&line, 2, "-");
	owner_cell(&line, 3, o);
	ADD(&line, 4, "%" PRIu32, o->waiters);
	if (o->readers >= 0)
		ADD(&line, 5, "%" PRId64, o->readers);
	else
		ADD(&line, 5, "-");
	sink(l, &line);
}

static void heading(struct layout *l, line_sink sink)
{
	const struct line line = {
		.cell = { "OBJECT", "KIND", "NAME", "OWNER", "WAITING", "READERS" },
	};

	sink(l, &line);
}

static void deadline_cell(struct line *line, int i, const struct waiter *w)
{
	const bool realtime = !strcmp(w->clock, "realtime");
	struct timespec ts;
	int64_t now;

	if (w->deadline < 0)
		return;
	clock_gettime(realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * 1000000000LL + ts.tv_nsec;
	if (w->deadline <= now) {
		ADD(line, i, "its deadline has passed");
		return;
	}
	ADD(line, i, "gives up in ");
	add_duration(line->cell[i], TEXT_MAX, w->deadline - now);
}

static void waiter_line(struct layout *l, const struct waiter *w, line_sink sink)
{
	struct who who = w->who;
	struct line line = {};

	who.sched[0] = '\0';
	add_who(line.cell[0], TEXT_MAX, &who);
	ADD(&line, 1, "%s", w->who.sched);
	ADD(&line, 2, "has waited ");
	add_duration(line.cell[2], TEXT_MAX, w->waited);
	ADD(&line, 3, strcmp(w->what, "wait") ? "to %s%s" : "for it%s%s",
	    strcmp(w->what, "wait") ? w->what : "",
	    w->drains ? ", when readers leave" : w->watches ? ", or another" : "");
	deadline_cell(&line, 4, w);
	sink(l, &line);
}

/* Objects and waiters are in the same order. */
static void lines(const struct snapshot *s, uint64_t domain, struct layout *objects,
		  struct layout *waiters, line_sink sink)
{
	const struct waiter *w = s->waiters, *end = w + s->nr_waiters;
	const struct object *o;
	size_t i;

	heading(objects, sink);
	while (w < end && w->domain < domain)
		w++;
	for (i = 0; i < s->nr_objects; i++) {
		o = &s->objects[i];
		if (o->domain != domain)
			continue;
		object_line(objects, o, sink);
		while (w < end && w->domain == domain && w->object < o->id)
			w++;
		for (; w < end && w->domain == domain && w->object == o->id; w++)
			waiter_line(waiters, w, sink);
	}
}

static bool has_objects(const struct snapshot *s, uint64_t domain)
{
	size_t i;

	for (i = 0; i < s->nr_objects; i++)
		if (s->objects[i].domain == domain)
			return true;
	return false;
}

static const char *plural(uint32_t n)
{
	return n == 1 ? "" : "s";
}

static void list_domain(const struct snapshot *s, const struct domain *d)
{
	struct layout objects = { .indent = 2 }, waiters = { .indent = 10 };
	char opener[TEXT_MAX] = "";

	add_plain(opener, sizeof(opener), d->comm);
	if (d->pid == NOBODY)
		add(opener, sizeof(opener), " (which has ended)");
	else if (d->pid > 0)
		add(opener, sizeof(opener), " (pid %" PRId64 ")", d->pid);
	printf("domain %" PRIu64 ", opened by %s: %" PRIu32 " object%s, %" PRIu32
	       " thread%s, %" PRIu32 " waiting\n", d->serial, opener, d->objects,
	       plural(d->objects), d->threads, plural(d->threads), d->waiters);
	if (!has_objects(s, d->serial))
		return;
	lines(s, d->serial, &objects, &waiters, measure);
	lines(s, d->serial, &objects, &waiters, print);
}

int list(const struct snapshot *s, uint64_t domain)
{
	size_t i, shown = 0;

	for (i = 0; i < s->nr_domains; i++)
		if (!domain || s->domains[i].serial == domain) {
			list_domain(s, &s->domains[i]);
			shown++;
		}
	if (domain && !shown)
		fprintf(stderr, "ksyncctl: there is no domain %" PRIu64 "\n", domain);
	return domain && !shown ? EXIT_NO_PROCESS : EXIT_DONE;
}
