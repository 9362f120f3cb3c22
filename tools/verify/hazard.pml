/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hazard pointers, ksync/hazard.h and hazard.c, on TSO: each reader has a store buffer,
 * drained at any time, by its own fence, or by who frees, by membarrier(2).
 *
 * Objects 1 and 2; the link leads to 1 and then to 2, and 1 is retired; 0 is none.  Two
 * readers follow the link, one by its fences, and use what they found.
 *
 * @run asymmetric safety
 * @run fence safety -DFENCE
 *
 * @mutant NO_HEAVY asymmetric assertion userspace/models/src/hazard.c: return !membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
 * @mutant NO_LIGHT fence assertion userspace/models/include/ksync/hazard.h: __atomic_thread_fence(__ATOMIC_SEQ_CST);
 * @mutant NO_REREAD asymmetric assertion userspace/models/include/ksync/hazard.h: if (seen == p)
 * @mutant NO_LOOK asymmetric assertion userspace/models/src/hazard.c: used = *table_find(rec, node->object_);
 */
#define NOTHING	255

byte link = 1;
byte slot[2];
byte buffer[2] = NOTHING;	/* one store to the slot that others do not see yet */
bool freed[3];

inline drain(r)
{
	atomic {
		if
		:: buffer[r] != NOTHING -> slot[r] = buffer[r]; buffer[r] = NOTHING
		:: else
		fi
	}
}

/* A store goes into the buffer once there is room. */
inline set(p)
{
	atomic { buffer[me] == NOTHING -> buffer[me] = p }
}

active [2] proctype memory()
{
end:	do
	:: drain(_pid)
	od
}

proctype reader(byte me)
{
	byte p, seen, rounds;

	do
	:: rounds < 2 ->
		rounds++;
		p = link;
		do
		:: set(p);				/* A */
#if defined(FENCE) && !defined(NO_LIGHT)
		   atomic { buffer[me] == NOTHING };	/* B */
#endif
		   seen = link;				/* C */
#ifdef NO_REREAD
		   break
#else
		   if
		   :: seen == p -> break
		   :: else -> p = seen
		   fi
#endif
		od;
		assert(!freed[p]);			/* uses it */
		assert(!freed[p]);
		set(0)					/* G */
	:: break
	od
}

active proctype reclaimer()
{
	(_nr_pr == 5);
	link = 2;					/* D */
#if !defined(NO_HEAVY) && !defined(FENCE)
	drain(0);					/* E */
	drain(1);
#endif
#ifdef NO_LOOK
	freed[1] = 1
#else
	if
	:: slot[0] != 1 ->				/* F */
		if
		:: slot[1] != 1 -> freed[1] = 1
		:: else
		fi
	:: else
	fi
#endif
}

init
{
	atomic {
		run reader(0);
		run reader(1)
	}
}
