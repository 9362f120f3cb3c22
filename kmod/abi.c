// SPDX-License-Identifier: GPL-2.0
/*
 * What users were promised of the layout, checked when the module is built.
 */
#include <linux/build_bug.h>
#include <linux/stddef.h>

#include "core.h"

static_assert(sizeof(struct ksync_cell) == KSYNC_CELL_SIZE);
static_assert(offsetof(struct ksync_cell, word) == 0);
static_assert(offsetof(struct ksync_cell, waiters) == 4);
static_assert(offsetof(struct ksync_cell, attr) == 8);
static_assert(offsetof(struct ksync_cell, depth) == 12);
static_assert(offsetof(struct ksync_cell, limit) == 16);
static_assert(offsetof(struct ksync_cell, near) == 20);

static_assert(sizeof(struct ksync_info) == 56);
static_assert(sizeof(struct ksync_create) == 24);
static_assert(sizeof(struct ksync_destroy) == 24);
static_assert(sizeof(struct ksync_attach) == 16);
static_assert(sizeof(struct ksync_name) == 40);
static_assert(sizeof(struct ksync_lock) == 24);
static_assert(sizeof(struct ksync_unlock) == 16);
static_assert(sizeof(struct ksync_wait) == 32);
static_assert(sizeof(struct ksync_wake) == 24);
static_assert(sizeof(struct ksync_requeue) == 40);
static_assert(sizeof(struct ksync_query) == 104);
static_assert(sizeof(struct ksync_acquire) == 24);
static_assert(sizeof(struct ksync_release) == 24);
static_assert(sizeof(struct ksync_cond_wait) == 40);
static_assert(sizeof(struct ksync_cond_signal) == 16);
static_assert(sizeof(struct ksync_item) == 16);
static_assert(sizeof(struct ksync_many) == 40);
static_assert(sizeof(struct ksync_fd) == 24);
static_assert(sizeof(struct ksync_expect) == 8);
static_assert(sizeof(struct ksync_uring) == 24);
static_assert(offsetof(struct ksync_uring, deadline) == 16);
static_assert(sizeof(struct ksync_uring_cancel) == 16);
static_assert(sizeof(struct ksync_ceiling) == 16);
static_assert(sizeof(struct ksync_settle) == 8);
static_assert(sizeof(struct ksync_ceiling_cell) == KSYNC_CELL_SIZE);
static_assert(KSYNC_SLOTS * sizeof(u32) == KSYNC_CELL_SIZE);

/* The four bits above the owner do not overlap it or each other. */
static_assert((KSYNC_WAITERS ^ KSYNC_OWNER_DIED ^ KSYNC_WOKEN ^ KSYNC_READ ^
	       KSYNC_OWNER) == U32_MAX);
static_assert(KSYNC_HANDLE_MAX < KSYNC_NOTRECOVERABLE);
