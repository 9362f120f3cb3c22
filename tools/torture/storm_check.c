// SPDX-License-Identifier: GPL-2.0
/*
 * What must be left of tasks that were killed: nothing.  After each wave each object
 * is used; before and after all, what the kernel keeps is counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "slow.h"
#include "storm.h"

static int try(unsigned int i)
{
	switch (i) {
	case 3:
		return ksync_spin_lock_try(&storm->spin);
	case 4:
		return ksync_rwlock_write_lock_try(&storm->rwlock);
	}
	return ksync_mutex_lock_try((struct ksync_mutex *)storm_lock(i));
}

static int release(unsigned int i)
{
	switch (i) {
	case 3:
		return ksync_spin_unlock(&storm->spin);
	case 4:
		return ksync_rwlock_unlock(&storm->rwlock);
	}
	return ksync_mutex_unlock((struct ksync_mutex *)storm_lock(i));
}

/* Whoever had it is dead, and so is told of; the dead may be on their way out still. */
static void check_lock(unsigned int i)
{
	const uint64_t end = in(10 * SEC * slow_factor());
	int ret = try(i);

	while (ret == -EBUSY && !passed(end)) {
		poll(NULL, 0, 1);
		ret = try(i);
	}
	if (storm->inside[i] && !ret)
		wrong("the death of an owner was not told: lock, mark", i, storm->inside[i]);
	storm->inside[i] = 0;
	if (ret == -EOWNERDEAD)
		ret = ksync_consistent_(storm_lock(i), NULL);
	if (!ret)
		ret = release(i);
	if (ret)
		wrong("nobody is left, and a lock is answered: lock", ret, i);
}

/*
 * Units that the dead had are gone; those that they were just getting or giving back
 * may be; no other is, and there is none too many. Then there are all again.
 */
static void check_units(unsigned int tasks)
{
	unsigned int held[2] = { }, unsure[2] = { }, i, k, value[2], want[2] = { UNITS, 1 };
	const struct record *r;

	for (i = 0; i < tasks; i++) {
		r = &storm->record[i];
		for (k = 0; k < 2; k++) {
			if (r->giving >> k & 1)
				unsure[k]++;
			else if (r->held >> k & 1)
				held[k]++;
			else if (r->taking >> k & 1)
				unsure[k]++;
		}
	}
	value[0] = ksync_sem_value(&storm->sem);
	value[1] = storm->event.o.cell->word & KSYNC_EVENT_SET;
	for (k = 0; k < 2; k++)
		if (value[k] + held[k] > want[k] || value[k] + held[k] + unsure[k] < want[k])
			wrong(k ? "the event's token: there is, the dead had" :
			      "units of the sem: there are, the dead had", value[k], held[k]);
	while (ksync_sem_value(&storm->sem) < UNITS && !ksync_sem_post(&storm->sem))
		;
	ksync_event_set(&storm->event);
}

/* All tasks of a wave are dead, survivors are parked. */
static void check_waiters(void)
{
	const uint64_t end = in(10 * SEC * slow_factor());
	struct ksync_info info;

	while (!ksync_info(storm->d, &info) && info.waiters && !passed(end))
		poll(NULL, 0, 1);
	if (info.waiters)
		wrong("nobody is left, and so many wait", info.waiters, 0);
}

/** check_wave() - so many tasks are dead */
void check_wave(unsigned int tasks)
{
	unsigned int i;

	check_waiters();
	for (i = 0; i < LOCKS; i++)
		check_lock(i);
	check_units(tasks);
}

static long lines_of(const char *path)
{
	char line[512];
	long n = -1; /* the first says what the columns are */
	FILE *f = fopen(path, "re");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		n++;
	fclose(f);
	return n;
}

/* Give back what is free, or in KASAN's quarantine: then active means active. */
static void give_back(const char *name)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		perror(path);
	close(fd);
}

static bool is_one_of(const char *cache, const char *name)
{
	const size_t n = strlen(name);

	return name[n - 1] == '-' ? !strncmp(cache, name, n) : !strcmp(cache, name);
}

/* Active objects of a cache; of all whose names begin so, if it ends in a dash. */
static long slab_objects(const char *name)
{
	char line[512], cache[64];
	long active, sum = -1;
	FILE *f = fopen("/proc/slabinfo", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %ld", cache, &active) != 2 || !is_one_of(cache, name))
			continue;
		give_back(cache);
		sum = (sum < 0 ? 0 : sum) + active;
	}
	if (f)
		fclose(f);
	return sum;
}

static void look(struct counts *c)
{
	c->states = slab_objects("ksync_state");
	c->tasks = slab_objects("task_struct");
	c->charged = slab_objects("kmalloc-cg-");
	c->nodes = slab_objects("radix_tree_node");
	c->threads = lines_of("/proc/ksync/threads");
	c->waiters = lines_of("/proc/ksync/waiters");
	c->objects = lines_of("/proc/ksync/objects");
}

/** counts_within() - is nothing more than @want, but for so much slack in slabs? */
bool counts_within(const struct counts *c, const struct counts *want, long slack)
{
	return c->states <= want->states + 8 && c->tasks <= want->tasks + slack &&
	       c->charged <= want->charged + slack && c->nodes <= want->nodes + slack &&
	       c->threads == want->threads && c->waiters == want->waiters &&
	       c->objects == want->objects;
}

/** count_all() - @want: what it should come down to; NULL: a few looks, the last counts */
void count_all(struct counts *c, const struct counts *want, long slack)
{
	const uint64_t end = in(15 * SEC * slow_factor());
	int looks = 0;

	do {
		look(c);
		poll(NULL, 0, 100);
		looks++;
	} while (want ? !counts_within(c, want, slack) && !passed(end) : looks < 10);
}

void counts_print(const char *when, const struct counts *c)
{
	printf("# figure: storm %s: ksync_state = %ld objects\n", when, c->states);
	printf("# figure: storm %s: task_struct = %ld objects\n", when, c->tasks);
	printf("# figure: storm %s: kmalloc-cg = %ld objects\n", when, c->charged);
	printf("# figure: storm %s: radix_tree_node = %ld objects\n", when, c->nodes);
	printf("# figure: storm %s: threads attached = %ld threads\n", when, c->threads);
}
