// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A settled future settles others, which settle others: by turns, not within each
 * other (a trampoline; as the queue of jobs in ECMAScript's promises).
 *
 * The first one to come in a task, or a thread that runs none, empties the queues;
 * what comes meanwhile, from the functions that it calls, is queued.  It is the task's
 * own, so that others that run on the thread, should one of these functions wait
 * after all, are not held up.
 */
#include "future.h"

/**
 * struct trampoline - queues of one task or thread
 * @ready: futures that are settled, or to be run: one reference each
 * @cancels: those to be cancelled: one reference each
 * @dead: those without a reference
 */
struct trampoline {
	struct ksync_future *ready;
	struct ksync_future **ready_tail;
	struct ksync_future *cancels;
	struct ksync_future **cancels_tail;
	struct ksync_future *dead;
};

static __thread __attribute__((tls_model("initial-exec"))) struct trampoline *of_thread;

/** ksync_trampoline_slot() - the caller's; its address tells one caller from another */
LOOKUP struct trampoline **ksync_trampoline_slot(void)
{
	struct machine *m = ksync_machine_self();

	asm volatile("" ::: "memory");
	return m && m->task ? &m->task->trampoline : &of_thread;
}

static void run_one(struct trampoline *t)
{
	struct ksync_future *f = t->ready;

	t->ready = f->link;
	if (!t->ready)
		t->ready_tail = &t->ready;
	if (load_acquire(&f->state) & FUTURE_SETTLED)
		ksync_future_run_callbacks(f);
	else
		f->kind->run(f);
	ksync_future_put(f);
}

static void cancel_one(struct trampoline *t)
{
	struct ksync_future *f = t->cancels;

	t->cancels = f->cancel_link;
	if (!t->cancels)
		t->cancels_tail = &t->cancels;
	f->kind->cancel(f);
	ksync_future_put(f);
}

static void free_one(struct trampoline *t)
{
	struct ksync_future *f = t->dead;

	t->dead = f->link;
	ksync_future_destroy(f);
}

/* The memory of what is dead is the next one's: a long chain needs little. */
static void drain(struct trampoline *t)
{
	for (;;) {
		if (t->dead)
			free_one(t);
		else if (t->ready)
			run_one(t);
		else if (t->cancels)
			cancel_one(t);
		else
			break;
	}
}

static void add_ready(struct trampoline *t, struct ksync_future *f)
{
	f->link = NULL;
	*t->ready_tail = f;
	t->ready_tail = &f->link;
}

static void add_cancel(struct trampoline *t, struct ksync_future *f)
{
	f->cancel_link = NULL;
	*t->cancels_tail = f;
	t->cancels_tail = &f->cancel_link;
}

static void add_dead(struct trampoline *t, struct ksync_future *f)
{
	f->link = t->dead;
	t->dead = f;
}

static void bounce(struct ksync_future *f,
		   void (*enqueue)(struct trampoline *t, struct ksync_future *f))
{
	struct trampoline **slot = ksync_trampoline_slot();
	struct trampoline own = { 0 };

	if (*slot) {
		enqueue(*slot, f);
		return;
	}
	own.ready_tail = &own.ready;
	own.cancels_tail = &own.cancels;
	*slot = &own;
	enqueue(&own, f);
	drain(&own);
	*slot = NULL;
}

/** ksync_trampoline_run() - call its callbacks, or run it; takes a reference over */
void ksync_trampoline_run(struct ksync_future *f)
{
	bounce(f, add_ready);
}

/** ksync_trampoline_cancel() - ask its producer; takes a reference over */
void ksync_trampoline_cancel(struct ksync_future *f)
{
	bounce(f, add_cancel);
}

/** ksync_trampoline_free() - the last reference is gone */
void ksync_trampoline_free(struct ksync_future *f)
{
	bounce(f, add_dead);
}
