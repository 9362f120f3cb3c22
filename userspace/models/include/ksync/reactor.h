/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Reactors: loops that call a handler when a descriptor is ready; the handler reads
 * (D. C. Schmidt, "Reactor", in Pattern Languages of Program Design, 1995).
 */
#ifndef KSYNC_REACTOR_H
#define KSYNC_REACTOR_H

#include <ksync/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum ksync_backend - what a reactor waits by
 * @KSYNC_BACKEND_EPOLL: epoll(7): for whatever there is to do
 * @KSYNC_BACKEND_POLL: poll(2): to compare with
 * @KSYNC_BACKEND_SELECT: select(2): to compare with; descriptors below FD_SETSIZE
 */
enum ksync_backend {
	KSYNC_BACKEND_EPOLL,
	KSYNC_BACKEND_POLL,
	KSYNC_BACKEND_SELECT,
};

/**
 * ksync_reactor_create() - make a loop that is a reactor
 * @loop: set to it
 * @backend: see there
 * @flags: 0 or KSYNC_LOOP_SELF_PIPE
 *
 * Return: 0; -EINVAL, -ENOMEM, -EMFILE, -ENFILE; -ERANGE: its own descriptor is FD_SETSIZE
 * or more.
 */
int ksync_reactor_create(struct ksync_loop **loop, enum ksync_backend backend,
			 uint32_t flags);

/* Only what becomes ready is told, not what still is: read until -EAGAIN. epoll only. */
#define KSYNC_WATCH_EDGE	1U
/* Told once; then again after ksync_reactor_modify(). */
#define KSYNC_WATCH_ONESHOT	2U

/**
 * struct ksync_watch - handlers of a descriptor
 * @fd: descriptor
 * @flags: KSYNC_WATCH_*
 * @readable: there is something to read or to accept, or the end, or an error
 * @writable: there is room, or it is connected, or an error
 * @error: instead of these two, when there is an error (POLLERR, POLLNVAL); or NULL
 *
 * All of these are set by the caller, and the rest is zero before the first use.
 */
struct ksync_watch {
	int fd;
	uint32_t flags;
	void (*readable)(struct ksync_loop *loop, struct ksync_watch *watch);
	void (*writable)(struct ksync_loop *loop, struct ksync_watch *watch);
	void (*error)(struct ksync_loop *loop, struct ksync_watch *watch);
	uint32_t events_;
	uint32_t armed_;
};

/**
 * ksync_reactor_add() - watch a descriptor
 * @loop: reactor
 * @watch: lives until ksync_reactor_remove()
 * @events: KSYNC_READABLE, KSYNC_WRITABLE; 0: nothing is told, errors neither
 *
 * Return: 0; -EINVAL (not a reactor, @events, no handler for them), -EBADF, -EEXIST
 * (the descriptor is watched), -EPERM (epoll: it is always ready, as a regular file is),
 * -EOPNOTSUPP (KSYNC_WATCH_EDGE without epoll), -ERANGE (select: it is FD_SETSIZE or
 * more), -ENOMEM, -ENOSPC.
 */
int ksync_reactor_add(struct ksync_loop *loop, struct ksync_watch *watch, uint32_t events);

/**
 * ksync_reactor_modify() - watch for something else; arm KSYNC_WATCH_ONESHOT again
 *
 * Return: 0; -ENOENT: it is not watched; as ksync_reactor_add().
 */
int ksync_reactor_modify(struct ksync_loop *loop, struct ksync_watch *watch,
			 uint32_t events);

/**
 * ksync_reactor_remove() - watch it no more
 *
 * No handler of it is called after this, whatever has come already, not even if another
 * file has got the descriptor's number meanwhile.  Called before close(2).
 *
 * Return: 0; -ENOENT: it is not watched.
 */
int ksync_reactor_remove(struct ksync_loop *loop, struct ksync_watch *watch);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_REACTOR_H */
