/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* An io_uring of one thread: the system calls and the memory, without liburing. */
#ifndef KSYNC_MODELS_URING_H
#define KSYNC_MODELS_URING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/io_uring.h>

/**
 * struct uring - an io_uring
 * @fd: of it
 * @sq_head: the kernel's, @sq_tail ours
 * @cq_head: ours, @cq_tail the kernel's
 * @filled: entries that have not been submitted
 */
struct uring {
	int fd;
	uint32_t *sq_head;
	uint32_t *sq_tail;
	uint32_t *cq_head;
	uint32_t *cq_tail;
	uint32_t sq_mask;
	uint32_t cq_mask;
	uint32_t filled;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	void *rings;
	size_t rings_size;
	size_t sqes_size;
};

int ksync_uring_open(struct uring *u, uint32_t entries);
bool ksync_uring_has(const struct uring *u, uint8_t opcode);
void ksync_uring_close(struct uring *u);
struct io_uring_sqe *ksync_uring_sqe(struct uring *u);
int ksync_uring_enter(struct uring *u, uint32_t wait);
struct io_uring_cqe *ksync_uring_cqe(struct uring *u);
void ksync_uring_seen(struct uring *u);

#endif /* KSYNC_MODELS_URING_H */
