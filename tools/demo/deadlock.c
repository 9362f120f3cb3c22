// SPDX-License-Identifier: GPL-2.0
/*
 * Two processes that lock the same two mutexes in opposite order.  One of them
 * is refused, gives way, and both come to their end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <tools.h>

static struct ksync_mutex accounts, journal;

static void make(struct ksync *d, struct ksync_mutex *m, const char *name)
{
	must(ksync_mutex_init(m, d, 0), "mutex");
	must(ksync_name(m, name), "name");
}

/* The child: journal, then accounts. */
static void run_audit(void)
{
	prctl(PR_SET_NAME, "audit");
	must(ksync_mutex_lock(&journal), "lock journal");
	must(ksync_mutex_lock(&accounts), "lock accounts");
	printf("  audit      owns both mutexes, and is done\n");
	must(ksync_mutex_unlock(&accounts), "unlock");
	must(ksync_mutex_unlock(&journal), "unlock");
	fflush(stdout);
	_exit(0);
}

/* The parent: accounts, then journal, once the child waits. */
static int run_payments(void)
{
	int ret;

	until_waiters(&accounts.o, 1);
	printf("  audit      owns \"journal\" and waits for \"accounts\"\n");
	printf("  payments   owns \"accounts\" and asks for \"journal\"\n");
	ret = ksync_mutex_lock(&journal);
	printf("  payments   is told: %s\n", strerror(-ret));
	printf("  payments   gives \"accounts\" back\n");
	fflush(stdout);
	must(ksync_mutex_unlock(&accounts), "unlock");
	return ret;
}

int main(void)
{
	struct ksync *d = open_domain();
	int status, ret;
	pid_t child;

	prctl(PR_SET_NAME, "payments");
	make(d, &accounts, "accounts");
	make(d, &journal, "journal");
	must(ksync_mutex_lock(&accounts), "lock accounts");
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child)
		run_audit();

	ret = run_payments();
	if (waitpid(child, &status, 0) != child || status)
		errx(1, "the other process failed");
	if (ret != -EDEADLK)
		errx(1, "the deadlock was not refused");
	return 0;
}
