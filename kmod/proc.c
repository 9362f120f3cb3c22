// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/ksync: all domains, for root to look at from outside.
 *
 * The files are root's, mode 0400.  But root in a container may be the same user, and
 * have been left nothing but that: so who opens one needs CAP_SYS_PTRACE too, as to
 * look at other processes.
 *
 * The format is a promise, see ksync_proc(5): a first line with its version and
 * the names of the columns, then a record a line; new columns come last.  Names
 * are what users chose, and are escaped, so that they can forge neither lines nor
 * columns.
 *
 * Whoever reads may stop for ever between two lines.  So nothing is held across
 * the printing: records are copied in batches, and while that is done a reference
 * keeps the domain from being freed, though not from being closed.  Where to go
 * on is remembered as numbers, that are looked up again.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/string_helpers.h>

#include "proc.h"

#define FORMAT	1

/**
 * ksync_proc_who() - note who a task is
 * @w: walk
 * @who: filled in
 * @task: task that cannot go away
 */
void ksync_proc_who(const struct ksync_walk *w, struct ksync_who *who,
		    struct task_struct *task)
{
	who->pid = task_pid_nr_ns(task, w->ns);
	who->tgid = task_tgid_nr_ns(task, w->ns);
	who->policy = READ_ONCE(task->policy);
	who->prio = ksync_prio(task);
	/* Like top, without the lock: it may be changing. */
	data_race(memcpy(who->comm, task->comm, sizeof(who->comm)));
	who->comm[sizeof(who->comm) - 1] = '\0';
}

/** ksync_proc_show_number() - a number, or "-" if it is not @there */
void ksync_proc_show_number(struct seq_file *m, u64 number, bool there)
{
	if (there)
		seq_printf(m, " %llu", number);
	else
		seq_puts(m, " -");
}

/** ksync_proc_show_pid() - the same of a pid; 0: it is in another namespace */
void ksync_proc_show_pid(struct seq_file *m, pid_t pid, bool there)
{
	ksync_proc_show_number(m, pid, there);
}

/** ksync_proc_show_text() - a name; "-" if it is empty */
void ksync_proc_show_text(struct seq_file *m, const char *text)
{
	seq_putc(m, ' ');
	if (!*text)
		seq_putc(m, '-');
	else if (!strcmp(text, "-"))
		seq_puts(m, "\\055");
	else
		seq_escape_str(m, text, ESCAPE_OCTAL | ESCAPE_NAP | ESCAPE_APPEND, " \\\"");
}

/** ksync_proc_show_prio() - a priority as people write it */
void ksync_proc_show_prio(struct seq_file *m, int prio)
{
	if (prio < 0)
		seq_puts(m, " deadline");
	else if (rt_prio(prio))
		seq_printf(m, " rt:%d", MAX_RT_PRIO - 1 - prio);
	else
		seq_printf(m, " nice:%d", prio - DEFAULT_PRIO);
}

static const struct ksync_proc_file *file_of(const struct seq_file *m)
{
	return pde_data(file_inode(m->file));
}

static void enter_domain(struct ksync_walk *w, u64 serial)
{
	w->serial = serial;
	w->at = 0;
	w->side = 0;
	w->sweeping = false;
}

/* Copy what comes next; nothing was there when it is the end. */
static int fill(const struct ksync_proc_file *file, struct ksync_walk *w)
{
	struct ksync_domain *d;
	bool more;

	w->next = 0;
	w->n = 0;
	while (!w->n && !w->end) {
		if (signal_pending(current))
			return -ERESTARTSYS;
		d = ksync_domain_get(w->serial);
		if (!d) {
			w->end = true;
			break;
		}
		if (d->serial != w->serial)
			enter_domain(w, d->serial);
		more = file->fill(w, d);
		ksync_domain_put(d);
		if (!more)
			enter_domain(w, w->serial + 1);
		cond_resched();
	}
	return 0;
}

/* The record to be printed next; NULL at the end. */
static void *record(const struct ksync_proc_file *file, struct ksync_walk *w)
{
	int ret = 0;

	if (w->next == w->n)
		ret = fill(file, w);
	if (ret)
		return ERR_PTR(ret);
	return w->next < w->n ? (void *)w->records + w->next * file->size : NULL;
}

