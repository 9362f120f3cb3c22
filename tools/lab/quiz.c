// SPDX-License-Identifier: GPL-2.0
/*
 * Ten questions.  Each is answered by what an experiment has just found; where it found
 * something else than one should think, that is said, and is a failure.
 */
#include <stdio.h>
#include "lab.h"

#define CHOICES	4

/**
 * struct question - one of the ten
 * @text: asked
 * @choices: what may be answered
 * @experiment: decides it
 * @decide: which choice it is by that; -1: it does not say
 * @why: the figures that @decide looked at, and what they mean
 */
struct question {
	const char *text;
	const char *choices[CHOICES];
	const char *experiment;
	int (*decide)(const struct lab_record *r);
	void (*why)(const struct lab_record *r);
};

static bool phase_is(const struct lab_record *r, enum lab_outcome outcome)
{
	for (unsigned int i = 0; i < r->phases; i++)
		if (r->phase[i].outcome == outcome)
			return true;
	return false;
}

static bool went_well(const struct lab_record *r)
{
	return !phase_is(r, LAB_NOT_SEEN) && !phase_is(r, LAB_STILL);
}

static bool seen_and_cured(const struct lab_record *r)
{
	return went_well(r) && phase_is(r, LAB_SEEN) && phase_is(r, LAB_GONE);
}

static int decide_shared(const struct lab_record *r)
{
	const bool own_tls = !fact_of(r, "thread_tls") && fact_is(r, "thread_tls");

	if (!fact_of(r, "thread_memory"))
		return 3;
	return fact_of(r, "thread_files") ? own_tls ? 0 : 2 : 1;
}

static void why_shared(const struct lab_record *r)
{
	wrap(2, fact_of(r, "fork_memory") ? "A child of fork changed its parent's memory." :
	     "What a thread wrote, opened and changed was there for the other one, what a child\n"
	     "of fork wrote was not. A thread-local variable and the mask of signals stayed each\n"
	     "thread's own, and so do stack and registers.");
}

static int decide_model(const struct lab_record *r)
{
	const double mn = fact_of(r, "threads_mn"), tasks = fact_of(r, "tasks");

	return mn == 1 ? 1 : mn >= tasks ? 0 : 2;
}

static void why_model(const struct lab_record *r)
{
	printf("  %.0f tasks ran on %.0f threads of the kernel (1:1 took %.0f, N:1 %.0f).\n",
	       fact_of(r, "tasks"), fact_of(r, "threads_mn"), fact_of(r, "threads_11"),
	       fact_of(r, "threads_n1"));
	wrap(2, "The scheduler that ran them is Go's algorithm: tasks (G) on threads (M) with\n"
	     "processors (P), whose queues are stolen from.");
}

static int decide_readers(const struct lab_record *r)
{
	static const char * const keys[] = {
		"reads_mutex", "reads_rwlock", "reads_spin", "reads_sem",
	};
	int best = 0;

	for (int i = 1; i < CHOICES; i++)
		if (fact_of(r, keys[i]) > fact_of(r, keys[best]))
			best = i;
	return best;
}

static void why_readers(const struct lab_record *r)
{
	printf("  Reads a second: mutex %.0f, rwlock %.0f, spinlock %.0f, semaphore %.0f.\n",
	       fact_of(r, "reads_mutex"), fact_of(r, "reads_rwlock"), fact_of(r, "reads_spin"),
	       fact_of(r, "reads_sem"));
}

/* Each condition that was taken away ended the deadlock: these it needs. */
static int decide_coffman(const struct lab_record *r)
{
	static const char * const keys[] = {
		"broken_mutual_exclusion", "broken_hold_and_wait", "broken_no_preemption",
		"broken_circular_wait",
	};

	for (int i = 0; i < 4; i++)
		if (fact_of(r, keys[i]) != 1)
			return -1;
	return phase_is(r, LAB_SEEN) ? 2 : -1;
}

