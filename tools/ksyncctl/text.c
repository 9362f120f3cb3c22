// SPDX-License-Identifier: GPL-2.0
/*
 * How things are called.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include "ksyncctl.h"

void add(char *to, size_t size, const char *format, ...)
{
	const size_t len = strlen(to);
	va_list args;

	va_start(args, format);
	vsnprintf(to + len, size - len, format, args);
	va_end(args);
}

static bool is_plain(unsigned char c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

void add_plain(char *to, size_t size, const char *name)
{
	for (; *name; name++)
		if (is_plain(*name))
			add(to, size, "%c", *name);
		else
			add(to, size, "\\%03o", (unsigned char)*name);
}

void add_quoted(char *to, size_t size, const char *name)
{
	add(to, size, "\"");
	add_plain(to, size, name);
	add(to, size, "\"");
}

void add_duration(char *to, size_t size, uint64_t ns)
{
	const uint64_t ms = ns / 1000000, s = ms / 1000;

	if (s < 60)
		add(to, size, "%" PRIu64 ".%03" PRIu64 " s", s, ms % 1000);
	else if (s < 3600)
		add(to, size, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else
		add(to, size, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
}

void add_who(char *to, size_t size, const struct who *who)
{
	add_plain(to, size, who->comm[0] ? who->comm : "?");
	if (who->pid > 0)
		add(to, size, " (pid %" PRId64, who->pid);
	else
		add(to, size, " (in another pid namespace");
	if (who->sched[0])
		add(to, size, ", %s", who->sched);
	add(to, size, ")");
}

void add_object(char *to, size_t size, const struct snapshot *s, uint64_t domain,
		uint32_t id, const char *kind)
{
	const struct object *o = snapshot_object(s, domain, id);

	add(to, size, "%s ", kind);
	if (o && o->name[0]) {
		add_quoted(to, size, o->name);
		add(to, size, " ");
	}
	add(to, size, "(domain %" PRIu64 ", object %" PRIu32 ")", domain, id);
}
