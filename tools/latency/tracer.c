// SPDX-License-Identifier: GPL-2.0
/* How long preemption or interrupts are off: see tracer.h. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ring.h"
#include "symbols.h"
#include "tracer.h"

#define TRACING		"/sys/kernel/tracing/"
#define EVENTS		TRACING "events/preemptirq/"
#define PROBE		"exit_probe exec_probe ksync_death_pause ksync_thread_reap"
#define PAGE		4096

/* ftrace's own number for the call of a function. */
#define FUNCTION	1

/* What an interrupt takes before its first event and after its last, about. */
#define AROUND	1500

enum { PREEMPT_OFF, PREEMPT_ON, IRQ_OFF, IRQ_ON, EVENT_MAX };

static const char *const events[EVENT_MAX] = {
	"preempt_disable", "preempt_enable", "irq_disable", "irq_enable",
};

static uint16_t types[EVENT_MAX];
static uint64_t text;		/* addresses in events count from here */
static uint64_t cost = UINT_MAX; /* of recording one event */

/**
 * struct walk - the way through what was recorded
 * @s: what was found so far
 * @off: bits: preemption, interrupts
 * @inside: a section
 * @began: when a section did; 0: at a moment that was not recorded
 * @at: where
 * @ours: the module's code was met in it
 * @except: of its time, what is not its own
 * @interrupted: when an interrupt came in it
 * @last: when the last event was recorded
 * @dying: who is in the probe; 0: nobody
 * @since: when its section began
 * @also: of that, what is not its own
 * @switched: somebody else ran meanwhile
 */
struct walk {
	struct sections *s;
	uint32_t off;
	bool inside;
	uint64_t began;
	uint64_t at;
	bool ours;
	uint64_t except;
	uint64_t interrupted;
	uint64_t last;
	int32_t dying;
	uint64_t since;
	uint64_t also;
	bool switched;
};

/* Of several words ftrace takes one at a time. */
static void write_file(const char *path, const char *value)
{
	size_t left = strlen(value);
	int fd = open(path, O_WRONLY | O_TRUNC);
	ssize_t n;

	if (fd < 0)
		err(1, "%s", path);
	do {
		n = write(fd, value + strlen(value) - left, left);
		if (n < 0)
			err(1, "%s", path);
		left -= n;
	} while (left);
	close(fd);
}

static unsigned int read_number(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned int n;

	if (!f || fscanf(f, "%u", &n) != 1)
		err(1, "%s", path);
	fclose(f);
	return n;
}

static void note(struct longest *l, uint64_t ticks, uint64_t at)
{
	if (ticks > l->ticks)
		*l = (struct longest){ ticks, at };
}

static uint64_t less(uint64_t ticks, uint64_t except)
{
	return ticks > except ? ticks - except : 0;
}

static void section_begin(struct walk *w, uint64_t now, uint64_t at)
{
	w->began = now;
	w->at = at;
	w->ours = false;
	w->except = 0;
	w->interrupted = 0;
}

static void section_end(struct walk *w, uint64_t now)
{
	const uint64_t whole = now - w->began;

	if (!w->began)
		return;
	note(&w->s->any, whole, w->at);
	w->s->count += w->ours;
	if (w->ours)
		note(&w->s->own, less(whole, w->except), w->at);
}

/* An interrupt that comes while preemption alone is off begins and ends so. */
static void interrupt(struct walk *w, int event, uint64_t now, const struct symbol *s)
{
	if (event == IRQ_OFF && s->interrupt)
		w->interrupted = now;
	if (event != IRQ_ON || !w->interrupted)
		return;
	w->except += now - w->interrupted + AROUND;
	w->also += now - w->interrupted + AROUND;
	w->interrupted = 0;
}

/* The module's own code, if it was that, rather than what it called. */
static uint64_t place(uint64_t at, uint64_t parent)
{
	return symbol_at(parent)->ours || !strncmp(symbol_at(at)->name, "_raw_", 5) ? parent : at;
}