/* seq_file starts at 0, or where it stopped: a seek reads from the start again. */
static void *walk_start(struct seq_file *m, loff_t *pos)
{
	struct ksync_walk *w = m->private;

	if (*pos)
		return record(file_of(m), w);
	w->ns = proc_pid_ns(file_inode(m->file)->i_sb);
	w->end = false;
	w->next = 0;
	w->n = 0;
	enter_domain(w, 0);
	return SEQ_START_TOKEN;
}

static void *walk_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct ksync_walk *w = m->private;

	if (v != SEQ_START_TOKEN)
		w->next++;
	++*pos;
	return record(file_of(m), w);
}

static void walk_stop(struct seq_file *m, void *v)
{
}

static int walk_show(struct seq_file *m, void *v)
{
	const struct ksync_proc_file *file = file_of(m);

	if (v == SEQ_START_TOKEN) {
		seq_printf(m, "ksync-%s %u %s\n", file->name, FORMAT, file->columns);
		return 0;
	}
	file->show(m, v);
	seq_putc(m, '\n');
	return 0;
}

static const struct seq_operations walk_ops = {
	.start = walk_start,
	.next = walk_next,
	.stop = walk_stop,
	.show = walk_show,
};

struct domain_record {
	u64 serial;
	u32 objects;
	u32 threads;
	u32 waiters;
	u32 slot_cells;
	pid_t pid;
	bool alive;
	char comm[TASK_COMM_LEN];
};

static bool fill_domain(struct ksync_walk *w, struct ksync_domain *d)
{
	struct domain_record *r = (void *)w->records;

	*r = (struct domain_record){
		.serial = d->serial,
		.objects = ksync_domain_objects(d),
		.threads = READ_ONCE(d->threads),
		.waiters = atomic_read(&d->waiters),
		.slot_cells = READ_ONCE(d->slot_cells),
		.pid = pid_nr_ns(d->opener, w->ns),
	};
	memcpy(r->comm, d->opener_comm, sizeof(r->comm));
	rcu_read_lock();
	r->alive = pid_task(d->opener, PIDTYPE_TGID);
	rcu_read_unlock();
	w->n = 1;
	return false;
}

static void show_domain(struct seq_file *m, const void *record)
{
	const struct domain_record *r = record;

	seq_printf(m, "%llu %u %u %u %u", r->serial, r->objects, r->threads,
		   r->waiters, r->slot_cells);
	ksync_proc_show_pid(m, r->pid, r->alive);
	ksync_proc_show_text(m, r->comm);
}

static const struct ksync_proc_file domains_file = {
	.name = "domains",
	.columns = "serial objects threads waiters slot_cells pid comm",
	.size = sizeof(struct domain_record),
	.batch = 1,
	.fill = fill_domain,
	.show = show_domain,
};

static const struct ksync_proc_file *const files[] = {
	&domains_file,
	&ksync_proc_objects,
	&ksync_proc_threads,
	&ksync_proc_waiters,
};

static int walk_open(struct inode *inode, struct file *file)
{
	const struct ksync_proc_file *f = pde_data(inode);

	if (!capable(CAP_SYS_PTRACE))
		return -EPERM;
	return __seq_open_private(file, &walk_ops,
				  sizeof(struct ksync_walk) + f->batch * f->size) ?
		0 : -ENOMEM;
}

static const struct proc_ops walk_proc_ops = {
	.proc_open = walk_open,
	.proc_read_iter = seq_read_iter,
	.proc_lseek = seq_lseek,
	.proc_release = seq_release_private,
};

static struct proc_dir_entry *dir;

/** ksync_proc_init() - the module works without these files */
void ksync_proc_init(void)
{
	const struct ksync_proc_file *f;
	size_t i;

	dir = proc_mkdir("ksync", NULL);
	for (i = 0; dir && i < ARRAY_SIZE(files); i++) {
		f = files[i];
		if (!proc_create_data(f->name, 0400, dir, &walk_proc_ops, (void *)f))
			ksync_proc_exit();
	}
	if (!dir)
		pr_warn("ksync: /proc/ksync could not be made; ksyncctl will not work\n");
}

/** ksync_proc_exit() - waits for those who read; what they have open reads no more */
void ksync_proc_exit(void)
{
	proc_remove(dir);
	dir = NULL;
}
