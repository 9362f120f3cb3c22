/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What objects of all kinds have in common. */
#ifndef KSYNC_OBJECT_H
#define KSYNC_OBJECT_H

#include <stdbool.h>
#include <ksync/domain.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ksync_object - this process's reference to an object
 * @cell: where it lives
 * @serial: of the domain, if the fast path may be taken: not once the object is
 *	destroyed, nor for a protect mutex
 * @domain: it belongs to
 * @id: its number in the domain, the same in every process
 * @attr: kind | flags << 8, as the module has them
 * @reserved: zero
 *
 * Written by init and open, then only read: any number of threads may use it,
 * and it may be copied.  It means nothing to another process, but for children
 * of fork(2), which have the same memory: pass ids to others.
 */
struct ksync_object {
	struct ksync_cell *cell;
	uint64_t serial;
	struct ksync *domain;
	uint32_t id;
	uint32_t attr;
	uint64_t reserved[4];
};

/**
 * ksync_object_name() - name an object for traces, reports and debuggers
 * @o: object
 * @name: shorter than KSYNC_NAME_LEN; "" removes the name
 *
 * Return: 0; -ENAMETOOLONG, -EBADF (destroyed), -ENOMEM.
 */
int ksync_object_name(struct ksync_object *o, const char *name);

int ksync_object_query_sized_(struct ksync_object *o, struct ksync_query *out);

/**
 * ksync_object_query() - who owns an object, and who waits for it
 * @o: object
 * @out: see <linux/ksync.h>
 *
 * Return: 0; -EBADF (destroyed).
 */
static inline int ksync_object_query(struct ksync_object *o,
				     struct ksync_query *out)
{
	memset(out, 0, sizeof(*out));
	out->size = sizeof(*out);
	return ksync_object_query_sized_(o, out);
}

/* The same for whatever has an object in it: ksync_name(&mutex, "journal"). */
#define ksync_name(x, name)	ksync_object_name(&(x)->o, (name))
#define ksync_query(x, out)	ksync_object_query(&(x)->o, (out))

/* For the fast paths. */
#define ksync_likely_(x)	__builtin_expect(!!(x), 1)

static inline bool ksync_cas_(uint32_t *word, uint32_t *seen, uint32_t want,
			      int order)
{
	return __atomic_compare_exchange_n(word, seen, want, false, order,
					   __ATOMIC_RELAXED);
}

/* What the serial of a destroyed object is: that of no thread and no domain. */
#define KSYNC_SERIAL_STALE_	UINT64_MAX

/* For fast paths that compare it with no thread's. */
static inline bool ksync_usable_(const struct ksync_object *o)
{
	return ksync_likely_(o->serial != KSYNC_SERIAL_STALE_);
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_OBJECT_H */
