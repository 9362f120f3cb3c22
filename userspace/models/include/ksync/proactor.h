/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Proactors: loops that have the kernel read, by io_uring(7), and call a handler when
 * it has (I. Pyarali, T. Harrison, D. C. Schmidt, T. D. Jordan, "Proactor", 1997).
 *
 * Operations that are started in a turn go to the kernel together, by the one system
 * call that waits for the next.
 */
#ifndef KSYNC_PROACTOR_H
#define KSYNC_PROACTOR_H

#include <ksync/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ksync_proactor_create() - make a loop that is a proactor
 * @loop: set to it
 * @entries: how many operations go to the kernel at once; 0: 256.  More than these may
 *	be started: the rest waits
 * @flags: 0 or KSYNC_LOOP_SELF_PIPE
 *
 * The thread that runs it first is the one that may run it.
 *
 * Return: 0; -EINVAL, -ENOMEM, -EMFILE, -ENFILE; -ENOSYS, -EPERM: there is no io_uring
 * here: see ksync_proactor_refusal().
 */
int ksync_proactor_create(struct ksync_loop **loop, uint32_t entries, uint32_t flags);

/** ksync_proactor_refusal() - a sentence: why there is no proactor, and what to do */
const char *ksync_proactor_refusal(int error);

/* struct ksync_op.flags */
/* Again and again: accept, recv into provided buffers. */
#define KSYNC_OP_MULTI		1U
/* The next one that is started begins when this one has succeeded: a chain. */
#define KSYNC_OP_LINK		2U

struct ksync_buffers;

/**
 * struct ksync_op - an operation
 * @fn: called when it has ended; with KSYNC_OP_MULTI for each thing that comes.  May
 *	start it again, or free it, if @more is not set
 * @flags: KSYNC_OP_*; set, with @fn, by the caller, and the rest is zero before the
 *	first use
 * @res: what came of it: as the system call returns, or a negative errno
 * @more: it has not ended
 * @buffer: that the data is in, to be given back; or NULL
 */
struct ksync_op {
	void (*fn)(struct ksync_loop *loop, struct ksync_op *op);
	uint32_t flags;
	int res;
	bool more;
	void *buffer;
	uint32_t state_;
	uint32_t cancel_;
	struct ksync_op *next_;
	struct ksync_op *prev_;
	struct ksync_op *queued_;
	struct ksync_op *ahead_;
	struct ksync_op *behind_;
	struct ksync_buffers *buffers_;
	int64_t time_[2];
	uint64_t sqe_[8];
};

/*
 * Each starts an operation, whose memory, buffers and addresses live until it has ended,
 * and returns 0; -EINVAL (not a proactor; @op->flags), -EBUSY (@op has not ended),
 * -E2BIG (a chain of more than half of the ring).  All else comes as @op->res.
 */

/* @offset: as pread(2); -1: where the file is at, and for what has no places. */
int ksync_proactor_read(struct ksync_loop *loop, struct ksync_op *op, int fd, void *buf,
			size_t n, int64_t offset);
int ksync_proactor_write(struct ksync_loop *loop, struct ksync_op *op, int fd,
			 const void *buf, size_t n, int64_t offset);
int ksync_proactor_recv(struct ksync_loop *loop, struct ksync_op *op, int fd, void *buf,
			size_t n, int flags);
/* Without SIGPIPE. */
int ksync_proactor_send(struct ksync_loop *loop, struct ksync_op *op, int fd,
			const void *buf, size_t n, int flags);
/*
 * @flags: as accept4(2).  KSYNC_OP_MULTI: until it is cancelled, or fails; on kernels
 * before 5.19 the library starts it anew for each.
 */
int ksync_proactor_accept(struct ksync_loop *loop, struct ksync_op *op, int fd, int flags);
int ksync_proactor_connect(struct ksync_loop *loop, struct ksync_op *op, int fd,
			   const struct sockaddr *addr, socklen_t len);
int ksync_proactor_close(struct ksync_loop *loop, struct ksync_op *op, int fd);
/* Until KSYNC_READABLE, KSYNC_WRITABLE; res is a mask of poll(2). */
int ksync_proactor_poll(struct ksync_loop *loop, struct ksync_op *op, int fd,
			uint32_t events);
/* res 0: it is time. -EINVAL: tv_nsec. */
int ksync_proactor_timeout(struct ksync_loop *loop, struct ksync_op *op,
			   const struct timespec *abs);

/**
 * ksync_proactor_command() - IORING_OP_URING_CMD: what a driver offers
 * @command: the driver's number
 * @arg: its argument, 16 bytes
 * @cancel: the command that ends it, whose argument is 8 bytes of 0 and user_data; 0:
 *	cancelled as other operations
 *
 * For the objects of ksync see ksync/proactor_object.h.
 */
int ksync_proactor_command(struct ksync_loop *loop, struct ksync_op *op, int fd,
			   uint32_t command, const void *arg, uint32_t cancel);

/**
 * ksync_proactor_cancel() - have an operation end
 * @op: started
 *
 * It ends with -ECANCELED; or with what it was about to end with.  Its handler is called
 * for its end once, as ever.  Of a chain, all that has not ended is cancelled.
 *
 * Return: 0; -ENOENT: it has ended, or was never started.
 */
int ksync_proactor_cancel(struct ksync_loop *loop, struct ksync_op *op);

/**
 * ksync_buffers_create() - buffers for the kernel to pick from, when data comes
 * @loop: proactor
 * @b: set
 * @n: how many, a power of two, at most 32768
 * @size: of each
 *
 * A ring of provided buffers, from Linux 5.19 on; before, an operation gets its buffer
 * when it starts.
 *
 * Return: 0; -EINVAL, -ENOMEM, -ENOSPC (there are 65535).
 */
int ksync_buffers_create(struct ksync_loop *loop, struct ksync_buffers **b, uint32_t n,
			 uint32_t size);

/* Give one back: op->buffer. */
void ksync_buffers_return(struct ksync_buffers *b, void *buffer);

/* No operation uses them any more; before the loop is destroyed. */
void ksync_buffers_destroy(struct ksync_buffers *b);

/**
 * ksync_proactor_recv_buffer() - receive into one of @b
 *
 * op->buffer is set to it if op->res is more than 0.  KSYNC_OP_MULTI: until the other end
 * has closed (res 0) or an error.  res -ENOBUFS: all are in use.
 */
int ksync_proactor_recv_buffer(struct ksync_loop *loop, struct ksync_op *op, int fd,
			       struct ksync_buffers *b);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_PROACTOR_H */
