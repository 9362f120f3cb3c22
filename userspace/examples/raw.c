// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Two processes count under a mutex, by open, mmap and ioctl alone. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/ksync.h>

enum { ROUNDS = 20000 };

static void call(int fd, unsigned long cmd, void *arg)
{
	if (ioctl(fd, cmd, arg))
		err(1, "ioctl %#lx", cmd);
}

static void count(int fd, __u32 id, struct ksync_cell *cell, int *n)
{
	struct ksync_attach me = { .size = sizeof(me) };

	call(fd, KSYNC_IOC_ATTACH, &me);
	struct ksync_lock lock = { sizeof(lock), id, me.thread, 0, KSYNC_NO_DEADLINE };
	struct ksync_unlock unlock = { sizeof(unlock), id, me.thread, 0 };

	for (int next, i = 0; i < ROUNDS; i++) {
		if (!__sync_bool_compare_and_swap(&cell->word, 0, me.thread))
			call(fd, KSYNC_IOC_LOCK, &lock);
		next = *n + 1;
		getppid();	/* give the other one time to interfere */
		*n = next;
		if (!__sync_bool_compare_and_swap(&cell->word, me.thread, 0))
			call(fd, KSYNC_IOC_UNLOCK, &unlock);
	}
}

int main(void)
{
	struct ksync_info info = { .size = sizeof(info) };
	__u32 id;
	struct ksync_create create = { sizeof(create), KSYNC_KIND_MUTEX, 0, 1, (unsigned long)&id };
	int status = 1, rw = PROT_READ | PROT_WRITE, fd = open(KSYNC_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s (is the module loaded?)", KSYNC_DEVICE);
	call(fd, KSYNC_IOC_INFO, &info);
	call(fd, KSYNC_IOC_CREATE, &create);
	struct ksync_cell *arena = mmap(NULL, info.arena_size, rw, MAP_SHARED, fd, 0);
	int *n = mmap(NULL, 4096, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();

	if (arena == MAP_FAILED || n == MAP_FAILED || child < 0)
		err(1, "mmap or fork");
	count(fd, id, &arena[id], n);
	if (child && wait(&status) == child)
		printf("raw: two processes counted to %d of %d\n", *n, 2 * ROUNDS);
	return child && (status || *n != 2 * ROUNDS);
}