/* In the idle task preemption is always off, which delays nobody. */
static void turned(struct walk *w, int event, const struct record *r)
{
	const uint32_t bit = event == PREEMPT_OFF || event == PREEMPT_ON ? 1 : 2;
	const bool to_off = event == PREEMPT_OFF || event == IRQ_OFF;
	const int32_t *offset = r->word;
	const uint64_t at = text + offset[0], parent = text + offset[1];
	const bool was = w->inside;

	w->off = to_off ? w->off | bit : w->off & ~bit;
	w->inside = r->pid ? w->off : w->off & 2;
	if (!was && w->inside)
		section_begin(w, r->time, place(at, parent));
	interrupt(w, event, r->time, symbol_at(at));
	if (!w->interrupted && (symbol_at(at)->ours || symbol_at(parent)->ours)) {
		w->at = w->ours ? w->at : place(at, parent);
		w->ours = true;
	}
	if (was && !w->inside)
		section_end(w, r->time);
	w->except += cost;
	w->also += cost;
}

/* A function of the probe was called. */
static void probe(struct walk *w, const struct record *r)
{
	const char *name = symbol_at(*(const uint64_t *)r->word)->name;
	const bool starts = !strcmp(name, "exit_probe") || !strcmp(name, "exec_probe");

	if (!starts && w->dying == r->pid && !w->switched)
		note(&w->s->probe, less(r->time - w->since, w->also),
		     *(const uint64_t *)r->word);
	w->dying = strcmp(name, "ksync_thread_reap") ? r->pid : 0;
	w->since = r->time;
	w->also = cost;
	w->switched = false;
}

static void record(const struct record *r, void *arg)
{
	struct walk *w = arg;
	int i;

	if (w->last && r->time - w->last < cost)
		cost = r->time - w->last;
	w->last = r->time;
	if (w->dying && r->pid != w->dying)
		w->switched = true;
	if (r->type == FUNCTION)
		probe(w, r);
	for (i = 0; i < EVENT_MAX; i++)
		if (r->type == types[i])
			turned(w, i, r);
}

static void read_all(struct walk *w)
{
	static char page[PAGE];
	int fd = open(TRACING "per_cpu/cpu0/trace_pipe_raw", O_RDONLY | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		err(1, "trace_pipe_raw");
	while ((n = read(fd, page, sizeof(page))) > 0)
		if (ring_page(page, record, w))
			errx(1, "the trace did not fit into its buffer");
	close(fd);
}

void tracer_start(void)
{
	write_file(TRACING "trace", "");
	write_file(TRACING "tracing_on", "1");
}

void tracer_stop(struct sections *s)
{
	struct walk w = { .s = s };

	write_file(TRACING "tracing_on", "0");
	*s = (struct sections){};
	read_all(&w);
}

/* What recording costs: of many events there are some with nothing between them. */
static void calibrate(void)
{
	struct sections unused;
	int i;

	tracer_start();
	for (i = 0; i < 1000; i++)
		sched_yield();
	tracer_stop(&unused);
}

bool tracer_open(void)
{
	char path[128];
	int i;

	if (access(EVENTS "preempt_disable/id", R_OK))
		return false;
	symbols_read();
	text = symbol_address("_stext");
	write_file(TRACING "tracing_on", "0");
	write_file(TRACING "trace_clock", "x86-tsc");
	write_file(TRACING "buffer_size_kb", "65536");
	write_file(TRACING "options/overwrite", "0");
	write_file(TRACING "set_ftrace_filter", PROBE);
	write_file(TRACING "current_tracer", "function");
	for (i = 0; i < EVENT_MAX; i++) {
		snprintf(path, sizeof(path), EVENTS "%s/id", events[i]);
		types[i] = read_number(path);
	}
	write_file(EVENTS "enable", "1");
	calibrate();
	return true;
}

const char *tracer_name(uint64_t address)
{
	return address ? symbol_at(address)->name : "-";
}

void tracer_close(void)
{
	write_file(EVENTS "enable", "0");
	write_file(TRACING "current_tracer", "nop");
	write_file(TRACING "set_ftrace_filter", "");
	write_file(TRACING "trace_clock", "local");
	write_file(TRACING "buffer_size_kb", "1408");
	write_file(TRACING "tracing_on", "1");
}
