// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a domain: its cells, the tags that say what they are, and where
 * a cell is free.
 *
 * A page of cells is made on first use, and stays until the domain goes.  The
 * tags of the first one are in the domain itself, for many domains need no
 * more; those of the others come in groups, each a page of its own with the
 * tags of some 56 pages of cells and their addresses.  So an object of many
 * costs its cell, its tag, and an eighth of a byte.
 *
 * Lookups take no lock, and page faults come here under mmap_lock: only who
 * takes and releases cells holds the domain's lock.
 */
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "arena.h"

/* How many pages of cells a group is for: what fits behind two numbers. */
#define GROUP_PAGES \
	((u32)((PAGE_SIZE - 2 * sizeof(u64)) / \
	       (KSYNC_CELLS_PER_PAGE + sizeof(struct ksync_cell *))))
#define GROUP_FULL	GENMASK_ULL(GROUP_PAGES - 1, 0)

/* Of groups below arena->opened: there is a free cell in it. */
#define HAS_FREE	XA_MARK_0

/**
 * struct ksync_group - pages of cells, and what the module keeps of them
 * @index: its own, in arena->groups
 * @full: which of the pages have no free cell; domain->lock
 * @cells: the pages, also mapped by users: their content is never trusted
 * @tags: kind and flags; written under domain->lock and the object's bucket lock
 */
struct ksync_group {
	u64 index;
	u64 full;
	struct ksync_cell *cells[GROUP_PAGES];
	u8 tags[GROUP_PAGES][KSYNC_CELLS_PER_PAGE];
};

static_assert(sizeof(struct ksync_group) <= PAGE_SIZE);
static_assert(GROUP_PAGES > 1 && GROUP_PAGES < 64);

/** ksync_arena_init() - of a new domain, zeroed */
void ksync_arena_init(struct ksync_arena *a)
{
	xa_init_flags(&a->groups, XA_FLAGS_ACCOUNT);
}

/** ksync_arena_free() - nobody uses it, nor will */
void ksync_arena_free(struct ksync_arena *a)
{
	struct ksync_group *g;
	unsigned long index;
	u32 i;

	xa_for_each(&a->groups, index, g) {
		for (i = 0; i < GROUP_PAGES; i++)
			free_page((unsigned long)g->cells[i]);
		free_page((unsigned long)g);
		cond_resched();
	}
	xa_destroy(&a->groups);
	free_page((unsigned long)a->first);
}

/* Made on first use, as all that follows. */
static struct ksync_group *group_get(struct ksync_arena *a, unsigned long index)
{
	struct ksync_group *g = xa_load(&a->groups, index), *old;

	if (g)
		return g;
	g = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!g)
		return NULL;
	g->index = index;
	old = xa_cmpxchg(&a->groups, index, NULL, g, GFP_KERNEL_ACCOUNT);
	if (!old)
		return g;
	free_page((unsigned long)g);
	return xa_is_err(old) ? NULL : old;
}

static struct ksync_cell *cells_get(struct ksync_cell **at)
{
	struct ksync_cell *cells = READ_ONCE(*at), *old;

	if (cells)
		return cells;
	cells = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!cells)
		return NULL;
	old = cmpxchg(at, NULL, cells);
	if (!old)
		return cells;
	free_page((unsigned long)cells);
	return old;
}

/**
 * ksync_arena_page() - a page of cells, made on first use
 * @a: arena
 * @page: its number
 *
 * Takes no lock that is held while user memory is touched.
 */
struct ksync_cell *ksync_arena_page(struct ksync_arena *a, u32 page)
{
	struct ksync_group *g;

	if (!page)
		return cells_get(&a->first);
	g = group_get(a, (page - 1) / GROUP_PAGES);
	return g ? cells_get(&g->cells[(page - 1) % GROUP_PAGES]) : NULL;
}

/** ksync_arena_find_far() - ksync_arena_find(), behind the first page */
u8 *ksync_arena_find_far(struct ksync_arena *a, u32 id, struct ksync_cell **cell)
{
	const u32 page = id / KSYNC_CELLS_PER_PAGE - 1, i = id % KSYNC_CELLS_PER_PAGE;
	struct ksync_group *g = xa_load(&a->groups, page / GROUP_PAGES);
	struct ksync_cell *cells;

	if (!g)
		return NULL;
	cells = READ_ONCE(g->cells[page % GROUP_PAGES]);
	if (!cells)
		return NULL;
	*cell = cells + i;
	return g->tags[page % GROUP_PAGES] + i;
}

/*
 * The first group with a free cell.  Groups are opened in turn, so that marks
 * need not be looked for where page faults have made groups that no object is in.
 */
static struct ksync_group *group_with_free(struct ksync_arena *a, u32 pages)
{
	struct ksync_group *g = NULL;
	unsigned long index = 0;

	if (a->opened)
		g = xa_find(&a->groups, &index, a->opened - 1, HAS_FREE);
	if (g)
		return g;
	if (1 + a->opened * GROUP_PAGES >= pages)
		return ERR_PTR(-ENOSPC);
	g = group_get(a, a->opened);
	if (!g)
		return ERR_PTR(-ENOMEM);
	xa_set_mark(&a->groups, a->opened++, HAS_FREE);
	return g;
}

