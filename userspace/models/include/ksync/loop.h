/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Event loops: one thread, or task, that waits for many things and calls handlers.
 *
 * A loop is a reactor (ksync/reactor.h), which tells when something can be read, or a
 * proactor (ksync/proactor.h), which tells when it has been.  What both do alike is
 * here: run, stop, timers, signals, jobs from other threads; and reading, writing,
 * accepting by tasks, which wait for it as if they blocked, and hold up nobody.
 *
 * Functions return 0 or a negative errno, and do not change errno.  A loop belongs to
 * who runs it: only ksync_loop_post(), ksync_loop_stop() and what is for tasks may be
 * called by others meanwhile.  Handlers may start, change and stop anything, also what
 * they were called for, and free what they have stopped; but not wait.
 */
#ifndef KSYNC_LOOP_H
#define KSYNC_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ksync_loop;

/* Signals come by a handler and a pipe, not by signalfd(2): see ksync_loop_signal_start(). */
#define KSYNC_LOOP_SELF_PIPE	1U

/* What is waited for, and what there is. */
#define KSYNC_READABLE		1U
#define KSYNC_WRITABLE		4U

/**
 * ksync_loop_run() - wait, and call handlers, until ksync_loop_stop()
 * @loop: loop
 *
 * Called by a plain thread; or by a task: tasks of its scheduler go on while it waits.
 *
 * Return: 0: it was stopped; -EBUSY: it runs already; -EPERM: a proactor that another
 * thread has run before; or what the system refused.
 */
int ksync_loop_run(struct ksync_loop *loop);

/**
 * ksync_loop_turn() - wait once, and call the handlers of what has come
 * @loop: loop
 * @abs: wait no longer than this, on CLOCK_MONOTONIC; NULL: for ever
 *
 * Return: as ksync_loop_run(); -EINVAL (tv_nsec).
 */
int ksync_loop_turn(struct ksync_loop *loop, const struct timespec *abs);

/**
 * ksync_loop_stop() - have ksync_loop_run() return
 * @loop: loop
 *
 * At the end of its turn; at once if it does not run yet.  Called by anybody, in signal
 * handlers, too.
 */
void ksync_loop_stop(struct ksync_loop *loop);

/**
 * ksync_loop_destroy() - end a loop that does not run, and free it
 * @loop: loop
 *
 * No handler of a reactor is called any more.  The operations of a proactor are
 * cancelled, and their handlers called.
 *
 * Return: 0; -EBUSY: it runs; or it is a proactor whose operations have not ended, and
 * another thread has run it.
 */
int ksync_loop_destroy(struct ksync_loop *loop);

/** ksync_loop_now() - the time that the turn began at, in ns of CLOCK_MONOTONIC */
uint64_t ksync_loop_now(const struct ksync_loop *loop);

/**
 * struct ksync_loop_job - something for the loop to do
 * @fn: set by the caller; may use the job again, or free it
 */
struct ksync_loop_job {
	void (*fn)(struct ksync_loop *loop, struct ksync_loop_job *job);
	struct ksync_loop_job *next_;
};

/**
 * ksync_loop_post() - have a function called by the loop
 * @loop: loop
 * @job: lives, and is not posted again, until its function is called
 *
 * Called by anybody.  Jobs of one thread are done in their order.  The loop is woken only
 * if it sleeps, and once for all that comes until it looks.
 */
void ksync_loop_post(struct ksync_loop *loop, struct ksync_loop_job *job);

/**
 * struct ksync_loop_timer - something to be done at a point in time, or again and again
 * @fn: set by the caller
 * @period: ns; 0: once.  Set by the caller, and read before each call of @fn
 * @missed: how many periods went by without a call before this one
 *
 * Zeroed before its first use.
 */
struct ksync_loop_timer {
	void (*fn)(struct ksync_loop *loop, struct ksync_loop_timer *timer);
	uint64_t period;
	uint64_t missed;
	uint64_t when_;
	uint64_t seq_;
	uint32_t index_;
	uint32_t reserved_;
};

/**
 * ksync_loop_timer_start() - start a timer, or start it anew
 * @loop: loop
 * @timer: lives until it is stopped, or was called for the last time
 * @abs: when, on CLOCK_MONOTONIC
 *
 * Those for the same time are called in the order of their start.  A periodic one is due
 * at @abs plus multiples of its period: it does not drift.
 *
 * Return: 0; -EINVAL (tv_nsec), -ENOMEM.
 */
