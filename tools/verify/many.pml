/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waits for one of many: kmod/many.c, many.h and queue.c, over sems and an event
 * (sem.c, event.c).
 *
 * M waits for any of a sem (object 0) and an auto-reset event (object 1), P for the
 * sem alone.  Users post the sem and set the event at the same moment, reset the
 * event, and take a unit when they can.  M may be broken off at any moment, and so
 * may P.  SC is enough: what meets outside of the bucket locks are atomics on one
 * word, the claim, and woken; for the order of poked and told see litmus/.
 *
 * @run asleep safety
 * @run broken safety -DBREAKS
 * @run live progress -DBREAKS
 *
 * @mutant NO_ARM asleep assertion kmod/sem.c: atomic_or(KSYNC_WAITERS, word_of(obj));
 * @mutant NO_READY asleep assertion kmod/queue.c: if (!obj->ops->ready(obj, w->expected))
 * @mutant NO_IDLE broken assertion kmod/queue.c: st->obj.ops->idle(&st->obj);
 * @mutant NO_CLAIM asleep assertion kmod/queue.c: if (!ksync_many_claim(w))
 * @mutant NO_UNCLAIM asleep assertion kmod/queue.c: ksync_many_unclaim(w);
 * @mutant NO_AGAIN asleep assertion kmod/many.h: w->many->again = true;
 * @mutant NO_CONCLUDE broken assertion kmod/many.c: const u32 claim = atomic_read(&c->claim);
 * @mutant NO_WOKEN_WINS broken assertion kmod/queue.c: return w->woken ? 0 : ksync_waiter_broken(w, flags);
 */
#define M	1
#define P	2

byte value[2];			/* of the word: units, or SET */
bit W[2];			/* WAITERS */
bit bucket[2];
bit mq[2], pq;			/* M is in the object's queue, and P in the sem's */
bit woken_m[2], woken_p;	/* w->woken */
byte claim;			/* c->claim: 0, or a part's index and 1 */
bit again, told;

byte taken_m, taken_p;		/* ghost: what the calls say */
bit done_m, done_p;
byte made, used;		/* ghost: units of the sem; sets that made it set, and what took them */
byte gone;			/* ghost: taken away by a reset */

#define lock_bucket(o)		atomic { bucket[o] == 0 -> bucket[o] = 1 }
#define unlock_bucket(o)	bucket[o] = 0

/* queue.c: ksync_queue_leave(), ksync_queue_note(); sem.c: sem_idle() */
inline leave_queue(o, who)
{
	atomic {
		if
		:: who == M -> mq[o] = 0
		:: else -> pq = 0
		fi;
#ifndef NO_IDLE
		if
		:: !mq[o] && !(o == 0 && pq) -> W[o] = 0
		:: else
		fi
#endif
	}
}

/* many.h: ksync_many_claim() for part @o */
inline claim_it(o, yes)
{
	atomic {
#ifdef NO_CLAIM
		claim = o + 1; yes = 1
#else
		if
		:: claim == 0 -> claim = o + 1; yes = 1
		:: else -> yes = 0
		fi
#endif
	}
}

/* many.h: ksync_many_unclaim() */
inline unclaim()
{
#ifndef NO_UNCLAIM
	claim = 0;
#ifndef NO_AGAIN
	again = 1
#endif
#endif
	skip
}

/* sem.c: sem_use(); event.c: event_use(): 0, or -EBUSY: yes = 0 */
inline use(o, yes)
{
	atomic {
		if
		:: value[o] > 0 -> value[o]--; used++; yes = 1
		:: else -> assert(o == 1); yes = 0
		fi
	}
}

/*
 * sweep.c: ksync_sweep_serve(), serve_top(), take_out(), for as many as there are.  P
 * is more important than M: it is at the top.
 */
inline serve(o)
{
	do
	:: o == 0 && pq && value[0] > 0 ->
		use(0, yes);
		leave_queue(0, P);
		woken_p = 1		/* [C] */
	:: !(o == 0 && pq) && mq[o] && value[o] > 0 ->
		claim_it(o, yes);
		if
		:: !yes -> leave_queue(o, M); woken_m[o] = 1
		:: yes ->
			use(o, yes);
			if
			:: yes -> leave_queue(o, M); told = 1; woken_m[o] = 1
			:: !yes -> unclaim(); told = 1; break
			fi
		fi
	:: value[o] == 0 || (!mq[o] && !(o == 0 && pq)) -> break
	od;
	yes = 0
}

/* ksync/sem.h: ksync_sem_add_(); event.h: set; else RELEASE */
proctype poster(byte o)
{
	bit yes;

	if
	:: atomic { !W[o] && o == 0 -> value[0]++; made++ }
	:: atomic { !W[o] && o == 1 && value[1] == 0 -> value[1] = 1; made++ }
	:: atomic { !W[o] && o == 1 && value[1] == 1 -> skip }
	:: atomic { W[o] -> skip };
	   lock_bucket(o);
	   atomic {
		if
		:: o == 0 -> value[0]++; made++
		:: o == 1 && value[1] == 0 -> value[1] = 1; made++
		:: else
		fi
	   };
	   serve(o);
	   unlock_bucket(o)
	fi
}

