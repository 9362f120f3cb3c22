// SPDX-License-Identifier: GPL-2.0
/*
 * ksyncctl why: from a thread that waits to those that it waits for in the end.
 *
 * A thread waits for an object, and that has one owner, or, where a writer waits
 * for readers, several: so this is a tree.  A thread that is met again is not
 * followed again, be it because the tree joins or because it is a cycle.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <linux/ksync.h>
#include "ksyncctl.h"

#define DEPTH_MAX	1024	/* more than the module lets a chain become */

/**
 * struct trail - the way from the first thread to here
 * @s: what is known
 * @wait: the waits on the way
 * @depth: how many
 * @shown: waits that were followed already, by their index
 */
struct trail {
	const struct snapshot *s;
	const struct waiter *wait[DEPTH_MAX];
	size_t depth;
	bool *shown;
};

static void follow(struct trail *t, const struct who *who, uint64_t domain,
		   const char *relation);

static void say(const struct trail *t, const char *mark, const char *text)
{
	printf("%*s%s%s\n", 2 * (int)t->depth, "", mark, text);
}

static void add_wait(char *to, const struct snapshot *s, const struct waiter *w)
{
	add(to, TEXT_MAX, " has waited ");
	add_duration(to, TEXT_MAX, w->waited);
	add(to, TEXT_MAX, strcmp(w->what, "wait") ? " to %s " : " for ", w->what);
	add_object(to, TEXT_MAX, s, w->domain, w->object, w->kind);
}

/* Nobody is registered as the owner: what does the word say? */
static void say_no_owner(struct trail *t, const struct waiter *w)
{
	const struct object *o = snapshot_object(t->s, w->domain, w->object);
	char text[TEXT_MAX] = "";

	if (!kind_is_owned(w->kind))
		add(text, sizeof(text), "a %s has no owner: nobody is known to owe it", w->kind);
	else if (o && o->owner.handle != NOBODY && o->owner.pid == NOBODY)
		add(text, sizeof(text), "its owner is dead: it is on its way to a waiter");
	else if (o && (o->word & KSYNC_OWNER) == KSYNC_NOTRECOVERABLE)
		add(text, sizeof(text), "nobody will get it any more: it is not recoverable");
	else
		add(text, sizeof(text), "nobody has it: it is on its way to a waiter");
	say(t, "-> ", text);
}

static void say_busy(struct trail *t, const struct waiter *w)
{
	char text[TEXT_MAX] = "owned by one after the other, just now by ";

	add_who(text, sizeof(text), &w->owner);
	add(text, sizeof(text), ": it is busy");
	say(t, "-> ", text);
}

/* A writer waits for one reader after the other, and for all in the end. */
static void follow_readers(struct trail *t, const struct waiter *w)
{
	const struct thread *th, *end = t->s->threads + t->s->nr_threads;
	size_t readers = 0;

	for (th = t->s->threads; th < end; th++)
		if (th->domain == w->domain && thread_reads(th, w->object)) {
			follow(t, &th->who, th->domain, "read by ");
			readers++;
		}
	if (!readers)
		say(t, "-> ", "nobody reads it any more: the writer is about to have it");
}

static void follow_wait(struct trail *t, const struct waiter *w)
{
	if (t->depth == DEPTH_MAX) {
		say(t, "-> ", "and so on, further than can be shown");
		return;
	}
	t->wait[t->depth++] = w;
	if (w->drains)
		follow_readers(t, w);
	else if (w->owner.pid == NOBODY)
		say_no_owner(t, w);
	else if (!w->owner_steady)
		say_busy(t, w);
	else
		follow(t, &w->owner, w->domain, "owned by ");
	t->depth--;
}

static bool on_trail(const struct trail *t, const struct waiter *w)
{
	size_t i;

	for (i = 0; i < t->depth; i++)
		if (t->wait[i] == w)
			return true;
	return false;
}

/* Its wait goes on one step further in. */
static void say_wait(struct trail *t, const struct waiter *w, const char *relation)
{
	char text[TEXT_MAX] = "";
	bool *shown = &t->shown[w - t->s->waiters];

	add(text, sizeof(text), "%s", relation);
	add_who(text, sizeof(text), &w->who);
	if (on_trail(t, w)) {
		add(text, sizeof(text), ", who is above: this is a cycle");
		say(t, "-> ", text);
		return;
	}
	if (*relation)
		add(text, sizeof(text), ", who");
	add_wait(text, t->s, w);
	if (*shown)
		add(text, sizeof(text), ": see above");
	say(t, "", text);
	if (*shown)
		return;
	*shown = true;
	follow_wait(t, w);
}

static void say_leaf(struct trail *t, const struct who *who, const char *relation)
{
	char text[TEXT_MAX] = "";

	add(text, sizeof(text), "%s", relation);
	add_who(text, sizeof(text), who);
	add(text, sizeof(text), ": ");
	state_of(t->s, who->pid, text, sizeof(text));
	say(t, "-> ", text);
}

/* @who is waited for: does it wait itself? */
static void follow(struct trail *t, const struct who *who, uint64_t domain,
		   const char *relation)
{
	const struct waiter *w, *end = t->s->waiters + t->s->nr_waiters;
	bool waits = false;

	for (w = t->s->waiters; w < end; w++)
		if (w->steady && same_thread(&w->who, w->domain, who, domain)) {
			say_wait(t, w, relation);
			waits = true;
		}
	if (!waits)
		say_leaf(t, who, relation);
}

static int not_waiting(const struct snapshot *s, int64_t pid, bool moments)
{
	char text[TEXT_MAX] = "";

	if (moments) {
		fprintf(stderr, "ksyncctl: no wait of process or thread %" PRId64
			" lasts from one look to the next: what it waits for is busy, not stuck\n",
			pid);
		return EXIT_NOT_WAITING;
	}
	if (s->live && !process_exists(pid)) {
		fprintf(stderr, "ksyncctl: there is no process or thread %" PRId64 "\n", pid);
		return EXIT_NO_PROCESS;
	}
	state_of(s, pid, text, sizeof(text));
	fprintf(stderr, "ksyncctl: %" PRId64 " does not wait for anything of ksync; it is %s\n",
		pid, text);
	return EXIT_NOT_WAITING;
}

/* All threads of a process, or one thread. */
int why(const struct snapshot *s, int64_t pid)
{
	const struct waiter *w, *end = s->waiters + s->nr_waiters;
	struct trail *t = calloc(1, sizeof(*t));
	bool moments = false, waits = false;

	if (t)
		t->shown = calloc(s->nr_waiters + 1, sizeof(*t->shown));
	if (!t || !t->shown) {
		fputs("ksyncctl: there is not enough memory\n", stderr);
		return EXIT_NO_DATA;
	}
	t->s = s;
	for (w = s->waiters; w < end; w++) {
		if (w->who.pid != pid && w->who.tgid != pid)
			continue;
		moments |= !w->steady;
		if (!w->steady || t->shown[w - s->waiters])
			continue;
		say_wait(t, w, "");
		waits = true;
	}
	free(t->shown);
	free(t);
	return waits ? EXIT_DONE : not_waiting(s, pid, moments);
}
