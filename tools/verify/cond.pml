/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The condition variable: kmod/cond.c, requeue.c and park.c over lock.pml.
 *
 * Threads 1 to N - 1 wait for a token each, under the mutex; thread N makes one
 * for each and signals.  A wait may be broken off at any moment: by a deadline, a
 * signal with a handler, or one that kills.  Who sleeps on at the end was missed.
 *
 * @run signal safety -DN=3 -DNO_TIMER -DKILLS -DDEADLINES
 * @run broadcast safety -DN=3 -DNO_TIMER -DBROADCAST -DDIES -DEQUAL
 * @run handlers safety -DN=2 -DHANDLERS -DKILLS -DDEADLINES
 * @run doomed safety -DN=3 -DNO_TIMER -DDOOMED
 * @run live progress -DN=2 -DNO_TIMER -DDEADLINES -DKILLS
 *
 * @mutant NO_ONE_STEP signal end kmod/cond.c: ksync_queue_enter(&c->r.w, st);
 * @mutant NO_STAGE_CHECK signal assertion kmod/cond.c: left = c->r.self->stage == KSYNC_ON_COND;
 * @mutant NO_MUTEX_WAITERS signal assertion kmod/requeue.c: const u32 holder = ksync_word_set(obj, KSYNC_WAITERS);
 * @mutant NO_PARK_CHECK signal end kmod/park.c: if (!(ksync_waiter_top(w->state) == w && has_to_run(w)) && !ksync_graph_park(w))
 * @mutant NO_PASS_ON doomed end kmod/cond.c: ksync_cond_move(&c.cond, 1);
 * @mutant NO_UNPARK_DEPART signal end kmod/lock.c: next = ksync_unpark_top(st);
 * @mutant NO_UNPARK_UNLOCK signal end kmod/unlock.c: rel->next = ksync_unpark_top(st);
 * @mutant NO_UNPARK_DIED broadcast end kmod/owner.c: next = ksync_unpark_top(st);
 */
#ifndef N
#define N 3
#endif
#define NS (N + 1)
#define COND
#include "lock.pml"

byte tokens;			/* what is waited for; under the mutex */
chan cq = [N] of { byte };	/* waiters of the cond's state; bucket_a */
bit bucket_a;			/* the cond's bucket lock; bucket is the mutex's */
bit in_b[N + 1];		/* w->bucket is the mutex's */
byte wst[N + 1];		/* w->state, there */
byte cell;			/* cell->waiters of the cond */

#ifdef BROADCAST
#define ROUNDS	1
#define COUNT	(N - 1)
#else
#ifdef DOOMED	/* one token; thread 1 is killed, or leaves it to the other by itself */
#define ROUNDS	1
#else
#define ROUNDS	(N - 1)
#endif
#define COUNT	1
#endif

#ifdef NO_PASS_ON
#define PASSES	polite
#else
#define PASSES	(given || polite)
#endif

#define lock_both()	atomic { bucket_a == 0 -> bucket_a = 1 }; lock_bucket()
#define unlock_both()	bucket_a = 0; unlock_bucket()

/* cond.c: enter(), queue_up() */
inline enter()
{
#ifdef NO_ONE_STEP
	lock_bucket();
	unlock_begin();
	unlock_bucket();
	unlock_end();
	lock_both();
	atomic { stage[me] = ON_COND; in_b[me] = 0; PUT(cq, me); cell++ };
	unlock_both()
#else
	lock_both();
	atomic { stage[me] = ON_COND; in_b[me] = 0; PUT(cq, me); cell++ };
	unlock_begin();	/* [A] */
	atomic { unlock_both() };
	unlock_end()
#endif
}

/* queue.c: ksync_queue_lock() */
inline queue_lock(at)
{
	do
	:: at = in_b[me];
	   if
	   :: at -> lock_bucket()
	   :: else -> atomic { bucket_a == 0 -> bucket_a = 1 }
	   fi;
	   if
#ifdef NO_BUCKET_CHECK
	   :: true -> break
#else
	   :: at == in_b[me] -> break
#endif
	   :: at != in_b[me] ->
		if
		:: at -> unlock_bucket()
		:: else -> bucket_a = 0
		fi
	   fi
	od
}

