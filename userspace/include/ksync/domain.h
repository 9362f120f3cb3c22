/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A domain is one open of /dev/ksync and the memory of its objects.  Processes
 * share it by sharing the file descriptor.
 */
#ifndef KSYNC_DOMAIN_H
#define KSYNC_DOMAIN_H

#include <stdint.h>
#include <string.h>
#include <linux/ksync.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A domain: opaque. */
struct ksync;

/**
 * struct ksync_thread - one task's identity in one domain
 * @serial: of the domain; 0 is nobody's
 * @handle: what the words of locks hold while this task owns them
 * @nslots: how many cells it has to say in what it reads (rwlocks)
 * @held: how many entries in them are in use
 * @slot: the numbers of these cells
 * @ceiling: where it says which protect mutexes it has; 0 before the first
 *
 * Threads need not know of it: the library keeps one for each of them.  A task
 * without a TLS of its own has one in memory that nobody else uses.
 */
struct ksync_thread {
	uint64_t serial;
	uint32_t handle;
	uint16_t nslots;
	uint16_t held;
	uint32_t slot[KSYNC_THREAD_SLOTS_MAX];
	uint32_t ceiling;
};

#define KSYNC_OPEN_FALLBACK	0x1	/* the module, or futexes where there is none */
#define KSYNC_OPEN_FUTEX	0x2	/* futexes, module or not */

/**
 * ksync_open() - make a domain
 * @d: set to the new domain
 * @flags: 0: of the module; or one of KSYNC_OPEN_FALLBACK, KSYNC_OPEN_FUTEX
 *
 * A domain of futexes does most of what the module's does, and says with
 * ksync_info() what not: what there is no KSYNC_FEATURE_* of fails with
 * -EOPNOTSUPP, where it is a call, and does not hold, where it is a promise.  See
 * ksync_open(3).
 *
 * With @flags 0 the environment variable KSYNC_BACKEND decides if it is set, but
 * not for set-user-ID programs: "module", "any" (as FALLBACK) or "futex".
 *
 * The file descriptor is close-on-exec; clear that with fcntl(2) to pass the
 * domain over execve(2).
 *
 * Return: 0; -ENOENT, -ENXIO or -ENODEV (no module), -EACCES or -EPERM,
 * -EPROTO (the module speaks another ABI), -ENOTTY (not a ksync device),
 * -EINVAL (flags, KSYNC_BACKEND), -EAGAIN (no pthread key left), -ENOMEM, -EMFILE, -ENFILE.
 * ksync_strerror_open() says what to do about each.
 */
int ksync_open(struct ksync **d, unsigned int flags);

/**
 * ksync_adopt() - use a domain that was inherited or received
 * @d: set to the domain
 * @fd: its file descriptor, which ksync_close() will close
 *
 * On failure @fd is still the caller's.  Return: as ksync_open(); -EBADF.
 */
int ksync_adopt(struct ksync **d, int fd);

/**
 * ksync_close() - leave a domain
 * @d: may be NULL
 *
 * No thread of this process may use @d or its objects any more.  Objects live
 * on while another process has the domain open.
 */
void ksync_close(struct ksync *d);

/**
 * ksync_fileno() - the file descriptor of a domain, to be passed on
 * @d: stays its owner
 */
int ksync_fileno(const struct ksync *d);

/**
 * ksync_strerror_open() - why there is no domain, and what to do
 * @err: what ksync_open() or ksync_adopt() returned
 *
 * Return: one sentence, to be printed.
 */
const char *ksync_strerror_open(int err);

int ksync_call_(struct ksync *d, unsigned long cmd, void *arg);
int ksync_info_sized_(struct ksync *d, struct ksync_info *out);

/**
 * ksync_info() - features and limits of the module, and use of this domain
 * @d: domain
 * @out: see <linux/ksync.h>
 *
 * Return: 0.
 */
static inline int ksync_info(struct ksync *d, struct ksync_info *out)
{
	memset(out, 0, sizeof(*out));
	out->size = sizeof(*out);
	return ksync_info_sized_(d, out);
}

/**
 * ksync_thread_attach() - give the calling task an identity for _as functions
 * @d: domain
 * @t: filled; belongs to the calling task alone
 *
 * It is good until the task ends or calls execve(2).  A child of fork(2) has
 * to attach again before it uses its copy of @t.  A task reads rwlocks of one
 * domain by one identity only.
 *
 * Return: 0; -ENOSPC (the domain's limit of threads), -ENOMEM.
 */
int ksync_thread_attach(struct ksync *d, struct ksync_thread *t);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_DOMAIN_H */
