/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of the demo, the trace checks and the bench have in common. */
#ifndef KSYNC_TOOLS_H
#define KSYNC_TOOLS_H

#include <err.h>
#include <sched.h>
#include <string.h>
#include <ksync.h>

/* End the program with a sentence when @ret is a negative errno. */
static inline int must(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
	return ret;
}

static inline struct ksync *open_domain(void)
{
	struct ksync *d;
	int ret = ksync_open(&d, 0);

	if (ret)
		errx(1, "%s", ksync_strerror_open(ret));
	return d;
}

/* Wait until the module says that so many tasks wait for an object. */
static inline void until_waiters(struct ksync_object *o, unsigned int waiters)
{
	struct ksync_query q;

	do {
		sched_yield();
		must(ksync_object_query(o, &q), "query");
	} while (q.waiters != waiters);
}

#endif /* KSYNC_TOOLS_H */