/* cond.c: leave(). ret: BROKEN: left the cond */
inline leave()
{
	queue_lock(at);
	atomic {
		if
#ifdef NO_STAGE_CHECK
		:: true ->
#else
		:: stage[me] == ON_COND ->
#endif
			assert(bucket_a && !at && cq??[eval(me)]);
			cq??eval(me);
			cell--;
			ret = BROKEN
#ifndef NO_STAGE_CHECK
		:: else
#endif
		fi;
		if
		:: at -> unlock_bucket()
		:: else -> bucket_a = 0
		fi;
		at = 0
	}
}

/* cond.c: await_signal(), sleep(). ret: OK: go for the mutex; BROKEN */
inline await_signal()
{
	ret = OK;
	do
	:: atomic { stage[me] == UNPARKED -> st = wst[me]; break }
	:: stage[me] == ON_COND && (tmo || sig) ->
		leave();
		if
		:: ret == BROKEN -> break
		:: else
		fi
	:: atomic { stage[me] == PARKED && (tmo || sig) ->
		tmo = 0;	/* ksync_waiter_stop() */
		if
		:: sig -> stage[me] = UNPARKED	/* ksync_unpark() */
		:: else
		fi }
	od
}

/* requeue.c: mutex_state() */
inline mutex_state(y)
{
	y = cur;
	atomic {	/* ksync_word_set(WAITERS) */
		hold = THREAD_IN(owner);
#ifndef NO_MUTEX_WAITERS
		W = 1
#endif
	};
	if
	:: y != 0
	:: y == 0 ->
		atomic {
			state_new(y);
			cur = y;
			if
			:: hold != 0 -> owner_set(y, false, hold, ok)
			:: else -> ok = 0
			fi
		};
		if
		:: ok -> ok = 0
		:: else ->
			atomic { W = 1; K = 1 };
			s[y].freed = 1
		fi
	fi;
	hold = 0
}

/* requeue.c: move_one(), move_next(), move_to_mutex(); park.c: ksync_park() */
inline move_one()
{
	lock_both();
	if
	:: n == 0 ->	/* ksync_sweep_next(): those that wait now */
		mask = 0;
		x = 1;
		do
		:: x < N && cq??[eval(x)] -> mask = mask | (1 << x); x++
		:: x < N && !cq??[eval(x)] -> x++
		:: x == N -> break
		od;
		x = 0
	:: else
	fi;
	w = 0;
	if
	:: len(cq) > 0 ->
		cq?<w>;
		if
		:: !(mask & (1 << w)) -> w = 0	/* it came later */
		:: else
		fi
	:: else
	fi;
	n++;
	if
	:: w != 0 ->
		atomic { cq??eval(w); cell-- };
		mutex_state(y);
		atomic {
			PUT(waiters[y], w);
			wst[w] = y;
			in_b[w] = 1;
			waiters[y]?<top>;
			if
#ifndef NO_PARK_CHECK
			:: top == w && has_to_run(y, w) -> stage[w] = UNPARKED
			:: !(top == w && has_to_run(y, w)) -> stage[w] = PARKED
			:: !(top == w && has_to_run(y, w)) -> stage[w] = UNPARKED	/* ksync_graph_park() has failed, or it may come */
#else
			:: true -> stage[w] = PARKED
#endif
			fi;
			top = 0;
			y = 0
		}
	:: else
	fi;
	atomic { unlock_both() }
}

/* requeue.c: move(), step_lock() */
inline cond_move(count)
{
	n = 0;
	w = 1;
	do
	:: n < count && w != 0 -> move_one()
	:: else -> break
	od;
	atomic { n = 0; w = 0; mask = 0 }
}

