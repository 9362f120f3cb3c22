/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Watchers of a lock, and the baton among them: kmod/watch.c, with the parts of
 * many.c and unlock.c that use it.
 *
 * Watchers 1 (the more important) and 2 wait until they have had the lock; a user has
 * it first, and may take it again.  Nobody is in the lock's own queue.  With PICKY
 * watcher 1 wants to write where others read: what is free for a stranger is not free
 * for it, ever.  SC is enough: the word is changed by atomics, all else by bucket lock.
 *
 * @run baton safety
 * @run picky safety -DPICKY
 * @run broken safety -DBREAKS
 * @run live progress -DBREAKS
 *
 * @mutant NO_WATCH_WAITERS baton assertion kmod/watch.c: ksync_word_set(obj, KSYNC_WAITERS);
 * @mutant NO_COLLECT baton assertion kmod/unlock.c: ksync_watch_collect(obj, &rel->tell);
 * @mutant NO_NEXT picky assertion kmod/many.c: ksync_watch_next(p->w);
 * @mutant NO_CLEAR baton assertion kmod/watch.c: WRITE_ONCE(w->poked, false);
 * @mutant NO_LEAVE_PASS broken assertion kmod/watch.c: } else if ((w->poked && free_for_all(&obj)) || lost(&obj)) {
 */
byte owner;
bit W, bucket;
bit in[4], poked[4], told[4], done[4], broke[4];
byte inside;

#define lock_bucket()	atomic { bucket == 0 -> bucket = 1 }
#define unlock_bucket()	bucket = 0

#ifdef PICKY
#define FREE_FOR(t)	(owner == 0 && t != 1)
#else
#define FREE_FOR(t)	(owner == 0)
#endif

/* many.h: ksync_many_poke(); ksync_watch_tell() wakes: told is looked at asleep */
inline poke(t)
{
	poked[t] = 1;
	told[t] = 1
}

/* watch.c: ksync_watch_collect(), collect_top() */
inline collect()
{
	if
	:: in[1] && !poked[1] -> poke(1)	/* [D] */
	:: !in[1] && in[2] && !poked[2] -> poke(2)
	:: else
	fi
}

/* lock.c: ksync_lock_try(), join(); word.c: arrive() with ksync_word_idle() */
inline try(yes)
{
	lock_bucket();
	atomic {
		if
		:: FREE_FOR(me) -> owner = me; W = (in[1] || in[2] -> 1 : 0); yes = 1
		:: else -> yes = 0
		fi;
		unlock_bucket()
	}
}

/* ksync_unlock_fast_(); unlock.c: begin(), leave_free() */
inline unlock()
{
	inside--;
	if
	:: atomic { !W -> owner = 0 }
	:: atomic { W -> skip };
	   lock_bucket();
	   atomic { owner = 0; W = (in[1] || in[2] -> 1 : 0) };
#ifndef NO_COLLECT
	   atomic { collect() };
#endif
	   unlock_bucket()
	fi
}

/* watch.c: ksync_watch_leave() */
inline leave()
{
	lock_bucket();
	in[me] = 0;
	if
	:: !in[1] && !in[2] ->
#ifndef NO_WATCH_IDLE
		W = 0;			/* ksync_watch_idle() */
#endif
		skip
#ifndef NO_LEAVE_PASS
	:: (in[1] || in[2]) && poked[me] && owner == 0 -> atomic { collect() }
	:: (in[1] || in[2]) && !(poked[me] && owner == 0)
#else
	:: in[1] || in[2]
#endif
	fi;
	poked[me] = 0;
	unlock_bucket()
}

proctype watcher(byte me)
{
	bit got;

	/* ksync_watch_enter() */
	lock_bucket();
	in[me] = 1;
#ifndef NO_WATCH_WAITERS
	W = 1;				/* [A] */
#endif
	unlock_bucket();
	try(got);			/* look_at_lock() */
	do
	:: got -> break
	:: !got ->
end_w:		if			/* ksync_many_sleep() */
		:: atomic { told[me] -> told[me] = 0 }	/* ksync_many_heard() */
#ifdef BREAKS
		:: me == 1 -> broke[me] = 1; break
#endif
		fi;
		if			/* try_told() */
		:: poked[me] ->
			lock_bucket();
#ifndef NO_CLEAR
			poked[me] = 0;	/* ksync_watch_clear() [C] */
#endif
			unlock_bucket();
			try(got);
#ifndef NO_NEXT
			if
			:: !got ->	/* ksync_watch_next() */
				lock_bucket();
				atomic {
					if
					:: me == 1 && in[2] && !poked[2] && owner == 0 -> poke(2)
					:: else
					fi;
					unlock_bucket()
				}
			:: else
			fi
#endif
		:: !poked[me]
		fi
	od;
	leave();
	if
	:: got ->
		atomic { assert(inside == 0); inside++ };
		unlock()
	:: else
	fi;
	done[me] = 1
}

/* A user who has the lock, and takes it once more if it can. */
proctype user(byte me)
{
	inside++;
	unlock();
	if
	:: atomic { owner == 0 -> owner = me; assert(inside == 0); inside++ };
	   unlock()
	:: skip
	fi;
	done[me] = 1
}

active proctype judge()
{
	timeout;
	assert(done[2] && done[3] && owner == 0);
#ifndef PICKY
	assert(done[1]);
	assert(!W)
#endif
}

init
{
	atomic {
		owner = 3;
		run watcher(1);
		run watcher(2);
		run user(3)
	}
}
