/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory of waits on many that a domain keeps between two calls:
 * kmod/many_alloc.c, one CPU's.
 *
 * Two tasks call twice each; the work comes at any moment once it is queued.  SC is
 * enough: all that meets are atomics on one pointer.
 *
 * @run kept safety
 * @run goes progress
 *
 * @mutant NO_TAKE kept assertion kmod/many_alloc.c: READ_ONCE(*at) ? xchg(at, NULL) : NULL;
 * @mutant NO_COMPARE kept assertion kmod/many_alloc.c: if (cmpxchg(kept_at(d), NULL, m))
 * @mutant NO_WORK kept assertion kmod/many_alloc.c: queue_delayed_work(ksync_wq, &d->many_shrink, KEEP_FOR);
 * @mutant NO_USED goes cycle kmod/many_alloc.c: if (used && !cmpxchg(at, NULL, m))
 * @mutant NO_ANY kept assertion kmod/many_alloc.c: if (any)
 */
#define CALLS	2
#define MEMORIES 5	/* one for each call, and none */

byte slot;			/* d->many_kept[]; 0: none */
bit used[MEMORIES];
bit pending;			/* the work */

byte made;			/* ghost: how many there were */
bit there[MEMORIES];		/* ghost: not freed */
byte users[MEMORIES];		/* ghost */

inline take(m)
{
	atomic {
		m = slot;
#ifndef NO_TAKE
		slot = 0
#endif
	}
}

inline put(m, done)
{
	atomic {
		if
		:: slot == 0 -> slot = m; done = 1
#ifdef NO_COMPARE
		:: slot != 0 -> slot = m; done = 1
#else
		:: slot != 0 -> done = 0
#endif
		fi
	}
}

inline free(m)
{
	atomic { assert(there[m] && !users[m]); there[m] = 0 }
}

/* ksync_many_alloc(), a wait, ksync_many_free() */
proctype caller()
{
	byte m, calls;
	bit done;

	do
	:: calls < CALLS ->
		calls++;
		take(m);
		if
		:: m == 0 -> atomic { made++; m = made; there[m] = 1 }
		:: else
		fi;
		atomic { users[m]++; assert(there[m] && users[m] == 1) };
		atomic { assert(there[m]); users[m]-- };
		used[m] = 1;
		put(m, done);
		if
#ifdef NO_WORK
		:: done
#else
		:: done -> pending = 1
#endif
		:: else -> free(m)
		fi
	:: else -> break
	od
}

/* shrink(), shrink_one(): and when all is over nothing is left */
proctype work()
{
	byte m;
	bit done, was;

	do
	:: atomic { pending -> pending = 0 };
		take(m);
		if
		:: m == 0 -> done = 0
		:: else ->
			was = used[m];
			used[m] = 0;
			done = 0;
#ifdef NO_USED
			put(m, done);
#else
			if
			:: was -> put(m, done)
			:: else
			fi;
#endif
			if
			:: !done -> free(m)
			:: else
			fi
		fi;
#ifndef NO_ANY
		if
		:: done -> pending = 1
		:: else
		fi
#endif
	:: timeout ->
		assert(slot == 0 && !there[1] && !there[2] && !there[3] && !there[4]);
		break
	od
}

init
{
	atomic { run caller(); run caller(); run work() }
}