/* A user who resets the event. */
proctype resetter()
{
	if
	:: atomic { value[1] == 1 -> value[1] = 0; gone++ }
	:: skip
	fi
}

/*
 * queue.c: ksync_queue_join(), arrive(). got: 1: taken, 2: not queued, another part
 * was claimed; 0: queued
 */
inline queue_join(o, who)
{
	lock_bucket(o);
	atomic {
		if
		:: who == M -> mq[o] = 1; woken_m[o] = 0
		:: else -> pq = 1; woken_p = 0
		fi
	};
#ifndef NO_ARM
	W[o] = 1;			/* arm(), [A] */
#endif
	got = 0;
	if
#ifdef NO_READY
	:: false
#else
	:: value[o] > 0 && !(who == M && o == 0 && pq) ->
		yes = 1;
		if
		:: who == M -> claim_it(o, yes)
		:: else
		fi;
		if
		:: yes ->
			use(o, yes);
			if
			:: yes -> got = 1; leave_queue(o, who)
			:: !yes && who == M -> unclaim()
			:: else
			fi
		:: else -> got = 2; leave_queue(o, who)
		fi
#endif
	:: value[o] == 0 || (who == M && o == 0 && pq)
	fi;
	yes = 0;
	unlock_bucket(o)
}

/* queue.c: ksync_queue_quit() */
inline queue_quit(o)
{
	if
	:: woken_m[o]
	:: !woken_m[o] ->
		lock_bucket(o);
		if
		:: mq[o] -> leave_queue(o, M)
		:: else
		fi;
		unlock_bucket(o)
	fi
}

/* many.c: any(), any_once(), wait_for_one(), ksync_many_sleep(), conclude() */
proctype many()
{
	byte got, in, ret;	/* ret: 1: see the claim; 2: broken off */
	bit yes;

again_:
	atomic { again = 0; told = 0; in = 0; ret = 0 };
	queue_join(0, M);
	in = (got == 0 -> 1 : 0);
	if
	:: got == 0 ->
		queue_join(1, M);
		in = (got == 0 -> 3 : 1)
	:: else
	fi;
	if
	:: got != 0 -> ret = 1
	:: got == 0 ->
		do
		:: claim != 0 || again -> ret = 1; break
		:: claim == 0 && !again ->
end_m:			if
			:: told || claim != 0		/* stirred() */
#ifdef BREAKS
			:: atomic { !told && claim == 0 -> ret = 2 }; break
#endif
			fi;
			told = 0
		od
	fi;
	/* ksync_many_leave() */
	if
	:: in & 2 -> queue_quit(1)
	:: else
	fi;
	if
	:: in & 1 -> queue_quit(0)
	:: else
	fi;
	assert(!mq[0] && !mq[1]);
	if
	:: claim == 0 && ret != 2 -> goto again_
	:: else
	fi;
	/* conclude(): what was claimed is ours, whatever else happened */
#ifdef NO_CONCLUDE
	taken_m = (ret != 2 && claim != 0 -> 1 : 0);
#else
	taken_m = (claim != 0 -> 1 : 0);
#endif
	done_m = 1
}

/* queue.c: ksync_queue_wait(), sleep_until_broken(), give_up() */
proctype plain()
{
	byte got;
	bit yes, left;

	if
	:: atomic { !W[0] && value[0] > 0 -> value[0]--; used++; taken_p = 1 }	/* ksync_sem_take_() */
	:: atomic { W[0] || value[0] == 0 -> skip };
	   queue_join(0, P);
	   if
	   :: got == 1 -> taken_p = 1
	   :: got == 0 ->
end_p:		if
		:: woken_p
#ifdef BREAKS
		:: skip		/* a deadline */
#endif
		fi;
		lock_bucket(0);
		if
		:: pq -> leave_queue(0, P); left = 1
		:: else
		fi;
		unlock_bucket(0);
#ifdef NO_WOKEN_WINS
		taken_p = 0
#else
		taken_p = (left -> 0 : 1)
#endif
	   fi
	fi;
	done_p = 1
}

/* Whatever was made was taken by somebody, is there, or was reset. */
active proctype judge()
{
	timeout;
	/* Who sleeps on sleeps before nothing. */
	assert(done_m || (value[0] == 0 && value[1] == 0));
	assert(done_p || value[0] == 0);
#ifdef BREAKS
	assert(done_m && done_p);
#endif
	assert(made == value[0] + value[1] + used + gone);
	assert(used == taken_m + taken_p);
	assert(W[0] == (mq[0] || pq) && W[1] == mq[1])
}

init
{
	atomic {
		run many();
		if
		:: run plain()
		:: done_p = 1
		fi;
		run poster(0);
		run poster(1);
		run resetter()
	}
}
