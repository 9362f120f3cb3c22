// SPDX-License-Identifier: GPL-2.0
/*
 * A bounded queue between processes: a mutex around the ring, a waitq for
 * those who wait for items and one for those who wait for slots.
 *
 * The words of the waitqs count what happened, and change under the mutex.
 * Who finds nothing to do reads the word under the mutex too and waits for it
 * to change: what happens in between is not missed.
 */
#include <errno.h>
#include <limits.h>
#include "index.h"

void queue_init(struct queue *q, struct ksync *d)
{
	memset(q, 0, sizeof(*q));
	must(ksync_mutex_init(&q->mutex, d, 0), "mutex");
	must(ksync_waitq_init(&q->items, d, 0), "waitq");
	must(ksync_waitq_init(&q->slots, d, 0), "waitq");
	must(ksync_name(&q->mutex, "queue"), "name");
	must(ksync_name(&q->items, "items"), "name");
	must(ksync_name(&q->slots, "slots"), "name");
}

static void lock(struct queue *q)
{
	must(ksync_mutex_lock(&q->mutex), "the queue's mutex");
}

static void unlock(struct queue *q)
{
	must(ksync_mutex_unlock(&q->mutex), "the queue's mutex");
}

/* Called with the mutex, which is free while this waits. */
static void wait_for_change(struct queue *q, struct ksync_waitq *wq)
{
	uint32_t seen = *ksync_waitq_word(wq);
	int ret;

	unlock(q);
	ret = ksync_waitq_wait(wq, seen);
	if (ret != -EAGAIN)
		must(ret, "the queue's waitq");
	lock(q);
}

/* Called with the mutex, which is given back. */
static void unlock_and_wake(struct queue *q, struct ksync_waitq *wq, uint32_t n)
{
	++*ksync_waitq_word(wq);
	unlock(q);
	must(ksync_waitq_wake(wq, n), "the queue's waitq");
}

void queue_put(struct queue *q, uint32_t file)
{
	lock(q);
	while (q->put - q->taken == QUEUE_SLOTS)
		wait_for_change(q, &q->slots);
	q->ring[q->put++ % QUEUE_SLOTS] = file;
	unlock_and_wake(q, &q->items, 1);
}

void queue_close(struct queue *q)
{
	lock(q);
	q->closed = true;
	unlock_and_wake(q, &q->items, INT_MAX);
}

/* Return false when the queue is closed and empty. */
bool queue_take(struct queue *q, uint32_t *file)
{
	lock(q);
	while (q->put == q->taken && !q->closed)
		wait_for_change(q, &q->items);
	if (q->put == q->taken) {
		unlock(q);
		return false;
	}
	*file = q->ring[q->taken++ % QUEUE_SLOTS];
	unlock_and_wake(q, &q->slots, 1);
	return true;
}
