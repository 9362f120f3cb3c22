/* SPDX-License-Identifier: GPL-2.0 */
/* Running ksyncctl and other programs, and what they say. */
#ifndef KSYNC_SELFTESTS_CTL_H
#define KSYNC_SELFTESTS_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CTL_LINES	512
#define CTL_PRINTF(...)	__attribute__((format(printf, __VA_ARGS__)))

/**
 * struct ctl - what a program said
 * @status: what it exited with, or minus the signal
 * @text: its output and its errors, cut into lines
 * @line: the lines
 * @lines: how many
 */
struct ctl {
	int status;
	char text[1 << 18];
	char *line[CTL_LINES];
	size_t lines;
};

/* Run a shell command, in which $ksyncctl is the program: 0 or an error. */
int ctl_run(struct ctl *c, const char *format, ...) CTL_PRINTF(2, 3);

/* Read a file the same way; @status is 0. */
int ctl_read(struct ctl *c, const char *path);

/* How many lines match a pattern of fnmatch(3), whose * stands for anything. */
size_t ctl_count(const struct ctl *c, const char *format, ...) CTL_PRINTF(2, 3);

/* Whether that is so of line @n. */
bool ctl_matches(const struct ctl *c, size_t n, const char *format, ...) CTL_PRINTF(3, 4);

/* The word in column @n, from 0, of a line; copied. */
const char *ctl_word(const char *line, size_t n);

/* Print all of it, for who looks for the fault. */
void ctl_dump(const struct ctl *c);

/* The serial number of a domain, or 0. */
unsigned long long ctl_domain(int fd);

#endif /* KSYNC_SELFTESTS_CTL_H */
