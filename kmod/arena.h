/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory of a domain: its cells, and the tags that say what they are.
 */
#ifndef KSYNC_ARENA_H
#define KSYNC_ARENA_H

#include <linux/nospec.h>

#include "core.h"

void ksync_arena_init(struct ksync_arena *a);
void ksync_arena_free(struct ksync_arena *a);
struct ksync_cell *ksync_arena_page(struct ksync_arena *a, u32 page);
u8 *ksync_arena_find_far(struct ksync_arena *a, u32 id, struct ksync_cell **cell);
int ksync_arena_take(struct ksync_arena *a, u32 pages, u8 tag, u32 *ids, u32 want);
void ksync_arena_release(struct ksync_arena *a, u32 id, struct ksync_cell *cell,
			 const u8 *tag_at);
bool ksync_arena_made(struct ksync_arena *a, u32 *page);

static inline void ksync_cell_clear(struct ksync_cell *cell)
{
	/* A program may write into it meanwhile: it has what it wrote then, or zeros. */
	data_race(memset(cell, 0, sizeof(*cell)));
}

/**
 * ksync_arena_find() - a cell that may be in use
 * @a: arena
 * @id: its number, any
 * @cell: set, unless there is none
 *
 * Return: where its tag is; NULL if it is in no page that was made.
 */
static inline u8 *ksync_arena_find(struct ksync_arena *a, u32 id, struct ksync_cell **cell)
{
	struct ksync_cell *cells = READ_ONCE(a->first);

	if (id >= KSYNC_CELLS_PER_PAGE)
		return ksync_arena_find_far(a, id, cell);
	if (!cells)
		return NULL;
	id = array_index_nospec(id, KSYNC_CELLS_PER_PAGE);
	*cell = cells + id;
	return a->first_tags + id;
}

#endif /* KSYNC_ARENA_H */
