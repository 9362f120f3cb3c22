/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long preemption or interrupts are off, on the kernel that records it
 * ('latency', see tools/vm/own-kernel): each time that one of the two is turned
 * off or on again is an event of ftrace, with a time stamp counter's reading.
 *
 * A section is from the first of them off to both on.  It is the module's if code
 * of ksync.ko turned one off or on in it.  The time that interrupts took within
 * it is not its own, nor what recording the events costs.
 *
 * Tracepoints turn preemption off unseen.  So the probe of a dying task is followed
 * by calls of its functions: from its start, or the end of a pause, to the next
 * pause, or its end.
 */
#ifndef KSYNC_LATENCY_TRACER_H
#define KSYNC_LATENCY_TRACER_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct longest - the longest section of a sort
 * @ticks: of the time stamp counter
 * @at: where it began
 */
struct longest {
	uint64_t ticks;
	uint64_t at;
};

/**
 * struct sections - what was seen while something was traced
 * @own: of the module
 * @probe: in the probe of a dying task
 * @any: of all that ran on this processor, interrupts too
 * @count: of the module's sections
 */
struct sections {
	struct longest own;
	struct longest probe;
	struct longest any;
	uint64_t count;
};

/* Is this a kernel that can tell? Ends the program if it is and something fails. */
bool tracer_open(void);
/* Follow this processor, on which the caller stays. */
void tracer_start(void);
void tracer_stop(struct sections *s);
/* The name of the kernel's function at an address; good until the next call. */
const char *tracer_name(uint64_t address);
/* Everything as it was. */
void tracer_close(void);

#endif /* KSYNC_LATENCY_TRACER_H */
