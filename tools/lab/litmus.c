// SPDX-License-Identifier: GPL-2.0
/*
 * Count how often two threads, each pinned to a CPU, see what no order of their steps
 * explains; see litmus.h.
 *
 *	litmus [MILLIONS]	how often to run each test; 1
 *
 * On an x86 machine of two CPUs:
 *
 *	test order                    runs          odd
 *	SB   relaxed                300000           67
 *	SB   release/acquire        300000          185
 *	SB   fence seq_cst          300000            0 (forbidden)
 *	SB   seq_cst                300000            0 (forbidden)
 *	MP   plain                  300000           39
 *	MP   relaxed                300000            0
 *	MP   release/acquire        300000            0 (forbidden)
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include "litmus.h"

int main(int argc, char **argv)
{
	double millions = argc > 1 ? atof(argv[1]) : 1;
	long rounds = millions * 1000000, odd;
	int cpu[2], bad = 0;
	size_t i;

	if (argc > 2 || rounds < 1)
		errx(2, "usage: litmus [MILLIONS]");
	lab_cpus(cpu);
	if (cpu[0] == cpu[1])
		puts("There is one CPU: nothing will be seen.");
	printf("%-4s %-16s %12s %12s\n", "test", "order", "runs", "odd");
	for (i = 0; i < LAB_TESTS; i++) {
		odd = lab_count(&lab_tests[i], rounds);
		if (odd < 0)
			errx(1, "there is no thread to be had");
		printf("%-4s %-16s %12ld %12ld%s\n", lab_tests[i].name, lab_tests[i].order,
		       rounds, odd, lab_tests[i].forbidden ? " (forbidden)" : "");
		fflush(stdout);
		if (lab_tests[i].forbidden && odd)
			bad = 1;
	}
	return bad;
}
