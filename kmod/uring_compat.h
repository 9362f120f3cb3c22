/* SPDX-License-Identifier: GPL-2.0 */
/*
 * io_uring as drivers see it, which changed often, in stable kernels too.  Kbuild
 * finds out by compiling uring_probe.c which KSYNC_URING_API a kernel has:
 *
 *	5	a header of its own for drivers				(6.8)
 *	4	commands can be told that they are cancelled		(6.7)
 *	3	a command has its whole SQE				(6.5)
 *	2	io_uring_task.in_cancel					(6.2)
 *	1	io_uring_task.in_idle					(6.1)
 */
#ifndef KSYNC_URING_COMPAT_H
#define KSYNC_URING_COMPAT_H

#if KSYNC_URING_API >= 5
#include <linux/io_uring/cmd.h>
#else
#include <linux/io_uring.h>
#endif
#include <linux/io_uring_types.h>

/* Of the SQE, which users may change at any time. */
static inline const void *ksync_uring_arg(const struct io_uring_cmd *cmd)
{
#if KSYNC_URING_API >= 3
	return io_uring_sqe_cmd(cmd->sqe);
#else
	return cmd->cmd;
#endif
}

/* Let io_uring tell when the command is not wanted any more, where it can. */
static inline void ksync_uring_mark(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
#if KSYNC_URING_API >= 4
	io_uring_cmd_mark_cancelable(cmd, issue_flags);
#endif
}

/* It does so by a call with these flags. */
static inline bool ksync_uring_cancels(unsigned int issue_flags)
{
#if KSYNC_URING_API >= 4
	return issue_flags & IO_URING_F_CANCEL;
#else
	return false;
#endif
}

/* What is the submitter, which lives as long as the command. */
static inline struct task_struct *ksync_uring_task(struct io_uring_cmd *cmd)
{
#if KSYNC_URING_API >= 4
	return io_uring_cmd_get_task(cmd);
#else
	return cmd_to_io_kiocb(cmd)->task;
#endif
}

/* It is in exit or execve, and waits for its commands; where it tells them, false. */
static inline bool ksync_uring_task_leaves(struct task_struct *task)
{
#if KSYNC_URING_API >= 4
	return false;
#elif KSYNC_URING_API >= 2
	return atomic_read(&task->io_uring->in_cancel);
#else
	return atomic_read(&task->io_uring->in_idle);
#endif
}

/* Does it race with the submitter to have task work added by another task? */
static inline bool ksync_uring_task_work_races(struct io_uring_cmd *cmd)
{
	return KSYNC_URING_API == 1 && ksync_uring_task(cmd) != current &&
	       cmd_to_io_kiocb(cmd)->ctx->flags & IORING_SETUP_DEFER_TASKRUN;
}

/* Nobody can submit to the ring any more, nor read what comes. */
static inline bool ksync_uring_closed(struct io_uring_cmd *cmd)
{
	return percpu_ref_is_dying(&cmd_to_io_kiocb(cmd)->ctx->refs);
}

#endif /* KSYNC_URING_COMPAT_H */
