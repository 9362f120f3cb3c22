// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leak.h"

#define KMEMLEAK "/sys/kernel/debug/kmemleak"

const char *leak_missing(void)
{
	return access(KMEMLEAK, R_OK | W_OK) ? "this kernel has no kmemleak" : NULL;
}

/* Something is lost once two scans have not found it. */
static int scan(void)
{
	FILE *f;
	int i;

	for (i = 0; i < 2; i++) {
		f = fopen(KMEMLEAK, "we");
		if (!f)
			return -errno;
		fputs("scan", f);
		if (fclose(f))
			return -errno;
	}
	return 0;
}

/**
 * struct record - of one lost object, as it is read
 * @head: its first line; empty: there is none
 * @frame: the first line of its backtrace that names the module; empty: none does
 * @known: its backtrace has what the caller knows of
 */
struct record {
	char head[256];
	char frame[256];
	bool known;
};

static int end(struct record *r)
{
	const bool lost = r->frame[0] && !r->known;

	if (lost)
		fprintf(stderr, "# %s# %s", r->head, r->frame);
	memset(r, 0, sizeof(*r));
	return lost;
}

/* A record begins with "unreferenced object"; its backtrace names the module. */
int leak_count_but(const char *function)
{
	struct record r = {};
	char line[256];
	int lost = 0, ret = scan();
	FILE *f;

	if (ret)
		return ret;
	f = fopen(KMEMLEAK, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "unreferenced object", 19)) {
			lost += end(&r);
			strcpy(r.head, line);
		} else if (strstr(line, "[ksync]") && !r.frame[0]) {
			strcpy(r.frame, line);
		} else if (function && strstr(line, function)) {
			r.known = true;
		}
	}
	fclose(f);
	return lost + end(&r);
}

int leak_count(void)
{
	return leak_count_but(NULL);
}

int leak_forget(void)
{
	FILE *f = fopen(KMEMLEAK, "we");

	if (!f)
		return -errno;
	fputs("clear", f);
	return fclose(f) ? -errno : 0;
}
