// SPDX-License-Identifier: GPL-2.0
/*
 * Does this kernel's io_uring look like KSYNC_URING_API?  See Kbuild; no part of the
 * module.
 */
#include <linux/fs.h>
#include "uring_compat.h"

#ifndef CONFIG_IO_URING
#error "the kernel has no io_uring"
#endif

static void task_work(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	io_uring_cmd_done(cmd, 0, 0, issue_flags);
}

static int probe(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct io_kiocb *req = cmd_to_io_kiocb(cmd);

	if (ksync_uring_cancels(issue_flags) || ksync_uring_closed(cmd) ||
	    ksync_uring_task_leaves(ksync_uring_task(cmd)))
		return cmd->cmd_op;
	if (issue_flags & IO_URING_F_SQE128 && ksync_uring_arg(cmd))
		return req->flags & (REQ_F_ARM_LTIMEOUT | REQ_F_LINK_TIMEOUT) && req->link;
	cmd->pdu[0] = req->cqe.user_data;
	ksync_uring_mark(cmd, issue_flags);
	io_uring_cmd_complete_in_task(cmd, task_work);
	return -EIOCBQUEUED;
}

const struct file_operations probe_fops = {
	.uring_cmd = probe,
};
