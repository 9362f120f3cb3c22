/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parallel index of the demo: which words are in a tree of text, how often,
 * and in which files.
 *
 *	files.c		find files, cut them into words
 *	table.c		words and their postings; knows nothing of tasks
 *	queue.c		a queue of work, on a mutex and two waitqs
 *	index.c		tasks, shards, and the check against a plain run
 */
#ifndef KSYNC_DEMO_INDEX_H
#define KSYNC_DEMO_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tools.h>

#define WORD_MAX	64

/* files.c */

/**
 * struct files - what is indexed, in the order of names
 * @path: of each
 * @size: of each; what a file grows by later is not read
 * @count: how many
 * @bytes: sum of @size
 * @more: the limit of bytes left some out
 */
struct files {
	char **path;
	size_t *size;
	uint32_t count;
	uint64_t bytes;
	bool more;
};

void files_find(struct files *f, const char *root, uint64_t limit);
void files_warm(const struct files *f);

typedef void (*word_fn)(void *arg, const char *text, size_t len, uint32_t hash);

void file_words(const struct files *f, uint32_t file, word_fn fn, void *arg);

/* table.c */

/**
 * struct arena - memory to be taken piece by piece, and given back at once
 * @base: from mmap()
 * @size: how much
 * @used: so far; tasks take from it without a lock
 */
struct arena {
	char *base;
	size_t size;
	size_t used;
};

/* @flags: MAP_SHARED, for cloned processes too, or MAP_PRIVATE */
void arena_init(struct arena *a, size_t size, int flags);

struct posting {
	struct posting *next;
	uint32_t file;
	uint32_t count;
};

struct word {
	struct word *next;
	struct posting *postings;
	uint32_t hash;
	uint32_t count;
	uint32_t files;
	uint32_t len;
	char text[];
};

/**
 * struct table - words; nothing here is locked
 * @arena: where memory comes from
 * @buckets: chains of words, by hash
 * @size: how many buckets, a power of two
 * @words: how many different words
 * @piece: what is left of the last piece taken from @arena
 * @left: how much that is
 */
struct table {
	struct arena *arena;
	struct word **buckets;
	uint32_t size;
	uint32_t words;
	char *piece;
	size_t left;
};

void table_init(struct table *t, struct arena *a);
void table_add(struct table *t, const char *text, size_t len, uint32_t hash,
	       uint32_t file);
struct word *table_find(const struct table *t, const char *text, size_t len,
			uint32_t hash);

struct word *table_next(const struct table *t, const struct word *w);

/* queue.c */

#define QUEUE_SLOTS	64

/**
 * struct queue - numbers of files, from one task to many
 * @mutex: protects all below, "queue"
 * @items: its word changes when something is put in; "items"
 * @slots: its word changes when something is taken out; "slots"
 * @put: how many were put in
 * @taken: how many were taken out
 * @closed: nothing will be put in any more
 * @ring: the numbers between
 */
struct queue {
	struct ksync_mutex mutex;
	struct ksync_waitq items;
	struct ksync_waitq slots;
	uint32_t put;
	uint32_t taken;
	bool closed;
	uint32_t ring[QUEUE_SLOTS];
};

void queue_init(struct queue *q, struct ksync *d);
void queue_put(struct queue *q, uint32_t file);
void queue_close(struct queue *q);
bool queue_take(struct queue *q, uint32_t *file);

#endif /* KSYNC_DEMO_INDEX_H */
