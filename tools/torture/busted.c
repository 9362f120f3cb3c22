// SPDX-License-Identifier: GPL-2.0
/*
 * The torture of what is broken: fast paths written wrong, here, and faults in the
 * module, which debug kernels' modules can be told to make (kmod/busted.h).  Each is
 * one test: the torture of its row must report what the fault causes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "sys.h"
#include "torture.h"

static uint32_t load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void store(uint32_t *word, uint32_t v)
{
	__atomic_store_n(word, v, __ATOMIC_RELAXED);
}

/* What may be between any two instructions: an interrupt, another task's turn. */
static void gap(struct slot *me)
{
	const struct timespec ts = { .tv_nsec = 500000 };
	uint32_t n = dice(me) % 400;

	if (chance(me, 2))
		sys(SYS_nanosleep, &ts, NULL);
	while (n--)
		asm volatile("" ::: "memory");
}

/* Look and take are two instructions. */
static int careless_lock(union thing *t, struct slot *me)
{
	uint32_t *word = &t->o.cell->word, v = load(word);

	if (v & KSYNC_TAKEN_)
		return ksync_lock_as_(&t->o, &me->self, 0);
	gap(me);
	store(word, v | me->self.handle);
	return 0;
}

/* It does not look who waits. */
static int forgetful_unlock(union thing *t, struct slot *me)
{
	(void)me;
	store(&t->o.cell->word, 0);
	return 0;
}

/* The entry is written after the look at the word, not before: no full barrier. */
static int late_reader(union thing *t, struct slot *me)
{
	struct ksync_thread *self = &me->self;

	if (load(&t->o.cell->word) != KSYNC_READ || !self->nslots || self->held)
		return ksync_rwlock_read_lock_as(&t->rwlock, self);
	gap(me);
	ksync_slot_set_(&t->o, ksync_slot_(&t->o, self->slot[0]), KSYNC_SLOT(t->o.id, 1U));
	self->held = 1;
	return 0;
}

static int careless_take(union thing *t, struct slot *me)
{
	uint32_t *word = &t->o.cell->word, v = load(word);

	if (!v || v & KSYNC_WAITERS)
		return (t->o.attr & 0xff) == KSYNC_KIND_SEM ? ksync_sem_wait(&t->sem) :
			ksync_event_wait(&t->event);
	gap(me);
	store(word, v - 1);
	return 0;
}

