// SPDX-License-Identifier: GPL-2.0
/*
 * Attaching, and priority ceilings, while memory is short and copies from and to
 * user memory fail: see fault_test.  A task attaches once, however often it tries,
 * and gets all the cells that it can have.
 */
#include <stdio.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/ksft.h"

static uint32_t threads(int fd)
{
	struct ksync_info info;

	return raw_info(fd, &info) ? ~0U : info.threads;
}

/* Attach: to a domain of its own, for the test is a thread of the other one. */

static void second_domain(struct fault_scene *s)
{
	s->got = raw_open();
}

static int attach(struct fault_scene *s, uint32_t flags)
{
	struct ksync_attach arg = { .size = sizeof(arg), .flags = flags };
	int ret = raw_ioctl(s->got, KSYNC_IOC_ATTACH, &arg);

	s->actor = arg.thread;
	s->id[0] = arg.slot;
	return ret;
}

static int do_attach(struct fault_scene *s)
{
	return attach(s, 0);
}

static int do_attach_slot(struct fault_scene *s)
{
	return attach(s, KSYNC_ATTACH_SLOT);
}

static int do_attach_ceiling(struct fault_scene *s)
{
	return attach(s, KSYNC_ATTACH_CEILING);
}

/* What the newest domain's threads have of their own, says its report. */
static int slot_cells(void)
{
	FILE *f = fopen("/proc/ksync/domains", "re");
	char line[256];
	int n = -1;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "%*u %*u %*u %*u %d", &n);
	if (f)
		fclose(f);
	return n;
}

/* By the task itself: it can attach, once, and has what it can have. */
static void attached(struct fault_scene *s, int ret)
{
	const uint32_t before = s->actor;
	int slots = 0;

	if (ret)
		WANT(s, true, threads(s->got) <= 1);
	WANT(s, 0, attach(s, 0));
	if (!ret)
		WANT(s, before, s->actor);
	WANT(s, 1, threads(s->got));
	while (!attach(s, KSYNC_ATTACH_SLOT))
		slots++;
	WANT(s, true, slots >= KSYNC_THREAD_SLOTS_MAX - 1);
	WANT(s, 0, attach(s, KSYNC_ATTACH_CEILING));
	WANT(s, KSYNC_THREAD_SLOTS_MAX + 1, slot_cells());
	fault_domain_works(s, s->got);
}

static void attached_is_over(struct fault_scene *s, int ret)
{
	close(s->got);
	fault_works(s, ret);
}

#define ATTACH_PATH(name)							\
	FAULT_PATH(name, .prepare = second_domain, .enter = fault_stranger,	\
		   .act = do_##name, .leave = attached,				\
		   .check = attached_is_over, .errors = { -ENOMEM, -EFAULT })

ATTACH_PATH(attach);
ATTACH_PATH(attach_slot);
ATTACH_PATH(attach_ceiling);

/* Ceilings. A number that is not the first needs memory. */

static int ceiling(struct fault_scene *s, uint32_t value, uint32_t *was)
{
	struct ksync_ceiling arg = {
		.size = sizeof(arg),
		.id = s->id[0],
		.ceiling = value,
	};
	int ret = raw_ioctl(s->fd, KSYNC_IOC_CEILING, &arg);

	*was = arg.was;
	return ret;
}

static void protect_mutex(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_PROTECT, &s->id[0]));
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_PROTECT, &s->id[0]));
}

static int do_ceiling(struct fault_scene *s)
{
	uint32_t was;

	return ceiling(s, 20, &was);
}

static void has_ceiling(struct fault_scene *s, int ret)
{
	const uint32_t limit = s->cells[s->id[0]].limit;
	uint32_t was;

	WANT(s, 0, ceiling(s, 30, &was));
	WANT(s, was, limit);
	if (ret == -EFAULT)
		WANT(s, true, was == 0 || was == 20);
	else
		WANT(s, ret ? 0 : 20, was);
	WANT(s, 30, s->cells[s->id[0]].limit);
	fault_works(s, ret);
}

FAULT_PATH(ceiling, .prepare = protect_mutex, .act = do_ceiling, .check = has_ceiling,
	   .errors = { -ENOMEM, -EFAULT });

static void enter_ceiling(struct fault_scene *s)
{
	struct ksync_attach arg = { .size = sizeof(arg), .flags = KSYNC_ATTACH_CEILING };

	WANT(s, 0, raw_ioctl(s->fd, KSYNC_IOC_ATTACH, &arg));
	s->actor = arg.thread;
}

static int do_settle(struct fault_scene *s)
{
	struct ksync_settle arg = { .size = sizeof(arg), .thread = s->actor };

	return raw_ioctl(s->fd, KSYNC_IOC_SETTLE, &arg);
}

static void settled(struct fault_scene *s, int ret)
{
	(void)ret;
	WANT(s, 0, do_settle(s));
}

FAULT_PATH(settle, .enter = enter_ceiling, .act = do_settle, .leave = settled,
	   .check = fault_works, .errors = { -EFAULT });

FAULT_NO_LEAK();

KSFT_MAIN
