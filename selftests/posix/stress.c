// SPDX-License-Identifier: GPL-2.0
/*
 * A stress for lost wake-ups: threads hammer one mutex and condition variable, one
 * semaphore and one read-write lock, with short timeouts, signals and cancellation
 * between.  At the end of each round all counts have to balance; the objects are
 * then destroyed, or forgotten, and made again in the same place, in another way.
 *
 *	stress [--rounds N] [--times N] [--threads N] [--seed N] [NAME...]
 *
 * A round is so many times what NAME says, by each thread: queue, gate, mutex, sem,
 * rwlock or mixed, which is all but the gate in turn; without names all six, one after
 * the other.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/hammer.h"
#include "lib/make.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static uint32_t rounds = 40, times = 30, threads = 6;
static uint64_t seed = 1;

static const struct scenario {
	const char *name;
	void (*op)(struct hand *h);
	uint32_t most_room;
} scenarios[] = {
	{ "queue", hammer_queue, 3 },
	{ "gate", hammer_gate, 3 },
	{ "mutex", hammer_mutex, 3 },
	{ "sem", hammer_sem, 3 },
	{ "rwlock", hammer_rwlock, 3 },
	{ "mixed", hammer_mixed, UINT32_MAX },
};

/* How the objects of a round are made, and what becomes of them after it. */
static struct {
	bool shared;
	uint32_t tickets, sem;
} made;

static int with_attributes(struct hand *h)
{
	static const int types[] = {
		PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE,
		PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ADAPTIVE_NP,
	};
	const int pshared = made.shared ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
	const struct mutex_sort sort = {
		.type = types[hand_random(h, ARRAY_SIZE(types))],
		.protocol = hand_once_in(h, 3) ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE,
		.robust = hand_once_in(h, 3) ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED,
		.pshared = pshared,
	};

	stuff.clock = hand_once_in(h, 2) ? CLOCK_MONOTONIC : CLOCK_REALTIME;
	return mutex_make(&stuff.mutex, sort) ||
		cond_make(&stuff.more, stuff.clock, pshared) ||
		cond_make(&stuff.room, stuff.clock, pshared) ||
		rwlock_make(&stuff.rwlock, hand_random(h, 3), pshared);
}

static int with_initializers(struct hand *h)
{
	static const pthread_mutex_t mutexes[] = {
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
		PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP,
	};
	static const pthread_rwlock_t rwlocks[] = {
		PTHREAD_RWLOCK_INITIALIZER, PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP,
	};
	static const pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

	stuff.mutex = mutexes[hand_random(h, ARRAY_SIZE(mutexes))];
	stuff.more = cond;
	stuff.room = cond;
	stuff.clock = CLOCK_REALTIME;
	stuff.rwlock = rwlocks[hand_random(h, ARRAY_SIZE(rwlocks))];
	return 0;
}

/* Timeouts are many, few or none: what is timed out goes on, and wakes others. */
static int make(struct hand *h, uint32_t most_room)
{
	const bool initializers = hand_once_in(h, 2);

	made.shared = !initializers && hand_once_in(h, 3);
	made.sem = hand_random(h, 3);
	stuff.room_for = most_room == UINT32_MAX ? most_room :
		hand_once_in(h, 2) ? 1 : most_room;
	made.tickets = hand_random(h, 2);
	stuff.tickets = made.tickets;
	stuff.timed = hand_once_in(h, 2) ? 1000 : hand_once_in(h, 2) ? 50 : 4;
	stuff.helpers = hand_once_in(h, 2) ? 50 : 2;
	return (initializers ? with_initializers(h) : with_attributes(h)) ||
		sem_init(&stuff.sem, made.shared, made.sem) ||
		sem_init(&stuff.back, made.shared, 0);
}

/* What nobody can know to be gone any more is forgotten now and then. */
static int unmake(struct hand *h)
{
	if (!made.shared && hand_once_in(h, 3))
		return 0;
	if (pthread_mutex_destroy(&stuff.mutex) || pthread_cond_destroy(&stuff.more) ||
	    pthread_cond_destroy(&stuff.room) || sem_destroy(&stuff.sem) ||
	    sem_destroy(&stuff.back) || pthread_rwlock_destroy(&stuff.rwlock))
		return 1;
	memset(&stuff.mutex, 0xa5, sizeof(stuff.mutex));
	memset(&stuff.more, 0xa5, sizeof(stuff.more));
	memset(&stuff.room, 0xa5, sizeof(stuff.room));
	memset(&stuff.sem, 0xa5, sizeof(stuff.sem));
	memset(&stuff.back, 0xa5, sizeof(stuff.back));
	memset(&stuff.rwlock, 0xa5, sizeof(stuff.rwlock));
	return 0;
}

static int sem_value(sem_t *sem)
{
	int value = -1;

	sem_getvalue(sem, &value);
	return value;
}

