// SPDX-License-Identifier: GPL-2.0
/*
 * Calls on the arena: as memory, and what user space does to its words: the fast
 * paths of the uapi header, and whatever else somebody may write there.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "fuzz.h"

/* Own domains: mapped and unmapped by programs. The shared ones: in passing. */
long call_map(struct exec *x, const struct op *op, const uint64_t *a)
{
	const unsigned int slot = a[0] % SLOTS;
	const int prot = a[2] & (PROT_READ | PROT_WRITE | PROT_EXEC);
	const int flags = a[3] ? MAP_PRIVATE : MAP_SHARED;
	const size_t size = (a[1] < 48 ? 65 : a[1] - 47) * 4096;
	long ret;

	(void)op;
	x->shape = prot | flags << 4;
	ret = SYS(x, SYS_mmap, 0, size, prot, flags, x->fd[slot], (uint32_t)a[4] * 4096L);
	if (ret < 0 && ret > -4096)
		return ret;
	if (slot < SHARED_DOMAINS || slot >= DOMAINS || size != 65 * 4096L || a[4]) {
		munmap((void *)ret, size);
		return 0;
	}
	if (x->mem.cells[slot])
		munmap(x->mem.cells[slot], size);
	x->mem.cells[slot] = (void *)ret;
	return 0;
}

static long advise(struct exec *x, long p, long size, uint64_t what)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_FREE, MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_WRITE,
		MADV_DONTFORK, MADV_REMOVE, MADV_WILLNEED,
	};

	return SYS(x, SYS_madvise, p, size, advice[what % 8]);
}

/* A mapping of one's own may lose what it has, but not its place. */
long call_memory(struct exec *x, const struct op *op, const uint64_t *a)
{
	const unsigned int slot = a[0] % DOMAINS;
	const long pages = slot < SHARED_DOMAINS ? ARENA_CELLS * KSYNC_CELL_SIZE / 4096 : 65;
	const long page = a[2] % 64, size = (1 + a[3] % (pages - page)) * 4096;
	const long p = (long)x->mem.cells[slot] + page * 4096;
	struct iovec local = { x->mem.pages, 64 }, remote = { (void *)p, 64 };
	struct timespec ts = { 0, 200000 };

	(void)op;
	x->shape = a[1];
	if (!x->mem.cells[slot])
		return 0;
	switch (a[1]) {
	case 0:
		return slot < SHARED_DOMAINS ? 0 :
			SYS(x, SYS_mprotect, p, size, PROT_NONE);
	case 1:
		return SYS(x, SYS_mprotect, p, size, PROT_READ | PROT_WRITE);
	case 2:
		return SYS(x, SYS_mprotect, p, size, PROT_READ | PROT_EXEC);
	case 3:
		return SYS(x, SYS_mremap, p, size, size + 4096, MREMAP_MAYMOVE);
	case 4:
		return SYS(x, SYS_msync, p, size, MS_SYNC);
	case 5:
		return SYS(x, SYS_mlock, p, size);
	case 6:
		return SYS(x, SYS_munlock, p, size);
	case 7:
		return SYS(x, SYS_process_vm_readv, getpid(), (long)&local, 1, (long)&remote, 1, 0);
	case 8:
		return SYS(x, SYS_futex, p, FUTEX_WAIT, 0, (long)&ts, 0, 0);
	case 9:
		return SYS(x, SYS_futex, p, FUTEX_WAKE, 1, 0, 0, 0);
	default:
		return advise(x, p, size, a[1] + a[3]);
	}
}

/* Cells that are mapped now, or were; NULL. A fault there is caught. */
static struct ksync_cell *cell_of(struct exec *x, unsigned int domain, uint32_t id)
{
	const uint32_t mapped = domain < SHARED_DOMAINS ? ARENA_CELLS : 64 * 65;

	if (domain >= DOMAINS || !x->mem.cells[domain] || id >= mapped)
		return NULL;
	return x->mem.cells[domain] + id;
}

static uint32_t lie(struct exec *x, const uint64_t *a)
{
	const uint32_t handle = arg_thread(x, a[0] % DOMAINS, a[3] & 1 ? 0 : 1);

	switch (a[3]) {
	case 0:
	case 1:
		return handle;
	case 2:
	case 3:
		return handle | ((uint32_t)a[4] & 0xf0000000);
	case 4:
		return KSYNC_SLOT(arg_id(x, a[0] % DOMAINS, a[1]), 1 + a[4] % 3);
	case 5:
		return KSYNC_HELD | (arg_id(x, a[0] % DOMAINS, a[1]) & KSYNC_SLOT_ID);
	case 6:
		return a[4] % 4;
	default:
		return a[4];
	}
}

/* One field of a cell, its own or an object's; mostly of the word. */
long call_poke(struct exec *x, const struct op *op, const uint64_t *a)
{
	const unsigned int domain = a[0] % SLOTS;
	const bool own = a[3] == 4 || a[3] == 5;
	uint32_t id = own && domain < DOMAINS ? x->cell[domain] : arg_id(x, domain, a[1]);
	uint32_t *cell = (uint32_t *)cell_of(x, domain, id);
	const unsigned int field = own ? a[2] % 16 : a[2] < 16 ? 0 : a[2] - 15;

	(void)op;
	if (!cell)
		return 0;
	if (sigsetjmp(x->out, 0)) {
		x->armed = 0;
		return -EFAULT;
	}
	x->armed = 1;
	__atomic_store_n(&cell[field], lie(x, a), __ATOMIC_SEQ_CST);
	x->armed = 0;
	return 0;
}

static bool change(uint32_t *word, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static void take_or_leave(struct exec *x, uint32_t *word, uint64_t what, uint32_t self)
{
	const uint32_t v = __atomic_load_n(word, __ATOMIC_SEQ_CST);

	switch (what) {
	case 0:
	case 1:
		if (!(v & (KSYNC_OWNER | KSYNC_OWNER_DIED)))
			change(word, v, v | self);
		break;
	case 2:
	case 3:
		if ((v & KSYNC_OWNER) == self && (v == self || v & KSYNC_WOKEN))
			change(word, v, v & ~KSYNC_OWNER);
		break;
	case 4:
		if ((v & KSYNC_OWNER) == self)
			change(word, v, v & ~KSYNC_OWNER_DIED);
		break;
	case 5:
		if (!(v & KSYNC_WAITERS))
			change(word, v, v + 1);
		break;
	case 6:
		if (v && !(v & KSYNC_WAITERS))
			change(word, v, v - 1);
		break;
	case 7:
		__atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
		break;
	default:
		change(word, 0, KSYNC_READ);
	}
	(void)x;
}

/* As a program would; which is what gets a lock into the states that LOCK meets. */
long call_fast(struct exec *x, const struct op *op, const uint64_t *a)
{
	const unsigned int domain = a[0] % SLOTS;
	struct ksync_cell *cell = cell_of(x, domain, arg_id(x, domain, a[1]));

	(void)op;
	if (!cell || !x->handle[domain])
		return 0;
	if (sigsetjmp(x->out, 0)) {
		x->armed = 0;
		return -EFAULT;
	}
	x->armed = 1;
	take_or_leave(x, &cell->word, a[2], x->handle[domain]);
	x->armed = 0;
	return 0;
}
