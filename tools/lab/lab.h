/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the experiments of ksync-lab have in common.
 *
 * Each experiment runs in a process of its own, which is killed when the lab ends, and
 * so are those that it makes with lab_fork(): nothing is left behind, however the lab
 * ends.  What it finds it writes into memory that it shares with the lab.
 */
#ifndef KSYNC_LAB_H
#define KSYNC_LAB_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <tools.h>

#define LAB_PHASES	32
#define LAB_FACTS	96
#define LAB_LINE	128	/* apart by as much, no two CPUs contend for two things */

/**
 * enum lab_outcome - what came of a part of an experiment
 * @LAB_SEEN: the hazard was there, and had to be
 * @LAB_NOT_SEEN: it was not, within the bound
 * @LAB_GONE: with the cure it was not there
 * @LAB_STILL: it was
 * @LAB_CANNOT: this machine, or its user, cannot run it
 */
enum lab_outcome {
	LAB_SEEN,
	LAB_NOT_SEEN,
	LAB_GONE,
	LAB_STILL,
	LAB_CANNOT,
};

struct lab_phase {
	char name[64];
	char note[256];
	enum lab_outcome outcome;
};

struct lab_fact {
	char key[48];
	double value;
};

struct lab_record {
	unsigned int phases;
	unsigned int facts;
	struct lab_phase phase[LAB_PHASES];
	struct lab_fact fact[LAB_FACTS];
};

/**
 * struct experiment - a row of the lab's table
 * @name: the word by which it is run
 * @title: what list says of it
 * @run: does it
 */
struct experiment {
	const char *name;
	const char *title;
	void (*run)(void);
};

/* The words of all experiments: main.c. */
void lab_race(void);
void lab_ordering(void);
void lab_deadlock(void);
void lab_livelock(void);
void lab_starvation(void);
void lab_inversion(void);
void lab_aba(void);
void lab_wakeup(void);
void lab_sharing(void);
void lab_cost(void);
void lab_threading(void);
void lab_readers(void);
void lab_events(void);
void lab_actor(void);
void lab_crash(void);

extern struct lab_record *lab_record;

/* frame.c: to be called by experiments.  In texts a newline is a space. */
#define lab_printf	__attribute__((format(printf, 1, 2)))
#define lab_printf2	__attribute__((format(printf, 2, 3)))
#define lab_printf3	__attribute__((format(printf, 3, 4)))

void say(const char *format, ...) lab_printf;
/* A line as it is, indented: traces and tables. */
void show(const char *format, ...) lab_printf;
void bar(const char *label, double value, double most, const char *unit);
void fact(const char *key, double value);

/* The hazard has to be seen; with a cure it may not; and what cannot be run. */
void hazard(const char *name, bool seen, const char *format, ...) lab_printf3;
void cure(const char *name, bool seen, const char *format, ...) lab_printf3;
void cannot(const char *name, const char *format, ...) lab_printf2;

/* How many seconds the search for a hazard may take. */
extern double lab_seconds;
double now(void);
void nap(double seconds);
uint32_t dice(uint32_t *state);

/* As fork(); the child is killed when the caller ends. */
pid_t lab_fork(void);
void lab_end(pid_t pid);
void *lab_shared(size_t size);

/* @n threads run @fn, each on its element of @args; they begin together. */
void together(unsigned int n, void *(*fn)(void *arg), void *args, size_t size);
void begin_together(void);

unsigned int cpus_usable(void);
/* The calling thread runs on the @n-th of the usable CPUs alone. */
void on_cpu(unsigned int n);

/* The domain of an experiment, and what it lacks. */
struct ksync *lab_domain(void);
bool lab_has(struct ksync *d, uint64_t feature);
void lab_mutex(struct ksync *d, struct ksync_mutex *m, const char *name, unsigned int flags);

/* main.c: run one, and what it found. */
const struct experiment *experiment_find(const char *name);
const struct lab_record *experiment_run(const struct experiment *e);
/* 0 if there is no such fact. */
double fact_of(const struct lab_record *r, const char *key);
bool fact_is(const struct lab_record *r, const char *key);
void wrap(unsigned int indent, const char *text);

/* quiz.c: question @n of ten, or all for 0; with the answers, or asked for. */
enum quiz_mode { QUIZ_ASK, QUIZ_ANSWERS };
int quiz(unsigned int n, enum quiz_mode mode);

#endif /* KSYNC_LAB_H */