static void print_state(void)
{
	printf("# mutex: %d inside, taken %llu of %llu times\n", stuff.inside,
	       (unsigned long long)stuff.count, (unsigned long long)tally.locked);
	printf("# queue: %u tickets, began with %u, room for %u; gate: %u came\n", stuff.tickets,
	       made.tickets, stuff.room_for, stuff.came);
	printf("# semaphores: %d, began with %u; %d back\n", sem_value(&stuff.sem), made.sem,
	       sem_value(&stuff.back));
	printf("# read-write lock: x %llu, y %llu, written %llu of %llu times\n",
	       (unsigned long long)stuff.x, (unsigned long long)stuff.y,
	       (unsigned long long)stuff.written, (unsigned long long)tally.writes);
}

/* All is as if nobody had ever been there. */
static int balance(void)
{
	const char *what = NULL;

	if (stuff.inside || stuff.count != tally.locked || pthread_mutex_trylock(&stuff.mutex) ||
	    pthread_mutex_unlock(&stuff.mutex))
		what = "mutex";
	else if (stuff.tickets != made.tickets)
		what = "queue";
	else if (stuff.came)
		what = "gate";
	else if (sem_value(&stuff.sem) != (int)made.sem || sem_value(&stuff.back))
		what = "semaphore";
	else if (stuff.x != stuff.y || stuff.x != stuff.written || stuff.written != tally.writes ||
		 pthread_rwlock_trywrlock(&stuff.rwlock) || pthread_rwlock_unlock(&stuff.rwlock))
		what = "read-write lock";
	if (!what)
		return 0;
	printf("# the %s is not even\n", what);
	print_state();
	return 1;
}

/* What stands still ends the program: its threads would disturb all that comes after. */
static int play(const struct scenario *sc, struct hand *h)
{
	uint32_t i;
	int ret = 0;

	printf("#  RUN           global.%s ...\n", sc->name);
	for (i = 0; i < rounds && !ret; i++) {
		if (make(h, sc->most_room)) {
			printf("# cannot make the objects\n");
			return 1;
		}
		if (i && i % 1000 == 0)
			printf("# round %u of %u\n", i, rounds);
		ret = crew_round(sc->op, times, print_state);
		if (!ret)
			ret = balance();
		if (!ret && unmake(h)) {
			printf("# an object that nobody uses cannot be destroyed\n");
			ret = 1;
		}
	}
	if (ret)
		printf("# round %u of %u, threads %u, times %u, seed %llu\n", i, rounds, threads,
		       times, (unsigned long long)seed);
	return ret;
}

static void say_usage(void)
{
	fprintf(stderr, "usage: stress [--rounds N] [--times N] [--threads N] [--seed N]\n"
		"              [NAME...]\n"
		"N threads: an even number up to %d; NAME: queue, gate, mutex, sem, rwlock or mixed.\n",
		CREW_MOST);
	exit(2);
}

static uint32_t number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || !n || n > UINT32_MAX)
		say_usage();
	return n;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "times", required_argument, NULL, 't' },
		{ "threads", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			rounds = number(optarg);
		else if (c == 't')
			times = number(optarg);
		else if (c == 'n')
			threads = number(optarg);
		else if (c == 's')
			seed = number(optarg);
		else
			say_usage();
	}
	if (threads % 2 || threads > CREW_MOST)
		say_usage();
}

static bool is_chosen(const char *name, char **names)
{
	if (!*names)
		return true;
	while (*names && strcmp(*names, name))
		names++;
	return *names;
}

static int play_all(char **names, struct hand *h)
{
	unsigned int i, n = 0, bad = 0;
	int ret;

	for (i = 0; i < ARRAY_SIZE(scenarios); i++)
		n += is_chosen(scenarios[i].name, names);
	if (!n)
		say_usage();
	printf("TAP version 13\n1..%u\n", n);
	for (i = n = 0; i < ARRAY_SIZE(scenarios); i++) {
		if (!is_chosen(scenarios[i].name, names))
			continue;
		ret = play(&scenarios[i], h);
		bad += ret != 0;
		printf("%s %u %s\n", ret ? "not ok" : "ok", ++n, scenarios[i].name);
		if (ret < 0)
			break;
	}
	return bad;
}

int main(int argc, char **argv)
{
	const struct sigaction sa = { .sa_handler = hammer_signal };
	struct hand self = { 0 };
	int bad;

	parse(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGUSR1, &sa, NULL);
	hand_seed(&self, CREW_MOST, seed);
	crew_start(threads, seed);
	bad = play_all(argv + optind, &self);
	printf("# %llu timeouts, %llu waits cancelled, %llu signals\n",
	       (unsigned long long)tally.timeouts, (unsigned long long)tally.cancelled,
	       (unsigned long long)tally.signals);
	_exit(bad != 0);
}
