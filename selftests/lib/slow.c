// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include "slow.h"

int slow_factor(void)
{
	const char *slow = getenv("KSYNC_SLOW");
	const char *vm = getenv("KSYNC_VM");

	if (slow && atoi(slow) > 0)
		return atoi(slow);
	return vm && !strcmp(vm, "debug") ? 6 : 1;
}
