// SPDX-License-Identifier: GPL-2.0
/*
 * Index a tree of text with several processes, and check the result against a
 * plain run by one:
 *
 *	index [-t TASKS] [-m MEGABYTES] DIRECTORY
 *
 * The tasks come from clone() and share the domain and a mapping, nothing else.
 * Each takes files from a queue, sorts the words of one by shard, and adds them
 * to the shards, each under its mutex.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "index.h"

#define SHARDS		16
#define TASKS_MAX	64
#define STACK		(256 * 1024)
#define INDEX_SIZE	(8UL << 30)	/* address space, not memory */

/**
 * struct shard - the words with one value of hash % SHARDS
 * @mutex: protects @table; "shard-0" and so on
 * @table: of words
 */
struct shard {
	struct ksync_mutex mutex;
	struct table table;
};

/* In memory that the tasks share. */
struct index {
	struct arena arena;
	struct queue queue;
	struct shard shards[SHARDS];
};

static struct index *index_;
static struct files files;
static unsigned int tasks = 4;

/**
 * struct batch - the words of one file that go to one shard; private to a task
 * @bytes: for each word a struct mention and its letters
 * @used: how many bytes
 * @room: how many there are
 */
struct batch {
	char *bytes;
	size_t used;
	size_t room;
};

struct mention {
	uint32_t hash;
	uint32_t len;
};

static struct batch batches[SHARDS];

/* The high bits: the tables' buckets go by the low ones. */
static unsigned int shard_of(uint32_t hash)
{
	return hash >> 28;
}

static void note_word(void *unused, const char *text, size_t len, uint32_t hash)
{
	struct mention m = { .hash = hash, .len = len };
	struct batch *b = &batches[shard_of(hash)];

	(void)unused;
	if (b->used + sizeof(m) + len > b->room) {
		b->room = 2 * b->room + 4096;
		b->bytes = realloc(b->bytes, b->room);
		if (!b->bytes)
			err(1, "no memory");
	}
	memcpy(b->bytes + b->used, &m, sizeof(m));
	memcpy(b->bytes + b->used + sizeof(m), text, len);
	b->used += sizeof(m) + len;
}

static void add_batch(struct shard *s, const struct batch *b, uint32_t file)
{
	const char *p = b->bytes, *end = p + b->used;
	struct mention m;

	must(ksync_mutex_lock(&s->mutex), "a shard's mutex");
	while (p < end) {
		memcpy(&m, p, sizeof(m));
		p += sizeof(m);
		table_add(&s->table, p, m.len, m.hash, file);
		p += m.len;
	}
	must(ksync_mutex_unlock(&s->mutex), "a shard's mutex");
}

static void index_file(uint32_t file)
{
	for (int i = 0; i < SHARDS; i++)
		batches[i].used = 0;
	file_words(&files, file, note_word, NULL);
	for (int i = 0; i < SHARDS; i++)
		if (batches[i].used)
			add_batch(&index_->shards[i], &batches[i], file);
}

static int run_indexer(void *number)
{
	char name[16];
	uint32_t file;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(name, sizeof(name), "indexer-%u", (unsigned int)(long)number);
	prctl(PR_SET_NAME, name);
	while (queue_take(&index_->queue, &file))
		index_file(file);
	_exit(0);
}

static void make_index(struct ksync *d)
{
	char name[KSYNC_NAME_LEN];

	index_ = mmap(NULL, sizeof(*index_), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (index_ == MAP_FAILED)
		err(1, "no memory");
	arena_init(&index_->arena, INDEX_SIZE, MAP_SHARED);
	queue_init(&index_->queue, d);
	for (int i = 0; i < SHARDS; i++) {
		struct shard *s = &index_->shards[i];

		must(ksync_mutex_init(&s->mutex, d, 0), "mutex");
		snprintf(name, sizeof(name), "shard-%d", i);
		must(ksync_name(&s->mutex, name), "name");
		table_init(&s->table, &index_->arena);
	}
}

static void start_tasks(void)
{
	for (unsigned int i = 0; i < tasks; i++) {
		char *stack = malloc(STACK);

		if (!stack || clone(run_indexer, stack + STACK, SIGCHLD,
				    (void *)(long)i) < 0)
			err(1, "clone");
		free(stack);	/* the child has its own copy */
	}
}

static void await_tasks(void)
{
	int status;

	for (unsigned int i = 0; i < tasks; i++)
		if (wait(&status) < 0 || status)
			errx(1, "a task of the index failed");
}

/* Waits for a task's death would hang the queue; a dead task ends us all. */
static void on_child(int sig)
{
	static const char text[] = "index: a task died\n";
	siginfo_t info = { 0 };

	(void)sig;
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) ||
	    !info.si_pid || (info.si_code == CLD_EXITED && !info.si_status))
		return;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double run_parallel(void)
{
	double begin = now();
	uint64_t put = 0;
	int quarter = 1;

	signal(SIGCHLD, on_child);
	start_tasks();
	for (uint32_t i = 0; i < files.count; i++) {
		queue_put(&index_->queue, i);
		put += files.size[i];
		if (put * 4 >= files.bytes * quarter) {
			printf("  %u tasks: %3d%% of the text after %.1f s\n",
			       tasks, (int)(put * 100 / files.bytes),
			       now() - begin);
			fflush(stdout);
			while (put * 4 >= files.bytes * quarter)
				quarter++;
		}
	}
	queue_close(&index_->queue);
	await_tasks();
	signal(SIGCHLD, SIG_DFL);
	return now() - begin;
}