static void set_full(struct ksync_arena *a, struct ksync_group *g, u32 slot)
{
	g->full |= BIT_ULL(slot);
	if (g->full != GROUP_FULL)
		return;
	xa_clear_mark(&a->groups, g->index, HAS_FREE);
	a->lowest = NULL;
}

static void clear_full(struct ksync_arena *a, struct ksync_group *g, u32 slot)
{
	if (g->full == GROUP_FULL)
		xa_set_mark(&a->groups, g->index, HAS_FREE);
	g->full &= ~BIT_ULL(slot);
	if (a->lowest && g->index < a->lowest->index)
		a->lowest = g;
}

/*
 * Give free cells of a page, the first of which is @base, a kind.  Return: how
 * many; *@full: no more are free.
 */
static u32 take_cells(struct ksync_cell *cells, u8 *tags, u8 tag, u32 base,
		      u32 *ids, u32 want, bool *full)
{
	u8 *free = tags, *const end = tags + KSYNC_CELLS_PER_PAGE;
	struct ksync_cell *cell;
	u32 n = 0;

	while ((free = memchr(free, 0, end - free)) && n < want) {
		cell = cells + (free - tags);
		ksync_cell_clear(cell);
		WRITE_ONCE(cell->attr, KSYNC_TAG_KIND(tag) | KSYNC_TAG_FLAGS(tag) << 8);
		WRITE_ONCE(*free, tag);
		ids[n++] = base + (free++ - tags);
	}
	*full = !free;
	return n;
}

static int take_of_group(struct ksync_arena *a, u32 pages, u8 tag, u32 *ids, u32 want)
{
	struct ksync_group *g = a->lowest ?: group_with_free(a, pages);
	struct ksync_cell *cells;
	u32 page, slot, n;
	bool full;

	if (IS_ERR(g))
		return PTR_ERR(g);
	a->lowest = g;
	slot = __ffs64(~g->full);
	page = 1 + g->index * GROUP_PAGES + slot;
	if (page >= pages)
		return -ENOSPC;
	cells = cells_get(&g->cells[slot]);
	if (!cells)
		return -ENOMEM;
	n = take_cells(cells, g->tags[slot], tag, page * KSYNC_CELLS_PER_PAGE, ids,
		       want, &full);
	if (full)
		set_full(a, g, slot);
	return n;
}

/**
 * ksync_arena_take() - under the domain's lock: give free cells a kind
 * @a: arena
 * @pages: it may have so many, at least one
 * @tag: what they are from now on
 * @ids: filled in
 * @want: how many; as many as are free in one page are taken
 *
 * Return: how many; -ENOSPC or -ENOMEM.
 */
int ksync_arena_take(struct ksync_arena *a, u32 pages, u8 tag, u32 *ids, u32 want)
{
	struct ksync_cell *cells;

	if (a->first_full)
		return take_of_group(a, pages, tag, ids, want);
	cells = cells_get(&a->first);
	if (!cells)
		return -ENOMEM;
	return take_cells(cells, a->first_tags, tag, 0, ids, want, &a->first_full);
}

/**
 * ksync_arena_release() - under the domain's lock: a cell is free again
 * @a: arena
 * @id: its number
 * @cell: itself
 * @tag_at: where its tag is, which is 0 now
 */
void ksync_arena_release(struct ksync_arena *a, u32 id, struct ksync_cell *cell,
			 const u8 *tag_at)
{
	const u32 page = id / KSYNC_CELLS_PER_PAGE;

	ksync_cell_clear(cell);
	if (!page)
		a->first_full = false;
	else /* A group is a page. */
		clear_full(a, (void *)((unsigned long)tag_at & PAGE_MASK),
			   (page - 1) % GROUP_PAGES);
}

/* The first page that was made of a group, from @slot on; GROUP_PAGES: none. */
static u32 made_in(const struct ksync_group *g, u32 slot)
{
	while (slot < GROUP_PAGES && !READ_ONCE(g->cells[slot]))
		slot++;
	return slot;
}

/**
 * ksync_arena_made() - find a page that was made
 * @a: arena
 * @page: where to begin; set to its number
 *
 * Return: whether there is one.
 */
bool ksync_arena_made(struct ksync_arena *a, u32 *page)
{
	struct ksync_group *g;
	unsigned long index;
	u32 slot;

	if (!*page && READ_ONCE(a->first))
		return true;
	*page = max(*page, 1U);
	index = (*page - 1) / GROUP_PAGES;
	slot = (*page - 1) % GROUP_PAGES;
	xa_for_each_start(&a->groups, index, g, index) {
		if (1 + index * GROUP_PAGES > *page)
			slot = 0;
		slot = made_in(g, slot);
		if (slot < GROUP_PAGES) {
			*page = 1 + index * GROUP_PAGES + slot;
			return true;
		}
		slot = 0;
	}
	return false;
}
