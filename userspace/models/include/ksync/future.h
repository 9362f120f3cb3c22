/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Futures: results that are not there yet, awaited by tasks and by plain threads.
 *
 * A future ends, once and for good, with a value or with an error (a negative errno):
 * it is settled then.  Who makes the result has a promise of it, is a task of its own
 * (ksync_async()), or is another future, or several.
 *
 * Functions return 0 or a negative errno, and do not change errno.  Deadlines are
 * those of ksync/task.h.
 *
 * Who settles a future runs what has been hung on it: callbacks, continuations that
 * are inline, cancellation hooks.  Those run in any thread or task, with no lock of
 * the library held, must not wait, and may call all that does not wait.  What one of
 * them sets off in turn happens after it has returned, not within it: chains of any
 * length need no more stack than one link.
 */
#ifndef KSYNC_FUTURE_H
#define KSYNC_FUTURE_H

#include <ksync/task.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ksync_future;
struct ksync_promise;

/**
 * struct ksync_value - a value, and how it is given back
 * @value: any, NULL too
 * @destroy: is called with it, by who drops the future's last reference; or NULL
 */
struct ksync_value {
	void *value;
	void (*destroy)(void *value);
};

/**
 * struct ksync_promise_attr - how to make a promise; all zero is a good choice
 * @cancel: asks the producer to end early, at most once; may set or fail @p, or not.
 *	NULL: ksync_future_cancel() fails the future at once, with -ECANCELED
 * @release: @cancel has returned, and will not be called: @arg may go.  Called once,
 *	by who drops the last reference; or NULL
 * @arg: of both
 * @hold: ksync_sched_hold() it until the future is settled; or NULL.  For promises that
 *	plain threads keep: tasks that wait for them are no deadlock then
 */
struct ksync_promise_attr {
	void (*cancel)(struct ksync_promise *p, void *arg);
	void (*release)(void *arg);
	void *arg;
	struct ksync_sched *hold;
	uint64_t reserved[2];
};

/**
 * ksync_promise_new() - make a promise, and the future of it
 * @p: set to it, with one reference
 * @f: set to the future, with one reference
 * @attr: or NULL
 *
 * Return: 0; -ENOMEM, -EINVAL (@attr).
 */
int ksync_promise_new(struct ksync_promise **p, struct ksync_future **f,
		      const struct ksync_promise_attr *attr);

/** ksync_promise_get() - one reference more. Return: @p */
struct ksync_promise *ksync_promise_get(struct ksync_promise *p);

/**
 * ksync_promise_put() - one reference less
 * @p: promise, or NULL
 *
 * The last one, if the promise was never kept, breaks the future: -EPIPE.
 */
void ksync_promise_put(struct ksync_promise *p);

/**
 * ksync_promise_set() - settle the future with a value
 * @p: promise
 * @value: belongs to the future from now on
 * @destroy: or NULL
 *
 * Return: 0; -EALREADY: it is settled, @value is still the caller's; -ELOOP: @value is
 * the promise's own future, which would keep itself.
 */
int ksync_promise_set(struct ksync_promise *p, void *value, void (*destroy)(void *value));

/**
 * ksync_promise_fail() - settle the future with an error
 * @p: promise
 * @error: -4095 to -1
 *
 * Return: 0; -EALREADY, -EINVAL (@error).
 */
int ksync_promise_fail(struct ksync_promise *p, int error);

/** ksync_promise_cancelled() - has somebody asked for the end of it? */
bool ksync_promise_cancelled(const struct ksync_promise *p);

/** ksync_future_get() - one reference more. Return: @f */
struct ksync_future *ksync_future_get(struct ksync_future *f);

/**
 * ksync_future_put() - one reference less
 * @f: future, or NULL
 *
 * The result is still made when nobody wants it any more: dropping a future does not
 * cancel it.  Who wants that cancels it first.
 */
void ksync_future_put(struct ksync_future *f);

/** ksync_future_ready() - is it settled? */
bool ksync_future_ready(const struct ksync_future *f);

/**
 * ksync_future_try() - what a future was settled with
 * @f: future
 * @value: set, if it has a value, which belongs to the future; may be NULL
 *
 * Return: 0; its error; -EINPROGRESS: it is not settled.
 */