static void why_coffman(const struct lab_record *r)
{
	(void)r;
	wrap(2, "Without mutual exclusion, hold and wait, no preemption, or a circular wait there\n"
	     "was no deadlock. The fifth word, starvation, is another hazard: in ksync-lab\n"
	     "starvation one thread waits while all others go on, and nothing is a cycle.");
}

static int decide_aba(const struct lab_record *r)
{
	return seen_and_cured(r) && fact_of(r, "deceived") && fact_of(r, "doubled") ? 1 : -1;
}

static void why_aba(const struct lab_record *r)
{
	printf("  In %.0f pops %.0f compare-and-swaps took a value that had changed and come\n",
	       fact_of(r, "pops"), fact_of(r, "deceived"));
	puts("  back; one node was had twice. Tags and hazard pointers ended that.");
}

static int decide_epoll(const struct lab_record *r)
{
	return fact_of(r, "growth_epoll_wait") < fact_of(r, "growth_select") ? 0 : -1;
}

static void why_epoll(const struct lab_record *r)
{
	printf("  From 10 to 900 descriptors select took %.1f times as long, epoll %.1f times.\n",
	       fact_of(r, "growth_select"), fact_of(r, "growth_epoll_wait"));
	printf("  select ends at descriptor %.0f. But epoll is Linux's alone.\n",
	       fact_of(r, "select_limit"));
}

static int decide_reactor(const struct lab_record *r)
{
	return fact_is(r, "reactor_unread") ? fact_of(r, "reactor_unread") > 0 ? 0 : 1 : -1;
}

static void why_reactor(const struct lab_record *r)
{
	printf("  When epoll told, %.0f bytes were still to be read.\n",
	       fact_of(r, "reactor_unread"));
	if (fact_is(r, "proactor_unread"))
		printf("  When io_uring told, the bytes had been read, and %.0f were left.\n",
		       fact_of(r, "proactor_unread"));
}

static int decide_actor(const struct lab_record *r)
{
	return went_well(r) && fact_of(r, "counted") == fact_of(r, "sent") &&
		!fact_of(r, "sum_of_others") && fact_of(r, "sent_early") > 0 ? 1 : -1;
}

static void why_actor(const struct lab_record *r)
{
	printf("  %.0f messages, %.0f counted, no lock; %.0f sent before the first was read,\n",
	       fact_of(r, "sent"), fact_of(r, "counted"), fact_of(r, "sent_early"));
	puts("  and nobody else saw the actor's variable change.");
}

static int decide_inversion(const struct lab_record *r)
{
	return seen_and_cured(r) ? 3 : -1;
}

static void why_inversion(const struct lab_record *r)
{
	printf("  While high waited, medium had the CPU for %.1f ms; with inheritance %.1f ms.\n",
	       fact_of(r, "medium_ms_plain"), fact_of(r, "medium_ms_ksync"));
}

static int decide_while(const struct lab_record *r)
{
	return seen_and_cured(r) && (fact_of(r, "spurious") || fact_of(r, "stolen")) &&
		!fact_of(r, "stolen_while") ? 2 : -1;
}

static void why_while(const struct lab_record *r)
{
	printf("  With if, %.0f wake-ups came though nobody had signalled, and %.0f for what\n",
	       fact_of(r, "spurious"), fact_of(r, "stolen"));
	printf("  another one had taken; with while %.0f went on without the condition.\n",
	       fact_of(r, "stolen_while"));
}

