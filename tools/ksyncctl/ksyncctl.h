/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ksyncctl: what the files of /proc/ksync say, for people.
 */
#ifndef KSYNCCTL_H
#define KSYNCCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PRINTF(...)	__attribute__((format(printf, __VA_ARGS__)))

/* What it exits with; also in ksyncctl(8). */
enum { EXIT_DONE, EXIT_NOT_WAITING, EXIT_USAGE, EXIT_NO_DATA, EXIT_NO_PROCESS };

#define PROC_DIR	"/proc/ksync"
#define TEXT_MAX	256	/* of anything that is printed in one go */

/* table.c: one file, as text */

/**
 * struct table - a file of /proc/ksync
 * @path: of the file
 * @text: all of it, cut into words
 * @columns: their names
 * @nr_columns: how many this file has
 * @cells: of all records, @nr_columns each
 * @rows: records
 */
struct table {
	char path[TEXT_MAX];
	char *text;
	char **columns;
	size_t nr_columns;
	char **cells;
	size_t rows;
};

void table_read(struct table *t, const char *dir, const char *name);
void table_free(struct table *t);
size_t table_column(const struct table *t, const char *name);
const char *table_cell(const struct table *t, size_t row, size_t column);
/* A number; @none where there is "-". */
int64_t table_number(const struct table *t, size_t row, size_t column, int64_t none);
/* A name as it was before it was escaped; empty where there is "-". */
void table_text(const struct table *t, size_t row, size_t column, char *to, size_t size);

/* snapshot.c: all files, as structures */

#define NAME_MAX_LEN	64
#define NOBODY		(-1)	/* for a pid or handle; a pid of 0 is in another namespace */

/**
 * struct who - a thread
 * @pid: of the thread, or NOBODY
 * @tgid: of its process
 * @handle: in the domain, or NOBODY
 * @comm: its name
 * @sched: its priority, as people write it; empty if it is not told
 */
struct who {
	int64_t pid;
	int64_t tgid;
	int64_t handle;
	char comm[NAME_MAX_LEN];
	char sched[NAME_MAX_LEN];
};

struct domain {
	uint64_t serial;
	uint32_t objects;
	uint32_t threads;
	uint32_t waiters;
	int64_t pid;
	char comm[NAME_MAX_LEN];
};

struct object {
	uint64_t domain;
	uint32_t id;
	char kind[16];
	uint32_t word;
	struct who owner;
	uint32_t waiters;
	int64_t readers;
	char name[NAME_MAX_LEN];
};

/**
 * struct thread - a thread in a domain
 * @domain: where
 * @who: who
 * @reads: numbers of the rwlocks that it reads, from the snapshot's table
 */
struct thread {
	uint64_t domain;
	struct who who;
	const char *reads;
};

/**
 * struct waiter - who waits for an object
 * @domain: of the object
 * @object: its number
 * @kind: of the object
 * @what: what for: read, write, lock, wait
 * @drains: a writer that waits for readers
 * @watches: one of many locks that it waits for, in whose queue it is not
 * @who: the waiter
 * @since: when it came, ns
 * @waited: how long ago that was, ns
 * @deadline: ns, or -1
 * @clock: the deadline's
 * @owner: who has what it wants
 * @steady: the same was so at an earlier look, and all the time since then
 * @owner_steady: the same owner was there then, too
 */
struct waiter {
	uint64_t domain;
	uint32_t object;
	char kind[16];
	char what[16];
	bool drains;
	bool watches;
	struct who who;
	uint64_t since;
	uint64_t waited;
	int64_t deadline;
	char clock[16];
	struct who owner;
	bool steady;
	bool owner_steady;
};

struct snapshot {
	bool live;
	struct domain *domains;
	struct object *objects;
	struct thread *threads;
	struct waiter *waiters;
	size_t nr_domains, nr_objects, nr_threads, nr_waiters;
	struct table thread_table;
};

/* What of it is read. */
#define SNAPSHOT_IDLE	1	/* objects that nobody uses, too */

void snapshot_read(struct snapshot *s, const char *dir, unsigned int flags);
const struct object *snapshot_object(const struct snapshot *s, uint64_t domain, uint32_t id);
bool thread_reads(const struct thread *t, uint32_t id);
bool kind_is_owned(const char *kind);
bool same_thread(const struct who *a, uint64_t domain_a, const struct who *b, uint64_t domain_b);

/* state.c */

/* What a thread does that does not wait in ksync: a phrase. */
void state_of(const struct snapshot *s, int64_t pid, char *to, size_t size);
bool process_exists(int64_t pid);

/* text.c */

/* Append as printf() does, as much as fits. */
void add(char *to, size_t size, const char *format, ...) PRINTF(3, 4);
/* A name in quotes, without anything that a terminal would take for a command. */
void add_quoted(char *to, size_t size, const char *name);
void add_plain(char *to, size_t size, const char *name);
void add_duration(char *to, size_t size, uint64_t ns);
void add_who(char *to, size_t size, const struct who *who);
/* "mutex "accounts" (domain 3, object 1)" */
void add_object(char *to, size_t size, const struct snapshot *s, uint64_t domain,
		uint32_t id, const char *kind);

/* The commands. @domain: only this one; 0: all. Return: an exit code. */
int list(const struct snapshot *s, uint64_t domain);
int graph(const struct snapshot *s, uint64_t domain);
int why(const struct snapshot *s, int64_t pid);

#endif /* KSYNCCTL_H */
