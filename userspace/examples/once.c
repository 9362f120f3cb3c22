// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Processes need a table: the first to come makes it, and dies; the next one goes on. */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ksync.h>

enum { PROCESSES = 4, ENTRIES = 1000 };

static struct ksync_once once;
static struct { int table[ENTRIES], begun, ended; } *shared;

/* Begins anew, whatever the one before has left. */
static int make_table(void *unused)
{
	int first = !shared->begun++ && !unused;

	for (int i = 0; i < ENTRIES; i++) {
		shared->table[i] = i * i;
		if (first && i == ENTRIES / 2)
			raise(SIGKILL);
	}
	shared->ended++;
	return 0;
}

static int use_table(void)
{
	int ret = ksync_once_call(&once, make_table, NULL);

	if (ret)
		errx(1, "once: %s", strerror(-ret));
	return shared->table[ENTRIES - 1] != (ENTRIES - 1) * (ENTRIES - 1);
}

int main(void)
{
	struct ksync *d;
	int status, killed = 0, failed = 0, rw = PROT_READ | PROT_WRITE, ret = ksync_open(&d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	shared = mmap(NULL, sizeof(*shared), rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || ksync_once_init(&once, d, 0))
		errx(1, "no memory, or no once");
	for (int i = 0; i < PROCESSES; i++)
		if (!fork())
			_exit(use_table());
	while (wait(&status) > 0) {
		killed += WIFSIGNALED(status);
		failed += WIFEXITED(status) && WEXITSTATUS(status);
	}
	printf("once: begun %d times, ended %d times, %d initializer killed\n", shared->begun,
	       shared->ended, killed);
	return shared->begun != 2 || shared->ended != 1 || killed != 1 || failed;
}