int ksync_future_try(const struct ksync_future *f, void **value);

/**
 * ksync_await() - wait until a future is settled
 * @f: future, of which the caller has a reference
 * @value: set, if it has a value, which belongs to the future; may be NULL
 *
 * Nothing is allocated, but once for each plain thread.  If the future is settled
 * already that is a load and a comparison, for cancelled tasks, too.
 *
 * Return: 0; its error; -ECANCELED: the caller is cancelled; -ENOMEM.  Whether an
 * error is the future's, or that of the wait, tells ksync_future_ready().
 */
int ksync_await(struct ksync_future *f, void **value);

/**
 * ksync_await_timed() - the same, until a point in time
 * @f: future
 * @value: set, if it has a value; may be NULL
 * @abs: deadline; NULL waits for ever
 *
 * Return: as ksync_await(); -ETIMEDOUT, -EINVAL (tv_nsec).
 */
int ksync_await_timed(struct ksync_future *f, void **value, const struct timespec *abs);

/**
 * ksync_future_cancel() - ask whoever makes the result to end early
 * @f: future
 *
 * A promise's cancel() is called; a task (ksync_async()) is cancelled; a future made
 * from others hands it on to these; a delay ends.  The result comes as any other:
 * -ECANCELED, mostly.  Only the first call does anything.
 */
void ksync_future_cancel(struct ksync_future *f);

/**
 * struct ksync_notify - a callback on a future
 *
 * Its members are the library's.
 */
struct ksync_notify {
	struct ksync_notify *next_;
	struct ksync_notify *prev_;
	void (*fn_)(struct ksync_future *f, void *arg);
	void *arg_;
	uint64_t seq_;
};

/**
 * ksync_future_notify() - be called when a future is settled
 * @f: future
 * @n: lives until @fn is called, or it has been removed
 * @fn: called once, by who settles @f; may free @n
 * @arg: its second argument
 *
 * What loops need: @fn writes to an eventfd, say, or queues @arg.
 *
 * Return: 0; -EALREADY: @f is settled, and @fn will not be called.
 */
int ksync_future_notify(struct ksync_future *f, struct ksync_notify *n,
			void (*fn)(struct ksync_future *f, void *arg), void *arg);

/**
 * ksync_future_notify_remove() - do not call it any more
 * @f: future
 * @n: given to ksync_future_notify(), and still there
 *
 * When this returns the callback does not run, and will not: if it runs now, in
 * another thread or task, this waits for its end.  (Called by the callback itself,
 * this returns at once.)
 *
 * Return: true: it has not been called, and never will be.
 */
bool ksync_future_notify_remove(struct ksync_future *f, struct ksync_notify *n);

/**
 * struct ksync_async_attr - how to start an asynchronous function; all zero is good
 * @sched: runs it; NULL: that of the caller, who is a task
 * @task: of its task; or NULL
 */
struct ksync_async_attr {
	struct ksync_sched *sched;
	const struct ksync_task_attr *task;
	uint64_t reserved[2];
};

/**
 * ksync_async() - start a task, whose result is a future
 * @f: set to the future, with one reference
 * @fn: its function: returns 0, and fills @out, or a negative errno; always called
 * @arg: its argument
 * @attr: or NULL
 *
 * ksync_future_cancel() cancels the task (ksync_task_cancel()).
 *
 * Return: 0; -ENOMEM, -EAGAIN (no thread), -EINVAL (@attr; no scheduler).
 */
int ksync_async(struct ksync_future **f, int (*fn)(void *arg, struct ksync_value *out),
		void *arg, const struct ksync_async_attr *attr);

/*
 * A continuation: it has the result of what it continues, @error or @value (which is
 * there until it returns), fills @out and returns 0, or returns a negative errno.
 */
typedef int ksync_then_fn(int error, void *value, struct ksync_value *out, void *arg);

/* Run the continuation where the future is settled, or at once: it must not wait. */
#define KSYNC_THEN_INLINE	1U
/*
 * The futures that this one is made from are not cancelled with it, nor because it
 * needs them no more: for those that others use, too.
 */
#define KSYNC_FUTURE_KEEP	2U

