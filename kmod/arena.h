/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory of a domain: its cells, and the tags that say what they are.
 */
#ifndef KSYNC_ARENA_H
#define KSYNC_ARENA_H

#include "core.h"

void ksync_arena_init(struct ksync_arena *a);
void ksync_arena_free(struct ksync_arena *a);
struct ksync_cell *ksync_arena_page(struct ksync_arena *a, u32 page);
u8 *ksync_arena_find(struct ksync_arena *a, u32 id, struct ksync_cell **cell);
int ksync_arena_take(struct ksync_arena *a, u32 pages, u8 tag, u32 *ids, u32 want);
void ksync_arena_release(struct ksync_arena *a, u32 id, struct ksync_cell *cell,
			 const u8 *tag_at);
bool ksync_arena_made(struct ksync_arena *a, u32 *page);

static inline void ksync_cell_clear(struct ksync_cell *cell)
{
	/* A program may write into it meanwhile: it has what it wrote then, or zeros. */
	data_race(memset(cell, 0, sizeof(*cell)));
}

#endif /* KSYNC_ARENA_H */