int ksync_loop_timer_start(struct ksync_loop *loop, struct ksync_loop_timer *timer,
			   const struct timespec *abs);

/** ksync_loop_timer_stop() - true: it was started, and is not called any more */
bool ksync_loop_timer_stop(struct ksync_loop *loop, struct ksync_loop_timer *timer);

/**
 * struct ksync_loop_signal - a handler of a signal
 * @fn: set by the caller
 * @signo: which; set by the caller
 * @pid: who has sent it, of user @uid
 * @code: si_code
 *
 * Zeroed before its first use.
 */
struct ksync_loop_signal {
	void (*fn)(struct ksync_loop *loop, struct ksync_loop_signal *signal);
	int signo;
	pid_t pid;
	uid_t uid;
	int code;
	struct ksync_loop_signal *next_;
	struct sigaction old_;
};

/**
 * ksync_loop_signal_start() - have a handler called when a signal comes
 * @loop: loop
 * @signal: lives until ksync_loop_signal_stop()
 *
 * The calling thread blocks the signal, and all others have to: best before they are
 * started.  With KSYNC_LOOP_SELF_PIPE nobody blocks it: it interrupts whom it comes to,
 * and one loop of the process can have it.
 *
 * Return: 0; -EINVAL (signo), -EEXIST (this loop has one), -EBUSY (another loop has, with
 * KSYNC_LOOP_SELF_PIPE), -EMFILE, -ENFILE, -ENOMEM.
 */
int ksync_loop_signal_start(struct ksync_loop *loop, struct ksync_loop_signal *signal);

/* It is as before, but still blocked by the threads that block it. */
void ksync_loop_signal_stop(struct ksync_loop *loop, struct ksync_loop_signal *signal);

/*
 * For tasks, and plain threads; never for handlers.  The caller parks while the loop,
 * which somebody else runs, waits.  @abs is a deadline on the caller's clock (see
 * ksync_task_now()); NULL waits for ever.  What is there, or can be done at once, is
 * done without the loop.  One may read a descriptor and another write it, not two the
 * same.  Of sockets to accept from and to connect, and of descriptors that are none,
 * O_NONBLOCK is set.
 *
 * Besides what read(2) and so on may fail with they return -ETIMEDOUT, -ECANCELED (the
 * caller is cancelled), -EBUSY (somebody waits for the same), -EDEADLK (called by who
 * runs the loop), -ENOMEM.  If a deadline, or cancellation, comes together with data, or
 * a connection, the data is returned: nothing is lost.
 *
 * A descriptor that was used so is closed by ksync_loop_close().
 */

/**
 * ksync_loop_read() - read what there is
 *
 * Return: the number of bytes, 1 to @n; 0: there is no more; or an error.
 */
ssize_t ksync_loop_read(struct ksync_loop *loop, int fd, void *buf, size_t n,
			const struct timespec *abs);

/**
 * ksync_loop_write() - write all of it
 *
 * A socket whose other end is closed is -EPIPE, without the signal.
 *
 * Return: @n; fewer: an error, deadline or cancellation has come in between, which the
 * next call returns; or an error.
 */
ssize_t ksync_loop_write(struct ksync_loop *loop, int fd, const void *buf, size_t n,
			 const struct timespec *abs);

/**
 * ksync_loop_accept() - accept a connection
 *
 * Return: its descriptor, SOCK_NONBLOCK and SOCK_CLOEXEC; or an error.
 */
int ksync_loop_accept(struct ksync_loop *loop, int fd, const struct timespec *abs);

/** ksync_loop_connect() - connect a socket. Return: 0 or an error */
int ksync_loop_connect(struct ksync_loop *loop, int fd, const struct sockaddr *addr,
		       socklen_t len, const struct timespec *abs);

/**
 * ksync_loop_wait() - wait until a descriptor is ready: that of a ksync object, say
 * @events: KSYNC_READABLE or KSYNC_WRITABLE, one of them
 *
 * It is a hint: whoever tries may find that somebody was faster.
 *
 * Return: 0 or an error.
 */
int ksync_loop_wait(struct ksync_loop *loop, int fd, uint32_t events,
		    const struct timespec *abs);

/**
 * ksync_loop_close() - close a descriptor that tasks have used
 *
 * Who waits for it gets -EBADF.
 *
 * Return: 0 or what close(2) fails with.
 */
int ksync_loop_close(struct ksync_loop *loop, int fd);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_LOOP_H */