/* The plain run: one table, word by word, no locks. */
struct plain {
	struct table table;
	uint32_t file;
	uint64_t words;
};

static void count_plain(void *arg, const char *text, size_t len, uint32_t hash)
{
	struct plain *p = arg;

	p->words++;
	table_add(&p->table, text, len, hash, p->file);
}

static double run_plain(struct plain *p)
{
	static struct arena arena;
	double begin = now();

	arena_init(&arena, INDEX_SIZE, MAP_PRIVATE);
	table_init(&p->table, &arena);
	for (p->file = 0; p->file < files.count; p->file++)
		file_words(&files, p->file, count_plain, p);
	return now() - begin;
}

/* Each file once, with the same count; the order is chance. */
static bool same_postings(const struct word *a, const struct word *b,
			  uint32_t *counts)
{
	bool same = a->count == b->count && a->files == b->files;
	const struct posting *p;

	for (p = a->postings; p; p = p->next)
		counts[p->file] += p->count;
	for (p = b->postings; p; p = p->next)
		counts[p->file] -= p->count;
	for (p = a->postings; p; p = p->next)
		same &= !counts[p->file];
	for (p = b->postings; p; p = p->next)
		same &= !counts[p->file];
	for (p = a->postings; p; p = p->next)
		counts[p->file] = 0;
	for (p = b->postings; p; p = p->next)
		counts[p->file] = 0;
	return same;
}

static uint32_t compare(const struct plain *plain)
{
	uint32_t *counts = calloc(files.count, sizeof(*counts));
	uint32_t i, found = 0, wrong = 0;
	const struct word *w, *other;

	if (!counts)
		err(1, "no memory");
	for (w = table_next(&plain->table, NULL); w;
	     w = table_next(&plain->table, w)) {
		other = table_find(&index_->shards[shard_of(w->hash)].table,
				   w->text, w->len, w->hash);
		if (!other || !same_postings(w, other, counts))
			wrong++;
	}
	for (i = 0; i < SHARDS; i++)
		found += index_->shards[i].table.words;
	free(counts);
	if (found != plain->table.words)
		warnx("%u different words, and the plain run has %u",
		      found, plain->table.words);
	return wrong + (found != plain->table.words);
}

static void show_words(const struct plain *plain)
{
	const struct word *w, *top = NULL;

	for (w = table_next(&plain->table, NULL); w;
	     w = table_next(&plain->table, w))
		if (w->len > 4 && (!top || w->count > top->count))
			top = w;
	if (top)
		printf("  the most frequent longer word: \"%.*s\", %u times in %u files\n",
		       (int)top->len, top->text, top->count, top->files);
}

static int check(double parallel)
{
	static struct plain plain;
	double alone = run_plain(&plain);
	uint32_t wrong = compare(&plain);

	printf("  %u tasks %.1f s, one task alone %.1f s\n", tasks, parallel,
	       alone);
	printf("  %lu words, %u different\n", (unsigned long)plain.words,
	       plain.table.words);
	show_words(&plain);
	if (wrong) {
		printf("  WRONG: %u words differ between the two runs\n", wrong);
		return 1;
	}
	printf("  checked: counts and postings of all %u words are the same in both runs\n",
	       plain.table.words);
	return 0;
}

static uint64_t parse(int argc, char **argv)
{
	uint64_t limit = UINT64_MAX;
	int opt;

	while ((opt = getopt(argc, argv, "t:m:")) > 0) {
		if (opt == 't')
			tasks = atoi(optarg);
		else if (opt == 'm')
			limit = strtoull(optarg, NULL, 10) << 20;
		else
			exit(2);
	}
	if (optind != argc - 1 || !tasks || tasks > TASKS_MAX)
		errx(2, "usage: index [-t TASKS] [-m MEGABYTES] DIRECTORY");
	return limit;
}

int main(int argc, char **argv)
{
	uint64_t limit = parse(argc, argv);
	const char *root = argv[optind];

	setvbuf(stdout, NULL, _IOLBF, 0);
	files_find(&files, root, limit);
	if (!files.count)
		errx(1, "%s: there are no files", root);
	printf("  %u files, %.1f MB of text%s\n", files.count,
	       files.bytes / 1e6, files.more ? ", up to" : "");
	if (files.more)
		printf("  %s\n", files.path[files.count - 1]);
	printf("  reading it once, so that no run waits for the disk\n");
	files_warm(&files);
	make_index(open_domain());
	return check(run_parallel());
}
