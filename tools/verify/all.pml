/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waits for all of many: kmod/many_all.c with queue.c, over a sem (object 0) and an
 * auto-reset event (object 1).
 *
 * M takes both in one step or nothing; until then it only looks: it stands in the
 * queue of what is missing, and what is there when it is its turn is kept from P,
 * who waits for the sem behind it, until M has decided.  Users post, set and reset.
 * [C] itself is not needed: with all buckets locked and armed things only go away
 * after [B].
 * SC is enough: arm is an atomic on the word, and so are all changes by users.
 *
 * @run all safety
 * @run broken safety -DBREAKS
 * @run live progress -DBREAKS
 *
 * @mutant NO_ARM_ALL all assertion kmod/many_all.c: ret = for_items(a, arm);
 * @mutant NO_SERVE all assertion kmod/queue.c: obj.ops->serve(&obj);
 * @mutant NO_POKE all assertion kmod/sweep.c: if (w->look && !w->poked)
 * @mutant NO_ALL_BUCKETS all assertion kmod/many_all.c: raw_spin_lock_nest_lock(&c->buckets[i]->lock, &c->domain->many_lock);
 * @mutant NO_USE_CHECK all assertion kmod/many_all.c: if (p->obj.ops->use(&p->obj) && !taken) {
 * @mutant NO_DISARM broken assertion kmod/many_all.c: ksync_queue_disarm(&p->obj);
 */
byte value[2];
bit W[2], bucket[2];
bit mq[2], pq;		/* M looks in the object's queue; P waits in the sem's */
bit woken_m, woken_p, poked, told;
bit done_m, done_p;
byte made, used, gone;
byte taken_m, taken_p;

#define lock_bucket(o)		atomic { bucket[o] == 0 -> bucket[o] = 1 }
#define unlock_bucket(o)	bucket[o] = 0

/* queue.c: ksync_queue_disarm(), ksync_queue_leave(): with nobody there */
inline idle(o)
{
	if
	:: !mq[o] && !(o == 0 && pq) -> W[o] = 0
	:: else
	fi
}

/*
 * sweep.c: ksync_sweep_serve(): M is more important, and only looks: what is there
 * is kept while it is at the top.
 */
inline serve(o)
{
	do
	:: mq[o] && value[o] > 0 ->
#ifndef NO_POKE
		atomic {
			if
			:: !poked -> poked = 1; told = 1
			:: else
			fi
		};
#endif
		break
	:: !mq[o] && o == 0 && pq && value[0] > 0 ->
		atomic { value[0]--; used++; pq = 0 };
		idle(0);
		woken_p = 1
	:: value[o] == 0 || (!mq[o] && !(o == 0 && pq)) -> break
	od
}

proctype poster(byte o)
{
	if
	:: atomic { !W[o] -> 
		if
		:: o == 1 && value[1] == 1
		:: else -> value[o]++; made++
		fi }
	:: atomic { W[o] -> skip };
	   lock_bucket(o);
	   atomic {
		if
		:: o == 1 && value[1] == 1
		:: else -> value[o]++; made++
		fi
	   };
	   serve(o);
	   unlock_bucket(o)
	fi
}

proctype resetter()
{
	if
	:: atomic { value[1] == 1 -> value[1] = 0; gone++ }
	:: skip
	fi
}

/* A user's try: ksync_sem_take_(), nobody waiting */
proctype taker()
{
	if
	:: atomic { !W[0] && value[0] > 0 -> value[0]--; used++; taken_p++ }
	:: skip
	fi
}

/* many_all.c: attempt(), look(), take_items(). missing: which; 2: none, all taken */
inline attempt()
{
	missing = 2;
	if
	:: value[0] == 0 -> missing = 0
	:: value[0] > 0 && value[1] == 0 -> missing = 1
	:: value[0] > 0 && value[1] > 0
	fi;
	if
	:: missing == 2 ->
#ifndef NO_ALL_BUCKETS
		lock_bucket(0);
#endif
		lock_bucket(1);
#ifndef NO_ARM_ALL
		W[0] = 1;		/* [A] */
		W[1] = 1;
#endif
		if			/* [B] */
		:: value[0] == 0 -> missing = 0
		:: else
		fi;
		if
		:: missing == 2 && value[1] == 0 -> missing = 1
		:: else
		fi;
#ifndef NO_SECOND_READY
		if			/* [C] */
		:: missing == 2 && value[0] == 0 -> missing = 0
		:: else
		fi;
		if
		:: missing == 2 && value[1] == 0 -> missing = 1
		:: else
		fi;
#endif
		if
		:: missing == 2 ->
			atomic {	/* use_events(): event_use(): a reset may have been faster */
				if
				:: value[1] > 0 -> value[1] = 0; used++
#ifdef NO_USE_CHECK
				:: value[1] == 0
#else
				:: value[1] == 0 -> missing = 1
#endif
				fi
			};
			if
			:: missing == 2 ->
				atomic {	/* use_other(): sem_use() */
					assert(value[0] > 0);
					value[0]--; used++
				};
				taken_m = 2
			:: else
			fi
		:: else
		fi;
#ifndef NO_DISARM
		idle(0);
		idle(1);
#endif
#ifndef NO_ALL_BUCKETS
		unlock_bucket(0);
#endif
		unlock_bucket(1)
	:: else
	fi;
	/* ksync_many_leave(), ksync_queue_quit() of where we looked */
	if
	:: at < 2 -> quit(at); at = 2
	:: else
	fi
}

inline quit(o)
{
	lock_bucket(o);
	atomic { mq[o] = 0; was = poked; poked = 0; idle(o) };
	unlock_bucket(o);
#ifndef NO_SERVE
	if
	:: was ->
		lock_bucket(o);
		serve(o);
		unlock_bucket(o)
	:: else
	fi;
#endif
	was = 0
}

/* many_all.c: wait_for_all(), wait_for_missing() */
proctype all()
{
	byte missing = 2, at = 2;
	bit was;

	do
	:: told = 0;		/* ksync_many_heard() */
	   attempt();
	   if
	   :: missing == 2 -> break
	   :: else
	   fi;
	   /* ksync_many_enter(), ksync_queue_join() with look: arrive() */
	   lock_bucket(missing);
	   atomic { mq[missing] = 1; poked = 0 };
	   W[missing] = 1;
	   if
	   :: value[missing] > 0 ->	/* -EAGAIN: it is there */
		atomic { mq[missing] = 0; idle(missing) };
		unlock_bucket(missing)
	   :: else ->
		unlock_bucket(missing);
		at = missing;
end_m:		if			/* ksync_many_sleep() */
		:: told
#ifdef BREAKS
		:: skip; break
#endif
		fi
	   fi
	od;
	if
	:: at < 2 -> quit(at); at = 2
	:: else
	fi;
	done_m = 1
}

/* queue.c: ksync_queue_wait() */
proctype plain()
{
	if
	:: atomic { !W[0] && value[0] > 0 -> value[0]--; used++; taken_p++ }
	:: atomic { W[0] || value[0] == 0 -> skip };
	   lock_bucket(0);
	   pq = 1;
	   W[0] = 1;
	   if
	   :: value[0] > 0 && !mq[0] -> atomic { value[0]--; used++; taken_p++; pq = 0 }; idle(0)
	   :: else
	   fi;
	   unlock_bucket(0);
	   if
	   :: taken_p
	   :: !taken_p ->
end_p:		woken_p;
		taken_p++
	   fi
	fi;
	done_p = 1
}

active proctype judge()
{
	timeout;
	/* All or nothing, and everything made is somewhere. */
	assert(taken_m == 0 || taken_m == 2);
	assert(made == value[0] + value[1] + used + gone);
	assert(used == taken_m + taken_p);
	/* Who sleeps on misses something. */
	assert(done_m || value[0] == 0 || value[1] == 0);
	assert(done_p || value[0] == 0);
	assert(W[0] == (mq[0] || pq) && W[1] == mq[1]);
#ifdef BREAKS
	assert(done_m)
#endif
}

init
{
	atomic {
		run all();
		run plain();
		run poster(0);
		run poster(1);
		run resetter()
	}
}