/* It posts in user space, though somebody waits. */
static int blind_post(union thing *t, struct slot *me)
{
	(void)me;
	__atomic_add_fetch(&t->o.cell->word, 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* Does anybody wait? Then change the word. */
static int early_look(union thing *t, struct slot *me)
{
	const uint32_t waiters = load(&t->o.cell->waiters);
	const struct timespec ts = { .tv_nsec = 3 * MSEC };

	(void)me;
	if (!waiters)
		sys(SYS_nanosleep, &ts, NULL);
	__atomic_add_fetch(&t->o.cell->word, 1, __ATOMIC_SEQ_CST);
	if (waiters)
		__atomic_add_fetch(&scene->count[1], ksync_waitq_wake(&t->waitq, INT_MAX),
				   __ATOMIC_SEQ_CST);
	return 0;
}

static int seldom_signal(union thing *cond, union thing *mutex, struct slot *me)
{
	(void)mutex;
	return chance(me, 4) ? ksync_cond_signal(&cond->cond) : 0;
}

/* Nothing wrong with that: it gives up often, where giving up may be what is wrong. */
static int impatient_lock(union thing *t, struct slot *me)
{
	const struct timespec until = to_timespec(in(dice(me) % (2 * MSEC)));

	return ksync_lock_timed_as_(&t->o, &me->self, CLOCK_MONOTONIC, &until);
}

static const struct verbs impatient_verbs = { .lock = impatient_lock };
static const struct verbs careless_lock_verbs = { .lock = careless_lock };
static const struct verbs forgetful_verbs = { .unlock = forgetful_unlock };
static const struct verbs late_verbs = { .read = late_reader };
static const struct verbs careless_take_verbs = { .take = careless_take };
static const struct verbs blind_verbs = { .give = blind_post };
static const struct verbs early_verbs = { .wake = early_look };
static const struct verbs seldom_verbs = { .signal = seldom_signal };

#define MASK(v)		(1U << (v))

/**
 * struct variant - something broken
 * @name: of the variant
 * @row: where it has to be found
 * @found: MASK() of what may be found first
 * @verbs: in user space; NULL: as the library has them
 * @fault: for the module's parameter; NULL: it is right
 */
static const struct variant {
	const char *name;
	const char *row;
	uint32_t found;
	const struct verbs *verbs;
	const char *fault;
} variants[] = {
	/* Or the owner whose word it has overwritten unlocks, and is told so. */
	{ "user-careless-mutex", "mutex", MASK(EXCLUSION) | MASK(WRONG_ANSWER),
		&careless_lock_verbs, NULL },
	{ "user-careless-spin", "spin", MASK(EXCLUSION) | MASK(WRONG_ANSWER),
		&careless_lock_verbs, NULL },
	{ "user-forgets-waiters", "mutex-strict", MASK(LOST_WAKEUP), &forgetful_verbs, NULL },
	{ "user-late-reader", "rwlock", MASK(EXCLUSION), &late_verbs, NULL },
	{ "user-careless-sem", "sem", MASK(COUNT) | MASK(LOST_WAKEUP), &careless_take_verbs, NULL },
	{ "user-blind-post", "sem", MASK(LOST_WAKEUP), &blind_verbs, NULL },
	{ "user-careless-event", "event-auto", MASK(EXCLUSION) | MASK(COUNT),
		&careless_take_verbs, NULL },
	{ "user-early-look", "waitq", MASK(LOST_WAKEUP), &early_verbs, NULL },
	{ "user-seldom-signal", "cond", MASK(LOST_WAKEUP), &seldom_verbs, NULL },

	{ "lock-leader", "mutex", MASK(LOST_WAKEUP), NULL, "lock-leader" },
	{ "lock-leader-spin", "spin", MASK(LOST_WAKEUP), NULL, "lock-leader" },
	{ "lock-arrival", "mutex-strict", MASK(LOST_WAKEUP), NULL, "lock-arrival:2" },
	{ "lock-give-up", "mutex-strict", MASK(LOST_WAKEUP) | MASK(WRONG_ANSWER) |
		MASK(UNTOLD_DEATH), &impatient_verbs, "lock-give-up" },
	{ "lock-steal", "mutex", MASK(EXCLUSION), NULL, "lock-steal:4" },
	{ "lock-steal-rwlock", "rwlock", MASK(EXCLUSION) | MASK(WRONG_ANSWER), NULL,
		"lock-steal:4" },
	{ "death-awaited", "mutex-strict", MASK(UNTOLD_DEATH), NULL, "death-awaited" },
	{ "death-alone", "mutex", MASK(UNTOLD_DEATH), NULL, "death-alone" },
	{ "no-boost", "boost", MASK(NO_BOOST), NULL, "no-boost" },
	{ "no-deboost", "mutex-ceiling", MASK(STILL_BOOSTED), NULL, "no-deboost" },
	{ "drain-leave", "rwlock", MASK(LOST_WAKEUP), NULL, "drain-leave:4" },
	{ "drain-blind", "rwlock-strict", MASK(EXCLUSION), NULL, "drain-blind:4" },
	{ "queue-wake-sem", "sem", MASK(LOST_WAKEUP), NULL, "queue-wake:16" },
	{ "queue-wake-event", "event-auto", MASK(LOST_WAKEUP), NULL, "queue-wake:16" },
	{ "queue-wake-waitq", "waitq", MASK(LOST_WAKEUP), NULL, "queue-wake:16" },
	{ "queue-timeout", "sem", MASK(COUNT) | MASK(LOST_WAKEUP), NULL, "queue-timeout" },
	{ "queue-fifo", "order", MASK(WRONG_ORDER), NULL, "queue-fifo" },
	{ "sem-twice", "sem", MASK(COUNT), NULL, "sem-twice:8" },
	{ "event-twice", "event-auto", MASK(EXCLUSION) | MASK(COUNT), NULL, "event-twice:8" },
	{ "event-one", "event-manual", MASK(LOST_WAKEUP), NULL, "event-one" },
	{ "waitq-compare", "waitq", MASK(LOST_WAKEUP), NULL, "waitq-compare" },
	{ "cond-turn", "cond", MASK(LOST_WAKEUP), NULL, "cond-turn:8" },
	{ "cond-killed", "order", MASK(LOST_WAKEUP), NULL, "cond-killed" },
	{ "many-twice", "wait-any", MASK(COUNT) | MASK(LOST_WAKEUP) | MASK(LEFT_BEHIND), NULL,
		"many-twice" },
	{ "many-keep", "wait-any", MASK(LOST_WAKEUP) | MASK(LEFT_BEHIND), NULL, "many-keep" },
	{ "watch-lost", "order", MASK(LOST_WAKEUP), NULL, "watch-lost" },
	{ "poll-lost", "poll", MASK(LOST_WAKEUP), NULL, "poll-lost:2" },
};

#define VARIANTS	(sizeof(variants) / sizeof(*variants))
#define PARAMETER	"/sys/module/ksync/parameters/fault"

static int set_fault(const char *fault)
{
	const int fd = open(PARAMETER, O_WRONLY | O_CLOEXEC);
	int ret = fd < 0 || write(fd, fault, strlen(fault)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}

/* How often the module has made the fault. */
static int fault_hits(void)
{
	char name[64];
	int hits = -1;
	FILE *f = fopen(PARAMETER, "re");

	if (!f)
		return -1;
	if (fscanf(f, "%63s %d", name, &hits) != 2)
		hits = -1;
	fclose(f);
	return hits;
}

static bool play(const struct variant *v, unsigned int seconds, unsigned int number)
{
	const struct scene *s;
	int hits = -1;
	bool found;

	if (v->fault && set_fault(v->fault)) {
		printf("ok %u - busted: %s # SKIP only modules of debug kernels have this fault\n",
		       number, v->name);
		return true;
	}
	s = stage_run(row_find(v->row), v->verbs ? v->verbs : &library_verbs,
		      seconds * watch_slow() * SEC);
	if (v->fault) {
		hits = fault_hits();
		set_fault("none");
	}
	found = v->found & MASK(s->violation) && s->violation;
	printf("# %s: %s: %s (%lld, %lld)\n", v->name, violation_name(s->violation), s->detail,
	       (long long)s->value[0], (long long)s->value[1]);
	if (hits >= 0)
		printf("# figure: busted %s: times made = %d times\n", v->name, hits);
	printf("# figure: busted %s: operations until found = %llu ops\n", v->name,
	       (unsigned long long)s->figure[F_OPERATIONS]);
	printf("# figure: busted %s: rounds until found = %llu rounds\n", v->name,
	       (unsigned long long)s->figure[F_ROUNDS]);
	printf("%sok %u - busted: %s is found in the row %s\n", found ? "" : "not ", number,
	       v->name, v->row);
	fflush(stdout);
	return found;
}

/** busted_all() - each of them; 0 if all are found */
int busted_all(unsigned int seconds)
{
	unsigned int i;
	int failed = 0;

	for (i = 0; i < VARIANTS; i++)
		failed += !play(&variants[i], seconds, i + 1);
	printf("1..%zu\n", VARIANTS);
	return failed;
}

/** busted_one() - that of a name */
int busted_one(const char *name, unsigned int seconds)
{
	unsigned int i;
	int failed;

	for (i = 0; i < VARIANTS; i++) {
		if (strcmp(variants[i].name, name))
			continue;
		failed = !play(&variants[i], seconds, 1);
		printf("1..1\n");
		return failed;
	}
	fprintf(stderr, "torture: there is no variant '%s'; the names are:\n", name);
	for (i = 0; i < VARIANTS; i++)
		fprintf(stderr, "  %s\n", variants[i].name);
	return 2;
}
