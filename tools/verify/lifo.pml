/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The stack with a tag, ksync/lifo.h: pop is its three steps, push its two, in every
 * order.  Two elements, 1 and 2, to begin with both on the stack, 1 on top; 0 is none.
 * Each of three threads pops, maybe once more, and pushes what it has, in any order.
 * What memory may reorder is in litmus/lifo-push.
 *
 * @run all safety
 *
 * @mutant NO_TAG all assertion userspace/models/include/ksync/lifo.h: below = (uint32_t)below | ((top >> 32) + 1) << 32;
 * @mutant NO_CAS_PUSH all assertion userspace/models/include/ksync/lifo.h: mine = (top >> 32 << 32) | (first + 1);
 */
byte top = 1, tag;
byte next[3];
byte had[3];
byte ended;

inline pop(i)
{
	do
	:: atomic { t = top; g = tag };			/* C */
	   if
	   :: t == 0 -> i = 0; break
	   :: else
	   fi;
	   n = next[t];					/* D */
	   atomic {					/* E */
		if
		:: top == t && tag == g ->
			top = n;
#ifndef NO_TAG
			tag = tag + 1;
#endif
			had[t]++;
			assert(had[t] == 1);
			i = t;
			break
		:: else
		fi
	   }
	od
}

inline push(i)
{
	do
	:: atomic { t = top; g = tag };
	   next[i] = t;					/* A */
	   atomic {					/* B */
		if
#ifdef NO_CAS_PUSH
		:: true ->
#else
		:: top == t && tag == g ->
#endif
			had[i]--;
			top = i;
			break
		:: else
		fi
	   }
	od
}

proctype thread()
{
	byte t, g, n, a, b;

	pop(a);
	if
	:: pop(b)
	:: skip
	fi;
	if
	:: a -> push(a)
	:: else
	fi;
	if
	:: b -> push(b)
	:: else
	fi;
	ended++
}

/* Both are there, once. */
active proctype judge()
{
	timeout;
	assert(ended == 3);
	assert(top && next[top] && next[next[top]] == 0 && next[top] != top)
}

init
{
	atomic {
		next[1] = 2;
		run thread();
		run thread();
		run thread()
	}
}