/* A signal may come from now on, or be there: 1 has a handler, 2 kills. */
inline choose_signal()
{
	if
	:: sig = 0
#ifdef HANDLERS
	:: sig = 1
#endif
#ifdef KILLS
	:: me == 1 -> sig = 2
#endif
	fi;
#ifdef DOOMED
	sig = (me == 1 -> 2 : 0)
#endif
}

inline repair()
{
	atomic {
		if
		:: ret == DIED -> D = 0; dirty = 0	/* ksync_consistent_() */
		:: else
		fi
	}
}

/*
 * cond.c: ksync_cond_wait(), cond_wait(), sleep_phase(), wait(), relock().  All
 * ways lead to one call of lock.c: how says from where.  Who is killed with the
 * mutex dies after it has used the token: see the signaller for that death.
 */
#define FAST	0	/* the program locks the mutex */
#define TURN	1	/* was moved, and goes for it: ksync_lock_turn() */
#define RELOCK	2	/* joins its queue again: ksync_lock_wait() */

proctype waiter(byte me)
{
	byte st, ret, hold, rel, verd, step, top, x, y, n, w, mask, sig, how;
	bit ok, bye, spin, aside, brk, tmo, given, at, late, polite;

again:
	brk = (how != FAST && sig != 0);
	if
	:: how == TURN -> ret = BUSY
	:: atomic { how == FAST && owner == 0 && !D -> owner = me; ret = OK }
	:: atomic { how == RELOCK || (how == FAST && (owner != 0 || D)) -> skip };
	   join()
	fi;
	if
	:: ret == BUSY -> wait_turn()
	:: else
	fi;
	if
	:: ret == BROKEN && sig == 1 ->	/* the handler runs, the call is made again */
		how = RELOCK;
		choose_signal();
		goto again
	:: ret == BROKEN && sig == 2 -> goto killed
	:: GOT(ret)
	fi;
	got();
	atomic { sig = 0; given = 0; brk = 0; how = FAST };
	repair();
	if
#ifdef DOOMED
	:: tokens > 0 && me == 1 -> polite = 1; unlock(); goto killed
	:: tokens > 0 && me != 1 -> tokens--; goto leaves
#else
	:: tokens > 0 -> tokens--; goto leaves
#endif
	:: tokens == 0 && late -> goto leaves
	:: tokens == 0 && !late
	fi;
	inside--;
	if
	:: tmo = 0
#ifdef DEADLINES
	:: tmo = 1
#endif
	fi;
	choose_signal();
	enter();
	await_signal();
	if
	:: ret == OK -> how = TURN; given = 1
	:: ret == BROKEN && tmo -> how = RELOCK; late = 1	/* -ETIMEDOUT */
	:: ret == BROKEN && !tmo && sig == 1 -> how = RELOCK; given = 1; choose_signal()
	:: ret == BROKEN && !tmo && sig == 2 -> goto killed
	fi;
	tmo = 0;
	goto again;
killed:
	if
	:: PASSES -> cond_move(1)
	:: else
	fi;
	die();
	goto done;
leaves:
	unlock();
done:
	check_unboosted()
}

proctype signaller(byte me)
{
	byte st, ret, hold, rel, verd, step, top, x, y, n, w, mask;
	bit ok, bye, spin, aside, brk;
	byte i;
	bit first;

	do
	:: i < ROUNDS ->
		i++;
		lock();
		tokens = tokens + COUNT;
		if
		:: first = 1	/* signals with the mutex, or without it */
		:: first = 0 -> unlock()
		fi;
		if
		:: cell != 0 -> cond_move(COUNT)	/* cond.h: ksync_cond_wake() */
		:: else
		fi;
		if
		:: first -> unlock()
#ifdef DIES
		:: first -> inside--; dirty = 1; goto dies
#endif
		:: !first
		fi
	:: else -> break
	od;
	goto done;
dies:
	die();
done:
	check_unboosted()
}

init
{
	atomic {
		run waiter(1);
#if N > 2
		run waiter(2);
#endif
#if N > 3
		run waiter(3);
#endif
		run signaller(N)
	}
}