static const struct question questions[] = {
	{ "What do threads within the same process share?",
	  { "memory and files; stack, registers and TLS are each one's own",
	    "memory, but not files", "everything, TLS too", "nothing" },
	  "cost", decide_shared, why_shared },
	{ "Go's goroutine scheduler uses which threading model?",
	  { "1:1", "N:1", "M:N" }, "threading", decide_model, why_model },
	{ "Which primitive is best for a read-heavy workload with rare writes?",
	  { "a mutex", "an rwlock", "a spinlock", "a semaphore" },
	  "readers", decide_readers, why_readers },
	{ "Which is NOT one of the four Coffman conditions for deadlock?",
	  { "mutual exclusion", "hold and wait", "starvation", "circular wait" },
	  "deadlock", decide_coffman, why_coffman },
	{ "What is the ABA problem in lock-free programming?",
	  { "two threads swap two values",
	    "a compare-and-swap succeeds though its value changed and came back",
	    "a compare-and-swap fails for ever", "two locks in opposite order" },
	  "aba", decide_aba, why_aba },
	{ "What advantage does epoll have over select?",
	  { "its cost does not grow with descriptors that are not ready",
	    "it runs on all systems", "it reads the data too" },
	  "events", decide_epoll, why_epoll },
	{ "In the reactor pattern, what does the event loop notify you about?",
	  { "that I/O is ready", "that I/O is complete", "that a thread is free" },
	  "events", decide_reactor, why_reactor },
	{ "How does Erlang's actor model handle concurrency?",
	  { "shared state with locks", "private state and asynchronous messages",
	    "one global lock", "transactions in memory" },
	  "actor", decide_actor, why_actor },
	{ "What is priority inversion?",
	  { "a low thread gets a high priority", "two threads exchange their priorities",
	    "a high thread starves all others",
	    "high waits for a lock of low, which medium keeps from the CPU" },
	  "inversion", decide_inversion, why_inversion },
	{ "Why must you use a while loop (not if) when waiting on a condition variable?",
	  { "while is faster", "the signal comes more than once",
	    "who is woken may find the condition false, and has to look again" },
	  "wakeup", decide_while, why_while },
};

#define QUESTIONS	(sizeof(questions) / sizeof(*questions))

/* The number of a choice, from 0; -1: none. */
static int ask(void)
{
	char line[64];

	printf("\nYour answer: ");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return -1;
	if (*line >= 'a' && *line < 'a' + CHOICES)
		return *line - 'a';
	return *line >= 'A' && *line < 'A' + CHOICES ? *line - 'A' : -1;
}

enum answered { RIGHT, WRONG, UNDECIDED };

static bool could_not_run(const struct lab_record *r)
{
	return went_well(r) && phase_is(r, LAB_CANNOT) && !phase_is(r, LAB_SEEN);
}

static enum answered put(unsigned int n, enum quiz_mode mode, int *failures)
{
	const struct question *q = &questions[n];
	const struct lab_record *r;
	int given = -1, found;
	char text[160];

	snprintf(text, sizeof(text), "Question %u: %s", n + 1, q->text);
	wrap(0, text);
	putchar('\n');
	for (int i = 0; i < CHOICES && q->choices[i]; i++)
		printf("  %c  %s\n", 'a' + i, q->choices[i]);
	if (mode == QUIZ_ASK)
		given = ask();
	printf("\nksync-lab %s:\n\n", q->experiment);
	fflush(stdout);
	r = experiment_run(experiment_find(q->experiment));
	found = q->decide(r);
	putchar('\n');
	if (found < 0 || !q->choices[found]) {
		const bool excused = could_not_run(r);

		*failures += !excused;
		puts(excused ? "This machine, or its user, cannot run what decides it.\n" :
		     "The experiment did not decide it this time.\n");
		return UNDECIDED;
	}
	printf("The answer: %c  %s\n", 'a' + found, q->choices[found]);
	q->why(r);
	if (mode == QUIZ_ASK)
		printf("%s\n", given == found ? "You were right." : "That was not your answer.");
	putchar('\n');
	fflush(stdout);
	return mode == QUIZ_ASK && given != found ? WRONG : RIGHT;
}

int quiz(unsigned int n, enum quiz_mode mode)
{
	const unsigned int first = n ? n - 1 : 0, last = n ? n : QUESTIONS;
	unsigned int right = 0;
	int failures = 0;

	for (unsigned int i = first; i < last; i++)
		right += put(i, mode, &failures) == RIGHT;
	printf(mode == QUIZ_ASK ? "Score: %u / %u\n" : "%u of %u were answered by experiments.\n",
	       right, last - first);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
