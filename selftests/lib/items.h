/* SPDX-License-Identifier: GPL-2.0 */
/* Items of waits on many objects by the library, and such waits that are over at once. */
#ifndef KSYNC_SELFTESTS_ITEMS_H
#define KSYNC_SELFTESTS_ITEMS_H

#include "ksft.h"

#define ITEM(x)		{ .o = &(x).o }
#define READ(x)		{ .o = &(x).o, .flags = KSYNC_LOCK_READ }

/* It returns @ret, and @at is the item's index, or 77 if it does not say. */
#define EXPECT_ANY(ret, at, ...)						\
do {										\
	struct ksync_wait_item w_[] = { __VA_ARGS__ };				\
	unsigned int index_ = 77;						\
										\
	EXPECT_EQ(ret, ksync_wait_any_try(w_, ARRAY_SIZE(w_), &index_));	\
	EXPECT_EQ(at, index_);							\
} while (0)

#define EXPECT_ALL(ret, at, ...)						\
do {										\
	struct ksync_wait_item w_[] = { __VA_ARGS__ };				\
	unsigned int index_ = 77;						\
										\
	EXPECT_EQ(ret, ksync_wait_all_try(w_, ARRAY_SIZE(w_), &index_));	\
	EXPECT_EQ(at, index_);							\
} while (0)

#endif /* KSYNC_SELFTESTS_ITEMS_H */
