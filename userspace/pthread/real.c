// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Finding the functions that ours stand before: those of libc, or another library's. */
#include <dlfcn.h>
#include "dropin.h"
#include "real.h"

#define NAME(name)	#name,
static const char * const names[] = { REAL_FUNCTIONS(NAME) };

static void *functions[ARRAY_SIZE(names)];

/* Of the condition variables there are two versions, the older one for LinuxThreads. */
static void *find(const char *name)
{
	void *found = NULL;

	if (!strncmp(name, "pthread_cond_", 13))
		found = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
	return found ? found : dlsym(RTLD_NEXT, name);
}

void *real_function(unsigned int index)
{
	void *found = __atomic_load_n(&functions[index], __ATOMIC_RELAXED);

	if (likely(found))
		return found;
	found = find(names[index]);
	if (!found)
		die("libc has no %s()", names[index]);
	__atomic_store_n(&functions[index], found, __ATOMIC_RELAXED);
	return found;
}
