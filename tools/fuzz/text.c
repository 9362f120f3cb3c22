// SPDX-License-Identifier: GPL-2.0
/*
 * Programs as text: a call a line, its arguments as name=value in hexadecimal; what
 * is not given is 0.  Lines with # are comments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

static int print_call(const struct call *c, char *to, size_t size)
{
	const struct op *op = &ops[c->op];
	int n = snprintf(to, size, "%s", op->name);
	unsigned int i;

	for (i = 0; i < op->nr_args; i++)
		if (c->arg[i])
			n += snprintf(to + n, size - n, " %s=0x%llx", op->args[i].name,
				      (unsigned long long)c->arg[i]);
	n += snprintf(to + n, size - n, "\n");
	return n;
}

/* @size: enough for MAX_CALLS lines of 512. Return: the length. */
int text_print(const struct program *p, char *to, size_t size)
{
	int n = snprintf(to, size, "# program %s\n", p->name);
	uint32_t i;

	for (i = 0; i < p->n && size - n > 512; i++)
		n += print_call(&p->call[i], to + n, size - n);
	return n;
}

static bool parse_arg(struct call *c, char *word)
{
	const struct op *op = &ops[c->op];
	char *value = strchr(word, '=');
	unsigned int i;

	if (!value)
		return false;
	*value++ = '\0';
	for (i = 0; i < op->nr_args; i++) {
		if (!strcmp(op->args[i].name, word)) {
			c->arg[i] = strtoull(value, &value, 0);
			return !*value;
		}
	}
	return false;
}

static bool parse_call(struct call *c, char *line)
{
	char *save, *word = strtok_r(line, " \t", &save);

	memset(c, 0, sizeof(*c));
	while (c->op < nr_ops && strcmp(ops[c->op].name, word))
		c->op++;
	if (c->op == nr_ops)
		return false;
	while ((word = strtok_r(NULL, " \t", &save)))
		if (!parse_arg(c, word))
			return false;
	return true;
}

/* Return: false: it is no program. */
bool text_parse(struct program *p, const char *text)
{
	char *copy = strdup(text), *save, *line;
	bool good = copy;

	p->n = 0;
	line = copy ? strtok_r(copy, "\n", &save) : NULL;
	for (; line && good; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		good = p->n < MAX_CALLS && parse_call(&p->call[p->n++], line);
	}
	free(copy);
	return good && p->n;
}
