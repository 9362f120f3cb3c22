// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
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

/* A record begins with "unreferenced object"; its backtrace names the module. */
int leak_count(void)
{
	char line[256], head[256] = "";
	int lost = 0, ret = scan();
	FILE *f;

	if (ret)
		return ret;
	f = fopen(KMEMLEAK, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "unreferenced object", 19)) {
			strcpy(head, line);
		} else if (strstr(line, "[ksync]") && head[0]) {
			fprintf(stderr, "# %s# %s", head, line);
			head[0] = '\0';
			lost++;
		}
	}
	fclose(f);
	return lost;
}
