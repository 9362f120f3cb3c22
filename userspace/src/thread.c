// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Who the calling thread is, in each domain that it uses.
 *
 * The module knows tasks by handles, one for each task and domain.  A thread
 * keeps its handles in a page of its own, got when it first needs one and given
 * back when it ends.  The kernel wipes that page in children of fork(), however
 * they were made: the child's thread still points to it, finds it empty, and
 * attaches anew.  The pages of the parent's other threads stay behind in the
 * child, mapped but without memory.  With no allocator there is nothing that a
 * fork could catch half-way.
 *
 * A handle in the page is therefore always the caller's own, in a domain that
 * is still open if its serial is asked for.  If the module disagrees (ESRCH),
 * then the caller is a task that runs on another thread's TLS; attaching it
 * here would steal that thread's identity, so the error is passed on.
 */
#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include "internal.h"

#define KNOWN	127

/**
 * struct identity - a thread's page
 * @known: its handles, entries in use first; [0] is what the fast path looks at
 * @victim: the entry to forget next, once all are in use
 *
 * Forgetting costs no more than an ATTACH, which returns the same handle; a
 * thread that reads (rwlocks) needs a new slot, too.
 */
struct identity {
	struct ksync_thread known[KNOWN];
	uint32_t victim;
};

static const struct ksync_thread nobody;

KSYNC_EXPORT __thread const struct ksync_thread *ksync_self_ = &nobody;

/* One more than the key of all threads; 0 until there is one. */
static pthread_key_t key_plus_one;

/* Destructors that run after this one get a new page, and this one again. */
static void drop(void *page)
{
	ksync_self_ = &nobody;
	munmap(page, sizeof(struct identity));
}

/*
 * Before any thread can need its page: where a domain is opened.  Nobody waits for
 * anybody: of two keys one is given back.
 */
int ksync_thread_prepare(void)
{
	pthread_key_t key, none = 0;
	int ret;

	if (__atomic_load_n(&key_plus_one, __ATOMIC_ACQUIRE))
		return 0;
	ret = pthread_key_create(&key, drop);
	if (ret)
		return -ret;
	if (!__atomic_compare_exchange_n(&key_plus_one, &none, key + 1, false,
					 __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		pthread_key_delete(key);
	return 0;
}

static int get_page(struct identity **page)
{
	struct identity *p;
	int ret;

	p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	if (madvise(p, sizeof(*p), MADV_WIPEONFORK)) {
		ret = -EOPNOTSUPP;
		goto unmap;
	}
	ret = -pthread_setspecific(key_plus_one - 1, p);
	if (ret)
		goto unmap;
	ksync_self_ = p->known;
	*page = p;
	return 0;

unmap:
	munmap(p, sizeof(*p));
	return ret;
}

static int own_page(struct identity **page)
{
	int saved = errno;
	int ret;

	if (ksync_self_ != &nobody) {
		*page = (struct identity *)ksync_self_;
		return 0;
	}
	ret = get_page(page);
	errno = saved;
	return ret;
}

/*
 * The next entry to forget: rather one without slots, whose numbers the module
 * does not tell again, and never one that says of locks that they are held.
 */
static uint32_t find_victim(struct identity *page)
{
	const struct ksync_thread *t;
	uint32_t i, n, spare = KNOWN;

	for (n = 0; n < KNOWN - 1; n++) {
		i = (page->victim + n) % (KNOWN - 1) + 1;
		t = &page->known[i];
		if (!t->nslots)
			return page->victim = i;
		if (!t->held && spare == KNOWN)
			spare = i;
	}
	if (spare < KNOWN)
		page->victim = spare;
	return spare;
}

/* The index of a domain's entry, or of the one to be used for it; or KNOWN. */
static uint32_t look_up(struct identity *page, uint64_t serial)
{
	uint32_t i;

	for (i = 0; i < KNOWN; i++)
		if (page->known[i].serial == serial || !page->known[i].serial)
			return i;
	return find_victim(page);
}

/**
 * ksync_thread_self() - the calling thread's identity in a domain
 * @d: domain
 * @t: set to it, good until the thread's next call for another domain
 *
 * From now on the fast path is quick in this domain.
 *
 * Return: 0; -ENOSPC or -ENOMEM if the thread is new and cannot attach;
 * -ENOSPC too if it holds read locks in more domains than it can remember;
 * -EOPNOTSUPP before Linux 4.14.
 */
int ksync_thread_self(struct ksync *d, const struct ksync_thread **t)
{
	struct identity *page;
	struct ksync_thread found;
	uint32_t i;
	int ret;

	if (ksync_self_->serial == d->serial) {
		*t = ksync_self_;
		return 0;
	}
	ret = own_page(&page);
	if (ret)
		return ret;

	i = look_up(page, d->serial);
	if (i == KNOWN)
		return -ENOSPC;
	found = page->known[i];
	if (found.serial != d->serial) {
		ret = ksync_thread_attach(d, &found);
		if (ret)
			return ret;
	}
	page->known[i] = page->known[0];
	page->known[0] = found;
	*t = page->known;
	return 0;
}

KSYNC_EXPORT int ksync_thread_attach(struct ksync *d, struct ksync_thread *t)
{
	struct ksync_attach arg = { .size = sizeof(arg) };
	int ret;

	ret = ksync_call_(d, KSYNC_IOC_ATTACH, &arg);
	if (ret)
		return ret;
	memset(t, 0, sizeof(*t));
	t->serial = d->serial;
	t->handle = arg.thread;
	return 0;
}
