/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A lock with an owner, contended: kmod/lock.c, unlock.c, owner.c, word.c and
 * death.c, for one object.  Included by mutex.pml and cond.pml, which define N
 * (threads 1..N) and NS (states that exist at a time).
 *
 * One step is one atomic access to the word, or what is done under the bucket
 * lock between two of these.  Nothing else than the word is touched both with
 * and without the bucket lock; where something is (freed, handoff, the owner of
 * an rt_mutex, a thread's death), it is a step of its own too.
 *
 * Each inline names the function that it stands for.
 */

/* The word: owner field and bits.  W: WAITERS, K: WOKEN, D: OWNER_DIED. */
#define HANDOFF	14
#define NOTREC	15
byte owner;
bit W, K, D;

/* Answers. */
#define OK	0
#define DIED	1	/* -EOWNERDEAD */
#define BUSY	2
#define AGAIN	3	/* -EAGAIN of look(): the queue was passed on */
#define BROKEN	4	/* a deadline or a signal */
#define LOST	5	/* -ENOTRECOVERABLE */
#define AFRESH	6	/* the state is gone: the call is made again */
#define GOT(r)	(r == OK || r == DIED)

/* enum next_step */
#define LOOK	0
#define SPIN	1
#define BLOCK	2

/*
 * struct ksync_state.  front.owner and queue.owner of the rt_mutexes are fown
 * and qown; their waiters, by priority, are in the channels below.
 */
typedef state {
	byte refs;
	byte leader;
	byte owner;
	byte qown;
	byte fown;
	bit freed;
	bit late;	/* the time since freed has passed: ksync_state_starves() */
	bit handoff;
#ifdef ANY
	bit gone;	/* side == KSYNC_SIDE_GONE */
	bit taken;	/* owner_handle == 0 */
#endif
};

state s[NS + 1];
chan waiters[NS + 1] = [N] of { byte };	/* st->waiters */
chan qw[NS + 1] = [N] of { byte };	/* blocked on st->queue */
byte fw[NS + 1];			/* blocked on st->front: the leader */
byte cur;				/* the state in the hash; 0: none */
bit bucket;				/* its lock */

bit dead[N + 1];			/* thread->dead */
#ifdef ANY
bit sent[N + 1];			/* TIF_NOTIFY_SIGNAL, by unlock_any.c: send() */
#define SENT(t)		sent[t]
#define GONE(x)		s[x].gone
#define TAKEN(x)	s[x].taken
#else
#define SENT(t)		false
#define GONE(x)		false
#define TAKEN(x)	false
#endif
bit dirty;				/* ghost: somebody died with it, and nobody repaired it */
byte inside;				/* ghost: how many think that they own it */

#ifdef COND
byte stage[N + 1];			/* thread->stage: enum ksync_stage */
#define ON_COND		0
#define PARKED		1
#define UNPARKED	2
#endif

/*
 * Priorities: with EQUAL all alike, FIFO; else thread 1 is the highest.
 */
#ifdef EQUAL
#define PUT(q, t)	q!t
#define ABOVE(x, y)	false
#else
#define PUT(q, t)	q!!t
#define ABOVE(x, y)	((x) < (y))
#endif

#define lock_bucket()	atomic { bucket == 0 -> bucket = 1 }
#define unlock_bucket()	bucket = 0

/* word.c: thread_in() */
#define THREAD_IN(o)	(o <= N -> o : 0)

/* state.c: ksync_state_alloc(), made before the lock is taken; bucket lock */
inline state_new(x)
{
	x = 1;
	do
	:: s[x].refs == 0 -> break
	:: else -> x++; assert(x <= NS)
	od;
	s[x].refs = 1
}

/* state.c: ksync_state_put(). Whatever is freed is owned and awaited by nobody. */
inline state_put(x)
{
	assert(s[x].refs > 0);
	s[x].refs--;
	if
	:: s[x].refs == 0 ->
		assert(len(waiters[x]) == 0 && len(qw[x]) == 0 && fw[x] == 0);
		assert(s[x].qown == 0 && s[x].fown == 0 && s[x].owner == 0);
		assert(cur != x);
#ifdef ANY
		s[x].gone = 0; s[x].taken = 0;
#endif
		s[x].leader = 0; s[x].freed = 0; s[x].late = 0; s[x].handoff = 0
	:: else
	fi
}

/* owner.c: ksync_owner_set(): false (ok = 0) if the thread is dead */
inline owner_set(x, front, h, ok)
{
	assert(s[x].owner == 0);
	if
#ifdef NO_DEAD_CHECK
	:: true ->
#else
	:: !dead[h] ->
#endif
		s[x].owner = h;
#ifdef ANY
		s[x].taken = 0;
#endif
		ok = 1;
		if
		:: front -> assert(s[x].fown == 0 && fw[x] == 0); s[x].fown = h
		:: else -> assert(s[x].qown == 0 && len(qw[x]) == 0); s[x].qown = h
		fi
#ifndef NO_DEAD_CHECK
	:: else -> ok = 0
#endif
	fi
}

/* owner.c: ksync_owner_clear(): nobody is blocked on what it owns */
inline owner_clear(x)
{
	if
	:: s[x].leader != 0 ->
		assert(s[x].fown == s[x].owner && fw[x] == 0);
		s[x].fown = 0
	:: else ->
		assert(s[x].qown == s[x].owner && len(qw[x]) == 0);
		s[x].qown = 0
	fi;
	s[x].owner = 0
}

/* owner.c: ksync_owner_commit(). rel: 1: the queue, 2: the front */
inline owner_commit(x, rel)
{
	assert(s[x].owner == me);
	rel = (s[x].leader != 0 -> 2 : 1);
#ifndef NO_COMMIT
	s[x].owner = 0;
#endif
#ifndef NO_PIN
	s[x].refs++;
#endif
}

/* owner.c: ksync_rtm_unlock(), by its owner only; then ksync_state_put() */
inline rtm_release(x, rel)
{
	atomic {
		if
		:: rel == 2 -> assert(s[x].fown == me); s[x].fown = 0
		:: else -> assert(s[x].qown == me); s[x].qown = 0
		fi;
#ifndef NO_PIN
		state_put(x)
#endif
	}
}

#ifdef COND
/* park.c: has_to_run(); priorities are all normal here */
#define has_to_run(x, w) \
	((s[x].leader == 0 && s[x].owner == 0) || \
	 (s[x].owner != 0 && ABOVE(w, s[x].owner)))

/* park.c: comes_meanwhile(), wherever the waiter sleeps */
#define may_come(x)	(s[x].leader == 0 && s[x].owner == me)
#endif

#ifdef ANY
/* unlock_any.c: ksync_leave_next() */
inline leave_next(x)
{
	if
	:: len(waiters[x]) > 0 -> waiters[x]?<top>; sent[top] = 1; top = 0
	:: else
	fi
}
#endif

/* park.c: ksync_unpark_top(), and ksync_unpark_wake(): who is UNPARKED runs */
inline unpark_top(x)
{
#if defined(ANY) && !defined(NO_BATON)
	if
	:: s[x].gone -> leave_next(x)
	:: else
	fi;
#endif
#ifdef COND
	if
	:: len(waiters[x]) > 0 ->
		waiters[x]?<top>;
		if
		:: stage[top] == PARKED && has_to_run(x, top) ->
			stage[top] = UNPARKED	/* [B] in park.c */
		:: stage[top] == PARKED && !has_to_run(x, top) && may_come(x) ->
			stage[top] = UNPARKED
		:: stage[top] != PARKED || !has_to_run(x, top)
		fi;
		top = 0
	:: else
	fi
#endif
	skip
}

/* word.c: verdict() and lead(); keep: what W is afterwards. One atomic. */
inline get_word(ret, keep)
{
	if
	:: owner == 0 -> ret = (D -> DIED : OK)
	:: owner == HANDOFF -> ret = (D -> DIED : OK)
	:: owner == NOTREC -> ret = LOST
	:: owner > 0 && owner <= N ->
		assert(owner != me);
		ret = (dead[owner] -> DIED : BUSY)
	fi;
	if
	:: GOT(ret) ->
		owner = me; W = keep; K = 0;
#ifdef NO_DIED_BIT
		D = 0
#else
		D = (ret == DIED -> 1 : 0)
#endif
	:: else
	fi
}

/* word.c: verdict() and arrive(). One atomic. */
inline arrive(ret)
{
	if
	:: owner == 0 -> ret = (D -> DIED : OK)
	:: owner == HANDOFF ->
		assert(st != 0);	/* -EUCLEAN: to a waiter where nobody waits */
		ret = BUSY
	:: owner == NOTREC -> ret = LOST
	:: owner > 0 && owner <= N ->
		assert(owner != me);
		ret = (dead[owner] -> DIED : BUSY)
	fi;
	if
	:: GOT(ret) ->
		owner = me;
		D = (ret == DIED -> 1 : 0);
		W = (st != 0 -> W : 0);
		K = (st != 0 -> K : 0)
	:: else
	fi
}

/* lock.c: join(), take(), state_begin() */
inline join()
{
	lock_bucket();
	st = cur;
	do
	:: atomic { arrive(ret) };
	   if
	   :: ret != BUSY -> break
	   :: else
	   fi;
	   atomic {	/* ksync_word_set(WAITERS) */
		hold = THREAD_IN(owner);
#ifndef NO_SET_WAITERS
		W = 1
#endif
	   };
	   if
	   :: st != 0 -> break
	   :: st == 0 && hold != 0 ->
		atomic {
			state_new(st);
			owner_set(st, false, hold, ok);
			if
			:: ok -> cur = st; ok = 0; break
			:: else -> s[st].refs = 0; st = 0
			fi
		}
	   :: st == 0 && hold == 0
	   fi
	od;
	atomic {
		hold = 0;
		if
		:: ret == BUSY -> PUT(waiters[st], me)
		:: else -> st = 0
		fi;
		unlock_bucket()
	}
}

#ifdef NO_GONE_CLEAR
#define CLEARS_NOT(x)	false
#else
#define CLEARS_NOT(x)	GONE(x)
#endif

/* lock.c: depart(); the bucket lock is held, and released here */
inline depart()
{
	atomic {
		waiters[st]??eval(me);
		rel = 0;
		bye = 0;
		if
		:: len(waiters[st]) == 0 && !GONE(st) -> cur = 0; bye = 1
		:: len(waiters[st]) == 0 && GONE(st) -> bye = 1
		:: else
		fi;
#ifndef NO_OWNER_CLEAR
		if
		:: bye && s[st].owner != 0 -> owner_clear(st)
		:: else
		fi;
#endif
		if
		:: s[st].leader == me ->
			s[st].leader = 0;
			s[st].freed = 0;
			s[st].late = 0;
			if	/* pass_on_handoff(): how many more are in the batch */
			:: s[st].handoff = 0
			:: s[st].handoff && !bye
			fi;
			if
			:: GOT(ret) && !bye ->	/* ksync_owner_set_current() */
				assert(s[st].owner == 0 && s[st].qown == me);
#ifdef ANY
				s[st].taken = 0;
#endif
				s[st].owner = me
			:: else -> rel = 1; s[st].refs++
			fi
		:: else
		fi
	};
	atomic {
#ifndef NO_IDLE_CLEAR
		if
		:: bye && !GOT(ret) && !CLEARS_NOT(st) -> W = 0; K = 0	/* ksync_word_clear(idle_bits()) */
		:: else
		fi;
#endif
#ifndef NO_UNPARK_DEPART
		unpark_top(st);
#endif
		unlock_bucket()
	};
	atomic {
		if
		:: rel ->
			assert(s[st].qown == me);
			s[st].qown = 0;
			state_put(st);
			rel = 0
		:: else
		fi;
		if
		:: bye -> state_put(st)
		:: else
		fi;
		bye = 0;
		st = 0
	}
}

#ifdef NO_GONE_GIVE_UP
#define GIVES_UP(x)	false
#else
#define GIVES_UP(x)	GONE(x)
#endif

/* lock.c: give_up(), which ends with depart(). The bucket lock stays. */
inline give_up()
{
	lock_bucket();
	atomic {
#ifdef NO_GRANT_WINS
		verd = BUSY;
#else
		if
		:: (len(waiters[st]) == 1 || s[st].leader == me) && !GIVES_UP(st) ->
			get_word(verd, (len(waiters[st]) > 1))
		:: else -> verd = BUSY
		fi;
#endif
		ret = (verd == BUSY -> BROKEN : verd);
		verd = 0
	}
}

/*
 * owner.c: ksync_rtm_lock() of the queue: the kernel's rt_mutex.  Who waits is in
 * qw by priority, and only the top waiter takes it, or who comes with a higher one.
 * A signal that is pending does not matter where the rt_mutex can be had.
 */
inline block_queue()
{
	atomic {
		if
		:: s[st].qown == 0 && len(qw[st]) == 0 -> s[st].qown = me; ret = OK
		:: s[st].qown == 0 && len(qw[st]) > 0 ->
			qw[st]?<top>;
			if
			:: ABOVE(me, top) -> s[st].qown = me; ret = OK
			:: else -> PUT(qw[st], me); ret = BUSY
			fi;
			top = 0
		:: s[st].qown != 0 -> PUT(qw[st], me); ret = BUSY
		fi
	};
	if
	:: ret == OK
	:: atomic { ret == BUSY && s[st].qown == 0 && qw[st]?[eval(me)] ->
		qw[st]?eval(me); s[st].qown = me; ret = OK }
	:: atomic { ret == BUSY && (brk || SENT(me)) &&
		    !(s[st].qown == 0 && qw[st]?[eval(me)]) ->
		qw[st]??eval(me); ret = BROKEN }
	fi
}

/* The same of the front: only the leader is there. */
inline block_front()
{
	atomic {
		if
		:: s[st].fown == 0 -> s[st].fown = me; ret = OK
		:: else -> fw[st] = me; ret = BUSY
		fi
	};
	if
	:: ret == OK
	:: atomic { ret == BUSY && s[st].fown == 0 -> fw[st] = 0; s[st].fown = me; ret = OK }
	:: atomic { ret == BUSY && (brk || SENT(me)) && s[st].fown != 0 ->
		fw[st] = 0; ret = BROKEN }
	fi
}

/* lock.c: ksync_lock_await() of the front */
inline await_front()
{
	block_front();
	if
	:: ret == OK -> s[st].fown = 0
	:: else ->
		lock_bucket();
		atomic {
			if
#ifdef NO_BOUND_CHECK
			:: s[st].owner == 0 -> ret = BROKEN
#else
			:: s[st].owner == 0 -> ret = OK
#endif
			:: else -> owner_clear(st); ret = BROKEN
			fi;
			unlock_bucket()
		};
		if
		:: ret == OK ->
			/* ksync_rtm_lock_short(), ksync_rtm_unlock() */
			atomic { s[st].fown == 0 }
		:: else
		fi
	fi
}

#ifdef NO_GONE_LOOK
#define LOOKS_GONE(x)	false
#else
#define LOOKS_GONE(x)	GONE(x)
#endif

/* lock.c: look(), step_aside(), get_word(), prepare_front() */
inline look()
{
	atomic { bucket == 0 -> bucket = 1; assert(s[st].qown == me); s[st].leader = me };
	waiters[st]?<top>;
	if
#if defined(ANY) && !defined(NO_GONE_LOOK)
	:: atomic { s[st].gone -> top = 0; sent[me] = 1; ret = AFRESH }	/* depart() follows */
#endif
	:: atomic { !LOOKS_GONE(st) && !aside && ABOVE(top, me) ->
		aside = 1; s[st].leader = 0; top = 0; unlock_bucket() };
	   s[st].qown = 0;
	   ret = AGAIN
	:: atomic { !LOOKS_GONE(st) && (aside || !ABOVE(top, me)) ->
		top = 0;
#ifdef NO_KEEP_WAITERS
		get_word(ret, 0)
#else
		get_word(ret, (len(waiters[st]) > 1))
#endif
	   };
	   if
	   :: ret != BUSY	/* depart() follows */
	   :: else ->
		if
		:: s[st].late -> s[st].handoff = 1
		:: else
		fi;
		if
		:: spin && !s[st].handoff ->
			atomic {	/* ksync_word_set(WAITERS | WOKEN) */
				step = (THREAD_IN(owner) != 0 -> SPIN : LOOK);
				W = 1; K = 1;
				unlock_bucket()
			}
		:: else ->
			atomic {	/* ksync_word_clear(WOKEN) [A] */
				hold = THREAD_IN(owner);
#ifndef NO_CLEAR_WOKEN
				K = 0
#endif
			};
			atomic {
				step = LOOK;
				if
				:: hold != 0 ->
					owner_set(st, true, hold, ok);
					step = (ok -> BLOCK : LOOK);
					ok = 0
				:: else
				fi;
				hold = 0;
				unlock_bucket()
			}
		fi
	   fi
	fi
}

/* lock.c: lead(). ret: the answer, the bucket lock being held; BROKEN; AGAIN */
inline lead()
{
	spin = 1;
	do
	:: look();
	   if
	   :: ret != BUSY -> break
	   :: else
	   fi;
	   ret = OK;
	   if
	   :: step == SPIN ->
		if	/* ksync_spin_front() */
		:: atomic { owner == 0 || owner == HANDOFF -> s[st].freed = 1 }
		:: spin = 0
		fi
	   :: step == BLOCK -> await_front(); spin = 1
	   :: step == LOOK
	   fi;
	   step = 0;
	   if
	   :: ret == BROKEN -> break	/* give_up() follows */
	   :: else
	   fi
	od;
	step = 0;
	spin = 0
}

/* lock.c: wait_turn(), and what look() and give_up() end with */
inline wait_turn()
{
	aside = 0;
	do
	:: block_queue();
	   if
	   :: ret == OK -> lead()
	   :: else
	   fi;
	   if
	   :: ret != AGAIN -> break
	   :: else
	   fi
	od;
	if
	:: ret == BROKEN -> give_up()
	:: else
	fi;
	depart();
	aside = 0
}

/* -ERESTARTNOINTR, unless a deadline has passed; the way to user space clears the flag */
inline call_again()
{
#ifdef ANY
	atomic {
		if
		:: ret == AFRESH || (ret == BROKEN && sent[me]) ->
			sent[me] = 0;
			if
			:: ret = 0
			:: brk -> ret = BROKEN; break
			fi
		:: else -> sent[me] = 0; break
		fi
	}
#else
	break
#endif
}

/* lock.h: ksync_lock_fast_(), lock.c of the library: take_free(); then LOCK */
inline lock()
{
	if
	:: atomic { owner == 0 && !D -> owner = me; ret = OK }
	:: atomic { owner != 0 || D -> skip };
	   do
	   :: join();
	      if
	      :: ret == BUSY -> wait_turn()
	      :: else
	      fi;
	      call_again()
	   od
	fi;
	got()
}

/* What whoever got it may expect. */
inline got()
{
	atomic {
		if
		:: GOT(ret) ->
			assert(inside == 0);
			inside++;
			assert(owner == me);
			assert((ret == DIED) == dirty);
			assert(owner != NOTREC)
		:: else
		fi
	}
}

/*
 * unlock.c: begin(), with release_word(), leave_used(), mutex_give().  The bucket
 * lock is held; unlock_end() follows.
 */
inline unlock_begin()
{
	atomic {
		st = cur;
		assert(owner == me);
		if
		:: D -> owner = NOTREC; W = (st != 0 -> 1 : 0); K = 0; D = 0
		:: !D && st == 0 -> owner = 0; W = 0; K = 0
		:: !D && st != 0 ->
#ifdef STRICT
			owner = HANDOFF; W = 1; K = 0
#else
			if
			:: s[st].handoff -> owner = HANDOFF; W = 1; K = 0
			:: else -> owner = 0; W = 1; K = 1
			fi
#endif
		fi
	};
	atomic {
		rel = 0;
		if
		:: st != 0 ->
			s[st].freed = 1;
			if
			:: s[st].owner == me -> owner_commit(st, rel)
			:: else
			fi;
#ifndef NO_UNPARK_UNLOCK
			unpark_top(st)
#endif
		:: else
		fi
	}
}

inline unlock_end()
{
	if
	:: rel -> rtm_release(st, rel)
	:: else
	fi;
	rel = 0;
	st = 0
}

/* lock.h: ksync_unlock_fast_(), may_free(); then UNLOCK */
inline unlock()
{
	inside--;
	if
	:: atomic { owner == me && !D && W == K -> owner = 0 }
	:: atomic { !(owner == me && !D && W == K) -> assert(owner == me) };
	   lock_bucket();
	   unlock_begin();
	   unlock_bucket();
	   unlock_end()
	fi
}

#ifdef ANY
/* unlock_any.c: take_word(), leave_behind(), begin() */
inline unlock_any()
{
	inside--;
	if
	:: atomic { owner > 0 && owner <= N && !W -> owner = 0; D = 0 }
	:: atomic { owner > 0 && owner <= N && W -> skip };
	   lock_bucket();
	   atomic {
		st = cur;
		rel = (st != 0 && s[st].leader == 0 && s[st].owner != 0);
		assert(owner > 0 && owner <= N && !D);
		if
		:: st == 0 || rel -> owner = 0; W = 0; K = 0
#ifdef STRICT
		:: st != 0 && !rel -> owner = HANDOFF; W = 1; K = 0
#else
		:: st != 0 && !rel && s[st].handoff -> owner = HANDOFF; W = 1; K = 0
		:: st != 0 && !rel && !s[st].handoff -> owner = 0; W = 1; K = 1
#endif
		fi
	   };
	   atomic {
		if
		:: st != 0 ->
#ifndef NO_TAKEN
			s[st].taken = 1;
#endif
			if
			:: rel ->
				cur = 0;
				s[st].gone = 1;
				leave_next(st)
			:: !rel && s[st].leader != 0 ->
				s[st].freed = 1;
#ifndef NO_SEND_LEADER
				sent[s[st].leader] = 1
#endif
			:: !rel && s[st].leader == 0 -> s[st].freed = 1; unpark_top(st)
			fi
		:: else
		fi;
		rel = 0;
		st = 0;
		unlock_bucket()
	   }
	fi
}
#endif

/* Who has nothing is boosted by nobody: it owns no rt_mutex. */
inline check_unboosted()
{
	d_step {
		x = 1;
		do
		:: x <= NS ->
			assert(s[x].qown != me && s[x].fown != me && s[x].owner != me);
			x++
		:: else -> break
		od;
		x = 0
	}
}

/* owner.c: first_owned() */
inline first_owned()
{
	x = 1;
	do
	:: x <= NS && s[x].owner == me -> st = x; s[x].refs++; break
	:: x <= NS && s[x].owner != me -> x++
	:: x > NS -> break
	od;
	x = 0
}

/* death.c: thread_die(); owner.c: ksync_owner_died(), word_orphan() */
inline die()
{
	atomic { dead[me] = 1; first_owned() };
	do
	:: st == 0 -> break
	:: else ->
		lock_bucket();
		rel = 0;
		if
#ifdef NO_SECOND_LOOK
		:: true ->
#else
		:: s[st].owner == me ->
#endif
			atomic {
				if
				:: owner == me && !TAKEN(st) -> owner = HANDOFF; W = 1; K = 0; D = 1
				:: else
				fi
			};
			atomic {
				owner_commit(st, rel);
#ifndef NO_UNPARK_DIED
				unpark_top(st)
#endif
			}
#ifndef NO_SECOND_LOOK
		:: else
#endif
		fi;
		unlock_bucket();
		if
		:: rel -> rtm_release(st, rel)
		:: else
		fi;
		atomic { state_put(st); rel = 0; st = 0; first_owned() }
	od;
	check_unboosted()
}

/*
 * state.c: leader_starves(), the timer that ksync_state_freed() starts; and the
 * clock: sooner or later the time since freed has passed.  It holds no lock, and
 * may find a state that was left, or is another one by now.
 */
active proctype timer()
{
	byte t;

#if !defined(NO_STARVE) && !defined(NO_TIMER)
end:	do
	:: atomic { cur != 0 && s[cur].freed && !s[cur].late -> t = cur; s[t].late = 1 };
	   s[t].handoff = (s[t].refs > 0 -> 1 : 0);
	   atomic { K = 0; t = 0 }
	od
#endif
}
