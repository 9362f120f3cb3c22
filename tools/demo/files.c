// SPDX-License-Identifier: GPL-2.0
/*
 * Files of text below a directory, and the words in them: letters, digits and
 * underscores, in lower case, beginning with a letter; bytes beyond ASCII count
 * as letters.  Files with a NUL near their beginning are no text.
 */
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <unistd.h>
#include "index.h"

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void *grown(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p)
		err(1, "no memory");
	return p;
}

static void add(struct files *f, const char *path, size_t size)
{
	if (!(f->count & (f->count - 1))) {
		size_t room = f->count ? 2 * f->count : 1;

		f->path = grown(f->path, room * sizeof(*f->path));
		f->size = grown(f->size, room * sizeof(*f->size));
	}
	f->path[f->count] = strdup(path);
	if (!f->path[f->count])
		err(1, "no memory");
	f->size[f->count++] = size;
	f->bytes += size;
}

/* Regular files that are not empty, hidden ones left out, up to @limit bytes. */
void files_find(struct files *f, const char *root, uint64_t limit)
{
	char *roots[2] = { (char *)root };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *e;

	memset(f, 0, sizeof(*f));
	if (!fts)
		err(1, "%s", root);
	while ((e = fts_read(fts))) {
		if (e->fts_level > 0 && e->fts_name[0] == '.')
			fts_set(fts, e, FTS_SKIP);
		else if (e->fts_info == FTS_NS || e->fts_info == FTS_DNR)
			errx(1, "%s: %s", e->fts_path, strerror(e->fts_errno));
		else if (e->fts_info == FTS_F && e->fts_statp->st_size)
			add(f, e->fts_path, e->fts_statp->st_size);
		f->more = f->bytes >= limit;
		if (f->more)
			break;
	}
	fts_close(fts);
}

static size_t read_all(int fd, char *buf, size_t size)
{
	size_t got = 0;
	ssize_t n;

	while (got < size && (n = read(fd, buf + got, size - got)) != 0) {
		if (n < 0)
			err(1, "cannot read a file");
		got += n;
	}
	return got;
}

/* The file's bytes, good until the next call; each process has its own. */
static const unsigned char *file_read(const struct files *f, uint32_t file,
				      size_t *size)
{
	static char *buf;
	static size_t room;
	int fd = open(f->path[file], O_RDONLY);

	if (fd < 0)
		err(1, "%s", f->path[file]);
	if (f->size[file] > room) {
		room = f->size[file];
		buf = grown(buf, room);
	}
	*size = read_all(fd, buf, f->size[file]);
	close(fd);
	return (unsigned char *)buf;
}

/* So that the first run does not pay for the disk, and the second is spared. */
void files_warm(const struct files *f)
{
	size_t size;

	for (uint32_t i = 0; i < f->count; i++)
		file_read(f, i, &size);
}

/* What each byte is in a word, in lower case; 0 ends a word. */
static unsigned char fold[256];

static void make_fold(void)
{
	for (int c = 0; c < 256; c++) {
		if (c >= 'A' && c <= 'Z')
			fold[c] = c + 'a' - 'A';
		else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			 c == '_' || c >= 0x80)
			fold[c] = c;
	}
}

/* One word's bytes into @text; FNV-1a into @hash. */
static size_t take_word(const unsigned char *p, const unsigned char *end,
			char *text, uint32_t *hash)
{
	size_t len = 0;

	*hash = 2166136261U;
	while (p + len < end && len < WORD_MAX && fold[p[len]]) {
		text[len] = fold[p[len]];
		*hash = (*hash ^ (unsigned char)text[len]) * 16777619U;
		len++;
	}
	*hash ^= *hash >> 15;
	return len;
}

void file_words(const struct files *f, uint32_t file, word_fn fn, void *arg)
{
	const unsigned char *p, *end;
	char text[WORD_MAX];
	uint32_t hash;
	size_t len;

	if (!fold['a'])
		make_fold();
	p = file_read(f, file, &len);
	end = p + len;
	if (memchr(p, 0, len < 4096 ? len : 4096))
		return;
	while (p < end) {
		len = take_word(p, end, text, &hash);
		if (len && (text[0] < '0' || text[0] > '9'))
			fn(arg, text, len, hash);
		p += len ? len : 1;
	}
}
