// SPDX-License-Identifier: GPL-2.0
/*
 * Where thread-local variables are.  Those of the program and of the libraries that it
 * was started with are at a fixed distance from the thread pointer (on x86-64 the base
 * of fs), in each thread: static TLS.  Those of an object loaded later are in a block
 * that a thread gets when it first uses one.  (Drepper, "ELF Handling For Thread-Local
 * Storage", 2013.)
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "cost.h"

/* The object is part of this program, and loaded from memory. */
__asm__(".section .rodata\n"
	"lab_plugin:\n"
	".incbin \"" LAB_PLUGIN "\"\n"
	"lab_plugin_end:\n"
	".previous\n");

/**
 * struct layout - addresses in one thread
 * @base: thread pointer
 * @variable: of the program's
 * @error: errno, of libc's
 * @plugin: of the object that was loaded
 * @stack: a local variable
 */
struct layout {
	uintptr_t base;
	uintptr_t variable;
	uintptr_t error;
	uintptr_t plugin;
	uintptr_t stack;
};

static __thread int variable;
static plugin_fn plugin;

static void *look(void *arg)
{
	struct layout *l = arg;
	int here = 0;

	l->base = (uintptr_t)__builtin_thread_pointer();
	l->variable = (uintptr_t)&variable;
	l->error = (uintptr_t)&errno;
	l->plugin = plugin ? (uintptr_t)plugin() : 0;
	l->stack = (uintptr_t)&here;
	return NULL;
}

static void load(void)
{
	const size_t size = lab_plugin_end - lab_plugin;
	char path[64];
	void *handle;
	int fd;

	fd = memfd_create("lab-plugin", MFD_CLOEXEC);
	if (fd < 0 || write(fd, lab_plugin, size) != (ssize_t)size)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	handle = dlopen(path, RTLD_NOW);
	if (handle)
		plugin = (plugin_fn)(uintptr_t)dlsym(handle, "lab_plugin_address");
	else
		say("The object could not be loaded: %s", dlerror());
	close(fd);
}

static void row(const char *name, const struct layout *l, uintptr_t a, uintptr_t b)
{
	show("%-20s %14lx %+9ld   %14lx %+9ld", name, a, (long)(a - l[0].base), b,
	     (long)(b - l[1].base));
}

void show_tls(void)
{
	struct layout l[2];
	pthread_t thread;

	load();
	look(&l[0]);
	must(-pthread_create(&thread, NULL, look, &l[1]), "thread");
	pthread_join(thread, NULL);
	say("Thread-local storage: addresses, and their distance from the thread pointer:");
	show("%-20s %24s   %24s", "", "main thread", "another thread");
	row("thread pointer (fs)", l, l[0].base, l[1].base);
	row("__thread variable", l, l[0].variable, l[1].variable);
	row("errno", l, l[0].error, l[1].error);
	if (plugin)
		row("of dlopen'd object", l, l[0].plugin, l[1].plugin);
	show("%-20s %14lx             %14lx", "local variable", l[0].stack, l[1].stack);
	fact("tls_static", l[0].variable - l[0].base == l[1].variable - l[1].base);
	fact("tls_errno_own", l[0].error != l[1].error);
	fact("tls_dynamic", plugin && l[0].plugin - l[0].base != l[1].plugin - l[1].base);
	say("Static TLS is at the same distance in both; what was loaded later is not.");
}
