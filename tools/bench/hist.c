// SPDX-License-Identifier: GPL-2.0
/* Histograms of times: hist.h. */
#include <stdio.h>
#include "hist.h"

/* The first buckets hold one nanosecond each. */
static unsigned int bucket(uint64_t ns)
{
	unsigned int shift;

	if (ns < HIST_SUB)
		return ns;
	shift = 63 - 5 - __builtin_clzll(ns);
	return (shift + 1) * HIST_SUB + (ns >> shift) % HIST_SUB;
}

/* The middle of a bucket. */
static double bucket_ns(unsigned int i)
{
	unsigned int shift;

	if (i < HIST_SUB)
		return i;
	shift = i / HIST_SUB - 1;
	return (HIST_SUB + i % HIST_SUB + 0.5) * (double)(1ULL << shift);
}

void hist_add(struct hist *h, uint64_t ns)
{
	h->total++;
	h->count[bucket(ns)]++;
	if (ns > h->longest)
		h->longest = ns;
}

void hist_merge(struct hist *to, const struct hist *from)
{
	to->total += from->total;
	if (from->longest > to->longest)
		to->longest = from->longest;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++)
		to->count[i] += from->count[i];
}

double hist_us(const struct hist *h, double share)
{
	uint64_t seen = 0;

	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		seen += h->count[i];
		if (h->count[i] && seen >= share * h->total)
			return (bucket_ns(i) < h->longest ? bucket_ns(i) : h->longest) / 1e3;
	}
	return h->longest / 1e3;
}

void hist_print(const struct hist *h)
{
	static const struct {
		const char *name;
		double share;
	} points[] = {
		{ "p01", 0.01 }, { "p05", 0.05 }, { "p10", 0.1 }, { "p25", 0.25 },
		{ "p50", 0.5 }, { "p75", 0.75 }, { "p90", 0.9 }, { "p95", 0.95 },
		{ "p99", 0.99 }, { "p999", 0.999 },
	};

	for (unsigned int i = 0; i < sizeof(points) / sizeof(*points); i++)
		printf(" %s_us=%.3f", points[i].name, hist_us(h, points[i].share));
	printf(" max_us=%.3f", h->longest / 1e3);
}
