/* SPDX-License-Identifier: GPL-2.0 */
/* Figures that a test tells, for the report; nothing is asserted about them. */
#ifndef KSYNC_SELFTESTS_FIGURE_H
#define KSYNC_SELFTESTS_FIGURE_H

#include <stdint.h>

/* One line: the name is printed by a format. */
void figure(int64_t value, const char *unit, const char *name, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* KSYNC_SELFTESTS_FIGURE_H */
