// SPDX-License-Identifier: GPL-2.0
/*
 * Tables of words in memory that processes may share.  A table is changed by
 * one task at a time; that is the caller's business.
 */
#include <sys/mman.h>
#include "index.h"

#define FIRST_SIZE	64
#define PIECE		65536

void arena_init(struct arena *a, size_t size, int flags)
{
	a->base = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (a->base == MAP_FAILED)
		err(1, "no memory for the index");
	a->size = size;
	a->used = 0;
}

static void *arena_take(struct arena *a, size_t size)
{
	size_t at = __atomic_fetch_add(&a->used, size, __ATOMIC_RELAXED);

	if (at + size > a->size)
		errx(1, "the index does not fit in %zu MiB; choose less text",
		     a->size >> 20);
	return a->base + at;
}

/* From the table's own piece, so that the arena is rarely asked. */
static void *take(struct table *t, size_t size)
{
	void *p;

	size = (size + 7) & ~(size_t)7;
	if (size > PIECE / 4)
		return arena_take(t->arena, size);
	if (size > t->left) {
		t->piece = arena_take(t->arena, PIECE);
		t->left = PIECE;
	}
	p = t->piece;
	t->piece += size;
	t->left -= size;
	return p;
}

static void make_buckets(struct table *t, uint32_t size)
{
	t->size = size;
	t->buckets = take(t, size * sizeof(*t->buckets));
	memset(t->buckets, 0, size * sizeof(*t->buckets));
}

void table_init(struct table *t, struct arena *a)
{
	memset(t, 0, sizeof(*t));
	t->arena = a;
	make_buckets(t, FIRST_SIZE);
}

static struct word **bucket(const struct table *t, uint32_t hash)
{
	return &t->buckets[hash & (t->size - 1)];
}

static void link_word(struct table *t, struct word *w)
{
	struct word **b = bucket(t, w->hash);

	w->next = *b;
	*b = w;
}

static void grow(struct table *t)
{
	struct word **old = t->buckets, *w, *next;
	uint32_t i, size = t->size;

	make_buckets(t, 4 * size);
	for (i = 0; i < size; i++) {
		for (w = old[i]; w; w = next) {
			next = w->next;
			link_word(t, w);
		}
	}
}

struct word *table_find(const struct table *t, const char *text, size_t len,
			uint32_t hash)
{
	struct word *w;

	for (w = *bucket(t, hash); w; w = w->next)
		if (w->hash == hash && w->len == len &&
		    !memcmp(w->text, text, len))
			return w;
	return NULL;
}

/* All words: the one after @w, the first one after NULL. */
struct word *table_next(const struct table *t, const struct word *w)
{
	uint32_t i = 0;

	if (w && w->next)
		return w->next;
	if (w)
		i = (w->hash & (t->size - 1)) + 1;
	while (i < t->size && !t->buckets[i])
		i++;
	return i < t->size ? t->buckets[i] : NULL;
}

static struct word *make_word(struct table *t, const char *text, size_t len,
			      uint32_t hash)
{
	struct word *w;

	if (t->words++ == t->size)
		grow(t);
	w = take(t, sizeof(*w) + len);
	memset(w, 0, sizeof(*w));
	w->hash = hash;
	w->len = len;
	memcpy(w->text, text, len);
	link_word(t, w);
	return w;
}

static struct posting *make_posting(struct table *t, struct word *w,
				    uint32_t file)
{
	struct posting *p = take(t, sizeof(*p));

	p->file = file;
	p->count = 0;
	p->next = w->postings;
	w->postings = p;
	w->files++;
	return p;
}

/* Count a word once.  All words of a file come before those of the next. */
void table_add(struct table *t, const char *text, size_t len, uint32_t hash,
	       uint32_t file)
{
	struct word *w = table_find(t, text, len, hash);
	struct posting *p;

	if (!w)
		w = make_word(t, text, len, hash);
	p = w->postings;
	if (!p || p->file != file)
		p = make_posting(t, w, file);
	p->count++;
	w->count++;
}
