// SPDX-License-Identifier: GPL-2.0
/*
 * Programs: what a name stands for, which is all that has to be known to make the
 * program again.
 *
 *	123		the 123rd new one of this seed
 *	c7		the 7th of the corpus, by file name
 *	123.4		the 4th mutation of 123; and so on, 123.4.5
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

/* Most mutations are of what was found a short way from something known. */
#define DEPTH	3

/* splitmix64: Steele, Lea, Flood, OOPSLA 2014. */
uint64_t dice(uint64_t *rng)
{
	uint64_t z = *rng += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint64_t seed_of(uint64_t seed, const char *name)
{
	for (; *name; name++)
		seed = (seed ^ (unsigned char)*name) * 0x100000001b3ULL + 0x51;
	return dice(&seed);
}

static unsigned int pick_op(uint64_t *rng)
{
	static unsigned int total;
	unsigned int i, n;

	if (!total)
		for (i = 0; i < nr_ops; i++)
			total += ops[i].weight;
	n = dice(rng) % total;
	for (i = 0; n >= ops[i].weight; i++)
		n -= ops[i].weight;
	return i;
}

static void new_call(struct call *c, uint64_t *rng)
{
	const struct op *op;
	unsigned int i;

	memset(c, 0, sizeof(*c));
	c->op = pick_op(rng);
	op = &ops[c->op];
	for (i = 0; i < op->nr_args; i++)
		c->arg[i] = arg_random(&op->args[i], rng);
}

/* Half of them stay in one domain. */
static void generate(struct program *p, uint64_t *rng)
{
	const unsigned int domain = dice(rng) % DOMAINS;
	const bool stay = dice(rng) & 1;
	struct call *c;

	p->n = 4 + dice(rng) % (MAX_CALLS - 3);
	for (c = p->call; c < p->call + p->n; c++) {
		new_call(c, rng);
		if (stay && ops[c->op].nr_args && ops[c->op].args[0].type == ARG_FD &&
		    ops[c->op].args[0].par == DOMAIN_FD)
			c->arg[0] = domain;
	}
}

static void mutate_once(struct program *p, uint64_t *rng)
{
	const unsigned int at = dice(rng) % p->n;
	struct call *c = &p->call[at];
	const unsigned int rest = p->n - at;
	unsigned int i;

	switch (dice(rng) % 8) {
	case 0:
		if (p->n > 1)
			memmove(c, c + 1, (--p->n - at) * sizeof(*c));
		return;
	case 1:
	case 2:
		if (p->n == MAX_CALLS)
			return;
		memmove(c + 1, c, rest * sizeof(*c));
		p->n++;
		if (dice(rng) & 1)
			new_call(c, rng);
		return;
	case 3:
		new_call(c, rng);
		return;
	default:
		if (!ops[c->op].nr_args)
			return;
		i = dice(rng) % ops[c->op].nr_args;
		c->arg[i] = arg_random(&ops[c->op].args[i], rng);
	}
}

static bool base(struct program *p, const char *name)
{
	uint64_t rng = seed_of(sh->seed, name);
	uint32_t i;

	if (*name != 'c') {
		generate(p, &rng);
		return true;
	}
	i = strtoul(name + 1, NULL, 10);
	if (i >= sh->replayed)
		return false;
	*p = sh->corpus[i];
	return true;
}

/* Return: false: there is no such program. */
bool program_make(struct program *p, const char *name)
{
	char part[NAME_LEN];
	const char *dot = strchrnul(name, '.');
	uint64_t rng;
	int n;

	snprintf(part, sizeof(part), "%.*s", (int)(dot - name), name);
	if (!base(p, part))
		return false;
	while (*dot) {
		dot = strchrnul(dot + 1, '.');
		snprintf(part, sizeof(part), "%.*s", (int)(dot - name), name);
		rng = seed_of(sh->seed, part);
		for (n = 1 + dice(&rng) % 4; n; n--)
			mutate_once(p, &rng);
	}
	snprintf(p->name, sizeof(p->name), "%s", name);
	return true;
}

static unsigned int depth(const char *name)
{
	unsigned int n = 0;

	for (; *name; name++)
		n += *name == '.';
	return n;
}

/* The @n-th program of a run: from the corpus, of which all come once, or new. */
void program_next(struct program *p, uint64_t n)
{
	const uint32_t known = sh->corpus_nr;
	uint64_t rng = seed_of(sh->seed, "next") + n;
	char name[NAME_LEN];
	uint32_t i;

	if (n < sh->replayed || sh->replay) {
		*p = sh->corpus[n % sh->replayed];
		return;
	}
	snprintf(name, sizeof(name), "%llu", (unsigned long long)n);
	if (known && dice(&rng) & 1) {
		i = dice(&rng) % known;
		if (depth(sh->corpus[i].name) < DEPTH)
			snprintf(name, sizeof(name), "%.30s.%u", sh->corpus[i].name,
				 atomic_fetch_add(&sh->mutations[i], 1));
	}
	program_make(p, name);
}
