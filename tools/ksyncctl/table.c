// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a file of /proc/ksync: see ksync_proc(5).
 *
 * Columns are found by their names, so that more of them do no harm.
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ksyncctl.h"

#define FORMAT	"1"

static void *allocate(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p)
		errx(EXIT_NO_DATA, "there is not enough memory for %zu bytes", size);
	return p;
}

static int open_file(const char *path, const char *dir)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT && !strcmp(dir, PROC_DIR))
		errx(EXIT_NO_DATA,
		     "there is no %s: the module ksync is not loaded, or too old for this program",
		     path);
	if (errno == EACCES || errno == EPERM)
		errx(EXIT_NO_DATA, "%s can be read by root alone", path);
	err(EXIT_NO_DATA, "cannot open %s", path);
}

/* All of it: its size is not known before. */
static char *read_file(const char *path, const char *dir)
{
	const int fd = open_file(path, dir);
	size_t size = 1 << 16, len = 0;
	char *text = allocate(NULL, size);
	ssize_t n;

	do {
		if (size - len < 1 << 15)
			text = allocate(text, size *= 2);
		n = read(fd, text + len, size - len - 1);
		if (n < 0 && errno != EINTR)
			err(EXIT_NO_DATA, "cannot read %s", path);
		len += n > 0 ? n : 0;
	} while (n);
	close(fd);
	text[len] = '\0';
	return text;
}

/* Cut @line at its spaces. Return: how many words; at most @max are kept. */
static size_t split(char *line, char **words, size_t max)
{
	char *word, *rest = line;
	size_t n = 0;

	while ((word = strsep(&rest, " "))) {
		if (n < max)
			words[n] = word;
		n++;
	}
	return n;
}

#define COLUMNS_MAX	64

static void read_header(struct table *t, char *line, const char *name)
{
	char *words[COLUMNS_MAX + 2];
	size_t n = line ? split(line, words, COLUMNS_MAX + 2) : 0;

	if (n < 3 || strncmp(words[0], "ksync-", 6) || strcmp(words[0] + 6, name))
		errx(EXIT_NO_DATA, "%s does not begin as such a file does", t->path);
	if (strcmp(words[1], FORMAT))
		errx(EXIT_NO_DATA, "%s has format version %s, and this program knows "
		     FORMAT " alone: it belongs to another version of ksync",
		     t->path, words[1]);
	t->nr_columns = n - 2 < COLUMNS_MAX ? n - 2 : COLUMNS_MAX;
	t->columns = allocate(NULL, t->nr_columns * sizeof(*t->columns));
	memcpy(t->columns, words + 2, t->nr_columns * sizeof(*t->columns));
}

void table_read(struct table *t, const char *dir, const char *name)
{
	char *rest, *line;
	size_t room = 0;

	memset(t, 0, sizeof(*t));
	snprintf(t->path, sizeof(t->path), "%s/%s", dir, name);
	t->text = read_file(t->path, dir);
	rest = t->text;
	read_header(t, strsep(&rest, "\n"), name);
	while ((line = strsep(&rest, "\n")) && *line) {
		if (t->rows == room) {
			room = room ? 2 * room : 64;
			t->cells = allocate(t->cells, room * t->nr_columns *
					    sizeof(*t->cells));
		}
		if (split(line, t->cells + t->rows * t->nr_columns, t->nr_columns) <
		    t->nr_columns)
			errx(EXIT_NO_DATA, "line %zu of %s has too few columns",
			     t->rows + 2, t->path);
		t->rows++;
	}
}

void table_free(struct table *t)
{
	free(t->text);
	free(t->columns);
	free(t->cells);
}

size_t table_column(const struct table *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->nr_columns; i++)
		if (!strcmp(t->columns[i], name))
			return i;
	errx(EXIT_NO_DATA, "%s has no column '%s'", t->path, name);
}

const char *table_cell(const struct table *t, size_t row, size_t column)
{
	return t->cells[row * t->nr_columns + column];
}

int64_t table_number(const struct table *t, size_t row, size_t column, int64_t none)
{
	const char *cell = table_cell(t, row, column);
	char *end;
	int64_t n;

	if (!strcmp(cell, "-"))
		return none;
	/* Deadlines need all 64 bits. */
	n = *cell == '-' ? strtoll(cell, &end, 0) : (int64_t)strtoull(cell, &end, 0);
	if (*end || end == cell)
		errx(EXIT_NO_DATA, "line %zu of %s has no number in column '%s'",
		     row + 2, t->path, t->columns[column]);
	return n;
}

static bool is_octal(const char *p)
{
	return p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
	       p[3] >= '0' && p[3] <= '7';
}

void table_text(const struct table *t, size_t row, size_t column, char *to, size_t size)
{
	const char *p = table_cell(t, row, column);

	if (!strcmp(p, "-"))
		p = "";
	while (*p && size > 1) {
		if (is_octal(p)) {
			*to++ = (p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0');
			p += 4;
		} else {
			*to++ = *p++;
		}
		size--;
	}
	*to = '\0';
}
