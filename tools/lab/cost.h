/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of the experiment cost. */
#ifndef KSYNC_LAB_COST_H
#define KSYNC_LAB_COST_H

#include "lab.h"

/* switch.c */
void show_switches(void);

/* tls.c */
void show_tls(void);

/* tls.c has it in it: the bytes of plugin.c, compiled. */
extern const char lab_plugin[], lab_plugin_end[];

/* In the shared object that is loaded while the lab runs: plugin.c. */
typedef int *(*plugin_fn)(void);

#endif /* KSYNC_LAB_COST_H */