/**
 * struct ksync_then_attr - where a continuation runs; all zero is a good choice
 * @sched: in a task of this one; NULL: that of the caller, who is a task
 * @flags: KSYNC_THEN_INLINE (instead of @sched), KSYNC_FUTURE_KEEP
 */
struct ksync_then_attr {
	struct ksync_sched *sched;
	uint32_t flags;
	uint32_t reserved;
};

/**
 * ksync_future_then() - go on with the value of a future
 * @out: set to the future of @fn's result, with one reference
 * @f: future
 * @fn: called once, unless @f fails: its error is that of *@out then
 * @arg: its last argument
 * @attr: or NULL
 *
 * @fn runs in a task, and may wait.  (If there is no memory for another task, those
 * that are to run take turns in one.)  While it runs ksync_future_cancel() cancels
 * that task; before, it is handed on to @f.
 *
 * If the scheduler is stopped before @f is settled, @fn is called as if @f had failed
 * with -ECANCELED.
 *
 * Return: 0; -ENOMEM, -EAGAIN (no thread), -EINVAL (@attr; no scheduler).
 */
int ksync_future_then(struct ksync_future **out, struct ksync_future *f,
		      ksync_then_fn *fn, void *arg, const struct ksync_then_attr *attr);

/** ksync_future_catch() - the same, with its error; a value is passed on */
int ksync_future_catch(struct ksync_future **out, struct ksync_future *f,
		       ksync_then_fn *fn, void *arg, const struct ksync_then_attr *attr);

/** ksync_future_map() - the same, with either: @fn is always called */
int ksync_future_map(struct ksync_future **out, struct ksync_future *f,
		     ksync_then_fn *fn, void *arg, const struct ksync_then_attr *attr);

/** ksync_future_finally() - the same, and the result of @f is passed on, unless @fn
 * returns an error
 */
int ksync_future_finally(struct ksync_future **out, struct ksync_future *f,
			 ksync_then_fn *fn, void *arg,
			 const struct ksync_then_attr *attr);

/**
 * ksync_future_all() - the values of several
 * @out: set to a future of an array, void *[@n], that belongs to it as its members do
 * @f: futures
 * @n: how many, 0 too
 * @flags: 0 or KSYNC_FUTURE_KEEP
 *
 * The first error is that of *@out, and the others are cancelled.
 *
 * Return: 0; -ENOMEM, -EINVAL (@flags).
 */
int ksync_future_all(struct ksync_future **out, struct ksync_future *const *f, size_t n,
		     uint32_t flags);

/**
 * ksync_future_any() - the first value
 * @out: set
 * @f: futures
 * @n: how many, at least one
 * @flags: 0 or KSYNC_FUTURE_KEEP
 *
 * The others are cancelled then.  If all fail, the error is that of @f[0].
 *
 * Return: 0; -ENOMEM, -EINVAL (@flags, @n).
 */
int ksync_future_any(struct ksync_future **out, struct ksync_future *const *f, size_t n,
		     uint32_t flags);

/** ksync_future_race() - the same with the first result, be it an error */
int ksync_future_race(struct ksync_future **out, struct ksync_future *const *f, size_t n,
		      uint32_t flags);

/**
 * ksync_future_delay() - a future with the value NULL, at a point in time
 * @out: set
 * @abs: when, on the scheduler's clock; NULL: never
 * @sched: whose; NULL: that of the caller, who is a task
 *
 * Return: 0; -ENOMEM, -EAGAIN (no thread), -EINVAL (tv_nsec; no scheduler).
 */
int ksync_future_delay(struct ksync_future **out, const struct timespec *abs,
		       struct ksync_sched *sched);

/**
 * ksync_future_timeout() - the result of a future, or -ETIMEDOUT at a point in time
 * @out: set
 * @f: future; cancelled then
 * @abs: when, on the scheduler's clock; NULL: never
 * @attr: scheduler, and KSYNC_FUTURE_KEEP; or NULL
 *
 * Return: as ksync_future_delay().
 */
int ksync_future_timeout(struct ksync_future **out, struct ksync_future *f,
			 const struct timespec *abs, const struct ksync_then_attr *attr);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_FUTURE_H */
