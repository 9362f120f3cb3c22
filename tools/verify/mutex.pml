/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mutex: N threads lock and unlock, in user space or in the module, with
 * deadlines and deaths.  -DANY: another one may unlock it for them.  See lock.pml.
 *
 * @run adaptive safety -DN=3
 * @run equal safety -DN=3 -DEQUAL
 * @run strict safety -DN=3 -DSTRICT
 * @run twice safety -DN=3 -DMORE=2 -DIMMORTAL
 * @run four safety -DN=4 -DIMMORTAL -DONE -DTRIES -DMORE=2 -DEQUAL -DNO_TIMER
 * @run live progress -DN=2 -DALL=2
 * @run overtaken ltl -DN=2 -DOVERTAKER
 * @run any safety -DN=3 -DANY
 * @run anystrict safety -DN=3 -DANY -DIMMORTAL -DSTRICT -DEQUAL
 * @run anytwice safety -DN=3 -DANY -DMORE=2 -DIMMORTAL
 * @run anyall safety -DN=2 -DANY -DALL=2
 *
 * @mutant NO_SET_WAITERS adaptive end kmod/lock.c: holder = ksync_word_set(&r->obj,
 * @mutant NO_CLEAR_WOKEN adaptive assertion kmod/lock.c: holder = ksync_word_clear(&r->obj,
 * @mutant NO_KEEP_WAITERS adaptive assertion kmod/lock.c: ret = ksync_word_lead(&st->obj, r->arg->thread, keep_bits(st));
 * @mutant NO_GRANT_WINS adaptive assertion kmod/lock.c: (st->nr == 1 || st->leader == &r->w)
 * @mutant NO_BOUND_CHECK four assertion kmod/lock.c: bound = !st->owner;
 * @mutant NO_OWNER_CLEAR adaptive assertion kmod/lock.c: if (last && st->owner)
 * @mutant NO_IDLE_CLEAR twice assertion kmod/lock.c: ksync_word_clear(&st->obj, idle_bits(st));
 * @mutant NO_COMMIT adaptive assertion kmod/owner.c: owner_del(st);
 * @mutant NO_PIN adaptive assertion kmod/owner.c: refcount_inc(&st->refs);
 * @mutant NO_DEAD_CHECK adaptive end kmod/owner.c: alive = !t->dead;
 * @mutant NO_SECOND_LOOK adaptive assertion kmod/owner.c: if (st->owner == self) {
 * @mutant NO_DIED_BIT adaptive assertion kmod/word.c: while (!try_cmpxchg(word, &v, mine | died_bit(ret) | (v & obj->ops->sticky)));
 * @mutant NO_BATON anytwice end kmod/park.c: return ksync_leave_next(st);
 * @mutant NO_GONE_CLEAR anytwice end kmod/lock.c: if (last && !ksync_lock_got(ret) && st->side != KSYNC_SIDE_GONE)
 * @mutant NO_GONE_GIVE_UP anytwice end kmod/lock.c: if ((st->nr == 1 || st->leader == &r->w) && st->side != KSYNC_SIDE_GONE &&
 * @mutant NO_GONE_LOOK any assertion kmod/lock.c: return depart(r, -ERESTARTNOINTR);
 * @mutant NO_SEND_LEADER anytwice end kmod/unlock_any.c: rel->next = st->leader ? send(st->leader) : ksync_unpark_top(st);
 * @mutant NO_TAKEN anyall assertion kmod/unlock_any.c: st->owner_handle = 0;
 * @mutant NO_STARVE overtaken cycle kmod/state.c: starve_start(st, st->freed);
 */
#ifndef N
#define N 3
#endif
#define NS (N + 1)
#include "lock.pml"

/* -DONE: only thread 1 has a deadline */
#ifdef ONE
#define BREAKS(t) (t == 1)
#else
#define BREAKS(t) true
#endif

byte served;	/* ghost: who has had it */
byte given;	/* how often another one is to unlock it */

/* -DMORE: how often thread N comes; the others once */
#ifdef MORE
#define ROUNDS(t) (t == N -> MORE : 1)
#elif defined(ALL)
#define ROUNDS(t) ALL
#else
#define ROUNDS(t) 1
#endif

/* Held, and everybody else is stuck behind: then all of them must boost us. */
inline check_boost()
{
	d_step {
		x = 1;
		do
		:: x <= N ->
			if
			:: cur != 0 && waiters[cur]??[eval(x)] ->
				assert(s[cur].qown == me ||
				       (s[cur].qown == s[cur].leader && s[cur].leader != 0 &&
					fw[cur] == s[cur].leader && s[cur].fown == me));
				assert(x == s[cur].leader || qw[cur]??[eval(x)])
			:: else
			fi;
			x++
		:: else -> break
		od;
		x = 0
	}
}

/* lock.c of the library: ksync_lock_look(); -DTRIES: thread N does no more */
inline lock_look()
{
	if
	:: atomic { owner == 0 && !D -> owner = me; ret = OK }
	:: atomic { owner != 0 || D -> ret = BUSY }
	fi;
	got()
}

proctype thread(byte me)
{
	byte st, ret, hold, rel, verd, step, top, x, n;
	bit ok, bye, spin, aside, brk, gave;

	do
	:: n < ROUNDS(me) ->
#ifndef OVERTAKER
		n++;
		if
		:: brk = 0
		:: BREAKS(me) -> brk = 1	/* there is a deadline, or a signal may come */
		fi;
#endif
#ifdef TRIES
		if
		:: me == N -> lock_look()
		:: else -> lock()
		fi;
#else
		lock();
#endif
		if
		:: ret == BUSY	/* it was a try */
		:: ret != BUSY && !GOT(ret) -> assert(ret == LOST || (ret == BROKEN && brk))
		:: GOT(ret) ->
			served = served | (1 << me);
#ifndef OVERTAKER
			if
			:: ret == DIED ->
				if
				:: atomic { D = 0; dirty = 0 }	/* ksync_consistent_() */
				:: skip	/* unlocked as it is: lost */
				fi
			:: else
			fi;
			if
			:: skip
			:: timeout -> check_boost()
#ifndef IMMORTAL
			:: atomic { inside--; dirty = 1 }; goto dies
#endif
			fi;
#endif
#ifdef ANY
			if
			:: unlock()
			:: !D -> gave = 1; given++; (owner != me)
			fi
#else
			unlock()
#endif
		fi;
		ret = 0;
		if
		:: !gave -> check_unboosted()
		:: else	/* those that were left behind may still boost it */
		fi
	:: else -> goto done
	od;
dies:
	ret = 0;
	die();
	goto gone;
done:
#if defined(ANY) && !defined(IMMORTAL)
	die();	/* it may own a queue that was left behind */
#endif
gone:
	skip
}

#ifdef ANY
/* It unlocks what the one that has it leaves to it. */
active proctype other()
{
	byte st, rel, top;

end:	do
	:: atomic { given > 0 -> given-- }; unlock_any()
	od
}
#endif

init
{
	atomic {
		run thread(1);
		run thread(2);
#if N > 2
		run thread(3);
#endif
#if N > 3
		run thread(4)
#endif
	}
}

#ifdef OVERTAKER
/* However fast another one locks and unlocks, who waits gets it. */
ltl overtaken { <> (served & 2) }
#endif
