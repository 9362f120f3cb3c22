/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What ftrace recorded on one processor, as it is in memory: see
 * kernel/trace/ring_buffer.c and events/header_page.
 */
#ifndef KSYNC_LATENCY_RING_H
#define KSYNC_LATENCY_RING_H

#include <stdint.h>

/**
 * struct record - an event
 * @time: of the trace clock
 * @pid: who ran
 * @type: number of the event
 * @word: what follows the common fields
 */
struct record {
	uint64_t time;
	int32_t pid;
	uint16_t type;
	const void *word;
};

typedef void (*record_fn)(const struct record *r, void *arg);

/*
 * Call @fn for each event of a page of trace_pipe_raw.  Return: 0; -1: events
 * before this page were lost.
 */
int ring_page(const void *page, record_fn fn, void *arg);

#endif /* KSYNC_LATENCY_RING_H */
