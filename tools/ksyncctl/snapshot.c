// SPDX-License-Identifier: GPL-2.0
/*
 * All that /proc/ksync says, at about the same time.
 *
 * The files are read one after the other, and locks change hands meanwhile.  What
 * a chain of waiters is made of has to be true at one moment all the same.  So the
 * waiters are read twice.  Who is found in the same wait both times, by the moment
 * it began, waited all the time between; it released nothing then.  If it had, at
 * both looks, what somebody else waited for, it had that all the time, too: these
 * are the steady ones, and what is between them was all true at once.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include "ksyncctl.h"

static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n + 1, size);

	if (!p)
		errx(EXIT_NO_DATA, "there is not enough memory for %zu records", n);
	return p;
}

/* A cell that is a word of its own. */
static void copy_word(char *to, size_t size, const char *word)
{
	snprintf(to, size, "%s", word);
}

static void read_domains(struct snapshot *s, const char *dir)
{
	struct table t;
	struct domain *d;
	size_t i;

	table_read(&t, dir, "domains");
	s->domains = allocate(t.rows, sizeof(*s->domains));
	for (i = 0; i < t.rows; i++) {
		d = &s->domains[i];
		d->serial = table_number(&t, i, table_column(&t, "serial"), 0);
		d->objects = table_number(&t, i, table_column(&t, "objects"), 0);
		d->threads = table_number(&t, i, table_column(&t, "threads"), 0);
		d->waiters = table_number(&t, i, table_column(&t, "waiters"), 0);
		d->pid = table_number(&t, i, table_column(&t, "pid"), NOBODY);
		table_text(&t, i, table_column(&t, "comm"), d->comm, sizeof(d->comm));
	}
	s->nr_domains = t.rows;
	table_free(&t);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* They are in the order of their objects. */
static int compare_targets(const void *a, const void *b)
{
	const struct waiter *x = a, *y = b;
	const int ret = compare_numbers(x->domain, y->domain);

	return ret ? ret : compare_numbers(x->object, y->object);
}

static bool is_waited_for(const struct snapshot *s, const struct object *o)
{
	const struct waiter key = { .domain = o->domain, .object = o->id };

	return bsearch(&key, s->waiters, s->nr_waiters, sizeof(key), compare_targets);
}

static bool is_idle(const struct snapshot *s, const struct object *o)
{
	return !o->waiters && o->owner.handle == NOBODY && o->readers <= 0 &&
	       !o->name[0] && !is_waited_for(s, o);
}

static void read_objects(struct snapshot *s, const char *dir, unsigned int flags)
{
	struct table t;
	struct object *o;
	size_t i;

	table_read(&t, dir, "objects");
	s->objects = allocate(t.rows, sizeof(*s->objects));
	for (i = 0; i < t.rows; i++) {
		o = &s->objects[s->nr_objects];
		memset(o, 0, sizeof(*o));
		o->domain = table_number(&t, i, table_column(&t, "domain"), 0);
		o->id = table_number(&t, i, table_column(&t, "id"), 0);
		copy_word(o->kind, sizeof(o->kind),
			  table_cell(&t, i, table_column(&t, "kind")));
		o->word = table_number(&t, i, table_column(&t, "word"), 0);
		o->owner.handle = table_number(&t, i, table_column(&t, "owner"), NOBODY);
		o->owner.pid = table_number(&t, i, table_column(&t, "pid"), NOBODY);
		o->owner.tgid = NOBODY;
		table_text(&t, i, table_column(&t, "comm"), o->owner.comm,
			   sizeof(o->owner.comm));
		o->waiters = table_number(&t, i, table_column(&t, "waiters"), 0);
		o->readers = table_number(&t, i, table_column(&t, "readers"), -1);
		table_text(&t, i, table_column(&t, "name"), o->name, sizeof(o->name));
		if (flags & SNAPSHOT_IDLE || !is_idle(s, o))
			s->nr_objects++;
	}
	table_free(&t);
}

static void read_threads(struct snapshot *s, const char *dir)
{
	struct table *t = &s->thread_table;
	struct thread *th;
	size_t i;

	table_read(t, dir, "threads");
	s->threads = allocate(t->rows, sizeof(*s->threads));
	for (i = 0; i < t->rows; i++) {
		th = &s->threads[i];
		th->domain = table_number(t, i, table_column(t, "domain"), 0);
		th->who.handle = table_number(t, i, table_column(t, "handle"), NOBODY);
		th->who.pid = table_number(t, i, table_column(t, "pid"), NOBODY);
		th->who.tgid = table_number(t, i, table_column(t, "tgid"), NOBODY);
		table_text(t, i, table_column(t, "comm"), th->who.comm,
			   sizeof(th->who.comm));
		copy_word(th->who.sched, sizeof(th->who.sched),
			  table_cell(t, i, table_column(t, "sched")));
		th->reads = table_cell(t, i, table_column(t, "reads"));
	}
	s->nr_threads = t->rows;
}

static void read_waiter(struct waiter *w, const struct table *t, size_t i)
{
	w->domain = table_number(t, i, table_column(t, "domain"), 0);
	w->object = table_number(t, i, table_column(t, "object"), 0);
	copy_word(w->kind, sizeof(w->kind), table_cell(t, i, table_column(t, "kind")));
	copy_word(w->what, sizeof(w->what), table_cell(t, i, table_column(t, "for")));
	w->drains = !strcmp(table_cell(t, i, table_column(t, "side")), "drain");
	w->watches = !strcmp(table_cell(t, i, table_column(t, "side")), "watch");
	w->who.pid = table_number(t, i, table_column(t, "pid"), NOBODY);
	w->who.tgid = table_number(t, i, table_column(t, "tgid"), NOBODY);
	w->who.handle = table_number(t, i, table_column(t, "handle"), NOBODY);
	table_text(t, i, table_column(t, "comm"), w->who.comm, sizeof(w->who.comm));
	copy_word(w->who.sched, sizeof(w->who.sched),
		  table_cell(t, i, table_column(t, "sched")));
	w->since = table_number(t, i, table_column(t, "since"), 0);
	w->waited = table_number(t, i, table_column(t, "waited"), 0);
	w->deadline = table_number(t, i, table_column(t, "deadline"), -1);
	copy_word(w->clock, sizeof(w->clock), table_cell(t, i, table_column(t, "clock")));
	w->owner.pid = table_number(t, i, table_column(t, "owner_pid"), NOBODY);
	w->owner.tgid = NOBODY;
	w->owner.handle = table_number(t, i, table_column(t, "owner"), NOBODY);
	table_text(t, i, table_column(t, "owner_comm"), w->owner.comm,
		   sizeof(w->owner.comm));
}

/* Who waits for many locks is in the queue of one, and watches that one too. */
static bool is_told_already(const struct waiter *first, const struct waiter *w)
{
	const struct waiter *x;

	if (!w->watches)
		return false;
	for (x = w; x-- > first && x->domain == w->domain && x->object == w->object;)
		if (x->who.pid == w->who.pid && !x->watches)
			return true;
	return false;
}

static struct waiter *read_waiters(const char *dir, size_t *n)
{
	struct waiter *waiters;
	struct table t;
	size_t i;

	table_read(&t, dir, "waiters");
	waiters = allocate(t.rows, sizeof(*waiters));
	*n = 0;
	for (i = 0; i < t.rows; i++) {
		read_waiter(&waiters[*n], &t, i);
		if (!is_told_already(waiters, &waiters[*n]))
			++*n;
	}
	table_free(&t);
	return waiters;
}

/* By the wait: a thread begins one at a time. */
static int compare_waits(const void *a, const void *b)
{
	const struct waiter *x = a, *y = b;
	int ret = compare_numbers(x->domain, y->domain);

	if (!ret)
		ret = compare_numbers(x->object, y->object);
	if (!ret)
		ret = compare_numbers(x->since, y->since);
	return ret ? ret : compare_numbers(x->who.pid, y->who.pid);
}

static void mark_steady(struct snapshot *s, struct waiter *before, size_t n)
{
	const struct waiter *old;
	struct waiter *w;

	qsort(before, n, sizeof(*before), compare_waits);
	for (w = s->waiters; w < s->waiters + s->nr_waiters; w++) {
		old = bsearch(w, before, n, sizeof(*before), compare_waits);
		w->steady = old;
		w->owner_steady = old && old->owner.pid == w->owner.pid &&
			old->owner.handle == w->owner.handle;
	}
}

static int compare_threads(const void *a, const void *b)
{
	const struct thread *x = a, *y = b;
	const int ret = compare_numbers(x->domain, y->domain);

	return ret ? ret : compare_numbers(x->who.handle, y->who.handle);
}

/* What the owners' priorities are is told with the threads. */
static void find_priority(const struct snapshot *s, struct who *who, uint64_t domain)
{
	const struct thread key = { .domain = domain, .who = { .handle = who->handle } };
	const struct thread *t;

	t = bsearch(&key, s->threads, s->nr_threads, sizeof(key), compare_threads);
	if (!t || t->who.pid != who->pid)
		return;
	memcpy(who->sched, t->who.sched, sizeof(who->sched));
	who->tgid = t->who.tgid;
}

void snapshot_read(struct snapshot *s, const char *dir, unsigned int flags)
{
	struct waiter *before;
	struct waiter *w;
	size_t n;

	memset(s, 0, sizeof(*s));
	s->live = !strcmp(dir, PROC_DIR);
	read_domains(s, dir);
	before = read_waiters(dir, &n);
	read_threads(s, dir);
	s->waiters = read_waiters(dir, &s->nr_waiters);
	read_objects(s, dir, flags);
	mark_steady(s, before, n);
	free(before);
	for (w = s->waiters; w < s->waiters + s->nr_waiters; w++)
		find_priority(s, &w->owner, w->domain);
}

static int compare_objects(const void *a, const void *b)
{
	const struct object *x = a, *y = b;
	const int ret = compare_numbers(x->domain, y->domain);

	return ret ? ret : compare_numbers(x->id, y->id);
}

const struct object *snapshot_object(const struct snapshot *s, uint64_t domain, uint32_t id)
{
	const struct object key = { .domain = domain, .id = id };

	return bsearch(&key, s->objects, s->nr_objects, sizeof(key), compare_objects);
}

bool thread_reads(const struct thread *t, uint32_t id)
{
	const char *p = t->reads;
	char *end;

	if (!strcmp(p, "-"))
		return false;
	for (; *p; p = *end ? end + 1 : end)
		if (strtoul(p, &end, 10) == id)
			return true;
		else if (end == p)
			return false;
	return false;
}

bool kind_is_owned(const char *kind)
{
	return !strcmp(kind, "mutex") || !strcmp(kind, "spin") || !strcmp(kind, "rwlock") ||
	       !strcmp(kind, "busted");
}

/* Threads of other pid namespaces have no pid here, but a handle. */
bool same_thread(const struct who *a, uint64_t domain_a, const struct who *b, uint64_t domain_b)
{
	if (a->pid > 0 || b->pid > 0)
		return a->pid == b->pid;
	return a->pid == b->pid && a->pid != NOBODY && domain_a == domain_b &&
	       a->handle == b->handle && a->handle != NOBODY;
}
