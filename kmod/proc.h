/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /proc/ksync: what its files have in common.
 */
#ifndef KSYNC_PROC_H
#define KSYNC_PROC_H

#include <linux/seq_file.h>

#include "queue.h"

struct pid_namespace;

/**
 * struct ksync_walk - one reader's way through all domains
 * @ns: in which pids are told
 * @serial: of the domain that is looked at
 * @at: object or handle in it to go on with
 * @side: which of that object's waiters
 * @sweep: of them; begun if @sweeping
 * @sweeping: it is
 * @end: there is nothing more
 * @n: records in the batch
 * @next: the first of them that was not printed
 * @records: the batch: copies, without a reference to anything
 */
struct ksync_walk {
	struct pid_namespace *ns;
	u64 serial;
	u32 at;
	u32 side;
	struct ksync_sweep sweep;
	bool sweeping;
	bool end;
	u32 n;
	u32 next;
	u64 records[];
};

/**
 * struct ksync_proc_file - one file
 * @name: of the file
 * @columns: their names
 * @size: of a record
 * @batch: how many are copied in one go
 * @fill: may sleep: copy records of a domain from @at on, at most a batch, and
 *	set @n. True: call again, even if there were none
 * @show: print a record, with a space before each value
 */
struct ksync_proc_file {
	const char *name;
	const char *columns;
	size_t size;
	u32 batch;
	bool (*fill)(struct ksync_walk *w, struct ksync_domain *d);
	void (*show)(struct seq_file *m, const void *record);
};

/**
 * struct ksync_who - what is told of a task
 * @pid: of the thread; 0: in another namespace
 * @tgid: of its process
 * @policy: SCHED_*
 * @prio: at which it runs now, boosts included, in the kernel's scale
 * @comm: its name
 */
struct ksync_who {
	pid_t pid;
	pid_t tgid;
	u32 policy;
	int prio;
	char comm[TASK_COMM_LEN];
};

extern const struct ksync_proc_file ksync_proc_objects;
extern const struct ksync_proc_file ksync_proc_threads;
extern const struct ksync_proc_file ksync_proc_waiters;

void ksync_proc_who(const struct ksync_walk *w, struct ksync_who *who,
		    struct task_struct *task);
void ksync_proc_show_number(struct seq_file *m, u64 number, bool there);
void ksync_proc_show_pid(struct seq_file *m, pid_t pid, bool there);
void ksync_proc_show_text(struct seq_file *m, const char *text);
void ksync_proc_show_prio(struct seq_file *m, int prio);

#ifdef CONFIG_PROC_FS
void ksync_proc_init(void);
void ksync_proc_exit(void);
#else
static inline void ksync_proc_init(void) {}
static inline void ksync_proc_exit(void) {}
#endif

#endif /* KSYNC_PROC_H */
