// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include "slow.h"

int slow_factor(void)
{
	const char *slow = getenv("KSYNC_SLOW");

	return slow && atoi(slow) > 0 ? atoi(slow) : 1;
}

bool in_guest(void)
{
	return getenv("KSYNC_VM");
}
