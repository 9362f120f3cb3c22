/* SPDX-License-Identifier: GPL-2.0 */
/* Tasks of normal priority that give the module all sorts of work at once. */
#ifndef KSYNC_LATENCY_LOAD_H
#define KSYNC_LATENCY_LOAD_H

/* In a domain of their own, with so many waiters of one object, and objects. */
void load_start(int waiters, int objects);
/* They end. Return: how many rounds of their loops they did. */
long load_stop(void);

#endif /* KSYNC_LATENCY_LOAD_H */
