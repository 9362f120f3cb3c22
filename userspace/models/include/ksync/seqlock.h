/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Sequence locks: data that is read often and written seldom, by readers that write
 * nothing.  A reader copies the data, and does so again if it was written meanwhile.
 *
 * The count is odd while somebody writes.  The data is read and written as relaxed
 * atomic words: a reader may look at it while it is written, which were a data race
 * otherwise, and let the compiler read twice what is read once (H.-J. Boehm, "Can
 * seqlocks get along with programming language memory models?", MSPC 2012; the orders
 * are those of its figure 6).
 *
 *	CPU0: writer			CPU1: reader
 *	[A] CAS seq = 1, acquire	[E] s = seq, even, acquire
 *	[B] fence, release		[F] d = data, relaxed
 *	[C] data = new, relaxed		[G] fence, acquire
 *	[D] seq = 2, release		[H] seq == s? relaxed
 *
 * D and E: who starts behind a writer sees what it wrote.  B and G: if F sees what C
 * wrote then H sees what A wrote, or later, and the copy is thrown away.  A: who writes
 * next sees what was written last, and writes after.  Taking B away lets C come before
 * A; a store-release at A would not help, it orders what is before it.  An acquire at H
 * instead of G orders what comes after it, not F.
 *
 * Readers are not lock-free: a writer that is held up holds up all.  So a task must not
 * wait or yield between begin and end.  Writers exclude each other by the count, and
 * do not queue.
 */
#ifndef KSYNC_SEQLOCK_H
#define KSYNC_SEQLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ksync_seqlock - one sequence lock; all zero is one that nobody has written
 *
 * Its member is the library's.  The count does not come round in a reader's time.
 */
struct ksync_seqlock {
	uint64_t seq_;
};

/* A word of data, whatever its type. */
typedef uint64_t __attribute__((may_alias)) ksync_seq_word_;

/* Somebody writes: let it run.  @n: how often the caller has asked. */
void ksync_seqlock_stalled_(unsigned int n);

/**
 * ksync_seqlock_write_begin() - exclude other writers, make readers repeat
 * @l: lock
 *
 * Spins while others write, and yields the CPU.  Not in signal handlers.
 */
static inline void ksync_seqlock_write_begin(struct ksync_seqlock *l)
{
	uint64_t seq = __atomic_load_n(&l->seq_, __ATOMIC_RELAXED);
	unsigned int n = 0;

	while (seq % 2 ||
	       !__atomic_compare_exchange_n(&l->seq_, &seq, seq + 1, true,
					    __ATOMIC_ACQUIRE,		/* A */
					    __ATOMIC_RELAXED)) {
		if (seq % 2)
			ksync_seqlock_stalled_(n++);
		seq = __atomic_load_n(&l->seq_, __ATOMIC_RELAXED);
	}
	__atomic_thread_fence(__ATOMIC_RELEASE);			/* B */
}

/** ksync_seqlock_write_end() - the data is whole again */
static inline void ksync_seqlock_write_end(struct ksync_seqlock *l)
{
	__atomic_store_n(&l->seq_, __atomic_load_n(&l->seq_, __ATOMIC_RELAXED) + 1,
			 __ATOMIC_RELEASE);				/* D */
}

/**
 * ksync_seqlock_read_begin() - start to read
 * @l: lock
 *
 * Return: what ksync_seqlock_read_retry() is to be told.
 */
static inline uint64_t ksync_seqlock_read_begin(const struct ksync_seqlock *l)
{
	unsigned int n = 0;
	uint64_t seq;

	while ((seq = __atomic_load_n(&l->seq_, __ATOMIC_ACQUIRE)) % 2)	/* E */
		ksync_seqlock_stalled_(n++);
	return seq;
}

/**
 * ksync_seqlock_read_retry() - was it written meanwhile?
 * @l: lock
 * @seq: of ksync_seqlock_read_begin()
 *
 * Return: true: what was read may belong to two writes; read again.
 */
static inline bool ksync_seqlock_read_retry(const struct ksync_seqlock *l, uint64_t seq)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);			/* G */
	return __atomic_load_n(&l->seq_, __ATOMIC_RELAXED) != seq;	/* H */
}

/**
 * ksync_seq_store() - write data, between write_begin and write_end
 * @to: the shared data, of 64-bit words
 * @from: not shared, aligned the same
 * @size: in bytes, a multiple of 8
 */
static inline void ksync_seq_store(void *to, const void *from, size_t size)
{
	const ksync_seq_word_ *f = (const ksync_seq_word_ *)from;
	ksync_seq_word_ *t = (ksync_seq_word_ *)to;
	size_t i;

	for (i = 0; i < size / sizeof(*t); i++)
		__atomic_store_n(&t[i], f[i], __ATOMIC_RELAXED);	/* C */
}

/**
 * ksync_seq_load() - read data, between read_begin and read_retry
 * @to: not shared, aligned to 8 bytes
 * @from: the shared data
 * @size: in bytes, a multiple of 8
 */
static inline void ksync_seq_load(void *to, const void *from, size_t size)
{
	const ksync_seq_word_ *f = (const ksync_seq_word_ *)from;
	ksync_seq_word_ *t = (ksync_seq_word_ *)to;
	size_t i;

	for (i = 0; i < size / sizeof(*t); i++)
		t[i] = __atomic_load_n(&f[i], __ATOMIC_RELAXED);	/* F */
}

/** ksync_seqlock_write() - write all of the data; see ksync_seq_store() */
static inline void ksync_seqlock_write(struct ksync_seqlock *l, void *to,
				       const void *from, size_t size)
{
	ksync_seqlock_write_begin(l);
	ksync_seq_store(to, from, size);
	ksync_seqlock_write_end(l);
}

/** ksync_seqlock_read() - get a copy of one state of the data; see ksync_seq_load() */
static inline void ksync_seqlock_read(const struct ksync_seqlock *l, void *to,
				      const void *from, size_t size)
{
	uint64_t seq;

	do {
		seq = ksync_seqlock_read_begin(l);
		ksync_seq_load(to, from, size);
	} while (ksync_seqlock_read_retry(l, seq));
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_SEQLOCK_H */
