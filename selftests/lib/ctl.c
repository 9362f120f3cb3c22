// SPDX-License-Identifier: GPL-2.0
/* Running ksyncctl: see ctl.h. */
#include <errno.h>
#include <fnmatch.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ctl.h"

/* The tests are in selftests/ of the build, the program in bin/. */
static int find_program(void)
{
	char path[PATH_MAX], *dir;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);

	if (n < 0)
		return -errno;
	path[n] = '\0';
	dir = dirname(path);
	strcat(dir, "/../bin/ksyncctl");
	return setenv("ksyncctl", dir, 1) ? -errno : 0;
}

static void cut(struct ctl *c)
{
	char *rest = c->text, *line;

	c->lines = 0;
	while ((line = strsep(&rest, "\n")))
		if ((rest || *line) && c->lines < CTL_LINES)
			c->line[c->lines++] = line;
}

static int take(struct ctl *c, FILE *f)
{
	size_t n = fread(c->text, 1, sizeof(c->text) - 1, f);

	c->text[n] = '\0';
	cut(c);
	return ferror(f) ? -EIO : 0;
}

int ctl_run(struct ctl *c, const char *format, ...)
{
	char command[1024] = "exec 2>&1; ";
	const size_t len = strlen(command);
	va_list args;
	int ret, status;
	FILE *f;

	ret = find_program();
	if (ret)
		return ret;
	va_start(args, format);
	vsnprintf(command + len, sizeof(command) - len, format, args);
	va_end(args);
	f = popen(command, "re");
	if (!f)
		return -errno;
	ret = take(c, f);
	status = pclose(f);
	c->status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
	return ret;
}

int ctl_read(struct ctl *c, const char *path)
{
	FILE *f = fopen(path, "re");
	int ret;

	if (!f)
		return -errno;
	c->status = 0;
	ret = take(c, f);
	fclose(f);
	return ret;
}

static bool matches(const char *line, const char *format, va_list args)
{
	char pattern[1024];

	vsnprintf(pattern, sizeof(pattern), format, args);
	return !fnmatch(pattern, line, FNM_NOESCAPE);
}

size_t ctl_count(const struct ctl *c, const char *format, ...)
{
	va_list args;
	size_t i, n = 0;

	for (i = 0; i < c->lines; i++) {
		va_start(args, format);
		n += matches(c->line[i], format, args);
		va_end(args);
	}
	return n;
}

bool ctl_matches(const struct ctl *c, size_t n, const char *format, ...)
{
	va_list args;
	bool is;

	va_start(args, format);
	is = n < c->lines && matches(c->line[n], format, args);
	va_end(args);
	if (!is)
		ctl_dump(c);
	return is;
}

const char *ctl_word(const char *line, size_t n)
{
	static char word[512];
	size_t len;

	while (n-- && line)
		line = (line = strchr(line, ' ')) ? line + 1 : NULL;
	if (!line)
		return "";
	len = strcspn(line, " ");
	snprintf(word, sizeof(word), "%.*s", (int)len, line);
	return word;
}

void ctl_dump(const struct ctl *c)
{
	size_t i;

	for (i = 0; i < c->lines; i++)
		fprintf(stderr, "# %zu: %s\n", i, c->line[i]);
	fprintf(stderr, "# exit status %d\n", c->status);
}

unsigned long long ctl_domain(int fd)
{
	char path[64], line[128];
	unsigned long long serial = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (!serial && fgets(line, sizeof(line), f))
		if (sscanf(line, "ksync-domain: %llu", &serial) != 1)
			serial = 0;
	fclose(f);
	return serial;
}
