// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Why there is no domain, in a sentence that says what to do. */
#include <string.h>
#include "internal.h"

static const char * const reasons[] = {
	[ENOENT] =
		"ksync: /dev/ksync does not exist: load the module with 'modprobe ksync' or 'make load'",
	[ENXIO] =
		"ksync: no module answers at /dev/ksync: load it with 'modprobe ksync' or 'make load'",
	[ENODEV] =
		"ksync: no module answers at /dev/ksync: load it with 'modprobe ksync' or 'make load'",
	[EACCES] =
		"ksync: no permission to open /dev/ksync: add yourself to group ksync ('usermod -aG ksync USER' as root) and log in again",
	[EPERM] =
		"ksync: no permission to open /dev/ksync: add yourself to group ksync ('usermod -aG ksync USER' as root) and log in again",
	[EPROTO] =
		"ksync: the loaded module and this library are of different versions: install and load the module that came with the library",
	[ENOTTY] =
		"ksync: this file is no ksync device and no futex domain: look at 'ls -l /dev/ksync', or at where the file descriptor comes from",
	[EBADF] =
		"ksync: this file descriptor is not open: was it close-on-exec?",
	[EMFILE] =
		"ksync: this process has too many files open: close some, or raise 'ulimit -n'",
	[ENFILE] =
		"ksync: this machine has too many files open: raise the sysctl fs.file-max",
	[EAGAIN] =
		"ksync: this program has used up its pthread keys: it creates too many, or never deletes them",
	[ENOMEM] =
		"ksync: not enough memory or address space for a domain: see 'ulimit -v' and the limit of the cgroup",
	[EINVAL] =
		"ksync: ksync_open() was given flags that this library does not know, or KSYNC_BACKEND in the environment is none of module, any, futex: correct it, or update the library",
};

KSYNC_EXPORT const char *ksync_strerror_open(int err)
{
	size_t i = -(long)err;

	if (i < ARRAY_SIZE(reasons) && reasons[i])
		return reasons[i];
	return strerror(-err);
}
