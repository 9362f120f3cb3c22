/* SPDX-License-Identifier: GPL-2.0 */
/* The module itself, which tests take out and load again. */
#ifndef KSYNC_SELFTESTS_MODULE_H
#define KSYNC_SELFTESTS_MODULE_H

/* Its file, from the environment (KSYNC_KO=); NULL: not told, so do not unload it. */
const char *module_file(void);

/* Once: 0 or a negative errno. */
int module_delete(void);
/* As soon as the last dead task has left it. */
int module_unload(void);
/* And wait for the device. */
int module_load(const char *parameters);

#endif /* KSYNC_SELFTESTS_MODULE_H */
