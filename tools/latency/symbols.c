// SPDX-License-Identifier: GPL-2.0
/* The kernel's functions by their addresses: see symbols.h. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbols.h"

static struct symbol *symbols;
static size_t count;

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static bool starts(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

static struct symbol *add(void)
{
	static size_t room;

	if (count == room) {
		room = room ? room * 2 : 65536;
		symbols = realloc(symbols, room * sizeof(*symbols));
		if (!symbols)
			err(1, "symbols");
	}
	return &symbols[count++];
}

/* "ffffffff81000000 T name", and a tab and "[module]". */
static void line(const char *text)
{
	char type, name[128], module[64] = "";
	unsigned long long address;
	struct symbol *s;

	if (sscanf(text, "%llx %c %127s %63s", &address, &type, name, module) < 3)
		return;
	if (type != 't' && type != 'T')
		return;
	s = add();
	s->address = address;
	s->ours = !strcmp(module, "[ksync]");
	s->interrupt = starts(name, "irqentry_") || starts(name, "asm_") ||
		       starts(name, "sysvec_") || starts(name, "common_interrupt");
	snprintf(s->name, sizeof(s->name), "%.47s", name);
}

void symbols_read(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char text[512];

	if (!f)
		err(1, "/proc/kallsyms");
	while (fgets(text, sizeof(text), f))
		line(text);
	fclose(f);
	qsort(symbols, count, sizeof(*symbols), by_address);
	if (!count || !symbols[count - 1].address)
		errx(1, "/proc/kallsyms shows no addresses: run this as root");
}

const struct symbol *symbol_at(uint64_t address)
{
	size_t low = 0, high = count, mid;

	while (high - low > 1) {
		mid = (low + high) / 2;
		if (symbols[mid].address <= address)
			low = mid;
		else
			high = mid;
	}
	return &symbols[low];
}

uint64_t symbol_address(const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(symbols[i].name, name))
			return symbols[i].address;
	errx(1, "the kernel has no function %s", name);
}
