/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Attackers: processes of a user without any privilege but the group that may open
 * the device, charged to a memory cgroup of their own; and victims of another user,
 * who work meanwhile in another domain.
 *
 * The test itself is root and puts back what it changed of the machine.
 */
#ifndef KSYNC_SELFTESTS_ATTACKER_H
#define KSYNC_SELFTESTS_ATTACKER_H

#include <stdbool.h>
#include <stdint.h>
#include "task.h"

#define ATTACKER_UID	65534
#define VICTIM_UID	65533
#define DEVICE_GID	4711	/* stands for the group ksync */

/**
 * struct attacker - a process that attacks
 * @task: who
 * @fn: what it does, as that user: 0, or 1 with @failed set
 * @uid: user
 * @memcg: write itself there first; or NULL
 * @rtprio: RLIMIT_RTPRIO that it is given
 * @namespaces: CLONE_NEW*: it is in a container of these
 * @outsider: not even in the group
 * @fd: for @fn
 * @failed: line of the first ATTACK() that was false
 * @saw: the number in it
 * @go: for @fn and the test
 * @n: results
 */
struct attacker {
	struct task task;
	int (*fn)(struct attacker *a);
	unsigned int uid;
	const char *memcg;
	unsigned int rtprio;
	int namespaces;
	bool outsider;
	int fd;
	uint32_t failed;
	int64_t saw;
	uint32_t go;
	int64_t n[16];
};

/* In an attacker's function: what must be true. */
#define ATTACK_EQ(want, is) do {						\
	const int64_t is_ = (is);						\
	if (is_ != (want)) {							\
		a->failed = __LINE__;						\
		a->saw = is_;							\
		return 1;							\
	}									\
} while (0)

#define ATTACK(cond) ATTACK_EQ(1, !!(cond))

/* A new one, in shared memory; ends the program when there is no memory. */
struct attacker *attacker_new(int (*fn)(struct attacker *a));

/* Start it; 0 or an error. */
int attacker_start(struct attacker *a);

/* Wait for its end: what @fn returned, or minus the signal. */
int attacker_join(struct attacker *a);

/* Both. */
int attacker_run(struct attacker *a);

/* Let the group in, as the udev rule does; undo that. */
int device_share(void);
void device_unshare(void);

/* A memory cgroup below the root: 0 or an error. @max: in bytes, 0 for no limit. */
int memcg_make(const char *name, uint64_t max);
void memcg_remove(const char *name);
/* Bytes charged to it now, or at most ever; or a negative errno. */
int64_t memcg_current(const char *name);
int64_t memcg_peak(const char *name);
/* How many of its processes were killed for memory. */
int64_t memcg_oom_kills(const char *name);

/* Tell tools/vm/scan-log that the kernel is going to report such a kill. */
void memcg_oom_expected(bool begin);

#endif /* KSYNC_SELFTESTS_ATTACKER_H */
