// SPDX-License-Identifier: GPL-2.0
/* A test whose program is killed, for it takes too long, does not live on by itself. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static pid_t program;

/* The program's main thread runs each test in a child. */
static void child(void)
{
	if (getppid() == program)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static __attribute__((constructor)) void know_children(void)
{
	program = getpid();
	if (pthread_atfork(NULL, NULL, child))
		abort();
}
