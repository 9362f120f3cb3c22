/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Commands by io_uring, and a scene for them; in headers alone, for most tests are
 * not linked with liburing.
 */
#ifndef KSYNC_SELFTESTS_URING_H
#define KSYNC_SELFTESTS_URING_H

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "ksft.h"

#define LATE (-ETIME)

/* One ring and one object of each kind that it can wait for. */
struct uring_scene {
	int fd;
	struct ksync_cell *cells;
	uint32_t self;
	uint32_t sem, event, manual, waitq, mutex, rwlock;
	struct io_uring ring;
};

static inline bool uring_scene_open(struct uring_scene *s)
{
	s->fd = raw_open();
	s->cells = raw_map(s->fd, 64);
	return !raw_attach(s->fd, &s->self) &&
	       !raw_create(s->fd, KSYNC_KIND_SEM, 0, &s->sem) &&
	       !raw_create(s->fd, KSYNC_KIND_EVENT, 0, &s->event) &&
	       !raw_create(s->fd, KSYNC_KIND_EVENT, KSYNC_EVENT_MANUAL, &s->manual) &&
	       !raw_create(s->fd, KSYNC_KIND_WAITQ, 0, &s->waitq) &&
	       !raw_create(s->fd, KSYNC_KIND_MUTEX, 0, &s->mutex) &&
	       !raw_create(s->fd, KSYNC_KIND_RWLOCK, 0, &s->rwlock);
}

/* Whether the module has it: else there is nothing to test. */
static inline bool uring_there(const struct uring_scene *s)
{
	struct ksync_info info;

	return !raw_info(s->fd, &info) && info.features & KSYNC_FEATURE_URING;
}

/* A command, whose argument is in memory of its own; not submitted yet. */
static inline struct io_uring_sqe *uring_prep(struct io_uring *ring, int fd, uint32_t op,
					      const void *arg, size_t size, uint64_t tag)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	/* A thread that polls says late what it has taken: after it was done. */
	while (!sqe && ring->flags & IORING_SETUP_SQPOLL && io_uring_sqring_wait(ring) >= 0)
		sqe = io_uring_get_sqe(ring);
	if (!sqe)
		abort();
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = op;
	sqe->user_data = tag;
	memcpy((char *)sqe + offsetof(struct io_uring_sqe, cmd), arg, size);
	return sqe;
}

static inline struct io_uring_sqe *uring_command(struct io_uring *ring, int fd, uint32_t op,
						 uint32_t id, uint32_t value, uint32_t bitset,
						 uint64_t tag)
{
	const uint32_t arg[4] = { id, 0, value, bitset };

	return uring_prep(ring, fd, op, arg, sizeof(arg), tag);
}

static inline struct io_uring_sqe *uring_acquire(struct io_uring *ring, int fd, uint32_t id,
						 uint64_t tag)
{
	return uring_command(ring, fd, KSYNC_URING_ACQUIRE, id, 0, 0, tag);
}

static inline struct io_uring_sqe *uring_cancel(struct io_uring *ring, int fd,
						uint64_t user_data, uint64_t tag)
{
	const struct ksync_uring_cancel arg = { .user_data = user_data };

	return uring_prep(ring, fd, KSYNC_URING_CANCEL, &arg, sizeof(arg), tag);
}

/* The kernel takes the @n commands that were prepared: 0, or an error. */
static inline int uring_submit(struct io_uring *ring, int n)
{
	const int ret = io_uring_submit(ring);

	/* A thread of the kernel's takes them, be it before liburing counts them. */
	if (ret < 0 || ring->flags & IORING_SETUP_SQPOLL)
		return ret < 0 ? ret : 0;
	return ret == n ? 0 : -EIO;
}

/* The next result, and whose; LATE: there is none. */
static inline int uring_reap(struct io_uring *ring, uint64_t *tag)
{
	const uint64_t deadline = await_deadline();
	struct __kernel_timespec ts = { .tv_sec = 1 };
	struct io_uring_cqe *cqe;
	int ret;

	do {
		ret = io_uring_wait_cqe_timeout(ring, &cqe, &ts);
	} while ((ret == -ETIME || ret == -EINTR) && !passed(deadline));
	if (ret)
		return ret;
	ret = cqe->res;
	*tag = cqe->user_data;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

/* Is nothing there? What is on its way to the calling task arrives before. */
static inline bool uring_quiet(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;

	io_uring_submit_and_get_events(ring);
	return io_uring_peek_cqe(ring, &cqe);
}

#define URING_RESULT(ring, want, whose) do {					\
	uint64_t tag_ = ~0ULL;							\
	EXPECT_EQ(want, uring_reap(ring, &tag_));				\
	EXPECT_EQ(whose, tag_);							\
} while (0)

/* Two results in any order. */
#define URING_RESULTS(ring, want1, tag1, want2, tag2) do {			\
	struct io_uring *ring_ = (ring);					\
	uint64_t t1_ = ~0ULL, t2_ = ~0ULL, first_ = (tag1);			\
	int r1_ = uring_reap(ring_, &t1_), r2_ = uring_reap(ring_, &t2_);	\
	bool swap_ = t1_ != first_;						\
	EXPECT_EQ(first_, swap_ ? t2_ : t1_);					\
	EXPECT_EQ(tag2, swap_ ? t1_ : t2_);					\
	EXPECT_EQ(want1, swap_ ? r2_ : r1_);					\
	EXPECT_EQ(want2, swap_ ? r1_ : r2_);					\
} while (0)

#endif /* KSYNC_SELFTESTS_URING_H */
