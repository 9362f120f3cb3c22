/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A histogram of times whose buckets grow with the times, so that each is known
 * to 3%: 32 buckets to each power of two, as HdrHistogram has them.
 */
#ifndef KSYNC_BENCH_HIST_H
#define KSYNC_BENCH_HIST_H

#include <stdint.h>
#include <time.h>

#define HIST_SUB	32
#define HIST_BUCKETS	((64 - 5 + 1) * HIST_SUB)

/**
 * struct hist - times, in nanoseconds; all zeroes when empty
 * @total: how many
 * @longest: of them
 * @count: by bucket
 */
struct hist {
	uint64_t total;
	uint64_t longest;
	uint32_t count[HIST_BUCKETS];
};

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

void hist_add(struct hist *h, uint64_t ns);
void hist_merge(struct hist *to, const struct hist *from);

/* What a share of them, 0 to 1, took at most: microseconds. */
double hist_us(const struct hist *h, double share);

/* As pairs of a result: p01_us to p999_us, and max_us. */
void hist_print(const struct hist *h);

#endif /* KSYNC_BENCH_HIST_H */
