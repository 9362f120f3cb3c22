/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waiting on the bounded queue, ksync/mpmc.h and mpmc.c: two push, two pop and wait. The
 * ring is never full here.  SC: the fences G and J are in litmus/mpmc-wait.
 *
 * @run waits safety
 *
 * @mutant NO_TOLD waits end userspace/models/include/ksync/mpmc.h: ksync_mpmc_told_(q, &q->poppers_);
 * @mutant NO_LOOK_AGAIN waits end userspace/models/src/mpmc.c: if (!side->try(q, value)) {
 * @mutant NO_PASS waits end userspace/models/src/mpmc.c: pass_on(q, side);
 * @mutant NO_TURN waits assertion userspace/models/include/ksync/mpmc.h: if (ahead < 0)
 */
byte tail, head, n;
byte seq[4];
byte value[4];
bool listed[2], claimed[2], first;
bool got[5];

/* One waiter, the first in the list: claimed under the list's lock. */
inline wake()
{
	atomic {
		if
		:: listed[first] -> listed[first] = 0; claimed[first] = 1; n--; first = 1 - first
		:: !listed[first] && listed[1 - first] ->
			listed[1 - first] = 0; claimed[1 - first] = 1; n--
		:: else
		fi
	}
}

proctype pusher(byte v)
{
	byte pos;

	atomic { pos = tail; tail++ };			/* A, B */
	value[pos] = v;
	seq[pos] = pos + 1;				/* C */
#ifndef NO_TOLD
	if						/* H */
	:: n -> wake()
	:: else
	fi
#endif
}

inline try(ok)
{
	ok = 0;
	do
	:: h = head;
	   if
#ifndef NO_TURN
	   :: seq[h] != h + 1 && h == head -> break
	   :: seq[h] != h + 1 && h != head
#endif
	   :: atomic { (seq[h] == h + 1
#ifdef NO_TURN
			|| true
#endif
			) && head == h -> head++ };	/* D, E */
		assert(value[h] && !got[value[h]]);
		got[value[h]] = 1;
		ok = 1;
		break
	   :: seq[h] == h + 1 && head != h
	   fi
	od
}

proctype popper(bit me)
{
	byte h;
	bit ok, waited;

	try(ok);
	do
	:: ok -> break
	:: else ->
		waited = 1;
		atomic {				/* I */
			claimed[me] = 0;
			if
			:: n == 0 -> first = me
			:: else
			fi;
			listed[me] = 1; n++
		};
#ifndef NO_LOOK_AGAIN
		try(ok);				/* K */
		if
		:: ok ->
			atomic {
				if
				:: listed[me] -> listed[me] = 0; n--
				:: else
				fi
			};
			break
		:: else
		fi;
#endif
		claimed[me];				/* sleeps */
		try(ok)
	od;
#ifndef NO_PASS
	if
	:: waited && n && seq[head] == head + 1 -> wake()
	:: else
	fi
#else
	skip
#endif
}

init
{
	atomic {
		run pusher(1);
		run pusher(2);
		run popper(0);
		run popper(1)
	}
}
