/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's functions by their addresses, of /proc/kallsyms. */
#ifndef KSYNC_LATENCY_SYMBOLS_H
#define KSYNC_LATENCY_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct symbol - a function
 * @address: where it begins
 * @ours: it is in ksync.ko
 * @interrupt: it is where an interrupt comes in
 * @name: of the function
 */
struct symbol {
	uint64_t address;
	bool ours;
	bool interrupt;
	char name[48];
};

/* Read them; ends the program if they are not shown. */
void symbols_read(void);
/* Which function an address is in; never NULL. */
const struct symbol *symbol_at(uint64_t address);
/* The address of a function; ends the program if there is none. */
uint64_t symbol_address(const char *name);

#endif /* KSYNC_LATENCY_SYMBOLS_H */
