// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Select: the first of several cases that can be done.
 *
 * The algorithm is that of Go's selectgo() (R. Cox, D. Vyukov and others, Go's
 * runtime/select.go): lock all channels in the order of their addresses, look for a
 * case that need not wait, else queue all of them, sleep, and take out those that were
 * not done.  The code is ours, and there is a look without locks before: one case of
 * those that seem ready is drawn and tried with its own lock, which is enough mostly.
 *
 * Each of those that are ready is as likely: the k-th one that is found replaces the
 * choice so far with probability 1/k (reservoir sampling; J. S. Vitter, 1985), so
 * nothing is drawn if there is just one.  One that cannot be done after all, since all
 * that wait there have given up, does not seem ready any more, and another is drawn.
 *
 * That none can be done is said, with two cases and more, only after all were looked
 * at with all locks held: at that moment it is true.
 */
#include "chan.h"

/* For a thread, or a machine; seeded schedulers have their own. */
static LOOKUP uint64_t thread_random(void)
{
	static __thread __attribute__((tls_model("initial-exec"))) uint64_t state;

	asm volatile("" ::: "memory");
	if (unlikely(!state))
		state = (uintptr_t)&state ^ ksync_clock(NULL);
	return ksync_random(&state);
}

static uint64_t draw(void)
{
	struct machine *m = ksync_machine_self();
	struct ksync_sched *s = m ? m->sched : NULL;
	uint64_t random;

	if (likely(!s || !seeded(s)))
		return thread_random();
	lock(&s->lock);
	random = ksync_random(&s->random);
	unlock(&s->lock);
	return random;
}

/* One of the cases that seem ready; -EAGAIN. */
static int choose(const struct ksync_case *cases, unsigned int n)
{
	unsigned int i, ready = 0;
	int found = -EAGAIN;

	for (i = 0; i < n; i++) {
		const struct ksync_chan *c = cases[i].chan;

		if (!c || !ksync_chan_ready(c, cases[i].op))
			continue;
		if (!ready++ || draw() % ready == 0)
			found = i;
	}
	return found;
}

/* Without locks, but that of the one that is tried. */
static int select_fast(struct ksync_case *cases, unsigned int n)
{
	struct ksync_task *woken;
	struct ksync_case *w;
	int i = choose(cases, n);
	bool done;

	if (i < 0)
		return i;
	w = &cases[i];
	lock(&w->chan->lock);
	done = ksync_chan_do(w->chan, w->op, w->value, &w->result, &woken);
	unlock(&w->chan->lock);
	if (woken)
		ksync_wake(woken);
	return done ? i : -EAGAIN;
}

/* By the addresses of channels (D. L. Shell's sort, 1959, with D. E. Knuth's gaps). */
static void sort(struct ksync_case *cases, unsigned int n)
{
	unsigned int gap = 1, i, j;
	uint16_t x;

	for (i = 0; i < n; i++)
		cases[i].order_ = i;
	while (gap < n / 3)
		gap = 3 * gap + 1;
	for (; gap; gap /= 3) {
		for (i = gap; i < n; i++) {
			x = cases[i].order_;
			for (j = i; j >= gap; j -= gap) {
				if (cases[cases[j - gap].order_].chan <= cases[x].chan)
					break;
				cases[j].order_ = cases[j - gap].order_;
			}
			cases[j].order_ = x;
		}
	}
}

static struct ksync_chan *nth(const struct ksync_case *cases, unsigned int i)
{
	return cases[cases[i].order_].chan;
}

static void lock_all(struct ksync_case *cases, unsigned int n)
{
	struct ksync_chan *was = NULL;
	unsigned int i;

	sort(cases, n);
	for (i = 0; i < n; i++) {
		if (nth(cases, i) == was)
			continue;
		was = nth(cases, i);
		lock(&was->lock);
	}
}

static void unlock_all(struct ksync_case *cases, unsigned int n)
{
	struct ksync_chan *was = NULL;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (nth(cases, i) == was)
			continue;
		was = nth(cases, i);
		unlock(&was->lock);
	}
}

/* All are locked, and stay so if this returns -EAGAIN: none can be done. */
static int select_locked(struct ksync_case *cases, unsigned int n)
{
	struct ksync_task *woken;
	struct ksync_case *w;
	int i;

	do {
		i = choose(cases, n);
		if (i < 0)
			return i;
		w = &cases[i];
	} while (!ksync_chan_do(w->chan, w->op, w->value, &w->result, &woken));
	unlock_all(cases, n);
	if (woken)
		ksync_wake(woken);
	return i;
}

/* All are locked. */
static int select_wait(struct ksync_case *cases, unsigned int n, uint64_t deadline)
{
	struct ksync_ticket ticket;
	unsigned int i;
	int ret = ksync_wait_begin(&ticket, 0), done;

	for (i = 0; i < n && !ret; i++)
		if (cases[i].chan)
			ksync_chan_enter(&cases[i], ticket, i);
	unlock_all(cases, n);
	if (ret)
		return ret;
	ret = ksync_wait(deadline, "select");
	done = ret < 0 ? ret : ret >> 1;
	for (i = 0; i < n; i++)
		if (cases[i].chan && (int)i != done)
			ksync_chan_leave(&cases[i]);
	if (done < 0)
		return done;
	cases[done].result = 0;
	if (ret & CASE_ENDED)
		cases[done].result = ksync_chan_ended(cases[done].op);
	return done;
}

static int check(const struct ksync_case *cases, unsigned int n)
{
	unsigned int i;

	if (n > KSYNC_SELECT_MAX)
		return -EINVAL;
	for (i = 0; i < n; i++)
		if (cases[i].op > KSYNC_CASE_RECV)
			return -EINVAL;
	return 0;
}

static int select_until(struct ksync_case *cases, unsigned int n, uint64_t deadline)
{
	int ret = check(cases, n);

	if (unlikely(ret))
		return ret;
	ret = select_fast(cases, n);
	if (likely(ret >= 0))
		return ret;
	lock_all(cases, n);
	ret = select_locked(cases, n);
	return ret >= 0 ? ret : select_wait(cases, n, deadline);
}

EXPORT int ksync_select(struct ksync_case *cases, unsigned int n)
{
	return select_until(cases, n, NEVER);
}

EXPORT int ksync_select_timed(struct ksync_case *cases, unsigned int n,
			      const struct timespec *abs)
{
	uint64_t deadline;
	int ret = ksync_deadline_ns(abs, &deadline);

	return ret ? ret : select_until(cases, n, deadline);
}

EXPORT int ksync_select_try(struct ksync_case *cases, unsigned int n)
{
	int ret = check(cases, n);

	if (unlikely(ret))
		return ret;
	ret = select_fast(cases, n);
	if (ret >= 0 || n < 2)
		return ret;
	lock_all(cases, n);
	ret = select_locked(cases, n);
	if (ret < 0)
		unlock_all(cases, n);
	return ret;
}
