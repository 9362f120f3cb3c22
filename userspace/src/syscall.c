// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The only door to the module.
 *
 * Tasks made by clone(CLONE_VM) without a TLS of their own share their
 * parent's errno: libc's ioctl() would tell one what happened to the other.
 * So the system call is made by hand.
 */
#include <sys/ioctl.h>
#include "internal.h"

#if defined(__x86_64__) && defined(__LP64__)

#include <sys/syscall.h>

static long raw_ioctl(long fd, unsigned long cmd, void *arg)
{
	long ret;

	asm volatile("syscall"
		     : "=a" (ret)
		     : "0" ((long)SYS_ioctl), "D" (fd), "S" (cmd), "d" (arg)
		     : "rcx", "r11", "memory");
	return ret;
}

#elif defined(__aarch64__)

#include <sys/syscall.h>

static long raw_ioctl(long fd, unsigned long cmd, void *arg)
{
	register long nr asm("x8") = SYS_ioctl;
	register long a0 asm("x0") = fd;
	register unsigned long a1 asm("x1") = cmd;
	register void *a2 asm("x2") = arg;

	asm volatile("svc 0"
		     : "+r" (a0)
		     : "r" (nr), "r" (a1), "r" (a2)
		     : "memory");
	return a0;
}

#else

/* Elsewhere, tasks that share an errno may see each other's. */
static long raw_ioctl(long fd, unsigned long cmd, void *arg)
{
	int saved = errno;
	long ret = ioctl(fd, cmd, arg);

	if (ret < 0) {
		ret = -errno;
		errno = saved;
	}
	return ret;
}

#endif

/**
 * ksync_ioctl() - call the module
 * @fd: of the domain
 * @cmd: KSYNC_IOC_*
 * @arg: its structure
 *
 * Return: 0 or a negative errno; errno is left alone.
 */
int ksync_ioctl(int fd, unsigned long cmd, void *arg)
{
	return raw_ioctl(fd, cmd, arg);
}
