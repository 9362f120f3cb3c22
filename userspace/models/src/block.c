// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Machines that block: by their own word, or seen by the monitor.
 *
 * A proc is taken from a machine that is in a task's code, not in the scheduler's:
 *
 *	the machine				the monitor
 *	busy = true				revoked = ASKED
 *	(compiler barrier)			membarrier(2)
 *	reads revoked				reads busy
 *	ASKED: CAS to NOT, it keeps the proc	false: CAS ASKED to TAKEN, it has it
 *
 * membarrier() is a full barrier in each thread of the process, so a machine that was
 * not seen busy does see ASKED, and of the two CASes one fails.  The machine's side,
 * which is the frequent one, costs no barrier.  A machine that finds TAKEN goes on
 * without a proc, until it comes to the scheduler, and is called loose until then.
 */
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "internal.h"

static int membarrier(int command)
{
	int saved = *ksync_errno_location();
	int ret = syscall(SYS_membarrier, command, 0, 0);

	*ksync_errno_location() = saved;
	return ret;
}

int ksync_membarrier_prepare(void)
{
	return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

/** ksync_proc_hold_slow() - the monitor wants it; the machine is busy now */
struct proc *ksync_proc_hold_slow(struct machine *m)
{
	uint32_t asked = REVOKED_ASKED;

	if (__atomic_compare_exchange_n(&m->revoked, &asked, REVOKED_NOT, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ||
	    asked != REVOKED_TAKEN)
		return m->proc;
	m->proc = NULL;
	m->loose = true;
	store_release(&m->revoked, REVOKED_NOT);
	return NULL;
}

/**
 * ksync_proc_revoke() - take a proc from a machine that sleeps in the kernel
 * @s: scheduler, locked; unlocked when this returns
 * @p: proc
 */
bool ksync_proc_revoke(struct ksync_sched *s, struct proc *p)
{
	struct machine *m = p->machine;
	uint32_t asked = REVOKED_ASKED;

	if (!m)
		goto no;
	__atomic_store_n(&m->revoked, REVOKED_ASKED, __ATOMIC_SEQ_CST);
	if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) || load_acquire(&m->busy)) {
		__atomic_compare_exchange_n(&m->revoked, &asked, REVOKED_NOT, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
		goto no;
	}
	if (!__atomic_compare_exchange_n(&m->revoked, &asked, REVOKED_TAKEN, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		goto no;
	s->loose++;
	s->retaken++;
	store(&p->machine, NULL);
	ksync_proc_handoff(s, p);
	return true;
no:
	unlock(&s->lock);
	return false;
}

EXPORT void ksync_task_block_enter(void)
{
	struct machine *m = ksync_machine_self();
	struct ksync_sched *s;
	struct proc *p;
	bool held;

	if (!m || !hands_off(m->sched))
		return;
	s = m->sched;
	p = ksync_proc_hold(m, &held);
	store(&m->task->state, TASK_BLOCKING);
	if (p) {
		lock(&s->lock);
		m->proc = NULL;
		m->loose = true;
		s->loose++;
		store(&p->machine, NULL);
		ksync_proc_handoff(s, p);
	}
	ksync_proc_unhold(m, held);
}

EXPORT void ksync_task_block_leave(void)
{
	struct machine *m = ksync_machine_self();
	struct ksync_sched *s;
	struct proc *p;
	bool held;

	if (!m || !hands_off(m->sched))
		return;
	s = m->sched;
	store(&m->task->state, TASK_RUNNING);
	p = ksync_proc_hold(m, &held);
	if (!p) {
		lock(&s->lock);
		p = ksync_idle_proc(s, m);
		if (p) {
			m->loose = false;
			s->loose--;
		}
		unlock(&s->lock);
	}
	ksync_proc_unhold(m, held);
	if (!p)
		ksync_task_leave(m, LEAVE_YIELD);
}

EXPORT void ksync_task_pin(void)
{
	struct machine *m = ksync_machine_self();

	if (!m || !hands_off(m->sched) || m->task->pins++)
		return;
	m->task->pinned = m;
	m->pinned = m->task;
}

EXPORT void ksync_task_unpin(void)
{
	struct machine *m = ksync_machine_self();

	if (!m || !m->task->pins || --m->task->pins)
		return;
	m->task->pinned = NULL;
	m->pinned = NULL;
}

EXPORT void ksync_task_checkpoint(void)
{
	struct machine *m = ksync_machine_self();
	struct proc *p;
	bool held, yield = false;

	if (!m)
		return;
	p = ksync_proc_hold(m, &held);
	if (unlikely(seeded(m->sched)))
		yield = ksync_seeded_coin(m->sched);
	else if (!p || load(&p->preempt))
		yield = true;
	if (yield && p)
		store(&p->preempt, false);
	ksync_proc_unhold(m, held);
	if (yield)
		ksync_task_leave(m, LEAVE_YIELD);
}
