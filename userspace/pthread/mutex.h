/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What mutex.c and mutex_init.c share. */
#ifndef KSYNC_DROPIN_MUTEX_H
#define KSYNC_DROPIN_MUTEX_H

#include "dropin.h"

/* In the kind of a mutex: its type, and what else its attributes come to. */
#define TYPE		3	/* PTHREAD_MUTEX_NORMAL to ADAPTIVE_NP */
#define ROBUST		16
#define INHERIT		32
#define PROTECT_KIND	64
#define PSHARED		128

/* The kind of one that was destroyed. */
#define NOT_A_MUTEX	(-1)

static inline struct pt_mutex *of(const pthread_mutex_t *mutex)
{
	return (struct pt_mutex *)mutex;
}

static inline uint32_t read_word(const struct ksync_object *o)
{
	return __atomic_load_n(&o->cell->word, __ATOMIC_RELAXED);
}

#endif /* KSYNC_DROPIN_MUTEX_H */
