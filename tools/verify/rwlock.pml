/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rwlock: readers in slots against one writer after the other; kmod/rwlock.c,
 * drain.c, slot.c, ksync/rwlock.h and src/rwlock.c of the library.
 *
 * Memory is TSO: a thread's plain stores go through a buffer of its own, in order,
 * and reach memory at any later moment (flush()); its own loads look there first;
 * an atomic read-modify-write empties it.  A reader stores to one entry only, so
 * the buffer is the last value of the entry.  (The word is changed by atomics
 * alone.)  What other architectures add is in litmus/rwlock-*.litmus.
 *
 * The queue for the word is that of mutex.pml.  Here it is one step: who is blocked
 * goes on when the word is free.
 *
 * @run readers safety -DR=2 -DWR=1
 * @run writers safety -DR=1 -DWR=2
 * @run live progress -DR=1 -DWR=2
 *
 * @mutant NO_PUBLISH_BARRIER readers assertion userspace/include/ksync/rwlock.h: __atomic_exchange_n(entry, value, __ATOMIC_SEQ_CST);
 * @mutant NO_LEAVE_BARRIER readers end userspace/include/ksync/rwlock.h: __atomic_exchange_n(entry, value, __ATOMIC_SEQ_CST);
 * @mutant NO_LOOK_AGAIN readers assertion userspace/include/ksync/rwlock.h: if (ksync_likely_(seen == KSYNC_READ)) {
 * @mutant NO_DRAIN_WAITERS readers end kmod/drain.c: ksync_word_set(&r->obj, KSYNC_WAITERS);
 * @mutant NO_CLAIM_CHECK readers end kmod/drain.c: t = ksync_slot_reader(s, &handle);
 * @mutant NO_DRAIN readers assertion kmod/rwlock.c: .settle = ksync_drain,
 * @mutant NO_READ_CHECK readers assertion userspace/include/ksync/lock.h: ksync_likely_(!(seen & KSYNC_TAKEN_)) &&
 * @mutant NO_TAKE_BACK_LEAVE readers end userspace/include/ksync/rwlock.h: return ksync_drains_(seen) ? -1 : 0;
 * @mutant NO_ENTRY_LOCK writers assertion kmod/rwlock.c: WRITE_ONCE(*r->entry, KSYNC_SLOT(r->obj.id, 1));
 */
#ifndef R
#define R 2
#endif
#ifndef WR
#define WR 1
#endif

/* The word: the writer that owns it, and READ and WAITERS. */
byte owner;
bit READ, W;

bit entry[R + 1];	/* in memory */
bit pend[R + 1];	/* something is in the thread's store buffer */
bit pval[R + 1];	/* what */

bit bucket;
byte waiting;		/* how many wait for the word, in its state */
bit drain;		/* the drain's state is there */
byte drained;		/* its owner: the reader that the writer waits for */
byte rtm;		/* owner of its rt_mutex; 0: none */

byte readers, writers;	/* ghost: inside */

#define lock_bucket()	atomic { bucket == 0 -> bucket = 1 }
#define unlock_bucket()	bucket = 0

#define flushed(r)	(!pend[r])
inline flush(r)
{
	atomic { pend[r] -> entry[r] = pval[r]; pend[r] = 0; pval[r] = 0 }
}

/* ksync/rwlock.h: ksync_slot_set_(): an exchange empties the buffer */
inline slot_set(v)
{
	atomic {
		pend[me] = 0;
		pval[me] = 0;
		entry[me] = v
	}
}

inline slot_set_plain(v)
{
	atomic { !pend[me] -> pend[me] = 1; pval[me] = v }
}

/* drain.c: ksync_drain_leave(), after UNLOCK with READ: by bucket lock */
inline drain_leave()
{
	lock_bucket();
	atomic {
		if
		:: drain && drained == me -> drained = 0; mine = 1	/* ksync_owner_commit() */
		:: else
		fi;
		unlock_bucket()
	};
	if
	:: mine -> atomic { assert(rtm == me); rtm = 0; mine = 0 }
	:: else
	fi
}

/* ksync/rwlock.h: ksync_drains_() on the word read just before */
inline left()
{
	atomic { tell = (W && owner != 0) };
	if
	:: tell -> tell = 0; drain_leave()
	:: else
	fi
}

inline reader_enter()
{
	atomic { assert(writers == 0); readers++ }
}

/* The rest of lock.c: the queue's first goes on when the word is free. */
inline lock_bucket_free()
{
	atomic { bucket == 0 && owner == 0 -> bucket = 1 }
}

proctype reader(byte me)
{
	bit mine, tell, seen;

	/* ksync_read_lock_fast_(), try_read(), confirm() */
	if
	:: atomic { owner == 0 -> skip };
#ifdef NO_PUBLISH_BARRIER
	   slot_set_plain(1);
#else
	   slot_set(1);
#endif
	   if
#ifdef NO_LOOK_AGAIN
	   :: goto inside
#else
	   :: atomic { owner == 0 && READ -> goto inside }
	   :: atomic { owner == 0 && !READ && !W -> READ = 1; goto inside_flushed }
	   :: atomic { owner != 0 || (!READ && W) -> skip }
#endif
	   fi;
	   slot_set(0);
#ifndef NO_TAKE_BACK_LEAVE
	   left()
#endif
	:: atomic { owner != 0 -> skip }
	fi;
	/* LOCK with READ: rwlock.c: read_begin(), ksync_rwlock_arrive(), _lead() */
	lock_bucket();
	if
	:: atomic { owner == 0 -> READ = 1 }
	:: atomic { owner != 0 -> W = 1; waiting++ };
	   unlock_bucket();
	   do
	   :: lock_bucket_free();
	      if
	      :: atomic { owner == 0 -> waiting--; READ = 1; W = (waiting > 0 -> 1 : 0) }; break
	      :: atomic { owner != 0 -> W = 1 }; unlock_bucket()
	      fi
	   od
	fi;
#ifdef NO_ENTRY_LOCK
	unlock_bucket();
	slot_set_plain(1);
#else
	slot_set_plain(1);	/* publish(): WRITE_ONCE() */
	flushed(me);		/* the release of the lock comes after it */
	unlock_bucket();
#endif
	goto inside;
inside_flushed:
	skip;
inside:
	reader_enter();
	readers--;
	/* ksync_rwlock_unlock_() */
	flushed(me);
#ifdef NO_LEAVE_BARRIER
	slot_set_plain(0);
#else
	slot_set(0);
#endif
	left()
}

proctype writer(byte me)
{
	byte i, found;

	/* ksync_lock_fast_(): not while READ is set */
	if
#ifdef NO_READ_CHECK
	:: atomic { owner == 0 -> owner = me; goto inside }
#else
	:: atomic { owner == 0 && !READ -> owner = me; goto inside }
#endif
	:: atomic { owner != 0 || READ -> skip }
	fi;
	/* LOCK: word.c: arrive(), or lock.c: look() */
	lock_bucket();
	if
	:: atomic { owner == 0 -> owner = me; W = (waiting > 0 -> 1 : 0) }
	:: atomic { owner != 0 -> W = 1; waiting++ };
	   unlock_bucket();
	   do
	   :: lock_bucket_free();
	      if
	      :: atomic { owner == 0 -> waiting--; owner = me; W = (waiting > 0 -> 1 : 0) }; break
	      :: atomic { owner != 0 -> W = 1 }; unlock_bucket()
	      fi
	   od
	fi;
	unlock_bucket();
#ifndef NO_DRAIN
	/* drain.c: ksync_drain(), one walk upwards: ksync_slot_scan() */
	if
	:: READ ->
		i = 1;
		do
		:: i <= R && entry[i] ->	/* drain_reader() */
			lock_bucket();
			drain = 1;
#ifndef NO_DRAIN_WAITERS
			W = 1;			/* [C] */
#endif
			if
#ifdef NO_CLAIM_CHECK
			:: true ->
#else
			:: entry[i] ->		/* drain_claim() */
#endif
				atomic { assert(drained == 0 && rtm == 0); drained = i; rtm = i; unlock_bucket() };
				rtm == 0	/* ksync_lock_await() */
#ifndef NO_CLAIM_CHECK
			:: else -> unlock_bucket()
#endif
			fi
		:: i <= R && !entry[i] -> i++
		:: i > R -> break
		od;
		/* drain_end() */
		lock_bucket();
		drain = 0;
		atomic { READ = 0; W = (waiting > 0 -> 1 : 0) };
		unlock_bucket()
	:: else
	fi;
#endif
inside:
	atomic { assert(writers == 0 && readers == 0); writers++ };
	atomic { writers--; assert(owner == me) };
	/* ksync_unlock_fast_(), or UNLOCK: unlock.c */
	if
	:: atomic { !W -> owner = 0 }
	:: atomic { W -> skip };
	   lock_bucket();
	   atomic { owner = 0; W = (waiting > 0 -> 1 : 0); unlock_bucket() }
	fi
}

/* The hardware: what is buffered gets to memory. */
proctype hardware(byte r)
{
end:	do
	:: flush(r)
	od
}

init
{
	atomic {
		if
		:: READ = 0
		:: READ = 1	/* somebody has read before */
		fi;
		run reader(1);
		run hardware(1);
#if R > 1
		run reader(2);
		run hardware(2);
#endif
		run writer(R + 1);
#if WR > 1
		run writer(R + 2)
#endif
	}
}
