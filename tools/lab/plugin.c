// SPDX-License-Identifier: GPL-2.0
/* A shared object with a thread-local variable, which the lab loads while it runs. */

__thread int lab_plugin_variable[16];

int *lab_plugin_address(void);
int *lab_plugin_address(void)
{
	return lab_plugin_variable;
}
