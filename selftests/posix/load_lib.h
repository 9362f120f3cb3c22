/* SPDX-License-Identifier: GPL-2.0 */
/* What load_lib.so gives to the programs that try it. */
#ifndef POSIX_LOAD_LIB_H
#define POSIX_LOAD_LIB_H

/* 0 when all went well in the constructor. */
int lib_constructed(void);
/* Its mutex; the argument is not used. */
int lib_lock(void *unused);
int lib_trylock(void *unused);
int lib_unlock(void *unused);
/* How often its routine has run, after pthread_once(). */
int lib_once(void);

#endif /* POSIX_LOAD_LIB_H */
