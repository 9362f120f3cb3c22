// SPDX-License-Identifier: GPL-2.0
/*
 * What is wrong on purpose, in modules for debug kernels alone.  The tests run on it
 * what they run on everything, and must find the fault: it proves that they can.
 *
 * One is a kind of lock that does not exclude: contended, it is granted at once.
 * The others are faults in what is right otherwise: see busted.h.
 */
#include <linux/module.h>
#include <linux/string.h>

#include "busted.h"
#include "core.h"

static int busted_take(const struct ksync_object *obj, u32 handle,
		       const struct ksync_state *st)
{
	xchg(&obj->cell->word, handle);
	return 0;
}

const struct ksync_ops ksync_busted_ops = {
	.name = "busted",
	.kind = KSYNC_KIND_BUSTED,
	.owned = true,
	.take = busted_take,
	.give = ksync_word_give,
};

static const char * const fault_names[] = {
	[KSYNC_FAULT_NONE] = "none",
	[KSYNC_FAULT_LOCK_LEADER] = "lock-leader",
	[KSYNC_FAULT_LOCK_ARRIVAL] = "lock-arrival",
	[KSYNC_FAULT_LOCK_GIVE_UP] = "lock-give-up",
	[KSYNC_FAULT_LOCK_STEAL] = "lock-steal",
	[KSYNC_FAULT_DEATH_AWAITED] = "death-awaited",
	[KSYNC_FAULT_DEATH_ALONE] = "death-alone",
	[KSYNC_FAULT_NO_BOOST] = "no-boost",
	[KSYNC_FAULT_NO_DEBOOST] = "no-deboost",
	[KSYNC_FAULT_DRAIN_LEAVE] = "drain-leave",
	[KSYNC_FAULT_DRAIN_BLIND] = "drain-blind",
	[KSYNC_FAULT_QUEUE_WAKE] = "queue-wake",
	[KSYNC_FAULT_QUEUE_TIMEOUT] = "queue-timeout",
	[KSYNC_FAULT_QUEUE_FIFO] = "queue-fifo",
	[KSYNC_FAULT_SEM_TWICE] = "sem-twice",
	[KSYNC_FAULT_EVENT_TWICE] = "event-twice",
	[KSYNC_FAULT_EVENT_ONE] = "event-one",
	[KSYNC_FAULT_WAITQ_COMPARE] = "waitq-compare",
	[KSYNC_FAULT_COND_TURN] = "cond-turn",
	[KSYNC_FAULT_COND_KILLED] = "cond-killed",
	[KSYNC_FAULT_MANY_TWICE] = "many-twice",
	[KSYNC_FAULT_MANY_KEEP] = "many-keep",
	[KSYNC_FAULT_WATCH_LOST] = "watch-lost",
	[KSYNC_FAULT_POLL_LOST] = "poll-lost",
};

int ksync_fault;
static unsigned int fault_every = 1;
static atomic_t fault_chances;
static atomic_t fault_hits;

/** ksync_fault_now() - is it this time? any context */
bool ksync_fault_now(void)
{
	if ((unsigned int)atomic_inc_return(&fault_chances) % READ_ONCE(fault_every))
		return false;
	atomic_inc(&fault_hits);
	return true;
}

static int set_fault(const char *val, const struct kernel_param *kp)
{
	unsigned int every = 1;
	char name[32], *n;
	int fault;

	if (strscpy(name, val, sizeof(name)) < 0)
		return -EINVAL;
	n = strim(name);
	strsep(&n, ":");
	if (n && (kstrtouint(n, 0, &every) || !every))
		return -EINVAL;
	fault = match_string(fault_names, ARRAY_SIZE(fault_names), name);
	if (fault < 0)
		return fault;
	WRITE_ONCE(ksync_fault, KSYNC_FAULT_NONE);
	WRITE_ONCE(fault_every, every);
	atomic_set(&fault_chances, 0);
	atomic_set(&fault_hits, 0);
	WRITE_ONCE(ksync_fault, fault);
	return 0;
}

/* The fault, and how often it was made. */
static int get_fault(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s:%u %d\n", fault_names[READ_ONCE(ksync_fault)],
			  READ_ONCE(fault_every), atomic_read(&fault_hits));
}

static const struct kernel_param_ops fault_ops = {
	.set = set_fault,
	.get = get_fault,
};

module_param_cb(fault, &fault_ops, NULL, 0600);
MODULE_PARM_DESC(fault, "what is to be wrong, NAME[:N]: each Nth time; none");
