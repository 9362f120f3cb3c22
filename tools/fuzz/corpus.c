// SPDX-License-Identifier: GPL-2.0
/*
 * Programs worth keeping: those from files, and those that made a call answer in a
 * way that had not been seen in this run.  What counts as a way is the call, what
 * is special about its arguments, and its errno.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fuzz.h"

#define TEXT_MAX	(MAX_CALLS * 512 + 64)

/* Return: whether it is new. */
static bool see(uint64_t what)
{
	const uint64_t h = dice(&what) & ((1 << SEEN_BITS) - 1);
	const uint8_t bit = 1U << (h & 7);

	if (atomic_load_explicit(&sh->seen[h >> 3], memory_order_relaxed) & bit)
		return false;
	return !(atomic_fetch_or(&sh->seen[h >> 3], bit) & bit);
}

/* Return: whether its gist is new; that which only looks new is counted. */
bool corpus_note(const struct exec *x, uint32_t op, long ret)
{
	const uint64_t h = (uint64_t)op << 48 ^ (uint64_t)(ret < 0 ? -ret : 0) << 32;

	if (!see(h ^ x->shape))
		return false;
	atomic_fetch_add(&sh->triples, 1);
	return see((h ^ x->gist) + 1);
}

/* Whoever holds it may be killed: then nothing is added any more, and no harm done. */
static bool corpus_lock(void)
{
	int free = 0;

	return atomic_compare_exchange_strong(&sh->corpus_lock, &free, getpid());
}

void corpus_add(const struct program *p)
{
	uint32_t i;

	if (*p->name == 'c' && !strchr(p->name, '.'))
		return;
	if (sh->corpus_nr >= CORPUS_MAX || !corpus_lock())
		return;
	i = sh->corpus_nr;
	if (i < CORPUS_MAX) {
		sh->corpus[i] = *p;
		atomic_store(&sh->corpus_nr, i + 1);
	}
	atomic_store(&sh->corpus_lock, 0);
}

/* A killed process's lock is opened again by the keeper. */
void corpus_say(void)
{
	const int owner = sh->corpus_lock;

	if (owner && kill(owner, 0))
		atomic_compare_exchange_strong(&sh->corpus_lock, &(int){ owner }, 0);
}

static bool load(const char *path, struct program *p)
{
	static char text[TEXT_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return false;
	text[n] = '\0';
	return text_parse(p, text);
}

static int is_program(const struct dirent *d)
{
	const size_t n = strlen(d->d_name);

	return n > 5 && !strcmp(d->d_name + n - 5, ".prog");
}

/* One file, or all of a directory, by name. Return: how many; or -1, having said why. */
int corpus_load(const char *dir)
{
	struct dirent **list;
	char path[4096];
	int i, n = scandir(dir, &list, is_program, alphasort);
	bool good = true;

	if (n < 0) {
		fprintf(stderr, "fuzz: cannot read the corpus in %s.\n", dir);
		return -1;
	}
	for (i = 0; i < n && sh->corpus_nr < CORPUS_MAX; i++) {
		struct program *p = &sh->corpus[sh->corpus_nr];

		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		if (!load(path, p)) {
			fprintf(stderr, "fuzz: %s is no program.\n", path);
			good = false;
			continue;
		}
		snprintf(p->name, sizeof(p->name), "c%u", sh->corpus_nr++);
		free(list[i]);
	}
	free(list);
	sh->replayed = sh->corpus_nr;
	return good ? n : -1;
}

/* Those that were found. */
void corpus_save(const char *dir)
{
	static char text[TEXT_MAX];
	char path[4096];
	uint32_t i;
	FILE *f;

	for (i = sh->replayed; i < sh->corpus_nr; i++) {
		snprintf(path, sizeof(path), "%s/%llu-%s.prog", dir,
			 (unsigned long long)sh->seed, sh->corpus[i].name);
		f = fopen(path, "w");
		if (!f) {
			fprintf(stderr, "fuzz: cannot write %s.\n", path);
			return;
		}
		text_print(&sh->corpus[i], text, sizeof(text));
		fputs(text, f);
		fclose(f);
	}
}
