/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Objects as file descriptors, for select(2), poll(2), epoll(7) and io_uring.
 *
 * A descriptor says whether a try would succeed just then, and takes nothing:
 * whoever sees it ready tries, and may find that somebody was faster.
 */
#ifndef KSYNC_FD_H
#define KSYNC_FD_H

#include <ksync/object.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ksync_object_fd() - a descriptor of an object
 * @o: object
 * @expected: waitq, cond: it is ready when the word differs from this; of others 0
 *
 * It is readable when the object is to be had: a sem has units, an event is set,
 * a lock is free (or its owner died), a waitq's word is another one, a cond was
 * signalled since ksync_cond_count() was @expected.  That of an rwlock is readable
 * or writable as the rwlock can be locked for reading or writing.  A lock that
 * is not recoverable is EPOLLERR, and a destroyed object EPOLLHUP.
 *
 * It is close-on-exec, may be passed to other processes, and stays valid when
 * the domain is closed.  close(2) ends it.
 *
 * Return: the descriptor; -EBADF (destroyed), -EINVAL (@expected), -EMFILE, -ENFILE,
 * -ENOMEM, -ENOTTY (the module is too old: KSYNC_FEATURE_POLL).
 */
int ksync_object_fd(struct ksync_object *o, uint32_t expected);

/**
 * ksync_fd_expect() - change what the word of a waitq or cond is compared with
 * @fd: its descriptor
 * @expected: the new value, for all who share the open descriptor
 *
 * Those that poll it are told if it is ready now.
 *
 * Return: 0; -EINVAL: it is that of another object; -ENOTTY: it is none.
 */
int ksync_fd_expect(int fd, uint32_t expected);

/* The same for whatever has an object in it: ksync_fd(&sem). */
#define ksync_fd(x)			ksync_object_fd(&(x)->o, 0)
#define ksync_fd_expecting(x, expected)	ksync_object_fd(&(x)->o, (expected))

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_FD_H */
