// SPDX-License-Identifier: GPL-2.0
/*
 * A page of ftrace's ring buffer: a time stamp, a length, and events, each with
 * the time since the one before it: see ring.h.
 */
#include <string.h>
#include "ring.h"

enum { PADDING = 29, TIME_EXTEND = 30, TIME_STAMP = 31 };

#define COMMIT_MASK	0xfffffU
#define LOST		0x80000000U

/**
 * struct page_head - how a page begins
 * @time: of what its events are counted from
 * @commit: bytes that follow, and flags
 */
struct page_head {
	uint64_t time;
	uint64_t commit;
};

static uint32_t word_at(const char *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static void tell(const char *data, uint64_t time, record_fn fn, void *arg)
{
	struct record r = { .time = time, .word = data + 8 };

	memcpy(&r.type, data, sizeof(r.type));
	memcpy(&r.pid, data + 4, sizeof(r.pid));
	fn(&r, arg);
}

/* One event at @at. Return: where the next one begins; NULL: this was the last. */
static const char *event(const char *at, uint64_t *time, record_fn fn, void *arg)
{
	const uint32_t head = word_at(at), type = head & 31, delta = head >> 5;
	const char *data = at + 4;

	switch (type) {
	case PADDING:
		return delta ? data + word_at(data) : NULL;
	case TIME_EXTEND:
		*time += ((uint64_t)word_at(data) << 27) + delta;
		return data + 4;
	case TIME_STAMP:
		*time = ((uint64_t)word_at(data) << 27) + delta;
		return data + 4;
	case 0:
		*time += delta;
		tell(data + 4, *time, fn, arg);
		return data + word_at(data);
	default:
		*time += delta;
		tell(data, *time, fn, arg);
		return data + type * 4;
	}
}

int ring_page(const void *page, record_fn fn, void *arg)
{
	const char *at = (const char *)page + sizeof(struct page_head), *end;
	struct page_head head;

	memcpy(&head, page, sizeof(head));
	end = at + (head.commit & COMMIT_MASK);
	while (at && at < end)
		at = event(at, &head.time, fn, arg);
	return head.commit & LOST ? -1 : 0;
}
